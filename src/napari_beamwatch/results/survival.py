"""How much of the lattice held to which dose: the answer of all places rather than of the first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from napari_beamwatch.damage.field.survival import Survival, turnbull
from napari_beamwatch.results.fates import place_fates
from napari_beamwatch.results.findings import Findings


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
    parts = [_fates(result).assign(movie=i) for i, result in enumerate(several)]
    fates = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    if not len(fates):
        return None
    cluster = fates.movie if len(several) > 1 else fates.crystal
    return turnbull(fates.low_e_per_A2, fates.high_e_per_A2, fates.share, cluster)


def _fates(result: Findings) -> pd.DataFrame:
    """What the places of a field tell of their onsets."""
    if not len(result.onsets):
        return pd.DataFrame()
    field = result.onsets.iloc[0]
    before, last = field["pre_exposure_e_per_A2"], field["last_dose_e_per_A2"]
    return place_fates(
        result.places,
        first_dose=0.0 if pd.isna(before) else float(before),
        last_dose=np.nan if pd.isna(last) else float(last),
    )
