"""What a diffraction pattern shows between its spots, and how that varies by chance.

Diffuse scattering is a function of the radius times something smooth: a ring profile, from
means without the pixels that stand out, times how the neighbourhood departs from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import gammainccinv

from napari_beamwatch.spectra.diffraction.centre import Centre

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

CLIP = 1e-4
"""A pixel that chance would make as bright with less than this probability belongs to a spot."""

LOWEST_RADIUS = 14.0
"""Pixels around the centre in which the direct beam leaves nothing to be found."""

EDGE = 5.0
"""Pixels by which discs that are looked at reach further in."""

NEIGHBOURHOOD = 12.0
"""Standard deviation, in pixels, of the neighbourhood."""

WINGS = 3
"""Pixels around a bright one that are left out with it: spots fade out into the background."""

CLIPPED = 4
"""Times that spots are left out and what remains is measured anew."""

WHITE_ERRORS = 4.0
"""A dispersion so many standard errors from 1 is not that of single counts."""


@dataclass(frozen=True, eq=False)
class Background:
    """Between the spots.

    Attributes
    ----------
    level : array of float64
        Expected counts of each pixel.
    dispersion : array of float64
        Variance over mean of a pixel on each ring of whole radius; 1 for single counts.
    ring : array of int64
        Ring of each pixel.
    """

    level: Floats
    dispersion: Floats
    ring: NDArray[np.int64]


def measure_background(image: NDArray[Any], centre: Centre) -> Background:
    """Level and dispersion of what lies between the spots.

    Parameters
    ----------
    image : array
        Counts.
    centre : Centre
    """
    counts = np.where(centre.seen, np.asarray(image, np.float64), 0.0)
    rows, columns = np.indices(counts.shape)
    ring = np.rint(np.hypot(rows - centre.y, columns - centre.x)).astype(np.int64)
    rings = int(ring.max()) + 1
    outside = centre.seen & (ring >= LOWEST_RADIUS - EDGE)
    plain = centre.seen
    dispersion = np.ones(rings)
    for _ in range(CLIPPED):
        level = _level(counts, plain, plain & outside, ring, rings)
        bright = counts > _brightest(level, dispersion[ring]) + 1
        plain = centre.seen & ~ndimage.binary_dilation(bright, iterations=WINGS)
        dispersion = _dispersion(counts, level, plain, ring, rings)
    level = _level(counts, plain, plain & outside, ring, rings)
    return Background(level, dispersion, ring)


def _level(
    counts: Floats, plain: Mask, outside: Mask, ring: NDArray[np.int64], rings: int
) -> Floats:
    """Ring profile times how the neighbourhood, outside the direct beam, departs from it."""
    size = np.bincount(ring[plain], minlength=rings).astype(np.float64)
    sums = np.bincount(ring[plain], weights=counts[plain], minlength=rings)
    # Half a count a ring: where none was seen, some are to be expected.
    profile = (_three(sums) + 0.5) / np.maximum(_three(size), 1)
    expected = profile[ring]
    here, there = (
        ndimage.gaussian_filter(np.where(outside, values, 0.0), NEIGHBOURHOOD, truncate=2.5)
        for values in (counts, expected)
    )
    # A prior of a few counts at no departure, lest empty corners make ratios of nothing.
    few = 5 / (4 * np.pi * NEIGHBOURHOOD**2)
    return np.asarray(expected * (here + few) / (there + few), np.float64)


def _brightest(level: Floats, dispersion: Floats) -> Floats:
    """What a pixel passes with probability `CLIP`, by a gamma law of that mean and variance.

    The tail of a gamma law is the heavier one where electrons are drawn as several levels each.
    """
    shape = np.log(np.maximum(level / dispersion, 1e-6))
    table = np.linspace(float(shape.min()), float(shape.max()) + 1e-9, 256)
    values = np.interp(shape, table, gammainccinv(np.exp(table), CLIP))
    return np.asarray(values * dispersion, np.float64)


def _dispersion(
    counts: Floats, level: Floats, plain: Mask, ring: NDArray[np.int64], rings: int
) -> Floats:
    """Variance over mean along each ring: 1, or that of all, where it is not known to differ."""
    which = ring[plain]
    kernel = np.ones(9)  # rings beside each other say much the same
    pixels, squares, means = (
        np.convolve(np.bincount(which, weights=values[plain], minlength=rings), kernel, "same")
        for values in (np.ones(counts.shape), (counts - level) ** 2, level)
    )
    usual = 1.0
    ratio, error = _ratio(squares.sum(), means.sum(), pixels.sum() / len(kernel))
    if abs(ratio - usual) > WHITE_ERRORS * error:
        usual = float(ratio)
    ratio, error = _ratio(squares, means, pixels)
    return np.where(np.abs(ratio - usual) < WHITE_ERRORS * error * usual, usual, ratio)


def _ratio(squares: Any, means: Any, pixels: Any) -> tuple[Any, Any]:
    """Variance over mean, and its standard error if that is 1."""
    means, pixels = np.maximum(means, 1e-12), np.maximum(pixels, 1.0)
    # Var(x²) of a Poisson number of mean m is 2m² + m.
    return squares / means, np.sqrt((2 + pixels / means) / pixels)


def _three(values: NDArray[Any]) -> Floats:
    """Sum over three neighbouring rings."""
    return np.asarray(np.convolve(values, np.ones(3), "same"), np.float64)
