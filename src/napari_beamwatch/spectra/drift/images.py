"""Images of the specimen, which moves, and of the detector, which stands still."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.spectra.drift.arrays import Complex64, Floats, Floats32
from napari_beamwatch.spectra.drift.kernels import for_each, lay_frame, phases
from napari_beamwatch.spectra.drift.whitening import Problem, mixture, squared


@dataclass(frozen=True, eq=False)
class Sums:
    """What the frames add up to when they are laid where a path says.

    For each block of time: frames moved back (`moved`), as they lie (`still`), and the sum of
    the squared strengths moved back (`coherence`); `weight` is that sum unmoved.
    """

    moved: Complex64
    still: Complex64
    coherence: Complex64
    weight: Floats

    @classmethod
    def of(cls, problem: Problem, path: Floats, use: NDArray[np.bool_]) -> Sums:
        shape = (problem.blocks, *problem.y.shape[1:])
        moved, still, coherence = (np.zeros(shape, np.complex64) for _ in range(3))
        used = np.flatnonzero(use)

        def lay(block: int) -> None:
            for t in used[problem.block[used] == block]:
                py, px = phases(problem.band, path[t])
                lay_frame(
                    problem.y[t], problem.a[t], py, px, moved[block], still[block],
                    coherence[block],
                )  # fmt: skip

        for_each(lay, range(problem.blocks), problem.check)
        counted = np.bincount(
            problem.block[used], problem.a[used].astype(np.float64) ** 2, problem.blocks
        )
        weight = np.asarray(counted, np.float64)
        return cls(moved, still, coherence, weight)

    def near(self, block: int) -> Total:
        """The sum over all blocks, those near in time weighted more."""
        distance = np.abs(np.arange(len(self.weight)) - block)
        return self._total(np.maximum(0.35, 1 - distance / 6))

    def all(self) -> Total:
        """The sum over all blocks."""
        return self._total(np.ones(len(self.weight)))

    def _total(self, weights: Floats) -> Total:
        return Total(
            mixture(weights, self.moved),
            mixture(weights, self.still),
            mixture(weights, self.coherence),
            float(weights @ self.weight),
        )


@dataclass(frozen=True, eq=False)
class Total:
    """Weighted sums over blocks of time, of what moves and of what stands still."""

    moved: Complex64
    still: Complex64
    coherence: Complex64
    weight: float


@dataclass(frozen=True, eq=False)
class Variances:
    """Expected power of the moving and of the still image in each ring, per frame."""

    moving: Floats
    still: Floats

    @classmethod
    def of(cls, problem: Problem, total: Total, still: bool) -> Variances:
        used, ring = problem.used, problem.ring[problem.used]
        n = max(total.weight, 1e-9)
        rings = int(problem.ring.max()) + 1
        # A few strong coefficients must not speak for a ring.
        moved = np.minimum(squared(total.moved[used]) / n, 12.0) - 1
        lying = np.minimum(squared(total.still[used]) / n, 12.0) - 1
        share = np.minimum(squared(total.coherence[used]) / n**2, 1.0)
        known = 1 - share**2
        fixed = np.zeros(rings)
        if still:
            # E moved = n (pS + share pG), E still = n (share pS + pG).
            top = _smooth(_binned(ring, known * (lying - share * moved), rings), 4)
            bottom = _smooth(_binned(ring, known**2, rings), 4)
            z = (known * (lying - share * moved)).sum() / math.sqrt(
                problem.band.overlap * ((known * 1.0) ** 2 * (1 + share**2)).sum() + 1e-9
            )
            if z > 4:
                fixed = (top / np.maximum(bottom, 1e-9) / n).clip(0)
        counts = np.maximum(_smooth(_binned(ring, np.ones(len(ring), np.float32), rings), 1), 1e-9)
        level = _smooth(_binned(ring, moved - share * n * fixed[ring], rings), 1) / counts
        return cls((level / n).clip(0), fixed)


def _binned(ring: NDArray[np.int64], values: Floats32, rings: int) -> Floats:
    return np.asarray(np.bincount(ring, values, rings), np.float64)


def _smooth(values: Floats, times: int) -> Floats:
    for _ in range(times):
        padded = np.pad(values, 1)
        values = 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]
    return values


@dataclass(frozen=True, eq=False)
class Images:
    """Most probable moving image as ``own · moved + other · still``, and the still one."""

    own: Floats32
    other: Complex64
    moving: Complex64
    fixed: Complex64
    total: Total

    @classmethod
    def of(cls, problem: Problem, total: Total, variances: Variances) -> Images:
        p_s = np.maximum(variances.moving, 1e-12)[problem.ring]
        p_g = np.maximum(variances.still, 1e-12)[problem.ring]
        n = total.weight
        a, d, c = 1 / p_s + n, 1 / p_g + n, total.coherence
        determinant = a * d - squared(c)
        own = (d / determinant * problem.used).astype(np.float32)
        other = (-c / determinant * problem.used).astype(np.complex64)
        moving = own * total.moved + other * total.still
        fixed = ((a * total.still - np.conj(c) * total.moved) / determinant * problem.used).astype(
            np.complex64
        )
        return cls(own, other, moving, fixed, total)


def standing_evidence(problem: Problem) -> tuple[float, float]:
    """`evidence` of a specimen that stands still but may change, once, at the best of some times.

    What moves over what stands still has two images to explain the frames with; so must have
    what only stands, or a specimen that turns into another would seem to move.
    """
    frames = len(problem.a)
    standing = np.zeros((frames, 2))
    gain, pairs = evidence(problem, standing, False)
    for part in (0.25, 0.5, 0.75):
        early = np.arange(frames) < part * frames
        if 0 < early.sum() < frames:
            both = [evidence(problem, standing, False, use)[0] for use in (early, ~early)]
            gain = max(gain, sum(both))
    return gain, pairs


def evidence(
    problem: Problem, path: Floats, still: bool, use: NDArray[np.bool_] | None = None
) -> tuple[float, float]:
    """Log likelihood of a path over no image at all, and its pair correlation in sigmas."""
    use = np.ones(len(path), bool) if use is None else use
    total = Sums.of(problem, path, use).all()
    variances = Variances.of(problem, total, still)
    images = Images.of(problem, total, variances)
    used, n = problem.used, total.weight
    p_s, p_g = variances.moving[problem.ring][used], variances.still[problem.ring][used]
    share = squared(total.coherence[used])
    fit = (np.conj(images.moving[used]) * total.moved[used]).real + (
        np.conj(images.fixed[used]) * total.still[used]
    ).real
    determinant = (1 + n * p_s) * (1 + n * p_g) - p_s * p_g * share
    gain = float((fit - np.log(determinant)).sum()) / problem.band.overlap
    squares = problem.a[use].astype(np.float64) ** 2
    own = np.zeros(int(used.sum()))
    for square, frame in zip(squares, problem.y[use], strict=True):
        own += square * squared(frame[used])
    w = n * p_s / (1 + n * p_s)
    pairs = float((w * (squared(total.moved[used]) - own)).sum())
    spread = problem.band.overlap * float((w**2).sum()) * float(n**2 - (squares**2).sum())
    return gain, pairs / math.sqrt(max(spread, 1e-30))


def all_images(problem: Problem, path: Floats) -> tuple[list[Images], Complex64]:
    """Images seen from each block, and the detector's pattern."""
    sums = Sums.of(problem, path, np.ones(len(path), bool))
    total = sums.all()
    variances = Variances.of(problem, total, True)
    fixed = Images.of(problem, total, variances).fixed
    return [
        Images.of(problem, sums.near(block), variances) for block in range(problem.blocks)
    ], fixed
