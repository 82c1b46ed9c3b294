"""Frames of a plateau that no dip holds: a curve is told relative to them, as its fit is."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_beamwatch.regions import FIELD

DIPS = ("settling", "recovered")

FEWEST = 3
"""Frames that a plateau is the mean of, at the least."""


def calm(rows: pd.DataFrame, events: pd.DataFrame, plateau: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Those frames of a plateau that lie in no dip; all of them where too few would be left.

    Parameters
    ----------
    rows : DataFrame
        Of one trace, in the order of its frames, as documented in `columns.TRACES`.
    events : DataFrame
        As documented in `columns.EVENTS`; those of the field, and of the region of the trace.
    plateau : array of bool
        Of `rows`.
    """
    here = events["region"].isin([FIELD, *rows["region"].unique()]) & events["kind"].isin(DIPS)
    dose, left = rows["dose_e_per_A2"].to_numpy(np.float64), plateau.copy()
    for event in events[here].itertuples():
        left &= ~((event.dose_from_e_per_A2 <= dose) & (dose <= event.dose_to_e_per_A2))
    return left if left.sum() >= FEWEST else plateau
