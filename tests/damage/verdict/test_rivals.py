"""A partial loss is damage where neither a tilt nor a layer explains it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_beamwatch.damage.course.examining import examine
from napari_beamwatch.damage.scopes import Witnesses
from napari_beamwatch.damage.verdict.judging import judge
from napari_beamwatch.spectra.broadening import Broadening


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("kept", "told"), [((0.5, 0.4, 0.43, 0.35), "onset"), ((0.54, 0.3, 0.33, 0.1), "ambiguous")]
)
def test_a_loss_not_quite_even_is_damage_only_where_another_place_of_the_crystal_held(
    traces: Any, kept: tuple[float, ...], told: str, seed: int
) -> None:
    left = np.where(np.arange(100) < 40, 1, np.array(kept)[:, None])
    lost = traces.placed(4 * traces.steady() * left, seed)
    beside = traces.placed(traces.steady(), seed + 10, crystal=1, turn=30)
    same = traces.placed(traces.steady(), seed + 20)
    # Of a tilt another crystal is no witness; and a part of one may bend by itself.
    assert [judge(lost, others).status for others in ([], [beside], [same])] == [
        "ambiguous", "ambiguous", told,
    ]  # fmt: skip


@pytest.mark.parametrize(("darker", "told"), [(0.0, "onset"), (0.02, "onset"), (0.2, "ambiguous")])
def test_a_part_of_a_lattice_that_went_where_something_grew_on_it_is_no_damage(
    traces: Any, darker: float, told: str
) -> None:
    left = np.where(np.arange(100) < 40, 1, np.array([0.4, 0.35, 0.37, 0.33])[:, None])
    scope = traces.placed(4 * traces.steady() * left, 1).scope
    noise = np.random.default_rng(0).normal(0, 0.003, 100)
    signal = 1 - darker * np.clip((np.arange(100) - 40) / 20, 0, 1) + noise
    lost = examine(replace(scope, signal=signal), None)
    verdict = judge(lost, [traces.placed(traces.steady(), 21)])
    assert verdict.status == told
    assert ("where it darkened" in verdict.reason) == (told == "ambiguous")


@pytest.mark.parametrize("seed", range(3))
def test_an_equal_partial_loss_of_all_spots_is_what_a_layer_takes_which_has_a_halo_too(
    traces: Any, seed: int
) -> None:
    left = 0.6 + 0.4 * traces.fading(40, 5) / traces.levels[:, None]
    one = examine(traces.scope(traces.steady() * left, seed, windows=40), None)
    for witnesses in (Witnesses(), Witnesses(halo_grew=True)):
        verdict = judge(one, (), witnesses)
        assert (verdict.status, verdict.criterion) == ("ambiguous", "")
        assert "a layer on top" in verdict.reason


def test_spots_that_broaden_are_a_sign_of_damage_and_those_that_may_not_are_none(
    traces: Any,
) -> None:
    left = 0.6 + 0.4 * traces.fading(40, 5) / traces.levels[:, None]
    scope = traces.scope(traces.steady() * left, 0, windows=40)

    def told(change: float, se: float) -> str:
        return judge(examine(replace(scope, broadening=Broadening(change, se)), None)).status

    assert [told(*each) for each in ((0.25, 0.05), (0.25, 0.1), (0.04, 0.005))] == [
        "onset", "ambiguous", "ambiguous",
    ]  # fmt: skip


def test_a_strong_spot_that_stays_is_asked_only_if_it_is_of_the_crystal(traces: Any) -> None:
    levels = traces.fading(40, 4)
    levels[3] = 1.0
    scope = traces.scope(levels, 1, windows=16)
    others = tuple(replace(one, crystal=int(one.spot == 3)) for one in scope.traces)
    for crystal, status in ((0, "onset"), (None, "ambiguous")):
        place = examine(replace(scope, traces=others, crystal=crystal), None)
        assert judge(place, ()).status == status


@pytest.mark.parametrize(("windows", "status"), [(80, "ambiguous"), (4, "onset")])
def test_a_strong_spot_that_stays_in_few_of_the_windows_is_of_what_lies_over_them(
    traces: Any, windows: int, status: str
) -> None:
    power = traces.fading(40, 4)
    power[3] = 0.15 * traces.levels.max()
    scope = traces.scope(power, 1, windows=80)
    some = (*scope.traces[:3], replace(scope.traces[3], windows=windows))
    assert judge(examine(replace(scope, traces=some), None)).status == status


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("kept", "told"),
    [((1.0, 1.0), "onset"), ((0.6, 0.6), "ambiguous"), ((1.0, 0.0), "ambiguous")],
)
def test_an_order_that_goes_while_its_lattice_holds_is_a_change(
    traces: Any, kept: tuple[float, float], told: str, seed: int
) -> None:
    g = traces.g[[0, 1]]
    between = np.array([g[0] + g[1], g[0] - g[1], 3 * g[0] + g[1]]) / 2
    left = np.where(np.arange(100) < 40, 1, np.array([*kept, 0, 0, 0])[:, None])
    levels = np.array([8, 6, 2, 2, 2])[:, None]
    scope = traces.scope(levels * left, seed, np.concatenate([g, between]), windows=20)
    verdict = judge(examine(scope, None))
    assert verdict.status == told
    if told == "onset":
        assert verdict.kind == "disorder"
        assert "those between them held" in verdict.reason
        assert verdict.onset.low <= 40 <= verdict.onset.high


@pytest.mark.parametrize(("lighter", "status"), [(1.4, "onset"), (1.0, "ambiguous")])
def test_a_foil_that_thins_to_nothing_lets_more_through_which_no_focus_does(
    traces: Any, lighter: float, status: str
) -> None:
    left = np.interp(np.arange(100), [20, 80], [1.0, 0.0])
    swings = np.sin(np.pi * 24 * left / np.array([[16.0], [29.0]])) ** 2
    beam = lighter ** (1 - left)
    scope = traces.scope(40 * swings * beam, 2, traces.g[[1, 3]])
    verdict = judge(examine(scope, beam))
    assert verdict.status == status
    assert ("drifting focus" in verdict.reason) is (status == "ambiguous")
