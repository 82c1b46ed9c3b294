"""napari's scale bar, which it leaves off: a picture of a known size shows how large it is."""

from __future__ import annotations

from typing import Any

from napari_beamwatch.movies import Movie

LONGEST = 153
"""Pixels of the screen that a bar takes whose length nobody set."""

TICKS = 11
"""Height of the bar below its number, in pixels of the screen."""

LINE = 2.35
"""Pixels of the screen that no line of letters exceeds in height, for each point of their size."""


def show_scale_bar(viewer: Any, movie: Movie) -> None:
    """Show the scale bar of a viewer, if there is one, for a movie whose pixel size is known."""
    if viewer is not None and movie.pixel_size is not None:
        scale_bar_of(viewer).visible = True


def scale_bar_of(viewer: Any) -> Any:
    """The scale bar of a viewer."""
    # napari 0.9 moved it; 0.8 has it on the viewer.
    canvas = getattr(viewer, "canvas", None)
    return viewer.scale_bar if canvas is None else canvas.overlays.scale_bar


def scale_bar_size(viewer: Any) -> tuple[float, float]:
    """Width and height that the scale bar of a viewer takes at most, in pixels of the screen."""
    bar = scale_bar_of(viewer)
    wide = LONGEST if bar.length is None else max(LONGEST, bar.length * viewer.camera.zoom)
    return wide, LINE * bar.font_size + TICKS
