"""The answer in one place, in words and numbers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import napari_beamwatch as bw

ONSET: dict[str, Any] = {
    "status": "onset",
    "criterion": "fading",
    "evidence": "strong",
    "reason": "three spots left their plateau together",
    "onset_frame": 3,
    "onset_dose_e_per_A2": 152.3,
    "onset_low_e_per_A2": 146.4,
    "onset_high_e_per_A2": 158.7,
    "last_dose_e_per_A2": 600.0,
    "pre_exposure_e_per_A2": 0.0,
    "dose_rate_e_per_A2_s": 50.0,
}
SURVIVED: dict[str, Any] = {
    "status": "survived",
    "criterion": None,
    "evidence": None,
    "reason": "nothing was lost",
    "onset_frame": None,
    "onset_dose_e_per_A2": np.nan,
    "onset_low_e_per_A2": np.nan,
    "onset_high_e_per_A2": np.nan,
    "survived_dose_e_per_A2": 600.0,
    "last_dose_e_per_A2": 600.0,
    "detectable_loss_percent": 18.0,
    "pre_exposure_e_per_A2": 0.0,
    "dose_rate_e_per_A2_s": 50.0,
}


def told(result: bw.Result, **columns: Any) -> dict[str, Any]:
    """The summary of a result whose table of onsets says this of every region."""
    onsets = result.onsets.astype(object).assign(**columns)
    spots = result.spots[result.spots.window.isna()].head(0)
    return replace(result, onsets=onsets, spots=spots).summary


def test_an_onset_has_its_interval_criterion_and_evidence(result: bw.Result) -> None:
    summary = told(result, **ONSET, phase_before="LiF")
    dose = "152 e/Å² [146–159], dose scale ± 4 %"
    assert summary["answer"] == f"field {dose} · fading of LiF · evidence strong"
    assert summary["why"] == ONSET["reason"]
    assert summary["onset_dose_e_per_A2"] == 152.3
    assert summary["onset_total_low_e_per_A2"] < summary["onset_low_e_per_A2"]
    assert summary["onset_total_high_e_per_A2"] > summary["onset_high_e_per_A2"]
    assert summary["onset_frame"] == 3


@pytest.mark.parametrize(
    ("changed", "median", "course"),
    [
        (63.0, (348.0, 300.0, 400.0), "63 % {} changed · median of 5 places 348 [300–400] e/Å²"),
        (30.0, (), "30 % {} of 5 places changed by the end, less than half of it"),
        (48.0, (), "48 % {} of 5 places changed by the end, so half of it may or may not have"),
        (53.0, (348.0, 300.0), "53 % {} changed by the end, so half of it may or may not have"
                               " · median of 5 places 348 [≥ 300] e/Å²"),
        (99.0, (), "99 % {} of 5 places changed"),  # of a movie without doses
        # What cannot be told counts as long as it held.
        (32.0, (90.0, 60.0), "32 % {} changed · median of 5 places 90 [≥ 60] e/Å²"),
    ],
)  # fmt: skip
def test_it_is_said_whether_half_of_a_lattice_changed(
    result: bw.Result, changed: float, median: tuple[float, ...], course: str
) -> None:
    ends = dict(zip(("", "_low", "_high"), (*median, *[np.nan] * 3), strict=False))
    known = {f"median_onset{end}_e_per_A2": dose for end, dose in ends.items()}
    summary = told(result, **ONSET, n_places=5, changed_area_percent=changed, **known)
    assert summary["course"] == course.format("of the lattice")


def test_the_spots_that_faded_are_named_strongest_first(result: bw.Result) -> None:
    mine = result.spots[result.spots.window.isna()].head(1)
    rows = mine.loc[mine.index.repeat(3)].assign(
        region="field", status="onset", crystal=0, onset_dose_e_per_A2=152.0,
        snr=[5.0, 20.0, 10.0], phase="LiF", hkl=["220", "200", "111"], d_A=[1.42, 2.01, 2.33],
    )  # fmt: skip
    onsets = result.onsets.astype(object).assign(**ONSET)
    named = replace(result, onsets=onsets, spots=rows).summary
    assert "fading of LiF 200, 111, 220 ·" in named["answer"]
    unnamed = replace(result, onsets=onsets, spots=rows.assign(phase=None)).summary
    assert "fading of 2.01, 2.33, 1.42 Å ·" in unnamed["answer"]
    in_pixels = replace(
        result, onsets=onsets, spots=rows.assign(phase=None, d_A=np.nan, d_px=[11.4, 16.1, 18.6])
    ).summary
    assert "fading of 16.1, 18.6, 11.4 px ·" in in_pixels["answer"]


def test_spots_of_a_crystal_that_faded_later_are_not_named(result: bw.Result) -> None:
    mine = result.spots[result.spots.window.isna()].head(1)
    rows = mine.loc[mine.index.repeat(2)].assign(
        region="field", status="onset", crystal=[0, 1], onset_dose_e_per_A2=[152.0, 351.0],
        snr=[5.0, 20.0], phase="LiF", hkl=["220", "200"],
    )  # fmt: skip
    onsets = result.onsets.astype(object).assign(**ONSET)
    assert "LiF 220 ·" in replace(result, onsets=onsets, spots=rows).summary["answer"]


def test_without_pre_exposure_a_dose_is_a_lower_bound(result: bw.Result) -> None:
    summary = told(result, **{**ONSET, "pre_exposure_e_per_A2": np.nan})
    dose = "≥ 152 e/Å² [146–159], dose scale ± 4 % (pre-exposure unknown)"
    assert summary["answer"].startswith(f"field {dose} · ")
    assert summary["lower_bound"]


def test_without_doses_an_onset_is_a_frame_counted_from_one(result: bw.Result) -> None:
    unknown = dict.fromkeys((name for name in ONSET if name.endswith(("A2", "A2_s"))), np.nan)
    summary = told(result, **{**ONSET, **unknown})
    assert summary["answer"].startswith("field frame 4 (dose unknown) · fading")
    assert summary["stop"] is None


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"criterion": "spacing", "d_before_A": 2.01, "d_after_A": 2.04}, "spacing 2.01 → 2.04 Å"),
        ({"criterion": "new_phase", "phase_before": "LiF", "phase_after": "Li2O"}, "LiF → Li2O"),
        ({"criterion": "new_phase", "phase_before": None, "phase_after": None}, "new phase"),
        (
            {"criterion": "new_phase", "interpretation": "ordering", "phase_before": "LiF"},
            "ordering of LiF",
        ),
        ({"criterion": "mass_loss"}, "mass loss"),
    ],
)  # fmt: skip
def test_every_criterion_has_its_words(
    result: bw.Result, columns: dict[str, Any], said: str
) -> None:
    assert f"· {said} ·" in told(result, **{**ONSET, **columns})["answer"]


def test_what_survived_says_what_would_have_been_seen(result: bw.Result) -> None:
    summary = told(result, **SURVIVED)
    assert summary["answer"] == "field survived 600 e/Å²; a loss > 18 % would have been seen"
    assert summary["stop"] == "no need to stop before 600 e/Å² = 12 s at 50 e/Å²/s"


def test_what_survived_a_part_of_the_record_says_of_how_much(result: bw.Result) -> None:
    summary = told(result, **{**SURVIVED, "survived_dose_e_per_A2": 560.0})
    assert summary["answer"].startswith("field survived 560 e/Å² of 600;")


def test_no_plateau_and_no_lattice_and_doubt_are_said(result: bw.Result) -> None:
    damaged = told(result, **{**SURVIVED, "status": "damaged_at_start", "dose_1e_e_per_A2": 41.0})
    assert damaged["answer"].endswith("no undamaged plateau, 1/e at 41 e/Å²")
    assert damaged["stop"] == "no dose of this record leaves it as it was"
    assert told(result, **{**SURVIVED, "status": "no_lattice"})["answer"] == "field: no lattice"
    doubt = told(result, **{**SURVIVED, "status": "ambiguous", "reason": "too few electrons"})
    assert doubt["answer"] == "field: ambiguous, too few electrons"


def test_the_dose_to_stop_at_is_the_lower_end_and_its_seconds_those_of_the_rate(
    result: bw.Result,
) -> None:
    summary = told(result, **{**ONSET, "pre_exposure_e_per_A2": 46.4})
    assert summary["stop_dose_e_per_A2"] == 146.4
    assert summary["stop_time_s"] == pytest.approx(2.0)
    assert summary["stop"] == "stop at 146 e/Å² = 2 s at 50 e/Å²/s"


def test_regions_have_a_line_each_and_warnings_are_those_of_the_movie(result: bw.Result) -> None:
    summary = told(result, **ONSET)
    assert list(summary["regions"]) == ["A"]
    assert summary["regions"]["A"].startswith("A 152 e/Å²")
    assert result.movie is not None
    assert summary["warnings"] == list(result.movie.warnings)


def test_a_field_that_cannot_be_told_knows_of_its_regions_that_changed(result: bw.Result) -> None:
    summary = told(result, **{**ONSET, "status": ["ambiguous", "onset"]})
    assert summary["answer"] == (
        "field as a whole: ambiguous, three spots left their plateau together; "
        "its region A changed at 152 e/Å²"
    )
    many = replace(result, onsets=result.onsets.iloc[[0, 1, 1, 1, 1, 1]])
    assert "; and 2 more of its regions" in told(
        many, **{**SURVIVED, "status": ["survived"] + ["damaged_at_start"] * 5}
    )["answer"]  # fmt: skip
    assert "as a whole" not in told(result, **ONSET)["answer"]


def test_a_summary_is_plain_json(result: bw.Result) -> None:
    assert json.loads(json.dumps(result.summary, allow_nan=False)) == result.summary


def test_tables_without_verdicts_have_a_summary_too(result: bw.Result) -> None:
    empty = replace(result, onsets=result.onsets.head(0), events=result.events.head(0))
    assert empty.summary["answer"] == "field: nothing was judged"
