"""What came to places, and whose it is: windows overlap, and show what grew beside them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.course.appearing import outer_quarters
from napari_beamwatch.damage.course.examining import Examined
from napari_beamwatch.damage.likeness import SAME_G, distinct
from napari_beamwatch.damage.parts import HALF, MOST
from napari_beamwatch.damage.scopes import SpotTrace


def came_to(one: Examined) -> list[SpotTrace]:
    """What came to a place to stay."""
    return [one.scope.traces[each.index] for each in one.new if each.stayed]


def came_instead(one: Examined) -> list[SpotTrace]:
    """What came to a place to stay instead of its lattice; nothing if that is there."""
    return came_to(one) if np.isfinite(replaced_by(one, True)[0]) else []


def replaced_by(one: Examined, strange: bool) -> tuple[float, float]:
    """Doses between which the old lattice made way for what comes; inf if it is there.

    Two lattices may share a spacing, as LiF 111 and Li2O 200 do to 0.7 %: then the shared spots
    stay or grow while the others go, and spots came that are strange to the field.
    """
    if one.loss is None:
        return np.inf, np.inf
    left, onset = one.loss.left, one.loss.course.onset
    gone = left.lost or (strange and left.lost_of_most)
    return (onset.low, onset.high) if gone else (np.inf, np.inf)


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
        few = [bool(_same(trace, grew)) and few_show([trace], one) for trace in came]
        theirs[early] = _weaker(came, grew, MOST, until) | np.array(few)
    return theirs


def few_show(spots: Sequence[SpotTrace], one: Examined) -> bool:
    """Whether most of a place shows none of the spots: they say nothing of it."""
    there = max((float(np.mean(trace.windows)) for trace in one.old.traces), default=0.0)
    return all(float(np.mean(trace.windows)) < HALF * there for trace in spots)


def reach_in(spots: Sequence[SpotTrace], others: Sequence[Examined]) -> bool:
    """Whether spots are all seen of other places, where they came with others and are stronger."""
    several = [came for came in map(came_to, others) if distinct(came) > 1]
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
        own = late_power(spot, until)
        found.append(any(own < part * late_power(each, until) for each in _same(spot, there)))
    return np.array(found, bool)


def late_power(trace: SpotTrace, until: int) -> float:
    """In the last quarter of so many frames; NaN where it was not measured."""
    snr = trace.snr[:until][outer_quarters(until)[1]]
    known = snr[np.isfinite(snr)]
    return float(known.mean()) if len(known) else np.nan


def _same(spot: SpotTrace, there: Sequence[SpotTrace]) -> list[SpotTrace]:
    """Traces of the same spot."""
    near = SAME_G * spot.g
    return [each for each in there if math.hypot(each.gy - spot.gy, each.gx - spot.gx) < near]
