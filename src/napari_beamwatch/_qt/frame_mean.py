"""The mean of a few frames on the picture: of one alone a faint lattice is lost in noise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from napari_beamwatch._napari.placement import Placement
from napari_beamwatch.movies import Movie

NOISE_SHOWN = 4.0
"""Standard deviations between black or white and the mean."""


class FrameMean:
    """Lets napari show the mean of neighbouring frames; nothing that is measured changes."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._layer: Any = None
        self._before: tuple[Any, Any] | None = None

    def show(self, layer: Any, movie: Movie, placement: Placement, frames: int, at: int) -> None:
        """Show the mean of so many frames around the one in sight (`at`) of a movie's layer."""
        if layer is not self._layer:
            self.reset()
        if frames <= 1:
            self.reset()
            return
        if self._before is None:
            self._layer, self._before = layer, (layer.projection_mode, layer.contrast_limits)
        layer.projection_mode = "mean"
        step = placement.scale[0]
        self._set_margins(frames // 2 * step, (frames - 1) // 2 * step)
        image = np.asarray(movie.frame(at), np.float32)
        mean, noise = float(np.nanmean(image)), float(np.nanstd(image)) / math.sqrt(frames)
        low = max(float(np.nanmin(image)), mean - NOISE_SHOWN * noise)
        if noise > 0:
            layer.contrast_limits = (low, mean + NOISE_SHOWN * noise)

    def reset(self) -> None:
        """Show single frames again, as they were shown before."""
        if self._before is not None:
            self._layer.projection_mode, self._layer.contrast_limits = self._before
            self._set_margins(0.0, 0.0)
        self._layer = self._before = None

    def _set_margins(self, before: float, after: float) -> None:
        dims = self._viewer.dims
        if dims.ndim < 3:
            return
        for name, margin in (("margin_left", before), ("margin_right", after)):
            margins = list(getattr(dims, name))
            margins[-3] = margin
            setattr(dims, name, tuple(margins))
