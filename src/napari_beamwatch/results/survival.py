"""How much of the lattice held to which dose: the answer of all places rather than of the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from napari_beamwatch.damage.course.estimate import NOTHING, Estimate
from napari_beamwatch.damage.field.survival import Survival, turnbull
from napari_beamwatch.results.fates import place_fates
from napari_beamwatch.results.findings import Findings

Row = pd.Series | Mapping[str, Any]


def place_survival(results: Findings | Sequence[Findings]) -> Survival | None:
    """Part of the lattice that is undamaged over the dose, by Turnbull.

    A dated place tells its onset; those that survived are censored at the dose they are known to
    have; those that were damaged from the first frame on had changed before the end of their
    interval; of one that cannot be told, what is known is the dose up to which it held.

    Parameters
    ----------
    results : Findings or sequence of Findings
        Of several movies the intervals respect that places of one share its beam.

    Returns
    -------
    Survival or None
        None where no place tells anything.
    """
    several = [results] if isinstance(results, Findings) else list(results)
    parts = [
        _fates(result.places, result.onsets.iloc[0]).assign(movie=i)
        for i, result in enumerate(several)
        if len(result.onsets)
    ]
    fates = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return _survival(fates, "movie" if len(several) > 1 else "crystal")


def median_place(places: pd.DataFrame, row: Row) -> Estimate:
    """Dose by which half of the lattice had changed, as the survival curve of a movie has it.

    Parameters
    ----------
    places : DataFrame
        As documented in `columns.PLACES`.
    row : Series or mapping
        Of the table of onsets: where the record begins and ends.
    """
    fates = _fates(places, row)
    found = _survival(fates, "crystal")
    if found is None:
        return NOTHING
    ends = found.median_low, found.median_high
    if len(fates) == 1 and np.isfinite(found.median):  # its own
        mine = places[places["place"] == fates["place"].iloc[0]].iloc[0]
        ends = mine["onset_low_e_per_A2"], mine["onset_high_e_per_A2"]
    return Estimate(found.median, *map(float, ends))


def _survival(fates: pd.DataFrame, cluster: str) -> Survival | None:
    if not len(fates):
        return None
    return turnbull(fates.low_e_per_A2, fates.high_e_per_A2, fates.share, fates[cluster])


def _fates(places: pd.DataFrame, row: Row) -> pd.DataFrame:
    """What the places of a part tell of their onsets."""
    before, last = row["pre_exposure_e_per_A2"], row["last_dose_e_per_A2"]
    return place_fates(
        places,
        first_dose=0.0 if pd.isna(before) else float(before),
        last_dose=np.nan if pd.isna(last) else float(last),
    )
