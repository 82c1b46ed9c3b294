"""What other places of a field say of the loss of one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_beamwatch.damage.course.examining import examine
from napari_beamwatch.damage.scopes import samples_of
from napari_beamwatch.damage.verdict.fates import Fates, powers_of
from napari_beamwatch.damage.verdict.judging import judge
from napari_beamwatch.damage.verdict.others import Refuted, refuted


def test_a_place_of_the_same_g_that_held_refutes_focus(traces: Any) -> None:
    lost = traces.placed(traces.fading(40, 8), 1)
    beside = traces.placed(traces.steady(), 2, crystal=1, turn=30)
    assert refuted(lost, [beside]) == Refuted(path=True, tilt=False)
    assert refuted(lost, []) == Refuted()


def test_a_place_of_the_same_crystal_that_held_refutes_a_tilt(traces: Any) -> None:
    lost = traces.placed(traces.fading(40, 8), 1)
    assert refuted(lost, [traces.placed(traces.steady(), 2)]) == Refuted(path=True, tilt=True)


def test_a_place_of_the_same_crystal_that_went_later_refutes_both(traces: Any) -> None:
    early, late = (traces.placed(traces.fading(dose, 4), 1) for dose in (25, 65))
    assert refuted(early, [late]) == refuted(late, [early]) == Refuted(path=True, tilt=True)


def test_a_place_that_went_with_it_refutes_nothing(traces: Any) -> None:
    lost, other = (traces.placed(traces.fading(40, 8), seed) for seed in (1, 2))
    assert refuted(lost, [other]) == Refuted()


@pytest.mark.parametrize(
    ("rising", "crystal", "moved"), [(4, 0, True), (1, 0, False), (4, 1, False)]
)
def test_spots_that_brightened_elsewhere_in_the_crystal_are_of_one_that_moves(
    traces: Any, rising: int, crystal: int, moved: bool
) -> None:
    lost = traces.placed(traces.fading(40, 8), 1)
    power = traces.steady()
    power[:rising, :40] /= 3
    other = traces.placed(power, 2, crystal=crystal)
    assert refuted(lost, [other]).moved is moved
    verdict = judge(lost, [other])
    assert verdict.status == ("ambiguous" if moved else "onset")
    assert ("it bends or moves" in verdict.reason) is moved


@pytest.mark.parametrize(
    ("crystal", "since", "moved"), [(0, 38, True), (1, 38, False), (0, 60, False)]
)
def test_a_fold_that_passes_another_place_of_the_crystal_meanwhile_may_have_come_to_stay(
    traces: Any, crystal: int, since: int, moved: bool
) -> None:
    lost = traces.placed(traces.fading(40, 4), 1)
    passes = (np.arange(100) >= since) & (np.arange(100) < since + 12)
    other = traces.placed(traces.steady() * np.where(passes, 0.05, 1), 2, crystal=crystal)
    assert refuted(lost, [other]).moved is moved


def test_what_brightened_at_another_spacing_is_another_lattice_for_small_windows(
    traces: Any,
) -> None:
    lost = traces.placed(traces.fading(40, 8), 1)
    power = traces.steady()
    power[:, :40] /= 3
    other = examine(traces.scope(power, 2, 0.93 * traces.g), None)
    assert not refuted(lost, [other]).moved


@pytest.mark.parametrize(("went", "moved"), [(1.0, True), (0.0, False)])
def test_what_a_place_lost_and_the_rest_of_its_crystal_gained_moved_there(
    traces: Any, went: float, moved: bool
) -> None:
    # Of three times as many windows, so that nothing there is half as bright again.
    gone = traces.fading(40, 8)
    lost = traces.placed(gone, 1)
    rest = traces.scope(traces.steady() + went * (traces.steady() - gone) / 3, 2, windows=12)
    both = [
        replace(a, snr=(4 * a.snr + 12 * b.snr) / 16, windows=16)
        for a, b in zip(lost.scope.traces, rest.traces, strict=True)
    ]
    every = replace(rest, traces=tuple(both))
    powers = powers_of(every.traces, samples_of(every))
    others = [examine(rest, None)]
    assert not refuted(lost, others).moved
    assert refuted(lost, others, Fates.of([lost, *others], powers)).moved is moved


def test_what_holds_elsewhere_has_gained_nothing_though_a_mean_that_trusts_it_says_so(
    traces: Any,
) -> None:
    lost, rest = traces.placed(traces.fading(30, 4), 1), traces.scope(traces.steady(), 2)
    # Of windows that fade the strength is a third of that of those that hold, over all frames.
    both = []
    for a, b in zip(lost.scope.traces, rest.traces, strict=True):
        mean = (a.snr / 3 + b.snr) / (1 / 9 + 1) * (10 / 9) / (4 / 3)
        trace = replace(a, snr=mean, windows=4 * (4 / 3) ** 2 / (10 / 9))
        both.append(replace(trace, total=4 * (a.snr + b.snr)))
    for many, moved in ((both, False), ([replace(one, total=None) for one in both], True)):
        every = replace(rest, traces=tuple(many))
        fates = Fates(powers=powers_of(every.traces, samples_of(every)))
        assert refuted(lost, [], fates).moved is moved


def test_a_place_of_other_spacings_that_held_does_not_refute_focus(traces: Any) -> None:
    lost = traces.placed(traces.fading(40, 8), 1)
    scope = traces.scope(traces.steady(), 2, 1.35 * traces.g)
    mine = tuple(replace(trace, crystal=1) for trace in scope.traces)
    assert refuted(lost, [examine(replace(scope, traces=mine), None)]) == Refuted()


@pytest.mark.parametrize(("crystals", "larger", "path"), [(4, 1.35, True), (3, 1.35, False),
                                                          (6, 0.55, False)])  # fmt: skip
def test_several_crystals_of_greater_g_that_held_refute_focus(
    traces: Any, crystals: int, larger: float, path: bool
) -> None:
    lost = traces.placed(traces.fading(40, 8), 1)
    held = []
    for i in range(crystals):
        scope = traces.scope(traces.steady(), 2 + i, larger * traces.g)
        mine = tuple(replace(trace, crystal=1 + i) for trace in scope.traces)
        held.append(examine(replace(scope, traces=mine), None))
    assert refuted(lost, held).path is path


def fringe(traces: Any, onset: float, which: int, tau: float = 8) -> Any:
    """A crystal of which one fringe set is seen, which goes for good."""
    scope = traces.scope(traces.fading(onset, tau), 5, windows=8)
    return examine(replace(scope, traces=(replace(scope.traces[which], crystal=1),)), None)


@pytest.mark.parametrize(("onset", "status"), [(40, "onset"), (70, "ambiguous")])
def test_a_fringe_set_alone_went_as_a_crystal_of_several_whose_loss_no_focus_explains(
    traces: Any, onset: float, status: str
) -> None:
    whole, alone = traces.placed(traces.fading(40, 8), 1), fringe(traces, onset, 1)
    fates = Fates.of([whole, alone])
    assert len(fates.gone) == 4
    assert judge(alone).reason.startswith("one fringe set alone, and nothing to witness")
    verdict = judge(alone, (), None, fates)
    assert (verdict.status, verdict.evidence) == (status, "single" if status == "onset" else "")


def test_a_spot_that_began_before_but_went_while_a_crystal_did_went_as_that(traces: Any) -> None:
    whole, alone = traces.placed(traces.fading(45, 5), 1), fringe(traces, 20, 1, 25)
    assert not alone.began.meets(whole.began)
    assert judge(alone, (), None, Fates.of([whole, alone])).status == "onset"


def test_places_went_together_in_doses_of_the_field(traces: Any) -> None:
    whole, alone = traces.placed(traces.fading(40, 8), 1), fringe(traces, 70, 1)
    half = 2 * whole.scope.dose_start, 2 * whole.scope.dose_end
    scope = replace(whole.scope, dose_start=half[0], dose_end=half[1])
    # In its own doses the crystal went at 80; in those of the field, at 40 or at 80.
    for exposure, status in ((2.0, "ambiguous"), (1.0, "onset")):
        bright = examine(replace(scope, exposure=exposure), None)
        assert judge(alone, (), None, Fates.of([bright, alone])).status == status


def test_what_a_neighbour_lost_makes_no_crystal_of_several_of_a_single_spot(traces: Any) -> None:
    whole = traces.placed(traces.fading(40, 8), 1)
    mine = [replace(trace, crystal=int(i > 0)) for i, trace in enumerate(whole.scope.traces)]
    scope = replace(whole.scope, traces=tuple(mine), crystal=0)
    assert Fates.of([examine(scope, None)]).gone == ()


@pytest.mark.parametrize(("partly", "path"), [((40,), False), ((), True), ((70, 75), True)])
def test_where_what_fell_with_it_kept_a_part_one_that_held_is_no_witness_against_a_focus(
    traces: Any, partly: tuple[int, ...], path: bool
) -> None:
    lost, held = fringe(traces, 40, 1), traces.placed(traces.steady(), 2, crystal=2)
    courses = [0.5 + 0.5 * traces.fading(onset, 8) / traces.levels[:, None] for onset in partly]
    half = [traces.levels[:, None] * course for course in courses]
    others = [held, *(traces.placed(power, 3 + i, crystal=3 + i) for i, power in enumerate(half))]
    assert refuted(lost, others).path is path
    assert judge(lost, others).status == ("onset" if path else "ambiguous")


@pytest.mark.parametrize(("kept", "along"), [((3, 3), True), ((3, 0), False), ((3, None), False)])
def test_a_film_that_tilts_leaves_all_its_crystals_what_lies_along_one_line(
    traces: Any, kept: tuple[int, int | None], along: bool
) -> None:
    def place(number: int, spot: int | None) -> Any:
        power = traces.fading(40, 8)
        if spot is not None:
            power[spot] = traces.levels[spot]
        return traces.placed(power, number, crystal=number, turn=10 * number)

    one, *others = place(0, None), *(place(1 + i, spot) for i, spot in enumerate(kept))
    verdict = judge(one, others)
    assert refuted(one, others).along is along
    assert verdict.status == ("ambiguous" if along else "onset")


def test_a_fringe_set_that_goes_as_crystals_turn_may_be_a_piece_of_them(traces: Any) -> None:
    turned = traces.fading(40, 1)
    g = np.concatenate([traces.g, traces.g @ np.array([[0.0, 1.0], [-1.0, 0.0]])])
    both = np.concatenate([turned, traces.levels[:, None] - turned])
    crystal = examine(traces.scope(both, 1, g), None)
    held = traces.placed(traces.steady(), 5, crystal=9, turn=50)
    for onset, told in ((40, "ambiguous"), (65, "onset")):
        alone = fringe(traces, onset, 2)
        every = [crystal, alone, held]
        assert judge(alone, [crystal, held], fates=Fates.of(every)).status == told


def test_a_place_too_weak_to_tell_refutes_nothing(traces: Any) -> None:
    lost = traces.placed(traces.fading(40, 8), 1)
    assert refuted(lost, [traces.placed(0.02 * traces.steady(), 2)]) == Refuted()
