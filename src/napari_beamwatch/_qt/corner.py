"""The text in the picture's corner: dose, rate, time, and how much is damaged by then."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Layer

from napari_beamwatch._napari.scale_bar import scale_bar_of, scale_bar_size
from napari_beamwatch._qt.fft.label_places import Box
from napari_beamwatch.movies import Movie
from napari_beamwatch.quantities import dose_text
from napari_beamwatch.results.place_map import drawn_places
from napari_beamwatch.results.result import Result

SIZE = 9
"""Of the letters, in points."""

CHARACTER, LINE = 0.97 * SIZE, 2.35 * SIZE
"""Width that no mean character exceeds and height of a line, in pixels of the screen."""

SPARE = 3
"""Characters by which the text may grow with the dose."""

PADDING = 10
"""Pixels of the screen from the text to the edges of the picture, and left free around it."""


def corner_text(movie: Movie, result: Result | None, frame: int) -> str:
    """What is known of a frame."""
    said = []
    if movie.dose is not None:
        sign = "≥ " if movie.pre_exposure is None else ""
        said.append(f"{sign}{dose_text(movie.dose[frame], 4)} e/Å²")
    if movie.dose_rate is not None:
        said.append(f"{movie.dose_rate:.3g} e/Å²/s")
    if movie.times is not None:
        said.append(f"{movie.times[frame]:.3g} s")
    lines = [" · ".join(said) or f"frame {frame + 1}"]
    if result is not None:
        lines += _damaged(result, frame)
    return "\n".join(lines)


def _damaged(result: Result, frame: int) -> list[str]:
    """How much of the lattice had changed by a frame; of runs that know no places, of windows."""
    places = drawn_places(result)
    table = places if len(places) else result.windows
    there = table["status"] != "no_lattice"
    changed = (table["onset_frame"] <= frame).fillna(False).to_numpy(bool)
    share = table["n_windows"].to_numpy(float) if len(places) else np.ones(len(table))
    total = share[there].sum()
    if not total:
        return []
    what = "of the lattice changed" if len(places) else "of windows damaged"
    return [f"{100 * share[changed].sum() / total:.0f} % {what}"]


class CornerText:
    """napari's text overlay, given back as it was."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        # napari 0.9 moved it; 0.8 has it on the viewer.
        canvas = getattr(viewer, "canvas", None)
        self._overlay: Any = viewer.text_overlay if canvas is None else canvas.overlays.text
        names = ("visible", "text", "position", "box", "color", "font_size")
        self._before = {
            name: getattr(self._overlay, name) for name in names if hasattr(self._overlay, name)
        }
        self._shown = False

    def show(self, movie: Movie, result: Result | None, frame: int) -> None:
        """Show what is known of a frame."""
        self._overlay.text = corner_text(movie, result, frame)
        if not self._shown:
            self._shown = True
            self._overlay.position = "bottom_left"
            self._overlay.font_size = SIZE
            self._overlay.visible = True

    def covered(self, layer: Layer) -> list[Box]:
        """What text and scale bar cover, in pixels of the screen from where a layer's data begin.

        What lies beyond them is out of sight, and no place to give way to.
        """
        canvas = getattr(self._viewer, "canvas", None)  # napari 0.8 tells no plugin its size
        if canvas is None:
            return []
        taken: dict[str, tuple[float, float]] = {}
        if self._shown:
            lines = self._overlay.text.split("\n")
            wide = (max(map(len, lines)) + SPARE) * CHARACTER
            taken[str(self._overlay.position)] = wide, len(lines) * LINE
        bar = scale_bar_of(self._viewer)
        if bar.visible:
            wide, high = scale_bar_size(self._viewer)
            beside, above = taken.get(str(bar.position), (0.0, 0.0))  # where both are in one corner
            taken[str(bar.position)] = wide + beside, high + above
        height, width = canvas.size
        camera = self._viewer.camera
        y, x = camera.zoom * (np.array(camera.center[-2:]) - layer.translate[-2:])
        return [
            _box(position, wide + 2 * PADDING, high + 2 * PADDING, (height, width), (y, x))
            for position, (wide, high) in taken.items()
        ]

    def hide(self) -> None:
        """Show nothing."""
        if self._shown:
            self._shown = False
            self._overlay.visible = False

    def close(self) -> None:
        """Give the overlay back as it was."""
        for name, value in self._before.items():
            setattr(self._overlay, name, value)


SIDES = {"top": -1, "middle": 0, "bottom": 1, "left": -1, "center": 0, "right": 1}
"""Of the picture from its middle, as napari calls them."""


def _box(
    position: str,
    wide: float,
    high: float,
    size: tuple[int, int],
    middle: tuple[float, float],
) -> Box:
    """What is covered at a border, and beyond the upper or lower one, of a picture of that size."""
    down, right = (SIDES[word] for word in position.split("_"))
    (height, width), (y, x) = size, middle
    beyond = height if down else 0
    return Box(
        x + right * (width - wide) / 2, y + down * (height + beyond - high) / 2, wide, high + beyond
    )
