"""Whether anything changed for good, at the stated rate of false alarms.

Every place of the record is looked at: with Z the fall of a spot's mean from before it to after it,
in standard errors, the statistic is the largest sum of ``max(Z, 0)²`` over the spots. If nothing
changed each sum is a mixture of χ² of 0 to n degrees of freedom with binomial weights [1]_, and the
many places count as the number of independent ones that the tail of simulated records has [2]_.

References
----------
.. [1] T. Robertson, F. T. Wright, R. L. Dykstra, Order Restricted Statistical Inference,
   Wiley 1988.
.. [2] D. Siegmund, Sequential Analysis, Springer 1985, ch. 11.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from napari_beamwatch.damage.course.estimate import ONE_SIDED
from napari_beamwatch.damage.course.fitting import mean_levels
from napari_beamwatch.damage.course.scanning import falls, running_sums
from napari_beamwatch.damage.scopes import Samples

FEWEST_SIDE = 3
"""Samples on either side of a place that is looked at."""

PLACES = 16.0
"""Independent places per unit of log of the number of samples; `benchmarks/onset_campaign.py`
measures the rate that results."""


@dataclass(frozen=True)
class Detection:
    """Whether and from when a lasting change is seen.

    Attributes
    ----------
    statistic, threshold : float
    place : int
        Sample from which the later level holds.
    """

    statistic: float
    threshold: float
    place: int

    @property
    def found(self) -> bool:
        """Whether the evidence passes the rate of false alarms."""
        return self.statistic > self.threshold


@lru_cache(maxsize=4096)
def threshold(spots: int, samples: int, false_alarm: float) -> float:
    """What the statistic exceeds by chance at the rate given."""
    places = PLACES * math.log(max(samples, 3)) * max(1.0, math.sqrt(spots) / 1.5)
    chance = false_alarm / places
    shares = stats.binom.pmf(np.arange(1, spots + 1), spots, 0.5)

    def excess(u: float) -> float:
        tail = float(shares @ stats.chi2.sf(u, np.arange(1, spots + 1)))
        return math.log(max(tail, 1e-300)) - math.log(max(chance, 1e-290))

    return float(optimize.brentq(excess, 1e-6, 600.0 + 2 * spots))


def detect(samples: Samples, false_alarm: float, dispersion: float = 1.0) -> Detection:
    """Look for a lasting loss.

    Parameters
    ----------
    samples : Samples
        Without what recovered.
    false_alarm : float
        Chance of finding one where there is none; divide by the number of scopes looked at.
    dispersion : float
        How much wider than the noise law the traces scatter.
    """
    limit = threshold(len(samples.y), len(samples), false_alarm)
    if len(samples) < 2 * FEWEST_SIDE:
        return Detection(0.0, limit, 0)
    z = np.maximum(falls(samples, dispersion), 0)
    total = (z**2).sum(axis=0)
    total[:FEWEST_SIDE] = 0
    total[len(total) - FEWEST_SIDE + 1 :] = 0
    place = int(total.argmax())
    return Detection(float(total[place]), limit, place)


def first_detected(samples: Samples, false_alarm: float, dispersion: float = 1.0) -> float:
    """Dose from which the evidence passes the rate of false alarms, or NaN.

    The record is read as it was taken: each frame is judged with those before it only, at the
    rate for the whole.
    """
    low, high = 2 * FEWEST_SIDE, len(samples)
    if not detect(samples, false_alarm, dispersion).found:
        return math.nan
    limit = threshold(len(samples.y), len(samples), false_alarm)

    def passes(count: int) -> bool:
        return detect(samples.up_to(count), false_alarm, dispersion).statistic > limit

    stride = max(1, len(samples) // 24)
    coarse = next(count for count in (*range(low, high, stride), high) if passes(count))
    fine = range(max(low, coarse - stride + 1), coarse + 1)
    return float(samples.end[next(count for count in fine if passes(count)) - 1])


def lost_from(samples: Samples, false_alarm: float, dispersion: float = 1.0) -> float:
    """Dose from which nothing of the lattice is seen any more, to the end; NaN if it is.

    Read backward: the last frame that begins a stretch, however long, with a significant signal.
    """
    levels = mean_levels(samples)
    sums = running_sums(samples, np.zeros_like(levels), dispersion)
    expected = levels[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        signal = np.cumsum((np.diff(sums.moment, axis=1) * expected).sum(axis=0))
        spread = np.cumsum((np.diff(sums.weight, axis=1) * expected**2).sum(axis=0))
    limit = float(stats.norm.isf(false_alarm / max(len(samples), 1)))
    last_seen = -1
    padded_signal, padded_spread = np.append(0, signal), np.append(0, spread)
    length = 1
    while length <= max(1, len(samples) // 8):
        gained = padded_signal[length:] - padded_signal[:-length]
        known = padded_spread[length:] - padded_spread[:-length]
        seen = np.flatnonzero(gained > limit * np.sqrt(np.maximum(known, 1e-300)))
        if len(seen):
            last_seen = max(last_seen, int(seen[-1]) + (length - 1) // 2)
        length *= 2
    measured = np.flatnonzero(samples.windows.any(axis=0))
    if last_seen < 0 or not len(measured) or last_seen >= measured[-1]:
        return math.nan
    rest = measured[measured > last_seen]
    power = (expected[:, 0] ** 2 @ (sums.weight[:, -1] - sums.weight[:, rest[0]])) ** 0.5
    # A signal as usual must have been seen in what is left, or its absence says nothing.
    return float(samples.end[last_seen]) if power > limit + ONE_SIDED else math.nan


def dispersion_of(samples: Samples) -> float:
    """How much wider than the noise law neighbouring frames differ; 1 or more.

    Slow changes do not count. Within the error of its own estimate it is 1.
    """
    level = np.maximum(_running_levels(samples), 0)
    variance = samples.variance(level * samples.beam)
    variance = variance / np.maximum(samples.windows, 1e-300)
    pairs = (samples.windows[:, 1:] > 0) & (samples.windows[:, :-1] > 0)
    if pairs.sum() < 20:
        return 1.0
    change = np.diff(samples.y / samples.beam, axis=1)
    spread = variance / samples.beam**2
    ratio = change**2 / (spread[:, 1:] + spread[:, :-1])
    mean = float(ratio[pairs].mean())
    return mean if mean > 1 + 4 / math.sqrt(float(pairs.sum())) else 1.0


def _running_levels(samples: Samples, width: int = 9) -> NDArray[np.float64]:
    kernel = np.ones(width)
    sums = [
        np.array(
            [np.convolve(row, kernel, "full")[width // 2 : width // 2 + len(row)] for row in a]
        )
        for a in (samples.windows * samples.y, samples.windows * samples.beam)
    ]
    return np.asarray(sums[0] / np.maximum(sums[1], 1e-300))
