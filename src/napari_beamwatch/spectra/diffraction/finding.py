"""Finding the spots of diffraction patterns, Friedel pairs as one, at a stated false-alarm rate.

The counts in a small disc and in its mirror image about the centre are compared with what the
background gives: for single counts their sum is a Poisson number, otherwise about one of a gamma
law, whose tail is heavier. A pair is a spot where a sum as large would come by chance with a
probability below α/M, M counting all discs of all segments; discs overlap, so the chance of one
or more false spots is below α.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import gammainc, gammaincc

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.spectra.diffraction.background import (
    LOWEST_RADIUS,
    RADIUS,
    Background,
    disc,
    hot_pixels,
    measure_background,
    rough_dispersion,
)
from napari_beamwatch.spectra.diffraction.centre import Centre, Mask, find_centre
from napari_beamwatch.spectra.diffraction.placing import placed_in, usable_in
from napari_beamwatch.spectra.diffraction.spots import DiffractionSpots, spots_of
from napari_beamwatch.spectra.peaks import distance

Floats = NDArray[np.float64]

SINGLE = 1.3
"""Variance over mean, with what is not known of the background, up to which a disc holds single
counts."""

SMALLEST_CHANCE = 1e-300

QUIET = 0.5
"""Variance over mean below which pixels hold no counts: no electron adds less than its share of
the variance, so that such frames were divided by something (a mean over frames, a range of 0 to
1)."""


def find_spots(
    patterns: Sequence[NDArray[Any]],
    camera_constant: float | None,
    alpha: float = 0.01,
    centre: Centre | None = None,
    tick: Callable[[], object] = lambda: None,
) -> DiffractionSpots:
    """Spots of some patterns of one specimen, merged over the patterns.

    Parameters
    ----------
    patterns : sequence of arrays
        Sums of the frames of each segment of time, in counts or grey levels; what is no number
        in one of them is seen in none.
    camera_constant : float or None
        Å·px: spacing times distance from the centre in pixels.
    alpha : float
        Chance of one or more false spots in all.
    centre : Centre, optional
        Found from the sum of all patterns where it is not given.
    tick : callable
        Called now and then; may raise to stop.
    """
    if camera_constant is not None and not camera_constant > 0:
        raise BeamwatchError(f"a camera constant is above 0 Å·px, not {camera_constant!r}")
    if not 0 < alpha < 1:
        raise BeamwatchError(f"alpha lies between 0 and 1, not {alpha!r}")
    images = [np.asarray(pattern, np.float64) for pattern in patterns]
    if not images or len({image.shape for image in images}) != 1:
        raise BeamwatchError("diffraction patterns of one movie are of one size, and one or more")
    pattern = np.sum(images, axis=0)
    if centre is None:
        centre = find_centre(pattern)
        tick()
    noise = rough_dispersion(pattern, centre)
    count = noise if noise < QUIET else 1.0
    images = [image / count for image in images]
    backgrounds: list[Background] = []
    hot = np.zeros(pattern.shape, bool)
    for image in images:
        backgrounds.append(measure_background(image, centre))
        hot |= hot_pixels(image, backgrounds[-1])
        tick()
    centre = replace(centre, seen=centre.seen & ~hot)
    tested = _tested(centre)
    threshold = alpha / max(1, len(images) * int(tested.sum()))
    found = [np.empty((0, len(COLUMNS)))]
    for i, (image, background) in enumerate(zip(images, backgrounds, strict=True)):
        found.append(_pattern_spots(image, background, centre, tested, threshold, i))
        tick()
    kept, seen = _merged(np.concatenate(found), centre, len(images))
    placed, centre = placed_in(kept, images, backgrounds, centre)
    kept[:, [3, 5]] *= count
    pattern = np.where(centre.seen, pattern, 0.0)
    spread = np.array([_usual_spread(background) for background in backgrounds]) * count
    return spots_of(kept, placed, seen, threshold, centre, pattern, spread, camera_constant)


def _usual_spread(background: Background) -> float:
    """Variance over mean of sums over discs, beyond the direct beam."""
    beyond = background.dispersion[int(LOWEST_RADIUS) :]
    return float(np.median(beyond)) * background.together


def _offsets(centre: Centre) -> tuple[Floats, Floats]:
    rows, columns = (np.arange(n, dtype=np.float64) for n in centre.seen.shape)
    return (rows - centre.y)[:, None], (columns - centre.x)[None, :]


def _tested(centre: Centre) -> Mask:
    """Pixels of one half plane whose disc, or whose mate's, is looked at.

    Where a pixel's own disc is hidden its mate's speaks for both, as a pixel of the same half.
    """
    dy, dx = _offsets(centre)
    half = (dx > 0) | ((dx == 0) & (dy > 0))
    both = usable_in(centre)
    lonely = both & ~_mirrored(both, centre) & ~half
    return np.asarray((np.hypot(dy, dx) >= LOWEST_RADIUS) & ((both & half) | lonely), np.bool_)


def _mirrored(values: NDArray[Any], centre: Centre) -> NDArray[Any]:
    """The pattern turned by 180° about its centre, to the nearest pixel; 0 outside."""
    turned = np.zeros_like(values)
    ys, xs = (
        np.rint(2 * middle - np.arange(n)).astype(np.int64)
        for middle, n in zip((centre.y, centre.x), values.shape, strict=True)
    )
    iy = np.flatnonzero((ys >= 0) & (ys < values.shape[0]))
    ix = np.flatnonzero((xs >= 0) & (xs < values.shape[1]))
    turned[np.ix_(iy, ix)] = values[np.ix_(ys[iy], xs[ix])]
    return turned


COLUMNS = ("y", "x", "chance", "counts", "snr", "dispersion", "segment")


def _pattern_spots(
    image: Floats,
    background: Background,
    centre: Centre,
    tested: Mask,
    threshold: float,
    segment: int,
) -> Floats:
    """Rows of `COLUMNS`; y and x are whole pixels of the half that was tested."""
    looked, usable = disc(RADIUS), usable_in(centre)
    dispersion = background.together * background.dispersion[background.ring]
    counts = np.where(centre.seen, image, 0.0)
    level = np.where(centre.seen, background.level, 0.0)
    there, expected = (
        np.where(usable, ndimage.convolve(part, looked, mode="constant"), 0.0)
        for part in (counts, level)
    )
    there += _mirrored(there, centre)
    expected += _mirrored(expected, centre)
    # The rings under a disc tell the background from a limited number of pixels.
    ring = np.maximum(background.ring, 1)
    known = 2 * np.pi * ring * (2 * RADIUS + 1)
    spread = dispersion * (1 + 2 * looked.sum() / known)
    chance = np.ones(image.shape)
    likely = (there > expected) & tested
    chance[likely] = _chance(there[likely], expected[likely], spread[likely])
    score = np.where(tested, (there - expected) / np.sqrt(spread * expected + 1), -np.inf)
    highest = score == ndimage.maximum_filter(score, size=3)
    y, x = np.nonzero(highest & (chance < threshold))
    at = y, x
    return np.column_stack(
        [
            y,
            x,
            np.maximum(chance[at], SMALLEST_CHANCE),
            (there - expected)[at],
            (there - expected)[at] / np.sqrt(spread * np.maximum(expected, 1e-12))[at],
            dispersion[at],
            np.full(len(y), segment),
        ]
    )


def _chance(there: Floats, expected: Floats, spread: Floats) -> Floats:
    """Probability of as many counts or more where `expected` are, of a variance over mean."""
    mean = np.maximum(expected, 1e-12) / spread
    single = gammainc(there / spread, mean)
    drawn = gammaincc(mean, there / spread)
    return np.asarray(np.where(spread < SINGLE, single, drawn), np.float64)


def _merged(rows: Floats, centre: Centre, segments: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Spots of one place, in whatever segment, as one, the clearest speaking for all.

    On the border of the half plane a spot and its mate may both have been tested.
    """
    order = np.lexsort((-rows[:, 4], rows[:, 2]))
    rows = rows[order]
    away = rows[:, :2] - [centre.y, centre.x]
    kept: list[int] = []
    seen: list[NDArray[np.bool_]] = []
    for i, row in enumerate(rows):
        segment = int(row[6])
        near = [k for k, j in enumerate(kept) if distance(*away[i], *away[j]) < 2 * RADIUS]
        if near:
            seen[near[0]][segment] = True
            continue
        kept.append(i)
        seen.append(np.arange(segments) == segment)
    return rows[kept], np.array(seen, bool).reshape(len(kept), segments)
