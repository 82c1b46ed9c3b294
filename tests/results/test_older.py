"""Runs from before places open: their crystals are read as places."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

import napari_beamwatch as bw
from napari_beamwatch import columns
from napari_beamwatch.results.older import CONDITIONS

GONE = {
    "onsets": ["n_places", "changed_area_percent", "threshold_status"],
    "windows": ["place"],
    "courses": ["place"],
}


def made_older(run: Path) -> None:
    """Write the run's tables as they were before there were places."""
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    for name, dropped in GONE.items():
        path = run / f"{name}.csv"
        pd.read_csv(path, dtype=str).drop(columns=dropped).to_csv(path, index=False)
        for column in dropped:
            del record["tables"][name][column]
    places = pd.read_csv(run / "places.csv", dtype=str)
    kinds = record["tables"].pop("places")
    kept = ["crystal", "status", "onset_dose_e_per_A2", "survived_dose_e_per_A2", "n_windows"]
    places[kept].assign(region="field", phase="LiF").to_csv(run / "crystals.csv", index=False)
    record["tables"]["crystals"] = {
        **{name: kinds[name] for name in kept}, "region": "text", "phase": "text"
    }  # fmt: skip
    (run / "places.csv").unlink()
    del record["tables"]["phase_area"]
    (run / "phase_area.csv").unlink()
    (run / "run.json").write_text(json.dumps(record), encoding="utf-8")


def test_an_older_run_has_its_crystals_as_places_and_says_the_same(
    saved: Path, tmp_path: Path, result: bw.Result
) -> None:
    run = Path(shutil.copytree(saved, tmp_path / "run"))
    made_older(run)
    found = bw.load_result(run)
    assert list(found.places.columns) == list(columns.PLACES)
    assert found.places.place.tolist() == found.places.crystal.tolist()
    assert found.places.status.tolist() == result.places.status.tolist()
    assert set(found.places.phase_before) == {"LiF"}
    assert list(found.onsets.columns) == list(columns.ONSETS)
    assert found.onsets.onset_dose_e_per_A2.iloc[0] == pytest.approx(
        result.onsets.onset_dose_e_per_A2.iloc[0], nan_ok=True
    )
    assert found.windows.place.isna().all()
    assert found.phase_area.empty
    assert found.summary["answer"]
    assert bw.write_report(run).stat().st_size > 10_000


def test_a_run_from_before_conditions_were_columns_opens_with_them_empty(
    saved: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(saved, tmp_path / "run"))
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    table = pd.read_csv(run / "onsets.csv", dtype=str).drop(columns=list(CONDITIONS))
    table.to_csv(run / "onsets.csv", index=False)
    for name in CONDITIONS:
        del record["tables"]["onsets"][name]
    (run / "run.json").write_text(json.dumps(record), encoding="utf-8")
    found = bw.load_result(run)
    assert list(found.onsets.columns) == list(columns.ONSETS)
    assert {"thickness", "transfer"} <= set(found.summary["not_stated"])


def test_a_run_from_before_areas_were_measured_opens_without_them(
    saved: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(saved, tmp_path / "run"))
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    del record["tables"]["phase_area"]
    (run / "run.json").write_text(json.dumps(record), encoding="utf-8")
    (run / "phase_area.csv").unlink()
    found = bw.load_result(run)
    assert list(found.phase_area.columns) == list(columns.PHASE_AREA)
    assert "How much of the field" not in bw.write_report(run).read_text(encoding="utf-8")
