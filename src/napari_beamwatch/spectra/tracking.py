"""Tracking: the intensity of each spot in each window and frame, with errors that are true.

With F the Fourier coefficient of a window under its taper w, λ the window's mean and c the floor
over that of single counts, ``|F|² / (c·λ·Σw²)`` is one plus the signal-to-noise ratio s in the mean
and spreads by √(1 + 2s): a phasor of power s in a Gaussian of unit power. The contrast-normalised
intensity is what is above the floor, over the square of the mean signal,
``(|F|² − c·λ·Σw²) / (λ·Σw)²``: a beam that dims changes nothing in it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.movies.rim import rim_of
from napari_beamwatch.spectra.block_transform import BlockTransform, Complex64, second_moment
from napari_beamwatch.spectra.filtered import noise_of
from napari_beamwatch.spectra.streaming import ANY_LEVEL, Level
from napari_beamwatch.spectra.walking import Paths
from napari_beamwatch.spectra.windows import Floats32, Grid, windows_inside

Floats = NDArray[np.float64]
Real = TypeVar("Real", bound=np.floating[Any])

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
        followed (on average, if it walks): sums of these over sums of `snr` are mean distances,
        whatever is summed over.
    """

    intensity: Floats32
    intensity_se: Floats32
    snr: Floats32
    offset_y: Floats32
    offset_x: Floats32

    def of(self, spots: NDArray[np.int64], frames: NDArray[np.int64] | None = None) -> WindowTraces:
        """Some of the spots.

        Parameters
        ----------
        spots : array of int64
        frames : array of int64 (frames, spots), optional
            The frame of each that stands in each row; −1 for none.
        """
        return WindowTraces(
            *(taken_at(getattr(self, each.name)[:, spots], frames) for each in fields(self))
        )


def taken_at(values: NDArray[Real], frames: NDArray[np.int64] | None) -> NDArray[Real]:
    """Values (frames, spots) with the frame of each spot that stands in each row; −1 for none."""
    if frames is None:
        return values
    taken = np.take_along_axis(values, np.maximum(frames, 0), axis=0)
    return np.where(frames >= 0, taken, values.dtype.type(np.nan))


@dataclass(frozen=True, eq=False)
class Measured:
    """Spots of one frame.

    Attributes
    ----------
    moments : array of complex64 (spot, 3)
        Of `BlockTransform`; NaN where the window is not wholly on the detector.
    means : array of float32 (spot,)
        Mean of the spot's window; NaN likewise.
    field_mean : float
        Mean of all windows on the detector.
    inside : array of bool (windows,)
        Which these are.
    noise : array of float64 (2, 5)
        As `noise_of`.
    """

    moments: Complex64
    means: Floats32
    field_mean: float
    inside: NDArray[np.bool_]
    noise: Floats


@dataclass(frozen=True, eq=False)
class SpotMeasure:
    """Measures spots in frames.

    Attributes
    ----------
    grid : Grid
    window : array of int64 (spot,)
        Window of each spot, ascending.
    paths : Paths
        Where to follow them.
    """

    grid: Grid
    window: NDArray[np.int64]
    paths: Paths

    @cached_property
    def transforms(self) -> list[BlockTransform]:
        """That of each leg."""
        transforms = [
            BlockTransform(self.grid, self.window, gy, gx)
            for gy, gx in zip(self.paths.gy, self.paths.gx, strict=True)
        ]
        for transform in transforms:
            transform.prepare()
        return transforms

    def __call__(
        self,
        frame: int,
        image: NDArray[Any],
        shift: tuple[int, int] = (0, 0),
        level: Level = ANY_LEVEL,
    ) -> Measured:
        """Measure the spots in a frame.

        Parameters
        ----------
        frame : int
        image : array
        shift : (dy, dx)
            How far the specimen lies from where the grid was laid over it. Windows that are
            not wholly on the detector then, or reach into a rim that was filled, are left out.
        level : Level
        """
        transform = self.transforms[self.paths.leg_of_frame[frame]]
        moments, means = transform(image, shift, level.cap, level.mean)
        inside = windows_inside(self.grid, shift, rim=rim_of(image)) & (not level.saturated)
        field_mean = float(means[inside].mean()) if inside.any() else np.nan
        mine = means[self.window].astype(np.float32)
        for measured in (moments, mine):
            measured[~inside[self.window]] = np.nan
        return Measured(moments, mine, field_mean, inside, noise_of(image, level.cap))


class Tracker:
    """Keeps what `SpotMeasure` made of frames that come in any order."""

    def __init__(self, measure: SpotMeasure) -> None:
        self.grid, self.paths = measure.grid, measure.paths
        shape = (len(self.paths.leg_of_frame), len(measure.window))
        self._moments = np.full((*shape, 3), np.nan, np.complex64)
        self.means = np.full(shape, np.nan, np.float32)
        self.windows = np.zeros(shape[0], np.int64)
        self.frames = np.zeros(len(measure.grid), np.int64)
        self.field_mean = np.full(shape[0], np.nan)
        self.noise = np.full((shape[0], 2, 5), np.nan)

    def add(self, frame: int, measured: Measured) -> None:
        """Keep what was measured in a frame."""
        self._moments[frame] = measured.moments
        self.means[frame] = measured.means
        self.field_mean[frame] = measured.field_mean
        self.noise[frame] = measured.noise
        self.windows[frame] = measured.inside.sum()
        self.frames += measured.inside

    def traces(
        self, floor: Floats, running_sum: int = 1, residual: Floats | None = None
    ) -> WindowTraces:
        """What was measured, over the floor.

        Parameters
        ----------
        floor : array of float64 (spot,)
            Of that many frames, over that of single counts.
        running_sum : int
            Frames that are added up around each: amplitudes, since windows follow the specimen.
        residual : array of float64 (frames, 2), optional
            What the windows' whole pixels leave of the drift.
        """
        grid = self.grid
        moments, mean = self._moments, self.means
        if running_sum > 1:
            moments, mean = self._running_sums(running_sum, residual)
        per_bin = 2 * np.pi * second_moment(grid)
        whole = moments[..., 0]
        power = whole.real**2 + whole.imag**2
        leg = self.paths.leg_of_frame
        with np.errstate(divide="ignore", invalid="ignore"):
            per_count = mean * grid.weight_power
            level = np.where(mean > 0, floor * per_count, np.nan)
            signal = (mean * grid.weight_sum) ** 2
            snr = power / level - 1
            expected = np.maximum(running_mean(snr, NEIGHBOURS), 0)
            intensity = (power - level) / signal
            spread = level * np.sqrt(1 + 2 * expected) / signal
            offsets = []
            for moment, path in ((1, self.paths.gy), (2, self.paths.gx)):
                odd = (whole.conj() * moments[..., moment]).imag / level / per_bin
                # Of a spot that walks, told from where it is on average.
                walked = (path - path.mean(axis=0)) * grid.window
                offsets.append((odd + snr * walked[leg]).astype(np.float32))
        return WindowTraces(
            intensity.astype(np.float32),
            spread.astype(np.float32),
            snr.astype(np.float32),
            *offsets,
        )

    def _running_sums(self, width: int, residual: Floats | None) -> tuple[Complex64, Floats32]:
        """Moments and means added up over `width` frames, fewer at the ends of a leg."""
        leg = self.paths.leg_of_frame
        moments = self._moments
        if residual is not None:
            turns = residual[:, :1] * self.paths.gy[leg] + residual[:, 1:] * self.paths.gx[leg]
            moments = moments * np.exp(2j * np.pi * turns).astype(np.complex64)[..., None]
        sums, means = np.empty_like(moments), np.empty_like(self.means)
        for t in range(len(leg)):
            frames = np.arange(max(0, t - (width - 1) // 2), min(len(leg), t + width // 2 + 1))
            frames = frames[leg[frames] == leg[t]]
            sums[t] = moments[frames].sum(axis=0)
            means[t] = self.means[frames].sum(axis=0)
        return sums, means


def running_mean(values: NDArray[np.floating[Any]], width: int) -> Floats:
    """Mean over neighbouring frames (first axis) that were measured."""
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    sums = np.zeros(values.shape)
    counts = np.zeros(values.shape)
    reach = min(width // 2, len(values) - 1)
    for shift in range(-reach, reach + 1):
        to = slice(max(0, -shift), len(values) - max(0, shift))
        source = slice(max(0, shift), len(values) - max(0, -shift))
        sums[to] += filled[source]
        counts[to] += known[source]
    return sums / np.maximum(counts, 1)
