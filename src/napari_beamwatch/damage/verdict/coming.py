"""What spots that came say: a new phase, an ordering, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.course.appearing import grown_from, outer_quarters
from napari_beamwatch.damage.course.estimate import SURE, Estimate
from napari_beamwatch.damage.course.examining import Examined
from napari_beamwatch.damage.likeness import SAME_G, called, distinct, independent, order_of
from napari_beamwatch.damage.parts import LITTLE, SEVERAL, THIRD
from napari_beamwatch.damage.scopes import SpotTrace
from napari_beamwatch.damage.verdict.newcomers import (
    few_show,
    late_power,
    of_neighbours,
    reach_in,
    replaced_by,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Coming:
    """Spots that came to stay and are not of the lattice that was there.

    Attributes
    ----------
    first : Estimate
        Dose from which the first of them grew.
    spots : tuple of int
    sure : bool
        Whether they are a new phase whatever the old lattice did.
    why : str
    kind : str
        ``ordering`` if they lie between the points of the lattice, and it holds.
    instead : bool
        Whether something strange to the field came when most spots of the old lattice went.
    """

    first: Estimate
    spots: tuple[int, ...]
    sure: bool
    why: str
    kind: str = ""
    instead: bool = False


@dataclass(frozen=True, eq=False)
class _Newcomer:
    """A spot that came to stay.

    Attributes
    ----------
    seen : Estimate
        Dose from which it grew.
    index : int
        Of its trace in the scope.
    trace : SpotTrace
    order : int
        As `order_of`.
    unheard : bool
        No place of the field had its spacing at first.
    """

    seen: Estimate
    index: int
    trace: SpotTrace
    order: int
    unheard: bool


def coming(
    one: Examined, others: Sequence[Examined] = (), grew: Sequence[SpotTrace] = ()
) -> Coming | None:
    """What came to a place, if it is no more of what was there.

    Reflections that other places of the crystal had at first come where it bends or slides, and are
    none. A grain that rocks into view brings spacings that the field already had: such spots count
    only where they stay at a place whose old lattice is gone. One spacing alone that most of a
    place does not show says nothing of it. Points between those of the lattice
    may be a superstructure, or of a lattice of which every second point was seen.

    Parameters
    ----------
    one : Examined
    others : sequence of Examined
        The other places of the field.
    grew : sequence of SpotTrace
        What came anywhere in the field instead of a lattice, see `came_instead`.
    """
    came = _newcomers(one, others, grew)
    since, until = replaced_by(one, any(each.unheard and each.order == 0 for each in came))
    late = [each for each in came if each.seen.high >= since]
    foreign = [each for each in came if each.order == 0 and (each.unheard or each in late)]
    if foreign:
        first, spots = _first_of(one, foreign)
        theirs = [each.trace for each in foreign]
        why = f"{called(theirs)} appeared that were not there and are not of this lattice"
        # A grain that turns into view may show one spacing in two directions; that it does so
        # where another lattice is lost would be a chance.
        new = [each for each in late if each.unheard]
        twice = sum(each.order == 0 for each in new) > 1
        sure = distinct(theirs) > 1 or twice or any(trace.ring for trace in theirs)
        replaced = any(each.seen.low <= until for each in new)
        if not sure and not replaced and (few_show(theirs, one) or reach_in(theirs, others)):
            return None
        if not sure:
            why = f"{called(theirs)} of another lattice appeared: a grain may have turned into view"
        return Coming(first, spots, sure, why, instead=replaced and _no_focus(one))
    between = [each for each in came if each.order == 2]
    if not between or np.isfinite(since):
        return None
    first, spots = _first_of(one, between)
    theirs = [each.trace for each in between]
    why = f"{called(theirs)} appeared halfway between those of the lattice, which holds"
    new, old = (
        np.nansum([late_power(trace, len(trace.snr)) for trace in some])
        for some in (theirs, one.old.traces)
    )
    # What tells two kinds of places apart is less than what they share.
    sure = len(between) > 1 and _holds(one) and bool(new < old)
    if not sure:
        why += ": an ordering, or points that a tilt brought"
    return Coming(first, spots, sure, why, "ordering")


def _holds(one: Examined) -> bool:
    """Whether a lattice does nothing, all of it and each spot: a focus makes one rise for another.

    What is no more than focus and tilt make all the time is nothing.
    """
    if one.loss is not None and one.loss.course.loss >= LITTLE:
        return False
    for trace in one.old.traces:
        sides = [trace.snr[side] for side in outer_quarters(len(trace.snr))]
        known = [side[np.isfinite(side)] for side in sides]
        if min(map(len, known)) < SEVERAL:
            continue
        before, after = (float(side.mean()) for side in known)
        error = float(np.sqrt(sum(side.var(ddof=1) / len(side) for side in known)))
        if abs(after - before) > max(THIRD * before, SURE * error):
            return False
    return True


def _newcomers(
    one: Examined, others: Sequence[Examined], grew: Sequence[SpotTrace]
) -> list[_Newcomer]:
    """What came to stay and is no reflection that the crystal had elsewhere."""
    elsewhere, theirs = _elsewhere(one, others), of_neighbours(one, grew)
    held = np.concatenate([each.held for each in (one, *others)])
    found = []
    for each in one.new:
        trace = one.scope.traces[each.index]
        if each.stayed and trace.spot not in elsewhere and not theirs[each.index]:
            unheard = not (np.abs(held / trace.g - 1) <= SAME_G).any()
            order = order_of(trace, one.old.traces)
            found.append(_Newcomer(each.first_seen, each.index, trace, order, unheard))
    return found


def _elsewhere(one: Examined, others: Sequence[Examined]) -> set[int]:
    """Reflections that other places of its crystal had at first."""
    traces = [trace for other in others for trace in other.at_first if not trace.ring]
    return {trace.spot for trace in traces if trace.crystal in one.crystals}


def _no_focus(one: Examined) -> bool:
    """Whether more was lost than a part of fringe sets of one |g| or direction.

    A focus takes them as it brings others.
    """
    assert one.loss is not None
    return one.loss.left.complete or independent(one.lost)


def _first_of(one: Examined, came: Sequence[_Newcomer]) -> tuple[Estimate, tuple[int, ...]]:
    """Dose from which the first grew, and which they are.

    The least of many estimates is early by construction: those that may have begun with it tell
    the dose together.
    """
    spots = tuple(each.trace.spot for each in came)
    first = min((each.seen for each in came), key=lambda e: e.value)
    together = [each.index for each in came if each.seen.low <= first.high]
    if len(together) == 1 or one.every is None:
        return first, spots
    powder = any(one.scope.traces[i].ring for i in together)
    joint = grown_from(one.every, together, one.dispersion, powder=powder)
    return (joint if np.isfinite(joint.value) else first), spots
