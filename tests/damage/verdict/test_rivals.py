"""Damage takes all spots alike; a tilt takes each in its own measure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import optimize

from napari_beamwatch.damage.course.averaging import average
from napari_beamwatch.damage.course.examining import examine
from napari_beamwatch.damage.course.models import remaining
from napari_beamwatch.damage.scopes import Witnesses, samples_of
from napari_beamwatch.damage.verdict.judging import judge
from napari_beamwatch.damage.verdict.rivals import (
    Fates,
    Refuted,
    Shares,
    fell_together,
    refuted,
    shares,
)
from napari_beamwatch.spectra.broadening import Broadening

ENDS = np.arange(1.0, 101)


def tilting(traces: Any, exponents: np.ndarray, seed: int) -> Any:
    """Spots that fall to a half over thirty frames, each to its own power of that."""
    course = 1 - 0.5 * np.clip((np.arange(100) - 40) / 30, 0, 1)
    return samples_of(traces.scope(traces.levels[:, None] * course ** exponents[:, None], seed))


def test_exponents_are_the_likeliest_of_each_spot(traces: Any) -> None:
    samples = tilting(traces, np.array([1.0, 0.6, 1.4, 2.0]), 3)
    found = average(samples)
    best, models = found.best, found.weighed.models
    h = remaining(
        ENDS - 1, ENDS, float(models.onset[best]), float(models.tau[best]), float(models.beta[best])
    )
    kept = found.weighed.residual[best].sum() / found.weighed.plateau[best].sum()
    course = h + kept * (1 - h)

    def naive(y: np.ndarray) -> float:
        def misfit(p: np.ndarray) -> float:
            s = np.exp(p[0]) * course ** p[1]
            # Score of the noise law's moments: a shifted Poisson count.
            return float(((s + 0.5) - (y + 0.5) * np.log(s + 0.5)).sum())

        return float(optimize.minimize(misfit, [1.0, 1.0], method="Nelder-Mead").x[1])

    mine = shares(samples, found, 1.0)
    assert mine.exponent == pytest.approx([naive(y) for y in samples.y], abs=0.01)


def test_errors_of_the_exponents_are_what_they_scatter_by(traces: Any) -> None:
    pulls = []
    for seed in range(30):
        samples = tilting(traces, np.ones(4), seed)
        found = shares(samples, average(samples), 1.0)
        pulls.append((found.exponent - 1) / found.se)
    assert 0.7 < np.std(pulls) < 1.3


def test_a_spot_that_was_nowhere_measured_says_nothing(traces: Any) -> None:
    samples = tilting(traces, np.ones(4), 0)
    seen = samples.windows * np.array([1.0, 1, 1, 0])[:, None]
    found = shares(replace(samples, windows=seen), average(samples), 1.0)
    assert np.isfinite(found.se).tolist() == [True, True, True, False]
    with np.errstate(all="raise", under="ignore"):
        known = Shares(found.exponent[:3], found.se[:3])
        assert fell_together(found) == pytest.approx(fell_together(known))


def test_spots_that_go_alike_speak_for_damage_and_others_for_a_tilt() -> None:
    error = np.full(3, 0.05)
    assert fell_together(Shares(np.array([1.0, 1.03, 0.98]), error)) > 10
    assert fell_together(Shares(np.array([1.0, 1.6, 0.5]), error)) < 0.01
    assert fell_together(Shares(np.array([1.0, 1.6, 0.5]), np.full(3, 2.0))) == 1


def placed(traces: Any, signal: np.ndarray, seed: int, crystal: int = 0, turn: float = 0) -> Any:
    """A place of a crystal, at an angle in degrees."""
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    scope = traces.scope(signal, seed, traces.g @ np.array([[c, s], [-s, c]]))
    mine = tuple(replace(trace, crystal=crystal) for trace in scope.traces)
    return examine(replace(scope, traces=mine), None)


def test_a_place_of_the_same_g_that_held_refutes_focus(traces: Any) -> None:
    lost = placed(traces, traces.fading(40, 8), 1)
    beside = placed(traces, traces.steady(), 2, crystal=1, turn=30)
    assert refuted(lost, [beside]) == Refuted(path=True, tilt=False)
    assert refuted(lost, []) == Refuted()


def test_a_place_of_the_same_crystal_that_held_refutes_a_tilt(traces: Any) -> None:
    lost = placed(traces, traces.fading(40, 8), 1)
    assert refuted(lost, [placed(traces, traces.steady(), 2)]) == Refuted(path=True, tilt=True)


def test_a_place_of_the_same_crystal_that_went_later_refutes_both(traces: Any) -> None:
    early, late = (placed(traces, traces.fading(dose, 4), 1) for dose in (25, 65))
    assert refuted(early, [late]) == refuted(late, [early]) == Refuted(path=True, tilt=True)


def test_a_place_that_went_with_it_refutes_nothing(traces: Any) -> None:
    lost, other = (placed(traces, traces.fading(40, 8), seed) for seed in (1, 2))
    assert refuted(lost, [other]) == Refuted()


@pytest.mark.parametrize(
    ("rising", "crystal", "moved"), [(4, 0, True), (1, 0, False), (4, 1, False)]
)
def test_spots_that_brightened_elsewhere_in_the_crystal_are_of_one_that_moves(
    traces: Any, rising: int, crystal: int, moved: bool
) -> None:
    lost = placed(traces, traces.fading(40, 8), 1)
    power = traces.steady()
    power[:rising, :40] /= 3
    other = placed(traces, power, 2, crystal=crystal)
    assert refuted(lost, [other]).moved is moved
    verdict = judge(lost, [other])
    assert verdict.status == ("ambiguous" if moved else "onset")
    assert ("it bends or moves" in verdict.reason) is moved


def test_a_place_of_other_spacings_that_held_does_not_refute_focus(traces: Any) -> None:
    lost = placed(traces, traces.fading(40, 8), 1)
    scope = traces.scope(traces.steady(), 2, 1.35 * traces.g)
    mine = tuple(replace(trace, crystal=1) for trace in scope.traces)
    assert refuted(lost, [examine(replace(scope, traces=mine), None)]) == Refuted()


@pytest.mark.parametrize(("crystals", "larger", "path"), [(4, 1.35, True), (3, 1.35, False),
                                                          (6, 0.55, False)])  # fmt: skip
def test_several_crystals_of_greater_g_that_held_refute_focus(
    traces: Any, crystals: int, larger: float, path: bool
) -> None:
    lost = placed(traces, traces.fading(40, 8), 1)
    held = []
    for i in range(crystals):
        scope = traces.scope(traces.steady(), 2 + i, larger * traces.g)
        mine = tuple(replace(trace, crystal=1 + i) for trace in scope.traces)
        held.append(examine(replace(scope, traces=mine), None))
    assert refuted(lost, held).path is path


def fringe(traces: Any, onset: float, which: int) -> Any:
    """A crystal of which one fringe set is seen, which goes for good."""
    scope = traces.scope(traces.fading(onset, 8), 5, windows=8)
    return examine(replace(scope, traces=(replace(scope.traces[which], crystal=1),)), None)


@pytest.mark.parametrize(("onset", "status"), [(40, "onset"), (70, "ambiguous")])
def test_a_fringe_set_alone_went_as_a_crystal_of_several_whose_loss_no_focus_explains(
    traces: Any, onset: float, status: str
) -> None:
    whole, alone = placed(traces, traces.fading(40, 8), 1), fringe(traces, onset, 1)
    fates = Fates.of([whole, alone])
    assert len(fates.gone) == 4
    assert judge(alone).reason.startswith("one fringe set alone, and nothing to witness")
    verdict = judge(alone, (), None, fates)
    assert (verdict.status, verdict.evidence) == (status, "single" if status == "onset" else "")


@pytest.mark.parametrize(("partly", "path"), [(4, False), (3, True)])
def test_where_most_places_kept_a_part_one_that_held_is_no_witness_against_a_focus(
    traces: Any, partly: int, path: bool
) -> None:
    lost, held = fringe(traces, 40, 1), placed(traces, traces.steady(), 2, crystal=2)
    course = 0.5 + 0.5 * traces.fading(40, 8) / traces.levels[:, None]
    half = traces.levels[:, None] * course
    others = [placed(traces, half, 3 + i, crystal=3 + i) for i in range(partly)]
    fates = Fates.of([lost, held, *others])
    assert fates.in_part is not path
    assert refuted(lost, [held, *others], fates).path is path
    assert judge(lost, [held, *others], None, fates).status == ("onset" if path else "ambiguous")


def test_a_place_too_weak_to_tell_refutes_nothing(traces: Any) -> None:
    lost = placed(traces, traces.fading(40, 8), 1)
    assert refuted(lost, [placed(traces, 0.02 * traces.steady(), 2)]) == Refuted()


@pytest.mark.parametrize("seed", range(3))
def test_an_uneven_loss_is_damage_only_where_another_place_of_the_crystal_held(
    traces: Any, seed: int
) -> None:
    left = np.where(np.arange(100) < 40, 1, np.array([0.54, 0.3, 0.33, 0.1])[:, None])
    lost = placed(traces, 4 * traces.steady() * left, seed)
    beside = placed(traces, traces.steady(), seed + 10, crystal=1, turn=30)
    same = placed(traces, traces.steady(), seed + 20)
    # Of a tilt another crystal is no witness.
    assert [judge(lost, others).status for others in ([], [beside], [same])] == [
        "ambiguous", "ambiguous", "onset",
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_an_equal_partial_loss_of_all_spots_needs_a_second_sign(traces: Any, seed: int) -> None:
    left = 0.6 + 0.4 * traces.fading(40, 5) / traces.levels[:, None]
    scope = traces.scope(traces.steady() * left, seed, windows=40)
    alone = judge(examine(scope, None))
    assert (alone.status, alone.criterion) == ("ambiguous", "")
    assert "a layer on top" in alone.reason
    halo = judge(examine(scope, None), (), Witnesses(halo_grew=True))
    assert (halo.status, halo.kind) == ("onset", "amorphisation")
    assert halo.onset.low < 40 < halo.onset.high


def test_spots_that_broaden_are_a_second_sign_and_those_that_may_not_are_none(
    traces: Any,
) -> None:
    left = 0.6 + 0.4 * traces.fading(40, 5) / traces.levels[:, None]
    scope = traces.scope(traces.steady() * left, 0, windows=40)

    def told(change: float, se: float) -> str:
        return judge(examine(replace(scope, broadening=Broadening(change, se)), None)).status

    assert [told(*each) for each in ((0.25, 0.05), (0.25, 0.1), (0.04, 0.005))] == [
        "onset", "ambiguous", "ambiguous",
    ]  # fmt: skip


def test_a_halo_does_not_make_damage_of_a_tilt(traces: Any) -> None:
    # 15 mrad in multislice LiF [110].
    left = np.where(np.arange(100) < 40, 1, np.array([0.54, 0.66, 0.53, 0.26])[:, None])
    scope = traces.scope(traces.steady() * left, 1, windows=40)
    assert judge(examine(scope, None), (), Witnesses(halo_grew=True)).status == "ambiguous"
