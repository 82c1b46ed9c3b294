"""`beamwatch summary` and `beamwatch plan`: what is printed, written and refused."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from napari_beamwatch import columns
from napari_beamwatch.cli import main
from napari_beamwatch.results.table_files import write_table


def run_folder(folder: Path, onset: float, temperature: float) -> None:
    """A run of three places, as far as a campaign reads it."""
    folder.mkdir(parents=True)
    name = folder.name
    field = {
        "movie": name, "region": "field", "last_dose_e_per_A2": 9e4, "last_frame": 99,
        "compound": "LiF", "temperature_C": temperature, "pre_exposure_e_per_A2": 0.0,
    }  # fmt: skip
    rows = [
        {
            "movie": name, "place": i, "crystal": i, "n_windows": 4, "area_nm2": 100.0,
            "status": "onset", "onset_dose_e_per_A2": onset * factor,
            "onset_low_e_per_A2": onset * factor * 0.9, "onset_high_e_per_A2": onset * factor * 1.1,
        }
        for i, factor in enumerate((0.8, 1.0, 1.2))
    ]  # fmt: skip
    kinds = {
        "onsets": write_table(
            pd.DataFrame([field]).reindex(columns=list(columns.ONSETS)), folder / "onsets.csv"
        ),
        "places": write_table(
            pd.DataFrame(rows).reindex(columns=list(columns.PLACES)), folder / "places.csv"
        ),
    }
    record = {
        "format": 1, "movie": {"name": name, "pixel_size_A": 0.5, "hash": name}, "regions": [],
        "tables": kinds, "versions": {"napari-beamwatch": "1.0"},
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs")
    for i, onset in enumerate((90.0, 100.0, 120.0)):
        run_folder(out / f"warm{i}", onset, 20.0)
        run_folder(out / f"cold{i}", 25 * onset, -170.0)
    return out


def test_a_summary_is_printed_and_written_and_a_plan_made_from_it(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "sum"
    assert main(["summary", str(runs), "--out", str(out), "--dose-rate", "8"]) == 0
    said = capsys.readouterr().out
    assert "LiF, RT (20 °C): median 100 [" in said
    assert "LiF, cryo (−170 °C) / LiF, RT (20 °C): 25 times [" in said
    assert (out / "summary.json").is_file()
    words = ["--compound", "LiF", "--temperature", "103K", "--d", "2.0", "--window-nm", "9"]
    assert main(["plan", *words, "--dose-rate", "8", "--from", str(out)]) == 0
    said = capsys.readouterr().out
    assert "SetExposure R" in said
    assert "cryo: 25 times the dose" in said


def test_a_summary_that_is_there_is_not_replaced_unasked(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "summary.csv").write_text("mine")
    assert main(["summary", str(runs), "--out", str(tmp_path)]) == 1
    assert "--force" in capsys.readouterr().err
    assert (tmp_path / "summary.csv").read_text() == "mine"


@pytest.mark.long
def test_a_run_that_cannot_be_read_is_named_and_the_others_are_summarized(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = tmp_path / "absent"
    out = tmp_path / "sum"
    assert main(["summary", str(runs), str(absent), "--out", str(out)]) == 1
    assert capsys.readouterr().err.count("absent") == 1
    assert (out / "summary.json").is_file()


def test_an_unknown_condition_is_one_line(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["summary", str(runs), "--out", str(tmp_path / "x"), "--by", "colour"]) == 1
    assert capsys.readouterr().err.startswith("beamwatch: movies cannot be grouped by 'colour'")
