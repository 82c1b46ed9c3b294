"""What a study must report is listed, and what nobody said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_beamwatch import Movie
from napari_beamwatch.movies.checklist import REPORTED, is_low_dose, not_stated, reported

FRAMES = np.random.default_rng(1).integers(1000, 9000, (4, 16, 16)).astype(np.uint16)
ALL = {
    "voltage_kV": 300, "temperature_C": -170, "imaging_mode": "HRTEM", "thickness_nm": 60,
    "particle_size_nm": 25, "preparation": "crushed", "storage": "argon", "transfer": "cryo",
    "vacuum": "1e-5 Pa", "compound": "LiF",
}  # fmt: skip


def test_nothing_is_missing_where_all_is_said() -> None:
    movie = Movie.from_array(
        FRAMES, 0.2, frame_dose=5.0, frame_time=0.1, pre_exposure=0.0, conditions=ALL
    )
    known = reported(movie)
    assert list(known) == list(REPORTED)
    assert not_stated(known) == []
    assert known["preparation"] == "crushed; argon"
    assert known["transfer"] == "cryo; 1e-5 Pa"
    assert (known["dose_rate_e_per_A2_s"], known["last_dose_e_per_A2"]) == pytest.approx((50, 20))


def test_what_nobody_said_is_named() -> None:
    movie = Movie.from_array(FRAMES, 0.2, conditions={"voltage_kV": 200, "elements": "Li,F"})
    assert not_stated(reported(movie)) == [
        "dose rate", "cumulative dose", "imaging mode", "temperature", "thickness",
        "particle size", "preparation", "transfer", "pre-exposure",
    ]  # fmt: skip


@pytest.mark.parametrize("gap", [None, np.nan, pd.NA, ""])
def test_every_gap_of_a_table_is_one(gap: object) -> None:
    assert not_stated({**dict.fromkeys(REPORTED, 1.0), "thickness_nm": gap}) == ["thickness"]


@pytest.mark.parametrize(
    ("rate", "low"), [(99.9, True), (100.0, False), (None, None), (np.nan, None)]
)
def test_less_than_a_hundred_electrons_a_second_are_a_low_dose(rate, low) -> None:
    assert is_low_dose(rate) is low
