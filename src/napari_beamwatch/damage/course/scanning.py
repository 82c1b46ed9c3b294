"""Where a trace changes level: one pass over all places, and the best cut into pieces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.compiling import kernel
from napari_beamwatch.damage.course.fitting import mean_levels
from napari_beamwatch.damage.scopes import Samples

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sums:
    """Running sums from which the level of any stretch of samples follows.

    Attributes
    ----------
    weight, moment : array (spots, samples + 1)
        Of beam² over the variance, and of beam·y over it.
    """

    weight: Floats
    moment: Floats


def running_sums(samples: Samples, levels: Floats, dispersion: float = 1.0) -> Sums:
    """Running sums with the noise of spots at given levels (spots,) or (spots, samples)."""
    each = levels[:, None] if levels.ndim == 1 else levels
    variance = samples.variance(each * samples.beam)
    weight = samples.windows / (variance * dispersion)
    none = np.zeros((len(samples.y), 1))
    return Sums(
        np.concatenate([none, np.cumsum(weight * samples.beam**2, axis=1)], axis=1),
        np.concatenate([none, np.cumsum(weight * samples.beam * samples.y, axis=1)], axis=1),
    )


def falls(samples: Samples, dispersion: float = 1.0) -> Floats:
    """By how many standard errors each spot's level falls at each place, to the end.

    Returns
    -------
    array (spots, samples)
        At index c: mean of the samples before c less that of those from c on, over its error if
        nothing changed. 0 where there is nothing on one side.
    """
    sums = running_sums(samples, mean_levels(samples), dispersion)
    before, after = sums.weight[:, :-1], sums.weight[:, -1:] - sums.weight[:, :-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        level = sums.moment[:, :-1] / before
        later = (sums.moment[:, -1:] - sums.moment[:, :-1]) / after
        z = (level - later) / np.sqrt(1 / before + 1 / after)
    return np.where((before > 0) & (after > 1e-9 * sums.weight[:, -1:]), z, 0.0)


def common_trace(
    samples: Samples, levels: Floats, course: Floats | float = 1.0
) -> tuple[Floats, Floats]:
    """All spots as one: what is there relative to given levels, and its variance.

    Samples without any measured spot have an infinite variance. `course` is what is there
    relative to the levels, as far as it is known: strong signals spread more.
    """
    variance = 2 * samples.in_phase[:, None] * levels[:, None] * samples.beam * course
    variance = (variance + samples.own[:, None]) / np.maximum(samples.windows, 1e-300)
    expected = levels[:, None] * samples.beam
    information = (expected**2 / variance).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = (expected * samples.y / variance).sum(axis=0) / information
    known = information > 1e-200
    return np.where(known, value, 0.0), np.where(known, 1 / np.maximum(information, 1e-200), np.inf)


@kernel()
def best_cuts(value: Floats, variance: Floats, penalty: float) -> NDArray[np.int64]:
    """Starts of the pieces of constant level that describe a trace best [1]_.

    Parameters
    ----------
    value, variance : array
    penalty : float
        What each further piece must gain in χ².

    References
    ----------
    .. [1] B. Jackson et al., IEEE Signal Process. Lett. 12 (2005) 105.
    """
    count = len(value)
    w, m, q = np.zeros(count + 1), np.zeros(count + 1), np.zeros(count + 1)
    for t in range(count):
        weight = 1 / variance[t]
        w[t + 1] = w[t] + weight
        m[t + 1] = m[t] + weight * value[t]
        q[t + 1] = q[t] + weight * value[t] ** 2
    cost = np.zeros(count + 1)
    source = np.zeros(count + 1, np.int64)
    cost[0] = -penalty
    for end in range(1, count + 1):
        cost[end] = np.inf
        for start in range(end):
            weight = w[end] - w[start]
            misfit = q[end] - q[start]
            if weight > 0:
                misfit -= (m[end] - m[start]) ** 2 / weight
            if cost[start] + misfit + penalty < cost[end]:
                cost[end] = cost[start] + misfit + penalty
                source[end] = start
    pieces = 0
    end = count
    while end > 0:
        end = source[end]
        pieces += 1
    starts = np.zeros(pieces, np.int64)
    end = count
    for i in range(pieces):
        end = source[end]
        starts[pieces - 1 - i] = end
    return starts
