"""A campaign that was saved, by whomever, and its page."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from napari_beamwatch.campaign.measures import known_measure
from napari_beamwatch.campaign.report import campaign_report
from napari_beamwatch.campaign.saving import FORMAT, PICTURE, PLACES_TABLE, RECORD
from napari_beamwatch.campaign.tables import (
    COMPARISONS,
    CURVES,
    MOVIES,
    PHASES,
    PLACES,
    REGRESSION,
    SUMMARY,
    CampaignTables,
)
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.files import read_text
from napari_beamwatch.results.record import LARGEST, explained
from napari_beamwatch.results.report.page import read_picture
from napari_beamwatch.results.table_files import read_table


def holds_summary(folder: Path) -> bool:
    """Whether a folder is that of a campaign."""
    return (folder / RECORD).is_file()


def read_summary(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """The record of a campaign that was saved, as anybody may have changed it."""
    target = Path(folder).expanduser()
    if not holds_summary(target):
        raise BeamwatchError(f"{target} holds no summary: there is no {RECORD}")
    path = target / RECORD
    with explained(path):
        record = json.loads(read_text(path, "a summary", LARGEST))
        if not isinstance(record, dict) or record.get("format") != FORMAT:
            raise BeamwatchError(f"{path} is of another format than {FORMAT}")
        for name in ("groups", "comparisons", "regression", "movies"):
            if not all(isinstance(row, dict) for row in record[name]):
                raise TypeError(name)
        return record


def read_places(folder: str | os.PathLike[str]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """What the places of a campaign that was saved told, and its record."""
    target = Path(folder).expanduser()
    record = read_summary(target)
    with explained(target / RECORD):
        kinds = {str(name): str(kind) for name, kind in record["tables"]["summary_places"].items()}
        names = [str(row["movie"]) for row in record["movies"]]
        table = read_table(target / PLACES_TABLE, kinds, names, list(PLACES))
    return table, record


def load_campaign(folder: str | os.PathLike[str]) -> CampaignTables:
    """A campaign that was saved, with all its tables but the curves, which are drawn only."""
    places, record = read_places(folder)
    rate = record.get("dose_rate_e_per_A2_s")
    with explained(Path(folder).expanduser() / RECORD):
        return CampaignTables(
            tuple(str(one) for one in record["by"]),
            known_measure(str(record["measure"])),
            None if rate is None else float(rate),
            _table(record["groups"], SUMMARY),
            _table(record["comparisons"], COMPARISONS),
            _table(record["regression"], REGRESSION),
            _table(record.get("phases", []), PHASES),
            pd.DataFrame(columns=list(CURVES)),
            places,
            _table(record["movies"], MOVIES),
            tuple(str(one) for one in record["notes"]),
            tuple(str(one) for one in record["unread"]),
        )


def _table(rows: list[dict[str, Any]], known: Mapping[str, str]) -> pd.DataFrame:
    """Rows of a record; a column without words is of numbers, unknown ones NaN."""
    table = pd.DataFrame(rows)
    table = table.reindex(columns=list(dict.fromkeys((*table.columns, *known))))
    for name in table:
        if not table[name].map(lambda value: isinstance(value, str)).any():
            table[name] = pd.to_numeric(table[name])
    return table


def page_of(folder: Path) -> str:
    """The page of a campaign that was saved."""
    record = read_summary(folder)
    with explained(folder / RECORD):
        return campaign_report(record, read_picture(folder / PICTURE))
