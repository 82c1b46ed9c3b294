"""The table of crystals, and how many of them held to which dose."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from napari_beamwatch.results.crystals import crystal_survival

import napari_beamwatch as bw
from napari_beamwatch import columns


def _with(result: bw.Result, rows: list[tuple[str, float, float]]) -> bw.Result:
    """The result with crystals of given status, onset and survived dose."""
    status, onset, survived = zip(*rows, strict=True)
    table = pd.DataFrame(
        {
            "region": "field",
            "crystal": range(len(rows)),
            "status": status,
            "onset_dose_e_per_A2": onset,
            "survived_dose_e_per_A2": survived,
        }
    ).reindex(columns=list(columns.CRYSTALS))
    return replace(result, crystals=table)


def test_each_crystal_of_the_field_has_a_row_that_agrees_with_its_spots(result: bw.Result) -> None:
    table = result.crystals
    assert list(table.columns) == list(columns.CRYSTALS)
    mine = table[table.region == "field"]
    spots = result.spots[result.spots.region == "field"]
    assert sorted(mine.crystal) == sorted(spots.crystal.unique())
    assert mine.n_spots.sum() == len(spots)
    for _, row in mine.iterrows():
        own = spots[spots.crystal == row.crystal]
        assert (own.status == row.status).all()
        assert own.onset_dose_e_per_A2.iloc[0] == pytest.approx(
            row.onset_dose_e_per_A2, nan_ok=True
        )


def test_crystals_that_survive_are_censored_and_ambiguous_ones_left_out(result: bw.Result) -> None:
    nan = float("nan")
    some = _with(
        result,
        [
            ("onset", 50.0, 80.0),
            ("onset", 100.0, 80.0),
            ("survived", nan, 75.0),
            ("survived", nan, 150.0),
            ("ambiguous", nan, 150.0),
        ],
    )
    found = crystal_survival(some)
    assert found is not None
    assert (found.crystals, found.events) == (4, 2)
    assert found.dose.tolist() == [0, 50, 100]
    assert found.survival == pytest.approx([1, 3 / 4, 3 / 4 * 1 / 2])
    assert found.median == 100


def test_crystals_damaged_from_the_start_count_from_the_first_dose(result: bw.Result) -> None:
    found = crystal_survival(_with(result, [("damaged_at_start", np.nan, np.nan)]))
    assert found is not None
    assert result.movie is not None
    assert result.movie.dose_start is not None
    assert found.median == pytest.approx(result.movie.dose_start[0])


def test_without_crystals_that_tell_anything_there_is_no_curve(result: bw.Result) -> None:
    assert crystal_survival(_with(result, [("ambiguous", np.nan, 3.0)])) is None
    assert crystal_survival([]) is None


def test_several_movies_are_clusters(result: bw.Result) -> None:
    movies = [
        _with(result, [("onset", dose, np.nan), ("onset", dose + 1, np.nan)])
        for dose in (10.0, 40.0, 60.0, 80.0, 100.0)
    ]
    together = crystal_survival(movies)
    pooled = pd.concat([movie.crystals for movie in movies], ignore_index=True)
    apart = crystal_survival(replace(result, crystals=pooled))
    assert together is not None
    assert apart is not None
    assert together.survival == pytest.approx(apart.survival)
    middle = len(together.dose) // 2
    assert np.ptp([together.low[middle], together.high[middle]]) > np.ptp(
        [apart.low[middle], apart.high[middle]]
    )


def test_the_summary_counts_crystals_and_says_when_half_had_changed(result: bw.Result) -> None:
    nan = float("nan")
    some = _with(result, [("onset", 50.0, nan), ("onset", 90.0, nan), ("survived", nan, 150.0)])
    assert some.summary["crystals"] == {
        "number": 3,
        "changed": 2,
        "survived": 1,
        "median_dose_e_per_A2": 90.0,
    }
