"""Runs from before places: their crystals are read as the places they were taken for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from napari_beamwatch import columns
from napari_beamwatch.regions import FIELD
from napari_beamwatch.results.table_files import read_table

CRYSTALS = ("region", "crystal", "status", "onset_dose_e_per_A2", "survived_dose_e_per_A2")
"""What a table of crystals must have had."""

WIDER = ("onsets", "windows", "courses", "places")
"""Tables that have more columns today."""

YOUNGER = ("phase_area", "phases")
"""Tables that runs from before them lack: empty then."""

CONDITIONS = (
    "compound", "imaging_mode", "thickness_nm", "particle_size_nm", "preparation", "transfer",
)  # fmt: skip
"""Columns of the table of onsets that runs from before them lack."""


def needed_of(kinds: Mapping[str, str], now: Sequence[str]) -> list[str]:
    """Columns that a table must have, whenever it was written."""
    return [name for name in now if name in kinds or name not in CONDITIONS]


def with_columns(table: pd.DataFrame, now: Sequence[str]) -> pd.DataFrame:
    """The table with empty columns for those it lacks, behind its own."""
    return table.reindex(columns=[*table.columns, *(name for name in now if name not in table)])


def without_table(name: str, kinds: Mapping[str, Mapping[str, str]]) -> bool:
    """Whether a run is from before a table that younger runs have."""
    return name in YOUNGER and name not in kinds


def is_older(kinds: Mapping[str, Mapping[str, str]]) -> bool:
    """Whether tables of these types are of a run from before places."""
    return "places" not in kinds and "crystals" in kinds


def read_older(
    folder: Path,
    kinds: Mapping[str, Mapping[str, str]],
    names: Sequence[str],
    needed: Mapping[str, Sequence[str]],
) -> dict[str, pd.DataFrame]:
    """Tables of an older run in the columns of today, empty where nothing was told.

    Parameters
    ----------
    folder : Path
    kinds : mapping
        Type of each column of each table.
    names : sequence of str
        Words of others.
    needed : mapping
        Columns that each table has today.
    """
    read: dict[str, pd.DataFrame] = {}
    for name, now in needed.items():
        if without_table(name, kinds):
            read[name] = pd.DataFrame(columns=list(now))
            continue
        was = name if name != "places" else "crystals"
        own = dict(kinds[was])
        asked = CRYSTALS if name == "places" else [column for column in now if column in own]
        table = read_table(folder / f"{was}.csv", own, names, asked)
        if name == "places":
            table = _as_places(table)
        elif name == "courses":
            table = table.assign(place=table["crystal"].astype("Int64"))
        elif name == "windows":
            table = table.assign(place=pd.array([pd.NA] * len(table), dtype="Int64"))
        read[name] = table.reindex(columns=list(now)) if name in WIDER else table
    return read


def _as_places(crystals: pd.DataFrame) -> pd.DataFrame:
    """Each crystal as one place, wherever it lay."""
    of_field = crystals[crystals["region"] == FIELD].reset_index(drop=True)
    told = of_field.assign(
        place=of_field["crystal"],
        phase_before=of_field.get("phase"),
        held_until_e_per_A2=of_field["survived_dose_e_per_A2"],
    )
    return told.reindex(columns=list(columns.PLACES))
