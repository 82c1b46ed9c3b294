"""What the table of areas of phases says, for drawings and pages."""

from __future__ import annotations

import pandas as pd

REST = "none"
"""What shows no lattice."""

NAMES = {REST: "no lattice seen", "unknown": "a lattice of no known phase"}
"""In place of those of the table."""

SMALLEST = 2.0
"""Percent that a phase must have had to be one of those that lead."""


def leading_phases(table: pd.DataFrame, most: int) -> list[str]:
    """The phases of the largest areas in the order in which they follow each other."""
    seen = table[table["area_percent"].notna() & (table["phase"] != REST)]
    if not len(seen):
        return []
    highest = seen.groupby("phase")["area_percent"].max()
    kept = highest[highest >= SMALLEST].nlargest(most).index
    fullest = {
        name: int(rows["area_percent"].to_numpy().argmax())
        for name, rows in seen[seen["phase"].isin(kept)].groupby("phase")
    }
    return sorted(map(str, kept), key=lambda name: (fullest[name], -highest[name]))


def limits_said(table: pd.DataFrame) -> list[str]:
    """Of phases that were looked for and not seen, the smallest limits first: Na2O < 3 %."""
    unseen = table[table["area_percent"].isna() & table["area_limit_percent"].notna()]
    rows = unseen.sort_values("area_limit_percent", kind="stable")
    return [
        f"{name} < {limit:.2g} %"
        for name, limit in zip(rows["phase"], rows["area_limit_percent"], strict=True)
    ]
