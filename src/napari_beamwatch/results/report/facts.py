"""The numbers of an answer, each with a line that says what it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from napari_beamwatch.results.half_changed import half_changed
from napari_beamwatch.results.report.doses import (
    Row,
    between,
    dose,
    is_bound,
    number,
    onset,
    phases,
    plain,
    word,
)
from napari_beamwatch.results.report.page import UNIT, Fact, boxes, paragraph
from napari_beamwatch.results.summary import CHANGED
from napari_beamwatch.settings import Settings


def fact_boxes(row: Row, summary: Mapping[str, Any], settings: Settings) -> str:
    """What is known of the numbers of an answer, and what to do.

    Parameters
    ----------
    row : mapping
        Of the table of onsets.
    summary : mapping
        As `summary_of` makes it.
    settings : Settings
        In which the user's own threshold is.
    """
    return (
        boxes(_facts(row, summary, settings))
        + paragraph(_advice(word(summary.get("stop"))))
        + paragraph("Low dose: the rate is below 100 e/Å²/s." if summary.get("low_dose") else "")
    )


def _facts(row: Row, summary: Mapping[str, Any], settings: Settings) -> Iterator[Fact]:
    def at(name: str) -> str:
        return _with_unit(dose(row, name, bound=is_bound(row)))

    status = row["status"]
    if status == "onset":
        when = onset(row)
        yield Fact(
            "First change (onset)",
            when if when.startswith("frame") else _with_unit(when),
            "when the first place began to change; in brackets the 95 % interval",
        )
        low, high = (number(summary.get(f"onset_total_{end}_e_per_A2")) for end in ("low", "high"))
        yield Fact(
            "… with the error of the dose scale",
            "" if low is None or high is None else _with_unit(between(low, high)),
            "the same interval, widened by how well the dose itself is known",
        )
    if status in CHANGED:
        yield Fact(
            "Detected by",
            at("detected_dose"),
            "beyond chance from here on; this compares with published critical doses",
        )
        yield Fact("Half of the lattice gone", at("half_dose"), "of the power of all of it")
        places = summary.get("places") or {}
        yield Fact(
            "Median place", at("median_onset"), "by this dose half of the lattice had changed"
        )
        share = plain(row["changed_area_percent"], 3)
        known = (number(row[f"median_onset{end}_e_per_A2"]) for end in ("", "_high"))
        half = half_changed(float(share), *known) if share else ""
        yield Fact(
            "Lattice that changed",
            f"{share} %" if share else "",
            f"{places.get('changed', 0)} of {places.get('number', 0)} places{half}",
        )
        yield Fact("Lattice gone", at("lost_dose"), "below detection, for good")
    before, after = phases(row["phase_before"]), phases(row["phase_after"])
    later = {"": "", "none": " → no lattice"}.get(after, f" → {after}")
    yield Fact(
        "Phase",
        f"{before}{later}" if before else "",
        "what the spots fit" + (", before and after" if later else ""),
    )
    threshold = word(row["threshold_status"]).replace("_", " ")
    share = (
        "1/e" if settings.fraction == Settings().fraction else f"{100 * settings.fraction:.3g} %"
    )
    level = f"less than {share} of the plateau is left"
    moved = f"a spacing moved by more than {settings.d_tolerance:g} %"
    passed = {"fraction": level, "d_tolerance": moved}
    yield Fact(
        "Your own threshold",
        at("threshold_dose") or threshold,
        passed.get(word(row["threshold_criterion"]), f"{level}, or {moved}"),
    )
    yield Fact("Record ends at", at("last_dose"), "accumulated dose of its last frame")


def _advice(stop: str) -> str:
    """What to do next time, in a sentence; empty where there is nothing to say."""
    if stop.startswith("stop"):
        return f"To keep a specimen like this as it was: {stop}."
    return f"{stop[:1].upper()}{stop[1:]}." if stop else ""


def _with_unit(said: str) -> str:
    return f"{said} {UNIT}" if said else ""
