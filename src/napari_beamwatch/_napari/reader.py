"""napari's reader hook: claims movies, and declines everything else without reading pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from napari import current_viewer
from napari.utils.notifications import show_info, show_warning

from napari_beamwatch._napari.hooks import say_where_files_go
from napari_beamwatch._napari.layers import LayerData, movie_layer
from napari_beamwatch._napari.scale_bar import show_scale_bar
from napari_beamwatch.harmless import printable
from napari_beamwatch.movies import Movie
from napari_beamwatch.movies.formats.stills import holds_stills
from napari_beamwatch.movies.opening import holds_movie, open_movie
from napari_beamwatch.results.ome_tiff import read_picture

Paths = str | Sequence[str]


def get_reader(path: Paths | None = None) -> Callable[[Paths], list[LayerData]] | None:
    """A reader for `path`, or None unless it is a movie (2D + t) of ours, or a folder of stills.

    EER files are claimed outright, so that a damaged one gets its explanation; of other
    formats the header decides.
    """
    if path is None:
        say_where_files_go()
        return None
    if isinstance(path, str):
        ours = path.lower().endswith(".eer") or holds_movie(Path(path)) or holds_stills(Path(path))
        ours = ours and read_picture(Path(path)) is None  # a map is no movie of so many frames
    else:
        ours = len(path) > 1 and all(Path(one).is_file() for one in path)
    return read if ours else None


def read(path: Paths) -> list[LayerData]:
    """Open a movie as a layer; what is odd about it is said."""
    movie = open_movie(path if isinstance(path, str) else list(path))
    tell_of(movie)
    show_scale_bar(current_viewer(), movie)
    return [movie_layer(movie)]


def tell_of(movie: Movie) -> None:
    """Say how the frames were made, and what is odd."""
    for note in movie.notes:
        if note.startswith("fractionation"):
            show_info(printable(f"{movie.name}: {note}"))
    if movie.warnings:
        said = (printable(f"{movie.name}: {warning}") for warning in movie.warnings)
        show_warning("\n".join(said))
