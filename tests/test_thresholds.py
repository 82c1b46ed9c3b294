"""The user's own threshold moves its own columns only, at once, and where it should."""

from __future__ import annotations

import math
import timeit
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import napari_beamwatch as bw
from tests.filming import filmed


@pytest.fixture(scope="module")
def result() -> bw.Result:
    movie = filmed("lif-room-temperature", frames=40, frame_dose=12.0, size=640, drift=None)
    a, b = movie.truth.regions
    regions = [bw.Region.rectangle(r.name, r.y0, r.y1, r.x0, r.x1) for r in (a, b)]
    return bw.analyze(movie, bw.Settings(drift="off"), regions=regions)


def test_a_lower_fraction_is_passed_later_and_the_onset_stays(result: bw.Result) -> None:
    tables = [bw.apply_thresholds(result, fraction).onsets for fraction in (0.7, 0.5, 0.2)]
    doses = np.array([table.threshold_dose_e_per_A2 for table in tables])
    assert (np.diff(doses[:, 1]) > 0).all()
    assert set(tables[0].threshold_criterion) <= {"fraction", "d_tolerance", None}
    kept = [name for name in result.onsets if not name.startswith("threshold")]
    for table in tables:
        pd.testing.assert_frame_equal(table[kept], result.onsets[kept])


def test_a_1_e_threshold_agrees_with_the_fitted_crossing(result: bw.Result) -> None:
    row = bw.apply_thresholds(result, math.exp(-1)).onsets.iloc[1]
    assert row.threshold_dose_e_per_A2 == pytest.approx(row.dose_1e_e_per_A2, abs=25)


def test_a_record_of_many_places_and_frames_takes_a_tenth_of_a_second(result: bw.Result) -> None:
    places, frames = 40, 200
    course = np.linspace(1, 0, frames)
    large = replace(
        result,
        courses=pd.DataFrame({
            "region": "field",
            "place": pd.array(np.repeat([pd.NA, *range(places)], frames), dtype="Int64"),
            "dose_e_per_A2": np.tile(np.arange(1.0, frames + 1), 1 + places),
            **dict.fromkeys(("intensity", "intensity_low", "intensity_high"),
                            np.tile(course, 1 + places)),
        }),
    )  # fmt: skip
    assert bw.apply_thresholds(large).onsets.threshold_status[0] == "reached"
    took = timeit.repeat(lambda: bw.apply_thresholds(large), number=1, repeat=3)
    assert min(took) < 0.1  # once it has a processor


@pytest.mark.long
def test_a_survivor_reaches_no_threshold() -> None:
    movie = filmed("survivor", frames=40, frame_dose=8.0, size=320, drift=None)
    row = bw.analyze(movie, bw.Settings(drift="off")).onsets.iloc[0]
    assert row.threshold_status == "not_reached"
    assert np.isnan(row.threshold_dose_e_per_A2)


@pytest.mark.parametrize(
    "wrong", [{"fraction": 0.0}, {"fraction": 1.5}, {"d_tolerance": -1.0}, {"persistence": 0}]
)
def test_what_is_no_threshold_is_refused(result: bw.Result, wrong: dict) -> None:
    with pytest.raises(bw.BeamwatchError):
        bw.apply_thresholds(result, **wrong)
