"""What a place tells of each measured dose: a dose, or between which doses it lies.

A place whose change was dated tells the dose itself. Its 95 % interval is no censoring interval
in the sense of Turnbull: both ends move with the dose they were measured about. Taken for one, an
interval that begins with the first electron and ends just above the onset pulls the whole curve
down; if half of the places are such, and the curve is the distribution F, to the square root of F.
The errors of single places are part of the scatter of movies, which is what intervals are made of.

On the left is what had changed before it could be seen, on the right what held, and between what
changed without that the dose asked for is known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from napari_beamwatch.campaign.runs import Run
from napari_beamwatch.errors import BeamwatchError


@dataclass(frozen=True)
class Measure:
    """A dose of a place.

    Attributes
    ----------
    column : str
        Where it stands in the table of places.
    words : str
        What it is, for people.
    """

    column: str
    words: str


MEASURES: dict[str, Measure] = {
    "onset": Measure("onset_dose_e_per_A2", "change began"),
    "detected": Measure("detected_dose_e_per_A2", "change detected"),
    "half_gone": Measure("half_dose_e_per_A2", "half of the lattice gone"),
}


def known_measure(name: str) -> str:
    """The name of a measure, refused where it is none."""
    if name not in MEASURES:
        raise BeamwatchError(f"{name!r} is no measure: known are {', '.join(MEASURES)}")
    return name


TOLD: dict[str, str] = {
    "movie": "name of the movie",
    "place": "number of the place",
    "crystal": "number of its crystal in the movie",
    "measure": "onset, detected or half_gone",
    "fate": "dated, before (it had changed by high), within (low and high), held (to low) or "
    "ambiguous (known to have held to low)",
    "low_e_per_A2": "dose to which the place is known not to have changed so far",
    "high_e_per_A2": "dose by which it had; empty if it never did",
    "share": "part of the lattice of its movie, by area",
}
"""Columns of what places tell."""


def told(run: Run, measure: str) -> pd.DataFrame:
    """What the places of a movie tell of a measure; those that tell nothing are left out."""
    table = run.places
    status = table["status"].to_numpy(object)
    column = {
        name: table[name].to_numpy(float, na_value=np.nan)
        for name in (
            MEASURES[measure].column, "onset_low_e_per_A2", "onset_high_e_per_A2",
            "survived_dose_e_per_A2", "held_until_e_per_A2",
        )
    }  # fmt: skip
    value = column[MEASURES[measure].column]
    onset_low, onset_high = column["onset_low_e_per_A2"], column["onset_high_e_per_A2"]
    survived, until = column["survived_dose_e_per_A2"], column["held_until_e_per_A2"]
    changed, started = status == "onset", status == "damaged_at_start"
    latest = np.where(np.isfinite(value), np.fmax(value, onset_high), onset_high)
    # What began with the first electron began at no dose that a logarithm has.
    early = (changed & (value <= run.first_dose)) | started
    dated = changed & np.isfinite(value) & ~early
    unreached = changed & np.isnan(value)
    # Half was never gone by the end; anything else happened, though nobody knows when.
    never = unreached if measure == "half_gone" else np.zeros(len(table), bool)
    within = unreached & ~never
    low = np.select(
        [dated, early, within, never, status == "survived"],
        [value, np.zeros(len(table)), onset_low, np.full(len(table), run.last_dose),
         np.where(np.isfinite(survived), survived, until)],
        until,
    )  # fmt: skip
    high = np.select(
        [dated, early, within], [value, latest, np.full(len(table), run.last_dose)], np.inf
    )
    fate = np.select(
        [dated, early, within, never | (status == "survived")],
        ["dated", "before", "within", "held"], "ambiguous",
    )  # fmt: skip
    share = table["area_nm2"].to_numpy(float, na_value=np.nan)
    share = share if np.isfinite(share).all() else table["n_windows"].to_numpy(float)
    rows = pd.DataFrame(
        {
            "movie": run.name, "place": table["place"], "crystal": table["crystal"],
            "measure": measure, "fate": fate, "low_e_per_A2": low, "high_e_per_A2": high,
            "share": share,
        }
    )  # fmt: skip
    known = np.isfinite(low) & ~np.isnan(high) & (high >= low) & (share > 0)
    rows = rows[known & (status != "no_lattice") & ((low > 0) | np.isfinite(high))]
    rows = rows.assign(share=rows["share"] / rows["share"].sum())
    return pd.DataFrame(rows.reset_index(drop=True))
