"""The places that speak for a field: the first, the median, and one that is asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import napari_beamwatch as bw
from napari_beamwatch.results.named_places import (
    course_of,
    of_chosen,
    onsets_with,
    place_name,
    speaking_places,
    with_chosen,
    with_places,
)
from tests.filming import filmed


@pytest.fixture(scope="module")
def found() -> bw.Result:
    """Two crystals, that on the left fades at 150 e/Å², that on the right at 350."""
    movie = filmed("lif-room-temperature", frames=60, frame_dose=10.0, size=512, seed=0)
    return bw.analyze(movie, bw.Settings(window=256, step=128, drift="off", criteria=("fading",)))


def places(found: bw.Result, statuses: list[str], doses: list[float], areas: list[float]):
    """The result with places of these, each known to 15 e/Å²."""
    count = len(statuses)
    table = pd.DataFrame([found.places.iloc[0]] * count).astype(found.places.dtypes.to_dict())
    table = table.reset_index(drop=True).assign(
        place=pd.array(range(count), "Int64"), status=statuses, onset_dose_e_per_A2=doses,
        onset_low_e_per_A2=np.subtract(doses, 15), onset_high_e_per_A2=np.add(doses, 15),
        area_nm2=areas,
    )  # fmt: skip
    return replace(found, places=table)


def field(found: bw.Result, first: float, median: float) -> bw.Result:
    """The result with these onsets of the field."""
    return replace(
        found,
        onsets=found.onsets.assign(onset_dose_e_per_A2=first, median_onset_e_per_A2=median),
    )


def test_the_first_place_is_that_of_the_headline(found) -> None:
    three = places(found, ["onset"] * 3, [300.0, 100.0, 200.0], [5.0, 5.0, 5.0])
    assert speaking_places(field(three, 100, 200)) == {"first": 1, "median": 2}
    assert speaking_places(field(three, 205, 300)) == {"first": 2, "median": 0}


def test_a_place_beside_the_median_is_not_called_so(found) -> None:
    two = places(found, ["onset"] * 2, [150.0, 350.0], [5.0, 6.0])
    assert speaking_places(field(two, 150, 260)) == {"first": 0, place_name(1): 1}
    assert speaking_places(field(two, 150, 240)) == {"first": 0}


def test_without_a_headline_it_is_the_earliest_that_carries_enough_to_speak(found) -> None:
    three = places(found, ["onset"] * 3, [300.0, 100.0, 200.0], [50.0, 1.0, 50.0])
    assert speaking_places(field(three, np.nan, np.nan)) == {"first": 2}


def test_one_place_may_be_both_and_the_only_one_is_first(found) -> None:
    two = places(found, ["onset", "survived"], [100.0, np.nan], [5.0, 5.0])
    assert speaking_places(field(two, 100, 110)) == {"first and median": 0}
    one = places(found, ["onset"], [100.0], [5.0])
    assert speaking_places(field(one, 100, 110)) == {"first": 0}


def test_where_nothing_changed_no_place_speaks(found) -> None:
    two = places(found, ["survived", "ambiguous"], [np.nan, np.nan], [5.0, 5.0])
    assert speaking_places(two) == {}


def test_crystals_of_a_run_from_before_places_do_not_speak(found) -> None:
    unknown = pd.array([pd.NA] * len(found.windows), "Int64")
    assert speaking_places(replace(found, windows=found.windows.assign(place=unknown))) == {}


def test_the_place_that_was_chosen_comes_last_and_once() -> None:
    named = {"first": 1, "median": 0}
    assert list(with_chosen(named, 4)) == ["first", "median", place_name(4)]
    assert with_chosen(named, 0) == with_chosen(named, None) == named


def test_places_are_told_as_regions_are(found) -> None:
    named = speaking_places(found)
    told = with_places(found, named)
    for name, place in named.items():
        row = found.places[found.places["place"] == place].iloc[0]
        onset = told.onsets[told.onsets["region"] == name].iloc[0]
        assert onset["onset_dose_e_per_A2"] == row["onset_dose_e_per_A2"]
        assert np.isnan(onset["threshold_dose_e_per_A2"])
        rows = told.traces[told.traces["region"] == name]
        assert list(rows["frame"]) == list(range(60))
        early = rows["intensity"][rows["frame"] < row["onset_frame"]].mean()
        course = told.courses[told.courses["region"] == name]
        apart = rows["intensity"].to_numpy() / early - course["intensity"].to_numpy()
        assert np.nanmean(np.abs(apart)) < 0.15
    for table in ("onsets", "traces", "spots", "courses"):
        before, after = getattr(found, table), getattr(told, table)
        assert (before.dtypes == after.dtypes).all()
        assert len(after) > len(before)


def test_without_names_the_table_of_onsets_stays(found) -> None:
    assert onsets_with(found, {}) is found.onsets


def test_without_traces_of_windows_a_place_has_that_of_its_spot(found) -> None:
    bare = replace(
        found,
        window_traces=replace(found.window_traces, intensity=found.window_traces.intensity[:, :0]),
    )
    told = with_places(bare, {"first": 0})
    rows = told.traces[told.traces["region"] == "first"]
    spot = rows["spot"].iloc[0]
    field = found.traces[(found.traces["region"] == "field") & (found.traces["spot"] == spot)]
    assert list(rows["intensity"]) == list(field["intensity"])


def test_a_crystal_has_the_course_of_its_largest_place_or_of_the_one_asked_for() -> None:
    rows = pd.DataFrame(
        {
            "region": "field", "crystal": pd.array([0, 0, 1], "Int64"),
            "place": pd.array([5, 2, 3], "Int64"), "frame": 0, "intensity": [0.5, 0.2, 0.3],
        }
    )  # fmt: skip
    assert list(course_of(rows, "field", 0)["intensity"]) == [0.2]
    assert list(course_of(rows, "field", 0, 5)["intensity"]) == [0.5]
    assert list(course_of(of_chosen(rows, 5), "field", 0)["intensity"]) == [0.5]
    assert len(of_chosen(rows, None)) == 3
    old = rows.assign(place=pd.array([pd.NA] * 3, "Int64"))
    assert len(course_of(old, "field", 1)) == 1
