"""Which files beside a movie are about it, by their names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.harmless import printable
from napari_beamwatch.movies.formats.stills import CONDITIONS
from napari_beamwatch.movies.names import STORES, unpacked_name
from napari_beamwatch.movies.sidecars.direct_electron import read_info
from napari_beamwatch.movies.sidecars.epu_xml import read_epu
from napari_beamwatch.movies.sidecars.mdoc import read_mdoc
from napari_beamwatch.movies.sidecars.own import read_campaign, read_csv, read_yaml
from napari_beamwatch.movies.sidecars.words import Reader, Words

_EPU_MOVIE = re.compile(r"_(?:fractions|eer)$", re.IGNORECASE)
_DE_MOVIE = re.compile(r"_movie$", re.IGNORECASE)


@dataclass(frozen=True)
class Heard:
    """What stands beside a movie.

    Attributes
    ----------
    words : tuple of Words
        The most trusted first.
    warnings : tuple of str
        Instruments' files that are not used, and why.
    """

    words: tuple[Words, ...] = ()
    warnings: tuple[str, ...] = ()

    def first(self, name: str, *, own: bool) -> float | None:
        """A quantity as the most trusted of the user's own files, or of the others, states it."""
        told = (getattr(one, name) for one in self.words if one.own is own)
        return next((value for value in told if value is not None), None)


def hear(movie: Path) -> Heard:
    """Read all files beside a movie that are about it by their names.

    Raises
    ------
    BeamwatchError
        If one that the user wrote cannot be understood: it is theirs to correct. What an
        instrument wrote is left alone then, with a warning.
    """
    words: list[Words] = []
    warnings: list[str] = []
    for path, read, own in _candidates(movie):
        if not _lies_there(path):
            continue
        try:
            words.append(read(path, movie))
        except BeamwatchError as error:
            if own:
                raise BeamwatchError(
                    f"{error} (a file beside the movie: correct it, or open without sidecars)"
                ) from None
            warnings.append(printable(f"{path.name} beside the movie is not used: {error}"))
    return Heard(tuple(words), tuple(warnings))


def _candidates(movie: Path) -> Iterator[tuple[Path, Reader, bool]]:
    """Files that may be there, the most trusted first, and whether they are the user's own."""
    folder, name = movie.parent, unpacked_name(movie)
    is_series = movie.is_dir() and movie.suffix.casefold() not in STORES
    stem = name if is_series else Path(name).stem
    for ending in (".yaml", ".yml"):
        yield folder / f"{stem}{ending}", read_yaml, True
    if movie.suffix.casefold() != ".csv":
        yield folder / f"{stem}.csv", read_csv, True
    yield folder / CONDITIONS, read_campaign, True
    for mdoc in dict.fromkeys((f"{movie.name}.mdoc", f"{name}.mdoc", f"{stem}.mdoc")):
        yield folder / mdoc, read_mdoc, False
    for xml in dict.fromkeys((stem, _EPU_MOVIE.sub("", stem))):
        yield folder / f"{xml}.xml", read_epu, False
    for info in dict.fromkeys((stem, _DE_MOVIE.sub("", stem))):
        yield folder / f"{info}_info.txt", read_info, False


def _lies_there(path: Path) -> bool:
    """Whether a file lies in that folder: a link may lead to any other file of the machine."""
    try:
        return path.is_file() and os.path.dirname(os.path.realpath(path)) == os.path.realpath(
            path.parent
        )
    except (OSError, ValueError):
        return False
