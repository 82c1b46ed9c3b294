"""The first of several onsets, beyond their errors.

The least of many estimates is early by construction. So what is asked is how many of the earliest
share an onset: each further one that does makes the common onset sharper, each that does not takes
the freedom of a dose of its own, which costs the length of the record over its error [1]_. Those
that went later may share onsets among themselves, or else their number would drag the first one to
them; how likely any grouping was beforehand is that of a Dirichlet process [2]_, so that noise is
not cut into groups. The posterior of the first is the mixture over these, so that of one, five or
twenty places that went at once it is the dose at which they did. Places too small to speak may have
gone before, each at its own dose.

References
----------
.. [1] R. E. Kass, A. E. Raftery, J. Am. Stat. Assoc. 90 (1995) 773.
.. [2] C. E. Antoniak, Ann. Stat. 2 (1974) 1152.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

from napari_beamwatch.damage.interval import NOTHING, WIDTH, Estimate, quantiles

Floats = NDArray[np.float64]

SPEAKS = 0.05
"""Part of the lattice below which what changed does not speak for a field."""

APART = 0.25
"""Frames that places which share an onset scatter about it: no two go at exactly one dose. Taken
for exact, a common onset of two grains 0.35 frames apart excluded the first."""

NODES = 4001
"""Doses at which posteriors are multiplied."""

SWING_IN = 4.0
"""Times by which a swing into view hides an onset less long than a dip lasts, and by which a dip is
hardly longer than the longest that was seen."""


def log_density(onset: Estimate, dose: Floats, dip: float = 0.0) -> Floats:
    """Of an estimate, as two halves of normal distributions.

    What dips and recovers may have been in a dip when it changed: then it did so later than it
    seems, by no more than dips last.
    """
    step = float(dose[1] - dose[0])
    below, above = (
        max(float(np.nan_to_num(side)) / WIDTH, step)
        for side in (onset.value - onset.low, onset.high - onset.value)
    )
    away = dose - onset.value
    told = -((away / np.where(away < 0, below, above)) ** 2) / 2
    if dip:
        # As long as a dip lasts nothing says that it would have come back.
        beyond = np.where(away > 0, np.maximum(away - dip, 0.0), -away)
        told = np.logaddexp(told, -beyond * SWING_IN / dip)
    top = float(told.max())
    return np.asarray(told - top - np.log(np.exp(told - top).sum() * step), np.float64)


def _shared(count: NDArray[np.int64], length: float) -> Floats:
    """What it is worth in log evidence that so many share an onset, before they are looked at."""
    return np.asarray((count - 1) * np.log(length) + special.gammaln(count), np.float64)


def _later(onsets: Sequence[Estimate], length: float, step: float) -> Floats:
    """Log evidence of those from each on, as neighbours that share onsets as is likeliest.

    By normal distributions: array (onsets + 1,), 0 where all have their own.
    """
    value = np.array([each.value for each in onsets])
    wide = np.array([each.high - each.low for each in onsets])
    se = np.maximum(np.nan_to_num(wide) / (2 * WIDTH), step)
    value = value - value.mean() if len(value) else value
    known, pull, square, peak = (
        np.append(0.0, np.cumsum(each))
        for each in (se**-2, value / se**2, (value / se) ** 2, -np.log(2 * np.pi * se**2) / 2)
    )
    best = np.zeros(len(onsets) + 1)
    for a in range(len(onsets) - 1, -1, -1):
        b = np.arange(a + 1, len(onsets) + 1)
        weight, moment = known[b] - known[a], pull[b] - pull[a]
        misfit = square[b] - square[a] - moment**2 / weight
        joint = peak[b] - peak[a] + (np.log(2 * np.pi / weight) - misfit) / 2
        best[a] = float((joint + _shared(b - a, length) + best[b]).max())
    return best


def first_of(
    onsets: Sequence[Estimate],
    share: Floats,
    start: float,
    end: float,
    dips: Floats,
    frame: float,
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
    frame : float
        Dose of a frame.
    """
    dose = np.linspace(start, end, NODES)
    order = np.argsort([each.value for each in onsets], kind="stable").tolist()
    alone = [log_density(onsets[i], dose, float(dips[i])) for i in order]
    near = [onsets[i].scattered(APART * frame, start) for i in order]
    # What carries little of the lattice says little of an onset that it shares.
    says = np.minimum(share[order] / SPEAKS, 1.0)
    density = [
        part * log_density(each, dose, float(dips[i]))
        for part, each, i in zip(says, near, order, strict=True)
    ]
    step = dose[1] - dose[0]
    later = _later(near, end - start, float(step))
    evidence: list[float] = []
    posterior: list[Floats] = []
    together: list[list[int]] = []
    for j in range(len(order)):
        joint: Floats = np.zeros(NODES)
        for k in range(j, len(order)):
            joint = joint + density[k]
            if share[order[j : k + 1]].sum() < SPEAKS - 1e-9:
                continue
            told = joint if k > j else alone[k]
            top = float(told.max())
            likely = np.exp(told - top)
            shared = float(_shared(np.array(k - j + 1), end - start)) + later[k + 1]
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
