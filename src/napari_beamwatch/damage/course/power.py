"""What a record could have shown: without power, "survived" means nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from napari_beamwatch.damage.course.detection import FEWEST_SIDE, threshold
from napari_beamwatch.damage.course.fitting import mean_levels
from napari_beamwatch.damage.course.scanning import running_sums
from napari_beamwatch.damage.parts import LITTLE
from napari_beamwatch.damage.scopes import Samples

Floats = NDArray[np.float64]

SURELY = 0.95
"""Probability that "would have been found" means."""

LEAST_FALL = 1e-3
"""Standard errors."""


@dataclass(frozen=True)
class Power:
    """What would have been found with 95 % probability.

    Attributes
    ----------
    survived_dose : float
        Last dose before which a lasting loss to 1/e would have been; NaN for nowhere.
    detectable_loss_percent : float
        Smallest lasting loss in the middle of the record; NaN for none.
    """

    survived_dose: float
    detectable_loss_percent: float


def power_of(
    samples: Samples, false_alarm: float, dispersion: float = 1.0, levels: Floats | None = None
) -> Power:
    """Power of the detection at every place of a record that was steady, at its levels or others.

    If all spots fall, the statistic at the true place is noncentral χ² with as many degrees of
    freedom, its noncentrality the sum of the squared falls in their standard errors. That a
    neighbouring place may do better is left out, so a little more is found than said.
    """
    count = len(samples)
    levels = mean_levels(samples) if levels is None else levels
    limit = _needed(len(levels), threshold(len(levels), count, false_alarm))
    inside = np.arange(count)
    inside = inside[(inside >= FEWEST_SIDE) & (inside <= count - FEWEST_SIDE)]
    length = samples.end[-1] - samples.start[0]
    inside = inside[samples.start[inside] <= samples.start[0] + (1 - LITTLE) * length]
    if not len(inside):
        return Power(math.nan, math.nan)
    known = running_sums(samples, levels, dispersion).weight
    enough = inside[_falls(samples, levels, known, inside, math.exp(-1)) > limit]
    survived = float(samples.start[enough[-1]]) if len(enough) else math.nan
    middle = np.array([np.searchsorted(samples.end, samples.start[0] + length / 2)])
    losses = np.arange(0.01, 1.005, 0.01)
    found = losses[_falls(samples, levels, known, middle, 1 - losses) > limit]
    least = 100 * max(float(found[0]), LITTLE) if len(found) else math.nan
    return Power(survived, least)


@lru_cache(maxsize=4096)
def _needed(spots: int, limit: float) -> float:
    """Fall in standard errors, all spots together, that passes a threshold surely enough."""

    def short(root: float) -> float:
        return float(stats.ncx2.sf(limit, spots, root**2)) - SURELY

    if short(LEAST_FALL) >= 0:  # of so many spots, chance alone passes that often
        return LEAST_FALL
    return float(optimize.brentq(short, LEAST_FALL, math.sqrt(limit) + 10))


def _falls(
    samples: Samples, levels: Floats, known: Floats, places: NDArray[np.int64], left: float | Floats
) -> Floats:
    """Expected fall at some places, or at one, in standard errors, if `left` of the levels is left.

    `known` is the running sum of beam² over variance. The errors are those the detection takes:
    of the mean level over the whole record.
    """
    share = places / (known.shape[1] - 1)
    own, in_phase, level = samples.own[:, None], samples.in_phase[:, None], levels[:, None]
    mean = level * (share + left * (1 - share))
    narrower = (2 * in_phase * mean + own) / (2 * in_phase * level + own)
    before, after = known[:, places], known[:, -1:] - known[:, places]
    with np.errstate(divide="ignore"):
        variance = narrower * (1 / before + 1 / after)
    return np.asarray(np.sqrt(((level * (1 - left)) ** 2 / variance).sum(axis=0)))
