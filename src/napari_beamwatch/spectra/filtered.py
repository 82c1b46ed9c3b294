"""Frames that were filtered before we had them, told by the noise of their electrons.

Noise of electrons is white, as much in every frame as its counts. What moved frames by parts of a
pixel, weighted or smoothed them takes it along with the fringes, and where it comes, goes or grows
over a movie, spots fall as if they faded. The noise at (ky, kx) follows from what neighbouring
pixels share: of those of variance c₀ and covariance c₁ it is c₀ (1 + 2 c₁/c₀ cos 2πk) along each
axis, exactly so where two neighbours are mixed, as by linear interpolation [1]_.

What fades takes its own variance out of a frame, too, where electrons are many; but not that from
pixel to pixel, of which fringes have next to none, and no filter spares it.

References
----------
.. [1] P. Thévenaz, T. Blu, M. Unser, IEEE Trans. Med. Imaging 19 (2000) 739.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.movies.frames import Frame

Floats = NDArray[np.float64]

SAMPLED = 32
"""Rows that tell how much pixels share with those beside and below them."""

FOURTH = np.array([70.0, -112.0, 56.0, -16.0, 2.0])
"""What the covariances with neighbours add to in the fourth difference of pixels: of fringes of 5
pixels it has a twentieth of what it has of noise."""


def noise_of(frame: Frame, cap: float) -> Floats:
    """Variance of pixels, and their covariance with each of the next four, over their mean.

    Parameters
    ----------
    frame : array
    cap : float
        What a pixel counts at most.

    Returns
    -------
    array (2, 5)
        Along y and x; NaN of an even frame.
    """
    lags = range(len(FOURTH))
    first = slice(0, len(frame) - lags[-1], max(1, len(frame) // SAMPLED))
    rows = [np.minimum(frame[lag:][first], np.float32(cap)).astype(np.float32) for lag in lags]
    mean = rows[0].mean()
    here, *_ = below = [row - mean for row in rows]
    beside = [(here[:, : here.shape[1] - lag], here[:, lag:]) for lag in lags]
    found = np.array([
        [np.vdot(here, row) / here.size for row in below],
        [np.vdot(np.ascontiguousarray(a), np.ascontiguousarray(b)) / a.size for a, b in beside],
    ], np.float64)  # fmt: skip
    return found / float(mean) if mean > 0 and found[0, 0] > 0 else np.full_like(found, np.nan)


def left_by_filters(noise: Floats, gy: Floats, gx: Floats) -> Floats:
    """Part of the power of spots that filters leave in each frame, beside the best.

    Parameters
    ----------
    noise : array (frames, 2, 5)
        As `noise_of`. What all frames have is the camera's.
    gy, gx : array (spots,)
        Cycles per pixel.

    Returns
    -------
    array (spots, frames)
    """
    there = noise[..., 0].mean(axis=1)
    shared = noise[..., 1] / noise[..., 0]
    for along, k in zip(shared.T, (gy, gx), strict=True):
        there = there * (1 + 2 * along * np.cos(2 * np.pi * k[:, None]))
    left, fine = (
        each / np.fmax.reduce(each, axis=-1, keepdims=True)
        for each in (there, (noise @ FOURTH).min(axis=1))
    )
    left = np.clip(np.maximum(left, 2 * fine - 1), 0.0, 1.0)
    return np.asarray(np.nan_to_num(left, nan=1.0), np.float64)
