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

FLAT = 0.9
"""Part of the pattern, the darkest, that tells a first dispersion; the rest has slopes."""

FLAT_BLUR = 3.0
"""Pixels over which it is smoothed to tell which part that is, whatever the noise of a pixel."""

COARSE = 1.5
"""A first dispersion up to which that of single counts is tried first."""

HOT_COUNTS = 50.0
"""Counts, of so many grey levels as the dispersion is, that a hot pixel holds at least."""

HOT_SHARE = 0.03
"""What the pixels around a hot one hold at most, of what it holds; the narrowest of spots, half a
pixel wide, puts more there."""

HOT_ERRORS = 3.0
"""Standard errors by which they must hold less."""

RADIUS = 3.0
"""Pixels: of the disc that is looked at. Spots are smaller, and further apart than two of it."""

FEWEST_DISCS = 30
"""Discs beside each other from which it is known how their counts vary."""

SHARED = 1.5
"""Variance of discs over that of independent pixels from which neighbours share electrons; what
the background is wrong by makes less."""

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
    together : float
        Variance of the counts of a disc over that of as many independent pixels: above 1 where
        neighbours share electrons.
    """

    level: Floats
    dispersion: Floats
    ring: NDArray[np.int64]
    together: float


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
    rough = rough_dispersion(counts, centre)
    dispersion = np.full(rings, rough if rough > COARSE else 1.0)
    for _ in range(CLIPPED):
        level = _level(counts, plain, plain & outside, ring, rings)
        bright = counts > _brightest(level, dispersion[ring]) + 1
        plain = centre.seen & ~ndimage.binary_dilation(bright, iterations=WINGS)
        dispersion = _dispersion(counts, level, plain, ring, rings)
    level = _level(counts, plain, plain & outside, ring, rings)
    together = _together(counts, level, dispersion[ring], plain & outside)
    return Background(level, dispersion, ring, together)


def disc(radius: float) -> Floats:
    """Weights of a disc: 1 inside, 0 outside."""
    reach = int(np.ceil(radius))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return np.asarray(np.hypot(y, x) <= radius, np.float64)


def _together(counts: Floats, level: Floats, dispersion: Floats, plain: Mask) -> float:
    """Of discs without a spot; 1 where it is not known to differ."""
    looked = disc(RADIUS)
    whole = ndimage.binary_erosion(plain, looked > 0)
    if whole.sum() < FEWEST_DISCS * looked.sum():
        return 1.0
    sums, variances = (
        ndimage.convolve(part, looked, mode="constant")[whole]
        for part in (counts - level, dispersion * level)
    )
    ratio = float((sums**2).sum() / max(float(variances.sum()), 1e-12))
    return ratio if ratio > SHARED else 1.0


def rough_dispersion(image: NDArray[Any], centre: Centre) -> float:
    """Variance over mean of a pixel, from the differences of neighbours where it is dark.

    Too low where neighbours share electrons, but of the right size before anything is known of
    the background. 1 where there is nothing to tell it from.
    """
    counts = np.where(centre.seen, np.asarray(image, np.float64), 0.0)
    smooth = ndimage.gaussian_filter(counts, FLAT_BLUR)
    flat = centre.seen & (smooth <= np.quantile(smooth[centre.seen], FLAT))
    both = flat[:, :-1] & flat[:, 1:]
    a, b = counts[:, :-1][both], counts[:, 1:][both]
    mean, noise = float((a + b).sum()), float(((a - b) ** 2).sum())
    return noise / mean if mean > 0 and noise > 0 else 1.0


def hot_pixels(image: Floats, background: Background) -> Mask:
    """Pixels beyond the direct beam that hold much while those around them hold nothing."""
    dispersion = background.dispersion[background.ring]
    variance = dispersion * background.level
    above = np.where(np.isfinite(image), image - background.level, 0.0)
    enough = HOT_COUNTS * dispersion + 2 * HOT_ERRORS * np.sqrt(variance)
    around = (9 * ndimage.uniform_filter(above, 3, mode="constant") - above) / 8
    most = HOT_SHARE * above - HOT_ERRORS * np.sqrt(variance / 8)
    far = background.ring >= LOWEST_RADIUS
    return np.asarray(far & (above > enough) & (around < most), np.bool_)


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
