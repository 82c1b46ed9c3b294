"""A drifting focus as the rival of damage.

With a beam of k and its mate at −k, the power of a fringe goes with the defocus Δ as
``B + C·cos(2πλk²Δ) + D·sin(2πλk²Δ)``: the square of the two beams' transfer [1]_, where dynamical
scattering leaves B, C and D free. All spots share one path of the focus, which is taken as a ramp
between two doses, at rest before and after; λ and the amount are one unknown.

References
----------
.. [1] D. B. Williams, C. B. Carter, Transmission Electron Microscopy, 2nd ed., Springer 2009,
   ch. 28.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.compiling import kernel

Floats = NDArray[np.float64]

AMOUNTS = np.linspace(0.15, 2.0, 12) * 2 * np.pi
"""Phases by which the focus moves the spot of largest |g|."""


@kernel()
def focus_misfit(
    y: Floats, weight: Floats, g: Floats, start: Floats, end: Floats, amounts: Floats, knots: int
) -> float:
    """Least weighted square misfit of a drifting focus to all spots.

    Parameters
    ----------
    y, weight : array (spots, samples)
        Signal and one over its variance; a weight of 0 leaves out.
    g : array (spots,)
        Length of the g-vectors.
    start, end : array (samples,)
        Doses.
    amounts : array
        Phases to try for the largest g.
    knots : int
        Doses tried for beginning and end of the ramp.
    """
    first, last = start[0], end[-1]
    largest = g.max()
    least = np.inf
    count = y.shape[1]
    path = np.empty(count)
    for a in range(knots):
        begin = first + (last - first) * a / knots
        for b in range(a + 1, knots + 1):
            stop = first + (last - first) * b / knots
            for t in range(count):
                middle = (start[t] + end[t]) / 2
                path[t] = min(max((middle - begin) / (stop - begin), 0.0), 1.0)
            for amount in amounts:
                total = 0.0
                for i in range(y.shape[0]):
                    phase = amount * (g[i] / largest) ** 2
                    total += _spot_misfit(y[i], weight[i], path, phase)
                    if total > least:
                        break
                least = min(least, total)
    return least


@kernel()
def _spot_misfit(y: Floats, weight: Floats, path: Floats, phase: float) -> float:
    """Of one spot, its three terms fitted; a power below 0 is taken as 0."""
    normal = np.zeros((3, 3))
    right = np.zeros(3)
    for t in range(len(y)):
        if weight[t] > 0:
            c, s = math.cos(phase * path[t]), math.sin(phase * path[t])
            row = (1.0, c, s)
            for j in range(3):
                right[j] += weight[t] * row[j] * y[t]
                for k in range(3):
                    normal[j, k] += weight[t] * row[j] * row[k]
    ridge = 1e-6 * normal[0, 0] + 1e-300
    for j in range(3):
        normal[j, j] += ridge
    _solve(normal, right)
    misfit = 0.0
    for t in range(len(y)):
        if weight[t] > 0:
            c, s = math.cos(phase * path[t]), math.sin(phase * path[t])
            power = max(0.0, right[0] + right[1] * c + right[2] * s)
            misfit += weight[t] * (y[t] - power) ** 2
    return misfit


@kernel()
def _solve(normal: Floats, right: Floats) -> None:
    """Put the terms in the place of the right side, by elimination; `normal` is positive definite.

    Seconds faster to compile than that of a library.
    """
    count = len(right)
    for j in range(count):
        for k in range(j + 1, count):
            part = normal[k, j] / normal[j, j]
            right[k] -= part * right[j]
            for m in range(j, count):
                normal[k, m] -= part * normal[j, m]
    for j in range(count - 1, -1, -1):
        for k in range(j + 1, count):
            right[j] -= normal[j, k] * right[k]
        right[j] /= normal[j, j]
