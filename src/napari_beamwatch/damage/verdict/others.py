"""What the other places of a field say of the loss of one.

A path of focus or beam, and the film, act on all places of a field at once: a place with spots of
the same |g| that held, or went at another dose, refutes them, as do several crystals with spots of
greater |g| that held, and one that lost several as no focus does. A tilt acts on all of a crystal:
a place of it that held refutes that, unless the spots brightened there, or were gone meanwhile: a
crystal that bends or slides takes them from one place to another. One of all the film leaves what
lies along its axis in every crystal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.course.estimate import CLEAR, ONE_SIDED, Estimate
from napari_beamwatch.damage.course.examining import Examined
from napari_beamwatch.damage.likeness import SAME_G, independent
from napari_beamwatch.damage.parts import HALF, LITTLE, MOST, THIRD
from napari_beamwatch.damage.verdict.fates import UNTOLD, Fates, powers_of

Floats = NDArray[np.float64]

CRYSTALS = 4
"""How many that held while another was lost, with spots of greater |g|, refute a focus: one moves
their phases more, and each has one of its own."""


@dataclass(frozen=True)
class Refuted:
    """What others show that it was not.

    Attributes
    ----------
    path : bool
        A path of focus, beam or thickness of the film that all share.
    tilt : bool
        A tilt of the crystal.
    focus_moved : bool
        The measured focus did move.
    moved : bool
        None of them: spots that fell here brightened, or came back, elsewhere in the crystal.
    along : bool
        None of them: all crystals that fell kept what lies along one line, and nothing else.
    why : str
        What refutes them both.
    """

    path: bool = False
    tilt: bool = False
    focus_moved: bool = False
    moved: bool = False
    along: bool = False
    why: str = "another place of the crystal held or went at another dose"


def refuted(one: Examined, others: Sequence[Examined], fates: Fates = UNTOLD) -> Refuted:
    """What the other places say of the loss of one.

    Parameters
    ----------
    one : Examined
    others : sequence of Examined
    fates : Fates
        Of all places of the field.
    """
    assert one.loss is not None
    lost = one.lost
    if lost and all(trace.ring for trace in lost):
        return Refuted(path=True, tilt=True, why="powder rings of a pattern know of none")
    path = any(each.with_it(trace, one.span) for each in fates.gone for trace in lost)
    tilt = False
    brighter: set[int] = set()
    held: set[int] = set()
    for other in others:
        brighter |= {
            a.spot
            for a in lost
            for b in other.brighter
            # Small windows take spots of two lattices for one, which lies elsewhere in each place.
            if b.spot == a.spot and b.crystal in one.crystals and abs(b.g / a.g - 1) <= SAME_G
        }
        if other.watch is None or not _apart(one, other):
            continue
        beside = other.old.traces
        tilt |= bool(one.crystals & other.crystals)
        path |= any(abs(a.g / b.g - 1) <= SAME_G for a in lost for b in beside)
        if _kept(one, other) > MOST:
            held |= {b.crystal for b in beside if any(b.g > a.g for a in lost)}
    with_it = fallen_with(one, one.loss.course.onset, others)
    path = (path or len(held) >= CRYSTALS) and not _kept_a_part(one, with_it)
    moved = sum(trace.spot in brighter for trace in lost) >= max(1.0, HALF * len(lost))
    moved |= _elsewhere(one, {trace.spot for trace in lost}, fates)
    moved |= any(_passed(one, other) for other in others)
    along = _along_one_line([one, *with_it])
    return Refuted(path, tilt, moved=moved, along=along)


def fallen_with(one: Examined, onset: Estimate, places: Sequence[Examined]) -> list[Examined]:
    """Places whose loss may have begun when one changed, each at the doses that it had itself."""
    return [each for each in places if each.began.meets(onset.over(one.scope.exposure))]


def _kept_a_part(one: Examined, with_it: Sequence[Examined]) -> bool:
    """Whether most crystals that fell with one kept a part, and did not lose several |g| for good.

    So a focus, a tilt and a layer have it: then crystals have phases of their own, and one that
    held says nothing of the next.
    """
    fell = [each.loss for each in with_it if each.loss and not one.crystals & each.crystals]
    part = sum(loss.left.in_part and loss.course.loss >= LITTLE for loss in fell)
    whole = sum(e.loss.left.complete and independent(e.lost) for e in (one, *with_it) if e.loss)
    return part > whole


def _along_one_line(places: Sequence[Examined]) -> bool:
    """Whether what places kept lies along one line of g, and what they lost far from it.

    A film that tilts about one axis leaves that of all its crystals, as does a shake across it.
    """
    lost, kept, crystals = [], [], set()
    for one in places:
        assert one.loss is not None
        left = one.loss.left
        holds = left.measured & one.old.own & (left.ratio - ONE_SIDED * left.se > HALF)
        lost.append(one.old.g[left.fell])
        kept.append(one.old.g[holds])
        crystals |= {t.crystal for t in one.old.of_traces(holds).traces}
    if len(crystals) < 2:
        return False
    angle = np.radians(np.arange(180))
    across = np.stack([np.sin(angle), np.cos(angle)])
    far = np.abs(np.concatenate(lost) @ across).min(axis=0, initial=np.inf)
    near = np.abs(np.concatenate(kept) @ across).max(axis=0)
    return bool((near < HALF * far).any())


def _elsewhere(one: Examined, spots: set[int], fates: Fates) -> bool:
    """Whether at least half of what a place lost of some spots is found in the rest of the field.

    What brightens there may be too little, beside what was there before, for a place of its own.
    """
    assert one.watch is not None
    mine = powers_of(one.old.traces, one.watch.samples)
    pairs = [(mine[each], fates.powers[each]) for each in spots & set(fates.powers)]
    first = sum(there.first - here.first for here, there in pairs)
    gained = sum(there.last - here.last for here, there in pairs) - first
    lost = sum(here.first - here.last for here, _ in pairs)
    variance = sum(there.first_se**2 + there.last_se**2 for _, there in pairs)
    # Crystals that jumped took 0.46 along and more; where stages came to rest all grew by 0.26.
    much = lost > LITTLE * sum(there.first for _, there in pairs) and gained > THIRD * first
    return len(pairs) > 1 and much and gained > max(HALF * lost, CLEAR * math.sqrt(variance))


def _passed(one: Examined, other: Examined) -> bool:
    """Whether a fold passed: another place of the crystal fell as deep meanwhile, and came back."""
    assert one.loss is not None
    deep = any(dip.as_deep(one.loss.course.loss) for dip in other.dips_within(*one.span))
    return deep and bool(one.crystals & other.crystals)


def _kept(one: Examined, other: Examined) -> float:
    """What another place surely had left when half of one was gone."""
    assert one.loss is not None
    half = float(one.loss.course.half_dose.value)
    return other.kept_at(half * other.scope.exposure / one.scope.exposure)[0]


def _apart(one: Examined, other: Examined) -> bool:
    """Whether at some dose one place had half of what the other still had, or less.

    Asked where half is gone, and where that is sure: of a steep fall the half dose is well known
    and what is left at it is not.
    """
    for a, b in ((one, other), (other, one)):
        if a.loss is None or a.watch is None:
            continue
        sure = a.watch.samples.end[a.loss.fitted.high < HALF]
        for dose in (a.loss.course.half_dose.value, *sure[:1]):
            # Paths are of time: what two places had at the same frame.
            same = float(dose) * b.scope.exposure / a.scope.exposure
            here, there = a.kept_at(float(dose)), b.kept_at(same)
            if there[0] - max(here[1], HALF) > THIRD:
                return True
    return False
