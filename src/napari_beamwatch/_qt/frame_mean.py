"""The mean of a few frames on the picture: of one alone a faint lattice is lost in noise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from napari_beamwatch._napari.layers import SMOOTH
from napari_beamwatch._napari.placement import Placement
from napari_beamwatch.movies import Movie
from napari_beamwatch.movies.display import BRIGHTEST, DARKEST

CHANGED = ("contrast_limits", "interpolation2d")
"""Of the layer, and given back unless the user has chosen others meanwhile."""

ENOUGH = 0.5
"""Electrons a pixel of which a lattice is seen by eye."""

MOST_PIXELS = 8e6
"""To be read for one picture, or the slider would be slow."""

SHORTEST = 10
"""Times that the mean of a short record is shorter than it."""


def usual_mean(movie: Movie) -> int:
    """Frames whose mean shows a lattice and is made in a moment."""
    pixels = movie.shape[1] * movie.shape[2]
    most = int(min(MOST_PIXELS / pixels, len(movie) / SHORTEST))
    dose, size = movie.frame_dose, movie.pixel_size
    if dose is None or size is None or most < 1:
        return 1
    each = float(np.median(dose)) * size**2
    return min(most, math.ceil(ENOUGH / each)) if each > 0 else 1


class FrameMean:
    """Lets napari show the mean of neighbouring frames; nothing that is measured changes."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._layer: Any = None
        self._before: dict[str, Any] | None = None
        self._ours: dict[str, Any] = {}
        self._projection: Any = None

    def show(self, layer: Any, movie: Movie, placement: Placement, frames: int, at: int) -> None:
        """Show the mean of so many frames around the one in sight (`at`) of a movie's layer."""
        if layer is not self._layer:
            self.reset()
        if frames <= 1:
            self.reset()
            return
        if self._before is None:
            self._layer, self._ours, self._projection = layer, {}, layer.projection_mode
            self._before = {name: getattr(layer, name) for name in CHANGED}
        step = placement.scale[0]
        self._set_margins(frames // 2 * step, (frames - 1) // 2 * step)
        layer.projection_mode = "mean"
        self._put("interpolation2d", SMOOTH)
        image = np.asarray(movie.frame(at), np.float32)
        image = image[np.isfinite(image)]
        noise = float(image.std()) / math.sqrt(frames) if len(image) else 0.0
        if noise > 0:
            mean, least = float(image.mean()), float(image.min())
            low, high = max(least, mean - DARKEST * noise), mean + BRIGHTEST * noise
            self._put("contrast_limits", (low, high))

    def pause(self) -> None:
        """Show single frames until the mean is shown again."""
        if self._before is not None:
            self._layer.projection_mode = self._projection
            self._set_margins(0.0, 0.0)

    def reset(self) -> None:
        """Show single frames again, as they were shown before."""
        self.pause()
        for name, value in (self._before or {}).items():
            if name in self._ours and getattr(self._layer, name) == self._ours[name]:
                setattr(self._layer, name, value)
        self._layer = self._before = None

    def _put(self, name: str, value: object) -> None:
        """Change the layer, but not what the user has changed since."""
        if name not in self._ours or getattr(self._layer, name) == self._ours[name]:
            setattr(self._layer, name, value)
            self._ours[name] = getattr(self._layer, name)

    def _set_margins(self, before: float, after: float) -> None:
        dims = self._viewer.dims
        if dims.ndim < 3:
            return
        for name, margin in (("margin_left", before), ("margin_right", after)):
            margins = list(getattr(dims, name))
            if margins[-3] != margin:
                # Of a mean each change would read all its frames.
                self._layer.projection_mode = "none"
                margins[-3] = margin
                setattr(dims, name, tuple(margins))
