"""The noise floor of window spectra, and what stands above it.

Without a lattice the power of a window in one bin, over its expectation, is Exp(1): two
Gaussian numbers squared, also where the expectation varies with |k| as it does for drawn
electrons, interpolated data or the speckle of amorphous carbon. The expectation is taken from
the data: a radial profile common to all windows, times a straight line in |k| for each window.
Both come from means of values cut off at three times the floor, which lattice spots, being few,
hardly move, and which are turned back into means of the exponential law.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numba import njit
from numpy.typing import NDArray

from napari_beamwatch.spectra.windows import Floats32

CUT = 3.0
BANDS = 8
LOWEST_BIN = 4.0
"""Bins nearer to the centre than this hold the taper, the shape of particles and the beam."""

WHITE_SIGMAS = 4.0
"""A floor so many standard errors from that of single counts is not that of single counts."""


@dataclass(frozen=True)
class HalfPlane:
    """The bins of a real transform that count, one of each Friedel pair.

    Attributes
    ----------
    window : int
        Side in pixels; the transform has ``window × (window // 2 + 1)`` bins.
    """

    window: int

    @cached_property
    def ky(self) -> NDArray[np.float64]:
        """Frequency along y of each row, in bins."""
        return np.asarray(np.fft.fftfreq(self.window, 1 / self.window), np.float64)

    @cached_property
    def radius(self) -> Floats32:
        """|k| in bins."""
        kx = np.arange(self.window // 2 + 1)
        return np.hypot(self.ky[:, None], kx[None, :]).astype(np.float32)

    @cached_property
    def used(self) -> NDArray[np.bool_]:
        """Bins that are looked at."""
        used = (self.radius >= LOWEST_BIN) & (self.radius < self.window / 2 - 1)
        used[self.ky < 0, 0] = False  # the other half of the Friedel pairs on the axis
        used[:, -1] = False
        return used

    @cached_property
    def ring(self) -> NDArray[np.int32]:
        """Index of the ring of each bin, -1 for those that are not used."""
        return np.where(self.used, np.rint(self.radius), -1).astype(np.int32)

    @cached_property
    def band(self) -> NDArray[np.int32]:
        """Index of the broad band of each bin, -1 for those that are not used."""
        span = (self.radius - LOWEST_BIN) / (self.window / 2 - LOWEST_BIN)
        return np.where(self.used, np.clip(span * BANDS, 0, BANDS - 1), -1).astype(np.int32)

    @cached_property
    def band_radius(self) -> NDArray[np.float64]:
        """Mean |k| of each band, relative to the largest."""
        return np.array(
            [self.radius[self.band == b].mean() / (self.window / 2) for b in range(BANDS)]
        )

    @cached_property
    def band_sizes(self) -> NDArray[np.float64]:
        """Bins of each band."""
        return np.array([np.count_nonzero(self.band == b) for b in range(BANDS)], float)

    @property
    def bins(self) -> int:
        """How many bins are looked at."""
        return int(self.used.sum())


def cut_mean(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of exponential values whose mean after cutting off at `CUT` is `power`."""
    means = np.concatenate([[0.0], np.geomspace(1e-3, 1e4, 2000)])
    cut = means * -np.expm1(-CUT / np.maximum(means, 1e-12))
    return np.asarray(np.interp(power, cut, means), np.float64)


def common_floor(power: Floats32, plane: HalfPlane) -> Floats32:
    """Floor of each bin, common to some windows: smooth along |k| and around it.

    A ring profile, times a low harmonic series of the angle whose strength grows with |k|:
    drawn electrons and pixels are square, lenses astigmatic. Bins that stand out in the mean
    over the windows, the spots of a large crystal, are left out.

    Parameters
    ----------
    power : array (windows, rows, columns)
        Relative to the power of single counts.
    """
    chosen = plane.used
    ring = plane.ring[chosen]
    values = power[:, chosen].astype(np.float64)
    shape = _harmonics(plane)[chosen]
    rings = np.arange(plane.window // 2 + 1)
    # Lattice spots lift a mean or a median; of a low quantile they move little.
    profile = np.ones(len(rings))
    for r in np.unique(ring):
        low = np.quantile(values[:, ring == r], 0.25) / -np.log(0.75)
        profile[r] = max(low, 1e-6)
    floor = profile[ring]
    around = np.zeros(shape.shape[1])
    for _ in range(3):
        mean = cut_mean(np.minimum(values / floor, CUT).mean(axis=0))
        plain = mean < 1 + 5 * 1.05 / np.sqrt(len(values))
        log = np.log(np.maximum(mean[plain], 1e-3))
        size = np.asarray(np.bincount(ring[plain], minlength=len(rings)), np.float64)
        sums = np.bincount(ring[plain], weights=log, minlength=len(rings))
        along = _smooth(sums / np.maximum(size, 1), size)
        profile *= np.exp(along)
        here = shape[plain]
        around += np.linalg.solve(here.T @ here, here.T @ (log - along[ring[plain]]))
        floor = profile[ring] * np.exp(shape @ around)
    filled = np.interp(rings, rings[size > 0], profile[size > 0])
    radial = np.interp(plane.radius, rings, filled)
    return np.asarray(radial * np.exp(_harmonics(plane) @ around), np.float32)


def _harmonics(plane: HalfPlane) -> NDArray[np.float64]:
    """How a floor may vary around the centre: two and four times the angle, by |k|."""
    kx = np.arange(plane.window // 2 + 1)
    angle = np.arctan2(plane.ky[:, None], kx[None, :])
    reach = plane.radius.astype(np.float64) / (plane.window / 2)
    waves = [np.cos(2 * angle), np.sin(2 * angle), np.cos(4 * angle), np.sin(4 * angle)]
    return np.stack([wave * reach**power for wave in waves for power in (2, 4, 6)], axis=-1)


def _smooth(values: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weighted running mean over five rings."""
    kernel = np.array([1.0, 2.0, 3.0, 2.0, 1.0])
    norm = np.convolve(weight, kernel, "same")
    return np.convolve(values * weight, kernel, "same") / np.maximum(norm, 1e-12)


@njit(nogil=True, cache=True)
def band_means(power: Floats32, floor: Floats32, band: NDArray[np.int32], cut: float) -> Floats32:
    """Mean over each band of power over floor, cut off."""
    sums = np.zeros(BANDS, np.float64)
    counts = np.zeros(BANDS, np.float64)
    for y in range(power.shape[0]):
        for x in range(power.shape[1]):
            b = band[y, x]
            if b >= 0:
                sums[b] += min(power[y, x] / floor[y, x], cut)
                counts[b] += 1
    return (sums / np.maximum(counts, 1.0)).astype(np.float32)


@njit(nogil=True, cache=True)
def peaks_above(
    power: Floats32,
    floor: Floats32,
    used: NDArray[np.bool_],
    radius: Floats32,
    level: float,
    slope: float,
    threshold: float,
    half: float,
) -> NDArray[np.float64]:
    """Local maxima above the threshold: rows of (ky index, kx index, power over floor).

    The floor of the window is ``floor * exp(level + slope * radius / half)``.
    """
    rows, columns = power.shape
    found = np.empty((512, 3), np.float64)
    count = 0
    lowest = threshold * np.exp(min(level, level + slope))
    for y in range(rows):
        for x in range(columns):
            p = power[y, x]
            if not used[y, x] or p < lowest * floor[y, x]:
                continue
            relative = p / (floor[y, x] * np.exp(level + slope * radius[y, x] / half))
            if relative < threshold:
                continue
            highest = True
            for dy in range(-1, 2):
                for dx in range(-1, 2):
                    if dy == 0 and dx == 0:
                        continue
                    yy, xx = (y + dy) % rows, x + dx
                    if xx < 0:  # across the axis lies the Friedel mate
                        yy, xx = (rows - yy) % rows, -xx
                    if xx < columns and power[yy, xx] > p:
                        highest = False
            if highest and count < found.shape[0]:
                found[count, 0], found[count, 1], found[count, 2] = y, x, relative
                count += 1
    return found[:count].copy()


def window_line(
    means: NDArray[np.float64], plane: HalfPlane, white: bool, correlation: float
) -> tuple[float, float]:
    """Level and slope of a window's own floor over the common one, on a log scale.

    Parameters
    ----------
    means : array
        Of the bands, cut off (`band_means`).
    white : bool
        The common floor is that of single counts; the window's is, too, unless it is
        significantly another.
    correlation : float
        Neighbouring bins that say the same, because of the taper.
    """
    log = np.log(np.maximum(cut_mean(means), 1e-3))
    # Standard error of the log of a cut mean of n exponential numbers: 1.05 / √n.
    weight = plane.band_sizes / correlation / 1.05**2
    design = np.stack([np.ones(BANDS), plane.band_radius], axis=1)
    normal = design.T @ (weight[:, None] * design)
    line = np.linalg.solve(normal, design.T @ (weight * log))
    if white and line @ normal @ line < WHITE_SIGMAS**2:
        return 0.0, 0.0
    return float(line[0]), float(line[1])
