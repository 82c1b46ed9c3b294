"""Finding the spots of diffraction patterns, Friedel pairs as one, at a stated false-alarm rate.

The counts in a small disc and in its mirror image about the centre are compared with what the
background gives: for single counts their sum is a Poisson number, otherwise about one of a gamma
law, whose tail is heavier. A pair is a spot where a sum as large would come by chance with a
probability below α/M, M counting all discs of all segments; discs overlap, so the chance of one
or more false spots is below α.

Places are those where the Gaussian-weighted centre of gravity stays where it is, of the spot and
of its mirror image at once: what is wrong with the centre cancels. The centre is that of the
pairs which are clear enough for each mate to have a place of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import gammainc, gammaincc

from napari_beamwatch.compiling import kernel
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
from napari_beamwatch.spectra.peaks import distance

Floats = NDArray[np.float64]

WEIGHT = 1.5
"""Pixels: standard deviation of the weights that places and intensities are read with."""

WHOLE = 0.98
"""Part of what the centre of gravity looks at that must be seen."""

STEPS = 30
"""Most steps to the place where the centre of gravity stays."""

GRAVITY_RADIUS = RADIUS + 1
"""Pixels: how far the weighted centre of gravity looks."""

CLEAR = 15.0
"""Standard deviations of the background from which each mate of a pair has a place of its own."""

SINGLE = 1.3
"""Variance over mean, with what is not known of the background, up to which a disc holds single
counts."""

SMALLEST_CHANCE = 1e-300

QUIET = 0.5
"""Variance over mean below which pixels hold no counts: no electron adds less than its share of
the variance, so that such frames were divided by something (a mean over frames, a range of 0 to
1)."""


@dataclass(frozen=True, eq=False)
class DiffractionSpots:
    """Spots above the threshold, one row each; a Friedel pair is one, seen at right.

    Attributes
    ----------
    ry, rx : array of float64
        From the centre, in pixels, in the half plane rx ≥ 0.
    r_se : array of float64
        Standard error of the distance from the centre, in pixels.
    gy, gx : array of float64
        In 1/Å; NaN without a camera constant.
    d, d_se : array of float64
        Lattice spacing in Å and its standard error, without that of the camera constant.
    angle : array of float64
        Direction in degrees, counter-clockwise from +x as displayed, in (−90, 90].
    counts : array of float64
        In the discs of the pair, above the background, in the segment where they stand out most.
    snr : array of float64
        Those over the standard deviation of the background.
    dispersion : array of float64
        Variance over mean of the background there, of sums over discs.
    response : array of float64
        By what part of its distance a spot moves the weighted centre of gravity: less for wide
        spots.
    mates : array of bool (spots, 2)
        Whether the spot itself and its mate are seen, not hidden or outside the frame.
    segment : array of int64
        Where it stands out most.
    seen : array of bool (spots, segments)
        In which segments it passes the threshold.
    threshold : float
        Chance α/M that a disc must be below.
    centre : Centre
        As the pairs have it.
    pattern : array of float64
        Sum of all patterns, 0 where nothing is seen.
    spread : array of float64 (segments,)
        Variance over mean of the counts of each pattern, of sums over discs.
    """

    ry: Floats
    rx: Floats
    r_se: Floats
    gy: Floats
    gx: Floats
    d: Floats
    d_se: Floats
    angle: Floats
    counts: Floats
    snr: Floats
    dispersion: Floats
    response: Floats
    mates: NDArray[np.bool_]
    segment: NDArray[np.int64]
    seen: NDArray[np.bool_]
    threshold: float
    centre: Centre
    pattern: Floats
    spread: Floats

    def __len__(self) -> int:
        return len(self.ry)


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
    placed, centre = _placed(kept, images, backgrounds, centre)
    kept[:, [3, 5]] *= count
    pattern = np.where(centre.seen, pattern, 0.0)
    spread = np.array([_usual_spread(background) for background in backgrounds]) * count
    return _told(kept, placed, seen, threshold, centre, pattern, spread, camera_constant)


def _usual_spread(background: Background) -> float:
    """Variance over mean of sums over discs, beyond the direct beam."""
    beyond = background.dispersion[int(LOWEST_RADIUS) :]
    return float(np.median(beyond)) * background.together


def _offsets(centre: Centre) -> tuple[Floats, Floats]:
    rows, columns = (np.arange(n, dtype=np.float64) for n in centre.seen.shape)
    return (rows - centre.y)[:, None], (columns - centre.x)[None, :]


def _usable(centre: Centre) -> Mask:
    """Pixels around which enough of a disc is seen."""
    whole = disc(GRAVITY_RADIUS)
    part = ndimage.convolve(centre.seen.astype(np.float64), whole, mode="constant") / whole.sum()
    return np.asarray(part >= WHOLE, np.bool_)


def _tested(centre: Centre) -> Mask:
    """Pixels of one half plane whose disc, or whose mate's, is looked at.

    Where a pixel's own disc is hidden its mate's speaks for both, as a pixel of the same half.
    """
    dy, dx = _offsets(centre)
    half = (dx > 0) | ((dx == 0) & (dy > 0))
    both = _usable(centre)
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
    looked, usable = disc(RADIUS), _usable(centre)
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


def _placed(
    rows: Floats, images: Sequence[Floats], backgrounds: Sequence[Background], centre: Centre
) -> tuple[Floats, Centre]:
    """Columns ry, rx, r_se, whether each mate is seen, and the response; and the centre."""
    usable = _usable(centre)

    def whole_at(places: Floats) -> NDArray[np.bool_]:
        known = np.asarray(np.isfinite(places).all(axis=1), np.bool_)
        at = np.rint(np.where(known[:, None], places, -1)).astype(np.int64)
        y, x = at[:, 0], at[:, 1]
        inside: Mask = (y >= 0) & (y < usable.shape[0]) & (x >= 0) & (x < usable.shape[1])
        whole: Mask = inside.copy()
        whole[inside] = usable[y[inside], x[inside]]
        return whole

    def place(row: Floats, at: Floats, mates: NDArray[np.bool_]) -> tuple[float, ...]:
        segment = int(row[6])
        level = backgrounds[segment].level
        found: tuple[float, ...] = settle(images[segment], level, centre.seen, at, mates, row[5])
        return found

    middle = np.array([centre.y, centre.x])
    away = rows[:, :2] - middle
    at = np.stack([middle + away, middle - away], axis=1)
    seen = whole_at(at.reshape(-1, 2)).reshape(-1, 2)
    pairs = []
    for i in np.flatnonzero(seen.all(axis=1) & (rows[:, 4] > CLEAR)).tolist():
        first = place(rows[i], at[i], np.array([True, False]))
        second = place(rows[i], at[i, ::-1], np.array([True, False]))
        pairs.append([*(at[i, 0] + first[:2]), *first[2:4], *(at[i, 1] + second[:2]), *second[2:4]])
    centre = _centre_of_pairs(np.array(pairs).reshape(-1, 2, 4), centre)
    middle = np.array([centre.y, centre.x])
    placed = np.full((len(rows), 6), np.nan)
    for i in range(len(rows)):
        mates, vector = seen[i], away[i]
        for _ in range(2):  # again, should a mate turn out to lie across an edge
            start = np.stack([middle + away[i], middle - away[i]])
            dy, dx, vy, vx, response, lean = place(rows[i], start, mates)
            vector = away[i] + [dy, dx]
            here = mates & whole_at(np.stack([middle + vector, middle - vector]))
            if (here == mates).all():
                break
            mates = here
        if not (mates.any() and (here == mates).all()):
            continue  # a spot that is cut off has no place
        length = float(np.hypot(*vector))
        variance = np.array([vy, vx]) + (lean * centre.se) ** 2
        se = float(np.sqrt((vector / length) ** 2 @ variance))
        flip = vector[1] < 0 or (vector[1] == 0 and vector[0] < 0)
        told = mates[::-1] if flip else mates
        placed[i] = [*(-vector if flip else vector), se, *told, response]
    return placed, centre


def _centre_of_pairs(pairs: Floats, centre: Centre) -> Centre:
    """The centre as the middles of pairs have it, those that stand out left out.

    Parameters
    ----------
    pairs : array (pair, mate, 4)
        Place and variance along y and x.
    centre : Centre
        Where there is no pair.
    """
    pairs = pairs[np.isfinite(pairs).all(axis=(1, 2))]
    if not len(pairs):
        return centre
    middle = pairs[:, :, :2].mean(axis=1)
    variance = pairs[:, :, 2:].sum(axis=1) / 4
    away = np.abs(middle - np.median(middle, axis=0)) / np.sqrt(variance)
    plain = (away < 5).all(axis=1)
    if not plain.any():
        return centre
    weight = 1 / variance[plain]
    mean = (weight * middle[plain]).sum(axis=0) / weight.sum(axis=0)
    excess = 1.0
    if plain.sum() > 1:
        chi = (weight * (middle[plain] - mean) ** 2).sum(axis=0).mean() / (plain.sum() - 1)
        excess = max(1.0, float(chi))
    se = float(np.sqrt(excess / weight.sum(axis=0).min()))
    return Centre(float(mean[0]), float(mean[1]), se, centre.seen)


@kernel()
def settle(
    image: Floats,
    level: Floats,
    seen: NDArray[np.bool_],
    at: Floats,
    mates: NDArray[np.bool_],
    dispersion: float,
) -> tuple[float, float, float, float, float, float]:
    """How far a spot must be moved, and its mate the other way, for the centre of gravity to stay.

    Parameters
    ----------
    image, level : array
        Counts and background.
    seen : array of bool
    at : array (2, 2)
        (y, x) of the spot and of its mate.
    mates : array of bool (2,)
        Which of them count.
    dispersion : float
        Variance over mean of a pixel.

    Returns
    -------
    dy, dx : float
    variance_y, variance_x : float
    response : float
        By what part of its distance a spot moves the weighted centre of gravity.
    lean : float
        How much more the spot weighs than its mate, from −1 to 1: by so much the centre matters.
        All are NaN where it runs away further than the radius of a disc: there is no peak.
    """
    reach = int(np.ceil(GRAVITY_RADIUS))
    square = WEIGHT * WEIGHT
    nothing = (np.nan, np.nan, np.nan, np.nan, np.nan, np.nan)
    dy = dx = 0.0
    noise_y = noise_x = bend_y = bend_x = total = lean = 0.0
    for _ in range(STEPS):
        pull_y = pull_x = total = lean = 0.0
        noise_y = noise_x = bend_y = bend_x = 0.0
        for m in range(2):
            if not mates[m]:
                continue
            sign = 1 - 2 * m
            y, x = at[m, 0] + sign * dy, at[m, 1] + sign * dx
            iy, ix = int(np.rint(y)), int(np.rint(x))
            for i in range(max(0, iy - reach), min(image.shape[0], iy + reach + 1)):
                for j in range(max(0, ix - reach), min(image.shape[1], ix + reach + 1)):
                    v, u = sign * (i - y), sign * (j - x)
                    away = v * v + u * u
                    if not seen[i, j] or away > GRAVITY_RADIUS * GRAVITY_RADIUS:
                        continue
                    weight = np.exp(-away / (2 * square))
                    signal = image[i, j] - level[i, j]
                    variance = dispersion * max(image[i, j], level[i, j])
                    total += weight * signal
                    lean += sign * weight * signal
                    pull_y += weight * v * signal
                    pull_x += weight * u * signal
                    noise_y += (weight * v) ** 2 * variance
                    noise_x += (weight * u) ** 2 * variance
                    bend_y += weight * (1 - v * v / square) * signal
                    bend_x += weight * (1 - u * u / square) * signal
        if total <= 0:
            return nothing
        # Twice: a spot as wide as the weights pulls them by half its distance.
        step_y, step_x = 2 * pull_y / total, 2 * pull_x / total
        dy += min(max(step_y, -1.0), 1.0)
        dx += min(max(step_x, -1.0), 1.0)
        if np.hypot(dy, dx) > RADIUS:
            return nothing
        if np.hypot(step_y, step_x) < 1e-3:
            break
    if bend_y <= 0 or bend_x <= 0:
        return nothing
    response = (bend_y + bend_x) / 2 / total
    return dy, dx, noise_y / bend_y**2, noise_x / bend_x**2, response, lean / total


def _told(
    rows: Floats,
    placed: Floats,
    seen: NDArray[np.bool_],
    threshold: float,
    centre: Centre,
    pattern: Floats,
    spread: Floats,
    camera_constant: float | None,
) -> DiffractionSpots:
    known = np.isfinite(placed).all(axis=1)  # without a place there is no peak
    rows, placed, seen = rows[known], placed[known], seen[known]
    ry, rx, r_se = placed[:, 0], placed[:, 1], placed[:, 2]
    r = np.hypot(ry, rx)
    constant = np.nan if camera_constant is None else camera_constant
    angle = np.degrees(np.arctan2(-ry, rx))
    return DiffractionSpots(
        ry=ry,
        rx=rx,
        r_se=r_se,
        gy=ry / constant,
        gx=rx / constant,
        d=constant / r,
        d_se=constant * r_se / r**2,
        angle=np.where(angle <= -90, angle + 180, angle),
        counts=rows[:, 3],
        snr=rows[:, 4],
        dispersion=rows[:, 5],
        response=np.clip(placed[:, 5], 0.1, 1.0),
        mates=placed[:, 3:5].astype(bool),
        segment=rows[:, 6].astype(np.int64),
        seen=seen,
        threshold=threshold,
        centre=centre,
        pattern=pattern,
        spread=spread,
    )
