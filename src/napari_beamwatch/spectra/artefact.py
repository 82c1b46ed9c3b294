"""What stands out in spectra and is no lattice, and the peaks among which it is looked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.spectra.windows import Grid

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Kind = Literal["streak", "lines", "fixed pattern", "blocks"]

SAME = 0.6
"""Bins within which peaks of different windows are one frequency."""

BLOCK = 8
"""Pixels of the blocks in which video is coded."""


@dataclass(frozen=True)
class Artefact:
    """Something in the spectra that is no lattice.

    Attributes
    ----------
    kind : {"streak", "lines", "fixed pattern", "blocks"}
    gy, gx : float
        Cycles per pixel; NaN along a streak, 0 across it.
    windows : int
        In how many it is.
    """

    kind: Kind
    gy: float
    gx: float
    windows: int

    @property
    def note(self) -> str:
        """What it is, in words."""
        if self.kind == "streak":
            line, lies = ("gx", "upright") if np.isnan(self.gx) else ("gy", "level")
            return (
                f"a streak along {line} in {self.windows} windows: an edge or seam that lies {lies}"
            )
        d = 1 / np.hypot(self.gy, self.gx)
        if self.kind == "fixed pattern":
            return f"d = {d:.4g} px stands still on the detector while the specimen drifts"
        if self.kind == "blocks":
            return f"d = {d:.4g} px of the blocks of {BLOCK} pixels in which video is coded"
        name = "columns" if abs(self.gx) > abs(self.gy) else "rows"
        return f"{name} of the detector every {d:.4g} px, in nearly all windows alike"

    def finer(self, by: int) -> Artefact:
        """The same in pixels of which `by` make up one of those it was told in."""
        return replace(self, gy=self.gy / by, gx=self.gx / by)


@dataclass(frozen=True, eq=False)
class PeakTable:
    """Peaks of windows, one row each.

    Attributes
    ----------
    window : array of int64
    gy, gx : array of float64
        Cycles per pixel.
    snr : array of float64
    """

    window: NDArray[np.int64]
    gy: Floats
    gx: Floats
    snr: Floats

    def on_axis(self, grid: Grid, along_x: bool) -> Mask:
        """Peaks that lie on an axis, within what one window tells."""
        across = self.gy if along_x else self.gx
        along = self.gx if along_x else self.gy
        near = np.abs(across) * grid.window < 0.75
        return np.asarray(near & (np.abs(along) > np.abs(across)), np.bool_)


def distinct(artefacts: Sequence[Artefact], grid: Grid) -> tuple[Artefact, ...]:
    """Artefacts of several stretches of time, each once."""
    kept: list[Artefact] = []
    for one in sorted(artefacts, key=lambda one: -one.windows):
        alike = (
            other
            for other in kept
            if other.kind == one.kind
            and np.nan_to_num(np.hypot(other.gy - one.gy, other.gx - one.gx)) * grid.window < 1
            and np.isnan(other.gx) == np.isnan(one.gx)
        )
        if next(alike, None) is None:
            kept.append(one)
    return tuple(kept)
