"""napari's reader hook for a run that was saved: its ``run.json``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from napari import current_viewer

from napari_beamwatch._napari.layers import LayerData, movie_layer
from napari_beamwatch._napari.scale_bar import show_scale_bar
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.results.loading import load_result

RESULT = "beamwatch_result"
"""Key in the metadata of a movie's layer that came with a result: the panel shows it."""


class MovieMovedError(BeamwatchError):
    """The movie of a run is not where it was: somebody has to say where it is."""


def get_reader(path: str | Sequence[str]) -> Callable[[str], list[LayerData]] | None:
    """A reader for the ``run.json`` of a run folder."""
    ours = isinstance(path, str) and Path(path).name == "run.json" and Path(path).is_file()
    return _read_into_view if ours else None


def _read_into_view(path: str) -> list[LayerData]:
    (made,) = read(path)
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
