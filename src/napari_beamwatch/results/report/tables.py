"""What a run's tables say that a reader wants to see, in few columns."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from napari_beamwatch.regions import FIELD
from napari_beamwatch.results.findings import Findings
from napari_beamwatch.results.report.doses import (
    Row,
    between,
    dose,
    number,
    onset,
    phases,
    plain,
    word,
)
from napari_beamwatch.results.report.page import MOST_ROWS, UNIT, bullets, folded, section, table

STATUS = {
    "onset": "changed",
    "survived": "held",
    "damaged_at_start": "changed from the start",
    "no_lattice": "no lattice",
    "ambiguous": "no clear answer",
}


def result_tables(result: Findings) -> str:
    """Sections of regions, places, phases and events; those without rows are left out."""
    regions = [_region(row) for row in _rows(result.onsets)]
    whys = [
        f"{_named(row)}: {word(row['reason']).replace('|', ' or ')}"
        for row in _rows(result.onsets)[:MOST_ROWS]
        if word(row["reason"])
    ]
    places = [_place(row) for row in _rows(result.places)]
    since = [_phase(row) for row in _rows(result.phases)]
    events = [_event(row) for row in _rows(result.events) if word(row["region"])]
    return "\n".join(
        (
            section("Regions", table(
                ("region", "verdict", f"first change, {UNIT}", f"detected by, {UNIT}",
                 f"half gone, {UNIT}", f"held to, {UNIT}", "sign", "phase before", "phase after",
                 "places", "changed, %"),
                regions, "all are in onsets.csv"), folded("Why", bullets(whys))),
            section("Places", table(
                ("place", "verdict", f"first change, {UNIT}", f"half gone, {UNIT}",
                 f"held to, {UNIT}", "sign", "phase before", "phase after", "area, nm²",
                 "at y, x in px"),
                places, "all are in places.csv")),
            section("Phases, and since when they were there", table(
                ("phase", "region", "since", f"first seen, {UNIT}", "spots"),
                since, "all are in phases.csv")),
            section("Events: what recovered or settled", table(
                ("region", "event", f"from, {UNIT}", f"to, {UNIT}", "depth, %"),
                events, "all are in events.csv")),
        )
    )  # fmt: skip


def _rows(frame: pd.DataFrame) -> Sequence[Row]:
    return frame.to_dict("records")


def _named(row: Row) -> str:
    name = word(row["region"])
    return "whole field" if name == FIELD else name


def _region(row: Row) -> tuple[str, ...]:
    return (
        _named(row),
        *_verdict(row),
        dose(row, "detected_dose"),
        dose(row, "half_dose"),
        dose(row, "survived_dose"),
        _sign(row),
        phases(row["phase_before"]),
        phases(row["phase_after"]),
        plain(row["n_places"]),
        plain(row["changed_area_percent"], 3),
    )


def _place(row: Row) -> tuple[str, ...]:
    return (
        plain(row["place"]),
        *_verdict(row),
        dose(row, "half_dose"),
        dose(row, "survived_dose"),
        _sign(row),
        phases(row["phase_before"]),
        phases(row["phase_after"]),
        plain(row["area_nm2"], 3),
        f"{plain(row['y_px'])}, {plain(row['x_px'])}",
    )


def _phase(row: Row) -> tuple[str, ...]:
    first, low, high = (
        number(row[f"first_seen_{end}_e_per_A2"]) for end in ("dose", "low", "high")
    )
    seen = "" if first is None else plain(first)
    if low is not None and high is not None:
        seen += f" [{between(low, high)}]"
    return (
        phases(row["phase"]),
        _named(row),
        word(row["since"]),
        seen,
        plain(row["n_spots"]),
    )


def _event(row: Row) -> tuple[str, ...]:
    depth = number(row["depth"])
    return (
        _named(row),
        word(row["kind"]),
        plain(row["dose_from_e_per_A2"]),
        plain(row["dose_to_e_per_A2"]),
        "" if depth is None else f"{100 * depth:.0f}",
    )


def _verdict(row: Row) -> tuple[str, str]:
    status = word(row["status"])
    when = onset(row) if status == "onset" else ""
    return STATUS.get(status, status), when


def _sign(row: Row) -> str:
    said = word(row["criterion"]).replace("_", " ")
    of = word(row["interpretation"]).replace("_", " ")
    return f"{said} ({of})" if said and of and of != "unresolved" else said
