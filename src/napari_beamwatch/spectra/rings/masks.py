"""Which bins of which windows hold the spots of large crystals, and are no part of a ring.

A ring is made of spots, too: of grains no larger than a window. What tells them from those of a
large crystal is that its spots are the same in windows that do not overlap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.compiling import kernel
from napari_beamwatch.spectra.artefact import PeakTable
from napari_beamwatch.spectra.finding import Peaks
from napari_beamwatch.spectra.windows import Grid

Floats = NDArray[np.float64]

SAME = 0.7
"""Bins within which spots of two windows are the same."""

SHARE = 0.25
"""Of the windows around one that do not overlap it, those that must have a spot too, for it to
be that of a large crystal."""

LOBE = 2.0
"""Bins around a spot that its main lobe reaches under a Hann taper."""

FAINT = 20.0
"""Signal-to-noise ratio of spots of which no more than the main lobe is seen."""


@dataclass(frozen=True, eq=False)
class LatticeSpots(PeakTable):
    """Peaks that are spots of lattices."""

    @classmethod
    def none(cls) -> LatticeSpots:
        """No spots."""
        nothing = np.empty(0)
        return cls(np.empty(0, np.int64), nothing, nothing, nothing)

    @classmethod
    def of_peaks(cls, peaks: Peaks) -> LatticeSpots:
        """Where peaks were found, in each segment of time in which they were."""
        peak, segment = np.nonzero(peaks.seen)
        gy, gx = peaks.at[peak, segment].T
        return cls(peaks.window[peak], gy, gx, peaks.power[peak, segment])

    def coarser(self, by: int) -> LatticeSpots:
        """The same in pixels `by` times as large."""
        return LatticeSpots(self.window, self.gy * by, self.gx * by, self.snr)

    def taken(self, which: NDArray[np.bool_]) -> LatticeSpots:
        """Some of them."""
        return LatticeSpots(self.window[which], self.gy[which], self.gx[which], self.snr[which])

    def large(self, grid: Grid) -> LatticeSpots:
        """Those of crystals that are larger than a window."""
        order = np.argsort(self.window, kind="stable")
        first = np.searchsorted(self.window[order], np.arange(len(grid) + 1))
        around = -(-grid.window // grid.step)
        large = np.zeros(len(order), bool)
        spots = np.column_stack([self.gy, self.gx])[order] * grid.window
        mark_large(spots, self.window[order], first, np.array(grid.shape), around, large)
        return self.taken(order[large])  # type: ignore[arg-type]

    def bins(self, grid: Grid, windows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Bins (windows, rows, columns) that these spots reach, and their Friedel mates'."""
        out = np.zeros((len(windows), grid.window, grid.window // 2 + 1), bool)
        place = np.full(len(grid), -1, np.int64)
        place[windows] = np.arange(len(windows))
        here = place[self.window]
        # Side lobes of a crystal that ends inside a window fall about as the square.
        reach = LOBE * np.maximum(self.snr / FAINT, 1) ** 0.25
        for sign in (1, -1):
            fill_discs(here, sign * self.gy * grid.window, sign * self.gx * grid.window, reach, out)
        return out


@kernel()
def mark_large(
    spots: Floats,
    window: NDArray[np.int64],
    first: NDArray[np.int64],
    shape: NDArray[np.int64],
    around: int,
    large: NDArray[np.bool_],
) -> None:
    """Mark spots that enough of the nearest windows that do not overlap theirs have too.

    Parameters
    ----------
    spots : array (spot, 2)
        In bins, in order of their windows.
    window : array (spot,)
    first : array (windows + 1,)
        First spot of each window.
    shape : (rows, columns)
        Of windows.
    around : int
        Windows from one to the next that does not overlap it.
    large : array of bool (spot,)
        Overwritten.
    """
    rows, columns = shape
    for i in range(len(spots)):
        row, column = window[i] // columns, window[i] % columns
        asked = found = 0
        for dy in range(-1, 2):
            for dx in range(-1, 2):
                y, x = row + dy * around, column + dx * around
                if (dy == 0 and dx == 0) or not (0 <= y < rows and 0 <= x < columns):
                    continue
                asked += 1
                w = y * columns + x
                for j in range(first[w], first[w + 1]):
                    plus = (spots[j, 0] - spots[i, 0]) ** 2 + (spots[j, 1] - spots[i, 1]) ** 2
                    minus = (spots[j, 0] + spots[i, 0]) ** 2 + (spots[j, 1] + spots[i, 1]) ** 2
                    if min(plus, minus) < SAME**2:
                        found += 1
                        break
        large[i] = found > 0 and found >= SHARE * asked


@kernel()
def fill_discs(
    place: NDArray[np.int64], gy: Floats, gx: Floats, reach: Floats, out: NDArray[np.bool_]
) -> None:
    """Set the bins of discs, those of the rows that wrap included.

    Parameters
    ----------
    place : array of int
        Which of the windows of `out`; below 0 for none.
    gy, gx, reach : array
        Middle and radius of each disc in bins.
    out : array of bool (windows, rows, columns)
        Set where a disc is.
    """
    rows, columns = out.shape[1:]
    for i in range(len(place)):
        if place[i] < 0:
            continue
        for y in range(int(np.ceil(gy[i] - reach[i])), int(np.floor(gy[i] + reach[i])) + 1):
            for x in range(
                max(0, int(np.ceil(gx[i] - reach[i]))),
                min(columns - 1, int(np.floor(gx[i] + reach[i]))) + 1,
            ):
                if (y - gy[i]) ** 2 + (x - gx[i]) ** 2 <= reach[i] ** 2:
                    out[place[i], y % rows, x] = True
