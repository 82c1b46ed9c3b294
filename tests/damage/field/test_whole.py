"""What is said of a field follows from its places, and says how much of it they are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_beamwatch.damage.course.dips import Event
from napari_beamwatch.damage.course.estimate import NOTHING, Estimate
from napari_beamwatch.damage.course.examining import examine
from napari_beamwatch.damage.course.interval import Fitted
from napari_beamwatch.damage.field.place import Place
from napari_beamwatch.damage.field.summed import passing
from napari_beamwatch.damage.field.whole import RegionVerdict
from napari_beamwatch.damage.verdict.judging import Verdict

ENDS = np.arange(1.0, 301)
START, MIDDLE = ENDS - 1, ENDS - 0.5
NAN = float("nan")


def about(dose: float, error: float = 4.0) -> Estimate:
    return Estimate(dose, dose - 1.96 * error, dose + 1.96 * error)


def step(dose: float, left: float = 0.0, wide: float = 0.0) -> Fitted:
    """A course that falls within one frame, in a band."""
    level = np.where(dose > MIDDLE, 1.0, left)
    return Fitted(np.arange(300), level, level - wide, level + wide, MIDDLE)


def lost(dose: float, **more: Any) -> Verdict:
    """An onset, with all that belongs to it."""
    told: dict[str, Any] = {
        "criterion": "fading", "evidence": "strong", "onset": about(dose), "detected": dose + 5,
        "fading_onset": about(dose), "fitted": step(dose), "lost": dose + 20,
    }  # fmt: skip
    return Verdict("onset", "spots were lost", **(told | more))


def steady(until: float = 250.0) -> Verdict:
    return Verdict("survived", "no lasting loss", survived_dose=until, held_until=until)


def unsure(why: str = "a lasting tilt is not excluded") -> Verdict:
    return Verdict("ambiguous", why)


def places(*told: tuple[Verdict, float], crystals: tuple[int, ...] = ()) -> list[Place]:
    """Places of so many windows each."""
    return [
        Place(i, crystals[i] if crystals else 0, f"place {i}", np.arange(1), share, verdict)
        for i, (verdict, share) in enumerate(told)
    ]


def of(*told: tuple[Verdict, float], **more: Any) -> RegionVerdict:
    return RegionVerdict.of(places(*told, **more), START, ENDS)


def test_a_field_without_places_has_no_lattice() -> None:
    none = RegionVerdict.of([], START, ENDS)
    assert (none.verdict.status, none.summed.places) == ("no_lattice", 0)
    assert np.isnan(none.summed.changed)


def test_places_that_only_came_are_no_lattice_that_was_there() -> None:
    told = of((Verdict("no_lattice", "none at first"), 0.0))
    assert (told.verdict.status, told.summed.places) == ("no_lattice", 0)
    beside = of((Verdict("no_lattice", "none at first"), 0.0), (lost(80), 5.0))
    assert (beside.summed.places, beside.summed.changed) == (1, 1.0)


def test_one_place_is_the_field() -> None:
    only = lost(80, half_dose=about(90), dose_1e=about(95))
    told = of((only, 7.0))
    assert told.verdict.onset == only.onset
    assert told.verdict.half_dose == only.half_dose
    assert told.verdict.reason == only.reason


def test_windows_that_lost_nothing_do_not_date_what_came_to_their_place() -> None:
    def first(verdict: Verdict) -> float:
        one = replace(places((verdict, 7.0))[0], scatter=20.0)
        return RegionVerdict.of([one], START, ENDS).verdict.onset.value

    gone = lost(150)
    came = replace(
        gone, criterion="new_phase", fading_onset=NOTHING, new_phase_onset=about(150), fitted=None
    )
    assert first(gone) == pytest.approx(150 - 1.64 * 20, abs=1)
    assert first(came) == 150


def test_a_field_says_how_much_of_it_changed() -> None:
    told = of((lost(80), 10.0), (lost(200), 20.0), (steady(), 70.0))
    assert told.summed.places == 3
    assert told.summed.changed == pytest.approx(0.3)
    assert told.verdict.status == "onset"
    assert told.verdict.onset.value == pytest.approx(80, abs=0.5)
    assert "2 of 3 places changed, 30 % of the lattice" in told.verdict.reason
    assert told.verdict.reason.startswith("place 0: ")


def test_doses_of_the_whole_are_those_of_all_of_its_lattice() -> None:
    told = of((lost(60), 20.0), (lost(120), 40.0), (steady(), 40.0)).verdict
    assert told.dose_10.value == pytest.approx(60, abs=1)
    assert told.half_dose.value == pytest.approx(120, abs=1)
    assert np.isnan(told.dose_1e.value)
    assert told.decay == NOTHING
    assert told.fitted is not None
    assert told.fitted.level[[0, 100, 299]] == pytest.approx([1.0, 0.8, 0.4])


def test_a_course_of_the_whole_is_known_better_than_those_of_its_places() -> None:
    many = [(lost(100, fitted=step(100, wide=0.2)), 1.0) for _ in range(16)]
    course = of(*many).verdict.fitted
    assert course is not None
    assert (course.high - course.level)[0] == pytest.approx(0.05)


def test_a_course_passes_a_part_where_its_band_does() -> None:
    level = 1 - np.clip((MIDDLE - 100) / 100, 0, 1)
    course = Fitted(np.arange(300), level, level - 0.1, level + 0.1, MIDDLE)
    half = passing(course, 0.5)
    assert (half.value, half.low, half.high) == pytest.approx((150, 140, 160), abs=0.6)
    assert passing(None, 0.5) == NOTHING


def test_frames_that_were_left_out_of_a_place_are_bridged() -> None:
    some = np.arange(0, 300, 3)
    every = step(120, 0.2)
    thin = Fitted(some, every.level[some], every.low[some], every.high[some], MIDDLE[some])
    course = of((lost(120, fitted=thin), 1.0), (lost(120, fitted=every), 1.0)).verdict.fitted
    assert course is not None
    assert len(course.level) == 300
    assert np.abs(course.level - every.level).max() < 0.5
    assert np.abs(course.level - every.level)[[0, 50, 200, 299]].max() == 0


def test_a_dose_is_survived_only_by_a_field_that_did() -> None:
    assert of((steady(200), 1.0), (steady(250), 2.0)).verdict.survived_dose == 250
    assert np.isnan(of((lost(60), 50.0), (steady(250), 50.0)).verdict.survived_dose)
    assert np.isnan(of((unsure(), 60.0), (steady(250), 40.0)).verdict.survived_dose)
    weak = Verdict("ambiguous", "too few electrons", survived_dose=NAN)
    assert of((weak, 60.0), (steady(250), 40.0)).verdict.survived_dose == 250


def test_survivors_outweigh_what_cannot_be_told_by_their_lattice() -> None:
    told = of((unsure(), 30.0), (steady(), 40.0), (steady(), 30.0)).verdict
    assert told.status == "survived"
    assert "2 places alike" in told.reason
    assert "1 cannot be told" in told.reason
    other = of((unsure(), 60.0), (steady(), 40.0)).verdict
    assert other.status == "ambiguous"
    assert "tilt" in other.reason


def test_a_field_of_which_a_fifth_fell_for_no_reason_that_can_be_told_did_not_survive() -> None:
    fell = replace(unsure(), fitted=step(120))
    assert of((fell, 19.0), (steady(), 81.0)).verdict.status == "survived"
    assert of((fell, 21.0), (steady(), 79.0)).verdict.status == "ambiguous"


def test_a_small_place_is_named_and_not_the_headline() -> None:
    told = of((lost(40), 3.0), (steady(), 97.0))
    assert told.verdict.status == "survived"
    assert np.isnan(told.verdict.onset.value)
    assert "place 0 (3 % of the lattice) changed at 40" in told.verdict.reason
    assert told.summed.changed == pytest.approx(0.03)
    beside = of((lost(40), 3.0), (lost(150), 97.0)).verdict
    assert beside.onset.value == pytest.approx(150, abs=0.5)


def test_a_field_that_lost_a_faint_lattice_all_over_did_not_survive() -> None:
    faint, strong = places((lost(40), 2.0), (steady(), 98.0))
    told = RegionVerdict.of([replace(faint, area=95.0), strong], START, ENDS).verdict
    assert told.status == "ambiguous"
    assert np.isnan(told.survived_dose)
    assert (
        "(2 % of the lattice, faint, but seen in 95 % of the windows) changed at 40" in told.reason
    )
    small = RegionVerdict.of([replace(faint, area=4.0), strong], START, ENDS).verdict
    assert small.status == "survived"


def test_a_field_that_lost_a_faint_lattice_in_pieces_did_not_survive() -> None:
    *pieces, strong = places(*((lost(40), 1.0) for _ in range(3)), (steady(), 97.0))
    lattice = [*(replace(one, area=2.0) for one in pieces), strong]
    told = RegionVerdict.of(lattice, START, ENDS).verdict
    assert told.status == "ambiguous"
    assert "with 2 more (1 % of the lattice, faint, but seen in 6 % of the windows)" in told.reason
    assert RegionVerdict.of(lattice[1:], START, ENDS).verdict.status == "survived"


def test_small_places_beside_what_cannot_be_told_stay_unclear() -> None:
    told = of((lost(40), 3.0), (unsure(), 97.0)).verdict
    assert told.status == "ambiguous"
    assert "place 0" in told.reason


def test_the_criterion_is_the_most_specific_of_those_that_went_first() -> None:
    def moved(dose: float) -> Verdict:
        return lost(dose, criterion="spacing", spacing_onset=about(dose))

    def new(dose: float, *spots: int) -> Verdict:
        return lost(dose, criterion="new_phase", new_phase_onset=about(dose), new_spots=spots)

    assert of((lost(80), 60.0), (moved(80), 40.0)).verdict.criterion == "spacing"
    every = of((lost(80), 40.0), (moved(80), 30.0), (new(81, 7, 8), 30.0)).verdict
    assert every.criterion == "new_phase"
    assert every.new_spots == (7, 8)
    assert every.new_phase_onset.value == 81
    # What comes long after does not name the first change.
    assert of((lost(80), 50.0), (new(200, 7), 50.0)).verdict.criterion == "fading"


def test_evidence_of_those_that_went_first_is_that_of_the_strongest() -> None:
    both = of((lost(80, evidence="single"), 60.0), (lost(80), 40.0)).verdict
    assert both.evidence == "strong"
    assert of((lost(80, evidence="single"), 60.0), (lost(200), 40.0)).verdict.evidence == "single"


def test_it_was_detected_when_the_first_place_was() -> None:
    told = of((lost(80, detected=95.0), 60.0), (lost(80, detected=88.0), 40.0)).verdict
    assert told.detected == 88
    apart = of((lost(80, detected=95.0), 60.0), (lost(200, detected=20.0), 40.0)).verdict
    assert apart.detected == 95


def test_a_field_is_lost_when_the_last_of_it_is() -> None:
    assert of((lost(80), 50.0), (lost(200), 50.0)).verdict.lost == 220
    assert np.isnan(of((lost(80), 50.0), (steady(), 50.0)).verdict.lost)
    assert np.isnan(of((lost(80), 50.0), (unsure(), 50.0)).verdict.lost)
    assert np.isnan(of((lost(80), 50.0), (lost(200, lost=NAN), 50.0)).verdict.lost)


def test_what_is_damaged_at_start_is_the_first() -> None:
    start = lost(2, onset=Estimate(0.5, 0.0, 1.0))
    told = of((Verdict(**(vars(start) | {"status": "damaged_at_start"})), 30.0), (lost(150), 70.0))
    assert told.verdict.status == "damaged_at_start"
    assert told.verdict.onset.value == pytest.approx(0.5, abs=0.3)


def test_every_crystal_has_a_verdict_of_its_own() -> None:
    told = of((lost(80), 30.0), (steady(), 30.0), (steady(), 40.0), crystals=(0, 0, 5))
    assert {number: one.status for number, one in told.crystals.items()} == {
        0: "onset", 5: "survived",
    }  # fmt: skip
    assert told.crystals[5].survived_dose == 250


def test_events_of_all_places_are_told() -> None:
    dip = Event("recovered", 20.0, 40.0, 0.5)
    told = of((lost(80), 50.0), (steady(), 30.0), (steady(), 20.0))
    assert told.verdict.events == ()
    rocking = Verdict("survived", "", survived_dose=250.0, events=(dip,))
    assert of((lost(80), 50.0), (rocking, 50.0)).verdict.events == (dip,)


def test_what_rocks_as_most_do_may_have_changed_later() -> None:
    dip = Event("recovered", 20.0, 60.0, 0.8)
    early = lost(90, events=(dip,))
    others = [(lost(dose, events=(dip,)), 20.0) for dose in (118, 120, 121, 123)]
    assert of((early, 20.0), *others).verdict.onset.value > 100
    calm = [(lost(dose), 20.0) for dose in (118, 120, 121, 123)]
    assert of((lost(90), 20.0), *calm).verdict.onset.value == pytest.approx(90, abs=1)


@pytest.mark.parametrize(("together", "later"), [(False, True), (True, False)])
def test_what_swings_into_view_alone_may_swing_out_again(together: bool, later: bool) -> None:
    # A specimen that comes to rest does so everywhere at once.
    came = tuple(lost(dose, events=(Event("settling", 0.0, 40.0, 0.8),)) for dose in (90, 118, 121))
    calm = lost(120, events=came[0].events if together else ())
    told = of(*((each, 10.0) for each in came), (calm, 60.0))
    assert (told.verdict.onset.value > 100) == later


def test_what_comes_back_after_the_onset_was_no_dip() -> None:
    # A spot of the lattice that came instead stands where one of the old did.
    instead = Event("recovered", 90.0, 140.0, 0.8)
    told = [(lost(dose, events=(instead,)), 20.0) for dose in (90, 118, 120, 121, 123)]
    assert of(*told).verdict.onset.value == pytest.approx(90, abs=1)


def test_a_region_that_is_unclear_keeps_its_places() -> None:
    told = of((lost(80), 50.0), (steady(), 50.0)).unclear("too wide a tilt")
    assert (told.verdict.status, told.verdict.reason) == ("ambiguous", "too wide a tilt")
    assert len(told.places) == 2


@pytest.mark.parametrize(
    ("grains", "swings", "rocks"), [(8, True, True), (6, True, False), (8, False, False)]
)
def test_of_many_grains_whose_sum_holds_while_each_seems_to_go_the_sum_is_dated(
    traces: Any, grains: int, swings: bool, rocks: bool
) -> None:
    # Each rocks out of view at a dose of its own and others come in; all fade at 180.
    back = (Event("recovered", 20.0, 40.0, 0.6),) if swings else ()
    told = [(lost(60.0 + 15 * i, events=() if i else back), 1.0) for i in range(grains)]
    mine = places(*told, crystals=tuple(range(grains)))
    whole = examine(traces.scope(traces.fading(180, 10, frames=300), 1), None)
    found = RegionVerdict.of(mine, START, ENDS, whole).verdict
    assert found.reason.startswith("grains rock") == rocks
    assert (found.onset.low < 180 < found.onset.high) == rocks


def test_of_grains_that_go_one_after_the_other_the_sum_says_nothing(traces: Any) -> None:
    told = [(lost(60.0 + 15 * i), 1.0) for i in range(8)]
    mine = places(*told, crystals=tuple(range(8)))
    course = np.mean([one.fitted.level for one, _ in told if one.fitted is not None], axis=0)
    whole = examine(traces.scope(traces.levels[:, None] * course, 1), None)
    found = RegionVerdict.of(mine, START, ENDS, whole).verdict
    assert not found.reason.startswith("grains rock")
    assert found.onset.value < 75


def test_an_onset_is_in_a_frame_with_beam() -> None:
    mine = places((lost(30.5), 1.0))
    assert RegionVerdict.of(mine, START, ENDS).verdict.onset_frame == 30
    lit = np.ones(len(ENDS), bool)
    lit[30:33] = False
    assert RegionVerdict.of(mine, START, ENDS, lit=lit).verdict.onset_frame == 33


def test_nor_did_one_whose_faint_lattice_fell_in_half_of_it_for_no_reason_that_can_be_told() -> (
    None
):
    faint, strong = places((replace(unsure(), fitted=step(120)), 2.0), (steady(), 98.0))
    for area, status in ((45.0, "survived"), (55.0, "ambiguous")):
        told = RegionVerdict.of([replace(faint, area=area), strong], START, ENDS).verdict
        assert told.status == status
    held = replace(faint, area=55.0, verdict=unsure())
    assert RegionVerdict.of([held, strong], START, ENDS).verdict.status == "survived"
