"""The table of places, and how much of them held to which dose."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import napari_beamwatch as bw
from napari_beamwatch import columns
from napari_beamwatch.damage.course.estimate import Estimate
from napari_beamwatch.results.survival import median_place


def _with(result: bw.Result, rows: list[tuple[str, float, float]]) -> bw.Result:
    """The result with places of given status, onset and dose that they held to."""
    status, onset, held = zip(*rows, strict=True)
    table = pd.DataFrame(
        {
            "place": range(len(rows)),
            "crystal": range(len(rows)),
            "area_nm2": 1.0,
            "status": status,
            "onset_dose_e_per_A2": np.array(onset),
            "onset_low_e_per_A2": np.array(onset) - 5,
            "onset_high_e_per_A2": np.array(onset) + 5,
            "survived_dose_e_per_A2": [h if s == "survived" else np.nan for s, _, h in rows],
            "held_until_e_per_A2": held,
        }
    ).reindex(columns=list(columns.PLACES))
    return replace(result, places=table)


def test_each_place_of_the_field_has_windows_that_name_it(result: bw.Result) -> None:
    table = result.places
    assert list(table.columns) == list(columns.PLACES)
    assert len(table) == result.onsets.iloc[0].n_places + (table.status == "no_lattice").sum()
    spots = result.spots[result.spots.region == "field"]
    assert set(table.crystal) == set(spots.crystal)
    named = result.windows[result.windows.place.notna()]
    assert set(named.place) <= set(table.place)
    for _, row in table.iterrows():
        mine = named[named.place == row.place]
        assert (mine.status == row.status).all()
        assert row.area_nm2 > 0 or row.status == "no_lattice"


def test_places_that_survive_are_censored_and_those_that_cannot_be_told_where_they_held(
    result: bw.Result,
) -> None:
    nan = float("nan")
    some = _with(
        result,
        [
            ("onset", 50.0, 45.0),
            ("onset", 100.0, 95.0),
            ("survived", nan, 75.0),
            ("survived", nan, 150.0),
            ("ambiguous", nan, 140.0),
        ],
    )
    found = bw.place_survival(some)
    assert found is not None
    assert (found.places, found.events) == (5, 2)
    at = np.interp([49, 51, 120], found.dose, found.survival)
    assert at == pytest.approx([1, 4 / 5, 4 / 5 * 2 / 3], abs=1e-3)
    assert np.isnan(found.median)


def test_an_interval_that_begins_with_the_first_electron_does_not_pull_the_median_down(
    result: bw.Result,
) -> None:
    doses = (20.0, 40.0, 60.0, 80.0, 100.0)
    sure = _with(result, [("onset", dose, np.nan) for dose in doses])
    weak = replace(sure, places=sure.places.assign(onset_low_e_per_A2=0.0))
    told = [bw.place_survival(one) for one in (sure, weak)]
    assert all(one is not None and one.median == pytest.approx(60, abs=10) for one in told)
    assert told[0].median == told[1].median  # type: ignore[union-attr]


def test_places_damaged_from_the_start_had_changed_by_the_end_of_their_interval(
    result: bw.Result,
) -> None:
    found = bw.place_survival(_with(result, [("damaged_at_start", 5.0, np.nan)]))
    assert found is not None
    assert 0 < found.median <= 10


def test_without_places_that_tell_anything_there_is_no_curve(result: bw.Result) -> None:
    assert bw.place_survival(_with(result, [("ambiguous", np.nan, np.nan)])) is None
    assert bw.place_survival([]) is None


def test_several_movies_are_clusters(result: bw.Result) -> None:
    movies = [
        _with(result, [("onset", dose, np.nan), ("onset", dose + 1, np.nan)])
        for dose in (10.0, 40.0, 60.0, 80.0, 100.0)
    ]
    together = bw.place_survival(movies)
    pooled = pd.concat([movie.places for movie in movies], ignore_index=True)
    apart = bw.place_survival(replace(result, places=pooled.assign(crystal=np.arange(len(pooled)))))
    assert together is not None
    assert apart is not None
    assert together.survival == pytest.approx(apart.survival)
    assert together.median_high - together.median_low > apart.median_high - apart.median_low


def test_the_summary_counts_places_and_says_when_half_had_changed(result: bw.Result) -> None:
    nan = float("nan")
    some = _with(result, [("onset", 50.0, nan), ("onset", 90.0, nan), ("survived", nan, 150.0)])
    told = some.summary["places"]
    assert (told["number"], told["changed"], told["survived"]) == (3, 2, 1)
    field = some.onsets.assign(
        median_onset_e_per_A2=90.0, median_onset_low_e_per_A2=80.0, median_onset_high_e_per_A2=nan
    )
    told = replace(some, onsets=field).summary["places"]
    assert [told[f"median_{end}_e_per_A2"] for end in ("dose", "low", "high")] == [90, 80, None]


def test_the_median_place_is_that_of_the_survival_curve(result: bw.Result) -> None:
    nan = float("nan")
    dated = [("onset", dose, nan) for dose in (60.0, 80.0, 100.0, 120.0)]
    some = _with(result, [*dated, ("ambiguous", nan, 70.0)])
    ends = {"pre_exposure_e_per_A2": 0.0, "last_dose_e_per_A2": 200.0}
    median, curve = median_place(some.places, ends), bw.place_survival(some)
    assert median == Estimate(curve.median, curve.median_low, curve.median_high)
    assert 80 < median.value < 100  # what cannot be told held to 70, and not to the end
    one = median_place(some.places[:1], ends)
    assert one == Estimate(60.0, 55.0, 65.0)
    assert np.isnan(median_place(some.places[4:], ends).value)
