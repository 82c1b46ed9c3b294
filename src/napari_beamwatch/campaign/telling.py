"""What a campaign says, as a page a person reads."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd

from napari_beamwatch.campaign.between import dose_text
from napari_beamwatch.campaign.measures import MEASURES, known_measure
from napari_beamwatch.campaign.tables import CampaignTables
from napari_beamwatch.harmless import printable
from napari_beamwatch.quantities import counted

WIDTH = 96


def in_words(campaign: CampaignTables, measure: str | None = None) -> str:
    """Groups, ratios and what the dose goes with, of one measure, and what to be wary of."""
    measure = known_measure(campaign.measure if measure is None else measure)
    lines = [f"{measure.replace('_', ' ')} ({MEASURES[measure].words}), e/Å², 95 % between movies"]
    for _, row in _of(campaign.summary, measure).iterrows():
        seconds = float(row["median_time_s"])
        time = (
            f" = {dose_text(seconds)} s at {campaign.dose_rate:.3g} e/Å²/s" if seconds > 0 else ""
        )
        scale = float(row["dose_scale_sd_percent"])
        dose_scale = f", dose scale ± {scale:.2g} %" if np.isfinite(scale) else ""
        counts = ", ".join(
            counted(int(row[f"{one}s"]), one) for one in ("movie", "crystal", "place")
        )
        lines += [
            _filled(f"{row['group']}: ", f"median {row['median_words']}{time} · a tenth gone "
                    f"{row['gone_10_words']} · {counts}{dose_scale}")
        ]  # fmt: skip
        if row["remark"]:
            lines.append(_filled("    ", str(row["remark"])))
    compared = _of(campaign.comparisons, measure)
    # What one compound does under two conditions is the question; all pairs are in the table.
    if campaign.by != ("compound",):
        compared = compared[compared["varied"] != "compound"]
    for _, row in compared.iterrows():
        chance = ""
        if pd.notna(row["p_permutation"]):
            chance = (
                f" · p = {row['p_permutation']:.2g} (movies permuted, {row['least_p']:.2g} at "
                f"best), log-rank p = {row['p_logrank']:.2g}"
            )
        elif "no interval" not in row["words"]:
            chance = " · no p: a group has one movie"
        lines.append(_filled(f"{row['above']} / {row['below']}: ", f"{row['words']}{chance}"))
    for _, row in _of(campaign.regression, measure).iterrows():
        name = f"{row['compound'] or 'all'}, {row['condition']}: "
        if pd.isna(row["value"]):
            lines.append(_filled(name, str(row["words"])))
            continue
        unit = f" {row['unit']}" if row["unit"] else ""
        lines.append(
            _filled(name, f"{row['coefficient']} = {row['value']:.3g} [{row['low']:.3g} to "
                    f"{row['high']:.3g}]{unit}, {row['words']}")
        )  # fmt: skip
    lines += [
        _filled(f"{row['group']}, ", str(row["words"])) for _, row in campaign.phases.iterrows()
    ]
    lines += [_filled("note: ", note) for note in campaign.notes]
    return "\n".join(lines)


def _of(table: pd.DataFrame, measure: str) -> pd.DataFrame:
    return pd.DataFrame(table[table["measure"] == measure])


def _filled(label: str, text: str) -> str:
    return textwrap.fill(
        printable(label) + printable(text), WIDTH, initial_indent="  ", subsequent_indent="    "
    )
