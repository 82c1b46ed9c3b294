"""What spots that came say: a new phase, an ordering, a crystal that turned, or nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.course.appearing import grown_from, outer_quarters
from napari_beamwatch.damage.course.estimate import SURE, Estimate
from napari_beamwatch.damage.course.examining import Examined
from napari_beamwatch.damage.likeness import SAME_DIRECTION, SAME_G, called, distinct, independent
from napari_beamwatch.damage.parts import HALF, LITTLE, MOST, SEVERAL, THIRD
from napari_beamwatch.damage.scopes import SpotTrace

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
    since, until = _replaced(one, any(each.unheard and each.order == 0 for each in came))
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
        if not sure and not replaced and (_few(theirs, one) or _reach_in(theirs, others)):
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
        np.nansum([_late_power(trace, len(trace.snr)) for trace in some])
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
    mine = {trace.crystal for trace in one.old.traces}
    return {t.spot for other in others for t in other.at_first if t.crystal in mine and not t.ring}


def came_instead(one: Examined) -> list[SpotTrace]:
    """What came to a place to stay instead of its lattice; nothing if that is there."""
    return _came(one) if np.isfinite(_replaced(one, True)[0]) else []


def of_neighbours(one: Examined, grew: Sequence[SpotTrace]) -> NDArray[np.bool_]:
    """Traces that came before the lattice of a place began to go and are of its neighbours.

    Windows overlap, so that they show what grew beside them. There it came instead of a lattice,
    and is stronger, or most of the place does not show it.

    Parameters
    ----------
    one : Examined
    grew : sequence of SpotTrace
        What came so to all places.
    """
    theirs = np.zeros(len(one.scope.traces), bool)
    began = np.inf if one.loss is None else one.loss.course.onset.low
    early = [each.index for each in one.new if each.stayed and each.first_seen.high < began]
    if early:
        until = max(1, int(np.searchsorted(one.scope.dose_end, began, side="right")))
        came = [one.scope.traces[i] for i in early]
        few = [bool(_same(trace, grew)) and _few([trace], one) for trace in came]
        theirs[early] = _weaker(came, grew, MOST, until) | np.array(few)
    return theirs


def _replaced(one: Examined, strange: bool) -> tuple[float, float]:
    """Doses between which the old lattice made way for what comes; inf if it is there.

    Two lattices may share a spacing, as LiF 111 and Li2O 200 do to 0.7 %: then the shared spots
    stay or grow while the others go, and spots came that are strange to the field.
    """
    if one.loss is None:
        return np.inf, np.inf
    left, onset = one.loss.left, one.loss.course.onset
    gone = left.lost or (strange and left.lost_of_most)
    return (onset.low, onset.high) if gone else (np.inf, np.inf)


def _no_focus(one: Examined) -> bool:
    """Whether more was lost than a part of fringe sets of one |g| or direction.

    A focus takes them as it brings others.
    """
    assert one.loss is not None
    left = one.loss.left
    return left.complete or independent(one.old.of_traces(left.ratio < HALF).traces)


def _came(one: Examined) -> list[SpotTrace]:
    """What came to a place to stay."""
    return [one.scope.traces[each.index] for each in one.new if each.stayed]


def _few(spots: Sequence[SpotTrace], one: Examined) -> bool:
    """Whether most of a place shows none of the spots: they say nothing of it."""
    there = max((float(np.mean(trace.windows)) for trace in one.old.traces), default=0.0)
    return all(float(np.mean(trace.windows)) < HALF * there for trace in spots)


def _reach_in(spots: Sequence[SpotTrace], others: Sequence[Examined]) -> bool:
    """Whether spots are all seen of other places, where they came with others and are stronger."""
    several = [came for came in map(_came, others) if distinct(came) > 1]
    there = [trace for came in several for trace in came]
    return bool(_weaker(spots, there, HALF, len(spots[0].snr)).all())


def _weaker(
    spots: Sequence[SpotTrace], there: Sequence[SpotTrace], part: float, until: int
) -> NDArray[np.bool_]:
    """Which spots have less than that part of the power that the same spot has of another place.

    In the last quarter of so many frames. Windows overlap, and grains reach into those of others.
    """
    found = []
    for spot in spots:
        own = _late_power(spot, until)
        found.append(any(own < part * _late_power(each, until) for each in _same(spot, there)))
    return np.array(found, bool)


def _late_power(trace: SpotTrace, until: int) -> float:
    """In the last quarter of so many frames; NaN where it was not measured."""
    snr = trace.snr[:until][outer_quarters(until)[1]]
    known = snr[np.isfinite(snr)]
    return float(known.mean()) if len(known) else np.nan


def _same(spot: SpotTrace, there: Sequence[SpotTrace]) -> list[SpotTrace]:
    """Traces of the same spot."""
    near = SAME_G * spot.g
    return [each for each in there if math.hypot(each.gy - spot.gy, each.gx - spot.gx) < near]


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


def order_of(spot: SpotTrace, traces: Sequence[SpotTrace]) -> int:
    """1 for a point of the lattice of others, 2 for one halfway between, 0 for neither.

    Powder rings are of no lattice that has directions.
    """
    found = 0
    traces = [] if spot.ring else [trace for trace in traces if not trace.ring]
    for i, a in enumerate(traces):
        for b in traces[:i]:
            area = a.gy * b.gx - a.gx * b.gy
            if abs(area) < np.sin(np.radians(SAME_DIRECTION)) * a.g * b.g:
                continue
            along = np.array([spot.gy * b.gx - spot.gx * b.gy, a.gy * spot.gx - a.gx * spot.gy])
            halves = np.round(2 * along / area) / 2
            miss = np.hypot(
                spot.gy - halves[0] * a.gy - halves[1] * b.gy,
                spot.gx - halves[0] * a.gx - halves[1] * b.gx,
            )
            if miss < SAME_G * spot.g and np.abs(halves).max() <= 2:
                if (halves == np.round(halves)).all():
                    return 1
                found = 2
    return found


def has_turned(one: Examined, grew: Sequence[SpotTrace]) -> bool:
    """Whether what a place lost came again there at another angle, see `turned`.

    Parameters
    ----------
    one : Examined
    grew : sequence of SpotTrace
        What came anywhere in the field instead of a lattice, see `came_instead`.
    """
    if one.loss is None:
        return False
    gone = np.zeros(len(one.scope.traces), bool)
    gone[np.flatnonzero(one.there)[one.loss.left.ratio < HALF]] = True
    return turned(one.scope.traces, gone, one.fresh & ~of_neighbours(one, grew), LITTLE)


def turned(
    traces: Sequence[SpotTrace],
    faded: NDArray[np.bool_],
    new: NDArray[np.bool_],
    least: float = 0.0,
) -> bool:
    """Whether the new spots are the faded ones at another angle: the crystal turned.

    What appeared has the |g| of those that faded, in another direction, or lies on their lattice
    turned by that angle, but for a faint spot here and there; another phase has spacings of its
    own. Powder rings do not turn.

    Parameters
    ----------
    traces : sequence of SpotTrace
    faded, new : array of bool (traces,)
    least : float
        Part of the power of what faded that what appeared must have: what turned has all of it.
    """
    old = [trace for trace, is_one in zip(traces, faded, strict=True) if is_one]
    fresh = [trace for trace, is_one in zip(traces, new, strict=True) if is_one]
    if not old or not fresh:
        return False
    strength, was = (
        np.array([float(np.nanmean(np.maximum(spot.snr, 0.0))) for spot in some])
        for some in (fresh, old)
    )
    if strength.sum() < least * was.sum():
        return False
    mates = [_turn(spot, old) for spot in fresh]
    angles = [angle for angle in mates if angle is not None]
    lattices = [[_rotated(trace, angle) for trace in old if not trace.ring] for angle in angles]
    matched = [
        mate is not None or any(order_of(spot, lattice) == 1 for lattice in lattices)
        for spot, mate in zip(fresh, mates, strict=True)
    ]
    return float(strength[matched].sum()) >= MOST * float(strength.sum())


def _turn(spot: SpotTrace, old: Sequence[SpotTrace]) -> float | None:
    """Angle by which the nearest of its mates of the same |g| turned; None without any.

    One that is where it was did not turn.
    """
    angles = []
    for mate in old:
        if mate.ring or spot.ring or abs(mate.g / spot.g - 1) > SAME_G:
            continue
        across = mate.gx * spot.gy - mate.gy * spot.gx
        angle = float(np.arctan2(across, mate.gx * spot.gx + mate.gy * spot.gy))
        angles.append(angle - np.pi * round(angle / np.pi))  # of g and −g the nearer
    least = min(angles, key=abs, default=None)
    return None if least is None or abs(least) <= np.radians(SAME_DIRECTION) / 2 else least


def _rotated(spot: SpotTrace, angle: float) -> SpotTrace:
    c, s = np.cos(angle), np.sin(angle)
    return replace(spot, gx=c * spot.gx - s * spot.gy, gy=s * spot.gx + c * spot.gy)
