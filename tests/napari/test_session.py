"""The session: what is known, what has been asked, and which answers count. No Qt, no napari."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_beamwatch import BeamwatchError, Movie, Region, Settings, find_spots
from napari_beamwatch._qt.answer import answer_of, onset_text, why
from napari_beamwatch._qt.calibrations import changes_for, origin_of, read, value_of
from napari_beamwatch._qt.session import Session
from napari_beamwatch.asked import QUANTITIES
from napari_beamwatch.regions import FIELD

BY_NAME = {quantity.name: quantity for quantity in QUANTITIES}


@pytest.fixture
def noise() -> Movie:
    return Movie.from_array(np.random.default_rng(0).poisson(1.0, (6, 128, 128)).astype(np.uint8))


def test_an_answer_counts_only_while_it_is_waited_for(noise: Movie, result: Any) -> None:
    session = Session()
    session.take(noise)
    old = session.begin("analysing")
    session.cancel()
    assert not session.answer(old.generation, result)
    new = session.begin("analysing")
    assert not session.answer(old.generation, result)
    assert session.result is None
    assert session.answer(new.generation, result)
    assert session.result is result


def test_another_movie_or_calibration_drops_the_work_and_the_result(
    noise: Movie, movie: Any, result: Any
) -> None:
    session = Session()
    session.take(movie)
    request = session.begin("analysing")
    session.take(noise)
    assert not session.running
    assert not session.answer(request.generation, result)
    request = session.begin("analysing")
    assert session.answer(request.generation, result)
    session.recalibrate(pixel_size=0.2)
    assert session.result is None
    assert session.movie is not None
    assert session.movie.pixel_size == 0.2


def test_there_is_one_piece_of_work_at_a_time(noise: Movie) -> None:
    session = Session()
    with pytest.raises(BeamwatchError, match="no movie"):
        session.begin("analysing")
    session.take(noise)
    session.begin("finding spots")
    with pytest.raises(BeamwatchError, match="finding spots is not done yet"):
        session.begin("analysing")


def test_failures_of_what_was_cancelled_are_not_heard(noise: Movie) -> None:
    session, heard = Session(), []
    session.failed.connect(heard.append)
    session.take(noise)
    old = session.begin("analysing")
    session.cancel()
    session.fail(old.generation, "too late")
    assert heard == []
    new = session.begin("analysing")
    session.fail(new.generation, "in time")
    assert heard == ["in time"]


def test_the_threshold_moves_without_a_new_analysis_and_leaves_the_onset(
    movie: Any, result: Any
) -> None:
    session = Session(Settings(drift="off", criteria=("fading",)))
    session.take(movie)
    session.answer(session.begin("analysing").generation, result)
    before = session.onset
    assert before is not None
    doses = []
    for fraction in (0.8, 0.5, 0.2):
        session.set_threshold(fraction=fraction)
        assert session.onset is not None
        doses.append(session.onset["threshold_dose_e_per_A2"])
        assert session.onset["onset_dose_e_per_A2"] == before["onset_dose_e_per_A2"]
    assert doses == sorted(doses)
    assert doses[0] < doses[2]
    assert not session.outdated


def test_a_threshold_that_moved_while_the_analysis_ran_counts_for_its_answer(
    movie: Any, result: Any
) -> None:
    session, moved = (Session(Settings(drift="off", criteria=("fading",))) for _ in range(2))
    for one in (session, moved):
        one.take(movie)
    session.answer(session.begin("analysing").generation, result)
    session.set_threshold(fraction=0.8)
    running = moved.begin("analysing")
    moved.set_threshold(fraction=0.8)
    moved.answer(running.generation, result)
    of = "threshold_dose_e_per_A2"
    assert moved.onset is not None
    assert session.onset is not None
    assert moved.onset[of] == session.onset[of]
    assert moved.onset[of] < float(result.onsets[of].iloc[0])


def test_other_settings_or_regions_make_the_answer_of_old_ones(movie: Any, result: Any) -> None:
    session = Session()
    session.take(movie)
    session.answer(session.begin("analysing").generation, result)
    session.choose_settings(alpha=0.05)
    assert session.outdated
    session.undo()
    assert not session.outdated
    session.draw((Region.rectangle("A", 0, 128, 0, 128),))
    assert session.outdated
    assert "run again" in answer_of(session).lines[-1]


def test_spots_are_added_removed_and_brought_back(noise: Movie) -> None:
    session = Session()
    session.take(noise)
    session.add_spot(0.1, 0.2)
    session.remove_spot(0.3, 0.1)
    assert session.settings.added_spots == ((0.1, 0.2),)
    assert session.settings.removed_spots == ((0.3, 0.1),)
    session.remove_spot(0.1, 0.2)
    assert session.settings.added_spots == ()
    for _ in range(3):
        session.undo()
    assert session.settings == Settings()
    assert not session.can_undo


@pytest.fixture
def answered(movie: Any, result: Any) -> Session:
    session = Session(Settings(drift="off", criteria=("fading",)))
    session.take(movie)
    session.answer(session.begin("analysing").generation, result)
    return session


def frequency(session: Session, row: int) -> tuple[float, float]:
    spot = session.spots.iloc[row]
    return float(spot["gy_per_px"]), float(spot["gx_per_px"])


def test_hidden_spots_stay_in_the_table_until_there_is_another_result(
    answered: Session, result: Any, noise: Movie
) -> None:
    session, heard = answered, []
    session.hidden_changed.connect(lambda: heard.append(session.hidden))
    first, second = session.spots["spot"].iloc[:2]
    count = len(session.spots)
    session.hide((first, second))
    session.hide((first,))  # no news
    assert session.hidden == {(FIELD, first), (FIELD, second)}
    assert len(session.spots) == count
    assert set(session.drawn["spot"]) == set(session.spots["spot"]) - {first, second}
    session.hide((second,), False)
    assert session.hidden_here == {first}
    assert len(heard) == 2
    session.answer(session.begin("analysing").generation, result)
    assert session.hidden == frozenset()
    session.hide((first,))
    session.take(noise)
    assert session.hidden == frozenset()


def test_a_removed_spot_is_drawn_no_more_and_comes_back_by_undo_or_a_click(
    answered: Session,
) -> None:
    session, (gy, gx) = answered, frequency(answered, 0)
    number = int(session.spots["spot"].iloc[0])
    session.remove_spot(gy, gx)
    assert session.unwanted == {number}
    assert number not in set(session.drawn["spot"])
    session.undo()
    assert session.unwanted == frozenset()
    session.remove_spot(gy, gx)
    session.add_spot(gy + 1e-4, gx)  # the peak that the click snapped to is not quite the same
    assert session.unwanted == frozenset()
    assert session.settings.added_spots == ()


def test_several_spots_are_removed_and_brought_back_at_once(answered: Session) -> None:
    session = answered
    session.remove_spots([frequency(session, 0), frequency(session, 3)])
    assert len(session.unwanted) == 2
    session.undo()
    assert session.unwanted == frozenset()
    assert not session.can_undo


def test_expected_spots_are_told_until_the_table_has_them(answered: Session) -> None:
    session, found = answered, frequency(answered, 0)
    session.add_spot(0.2, 0.2)
    session.add_spot(0.2, 0.2001)
    session.choose_settings(added_spots=(*session.settings.added_spots, found))
    assert session.expected == ((0.2, 0.2),)
    session.remove_spot(0.2, 0.2)
    assert session.expected == ()
    assert session.settings.removed_spots == ()
    session.remove_spot(*found)  # added, and found as well
    assert session.settings.added_spots == ()
    assert session.settings.removed_spots == (found,)


def test_to_add_a_spot_that_is_there_shows_and_selects_it(answered: Session) -> None:
    session, (gy, gx) = answered, frequency(answered, 0)
    number = int(session.spots["spot"].iloc[0])
    session.hide((number,))
    session.add_spot(gy, gx + 1e-4)
    assert session.hidden == frozenset()
    assert session.selected == (number,)
    assert session.settings.added_spots == ()


def test_spots_are_pointed_at_alone_or_besides_others() -> None:
    session = Session()
    for spot, also, selected in (
        (3, False, (3,)), (5, True, (3, 5)), (3, True, (5,)), (1, False, (1,)),
    ):  # fmt: skip
        session.point_at(spot, also)
        assert session.selected == selected


def test_a_region_that_goes_is_no_longer_looked_at(noise: Movie) -> None:
    session = Session()
    session.take(noise)
    session.draw((Region.rectangle("A", 0, 64, 0, 64),))
    session.choose("A")
    session.draw(())
    assert session.chosen == "field"


def test_spots_of_a_search_are_shown_once_each(movie: Any) -> None:
    session = Session()
    session.take(movie)
    table = find_spots(movie, Settings(drift="off"))
    session.answer_spots(session.begin("finding spots").generation, table)
    assert len(session.spots) == table["spot"].nunique()
    assert (session.spots["snr"].to_numpy() == table.groupby("spot")["snr"].max()).all()


def test_the_answer_gives_the_onset_with_interval_and_unit(movie: Any, result: Any) -> None:
    session = Session(result.settings)
    session.take(movie)
    session.answer(session.begin("analysing").generation, result)
    row = result.onsets.iloc[0]
    told = answer_of(session)
    assert told.tone == "onset"
    assert told.big == f"{row['onset_dose_e_per_A2']:.3g}"
    low, high = row["onset_low_e_per_A2"], row["onset_high_e_per_A2"]
    assert told.beside == f"e/Å² [{low:.3g}–{high:.3g}] · field"
    assert any("fading" in line and "evidence strong" in line for line in told.lines)
    assert any(line.startswith(f"stop at {low:.3g} e/Å² = ") for line in told.lines)
    assert "spot" in why(session.onset)


def test_the_answer_says_when_it_was_seen_when_half_was_gone_and_what_the_places_did(
    movie: Any, result: Any
) -> None:
    onsets = result.onsets.assign(
        detected_dose_e_per_A2=171.0, half_dose_e_per_A2=193.0, half_dose_low_e_per_A2=188.0,
        half_dose_high_e_per_A2=199.0, n_places=14, changed_area_percent=63.0,
        median_onset_e_per_A2=248.0, median_onset_low_e_per_A2=231.0,
        median_onset_high_e_per_A2=266.0,
    )  # fmt: skip
    session = Session(result.settings)
    session.take(movie)
    found = replace(result, onsets=onsets)
    session.answer(session.begin("analysing").generation, found)
    lines = answer_of(session).lines
    assert "detected 171 · half gone 193 [188–199] e/Å²" in lines
    assert "median of 14 places 248 [231–266] e/Å²" in lines
    assert "63 % of the lattice changed by the end" in lines
    assert "14 places" in why(session.onset)
    session.start("again")
    nobody = {f"median_onset{end}_e_per_A2": np.nan for end in ("", "_low", "_high")}
    half = onsets.assign(changed_area_percent=48.0, **nobody)
    session.answer(session.generation, replace(found, onsets=half))
    told = "48 % of the lattice of 14 places changed by the end, so half of it may or may not have"
    assert told in answer_of(session).lines
    session.start("again")
    session.answer(session.generation, replace(found, onsets=onsets.assign(n_places=1)))
    assert not [line for line in answer_of(session).lines if "changed by the end" in line]


def test_a_place_is_looked_at_until_it_is_chosen_again_or_another_result_comes(
    movie: Any, result: Any
) -> None:
    session, told = Session(result.settings), []
    session.take(movie)
    session.answer(session.begin("analysing").generation, result)
    session.place_changed.connect(lambda: told.append(session.place))
    session.select((1,))
    session.choose_place(0)
    assert session.selected == ()
    session.choose_place(0)
    session.choose_place(0)
    assert told == [0, None, 0]
    session.answer(session.begin("analysing").generation, result)
    assert session.place is None


def test_without_pre_exposure_doses_are_lower_limits(movie: Any, result: Any) -> None:
    onsets = result.onsets.assign(pre_exposure_e_per_A2=np.nan)
    session = Session()
    session.take(movie)
    session.answer(session.begin("analysing").generation, replace(result, onsets=onsets))
    told = answer_of(session)
    assert told.big.startswith("≥ ")
    assert "pre-exposure unknown: at least this much" in told.lines
    held = onsets.assign(status="survived", survived_dose_e_per_A2=355.4)
    session.answer(session.begin("again").generation, replace(result, onsets=held))
    told = answer_of(session)
    assert told.beside == "≥ 355 e/Å² · field"
    assert "pre-exposure unknown: at least this much" in told.lines


def test_doses_of_thousands_are_no_powers_of_ten(movie: Any, result: Any) -> None:
    onsets = result.onsets.assign(
        onset_dose_e_per_A2=1210.0, onset_low_e_per_A2=1180.0, onset_high_e_per_A2=12400.0,
        detected_dose_e_per_A2=1250.0, lost_dose_e_per_A2=20100.0,
    )  # fmt: skip
    session = Session()
    session.take(movie)
    session.answer(session.begin("analysing").generation, replace(result, onsets=onsets))
    told = answer_of(session)
    assert (told.big, told.beside) == ("1210", "e/Å² [1180–12400] · field")
    assert session.onset is not None
    said = " ".join((*told.lines, why(session.onset), onset_text(session.onset)))
    assert "detected 1250" in said
    assert "ost at 20100" in said
    assert "e+0" not in said


def test_an_empty_table_and_every_status_can_be_told(movie: Any, result: Any) -> None:
    session = Session()
    session.take(movie)
    empty = replace(result, onsets=result.onsets.iloc[:0], spots=result.spots.iloc[:0])
    session.answer(session.begin("analysing").generation, empty)
    assert answer_of(session).big == "not analysed yet"
    for status in ("survived", "damaged_at_start", "no_lattice", "ambiguous"):
        onsets = result.onsets.assign(status=status, survived_dose_e_per_A2=500.0)
        session.answer(session.begin("again").generation, replace(result, onsets=onsets))
        assert answer_of(session).big == status.replace("_", " ")
        assert session.onset is not None
        assert onset_text(session.onset)
        assert why(session.onset)
    nothing = dict.fromkeys(("n_spots", "n_crystals", "n_places", "n_windows"), 0)
    assert "een in" not in why({**session.onset, **nothing})


def test_the_card_does_not_call_a_field_unclear_without_its_regions_that_changed(
    movie: Any, result: Any
) -> None:
    session = Session()
    session.take(movie)
    rows = result.onsets.iloc[[0, 0]].assign(
        region=[FIELD, "A"], status=["ambiguous", "onset"], onset_dose_e_per_A2=[np.nan, 201.0]
    )
    rows = rows.reset_index(drop=True)
    session.answer(session.begin("analysing").generation, replace(result, onsets=rows))
    told = answer_of(session)
    assert (told.big, told.beside) == ("ambiguous", "field as a whole")
    assert told.lines[0] == "Its region A changed at 201 e/Å²."


def test_what_is_missing_is_asked_for(noise: Movie) -> None:
    session = Session()
    assert answer_of(session).big == "no movie"
    session.take(noise)
    lines = " ".join(answer_of(session).lines)
    assert "pixel size missing" in lines
    assert "dose missing" in lines
    assert origin_of(noise, "pixel_size") == "missing"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("pixel_size", "0.125 Å", 0.125),
        ("pixel_size", "0.0125nm", 0.125),
        ("pixel_size", "12,5 pm", 0.125),
        ("frame_dose", "5", 5.0),
        ("frame_dose", "500 e/nm²", 5.0),
        ("frame_time", "100 ms", 0.1),
        ("temperature_C", "−170 °C", -170.0),
        ("voltage_kV", "300 kV", 300.0),
        ("pre_exposure", "", None),
    ],
)
def test_values_are_typed_with_units(name: str, text: str, value: float | None) -> None:
    got = read(text, BY_NAME[name])
    assert got == (None if value is None else pytest.approx(value))


@pytest.mark.parametrize("text", ["five", "0.1 furlong", "1.2.3", "Å"])
def test_what_is_no_value_is_refused_in_words(text: str) -> None:
    with pytest.raises(BeamwatchError, match="pixel size"):
        read(text, BY_NAME["pixel_size"])


def test_dose_a_frame_and_dose_rate_do_not_contradict_each_other(noise: Movie) -> None:
    session = Session()
    session.take(noise)
    for name, value in (("frame_time", 0.1), ("frame_dose", 5.0), ("dose_rate", 20.0)):
        session.recalibrate(**changes_for(name, value))
    assert session.movie is not None
    assert value_of(session.movie, "frame_dose") == pytest.approx(2.0)
    session.recalibrate(**changes_for("temperature_C", -170.0))
    assert value_of(session.movie, "temperature_C") == -170.0
