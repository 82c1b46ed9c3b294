"""How a run came about: conditions, calibrations, settings, versions, words for a paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from napari_beamwatch.movies.checklist import REPORTED, not_stated
from napari_beamwatch.results.report.citing import bibtex
from napari_beamwatch.results.report.doses import Row, number, plain, word
from napari_beamwatch.results.report.page import folded, paragraph, section, table, text
from napari_beamwatch.settings import Settings

UNITS = {
    "voltage_kV": "kV",
    "dose_rate_e_per_A2_s": "e/Å²/s",
    "last_dose_e_per_A2": "e/Å²",
    "temperature_C": "°C",
    "thickness_nm": "nm",
    "particle_size_nm": "nm",
    "pre_exposure_e_per_A2": "e/Å²",
}

BRIEFLY = ("compound", "imaging_mode", "voltage_kV", "temperature_C", "dose_rate_e_per_A2_s")

CALIBRATIONS = (
    ("pixel size", "pixel_size_A", "Å", "pixel_size"),
    ("dose of a frame", "frame_dose_e_per_A2", "e/Å²", "dose"),
    ("time of a frame", "frame_time_s", "s", "times"),
)
"""What is told of the movie: name, place in the record, unit, and whose word it is."""

CHOSEN = ("window", "step")
"""Settings that the movie decides where nobody does."""

PROVEN_ON = (
    "It is proven on simulated movies, not yet on a real dose series: look at the figure before "
    "you believe a number."
)


def stated(row: Row) -> list[str]:
    """The conditions that are known, in a few words each."""
    return [_value(name, row) for name in BRIEFLY if _value(name, row)]


def conditions(row: Row) -> str:
    """All that a study must report, and what of it nobody said."""
    rows = [(called, _value(name, row) or "not stated") for name, called in REPORTED.items()]
    missing = not_stated({str(name): value for name, value in row.items()})
    left = f"Not stated: {', '.join(missing)}." if missing else ""
    said = (
        "What a study of beam damage must report beside the dose (Bai et al., Joule 10, 102311, "
        "2026)."
    )
    return section(
        "Conditions",
        paragraph(said, "quiet"),
        table(("condition", "value"), rows),
        paragraph(left, "missing"),
    )


def recording(facts: Mapping[str, Any]) -> str:
    """The movie: how large, calibrated by whom, and its fingerprint."""
    origins = facts.get("origins") or {}
    size = tuple(plain(facts.get(name), 7) for name in ("frames", "height_px", "width_px"))
    rows = [("size", "{} frames of {} × {} px".format(*size), "")]
    rows += [
        (called, f"{plain(facts.get(name))} {unit}", word(origins.get(of)))
        for called, name, unit, of in CALIBRATIONS
        if number(facts.get(name)) is not None
    ]
    steps = facts.get("steps") or []
    if steps:
        rows.append(("cut and added up", "; ".join(_step(one) for one in steps), ""))
    if word(facts.get("gain")):
        rows.append(("gain reference", word(facts["gain"]), ""))
    return section(
        "Movie",
        table(("", "value", "says who"), [("name", word(facts.get("name")), ""), *rows]),
        paragraph(f"Doses: {word(facts.get('dose_source'))}."),
        paragraph(f"Fingerprint (BLAKE2b) {word(facts['hash'])}", "quiet")
        if word(facts.get("hash"))
        else "",
    )


def settings(used: Settings) -> str:
    """Settings that are not the default, and the others for who asks."""
    default = Settings()
    changed, same = [], []
    for field in fields(Settings):
        value, usual = getattr(used, field.name), getattr(default, field.name)
        said, name = _setting(field.name, value), field.name.replace("_", " ")
        if value == usual:
            same.append((name, said))
        else:
            by = "chosen from the movie" if field.name in CHOSEN else _setting(field.name, usual)
            changed.append((name, said, by))
    return section(
        "Settings",
        table(("setting", "this run", "if nobody says"), changed)
        or paragraph("All are as they are if nobody says anything."),
        folded(
            "All others, as they are if nobody says anything", table(("setting", "value"), same)
        ),
    )


def software(versions: Mapping[str, Any], written: str) -> str:
    """What computed it, and when."""
    rows = [(str(name), str(version)) for name, version in versions.items()]
    own = str(versions.get("napari-beamwatch", "of unknown version"))
    return section(
        "Software",
        paragraph(f"napari-beamwatch {own}, {written}. {PROVEN_ON}"),
        folded("Versions of everything", table(("package", "version"), rows)),
    )


def for_a_paper(methods: str, version: str) -> str:
    """The methods text and the reference, to be copied."""
    return section(
        "For your paper",
        paragraph("Methods, ready to copy:"),
        f"<blockquote>{text(methods)}</blockquote>" if methods else "",
        paragraph("How to cite:"),
        f"<pre>{_lines(bibtex(version))}</pre>",
    )


def _value(name: str, row: Row) -> str:
    """A condition with its unit, empty where nobody said."""
    value = row.get(name)
    return word(value) if number(value) is None else f"{plain(value)} {UNITS[name]}"


def _lines(many: str) -> str:
    return "\n".join(text(line) for line in many.splitlines())


def _step(one: Any) -> str:
    step, numbers = one
    return f"{step} {', '.join(str(n) for n in numbers)}"


def _setting(name: str, value: Any) -> str:
    """A setting in words."""
    if value is None:
        return "none"
    if name == "phases" and not value:
        return "all that are known"
    if isinstance(value, float):
        return "1/e" if np.isclose(value, np.exp(-1), rtol=1e-12) else f"{value:.6g}"
    if isinstance(value, tuple):
        if not value:
            return "none"
        if isinstance(value[0], str):
            return ", ".join(value)
        return f"{len(value)} given in run.json"
    return str(value)
