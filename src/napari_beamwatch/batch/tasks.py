"""Which movies a batch is about, and the folder that the run of each goes to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.names import unpacked_name
from napari_beamwatch.movies.sidecars.own import movies_of

PathLike = str | os.PathLike[str]


class SameFolderError(BeamwatchError):
    """Two movies that would be written to one folder."""


@dataclass(frozen=True)
class Task:
    """One movie of a batch.

    Attributes
    ----------
    source : str
        The movie, as it was named.
    folder : Path
        Of its run.
    """

    source: str
    folder: Path

    @property
    def name(self) -> str:
        """What people call it."""
        return _stem(Path(self.source).expanduser())


def tasks_of(files: Sequence[PathLike], out: Path, table: Path | None = None) -> list[Task]:
    """A task for each movie, whether it is there or not: a single file's run is `out` itself.

    Parameters
    ----------
    files : sequence of path
    out : Path
    table : Path, optional
        Names more of them.

    Raises
    ------
    SameFolderError
        If two would be written to one folder.
    BeamwatchError
        If the table is none, or there is no movie at all.
    """
    named = [os.fspath(file) for file in (*files, *(movies_of(table) if table else ()))]
    sources = list({_where(one): one for one in reversed(named)}.values())[::-1]
    if not sources:
        raise BeamwatchError("no movie was named")
    if len(sources) == 1 and table is None:
        return [Task(sources[0], out)]
    tasks: dict[str, Task] = {}
    for source in sources:
        stem = _stem(Path(source).expanduser())
        # Many disks take A and a for one name.
        other = tasks.setdefault(stem.casefold(), Task(source, out / stem))
        if other.source != source:
            raise SameFolderError(
                f"{other.source} and {source} would both be written to {other.folder}"
            )
    return list(tasks.values())


def _where(source: str) -> str:
    """The same for two ways to write one path."""
    return os.path.abspath(Path(source).expanduser())


def _stem(path: Path) -> str:
    """Name of a movie without folder and endings, as its run folder is called."""
    named = path if path.name else path.resolve()
    return Path(unpacked_name(named)).stem or "movie"
