"""The answer of a run in words that need no manual: what, at which dose, and how sure."""

from __future__ import annotations

import re

import pandas as pd

from napari_beamwatch.quantities import dose_text
from napari_beamwatch.results.findings import Findings
from napari_beamwatch.results.report.doses import (
    from_the_start,
    is_bound,
    number,
    onset,
    plain,
    word,
)
from napari_beamwatch.results.report.page import UNIT, prose
from napari_beamwatch.results.summary import (
    regions_that_changed,
    what_changed,
)

INDICES = re.compile(r"(?<![^\s,])(?:-?\d){3}(?=[\s,]|\.?(?:\s|$))")
"""Of a reflection, also at the end of a sentence."""

KINDS = {"onset": "changed", "damaged_at_start": "changed", "survived": "held"}

MEANINGS = {
    "amorphisation": "The crystal became amorphous: a diffuse halo grew.",
    "lattice_lost": "The lattice was lost.",
    "transformation": "One crystal structure became another.",
    "ordering": "A superstructure came and stayed.",
    "disorder": "The lattice became disordered.",
    "mass_loss": "Matter was lost.",
    "environment": "What came is made with gas or contamination: it need not be the beam alone.",
    "unresolved": "",
}


def headline(result: Findings, row: pd.Series) -> str:
    """The box at the top, of the field's row of the table of onsets."""
    big, below = _told(result, row)
    kind = KINDS.get(word(row["status"]), "")
    return (
        f'<div class="answer {kind}"><p class="big">{prose(big)}</p>\n'
        + "\n".join(f"<p>{barred(line)}</p>" for line in below if line)
        + "</div>"
    )


def barred(line: str) -> str:
    """A line as HTML, in which indices such as -111 have a bar over what is below zero."""
    return INDICES.sub(lambda found: _bars(found[0]), prose(line))


def _bars(indices: str) -> str:
    shown, below = [], False
    for letter in indices:
        if letter == "-":
            below = True
            continue
        shown.append(f'<span class="bar">{letter}</span>' if below else letter)
        below = False
    return "".join(shown)


def _told(result: Findings, row: pd.Series) -> tuple[str, list[str]]:
    status, when = word(row["status"]), onset(row)
    if status == "onset":
        unit = "" if when.startswith("frame") or not when else f" {UNIT}"
        at = f" {'' if when.startswith('before') else 'at '}{_bare(when)}{unit}" if when else ""
        return f"First lasting change{at}", [*_how_sure(row), _change(result, row)]
    if status == "survived":
        return _survived(row)
    regions = regions_that_changed(result, row)
    if status == "damaged_at_start":
        later = number(row["dose_1e_e_per_A2"])
        return "It changed from the first electrons on", [
            "There was no undamaged plateau in this record.",
            f"1/e of the lattice was left at {dose_text(later)} {UNIT}." if later else "",
        ]
    if status == "no_lattice":
        return "No lattice was found", [_sentence(regions)]
    why = word(row["reason"]).replace("|", " or ")
    return "No clear answer", [_sentence(regions), f"Why: {why}." if why else ""]


def _bare(when: str) -> str:
    """A dose without its interval, which is told in the line below."""
    return when.split(" [")[0]


def _how_sure(row: pd.Series) -> list[str]:
    low, high = (number(row[f"onset_{end}_e_per_A2"]) for end in ("low", "high"))
    if low is None or high is None:
        return ["The dose is not known: frames count from 1."]
    said = f"With 95 % confidence it began between {dose_text(low)} and {dose_text(high)} {UNIT}."
    if from_the_start(row):
        said = "It may have begun with the first electrons."
    scale = plain(row["dose_scale_sd_percent"], 2)
    if scale and scale != "0":
        said += f" The dose scale itself is known to ± {scale} %, which comes on top."
    if is_bound(row):
        said += (
            " Nobody said what the specimen had received before the record, so doses are lower "
            "bounds."
        )
    return [said]


def _change(result: Findings, row: pd.Series) -> str:
    said = f"{_capital(what_changed(result, row)).replace('|', ' or ')}."
    meaning = MEANINGS.get(word(row["interpretation"]), "")
    evidence = {
        "strong": "The evidence is strong: several reflections or signs agree.",
        "single": "The evidence is a single set of fringes, lost completely.",
    }.get(word(row["evidence"]), "")
    return " ".join(part for part in (said, meaning, evidence) if part)


def _survived(row: pd.Series) -> tuple[str, list[str]]:
    dose = number(row["survived_dose_e_per_A2"])
    loss = plain(row["detectable_loss_percent"], 2)
    if dose is None:
        frames = number(row["last_frame"])
        big = f"No lasting change in all {(frames or 0) + 1:.0f} frames"
    else:
        big = f"No lasting change up to {'≥ ' if is_bound(row) else ''}{dose_text(dose)} {UNIT}"
    return big, [f"A lasting loss of more than {loss} % would have been seen." if loss else ""]


def _sentence(words: str) -> str:
    return f"{_capital(words)}." if words else ""


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
