"""From run folders to a summary: tables, notes, the figure, and back again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import napari_beamwatch as bw
from napari_beamwatch.campaign.loading import load_campaign, read_places
from napari_beamwatch.campaign.runs import Run
from napari_beamwatch.campaign.tables import COMPARISONS, REGRESSION, SUMMARY
from napari_beamwatch.campaign.telling import in_words


@pytest.fixture(scope="module")
def found(folders_of_two: Path) -> bw.Campaign:
    return bw.summarize(folders_of_two, dose_rate=8.0)


def notes_of(campaign: Any, tmp_path: Path, runs: list[Run]) -> str:
    folders = [campaign.write_run(tmp_path / f"run{i}", run) for i, run in enumerate(runs)]
    return "\n".join(bw.summarize(folders).notes)


def test_a_row_is_a_group_and_a_measure(found: bw.Campaign) -> None:
    assert list(zip(found.summary["group"], found.summary["measure"], strict=True)) == [
        (group, measure)
        for measure in ("onset", "detected", "half_gone")
        for group in ("LiF, RT (20 °C)", "LiF, cryo (−170 °C)")
    ]
    assert set(SUMMARY) < set(found.summary.columns)


def test_measures_are_never_mixed(found: bw.Campaign) -> None:
    rows = found.summary[found.summary["group"] == "LiF, RT (20 °C)"]
    warm = rows.set_index("measure")["median_e_per_A2"].to_dict()
    assert warm["detected"] == pytest.approx(1.2 * warm["onset"])
    assert warm["half_gone"] == pytest.approx(2 * warm["onset"], rel=0.02)


def test_doses_are_told_in_seconds_at_the_rate_asked_for(found: bw.Campaign) -> None:
    row = found.summary.iloc[0]
    assert row["median_time_s"] == pytest.approx(row["median_e_per_A2"] / 8)


def test_cryo_is_set_beside_room_temperature(found: bw.Campaign) -> None:
    assert list(found.comparisons.columns) == list(COMPARISONS)
    row = found.comparisons.iloc[0]
    assert (row["varied"], row["above"]) == ("temperature_C", "LiF, cryo (−170 °C)")
    assert row["ratio_low"] < 25 < row["ratio_high"]
    assert list(found.regression.columns) == list(REGRESSION)


def test_the_error_of_the_dose_scale_stands_beside(found: bw.Campaign) -> None:
    assert (found.summary["dose_scale_sd_percent"] == 4).all()


def test_a_summary_is_saved_whole_and_read_again(found: bw.Campaign, tmp_path: Path) -> None:
    folder = found.save(tmp_path / "sum")
    assert sorted(file.name for file in folder.iterdir()) == [
        "report.html", "summary.csv", "summary.json", "summary.pdf", "summary.png",
        "summary.svg", "summary_places.csv",
    ]  # fmt: skip
    record = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert [row["measure"] for row in record["groups"]][:2] == ["onset", "onset"]
    places, _ = read_places(folder)
    pd.testing.assert_frame_equal(places, found.places, check_dtype=False, rtol=1e-8)
    again = load_campaign(folder)
    assert in_words(again) == found.words()
    pd.testing.assert_frame_equal(again.movies, found.movies, check_dtype=False)
    with pytest.raises(bw.BeamwatchError, match=r"summary.csv.* --force"):
        found.save(folder)


def test_the_figure_names_groups_medians_and_what_was_published(found: bw.Campaign) -> None:
    axes, *_ = found.figure().axes
    said = [text.get_text() for text in axes.texts]
    assert "RT (20 °C)" in said
    assert found.summary["median_words"].iloc[0] in said
    assert "first change that became detectable (Bai 2026)" in said
    assert axes.child_axes[0].get_xlabel() == "time at 8 e/Å²/s (s)"


def test_a_movie_without_calibration_among_many_is_left_out_by_name(
    campaign: Any, tmp_path: Path
) -> None:
    places = [campaign.dated(10.0)]
    runs = [campaign.run_of("a", places), campaign.run_of("b", places, np.nan)]
    assert "run1 has no doses and is left out" in notes_of(campaign, tmp_path, runs)


def test_a_group_of_which_no_movie_can_be_used_is_said_to_be_empty(
    campaign: Any, tmp_path: Path
) -> None:
    places = [campaign.dated(10.0)]
    cold = campaign.run_of("b", places, np.nan, temperature_C=-170.0)
    said = notes_of(campaign, tmp_path, [campaign.run_of("a", places), cold])
    assert "LiF, cryo (−170 °C): an empty group, none of its 1 movies can be used" in said


def test_pixel_sizes_and_versions_that_differ_are_said(campaign: Any, tmp_path: Path) -> None:
    runs = [campaign.run_of(name, [campaign.dated(10.0)]) for name in "ab"]
    other = Run("c", "c", runs[1].field, runs[1].places, 0.25, "0.9", "c")
    said = notes_of(campaign, tmp_path, [runs[0], other])
    assert "pixel sizes from 0.25 to 0.5 Å" in said
    assert "analysed by versions 0.9, 1.0" in said


def test_two_runs_of_one_movie_count_once(campaign: Any, tmp_path: Path) -> None:
    run = campaign.run_of("a", [campaign.dated(10.0)])
    folders = [campaign.write_run(tmp_path / name, run) for name in "xy"]
    found = bw.summarize(folders)
    assert found.summary["movies"].iloc[0] == 1
    assert "a movie counts once" in found.notes[0]


def test_one_movie_in_a_group_is_said_to_give_no_interval(campaign: Any, tmp_path: Path) -> None:
    folder = campaign.write_run(tmp_path / "x", campaign.run_of("a", [campaign.dated(10.0)]))
    row = bw.summarize(folder).summary.iloc[0]
    assert row["remark"] == "one movie: no interval between movies"


def test_a_group_in_which_nothing_changed_is_censored_in_words(
    campaign: Any, tmp_path: Path
) -> None:
    run = campaign.run_of("a", [campaign.held(600.0)])
    row = bw.summarize(campaign.write_run(tmp_path / "x", run)).summary.iloc[0]
    assert row["median_words"] == "> 600, nothing changed"
    assert "all censored" in row["remark"]


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(bw.BeamwatchError, match="holds no run"):
        bw.summarize(tmp_path)


def test_a_run_of_another_format_is_left_out_with_a_line(campaign: Any, tmp_path: Path) -> None:
    run = campaign.run_of("a", [campaign.dated(10.0)])
    good, other = (campaign.write_run(tmp_path / name, run) for name in "xy")
    record = json.loads((other / "run.json").read_text())
    (other / "run.json").write_text(json.dumps(record | {"format": 7}))
    found = bw.summarize([good, other])
    assert len(found.unread) == 1
    assert "is of format 7" in found.unread[0]
