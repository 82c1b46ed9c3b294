"""The answer of an analysis as a person reads it on a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from napari_beamwatch.harmless import printable
from napari_beamwatch.quantities import dose_text

WIDTH = 96


def print_answer(summary: Mapping[str, Any]) -> None:
    """Print a `Result.summary`."""
    print(in_words(summary))


def in_words(summary: Mapping[str, Any]) -> str:
    """A `Result.summary` as lines."""
    lines = [printable(f"{summary['movie'] or 'movie'}: {summary['answer']}")]
    if summary.get("course"):
        lines.append(_filled("", summary["course"]))
    if summary.get("why") and summary["why"] not in summary["answer"]:
        lines.append(_filled("why: ", summary["why"]))
    threshold, status = (summary.get(f"threshold_{name}") for name in ("dose_e_per_A2", "status"))
    if threshold is not None:
        low, high = (summary.get(f"threshold_{end}_e_per_A2") for end in ("low", "high"))
        within = ""
        if low is not None and high is not None:
            within = f" [{dose_text(low, 4)}–{dose_text(high, 4)}]"
        of = f"({summary['threshold_criterion']})"
        lines.append(f"  your threshold: {dose_text(threshold, 4)}{within} e/Å² {of}")
    elif status:
        lines.append(f"  your threshold: {status.replace('_', ' ')}")
    if summary.get("stop"):
        lines.append(f"  {summary['stop']}")
    lines += [f"  {printable(said)}" for said in summary["regions"].values()]
    if summary.get("low_dose"):
        lines.append(f"  low dose: {summary['dose_rate_e_per_A2_s']:.3g} e/Å²/s")
    if summary.get("not_stated"):
        lines.append(_filled("not stated: ", ", ".join(summary["not_stated"])))
    lines += [_filled("warning: ", said) for said in summary.get("warnings", ())]
    return "\n".join(lines)


def _filled(label: str, text: str) -> str:
    return textwrap.fill(
        label + printable(text), WIDTH, initial_indent="  ", subsequent_indent="    "
    )
