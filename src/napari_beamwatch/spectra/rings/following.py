"""Following rings: intensity, spacing and width over the frames, with errors.

In each stretch of frames a ring is the Gaussian that was found, on a straight background. What is
followed is the same matter all along: noise beats against it, so that with a floor c and s above it
a bin has the variance c² + 2cs, as a spot has, not that of a new specimen, (c + s)².
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.spectra.peaks import FWHM
from napari_beamwatch.spectra.rings.background import noise_level
from napari_beamwatch.spectra.rings.finding import (
    TAPER_SIGMA,
    Ring,
    contrast_of_area,
    gaussian,
)
from napari_beamwatch.spectra.rings.radial import RadialPower, tied

Floats = NDArray[np.float64]

ENOUGH_FOR_SPACING = 6.0
"""Standard errors of the intensity from which a spacing is read, over as many stretches as that
takes."""

LONGEST_AVERAGE = 15
"""Stretches a spacing is averaged over at the most."""

STEPS = 6
"""Of Gauss and Newton."""


@dataclass(frozen=True, eq=False)
class RingTrace:
    """A ring over stretches of frames; NaN where nothing was measured.

    Attributes
    ----------
    first, last : array of int64
        Frames ``first:last`` of each stretch.
    intensity, intensity_se : array of float64
        Mean square contrast; a beam that dims changes nothing in it. Each stretch alone.
    k, k_se : array of float64
        Frequency in cycles per pixel, over `averaged` stretches around.
    width, width_se : array of float64
        Full width at half maximum beyond the taper's, likewise.
    averaged : int
        Neighbouring values share frames where this is more than 1.
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    intensity: Floats
    intensity_se: Floats
    k: Floats
    k_se: Floats
    width: Floats
    width_se: Floats
    averaged: int

    def finer(self, by: int) -> RingTrace:
        """The same in pixels of which `by` a side make up one of those it was told in."""
        return replace(
            self,
            k=self.k / by,
            k_se=self.k_se / by,
            width=self.width / by,
            width_se=self.width_se / by,
        )


def follow_rings(
    stretches: Sequence[RadialPower], rings: Sequence[Ring], *, single_counts: bool
) -> tuple[RingTrace, ...]:
    """Traces of rings over stretches of frames.

    Parameters
    ----------
    stretches : sequence of RadialPower
        Of one size of window, one after the other.
    rings : sequence of Ring
    single_counts : bool
        The noise is that of single counts, 1; else that of the halves' difference is taken.

    Returns
    -------
    tuple of RingTrace
        One for each ring, in their order.
    """
    # The noise is smooth: so taken it is better known than by the values themselves.
    levels = [
        np.ones(each.power.shape[1]) if single_counts else noise_level(each).mean(axis=0)
        for each in stretches
    ]
    return tuple(_trace(stretches, levels, ring, rings) for ring in rings)


def _trace(
    stretches: Sequence[RadialPower],
    levels: Sequence[Floats],
    ring: Ring,
    rings: Sequence[Ring],
) -> RingTrace:
    window = stretches[0].window if stretches else 0
    measured = [
        _around(stretch, level, ring, rings)
        for stretch, level in zip(stretches, levels, strict=True)
    ]
    count = len(stretches)
    intensity, error = np.full((2, count), np.nan)
    for i, (stretch, around) in enumerate(zip(stretches, measured, strict=True)):
        if around is not None:
            height, height_se = _height(around, ring, window)
            scale = _scale(ring, stretch)
            intensity[i], error[i] = height * scale, height_se * scale
    averaged = _averaged(intensity, error)
    middle, middle_se, width, width_se = np.full((4, count), np.nan)
    for i in range(count):
        some = [m for m in measured[max(0, i - averaged // 2) : i + averaged // 2 + 1] if m]
        if some:
            middle[i], middle_se[i], width[i], width_se[i] = _shape(_mean(some), ring, window)
    return RingTrace(
        np.array([stretch.first for stretch in stretches], np.int64),
        np.array([stretch.last for stretch in stretches], np.int64),
        intensity,
        error,
        middle,
        middle_se,
        width,
        width_se,
        averaged,
    )


@dataclass(frozen=True, eq=False)
class _Around:
    """Radial power over the noise around a ring, by radius in bins."""

    radius: Floats
    power: Floats
    variance: Floats


def _around(
    stretch: RadialPower, noise: Floats, ring: Ring, rings: Sequence[Ring]
) -> _Around | None:
    """Radii around a ring that are nearer to it than to any other, or None if they are too few."""
    if not stretch.mean > 0:
        return None
    power, _, bins = stretch.around()
    radius = stretch.k * stretch.window
    reach = 3 * _sigma(ring, stretch.window) + 3
    near = (np.abs(stretch.k - ring.k) * stretch.window < reach) & (bins > 0)
    for other in rings:
        if other is not ring:
            near &= np.abs(stretch.k - ring.k) <= np.abs(stretch.k - other.k)
    if near.sum() < 6:
        return None
    level = noise[near]
    power, bins, radius = power[near] - level, bins[near], radius[near]
    smooth = np.convolve(np.pad(power, 1, mode="edge"), np.ones(3) / 3, "valid").clip(0)
    return _Around(radius, power, (level**2 + 2 * level * smooth) / bins)


def _mean(some: Sequence[_Around]) -> _Around:
    """Mean of stretches that are alike."""
    return _Around(
        some[0].radius,
        np.mean([each.power for each in some], axis=0),
        np.mean([each.variance for each in some], axis=0) / len(some),
    )


def _sigma(ring: Ring, window: int) -> float:
    """Standard deviation of a ring under the taper, in bins."""
    return float(np.hypot(TAPER_SIGMA, ring.sigma * window))


def _scale(ring: Ring, stretch: RadialPower) -> float:
    """Mean square contrast per height of the Gaussian."""
    window = stretch.window
    return contrast_of_area(ring.k * window, window, stretch.mean) * _sigma(ring, window)


def _height(around: _Around, ring: Ring, window: int) -> tuple[float, float]:
    """Height of the Gaussian as found on a straight background, and its standard error."""
    x = around.radius - ring.k * window
    shape = gaussian(x, 0.0, _sigma(ring, window), 1.0)
    solution, covariance = _solved(np.stack([shape, np.ones_like(x), x], axis=1), around)
    return float(solution[0]), float(np.sqrt(covariance[0, 0]))


def _solved(design: Floats, around: _Around) -> tuple[Floats, Floats]:
    # Weights that follow the noise of each value would pull the fit to the low ones.
    even = np.convolve(np.pad(around.variance, 2, mode="edge"), np.ones(5) / 5, "valid")
    inverse = np.linalg.pinv((design / even[:, None]).T @ design)
    to = inverse @ (design / even[:, None]).T
    return to @ around.power, to @ tied(around.variance) @ to.T


def _averaged(intensity: Floats, error: Floats) -> int:
    """Stretches over which a spacing is read: an odd number."""
    known = np.isfinite(intensity)
    if not known.any():
        return 1
    best = float(np.quantile(intensity[known] / error[known], 0.75))
    if best <= 0:
        return LONGEST_AVERAGE
    wanted = int(np.ceil((ENOUGH_FOR_SPACING / best) ** 2))
    return min(LONGEST_AVERAGE, wanted // 2 * 2 + 1)


def _shape(around: _Around, ring: Ring, window: int) -> tuple[float, float, float, float]:
    """Frequency and width with their standard errors, NaN where it is too weak."""
    nothing = (np.nan, np.nan, np.nan, np.nan)
    start, sigma = ring.k * window, _sigma(ring, window)
    middle, height = start, 0.0
    floor = TAPER_SIGMA * 0.8
    wide = sigma
    for _ in range(STEPS):
        x = around.radius - middle
        shape = gaussian(x, 0.0, wide, 1.0)
        design = np.stack(
            [shape, shape * x / wide**2, shape * x**2 / wide**3, np.ones_like(x), x], axis=1
        )
        solution, covariance = _solved(design, around)
        height = float(solution[0])
        if height <= 0:
            return nothing
        middle += float(np.clip(solution[1] / height, -0.5, 0.5)) * min(1.0, wide)
        wide = float(np.clip(wide + np.clip(solution[2] / height, -0.3, 0.3), floor, 3 * sigma))
        if abs(middle - start) > sigma + 1:
            return nothing
    alone, alone_se = _height(around, ring, window)
    if alone < ENOUGH_FOR_SPACING / 2 * alone_se:
        return nothing
    errors = np.sqrt(np.diag(covariance))[1:3] / height
    beyond = float(np.sqrt(max(wide**2 - TAPER_SIGMA**2, 0.0)))
    width_se = FWHM * errors[1] * wide / max(beyond, errors[1])
    return middle / window, errors[0] / window, FWHM * beyond / window, width_se / window
