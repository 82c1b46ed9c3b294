"""What the table of spots says of each: cells, tooltips, and rows to copy. No Qt."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

OVERLINE = "\u0304"
"""Stands after the digit that it is drawn over."""


class Cell(NamedTuple):
    """Words, what is said when the mouse rests on them, and what they are sorted by."""

    words: str
    tip: str
    key: float | str


def headings(spots: pd.DataFrame) -> list[tuple[str, str]]:
    """Name of each column, and what is said of it."""
    unit, where = ("px", "pixels: the pixel size is not known") if in_px(spots) else ("Å", "Å")
    return [
        ("spot", "Number of the spot. Its dot, or Space, hides it or shows it again."),
        (f"d ({unit})", f"Spacing ± standard error in {where}"),
        ("angle", "Of the direction of g in degrees, counter-clockwise from +x, in (−90°, 90°]"),
        ("SNR", "Power over the noise floor, less one, where it is highest: a ratio, no unit"),
        ("phase", "Phase and indices that fit best; “…” where others fit as well"),
    ]


def in_px(spots: pd.DataFrame) -> bool:
    """Whether spacings are known in pixels only."""
    return bool(len(spots)) and bool(spots["d_A"].isna().all())


def cells(row: Mapping[str, Any]) -> list[Cell]:
    """What stands in a row."""
    if pd.isna(row["d_A"]):
        d = Cell(f"{row['d_px']:.2f}", "in pixels: the pixel size is not known", row["d_px"])
    else:
        error = row["d_se_A"]
        places = 3 if pd.isna(error) or error >= 0.001 else 4
        words = f"{row['d_A']:.{places}f}" + ("" if pd.isna(error) else f" ± {error:.{places}f}")
        d = Cell(words, "Å ± standard error, that of the pixel size apart", row["d_A"])
    angle = f"{row['angle_deg']:.1f}°".replace("-", "−")
    return [
        Cell(str(int(row["spot"]) + 1), "", float(row["spot"])),
        d,
        Cell(angle, "counter-clockwise from +x", row["angle_deg"]),
        Cell(f"{row['snr']:.0f}", "over the noise floor where it is highest", row["snr"]),
        _phase(row),
    ]


def _phase(row: Mapping[str, Any]) -> Cell:
    if pd.isna(row["phase"]):
        return Cell("–", "no phase that is known fits", "")
    indices = "" if pd.isna(row["hkl"]) else overlined(str(row["hkl"]))
    phases = str(row["phase"]).split("|")
    best = phases[0] + ("…" if len(phases) > 1 else "")
    tip = f"{phases[0]} {indices}".strip()
    if len(phases) > 1:
        tip = f"{tip}\ncannot be told apart, best first:\n" + "\n".join(phases)
    return Cell(f"{best} {indices}".strip(), tip, f"{best} {indices}")


def overlined(hkl: str) -> str:
    """Indices of a reflection with each minus as a bar over the digit."""
    # Where an index has two digits, blanks part them.
    number = r"-(\d+)" if " " in hkl else r"-(\d)"
    return re.sub(number, lambda found: "".join(f"{d}{OVERLINE}" for d in found[1]), hkl)


def as_text(spots: pd.DataFrame) -> str:
    """Rows to paste into a spreadsheet: tabs between columns, units in the header."""
    d, error = ("d_px", None) if in_px(spots) else ("d_A", "d_se_A")
    unit = "Å" if error else "px"
    table = pd.DataFrame(
        {
            "spot": spots["spot"].astype(int) + 1,
            f"d ({unit})": spots[d].map("{:.5g}".format),
            "standard error of d (Å)": "" if error is None else spots[error].map("{:.2g}".format),
            "angle (°)": spots["angle_deg"].map("{:.2f}".format),
            "SNR": spots["snr"].map("{:.1f}".format),
            "phase": spots["phase"],
            "hkl": spots["hkl"],
        }
    )
    text: str = table.to_csv(sep="\t", index=False, lineterminator="\n")
    return text
