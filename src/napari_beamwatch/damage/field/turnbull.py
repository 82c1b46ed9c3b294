"""Turnbull's curve of what changed between doses that are known, by weight.

References
----------
.. [1] B. W. Turnbull, J. R. Stat. Soc. B 38 (1976) 290.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_beamwatch.errors import BeamwatchError

Floats = NDArray[np.float64]

ROUNDS, CONVERGED = 2000, 1e-7
"""Of self-consistency, at the most, and the change of a mass from which it goes on."""


@dataclass(frozen=True, eq=False)
class Fates:
    """Between which doses places changed, and what their curve can be made of [1]_.

    Attributes
    ----------
    inside : array of bool (places, intervals)
        Which intervals lie within the doses of a place.
    support : array (intervals, 2)
        Doses between which mass can be told from mass elsewhere.
    dose : array
        At which curves are known; begins with 0.
    events : int
        Places that changed.
    """

    inside: NDArray[np.bool_]
    support: Floats
    dose: Floats
    events: int

    @classmethod
    def of(cls, low: ArrayLike, high: ArrayLike) -> Fates:
        """Those of places that held to `low` and had changed by `high`, infinite if never."""
        first, last = np.asarray(low, np.float64), np.asarray(high, np.float64)
        if not len(first) or not np.isfinite(first).all() or (last < first).any():
            raise BeamwatchError(
                "a survival curve needs the doses between which one or more changed"
            )
        # Beyond all that is known there is room, too: for what a draw cannot tell.
        known = max(first.max(), last.max(where=np.isfinite(last), initial=0.0))
        support = _support(np.append(first, known), np.append(last, np.inf))
        inside = (support[:, 0] >= first[:, None]) & (support[:, 1] <= last[:, None])
        # What held to a dose did not change at it.
        exact = support[:, 0] == support[:, 1]
        inside &= ~(exact & (support[:, 0] == first[:, None]) & (last > first)[:, None])
        dose = np.unique(np.append(0.0, support[np.isfinite(support)]))
        return cls(inside, support, dose, int(np.isfinite(last).sum()))

    def curves(self, weight: Floats) -> Floats:
        """Part that is undamaged at each dose (draws, doses), for weights (draws, places)."""
        return _curves(_masses(self.inside, weight), self.support, self.dose)

    def doses_at(self, curves: Floats, part: float) -> Floats:
        """Dose at which each curve falls to a part; infinite if it does not.

        Where places changed at a dose the curve falls in a step, whose middle is what counts:
        doses between two steps are drawn between their middles, and before the first step, where
        nothing had changed, there is none.
        """
        before = np.concatenate([np.ones((len(curves), 1)), curves[:, :-1]], axis=1)
        middle = np.where(self._is_step, (before + curves) / 2, curves)
        below = middle <= part + 1e-9
        reached = below.any(axis=1)
        i = np.where(reached, below.argmax(axis=1), len(self.dose) - 1)
        last, rows = np.maximum(i - 1, 0), np.arange(len(curves))
        fall = np.maximum(middle[rows, last] - middle[rows, i], 1e-300)
        way = np.clip((middle[rows, last] - part) / fall, 0.0, 1.0)
        way = np.where(self._is_step[i] & (middle[rows, last] > 1 - 1e-9), 1.0, way)
        dose = self.dose[last] + way * (self.dose[i] - self.dose[last])
        in_last_step = curves[:, -1] <= part + 1e-9
        return np.where(reached | in_last_step, dose, np.inf)

    def with_steps(self, curves: Floats) -> tuple[Floats, Floats]:
        """Doses and curves for drawing: a dose with a step stands there twice, before and after."""
        steps = np.flatnonzero(self._is_step[1:]) + 1
        dose = np.insert(self.dose, steps, self.dose[steps])
        return dose, np.insert(curves, steps, curves[:, steps - 1], axis=1)

    @property
    def _is_step(self) -> NDArray[np.bool_]:
        """Doses that no mass which is spread over an interval leads up to."""
        low, high = self.support[:, 0], self.support[:, 1]
        spread = np.isfinite(high) & (high > low)
        begun = self.dose[:, None] > low[spread]
        led_to = (begun & (self.dose[:, None] <= high[spread])).any(axis=1)
        return np.asarray(~led_to, np.bool_)


def _support(low: Floats, high: Floats) -> Floats:
    """Intervals that can hold mass: from a lower end to the next upper one with none between."""
    # At one dose: what changed exactly there, ends of intervals, and then beginnings of others.
    edges = sorted(
        [(dose, 2 if until > dose else 0, True) for dose, until in zip(low, high, strict=True)]
        + [(dose, 1, False) for dose in high]
    )
    found = [
        (a, b) for (a, _, begins), (b, _, begins_too) in pairwise(edges)
        if begins and not begins_too
    ]  # fmt: skip
    return np.array(sorted(set(found)), np.float64).reshape(-1, 2)


def _masses(inside: NDArray[np.bool_], weight: Floats) -> Floats:
    """Self-consistent masses of the intervals (draws, intervals), for weights (draws, places)."""
    share = weight / weight.sum(axis=1, keepdims=True)
    held = inside.astype(np.float64)
    mass = _begun(inside, share)
    for _ in range(ROUNDS):
        whole = np.maximum(mass @ held.T, 1e-300)
        new = mass * ((share / whole) @ held)
        done = np.abs(new - mass).max() < CONVERGED
        mass = new
        if done:
            break
    return mass


def _begun(inside: NDArray[np.bool_], share: Floats) -> Floats:
    """Masses to begin with: those of Kaplan and Meier, which are final where they apply.

    They do where places changed within one interval or are censored on the right. For others a
    change is taken as late as can be, and a little mass lies everywhere.
    """
    count = inside.shape[1]
    last = count - 1 - inside[:, ::-1].argmax(axis=1)
    single = inside.sum(axis=1) == 1
    # A place that is censored at a dose is at risk in all intervals before those it may be in.
    censored = ~single & (last == count - 1) & _without_gaps(inside)
    leaves = np.where(censored, inside.argmax(axis=1), last)
    changed = np.zeros((len(inside), count))
    changed[np.arange(len(inside)), last] = ~censored
    risk = (np.arange(count) < leaves[:, None]) | (changed > 0)
    deaths, alive = share @ changed, share @ risk
    part = np.where(alive > 1e-12, deaths / np.maximum(alive, 1e-300), 0.0)
    after = np.cumprod(1 - part, axis=1)
    mass = -np.diff(after, axis=1, prepend=1.0)
    mass[:, -1] += np.maximum(after[:, -1], 0.0)
    if (single | censored).all():
        return np.maximum(mass, 0.0)
    return np.asarray(0.9 * mass + 0.1 / count, np.float64)


def _without_gaps(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether the intervals a place may be in are neighbours."""
    return np.asarray((np.diff(inside.astype(np.int8), axis=1) > 0).sum(axis=1) <= 1)


def _curves(mass: Floats, support: Floats, ends: Floats) -> Floats:
    """Survival at doses: within an interval the mass is spread evenly."""
    low, high = support[:, 0], support[:, 1]
    length = np.where(np.isfinite(high) & (high > low), high - low, 1.0)
    passed = np.where(
        high > low, np.clip((ends[:, None] - low) / length, 0, 1), ends[:, None] >= low
    )
    passed[:, ~np.isfinite(high)] = 0.0
    return np.asarray(1 - mass @ passed.T, np.float64)
