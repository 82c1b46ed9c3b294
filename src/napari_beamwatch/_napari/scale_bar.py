"""napari's scale bar, which it leaves off: a picture of a known size shows how large it is."""

from __future__ import annotations

from typing import Any

from napari_beamwatch.movies import Movie


def show_scale_bar(viewer: Any, movie: Movie) -> None:
    """Show the scale bar of a viewer, if there is one, for a movie whose pixel size is known."""
    if viewer is None or movie.pixel_size is None:
        return
    # napari 0.9 moved it; 0.8 has it on the viewer.
    canvas = getattr(viewer, "canvas", None)
    bar = viewer.scale_bar if canvas is None else canvas.overlays.scale_bar
    bar.visible = True
