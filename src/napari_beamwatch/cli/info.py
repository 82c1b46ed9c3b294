"""``beamwatch info``: what a movie is, in words or JSON."""

from __future__ import annotations

import json
import textwrap
from typing import Any

from napari_beamwatch.harmless import printable
from napari_beamwatch.movies import open_movie
from napari_beamwatch.movies.description import describe

UNITS = {"kV": "kV", "C": "°C", "nm": "nm", "deg": "°"}
"""Of conditions, as their names end and as they are shown."""


def info(file: str, *, as_json: bool, sidecars: bool = True, known_ring: str | None = None) -> None:
    """Print what is known about a movie, and the camera constant that a known ring tells."""
    movie = open_movie(file, sidecars=sidecars)
    facts = describe(movie)
    told = None
    if known_ring is not None:
        # What looks for rings takes a moment to import.
        from napari_beamwatch.analysis.patterns.calibrating import (
            camera_constant_from_ring,
            read_standard,
        )

        told = camera_constant_from_ring(movie, *read_standard(known_ring))
        facts |= {"camera_constant_A_px": told.value, "camera_constant_se_A_px": told.se}
    if as_json:
        print(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    print(in_words(facts))
    if told is not None:
        print(printable(f"camera constant {told.words}"))


def in_words(facts: dict[str, Any]) -> str:
    """The facts of `describe` as a page a person reads."""
    origins = facts["origins"]
    field = facts["field_nm"]
    rows = [
        (
            "frames",
            f"{facts['frames']} of {facts['height_px']} × {facts['width_px']} px, "
            f"{facts['dtype']}, {_bytes(facts['bytes'])}",
            "",
        ),
        (
            "pixel size",
            _number(facts["pixel_size_A"], "Å")
            + (f" (field {field[1]:.4g} × {field[0]:.4g} nm)" if field else ""),
            origins.get("pixel_size", ""),
        ),
        (
            "dose",
            _number(facts["frame_dose_e_per_A2"], "e/Å² a frame")
            + (
                f", {facts['total_dose_e_per_A2']:.4g} e/Å² in all"
                if facts["total_dose_e_per_A2"] is not None
                else ""
            ),
            facts["dose_source"] if facts["total_dose_e_per_A2"] is not None else "",
        ),
        (
            "dose rate",
            _number(facts["dose_rate_e_per_A2_s"], "e/Å²/s")
            + (" (low dose)" if facts["low_dose"] else ""),
            "",
        ),
        (
            "pre-exposure",
            _number(facts["pre_exposure_e_per_A2"], "e/Å²"),
            origins.get("pre_exposure", ""),
        ),
        (
            "time",
            _number(facts["frame_time_s"], "s a frame")
            + (f", {facts['duration_s']:.4g} s in all" if facts["duration_s"] else ""),
            origins.get("times", ""),
        ),
        (
            "counts",
            _number(facts["mean_counts_per_px"], "a pixel and frame"),
            facts["counting_seen"] or "",
        ),
    ]
    for name, value in facts["conditions"].items():
        label, _, unit = name.partition("_")
        known = unit in UNITS
        text = f"{value:g}" if isinstance(value, float) else str(value)
        rows.append(
            (
                label if known else name.replace("_", " "),
                f"{text} {UNITS[unit]}" if known else text,
                origins.get(name, ""),
            )
        )
    width = max(len(name) for name, _, _ in rows)
    lines = [printable(facts["source"])]
    for name, value, origin in rows:
        said = f"  {name:<{width}}  {value}" + (f"  [{origin}]" if origin else "")
        lines.append(printable(said))
    if facts["not_stated"]:
        lines.append(f"  not stated: {', '.join(facts['not_stated'])}")
    for title, sentences in (("notes", facts["notes"]), ("warnings", facts["warnings"])):
        if sentences:
            lines.append(title)
            lines += [
                textwrap.fill(
                    printable(sentence), 96, initial_indent="  - ", subsequent_indent="    "
                )
                for sentence in sentences
            ]
    return "\n".join(lines)


def _number(value: float | None, unit: str) -> str:
    return "unknown" if value is None else f"{value:.4g} {unit}"


def _bytes(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"
