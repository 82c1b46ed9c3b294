"""Movies of places as a campaign reads them, and folders that hold them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from napari_beamwatch import columns
from napari_beamwatch.campaign.runs import Run
from napari_beamwatch.results.table_files import write_table

Place = dict[str, Any]


def dated(dose: float, **more: Any) -> Place:
    """A place that changed at a dose, told to a tenth of it."""
    return {
        "status": "onset", "onset_dose_e_per_A2": dose, "onset_low_e_per_A2": 0.9 * dose,
        "onset_high_e_per_A2": 1.1 * dose, "detected_dose_e_per_A2": 1.2 * dose,
        "half_dose_e_per_A2": 2 * dose, **more,
    }  # fmt: skip


def held(dose: float, **more: Any) -> Place:
    """A place that survived a dose."""
    return {"status": "survived", "survived_dose_e_per_A2": dose, **more}


def run_of(name: str, places: Sequence[Place], last_dose: float = 1000.0, **field: Any) -> Run:
    """A movie of some places; `field` is what else stands in the row of the field."""
    rows = [
        {"place": i, "crystal": i, "n_windows": 4, "area_nm2": 100.0, "movie": name, **place}
        for i, place in enumerate(places)
    ]
    told = {
        "movie": name, "last_dose_e_per_A2": last_dose, "last_frame": 99, "compound": "LiF",
        "temperature_C": 20.0, "pre_exposure_e_per_A2": 0.0, "dose_scale_sd_percent": 4.0, **field,
    }  # fmt: skip
    row = pd.Series(told, dtype=object).reindex(list(columns.ONSETS))
    table = pd.DataFrame(rows).reindex(columns=list(columns.PLACES))
    return Run(name, name, row, table, 0.5, "1.0", name)


def movies_of(
    rng: np.random.Generator,
    count: int,
    name: str,
    median: float = 100.0,
    movie_sd: float = 0.3,
    places: int = 6,
    **field: Any,
) -> list[Run]:
    """Movies whose places change at log-normal doses about a median."""
    made = []
    for i in range(count):
        logs = movie_sd * rng.standard_normal() + 0.4 * rng.standard_normal(places)
        doses = median * np.exp(logs)
        made.append(run_of(f"{name} {i}", [dated(dose) for dose in doses], 20 * median, **field))
    return made


def write_run(folder: Path, run: Run) -> Path:
    """A run folder with what a campaign reads of it."""
    folder.mkdir(parents=True)
    onsets = pd.DataFrame([run.field]).assign(region="field").infer_objects()
    kinds = {
        "onsets": write_table(onsets, folder / "onsets.csv"),
        "places": write_table(run.places, folder / "places.csv"),
        "phases": write_table(run.phases, folder / "phases.csv"),
    }
    size = run.pixel_size_A if np.isfinite(run.pixel_size_A) else None
    record = {
        "format": 1, "movie": {"name": run.name, "pixel_size_A": size, "hash": run.mark},
        "regions": [], "tables": kinds, "versions": {"napari-beamwatch": run.version},
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def runs_of_two() -> list[Run]:
    """Four movies of LiF at room temperature, and four cold ones that last 25 times longer."""
    rng = np.random.default_rng(7)
    return [
        *movies_of(rng, 4, "warm"),
        *movies_of(rng, 4, "cold", 2500.0, temperature_C=-170.0),
    ]


@pytest.fixture(scope="session")
def folders_of_two(runs_of_two: list[Run], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as run folders in one folder; not to be changed."""
    out = tmp_path_factory.mktemp("runs")
    for i, run in enumerate(runs_of_two):
        write_run(out / f"run{i}", run)
    return out


@pytest.fixture(scope="session")
def campaign() -> SimpleNamespace:
    """What makes places, movies and run folders."""
    return SimpleNamespace(
        dated=dated, held=held, run_of=run_of, movies_of=movies_of, write_run=write_run
    )
