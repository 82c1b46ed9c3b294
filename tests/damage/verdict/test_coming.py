"""Spots that came are a new phase, an ordering, a grain that turned into view, or nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_beamwatch.damage.course.examining import Examined, examine
from napari_beamwatch.damage.likeness import order_of
from napari_beamwatch.damage.scopes import SpotTrace
from napari_beamwatch.damage.verdict.coming import coming
from napari_beamwatch.damage.verdict.fates import Fates
from napari_beamwatch.damage.verdict.judging import judge

FOREIGN = 0.125 * np.array([[0.353, 0.130], [-0.030, 0.600]])
"""Of |g| that neither the lattice nor one another has; no orders of it."""


def grown(frames: int = 100, at: int = 40, level: float = 4.0) -> np.ndarray:
    return np.where(np.arange(frames) < at, 0.0, level)


def place(
    traces: Any, came: np.ndarray, seed: int = 1, old: np.ndarray | None = None, level: float = 4.0
) -> Examined:
    """A lattice, and spots of these g that came at 40."""
    old = traces.steady() if old is None else old
    signal = np.concatenate([old, np.tile(grown(level=level), (len(came), 1))])
    return examine(traces.scope(signal, seed, np.concatenate([traces.g, came])), None)


def neighbour(traces: Any, g: np.ndarray) -> Examined:
    """Another place, that had these g all along."""
    return examine(traces.scope(traces.steady()[: len(g)], 3, g), None)


def test_nothing_came_of_what_stayed_as_it_was(traces: Any) -> None:
    assert coming(examine(traces.scope(traces.steady(), 1), None)) is None


def test_spots_of_other_spacings_are_surely_new(traces: Any) -> None:
    came = coming(place(traces, FOREIGN))
    assert came is not None
    assert came.sure
    assert came.spots == (4, 5)
    assert came.first.low <= 41
    assert came.first.high >= 39
    assert came.kind == ""


def test_a_single_foreign_spot_is_not_sure(traces: Any) -> None:
    one = place(traces, FOREIGN[:1])
    came = coming(one)
    assert came is not None
    assert not came.sure
    assert "may have turned into view" in came.why
    verdict = judge(one)
    assert (verdict.status, verdict.criterion) == ("ambiguous", "")


def test_one_spacing_in_two_directions_is_not_sure(traces: Any) -> None:
    turned = np.array([[0.0, 1.0], [-1.0, 0.0]])
    came = coming(place(traces, np.concatenate([FOREIGN[:1], FOREIGN[:1] @ turned])))
    assert came is not None
    assert not came.sure


def test_spacings_that_the_field_had_do_not_count(traces: Any) -> None:
    one = place(traces, FOREIGN)
    assert coming(one, [neighbour(traces, FOREIGN)]) is None
    verdict = judge(one, [neighbour(traces, FOREIGN)])
    assert (verdict.status, verdict.criterion, verdict.new_spots) == ("survived", "", ())


def test_they_count_where_the_old_lattice_is_gone(traces: Any) -> None:
    one = place(traces, FOREIGN, old=traces.fading(38, 3))
    came = coming(one, [neighbour(traces, FOREIGN)])
    assert came is not None
    assert came.sure
    assert came.spots == (4, 5)


def test_what_came_before_the_lattice_went_did_not_come_instead(traces: Any) -> None:
    one = place(traces, FOREIGN, old=traces.fading(75, 3))
    assert coming(one, [neighbour(traces, FOREIGN)]) is None


def test_they_count_where_the_new_lattice_keeps_a_spot_of_the_old(traces: Any) -> None:
    old = traces.fading(38, 3)
    old[0] = np.where(np.arange(100) < 40, old[0, 0], 1.5 * old[0, 0])
    one = place(traces, FOREIGN, old=old)
    assert one.loss is not None
    assert not one.loss.left.lost
    came = coming(one, [neighbour(traces, FOREIGN[:1])])
    assert came is not None
    assert came.sure
    assert judge(one).status == "onset"
    assert coming(one, [neighbour(traces, FOREIGN)]) is None


def test_one_strange_spot_is_enough_where_all_but_a_shared_one_went(traces: Any) -> None:
    old = traces.fading(40, 3)
    old[0] = np.where(np.arange(100) < 40, old[0, 0], 1.5 * old[0, 0])
    one = place(traces, FOREIGN[:1], old=old)
    came = coming(one)
    assert came is not None
    assert (came.sure, came.instead) == (False, True)
    verdict = judge(one)
    assert (verdict.status, verdict.criterion, verdict.evidence) == ("onset", "new_phase", "single")
    assert "new to the field" in verdict.reason
    assert judge(one, [neighbour(traces, FOREIGN)]).status == "ambiguous"


def test_what_grew_in_another_place_was_not_held_by_the_field(traces: Any) -> None:
    signal = np.concatenate([traces.steady(), grown(at=70)[None] * np.linspace(0, 1, 100)])
    other = examine(traces.scope(signal, 5, np.concatenate([traces.g, FOREIGN[:1]])), None)
    assert len(other.held) == 4


def test_a_reflection_that_the_crystal_had_elsewhere_is_no_news_even_where_the_rest_went(
    traces: Any,
) -> None:
    one = place(traces, FOREIGN, old=traces.fading(38, 3))
    had = examine(traces.scope(np.tile([[4.0], [3.0]], 100), 3, FOREIGN), None)
    renamed = [replace(t, spot=4 + i) for i, t in enumerate(had.scope.traces)]
    for crystal, news in ((0, False), (1, True)):
        mine = tuple(replace(trace, crystal=crystal) for trace in renamed)
        other = replace(had, scope=replace(had.scope, traces=mine))
        assert (coming(one, [other]) is not None) is news


def test_a_spacing_of_its_own_counts_beside_those_that_the_field_had(traces: Any) -> None:
    came = coming(place(traces, FOREIGN), [neighbour(traces, FOREIGN[:1])])
    assert came is not None
    assert came.spots == (5,)
    assert not came.sure


def test_points_of_the_lattice_are_no_news(traces: Any) -> None:
    further = np.array([traces.g[0] + traces.g[1], traces.g[0] - traces.g[1]])
    assert coming(place(traces, further)) is None


def halves(traces: Any) -> np.ndarray:
    a, b = traces.g[0], traces.g[2]
    return np.array([a / 2, (a + b) / 2, a / 2 + b])


def test_faint_spots_tell_together_that_they_were_not_there(traces: Any) -> None:
    g = 0.125 * np.array([[0.30 + 0.13 * i, 0.20 + 0.37 * i] for i in range(4)])

    def came(signal: np.ndarray, spots: int) -> int:
        both = np.concatenate([traces.steady(), np.tile(signal, (spots, 1))])
        scope = traces.scope(both, 1, np.concatenate([traces.g, g[:spots]]))
        return len(examine(scope, None).new)

    faint = grown(level=1.0)
    assert came(faint, 1) == 0
    assert came(faint, 4) >= 3
    assert came(faint.clip(0.4), 4) == 0


def test_half_orders_beside_parents_that_hold_are_an_ordering(traces: Any) -> None:
    one = place(traces, halves(traces)[:2])
    came = coming(one)
    assert came is not None
    assert came.kind == "ordering"
    assert came.sure
    verdict = judge(one)
    assert (verdict.status, verdict.criterion, verdict.kind) == ("onset", "new_phase", "ordering")
    assert verdict.onset.low <= 41
    assert verdict.onset.high >= 39


def test_a_single_half_order_is_not_sure(traces: Any) -> None:
    one = place(traces, halves(traces)[:1])
    came = coming(one)
    assert came is not None
    assert came.kind == "ordering"
    assert not came.sure
    assert judge(one).status == "ambiguous"


def test_half_orders_stronger_than_their_parents_are_not_sure(traces: Any) -> None:
    came = coming(place(traces, halves(traces)[:2], level=8.0))
    assert came is not None
    assert came.kind == "ordering"
    assert not came.sure


def test_half_orders_beside_parents_that_fade_are_not_sure(traces: Any) -> None:
    some = traces.levels[:, None] * (1 - 0.35 * (np.arange(100) >= 40))
    one = place(traces, halves(traces)[:2], old=3 * some)
    assert one.loss is not None
    came = coming(one)
    assert came is not None
    assert not came.sure


def test_half_orders_beside_parents_that_rise_and_fall_for_one_another_are_not_sure(
    traces: Any,
) -> None:
    changed = np.where(np.arange(100) < 40, 1, np.array([1.3, 0.5, 1.3, 1.0])[:, None])
    one = place(traces, halves(traces)[:2], old=3 * traces.steady() * changed)
    came = coming(one)
    assert came is not None
    assert not came.sure
    verdict = judge(one)
    assert verdict.status == "ambiguous"
    assert "points that a tilt brought" in verdict.reason


def test_foreign_spots_beside_half_orders_are_the_new_phase(traces: Any) -> None:
    came = coming(place(traces, np.concatenate([halves(traces)[:2], FOREIGN])))
    assert came is not None
    assert came.kind == ""
    assert came.spots == (6, 7)


def test_spots_that_went_again_did_not_come(traces: Any) -> None:
    view = 6.0 * ((np.arange(100) >= 20) & (np.arange(100) < 60))
    signal = np.concatenate([traces.steady(), np.tile(view, (2, 1))])
    one = examine(traces.scope(signal, 2, np.concatenate([traces.g, FOREIGN])), None)
    assert coming(one) is None


def spot(gy: float, gx: float) -> SpotTrace:
    return SpotTrace(0, 0, gy, gx, np.ones(3))


@pytest.mark.parametrize(
    ("gy", "gx", "order"),
    [(2, 0, 1), (1, -1, 1), (0.5, 0.5, 2), (1, 0.5, 2), (-0.5, 0, 2), (0.3, 0.3, 0), (0.7, 1, 0)],
)
def test_points_of_a_lattice_and_between_them_are_told(gy: float, gx: float, order: int) -> None:
    assert order_of(spot(gy, gx), [spot(1, 0), spot(0, 1)]) == order


def test_one_direction_has_no_points_of_a_lattice() -> None:
    assert order_of(spot(1, 1), [spot(1, 0), spot(2, 0)]) == 0
    assert order_of(spot(1, 1), []) == 0


def test_a_spot_that_reaches_in_from_where_it_grew_is_nothing_new_here(traces: Any) -> None:
    # Windows overlap: of what grew beside it a lattice that holds shows a spot, fainter.
    faint = np.concatenate([traces.steady(), grown(level=1.4)[None]])
    here = examine(traces.scope(faint, 1, np.concatenate([traces.g, FOREIGN[:1]])), None)
    beside = place(traces, FOREIGN, seed=2, old=traces.fading(40, 10))
    assert judge(here).status == "ambiguous"
    assert judge(here, [beside]).status == "survived"
    strong = place(traces, FOREIGN[:1], seed=3)
    assert judge(strong, [beside]).status == "ambiguous"


def test_a_spot_is_of_where_it_came_instead_of_a_lattice(traces: Any) -> None:
    quarter = np.array([[0.0, 1.0], [-1.0, 0.0]])
    twins = np.concatenate([FOREIGN[:1], FOREIGN[:1] @ quarter])  # one spacing in two directions
    seen = np.concatenate([traces.steady(), grown(level=2.5)[None]])
    here = examine(traces.scope(seen, 1, np.concatenate([traces.g, FOREIGN[:1]])), None)
    replaced = place(traces, twins, seed=2, old=traces.fading(40, 10))
    for beside, status in ((replaced, "survived"), (place(traces, twins, seed=2), "ambiguous")):
        assert judge(here, [beside], fates=Fates.of([here, beside])).status == status


def in_windows(one: Examined, windows: int) -> Examined:
    """The same where what came is seen in so many of its four windows."""
    traces = one.scope.traces
    some = tuple(replace(trace, windows=windows) for trace in traces[4:])
    return examine(replace(one.scope, traces=traces[:4] + some), None)


@pytest.mark.parametrize(("windows", "status"), [(1, "survived"), (3, "ambiguous")])
def test_a_spot_that_most_of_a_place_does_not_show_says_nothing_of_it(
    traces: Any, windows: int, status: str
) -> None:
    assert judge(in_windows(place(traces, FOREIGN[:1]), windows)).status == status


@pytest.mark.parametrize(("windows", "onset"), [(1, 75), (3, 40)])
def test_what_grew_beside_before_a_lattice_went_does_not_date_it(
    traces: Any, windows: int, onset: float
) -> None:
    here = in_windows(place(traces, FOREIGN, old=traces.fading(75, 4)), windows)
    beside = place(traces, FOREIGN, seed=2, old=traces.fading(40, 4))
    verdict = judge(here, [beside], fates=Fates.of([here, beside]))
    assert verdict.onset.value == pytest.approx(onset, abs=3)


def test_a_little_that_was_lost_long_before_is_not_what_they_came_of(traces: Any) -> None:
    old = 40 * traces.steady() * np.where(np.arange(100) < 12, 1.0, 0.93)
    one = place(traces, FOREIGN, old=old)
    assert one.loss is not None
    assert one.loss.course.onset.high < 20
    verdict = judge(one)
    assert verdict.status == "onset"
    assert 38 < verdict.onset.value < 42
