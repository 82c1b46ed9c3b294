"""What a place tells of each dose: a dose, or between which doses it lies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from napari_beamwatch.campaign.measures import MEASURES, told


@pytest.fixture
def one(campaign: Any) -> Any:
    def tell(place: dict[str, Any], measure: str = "onset") -> pd.Series:
        run = campaign.run_of("m", [place], 1000.0)
        return told(run, measure).iloc[0]

    return tell


def ends(row: pd.Series) -> tuple[float, float]:
    return float(row["low_e_per_A2"]), float(row["high_e_per_A2"])


def test_each_measure_is_its_own_column(campaign: Any, one: Any) -> None:
    place = campaign.dated(100.0)
    assert {name: ends(one(place, name))[0] for name in MEASURES} == {
        "onset": 100.0, "detected": 120.0, "half_gone": 200.0,
    }  # fmt: skip


def test_a_dated_place_tells_its_dose_though_its_interval_begins_with_the_first_electron(
    campaign: Any, one: Any
) -> None:
    row = one(campaign.dated(100.0, onset_low_e_per_A2=0.0))
    assert (row["fate"], *ends(row)) == ("dated", 100.0, 100.0)


def test_what_was_damaged_at_the_start_had_changed_by_the_end_of_its_interval(one: Any) -> None:
    row = one({"status": "damaged_at_start", "onset_high_e_per_A2": 12.0})
    assert (row["fate"], *ends(row)) == ("before", 0.0, 12.0)


def test_what_began_with_the_first_electron_began_at_no_dose(campaign: Any, one: Any) -> None:
    assert one(campaign.dated(0.0, onset_high_e_per_A2=15.0))["fate"] == "before"


def test_an_ambiguous_place_is_censored_where_it_was_last_known_to_hold(one: Any) -> None:
    place = {"status": "ambiguous", "held_until_e_per_A2": 70.0, "onset_dose_e_per_A2": 80.0}
    row = one(place)
    assert (row["fate"], *ends(row)) == ("ambiguous", 70.0, np.inf)


def test_half_that_was_never_gone_held_to_the_end(campaign: Any, one: Any) -> None:
    row = one(campaign.dated(100.0, half_dose_e_per_A2=np.nan), "half_gone")
    assert (row["fate"], *ends(row)) == ("held", 1000.0, np.inf)


def test_a_change_that_was_detected_nobody_knows_when_lies_within_the_record(
    campaign: Any, one: Any
) -> None:
    row = one(campaign.dated(100.0, detected_dose_e_per_A2=np.nan), "detected")
    assert (row["fate"], *ends(row)) == ("within", 90.0, 1000.0)


def test_places_share_their_movie_by_area(campaign: Any) -> None:
    places = [campaign.dated(10.0, area_nm2=300.0), campaign.held(50.0, area_nm2=100.0)]
    assert told(campaign.run_of("m", places), "onset")["share"].tolist() == [0.75, 0.25]


def test_without_a_pixel_size_they_share_it_by_windows(campaign: Any) -> None:
    places = [campaign.dated(10.0, area_nm2=np.nan, n_windows=6), campaign.held(50.0, n_windows=2)]
    assert told(campaign.run_of("m", places), "onset")["share"].tolist() == [0.75, 0.25]


def test_places_without_a_lattice_or_of_which_nothing_is_known_tell_nothing(campaign: Any) -> None:
    places = [{"status": "no_lattice"}, {"status": "ambiguous"}, campaign.held(50.0)]
    assert told(campaign.run_of("m", places), "onset")["place"].tolist() == [2]
