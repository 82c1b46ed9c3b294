"""Run folders: what is written, and that nothing is ever lost."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import napari_beamwatch as bw
from napari_beamwatch import columns
from napari_beamwatch.movies.fingerprint import fingerprint
from napari_beamwatch.results import saving
from napari_beamwatch.results.run_folder import FILES, TABLES, WORK

CONTRACT = {
    "onsets.csv", "windows.csv", "spots.csv", "traces.csv", "events.csv", "drift.csv",
    "run.json", "window_traces.npz", "figure.png", "figure.svg", "report.html",
}  # fmt: skip
EXTRAS = {
    "places.csv",
    "courses.csv",
    "phases.csv",
    "phase_area.csv",
    "field.csv",
    "rings.csv",
    "particles.csv",
    "outlines.csv",
}


@pytest.fixture
def run(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "run"))


def test_the_folder_holds_the_files_of_the_contract(saved: Path) -> None:
    assert {path.name for path in saved.iterdir()} == CONTRACT | EXTRAS
    assert [path.name for path in saved.parent.iterdir()] == ["run"]


def test_tables_have_one_header_and_the_documented_columns(run: Path) -> None:
    for name in TABLES:
        with (run / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            assert next(csv.reader(file)) == list(getattr(columns, name.upper()))


def test_numbers_have_nine_digits_whole_ones_no_point_and_gaps_are_empty(
    run: Path, result: bw.Result
) -> None:
    rows = list(csv.DictReader((run / "spots.csv").open(encoding="utf-8")))
    for row, (_, spot) in zip(rows, result.spots.iterrows(), strict=True):
        assert row["window"] == ("" if pd.isna(spot.window) else str(int(spot.window)))
        assert row["onset_frame"] == (
            "" if pd.isna(spot.onset_frame) else str(int(spot.onset_frame))
        )
        assert float(row["d_px"]) == pytest.approx(spot.d_px, rel=5e-9)
        assert len(re.sub(r"e.*|[-.]", "", row["gy_per_px"]).lstrip("0")) <= 9
    assert not re.search(r"(?i)\b(nan|none|<na>)\b", (run / "spots.csv").read_text())


def test_a_missing_status_is_empty_and_a_phase_called_na_is_not(
    result: bw.Result, tmp_path: Path
) -> None:
    onsets = result.onsets.assign(phase_before="NA", phase_after=None)
    folder = replace(result, onsets=onsets).save(tmp_path / "run")
    loaded = bw.load_result(folder).onsets
    assert (loaded.phase_before == "NA").all()
    assert loaded.phase_after.isna().all()


def test_text_with_commas_and_quotes_comes_back(result: bw.Result, tmp_path: Path) -> None:
    said = 'spots "200", 111 and Å'
    folder = replace(result, onsets=result.onsets.assign(reason=said)).save(tmp_path / "run")
    assert (bw.load_result(folder).onsets.reason == said).all()


def test_the_record_says_how_the_run_came_about(
    run: Path, result: bw.Result, movie_file: Path
) -> None:
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    assert record["settings"] == json.loads(result.settings.to_json())
    assert record["movie"]["source"] == str(movie_file)
    assert record["movie"]["origins"]["voltage_kV"] == "user"
    assert record["movie"]["conditions"]["voltage_kV"] == 200
    assert record["movie"]["pixel_size_A"] == pytest.approx(0.125)
    assert len(record["movie"]["hash"]) == 64
    assert {"python", "numpy", "numba", "scipy", "napari-beamwatch"} <= set(record["versions"])
    assert set(record["timings_s"]) == set(result.timings)
    assert record["summary"]["answer"] == result.summary["answer"]
    assert record["notes"] == list(result.notes)


def test_what_was_said_of_the_movie_stands_in_the_record_once_and_comes_back(
    result: bw.Result, tmp_path: Path
) -> None:
    movie = result.movie
    assert movie is not None
    slip = "conditions.csv: temprature is not used: did you mean temperature?"
    odd = replace(movie, recording=replace(movie.recording, warnings=(slip,)))
    folder = replace(result, movie=odd).save(tmp_path / "run")
    text = (folder / "run.json").read_text(encoding="utf-8")
    for said in (slip, *movie.notes):
        assert text.count(said) == 1
    # The movie is opened again without what stood beside it.
    assert bw.load_result(folder).summary["warnings"].count(slip) == 1


def test_the_methods_name_the_numbers_of_the_analysis(run: Path, result: bw.Result) -> None:
    methods = json.loads((run / "run.json").read_text(encoding="utf-8"))["methods"]
    assert f"windows of {result.settings.window} px" in methods
    assert "0.01 of a false onset" in methods
    assert "1/e of its plateau" in methods


def test_a_run_is_not_replaced_unasked(run: Path, result: bw.Result) -> None:
    before = (run / "run.json").read_bytes()
    with pytest.raises(bw.BeamwatchError, match="holds a run already: --force"):
        result.save(run)
    assert (run / "run.json").read_bytes() == before


def test_files_of_somebody_else_are_not_replaced_unasked(result: bw.Result, tmp_path: Path) -> None:
    (tmp_path / "spots.csv").write_text("mine")
    with pytest.raises(bw.BeamwatchError, match=r"has spots\.csv already"):
        result.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["spots.csv"]


def test_force_replaces_the_run_and_nothing_else(run: Path, result: bw.Result) -> None:
    (run / "notes.txt").write_text("mine")
    (run / "figure.png").write_text("of the old run")
    replace(result, notes=("another",)).save(run, force=True)
    assert bw.load_result(run).notes == ("another",)
    assert {path.name for path in run.iterdir()} == CONTRACT | EXTRAS | {"notes.txt"}


def test_a_folder_that_is_a_file_is_refused(result: bw.Result, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("mine")
    with pytest.raises(bw.BeamwatchError, match="is a file; a run needs a folder"):
        result.save(tmp_path / "run", force=True)


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_what_fails_while_writing_leaves_the_old_run(
    run: Path, result: bw.Result, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    before = _content(run)

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(saving, "write_record", fail)
    with pytest.raises((bw.BeamwatchError, KeyboardInterrupt)):
        result.save(run, force=True)
    assert _content(run) == before


@pytest.mark.parametrize("name", ["run.json", "spots.csv"])
def test_what_fails_while_moving_in_leaves_the_old_run(
    run: Path, result: bw.Result, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    before = _content(run)
    move = Path.replace

    def busy(source: Path, target: Path) -> Path:
        if source.parent.name.startswith(WORK) and target.name == source.name == name:
            raise PermissionError("in use")
        return move(source, target)

    monkeypatch.setattr(Path, "replace", busy)
    with pytest.raises(bw.BeamwatchError, match="in use"):
        replace(result, notes=("another",)).save(run, force=True)
    assert _content(run) == before


def test_what_fails_at_first_leaves_nothing(
    result: bw.Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(np, "savez", lambda *_, **__: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(bw.BeamwatchError, match="disk full"):
        result.save(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_a_result_without_its_movie_is_not_saved(result: bw.Result, tmp_path: Path) -> None:
    with pytest.raises(bw.BeamwatchError, match="movie of this result was not found"):
        replace(result, movie=None).save(tmp_path / "run")


def test_a_run_needs_a_name(
    result: bw.Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(bw.BeamwatchError, match="the name of a folder"):
        result.save("")
    assert list(tmp_path.iterdir()) == []


def test_a_movie_that_was_replaced_after_the_analysis_is_not_drawn_beside_its_result(
    result: bw.Result, tmp_path: Path
) -> None:
    assert result.movie is not None
    file = Path(shutil.copy(result.movie.source, tmp_path / "movie.eer"))
    movie = bw.open_movie(file, fraction_frames=80)
    os.utime(file, ns=(0, 0))
    with pytest.raises(bw.BeamwatchError, match="has changed since it was opened"):
        replace(result, movie=movie).save(tmp_path / "run")
    assert [path.name for path in tmp_path.iterdir()] == ["movie.eer"]


def test_the_record_certifies_the_movie_that_was_analysed(run: Path, movie_file: Path) -> None:
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    assert record["movie"]["hash"] == fingerprint([movie_file])


def test_the_record_is_the_last_file_to_come() -> None:
    assert FILES[-1] == "run.json"


def _content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}
