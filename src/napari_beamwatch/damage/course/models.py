"""What a lattice does over the dose: nothing, or a plateau and then a decay.

A model is the power of the part that goes, relative to the plateau: 1 up to the onset, then
``exp(−((D − onset)/tau)^beta)``; an onset at the first dose is decay without a plateau, and a tau
of 0 is a step. A frame is a sum of pictures, so it shows the squared mean *amplitude* over its
exposure, not the power at its end. Of what takes the place of what went, pieces without a common
phase add their powers, ``1 − h``; of one crystal the amplitudes add, ``(1 − √h)²``, which begins
slower.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.compiling import kernel

Floats = NDArray[np.float64]

NEGLIGIBLE = 18.0
"""Exponent of the power from which the amplitude (1e-4) is taken as gone."""

_X, _W = np.polynomial.legendre.leggauss(5)
NODES, WEIGHTS = tuple((_X + 1) / 2), tuple(_W / 2)


@kernel()
def remaining(start: Floats, end: Floats, onset: float, tau: float, beta: float) -> Floats:
    """Power that each frame shows of the part that goes, relative to the plateau.

    Parameters
    ----------
    start, end : array
        Dose of each frame's beginning and end.
    onset, tau : float
        On the same axis; a tau of 0 is a step.
    beta : float
        Stretch of the exponential.
    """
    shown = np.empty(len(start))
    for t in range(len(start)):
        length = end[t] - start[t]
        before = min(max(onset - start[t], 0.0), length)
        if before >= length:
            shown[t] = 1.0
        elif tau <= 0:
            shown[t] = (before / length) ** 2
        else:
            since = max(start[t] - onset, 0.0)
            after = _mean_amplitude(since, length - before, tau, beta)
            shown[t] = ((before + (length - before) * after) / length) ** 2
    return shown


@kernel()
def each_remaining(start: Floats, end: Floats, onset: Floats, tau: Floats, beta: Floats) -> Floats:
    """The same of each of many models: array (models, frames)."""
    shown = np.empty((len(onset), len(start)))
    for i in range(len(onset)):
        shown[i] = remaining(start, end, onset[i], tau[i], beta[i])
    return shown


@kernel()
def come(shown: Floats, coherent: bool) -> Floats:
    """Power that each frame shows of what comes instead of what goes, relative to its last."""
    return np.square(1 - np.sqrt(shown)) if coherent else 1 - shown


@kernel()
def _mean_amplitude(since: float, length: float, tau: float, beta: float) -> float:
    """Mean amplitude over `length` of dose from `since` after the onset."""
    if beta == 1.0:
        x = length / (2 * tau)
        faded = 1 - x / 2 if x < 1e-6 else (1 - math.exp(-x)) / x
        amplitude: float = math.exp(-since / (2 * tau)) * faded
        return amplitude
    gone = tau * NEGLIGIBLE ** (1 / beta)
    counted = min(length, gone - since)
    if counted <= 0:
        return 0.0
    if since >= counted and 2 * counted <= tau:
        # Smooth enough for the middle and the curvature there: good to 5e-4.
        middle = since + counted / 2
        u = math.exp(beta * math.log(middle / tau)) / 2
        bend = (counted / middle) ** 2 / 24 * beta * u * (beta * u - beta + 1)
        curved: float = math.exp(-u) * (1 + bend) * counted / length
        return curved
    total = 0.0
    for node, weight in zip(NODES, WEIGHTS):  # noqa: B905 - numba knows no strict
        total += weight * math.exp(-(((since + node * counted) / tau) ** beta) / 2)
    mean: float = total * counted / length
    return mean
