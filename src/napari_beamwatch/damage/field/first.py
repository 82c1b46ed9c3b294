"""The first of several onsets, beyond their errors.

The least of many estimates is early by construction. So what is asked is how many of the earliest
belong together: each further one that does makes their onsets sharper, each that does not takes
the freedom of a dose of its own, which costs the length of the record over its error [1]_. Those
that belong together went either at one dose or spread about a dose, by as much as they tell
themselves: then each is drawn to the others by as much as its error is larger than their spread
[2]_, and the first is when enough had gone of what is left. Those that went later may belong
together among themselves, or else their number would drag the first one to them; how likely any
grouping was beforehand is that of a Dirichlet process [3]_, so that noise is not cut into groups.
The posterior of the first is the mixture over all this, so that of one, five or twenty places that
went at once it is the dose at which they did, and of grains that went one after the other that of
the first. Places too small to speak may have gone before, each at its own dose; of those that are
hardly too small nobody knows.

References
----------
.. [1] R. E. Kass, A. E. Raftery, J. Am. Stat. Assoc. 90 (1995) 773.
.. [2] B. Efron, C. Morris, J. Am. Stat. Assoc. 70 (1975) 311.
.. [3] C. E. Antoniak, Ann. Stat. 2 (1974) 1152.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special

from napari_beamwatch.damage.course.estimate import (
    NODES,
    NOTHING,
    WIDTH,
    Estimate,
    log_density,
    quantiles,
)
from napari_beamwatch.damage.parts import FIFTH

Floats = NDArray[np.float64]

SPEAKS = 0.05
"""Part of the lattice below which what changed does not speak for a field."""

ROUND = 1e-9
"""What sums of parts are off."""

SMALLER = 2 / 3
"""What carries so many times `SPEAKS` may speak, with a fifth of the weight, for windows do not
tell exactly how much of a field a grain is: of 161 grains half were told 0.92 to 1.09 times their
part, nine tenths 0.67 to 1.24 times."""

APART = 0.25
"""Frames that places which share an onset scatter about it: no two go at exactly one dose. Taken
for exact, a common onset of two grains 0.35 frames apart excluded the first."""

COMMON = 0.25
"""Standard errors by which places of one lattice err alike, however many they are: nobody knows its
law of decay, and of single fringe sets that fade with a 1/e of 1 to 12 frames the onset was off by
−0.3 to 0.7 of them on average. Of 36 crystals that went at once 4 of 10 intervals held without."""

MIDDLES, DRAWS = 60, 2000
"""Middles of a spread, and draws of the first of it."""

NEGLIGIBLE = 1e-3
"""Part of the evidence that is left out."""


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


@dataclass(frozen=True, eq=False)
class OneDose:
    """Places that went at one dose.

    Attributes
    ----------
    evidence : float
        Of this grouping, as its logarithm.
    members : list of int
    told : array (doses,)
        Log likelihood of the dose.
    common : float
        Standard deviation that they share.
    """

    evidence: float
    members: list[int]
    told: Floats
    common: float

    def posterior(self, dose: Floats) -> Floats:
        """Of the first, at doses."""
        likely = np.exp(self.told - self.told.max())
        width = self.common / float(dose[1] - dose[0])
        likely = ndimage.gaussian_filter1d(likely, width, mode="nearest") if width else likely
        return np.asarray(likely / likely.sum(), np.float64)


@dataclass(frozen=True, eq=False)
class Spread:
    """Places that went about a dose.

    Attributes
    ----------
    evidence : float
        Of this grouping and spread, as its logarithm.
    members : list of int
    share, value, se : array (members,)
    middle, weight : array (middles,)
        The dose about which they went.
    spread : float
    enough : float
        Part that speaks.
    common : float
        Standard deviation of the error that they share.
    """

    evidence: float
    members: list[int]
    share: Floats
    value: Floats
    se: Floats
    middle: Floats
    weight: Floats
    spread: float
    enough: float
    common: float

    def posterior(self, dose: Floats) -> Floats:
        """Of the first, at doses: onsets are each drawn to the middle, and then enough had gone."""
        rng = np.random.default_rng(0)
        middle = rng.choice(self.middle, DRAWS, p=self.weight / self.weight.sum())
        known = self.se**-2 + self.spread**-2
        mean = (self.value * self.se**-2 + middle[:, None] * self.spread**-2) / known
        went = mean + rng.standard_normal(mean.shape) * known**-0.5
        order = went.argsort(axis=1)
        gone = self.share[order].cumsum(axis=1) >= self.enough
        last = order[np.arange(DRAWS), gone.argmax(axis=1)]
        first = went[np.arange(DRAWS), last] + self.common * rng.standard_normal(DRAWS)
        first = first.clip(dose[0], dose[-1])
        step = dose[1] - dose[0]
        at = np.rint((first - dose[0]) / step).astype(np.int64)
        return np.asarray(np.bincount(at, minlength=len(dose)) / DRAWS, np.float64)


def _common(se: Floats, part: float) -> float:
    """Standard deviation that estimates share, so much of their own; of one alone none."""
    return part * float(np.mean(se**-2) ** -0.5) if len(se) > 1 else 0.0


def _says(share: Floats) -> Floats:
    """How much places say of others, by the root of what they carry."""
    return np.sqrt(np.clip(share / SPEAKS, ROUND, 1.0))


def _near(onsets: Sequence[Estimate], share: Floats, frame: float, start: float) -> list[Estimate]:
    """What each says of an onset that it shares: the less, the less of the lattice it carries."""
    said = []
    for each, wider in zip(onsets, 1 / _says(share), strict=True):
        below, above = wider * (each.value - each.low), wider * (each.high - each.value)
        wide = Estimate(each.value, each.value - below, each.value + above)
        said.append(wide.scattered(APART * frame, start))
    return said


def _one_dose(
    alone: Sequence[Floats],
    near: Sequence[Floats],
    share: Floats,
    se: Floats,
    later: Floats,
    dose: Floats,
    enough: float,
    common: float,
) -> Iterator[OneDose]:
    """All ways in which the first went at one dose, by log densities of onsets in their order."""
    length, step = float(dose[-1] - dose[0]), float(dose[1] - dose[0])
    for j in range(len(share)):
        joint: Floats = np.zeros(len(dose))
        for k in range(j, len(share)):
            joint = joint + near[k]
            if share[j : k + 1].sum() < enough:
                continue
            told = joint if k > j else alone[j]
            top = float(told.max())
            likely = top + float(np.log(np.exp(told - top).sum() * step))
            shared = float(_shared(np.array(k - j + 1), length)) + later[k + 1]
            yield OneDose(
                likely + shared, list(range(j, k + 1)), told, _common(se[j : k + 1], common)
            )
        if share[j] >= enough:
            break  # what comes later is not the first


def _spread(
    alone: Sequence[Floats],
    share: Floats,
    later: Floats,
    dose: Floats,
    frame: float,
    enough: float,
    common: float,
) -> Iterator[Spread]:
    """All ways in which the first went about a dose, by log densities of onsets in their order."""
    length, step = float(dose[-1] - dose[0]), float(dose[1] - dose[0])
    told = [np.exp(each) * step for each in alone]
    mean = [each @ dose for each in told]
    se = np.sqrt([each @ (dose - mine) ** 2 for each, mine in zip(told, mean, strict=True)])
    value = np.array([np.interp(0.5, each.cumsum(), dose) for each in told])
    se = np.maximum(se, step) / _says(share)
    doublings = max(int(np.log2(max(FIFTH * length / (APART * frame), 2))), 1)
    for count in range(2, len(share) + 1):
        if share[:count].sum() < enough:
            continue
        shared = float(_shared(np.array(count), length) + later[count])
        for spread in APART * frame * 2.0 ** np.arange(1, doublings + 1):
            wide = np.hypot(se[:count], spread)
            ends = value[:count].min() - 3 * spread, value[:count].max() + 3 * spread
            middle = np.linspace(*ends, MIDDLES)
            away = (value[:count] - middle[:, None]) / wide
            likely = -(away**2 / 2 + np.log(wide * np.sqrt(2 * np.pi))).sum(axis=1)
            top = float(likely.max())
            weight = np.exp(likely - top)
            evidence = top + float(np.log(weight.sum() * (middle[1] - middle[0]) / doublings))
            yield Spread(
                evidence + shared, list(range(count)), share[:count], value[:count], se[:count],
                middle, weight, float(spread), enough, _common(se[:count], common),
            )  # fmt: skip


def _likely(*groups: OneDose | Spread) -> list[tuple[OneDose | Spread, float]]:
    """Groupings with their probabilities, without those that hardly have any."""
    evidence = np.array([each.evidence for each in groups])
    weight = np.exp(evidence - evidence.max(initial=-np.inf))
    weight[weight < NEGLIGIBLE] = 0
    return [(each, one / weight.sum()) for each, one in zip(groups, weight, strict=True) if one]


def first_part(
    onset: Estimate, share: float, scatter: float, start: float, frame: float
) -> Estimate:
    """When what speaks for a field began to go of a place, whose windows went about its onset.

    Of grains smaller than a window several are one place. Windows of one grain scatter by up to
    0.7 frames.

    Parameters
    ----------
    onset : Estimate
        Of the place, with the scatter in its interval.
    share : float
        Part of the field's lattice.
    scatter : float
        Standard deviation of the onsets of its windows.
    start : float
        First dose of the record.
    frame : float
        Dose of a frame.
    """
    if scatter <= frame or share <= 2 * SPEAKS:
        return onset
    earlier = float(special.ndtri(SPEAKS / share)) * scatter
    return Estimate(*(max(start, each + earlier) for each in (onset.value, onset.low, onset.high)))


def first_of(
    onsets: Sequence[Estimate],
    share: Floats,
    start: float,
    end: float,
    dips: Floats,
    frame: float,
    alike: float = 0.0,
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
    alike : float
        Correlation of their errors, see `errors_alike`.
    """
    dose = np.linspace(start, end, NODES)
    order = np.argsort([each.value for each in onsets], kind="stable")
    known, part = [onsets[i] for i in order], share[order]
    common = max(COMMON, float(np.sqrt(alike)))
    near = _near(known, part, frame, start)
    later = _later(near, end - start, float(dose[1] - dose[0]))
    wide = np.array([each.high - each.low for each in known])
    se = np.maximum(np.nan_to_num(wide, nan=end - start) / (2 * WIDTH), dose[1] - dose[0])
    alone, shared = (
        [log_density(each, dose, float(dip)) for each, dip in zip(every, dips[order], strict=True)]
        for every in (known, near)
    )
    ways = [
        _likely(
            *_one_dose(alone, shared, part, se, later, dose, enough, common),
            *_spread(alone, part, later, dose, frame, enough, common),
        )
        for enough in (SPEAKS - ROUND, SMALLER * SPEAKS - ROUND)
    ]
    members = np.zeros(len(onsets), bool)
    if not ways[0]:
        return NOTHING, members
    best, _ = max(ways[0], key=lambda way: way[1])
    members[order[best.members]] = True
    if members.sum() == 1 and all(way.members == best.members for some in ways for way, _ in some):
        return onsets[int(np.flatnonzero(members)[0])], members
    mixed = np.zeros(NODES)
    for some, weight in zip(ways, (1 - FIFTH, FIFTH), strict=True):
        for way, likely in some:
            mixed += weight * likely * way.posterior(dose)
    first = Estimate(*quantiles(dose, mixed / mixed.sum()))
    if isinstance(best, Spread):
        # Of those that went one after the other, those that may have been the first.
        earliest = min(each.value for each, mine in zip(onsets, members, strict=True) if mine)
        members &= np.array([each.value for each in onsets]) <= max(first.high, earliest)
    if all(each.low <= start for each, mine in zip(onsets, members, strict=True) if mine):
        first = replace(first, low=start)  # none of them held for sure
    return first, members
