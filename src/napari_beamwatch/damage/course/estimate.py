"""A dose with its 95 % interval, and what several of one thing say together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.compiling import kernel
from napari_beamwatch.damage.parts import LITTLE

Floats = NDArray[np.float64]

LEVELS = (0.025, 0.5, 0.975)

WIDTH, ONE_SIDED = 1.96, 1.645
"""Standard deviations of a normal distribution to either side of which 2.5 % lie beyond, and to one
side of which 5 % do."""

SURE, CLEAR = 4.0, 3.0
"""Standard errors of a difference that is there, where many are looked at or it alone decides, and
where it is one of several signs."""

SWING_IN = 4.0
"""Times by which a swing into view hides an onset less long than a dip lasts, and by which a dip is
hardly longer than the longest that was seen."""

NODES = 4001
"""Doses at which densities are multiplied."""


@dataclass(frozen=True)
class Estimate:
    """A dose and its 95 % interval; NaN where the record does not reach."""

    value: float
    low: float
    high: float

    def meets(self, other: Estimate) -> bool:
        """Whether the intervals overlap: two things may have begun together."""
        return self.low <= other.high and other.low <= self.high

    def over(self, exposure: float) -> Estimate:
        """The same in doses of the field, of which a place had so many times as much."""
        return Estimate(self.value / exposure, self.low / exposure, self.high / exposure)

    def scattered(self, deviation: float, first: float) -> Estimate:
        """The same of doses that scatter by a standard deviation, none of them before the first."""
        low, high = (
            float(np.hypot(end, WIDTH * deviation))
            for end in (self.value - self.low, self.high - self.value)
        )
        return Estimate(self.value, max(first, self.value - low), self.value + high)


NOTHING = Estimate(np.nan, np.nan, np.nan)


def quantiles(values: Floats, weight: Floats) -> tuple[float, float, float]:
    """Median and 95 % of weighted values, between neighbours in proportion."""
    low, middle, high = _between(values, weight, np.array(LEVELS))
    return float(middle), float(low), float(high)


@kernel()
def _between(values: Floats, weight: Floats, levels: Floats) -> Floats:
    """Weighted values at some parts of the whole weight; of equal ones the weights add up."""
    order = np.argsort(values)
    distinct, middle = np.empty(len(values)), np.empty(len(values))
    last, below, mass = -1, 0.0, 0.0
    for i in order:
        if last < 0 or values[i] != distinct[last]:
            last, below, mass = last + 1, below + mass, 0.0
            distinct[last] = values[i]
        mass += weight[i]
        middle[last] = below + mass / 2
    return np.interp(levels, middle[: last + 1], distinct[: last + 1])


def log_density(onset: Estimate, dose: Floats, dip: float = 0.0) -> Floats:
    """Of an estimate, as two halves of normal distributions with half of the mass each.

    So its median is that of the estimate: halves of one height put most on the longer side, and of
    40 fields the onset was 0.38 frames early in the median, and 0.08 with halves of one mass.
    What dips and recovers may have been in a dip when it changed: then it did so later than it
    seems, by no more than dips last. Where no plateau was seen, nothing tells when before its end:
    that it likely had none is no dose that is known better than that, and two would be sure of it.
    """
    step = float(dose[1] - dose[0])
    below, above = (
        max(float(np.nan_to_num(side)) / WIDTH, step)
        for side in (onset.value - onset.low, onset.high - onset.value)
    )
    away = dose - onset.value
    if onset.value - dose[0] <= max(step, LITTLE * (onset.high - onset.value)):
        above /= 2
        away = np.maximum(away - above * WIDTH, 0.0)
    side = np.where(away < 0, below, above)
    told = _normal(-((away / side) ** 2) / 2 - np.log(side), step)
    if not dip:
        return told
    # Or it went in a dip, which is as likely: as long as one lasts nothing says that it would have
    # come back.
    beyond = np.where(away > 0, np.maximum(away - dip, 0.0), -away)
    return _normal(np.logaddexp(told, _normal(-beyond * SWING_IN / dip, step)), step)


def _normal(told: Floats, step: float) -> Floats:
    """A log density, so that it adds up to 1."""
    top = float(told.max())
    return np.asarray(told - top - np.log(np.exp(told - top).sum() * step), np.float64)


def begun(own: Estimate, sign: Estimate) -> Estimate:
    """Onset of a change that two things date: what was lost, and a sign of it.

    A change began when its first sign did; where they may have begun together, both tell when.
    """
    if np.isnan(own.value) or sign.high < own.low:
        return sign
    if np.isnan(sign.value) or own.high < sign.low:
        return own
    ends = min(own.low, sign.low), max(own.high, sign.high)
    dose = np.linspace(ends[0] - np.ptp(ends) / 4, ends[1] + np.ptp(ends) / 4, NODES)
    told = log_density(own, dose) + log_density(sign, dose)
    likely = np.exp(told - told.max())
    value, low, high = quantiles(dose, likely / likely.sum())
    return Estimate(value, max(low, ends[0]), high)
