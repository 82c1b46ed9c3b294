"""napari's reader hook for a run that was saved: its ``run.json``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from napari import current_viewer

from napari_beamwatch._napari.hooks import say_where_files_go
from napari_beamwatch._napari.layers import LayerData, movie_layer
from napari_beamwatch._napari.ours import RESULT
from napari_beamwatch._napari.scale_bar import show_scale_bar
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.results.loading import load_result
from napari_beamwatch.results.run_folder import RECORD


class MovieMovedError(BeamwatchError):
    """The movie of a run is not where it was: somebody has to say where it is."""


def get_reader(path: str | Sequence[str] | None = None) -> Callable[[str], list[LayerData]] | None:
    """A reader for a run folder, or the ``run.json`` in it."""
    if path is None:
        say_where_files_go()
    if not isinstance(path, str):
        return None
    ours = Path(path).name == RECORD or Path(path).is_dir()
    return _read_into_view if ours and _record(path).is_file() else None


def _record(path: str) -> Path:
    return Path(path) / RECORD if Path(path).is_dir() else Path(path)


def _read_into_view(path: str) -> list[LayerData]:
    (made,) = read(str(_record(path)))
    show_scale_bar(current_viewer(), made[1]["metadata"]["movie"])
    return [made]


def read(path: str, movie: Path | None = None) -> list[LayerData]:
    """The run's movie as a layer that carries the result.

    Parameters
    ----------
    path : str
        Of the ``run.json``.
    movie : Path, optional
        Where the movie is now, if it has moved.

    Raises
    ------
    MovieMovedError
        If the movie is not where it was.
    """
    result = load_result(Path(path).parent, movie=movie)
    if result.movie is None:
        raise MovieMovedError(" ".join(result.notes) or "the movie of this run was not found")
    data, known, kind = movie_layer(result.movie)
    known["metadata"][RESULT] = result
    return [(data, known, kind)]
