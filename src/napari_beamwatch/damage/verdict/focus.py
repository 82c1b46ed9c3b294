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
from napari_beamwatch.damage.course.averaging import expected
from napari_beamwatch.damage.course.examining import Loss
from napari_beamwatch.damage.scopes import Samples, Scope

Floats = NDArray[np.float64]

AMOUNTS = np.linspace(0.15, 2.0, 12) * 2 * np.pi
"""Phases by which the focus moves the spot of largest |g|."""

BY_CHANCE = 0.15
"""Chance that a focus that moves anywhere leaves a spot as good as gone."""

FOCUS_SAMPLES, FOCUS_KNOTS = 40, 6
"""Samples, and doses for a ramp's ends, with which a drifting focus is fitted."""

FOCUS_MARGIN = 2.0
"""χ² by which damage must explain the traces better."""


def focus_explains(scope: Scope, samples: Samples, loss: Loss, gone: int) -> bool:
    """Whether a drifting focus describes the traces as well as damage does.

    Both by weighted squares and Schwarz' criterion, for the focus has a third term a spot. That it
    should take spots of `gone` different |g| to nothing and leave them there is a chance that
    damage does not need.
    """
    coarse = samples.binned(max(1, -(-len(samples) // FOCUS_SAMPLES)))
    # Weights must not favour the model they come from: those of the traces themselves, smoothed.
    smooth = np.maximum(coarse.y, 0)
    smooth = (smooth + np.roll(smooth, 1, axis=1) + np.roll(smooth, -1, axis=1)) / 3
    variance = coarse.variance(smooth)
    weight = coarse.windows / variance
    y, weight = coarse.y / coarse.beam, weight * coarse.beam**2
    damage = float((weight * (y - _damaged(coarse, y, weight, loss)) ** 2).sum())
    g = np.array([trace.g for trace in scope.traces])
    focus = focus_misfit(y, weight, g, coarse.start, coarse.end, AMOUNTS, FOCUS_KNOTS)
    spots = len(g)
    price = spots * np.log(max(2.0, float((weight > 0).sum()) / spots))
    price -= 2 * gone * np.log(BY_CHANCE)
    # Where the traces hold no more than noise both fit; what is left over scales the difference.
    scale = max(1.0, min(damage, focus) / max(1.0, float((weight > 0).sum())))
    return bool((focus - damage) / scale + price < FOCUS_MARGIN)


def _damaged(coarse: Samples, y: Floats, weight: Floats, loss: Loss) -> Floats:
    """What damage says of each spot: that of the likeliest law, or in steps what all do."""
    if loss.first is None:
        return expected(coarse, loss.found.weighed) / coarse.beam
    shape = np.interp((coarse.start + coarse.end) / 2, loss.fitted.dose, loss.fitted.level)
    total = np.maximum(weight.sum(axis=1, keepdims=True), 1e-300)
    away = shape - weight @ shape[:, None] / total
    middle = (weight * y).sum(axis=1, keepdims=True) / total
    slope = (weight * away * y).sum(axis=1, keepdims=True)
    slope /= np.maximum((weight * away**2).sum(axis=1, keepdims=True), 1e-300)
    return np.asarray(middle + slope * away, np.float64)


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
