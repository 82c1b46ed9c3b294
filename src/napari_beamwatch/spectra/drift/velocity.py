"""How fast the specimen moves, from all pairs of frames."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import fft, ndimage

from napari_beamwatch.compiling import kernel
from napari_beamwatch.spectra.drift.arrays import Complex64, Floats, Floats32
from napari_beamwatch.spectra.drift.kernels import for_each
from napari_beamwatch.spectra.drift.whitening import Problem

USUAL = 25.0
"""Pixels that a specimen usually moves in what is looked at: the prior of its movement falls with
the cube, as a Cauchy distribution in the plane does."""

REACH = 3
"""The field over this is the farthest that it may move: frames farther apart share little."""

MOST_FRAMES = 96
"""Of which all pairs are taken; where there are more, neighbours are added up."""


def steady_path(problem: Problem) -> tuple[Floats, int]:
    """A path of constant velocity, that of all frames or of the later half, as they tell more.

    A stage that was just moved settles, so that all frames may have no common velocity; where they
    have one, they know it four times as well.

    Returns
    -------
    path : array (frames, 2)
    start : int
        The frame from which on it has that velocity.
    """
    frames = len(problem.a)
    found = [(_velocity(problem, start), start) for start in (0, frames // 2)]
    (_, velocity), start = max(found, key=lambda one: one[0][0])
    return (problem.middle - problem.middle[-1])[:, None] * velocity, start


def _velocity(problem: Problem, start: int) -> tuple[float, Floats]:
    """How well the best velocity tells the frames from one on, and that, in pixels a frame.

    Of all pairs with the same time between them one map of correlations is made; a velocity is
    told by all maps, each at what it moves in that time.
    """
    cells, y = problem.cells, _evenly(problem, start)
    count = len(y)
    if count < 2:
        return 0.0, np.zeros(2)
    reach = [size // REACH for size in cells.map_shape]
    cut = tuple(
        slice(size // 2 - far, size // 2 + far + 1)
        for size, far in zip(cells.map_shape, reach, strict=True)
    )
    maps = np.empty((count, *(2 * far + 1 for far in reach)), np.float32)

    def correlate(lag: int) -> None:
        product = np.zeros(y.shape[1:], np.complex64)
        add_pairs(y, lag, product)
        maps[lag] = fft.fftshift(cells.correlation(product))[cut]

    for_each(correlate, range(1, count), problem.check)
    score: Floats32 = np.zeros(maps.shape[1:], np.float32)
    for lag in range(1, count):
        problem.check()
        part = lag / (count - 1)
        score += ndimage.affine_transform(
            maps[lag], [part, part], (1 - part) * np.array(reach), order=1
        )
    moved = [np.arange(-far, far + 1) * s for far, s in zip(reach, cells.spacing, strict=True)]
    z = np.maximum(score / max(float(score.std()), 1e-30), 0.0)
    told = z**2 / 2 - 1.5 * np.log1p((moved[0][:, None] / USUAL) ** 2 + (moved[1] / USUAL) ** 2)
    i, j = np.unravel_index(int(told.argmax()), told.shape)
    time = (count - 1) * _length(problem, start)
    return float(told[i, j]), np.array([moved[0][i], moved[1][j]]) / time


def _length(problem: Problem, start: int) -> int:
    """Frames that are added up, so that there are no more than `MOST_FRAMES` sums."""
    return -(-int(problem.lengths[start:].sum()) // MOST_FRAMES)


def _evenly(problem: Problem, start: int) -> Complex64:
    """Sums of as many frames each, whatever was added up already."""
    length = _length(problem, start)
    since = problem.middle[start:] - problem.middle[start] + problem.lengths[start] / 2
    of = (since // length).astype(np.int64)
    y = np.zeros((int(of[-1]) + 1, *problem.y.shape[1:]), np.complex64)
    for i, strength, one in zip(of, problem.a[start:], problem.y[start:], strict=True):
        y[i] += strength * one
    return y


@kernel()
def add_pairs(y: Any, lag: int, product: Any) -> None:
    """Products of frames that lie `lag` apart, the later one times the conjugate of the earlier."""
    for t in range(y.shape[0] - lag):
        for i in range(y.shape[1]):
            for j in range(y.shape[2]):
                product[i, j] += y[t + lag, i, j] * np.conj(y[t, i, j])
