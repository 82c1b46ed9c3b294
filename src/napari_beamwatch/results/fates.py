"""What a place tells of a dose at which something happens: the dose, or between which it lies.

A place whose change was dated tells the dose itself. Its 95 % interval is no censoring interval
in the sense of Turnbull: both ends move with the dose they were measured about. Taken for one, an
interval that begins with the first electron and ends just above the onset pulls the whole curve
down; if half of the places are such, and the curve is the distribution F, to the square root of F.
The errors of single places are part of the scatter of crystals and movies, which is what intervals
are made of.

On the left is what had changed before it could be seen, on the right what held, and between what
changed without that the dose asked for is known.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

ONSET, HALF_GONE = "onset_dose_e_per_A2", "half_dose_e_per_A2"

FATE = (
    "dated, before (it had changed by high), within (low and high), held (to low) or "
    "ambiguous (known to have held to low)"
)
"""What became of a place, for tables."""


def place_fates(
    table: pd.DataFrame, dose: str = ONSET, first_dose: float = 0.0, last_dose: float = np.nan
) -> pd.DataFrame:
    """Between which doses something happened to each place; those that tell nothing are left out.

    Parameters
    ----------
    table : DataFrame
        Columns as documented in `columns.PLACES`.
    dose : str
        The column in which a dated place has its dose.
    first_dose, last_dose : float
        Where the record begins and ends, e/Å².

    Returns
    -------
    DataFrame
        ``place``, ``crystal``, ``fate``, ``low_e_per_A2``, ``high_e_per_A2``, and ``share``, the
        area each stands for (windows where no area is known).
    """
    status = table["status"].to_numpy(object)
    value, onset_low, onset_high, survived, until = (
        table[f"{name}_e_per_A2"].to_numpy(float, na_value=np.nan)
        for name in (
            dose.removesuffix("_e_per_A2"), "onset_low", "onset_high", "survived_dose", "held_until"
        )
    )  # fmt: skip
    changed, started = status == "onset", status == "damaged_at_start"
    latest = np.where(np.isfinite(value), np.fmax(value, onset_high), onset_high)
    # What began with the first electron began at no dose that a logarithm has.
    early = (changed & (value <= first_dose)) | started
    dated = changed & np.isfinite(value) & ~early
    unreached = changed & np.isnan(value)
    # Half was never gone by the end; anything else happened, though nobody knows when.
    never = unreached if dose == HALF_GONE else np.zeros(len(table), bool)
    within = unreached & ~never
    low = np.select(
        [dated, early, within, never, status == "survived"],
        [value, np.zeros(len(table)), onset_low, np.full(len(table), last_dose),
         np.where(np.isfinite(survived), survived, until)],
        until,
    )  # fmt: skip
    high = np.select(
        [dated, early, within], [value, latest, np.full(len(table), last_dose)], np.inf
    )
    fate = np.select(
        [dated, early, within, never | (status == "survived")],
        ["dated", "before", "within", "held"], "ambiguous",
    )  # fmt: skip
    share = table["area_nm2"].to_numpy(float, na_value=np.nan)
    share = share if np.isfinite(share).all() else table["n_windows"].to_numpy(float)
    rows = pd.DataFrame(
        {
            "place": table["place"], "crystal": table["crystal"], "fate": fate,
            "low_e_per_A2": low, "high_e_per_A2": high, "share": share,
        }
    )  # fmt: skip
    known = np.isfinite(low) & ~np.isnan(high) & (high >= low) & (share > 0)
    known &= (status != "no_lattice") & ((low > 0) | np.isfinite(high))
    return pd.DataFrame(rows[known].reset_index(drop=True))


def as_changed(rows: pd.DataFrame) -> pd.DataFrame:
    """What places tell if the ambiguous ones changed as soon as they are not known to have held.

    They may as well have held on, which is how they stand in the table: the truth lies between.
    """
    unsure = rows["fate"] == "ambiguous"
    return rows.assign(high_e_per_A2=rows["high_e_per_A2"].mask(unsure, rows["low_e_per_A2"]))
