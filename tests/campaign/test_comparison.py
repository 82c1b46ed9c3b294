"""Two groups beside each other: how many times later, and whether by chance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from napari_beamwatch.campaign.between import Estimate, GroupCurve, group_curve
from napari_beamwatch.campaign.comparison import difference, rank_scores, ratio
from napari_beamwatch.campaign.measures import told
from napari_beamwatch.campaign.runs import Run


def rows_of(runs: list[Run]) -> pd.DataFrame:
    return pd.concat([told(run, "onset") for run in runs], ignore_index=True)


def curve_of(value: float, low: float, high: float, until: float = 100.0) -> GroupCurve:
    none = np.empty(0)
    found = {"median": Estimate(value, low, high)}
    return GroupCurve(none, none, none, none, until, found, 4, 4, 4, {})


def test_a_ratio_of_25_is_found_and_lies_in_its_interval(runs_of_two: list[Run]) -> None:
    warm, cold = (group_curve(rows_of(runs)) for runs in (runs_of_two[:4], runs_of_two[4:]))
    found = ratio(cold, warm)
    assert found.low < 25 < found.high
    assert found.low > 5


def test_of_a_median_beyond_what_is_known_the_ratio_has_a_least() -> None:
    found = ratio(curve_of(np.inf, 600.0, np.inf), curve_of(10.0, 8.0, 12.0))
    assert (found.value, found.low) == (np.inf, 50.0)


def test_two_medians_beyond_what_is_known_have_no_ratio() -> None:
    found = ratio(curve_of(np.inf, 600.0, np.inf), curve_of(np.inf, 10.0, np.inf))
    assert np.isnan(found.value)


def test_a_group_of_one_movie_gives_a_ratio_without_an_interval() -> None:
    found = ratio(curve_of(100.0, np.nan, np.nan), curve_of(10.0, 8.0, 12.0))
    assert found.value == 10
    assert np.isnan(found.low)


def test_four_movies_against_four_cannot_give_a_smaller_p_than_all_ways_to_share_them_out(
    runs_of_two: list[Run],
) -> None:
    found = difference(rows_of(runs_of_two[4:]), rows_of(runs_of_two[:4]))
    assert found.p_permutation == found.least_p == pytest.approx(2 / 70)


def test_places_of_two_movies_are_two_witnesses_however_many_they_are(campaign: Any) -> None:
    rng = np.random.default_rng(3)
    early = campaign.movies_of(rng, 2, "a", 50.0, places=100)
    late = campaign.movies_of(rng, 2, "b", 500.0, places=100)
    assert difference(rows_of(early), rows_of(late)).p_permutation == pytest.approx(1 / 3)


@pytest.mark.long
def test_without_a_difference_small_p_are_as_rare_as_they_say(campaign: Any) -> None:
    rng = np.random.default_rng(4)
    p = [
        difference(
            rows_of(campaign.movies_of(rng, 5, "a")), rows_of(campaign.movies_of(rng, 5, "b"))
        ).p_permutation
        for _ in range(40)
    ]
    assert np.mean(np.array(p) < 0.2) == pytest.approx(0.2, abs=0.16)


def test_scores_of_places_are_those_of_the_log_rank_test(campaign: Any) -> None:
    # At 1, 2 (censored) and 3: a change has 1 less the hazard that was lived through.
    places = [campaign.dated(1.0), campaign.held(2.0), campaign.dated(3.0)]
    rows = rows_of([campaign.run_of("m", places)])
    before = [1.0, 2 / 3, 2 / 3]
    after = [2 / 3, 0.0, 0.0]
    score = [
        (b * np.log(b) - (a * np.log(a) if a else 0)) / (b - a)
        for b, a in zip(before, after, strict=True)
    ]
    assert rank_scores(rows) == pytest.approx(score)
    assert sum(score) == pytest.approx(0)


def test_one_movie_against_others_gives_no_p(campaign: Any) -> None:
    rng = np.random.default_rng(5)
    one, more = campaign.movies_of(rng, 1, "a"), campaign.movies_of(rng, 4, "b")
    assert np.isnan(difference(rows_of(one), rows_of(more)).p_permutation)
