"""Maps of log likelihood over the displacements of frames, and what they say together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.spectra.drift.arrays import Complex64, Floats, Floats32, Steps
from napari_beamwatch.spectra.drift.images import Images
from napari_beamwatch.spectra.drift.kernels import for_each, frame_against, phases
from napari_beamwatch.spectra.drift.refining import smeared_image
from napari_beamwatch.spectra.drift.whitening import Cells, Problem


def maps_of(
    problem: Problem,
    chosen: NDArray[np.int64],
    path: Floats,
    images: list[Images],
    own: NDArray[np.bool_],
    fixed: Complex64,
    middle: Floats,
) -> Floats32:
    """Log likelihood of each displacement from `middle` for each chosen frame.

    The frame itself is left out of the image.
    """
    cells, band = problem.cells, problem.band
    maps = np.empty((len(chosen), 2 * cells.half[0] + 1, 2 * cells.half[1] + 1), np.float32)
    scale = np.float32(2 / band.overlap)

    def one(i: int) -> None:
        t = int(chosen[i])
        image = images[problem.block[t]]
        py, px = phases(band, path[t])
        product = np.empty(problem.y.shape[1:], np.complex64)
        frame_against(
            problem.y[t], problem.a[t] if own[t] else np.float32(0), py, px, image.moving,
            image.own, image.other, fixed, problem.a[t], product,
        )  # fmt: skip
        smear = smeared_image(problem, middle, t)
        if smear is not None:
            product *= smear
        my, mx = phases(band, middle[t])
        product *= my[:, None]
        product *= mx
        maps[i] = cells.cut(cells.correlation(product)) * (problem.a[t] * scale)

    for_each(one, range(len(chosen)), problem.check)
    return maps


def smoothed(problem: Problem, maps: Floats32, law: Steps, after: Floats | None = None) -> Floats:
    """Probability of each displacement in each frame, all frames considered."""
    steps = [
        [(p, _kernel(axis, max(s, 0.5 * spacing))) for p, s in law]
        for axis, spacing in zip(problem.cells.axes, problem.cells.spacing, strict=True)
    ]

    def move(p: Floats) -> Floats:
        moved = np.zeros_like(p)
        for (share, ky), (_, kx) in zip(*steps, strict=True):
            moved += share * (ky @ p @ kx.T)
        return moved

    # A floor keeps underflow (slow, and final) out.
    likelihood = np.exp(maps - maps.max(axis=(1, 2), keepdims=True), dtype=np.float64) + 1e-25
    count = len(maps)
    forward: Floats = np.empty_like(likelihood)
    state = np.full(maps.shape[1:], 1.0 / maps[0].size)
    for t in range(count):
        problem.check()
        state = (move(state) if t else state) * likelihood[t]
        state = state / state.sum() + 1e-30
        forward[t] = state
    later = np.ones(maps.shape[1:]) if after is None else move(after) + 1e-30
    for t in range(count - 1, -1, -1):
        problem.check()
        forward[t] *= later / later.max()
        forward[t] /= forward[t].sum()
        later = move(later * likelihood[t])
        later = later / later.max() + 1e-30
    return forward


def _kernel(axis: Floats, sigma: float) -> Floats:
    kernel: Floats = np.exp(-0.5 * ((axis[:, None] - axis) / sigma) ** 2)
    kernel /= kernel.sum(axis=0)
    return kernel


def centres_of(cells: Cells, weights: Floats) -> Floats:
    """Mean displacement around the most probable one of each frame."""
    centres = np.empty((len(weights), 2))
    axes = cells.axes
    near = [max(1, round(4.0 / spacing)) for spacing in cells.spacing]
    for t, weight in enumerate(weights):
        i, j = np.unravel_index(int(weight.argmax()), weight.shape)
        rows = slice(max(0, int(i) - near[0]), int(i) + near[0] + 1)
        columns = slice(max(0, int(j) - near[1]), int(j) + near[1] + 1)
        part = weight[rows, columns]
        part = part / part.sum()
        centres[t] = part.sum(axis=1) @ axes[0][rows], part.sum(axis=0) @ axes[1][columns]
    return centres
