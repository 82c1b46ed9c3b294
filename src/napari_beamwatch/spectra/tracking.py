"""Tracking: the intensity of each spot in each window and frame, with errors that are true.

With F the Fourier coefficient of a window under its taper w, λ the window's mean and c the floor
over that of single counts, ``|F|² / (c·λ·Σw²)`` is one plus the signal-to-noise ratio s in the mean
and spreads by √(1 + 2s): a phasor of power s in a Gaussian of unit power. The contrast-normalised
intensity is what is above the floor, over the square of the mean signal,
``(|F|² − c·λ·Σw²) / (λ·Σw)²``: a beam that dims changes nothing in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.spectra.block_transform import BlockTransform, second_moment
from napari_beamwatch.spectra.windows import Floats32, Grid, windows_inside

Floats = NDArray[np.float64]

NEIGHBOURS = 5
"""Frames over which the signal is averaged to judge how it spreads."""


@dataclass(frozen=True, eq=False)
class WindowTraces:
    """Spots of windows over the frames; arrays (frame, spot), NaN where nothing was measured.

    Attributes
    ----------
    intensity, intensity_se : array of float32
        Contrast-normalised, over the floor.
    snr : array of float32
        Signal over the floor.
    offset_y, offset_x : array of float32
        Signal-to-noise ratio times the distance in bins of the peak from where the spot is
        followed: sums of these over sums of `snr` are mean distances, whatever is summed over.
    """

    intensity: Floats32
    intensity_se: Floats32
    snr: Floats32
    offset_y: Floats32
    offset_x: Floats32


class Tracker:
    """Follows spots through frames that come in any order, from any thread."""

    def __init__(
        self,
        grid: Grid,
        window: NDArray[np.int64],
        gy: Floats,
        gx: Floats,
        floor: Floats,
        frames: int,
    ) -> None:
        self.grid = grid
        self.window, self.floor = window, floor
        self.transform = BlockTransform(grid, window, gy, gx)
        self.transform.prepare()
        shape = (frames, len(window))
        self.power = np.full(shape, np.nan, np.float32)
        self.mean = np.full(shape, np.nan, np.float32)
        self.odd_y = np.full(shape, np.nan, np.float32)
        self.odd_x = np.full(shape, np.nan, np.float32)

    def add(self, frame: int, image: NDArray[Any], shift: tuple[int, int] = (0, 0)) -> None:
        """Measure the spots in a frame.

        Parameters
        ----------
        frame : int
        image : array
        shift : (dy, dx)
            How far the specimen lies from where the grid was laid over it. Windows that are
            not wholly on the detector then are left out.
        """
        moments, means = self.transform(image, shift)
        kept = windows_inside(self.grid, shift)[self.window]
        whole = moments[kept, 0]
        self.power[frame, kept] = whole.real**2 + whole.imag**2
        self.mean[frame, kept] = means[self.window][kept]
        self.odd_y[frame, kept] = (whole.conj() * moments[kept, 1]).imag
        self.odd_x[frame, kept] = (whole.conj() * moments[kept, 2]).imag

    def traces(self) -> WindowTraces:
        """What was measured, over the floor."""
        grid, mean = self.grid, self.mean
        per_bin = 2 * np.pi * second_moment(grid)
        with np.errstate(divide="ignore", invalid="ignore"):
            floor = self.floor * mean * grid.weight_power
            floor = np.where(mean > 0, floor, np.nan)
            signal = (mean * grid.weight_sum) ** 2
            snr = self.power / floor - 1
            expected = np.maximum(running_mean(snr, NEIGHBOURS), 0)
            intensity = (self.power - floor) / signal
            spread = floor * np.sqrt(1 + 2 * expected) / signal
            offset_y = self.odd_y / floor / per_bin
            offset_x = self.odd_x / floor / per_bin
        return WindowTraces(
            intensity.astype(np.float32),
            spread.astype(np.float32),
            snr.astype(np.float32),
            offset_y.astype(np.float32),
            offset_x.astype(np.float32),
        )


def running_mean(values: NDArray[np.floating[Any]], width: int) -> Floats:
    """Mean over neighbouring frames (first axis) that were measured."""
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    sums = np.zeros(values.shape)
    counts = np.zeros(values.shape)
    reach = width // 2
    for shift in range(-reach, reach + 1):
        to = slice(max(0, -shift), len(values) - max(0, shift))
        source = slice(max(0, shift), len(values) - max(0, -shift))
        sums[to] += filled[source]
        counts[to] += known[source]
    return sums / np.maximum(counts, 1)
