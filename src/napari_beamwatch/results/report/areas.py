"""How much of the field each phase had over the dose: a drawing, and the numbers of it."""

from __future__ import annotations

import pandas as pd

from napari_beamwatch.results.areas import NAMES
from napari_beamwatch.results.findings import Findings
from napari_beamwatch.results.report.doses import phases, plain, word
from napari_beamwatch.results.report.page import figure, paragraph, section, table

TITLE = "How much of the field each phase has"

CAPTION = (
    "Area of each phase over the dose, with standard errors, in percent of the field that windows "
    "saw; what shows no lattice is amorphous, turned out of view, or of grains too small."
)

STEADY = 5.0
"""Percent that no phase gains or loses: there is nothing to draw."""


def areas(result: Findings) -> str:
    """The section of areas; nothing where none was measured."""
    rows = result.phase_area
    seen = rows[rows["area_percent"].notna()]
    if not len(seen):
        return ""
    said = [_row(name, mine) for name, mine in seen.groupby("phase", sort=False)]
    said += [
        (phases(row["phase"]), "not seen", "", "", f"< {plain(row['area_limit_percent'], 2)}")
        for _, row in rows[rows["area_percent"].isna()].iterrows()
        if plain(row["area_limit_percent"])
    ]
    return section(
        TITLE,
        figure(_drawn(result, seen), "areas of phases over the dose", CAPTION),
        table(("phase", "at first, %", "at most, %", "at last, %", "upper limit (95 %), %"), said,
              "all are in phase_area.csv"),
        paragraph(
            "The limit of a phase that was not seen is that of one piece of it in a zone that "
            "shows its strongest reflections, away from those of the others; smaller pieces, or "
            "others turned away, may hide.",
            "quiet",
        ) if len(said) > seen["phase"].nunique() else "",
    )  # fmt: skip


def _row(name: object, rows: pd.DataFrame) -> tuple[str, ...]:
    area, error = (rows[f"area{end}_percent"] for end in ("", "_se"))
    return (
        NAMES.get(word(name), phases(name)),
        *(
            f"{area.iloc[i]:.0f} ± {error.iloc[i]:.1f}"
            for i in (0, int(area.to_numpy().argmax()), -1)
        ),
        "",
    )


def _drawn(result: Findings, seen: pd.DataFrame) -> bytes | None:
    by = seen.groupby("phase")["area_percent"]
    if (by.max() - by.min()).max() < STEADY:
        return None
    from napari_beamwatch.results.figure.chain import chain_png  # matplotlib is slow to import

    return chain_png(result)
