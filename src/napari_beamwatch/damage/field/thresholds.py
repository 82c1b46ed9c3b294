"""The user's own criterion, on what was fitted and measured: a part of the plateau, a spacing.

A single frame is noise: the least of many frames lies below any fraction sooner or later. So the
dose is that at which the fitted course passes the fraction, and a spacing must have moved by a test
at a stated rate, on the frames that measured it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from napari_beamwatch.damage.course.estimate import NOTHING, WIDTH, Estimate
from napari_beamwatch.damage.course.spacing import FEWEST
from napari_beamwatch.damage.parts import HALF
from napari_beamwatch.errors import BeamwatchError

Floats = NDArray[np.float64]

PART = 5
"""The first and the last of so many parts of them are compared."""


def check_thresholds(fraction: float, d_tolerance: float, persistence: int | str) -> None:
    """Refuse what is no threshold."""
    if not 0 < fraction < 1:
        raise BeamwatchError(f"the fraction lies between 0 and 1, not {fraction!r}")
    if not d_tolerance > 0:
        raise BeamwatchError(f"the tolerance is above 0 %, not {d_tolerance!r}")
    if persistence != "end" and (not isinstance(persistence, int) or persistence < 1):
        raise BeamwatchError(f"the persistence is a number of frames or 'end', not {persistence!r}")


def crossing(dose: Floats, level: Floats, fraction: float) -> float:
    """Dose from which a course stays below a part of its plateau; NaN if it does not in the end.

    Parameters
    ----------
    dose : array (frames,)
        At the middles of frames.
    level : array (frames,)
        Relative to the plateau.
    fraction : float
    """
    over = np.flatnonzero(level >= fraction)
    if not len(over):
        return float(dose[0])
    last = int(over[-1])
    if last == len(level) - 1:
        return math.nan
    part = (level[last] - fraction) / (level[last] - level[last + 1])
    return float(dose[last] + part * (dose[last + 1] - dose[last]))


def moved_spacing(
    d: Floats, d_se: Floats, dose: Floats, tolerance: float, false_alarm: float
) -> Estimate:
    """Dose from which the spacings of two or more spots stay off by a part, with its 95 % interval.

    Neighbouring frames share what they were measured from, so the mean of many is taken to be
    known no better than one: a shift that passes is one.

    Parameters
    ----------
    d, d_se : array (spots, frames)
        Spacings and standard errors; NaN where not measured.
    dose : array (frames,)
        At the ends of frames.
    tolerance : float
        Percent.
    false_alarm : float
        Chance that spacings that stayed are said to have moved.
    """
    limit = float(stats.norm.isf(false_alarm / (2 * max(1, len(d)))))
    least = tolerance / 100
    changes, errors = [], []
    for value, error in zip(d, d_se, strict=True):
        known = np.flatnonzero(np.isfinite(value) & (error > 0))
        if len(known) < 2 * FEWEST:
            continue
        part = max(FEWEST, len(known) // PART)
        (before, before_se), (after, after_se) = (
            (float(value[side].mean()), float(np.sqrt((error[side] ** 2).mean())))
            for side in (known[:part], known[-part:])
        )
        # The error of this test leaves room for the tolerance: off by less is not off.
        beyond = abs(after / before - 1) - least
        if beyond > limit * math.hypot(before_se, after_se) / before:
            changes.append(np.sign(after - before) * (value / before - 1))
            errors.append(error / before)
    if len(changes) < 2:
        return NOTHING
    change, se = np.array(changes), np.array(errors)
    weight = np.where(np.isfinite(change) & (se > 0), 1 / np.maximum(se, 1e-12) ** 2, 0.0)
    total = weight.sum(axis=0)
    known = np.flatnonzero(total > (1 / (HALF * least)) ** 2)
    if not len(known):
        return NOTHING
    mean = (weight * np.nan_to_num(change)).sum(axis=0)[known] / total[known]
    spread = WIDTH / np.sqrt(total[known])
    # As a course that falls below 1 less the tolerance.
    middle, early, late = (
        crossing(dose[known], 1 - each, 1 - least) for each in (mean, mean + spread, mean - spread)
    )
    return Estimate(middle, early, late)
