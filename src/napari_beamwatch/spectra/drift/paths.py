"""Where the specimen was in each frame: paths through maps of likelihood."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage

from napari_beamwatch.spectra.drift.arrays import Floats
from napari_beamwatch.spectra.drift.images import (
    Images,
    Sums,
    Variances,
    all_images,
    evidence,
    standing_evidence,
)
from napari_beamwatch.spectra.drift.maps import centres_of, maps_of, smoothed
from napari_beamwatch.spectra.drift.refining import refine, smooth_path
from napari_beamwatch.spectra.drift.velocity import USUAL, steady_path
from napari_beamwatch.spectra.drift.whitening import Problem, mixture

Better = Callable[[Problem, Floats], Floats | None]
"""What makes another path of one, or none."""

STEPS = ((0.96, 1.0), (0.038, 3.0), (0.002, 10.0))
"""Steps off a smooth path from frame to frame: probability, standard deviation in pixels."""

FIRST_STEPS = ((0.90, 1.0), (0.08, 4.0), (0.02, 10.0))
"""The same before there is such a path."""

FAINTEST = 15.0
"""Pair correlation of all frames (standard deviations) below which no drift is stated: paths
fitted to pure noise reach 8, a specimen that can be followed 40."""

LEAST_GAIN = 4.0
"""Log likelihood that a frame must add on average. With less, single frames do not find
themselves (measured: 2.9 lost, 4.6 found), and a path may hop by a lattice vector."""

TOO_FAINT = "too few electrons or too little contrast to see a drift"

MOVED, MOVED_A_FRAME = 30.0, 1.5
"""Log likelihood, and more for each frame, by which a path must be better than standing still to
count as movement: a path of many frames bends to their noise (measured: 0.4 to 0.9 a frame where
nothing moved, 3 and more where it moved by 15 pixels)."""

BENT_A_FRAME = 1.0
"""The same, by which it must be better than one by a law: what bends to noise gains less."""

PAIRS_GAINED = 1.1
"""Factor by which a path must bring frames into agreement better than standing still does. A
specimen that changes wins likelihood from a path, for that has a second image to explain it with,
but no agreement (measured: 0.4 to 1.07; where it moved by 15 pixels, 1.13 and more)."""

AROUND = 11
"""Steps whose median is that of a smooth path."""

MOST_ROUNDS = 4

SETTLED = 2.0
"""Pixels: when no step of a path changes by more, another round is not needed."""

MOST_MENDS = 4
"""Corrections of a path that are tried, of either kind."""

RESTS, NEARLY = 8, 0.01
"""Times to rest that are tried, and the part of a way that is as good as none."""

HOP_SEEN = 0.5
"""Standard deviations of a correlation map by which another shift must fit better."""

CLIPPED = 1.5
"""Amplitude, in units of noise, above which a sum's coefficients say no more there."""


def solve_path(problem: Problem) -> tuple[Floats, Floats, str]:
    """Path (frames, 2), covariance of its steps along an axis, and why there is none."""
    frames = len(problem.a)
    nothing = np.zeros((frames, 2)), np.zeros((frames, frames))
    standing = np.zeros((frames, 2))
    moved = MOVED + MOVED_A_FRAME * frames
    still_gain, still_pairs = standing_evidence(problem)
    path, start = steady_path(problem)
    lawful = best = _bettered(problem, _Told.of(problem, path), _settling)
    for against_pattern in (False, True):
        if against_pattern:
            # A pattern of the detector may have held the path: what if all that lies still
            # is taken for it?
            if best.gain > still_gain + moved and not _has_pattern(problem, best.path):
                break
            path = _trace_back(problem, standing, frames // 2, without_still=True)
        else:
            traced = _Told.of(problem, _trace_back(problem, path, start, without_still=False))
            path = max(traced, lawful, key=lambda told: told.weight).path
        for _ in range(MOST_ROUNDS):
            before, path = path, _round(problem, path)
            if np.abs(np.diff(path - before, axis=0)).max() < SETTLED:
                break
        told = _bettered(problem, _Told.of(problem, path), _without_hop)
        if best is lawful or told.weight > best.weight:
            best = told
    # Faint frames do not find themselves: a path of a few numbers may be all that they tell.
    if best.gain < LEAST_GAIN * frames or best.weight < lawful.weight + BENT_A_FRAME * frames:
        best = lawful
    gain, pairs, path = best.gain, best.pairs, best.path
    if max(pairs, still_pairs) < FAINTEST:
        return *nothing, TOO_FAINT
    if gain < still_gain + moved and not problem.has_spots:
        return *nothing, (
            "what the frames share stands still: no drift, or nothing but the detector's pattern"
        )
    if gain < still_gain + moved or pairs < PAIRS_GAINED * still_pairs:
        path = standing
    path, covariance = refine(problem, path)
    return path, covariance, ""


@dataclass(frozen=True, eq=False)
class _Told:
    """A path and how likely it is.

    Attributes
    ----------
    path : array (frames, 2)
    gain, pairs : float
        Its `evidence`.
    """

    path: Floats
    gain: float
    pairs: float

    @classmethod
    def of(cls, problem: Problem, path: Floats) -> _Told:
        return cls(path, *evidence(problem, path, True))

    @cached_property
    def weight(self) -> float:
        """Log of likelihood and prior: of steps off those around them, over that of none."""
        steps = np.diff(self.path, axis=0)
        off = ((steps - ndimage.median_filter(steps, (AROUND, 1), mode="nearest")) ** 2).sum(axis=1)
        prior = np.zeros(len(off))
        for share, size in STEPS:
            prior += share / size**2 * np.exp(-off / (2 * size**2))
        prior /= sum(share / size**2 for share, size in STEPS)
        return self.gain + float(np.log(np.maximum(prior, 1e-300)).sum())


def _bettered(problem: Problem, told: _Told, better: Better) -> _Told:
    """A path, mended as long as that makes it likelier."""
    for _ in range(MOST_MENDS):
        path = better(problem, told.path)
        if path is None:
            break
        tried = _Told.of(problem, path)
        if tried.weight <= told.weight:
            break
        told = tried
    return told


def _settling(problem: Problem, path: Floats) -> Floats | None:
    """A path that is led up to as by a stage that comes to rest, where frames fit better so.

    In each frame less of the way is left, by a law of exponentials as stages have it.
    """
    frames, half = len(path), np.array(problem.cells.half)
    images, fixed = all_images(problem, path)
    everything = np.ones(frames, bool)
    chosen = np.arange(frames)
    maps = maps_of(problem, chosen, path, images, everything, fixed, path)
    y, x = problem.cells.axes
    prior = 1.5 * np.log1p((y[:, None] ** 2 + x**2) / USUAL**2)
    best: tuple[float, Floats] | None = None
    for rest in np.geomspace(1.0, problem.middle[-1] / 3, RESTS):
        left = np.exp(-problem.middle / rest)
        told = -prior
        for one, part in zip(maps, left, strict=True):
            if part > NEARLY:
                told = told + ndimage.affine_transform(one, [part] * 2, half * (1 - part), order=1)
                told = told - one[tuple(half)]
        i, j = np.unravel_index(int(told.argmax()), told.shape)
        if told[i, j] > (0 if best is None else best[0]):
            best = float(told[i, j]), path + left[:, None] * np.array([y[i], x[j]])
    return None if best is None else best[1]


def _without_hop(problem: Problem, path: Floats) -> Floats | None:
    """The path with all that comes before some time shifted, if that fits better there.

    Comparing what comes before and after a time shows a hop; every frame is asked again then.
    """
    cells = problem.cells
    sums = Sums.of(problem, path, np.ones(len(path), bool))
    best: tuple[float, Floats] | None = None
    for block in range(1, problem.blocks):
        sides = []
        for part in (slice(max(0, block - 3), block), slice(block, block + 3)):
            side = sums.moved[part].sum(axis=0) / np.float32(math.sqrt(sums.weight[part].sum()))
            side /= np.maximum(1, np.abs(side) / np.float32(CLIPPED))
            sides.append(side)
        fit = cells.cut(cells.correlation(sides[0] * np.conj(sides[1])))
        spread = float(fit.std())
        if not spread > 0:  # nothing is seen on one of the sides
            continue
        hy, hx = cells.half
        here = float(fit[hy - 1 : hy + 2, hx - 1 : hx + 2].max())
        i, j = np.unravel_index(int(fit.argmax()), fit.shape)
        excess = (float(fit[i, j]) - here) / spread
        if excess > HOP_SEEN and (best is None or excess > best[0]):
            shifted = path.copy()
            before = slice(int(np.argmax(problem.block == block)))
            shifted[before] += [cells.axes[0][i], cells.axes[1][j]]
            best = excess, shifted
    return None if best is None else _round(problem, best[1] - best[1][-1])


def _has_pattern(problem: Problem, path: Floats) -> bool:
    total = Sums.of(problem, path, np.ones(len(path), bool)).all()
    return bool(Variances.of(problem, total, True).still.any())


def _trace_back(problem: Problem, path: Floats, start: int, without_still: bool) -> Floats:
    """Places the frames from one on together, then block by block towards the beginning."""
    frames = len(problem.a)
    path = path.copy()
    use = np.arange(frames) >= start
    use |= problem.block >= problem.block[start]
    held = np.zeros(problem.y.shape[1:], np.complex64)
    if without_still:
        held = mixture(problem.a, problem.y) / np.float32((problem.a**2).sum())
    first = int(problem.block[start])
    ahead: Floats | None = None
    for number in range(first, -1, -1):
        problem.check()
        now = problem.block == number if number < first else use.copy()
        sums = Sums.of(problem, path, use)
        total = sums.near(number)
        variances = Variances.of(problem, total, False)
        images = Images.of(problem, total, variances)
        chosen = np.flatnonzero(now)
        own = use & now
        middle = path.copy()
        if number < first:
            # As fast as in the frames after it; what is wrong in that, the steps allow for.
            begin = int(chosen[-1]) + 1
            end = min(frames - 1, begin + 8)
            velocity = (path[end] - path[begin]) / max(1, end - begin)
            middle[chosen] = path[begin] + (chosen - begin)[:, None] * velocity
        maps = maps_of(problem, chosen, path, [images] * problem.blocks, own, held, middle)
        weights = smoothed(problem, maps, FIRST_STEPS, ahead)
        path[chosen] = middle[chosen] + centres_of(problem.cells, weights)
        ahead = np.zeros_like(weights[0])
        ahead[problem.cells.half] = 1.0
        use |= now
    return path


def _round(problem: Problem, path: Floats) -> Floats:
    """All frames against all others."""
    everything = np.ones(len(path), bool)
    images, fixed = all_images(problem, path)
    middle = smooth_path(path)
    maps = maps_of(
        problem,
        np.arange(len(path)),
        path,
        images,
        everything,
        fixed,
        middle,
    )
    return middle + centres_of(problem.cells, smoothed(problem, maps, STEPS))
