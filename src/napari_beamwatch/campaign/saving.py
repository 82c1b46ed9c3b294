"""The folder of a campaign: tables for a spreadsheet, all that is said as JSON, the figure."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from napari_beamwatch.campaign.measures import MEASURES
from napari_beamwatch.campaign.methods import campaign_methods
from napari_beamwatch.campaign.report import campaign_report
from napari_beamwatch.campaign.tables import CampaignTables
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.results.record import write_record
from napari_beamwatch.results.report import write_page
from napari_beamwatch.results.run_folder import writing_to
from napari_beamwatch.results.table_files import write_table

FORMAT = 1
"""Of ``summary.json``; another number is another way to read it."""

RECORD = "summary.json"
TABLE = "summary.csv"
PLACES_TABLE = "summary_places.csv"
PICTURE = "summary.png"
FIGURES = ("summary.svg", "summary.pdf", PICTURE)
PAGE = "report.html"
FILES = (TABLE, PLACES_TABLE, *FIGURES, PAGE, RECORD)


def save_campaign(
    campaign: CampaignTables, folder: str | os.PathLike[str], *, force: bool = False
) -> Path:
    """Write ``summary.csv``, ``summary_places.csv``, the figure, the page and ``summary.json``.

    Each file is written beside its place and then put there; the record last.

    Parameters
    ----------
    campaign : Campaign
    folder : path
        Made with its parents where it is not there; other files in it stay.
    force : bool
        Replace a summary that is there.
    """
    if not os.fspath(folder):
        raise BeamwatchError("a summary needs the name of a folder; . is the current one")
    target = Path(folder).expanduser()
    check_free(target, force=force)
    with writing_to(target):
        target.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".beamwatch-summary-", dir=target) as beside:
            new = Path(beside)
            write_table(campaign.summary, new / TABLE)
            kinds = write_table(campaign.places, new / PLACES_TABLE)
            from napari_beamwatch.campaign.figure import write_campaign_figure

            write_campaign_figure(campaign, *(new / name for name in FIGURES))
            record = record_of(campaign, kinds)
            write_page(new / PAGE, campaign_report(record, (new / PICTURE).read_bytes()))
            write_record(record, new / RECORD)
            for name in FILES:
                (new / name).replace(target / name)
    return target


def check_free(folder: Path, *, force: bool) -> None:
    """Refuse a folder in which a summary would be lost."""
    if folder.exists() and not folder.is_dir():
        raise BeamwatchError(f"{folder} is a file; a summary needs a folder")
    there = [name for name in FILES if os.path.lexists(folder / name)]
    if there and not force:
        raise BeamwatchError(
            f"{folder} has {', '.join(there)} already: --force (force=True) replaces them"
        )


def record_of(campaign: CampaignTables, kinds: Mapping[str, str]) -> dict[str, Any]:
    """What stands in ``summary.json``, see docs/campaign.md."""
    own = version("napari-beamwatch")
    return {
        "format": FORMAT,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": own,
        "by": list(campaign.by),
        "measure": campaign.measure,
        "measures": {name: measure.words for name, measure in MEASURES.items()},
        "dose_rate_e_per_A2_s": campaign.dose_rate,
        "groups": _rows(campaign.summary),
        "comparisons": _rows(campaign.comparisons),
        "regression": _rows(campaign.regression),
        "phases": _rows(campaign.phases),
        "movies": _rows(campaign.movies),
        "notes": list(campaign.notes),
        "unread": list(campaign.unread),
        "methods": campaign_methods(campaign, own),
        "tables": {"summary_places": dict(kinds)},
    }


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]
