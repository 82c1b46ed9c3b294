"""The first of several onsets, beyond their errors.

The least of many estimates is early by construction. So what is asked is how many of the earliest
share an onset: each further one that does makes the common onset sharper, each that does not takes
the freedom of a dose of its own, which costs the length of the record over its error [1]_. The
posterior of the first is the mixture over these, so that of one, five or twenty places that went at
once it is the dose at which they did. Places too small to speak may have gone before, each at its
own dose.

References
----------
.. [1] R. E. Kass, A. E. Raftery, J. Am. Stat. Assoc. 90 (1995) 773.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.interval import NOTHING, Estimate, quantiles

Floats = NDArray[np.float64]

SPEAKS = 0.05
"""Part of the lattice below which what changed does not speak for a field."""

NODES = 4001
"""Doses at which posteriors are multiplied."""

WIDTH = 1.96

SWING_IN = 4.0
"""Times by which a swing into view hides an onset less long than a swing out of it pretends one."""


def log_density(onset: Estimate, dose: Floats, dip: float = 0.0) -> Floats:
    """Of an estimate, as two halves of normal distributions.

    What dips and recovers may have been in a dip when it changed: then it did so later than it
    seems, by no more than dips last (`dip`, on average).
    """
    step = float(dose[1] - dose[0])
    below, above = (
        max(float(np.nan_to_num(side)) / WIDTH, step)
        for side in (onset.value - onset.low, onset.high - onset.value)
    )
    away = dose - onset.value
    told = -((away / np.where(away < 0, below, above)) ** 2) / 2
    if dip:
        scale = np.where(away > 0, dip, dip / SWING_IN)
        told = np.logaddexp(told, -np.abs(away) / scale)
    top = float(told.max())
    return np.asarray(told - top - np.log(np.exp(told - top).sum() * step), np.float64)


def first_of(
    onsets: Sequence[Estimate], share: Floats, start: float, end: float, dips: Floats
) -> tuple[Estimate, NDArray[np.bool_]]:
    """Dose at which the first of several things changed, and which of them did so then.

    Parameters
    ----------
    onsets : sequence of Estimate
    share : array
        Part of the field's lattice that each carries; together those that are first carry `SPEAKS`
        or more.
    start, end : float
        Doses of the record.
    dips : array
        Dose that dips of each last; 0 for what is steady.
    """
    dose = np.linspace(start, end, NODES)
    order = np.argsort([each.value for each in onsets], kind="stable").tolist()
    density = [log_density(onsets[i], dose, float(dips[i])) for i in order]
    step = dose[1] - dose[0]
    evidence: list[float] = []
    posterior: list[Floats] = []
    together: list[list[int]] = []
    for j in range(len(order)):
        joint: Floats = np.zeros(NODES)
        for k in range(j, len(order)):
            joint = joint + density[k]
            if share[order[j : k + 1]].sum() < SPEAKS - 1e-9:
                continue
            top = float(joint.max())
            likely = np.exp(joint - top)
            shared = (k - j) * np.log(end - start)
            evidence.append(top + float(np.log(likely.sum() * step)) + shared)
            posterior.append(likely / likely.sum())
            together.append(order[j : k + 1])
        if share[order[j]] >= SPEAKS:
            break  # what comes later is not the first
    members = np.zeros(len(onsets), bool)
    if not evidence:
        return NOTHING, members
    weight = np.exp(np.array(evidence) - max(evidence))
    mixed = weight @ np.array(posterior) / weight.sum()
    best = int(weight.argmax())
    members[together[best]] = True
    if members.sum() == 1 and weight[best] > 0.999 * weight.sum():
        return onsets[together[best][0]], members
    return Estimate(*quantiles(dose, mixed / mixed.sum())), members
