"""The report of a run: the answer first, and everything it rests on below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from napari_beamwatch.damage.failures import FAILED, WARNING
from napari_beamwatch.results.findings import Findings
from napari_beamwatch.results.report import about
from napari_beamwatch.results.report.areas import areas
from napari_beamwatch.results.report.doses import word
from napari_beamwatch.results.report.facts import fact_boxes
from napari_beamwatch.results.report.headline import headline
from napari_beamwatch.results.report.page import (
    bullets,
    figure,
    folded,
    fragment,
    glossary,
    page,
    paragraph,
    section,
    text,
)
from napari_beamwatch.results.report.tables import result_tables
from napari_beamwatch.results.summary import summary_of

CAPTION = (
    "Where the movie was at hand, pictures and Fourier transforms before, at and after the change; "
    "then the intensity of the reflections relative to their undamaged plateau over the dose "
    "(shaded: 95 % bands), and the change of the spacings. This figure is figure.png of the run, "
    "for print figure.svg."
)


@dataclass(frozen=True, eq=False)
class Run:
    """What a report tells of.

    Attributes
    ----------
    result : Findings
    record : mapping
        As `record_of` makes it.
    figure : bytes or None
        A PNG file.
    """

    result: Findings
    record: Mapping[str, Any]
    figure: bytes | None = None


def report(run: Run) -> str:
    """A page about a run that needs no other file."""
    result, record = run.result, run.record
    facts, versions = record["movie"], record["versions"]
    summary = summary_of(result)
    # Those of the record, for the movie may not be at hand.
    warnings = list(map(str, record["summary"]["warnings"]))
    notes = [one for one in record["notes"] if not one.startswith((FAILED, WARNING))]
    version = str(versions.get("napari-beamwatch", ""))
    return page(
        f"{_name(result)}: beam damage",
        *_first(result, summary, warnings),
        figure(run.figure, summary["answer"], CAPTION),
        areas(result),
        result_tables(result),
        about.conditions(_row(result)),
        about.recording(facts),
        section("Notes", bullets(notes)),
        about.settings(result.settings),
        about.for_a_paper(str(record["methods"]), version),
        about.software(versions, str(record["written"])),
        GLOSSARY,
    )


def first_screen(result: Findings) -> str:
    """The top of the report, for a notebook."""
    summary = summary_of(result)
    return fragment(*_first(result, summary, summary["warnings"]))


def _first(
    result: Findings, summary: Mapping[str, Any], warnings: Sequence[str]
) -> tuple[str, ...]:
    said = " · ".join(about.stated(_row(result)))
    if not len(result.onsets):
        return (f"<h1>{text(_name(result))}</h1>", paragraph("Nothing was judged."))
    return (
        f"<header><h1>{text(_name(result))}</h1>{paragraph(said, 'quiet')}</header>",
        headline(result, result.onsets.iloc[0]),
        "".join(paragraph(f"Warning: {one}", "warning") for one in warnings),
        fact_boxes(_row(result), summary, result.settings),
        folded(
            "In one line, and why", paragraph(summary["answer"]), paragraph(word(summary["why"]))
        ),
    )


def _row(result: Findings) -> Mapping[Any, Any]:
    return {} if not len(result.onsets) else {str(k): v for k, v in result.onsets.iloc[0].items()}


def _name(result: Findings) -> str:
    return word(result.onsets["movie"].iloc[0]) if len(result.onsets) else "movie"


_WORDS = (
    ("dose", "electrons per Å² (square ångström) that the specimen had received, all before the "
     "record included where that is known"),
    ("first change (onset)", "the dose at which the change began, estimated from the whole course; "
     "it may lie before the first frame in which anybody could have seen it"),
    ("detected by", "the first dose at which the evidence is beyond the stated rate of false "
     "alarms; this is what compares with published critical doses"),
    ("place", "a connected piece of one crystal whose reflections share one course"),
    ("for good", "to the end of the record; what recovers is an event, never damage"),
    ("fading", "reflections of the lattice lose their intensity"),
    ("held to", "the last dose before which a lasting loss to 1/e would have been found with 95 % "
     "probability"),
    ("interval", "holds the true value in 95 of 100 cases, the choice of the model included; the "
     "error of the dose scale is told beside it"),
)  # fmt: skip

GLOSSARY = glossary(_WORDS)
