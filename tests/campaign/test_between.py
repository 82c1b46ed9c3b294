"""Doses of a group of movies, with intervals over movies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from napari_beamwatch.campaign.between import GroupCurve, group_curve, in_words
from napari_beamwatch.campaign.measures import told
from napari_beamwatch.campaign.runs import Run


def rows_of(runs: list[Run]) -> pd.DataFrame:
    return pd.concat([told(run, "onset") for run in runs], ignore_index=True)


def words(curve: GroupCurve, changed: bool = True) -> str:
    return in_words(curve.estimates["median"], curve.known_until, changed)


@pytest.mark.long
def test_the_median_of_movies_lies_in_its_interval(campaign: Any) -> None:
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(20):
        found = group_curve(rows_of(campaign.movies_of(rng, 8, "m")), draws=200).estimates["median"]
        held += found.low <= 100 <= found.high
    assert held >= 16  # of 20; 15 or less have a chance of 0.3 % at 95 %


def test_so_it_does_for_three_movies(campaign: Any) -> None:
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(20):
        found = group_curve(rows_of(campaign.movies_of(rng, 3, "m")), draws=200).estimates["median"]
        held += found.low <= 100 <= found.high
    assert held >= 16


def test_one_movie_has_no_interval_between_movies(campaign: Any) -> None:
    places = [campaign.dated(dose) for dose in (80.0, 100.0, 130.0)]
    found = group_curve(rows_of([campaign.run_of("m", places)])).estimates["median"]
    assert found.value == pytest.approx(100)
    assert np.isnan([found.low, found.high]).all()


def test_places_that_changed_at_one_dose_have_it_as_their_median_and_their_tenth(
    campaign: Any,
) -> None:
    found = group_curve(rows_of([campaign.run_of(str(i), [campaign.dated(100.0)]) for i in "ab"]))
    assert found.estimates["median"].value == found.estimates["gone_10"].value == 100


def test_a_movie_with_nine_tenths_of_all_places_counts_once(campaign: Any) -> None:
    runs = [campaign.run_of(str(i), [campaign.dated(100.0 + i)]) for i in range(7)]
    giant = campaign.run_of("giant", [campaign.dated(10.0 + 0.01 * i) for i in range(63)])
    assert group_curve(rows_of([*runs, giant])).estimates["median"].value > 100


def test_weak_places_whose_intervals_begin_at_nothing_do_not_pull_the_median_down(
    campaign: Any,
) -> None:
    doses = np.exp(np.linspace(4, 5.2, 41))  # median 99.5
    runs = [
        campaign.run_of(
            str(k), [campaign.dated(d, onset_low_e_per_A2=0.0 if i % 2 else 0.9 * d)
                     for i, d in enumerate(doses)]
        )
        for k in range(4)
    ]  # fmt: skip
    assert group_curve(rows_of(runs)).estimates["median"].value == pytest.approx(99.5, rel=0.03)


def test_where_nothing_changed_the_median_lies_beyond_what_half_of_the_movies_saw(
    campaign: Any,
) -> None:
    runs = [
        campaign.run_of(str(i), [campaign.held(dose)]) for i, dose in enumerate((500, 600, 900))
    ]
    found = group_curve(rows_of(runs))
    assert words(found, changed=False) == "> 600, nothing changed"


def test_where_all_had_changed_before_nobody_knows_where_below(campaign: Any) -> None:
    place = {"status": "damaged_at_start", "onset_high_e_per_A2": 12.0}
    found = group_curve(rows_of([campaign.run_of(str(i), [place] * 3) for i in range(4)]))
    assert words(found) == "< 12, changed from the start"


def test_a_tenth_that_was_gone_before_anything_was_seen_is_told_to_lie_below(
    campaign: Any,
) -> None:
    early = {"status": "damaged_at_start", "onset_high_e_per_A2": 12.0}
    places = [early, campaign.dated(8.0), campaign.dated(50.0), campaign.dated(60.0)]
    found = group_curve(rows_of([campaign.run_of(str(i), places) for i in range(4)]))
    assert in_words(found.estimates["gone_10"], found.known_until, True).startswith("< 12")
    assert found.estimates["median"].value > 12


def test_an_interval_is_open_where_draws_of_movies_lie_beyond_what_is_known(campaign: Any) -> None:
    runs = [campaign.run_of(f"a{i}", [campaign.dated(100.0 + i)]) for i in range(5)]
    runs += [campaign.run_of(f"b{i}", [campaign.held(300.0)]) for i in range(3)]
    found = group_curve(rows_of(runs)).estimates["median"]
    assert np.isfinite(found.value)
    assert found.low > 0
    assert found.high == np.inf


def test_movies_that_agree_to_a_frame_are_told_apart_no_better(campaign: Any) -> None:
    runs = [campaign.run_of(str(i), [campaign.dated(100.0)] * 3) for i in range(4)]
    found = group_curve(rows_of(runs), resolution=40.0).estimates["median"]
    assert found.low < 95
    assert found.high > 105


def test_an_interval_holds_what_ambiguous_places_did_whatever_it_was(campaign: Any) -> None:
    unsure = {"status": "ambiguous", "held_until_e_per_A2": 20.0}
    places = [*[unsure] * 6, *map(campaign.dated, (98.0, 99.0, 100.0, 101.0, 102.0))]
    found = group_curve(rows_of([campaign.run_of(str(i), places) for i in range(4)]))
    assert found.estimates["median"].value == pytest.approx(100, rel=0.02)
    assert found.estimates["median"].low < 80  # between the steps at 20 and 98


def test_crystals_movies_and_fates_are_counted(campaign: Any) -> None:
    places = [campaign.dated(10.0), campaign.held(20.0, crystal=0)]
    found = group_curve(rows_of([campaign.run_of(str(i), places) for i in range(3)]))
    assert (found.movies, found.crystals, found.places) == (3, 3, 6)
    assert found.fates == {"dated": 3, "held": 3}
