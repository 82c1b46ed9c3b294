"""How many crystals held to which dose: the answer of many rather than of the first."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from napari_beamwatch.damage.survival import Survival, kaplan_meier
from napari_beamwatch.regions import FIELD
from napari_beamwatch.results.findings import Findings


def crystal_survival(
    results: Findings | Sequence[Findings], region: str = FIELD
) -> Survival | None:
    """Part of the crystals that is undamaged over the dose, by Kaplan and Meier.

    Crystals that survived are censored at the dose they are known to have; those that were damaged
    from the first frame on count as damaged at the dose that frame began with. Ambiguous ones tell
    neither, and are left out.

    Parameters
    ----------
    results : Findings or sequence of Findings
        Of several movies the intervals respect that crystals of one share its beam.
    region : str

    Returns
    -------
    Survival or None
        None where no crystal tells anything.
    """
    several = [results] if isinstance(results, Findings) else list(results)
    parts = [_fates(result, region).assign(movie=i) for i, result in enumerate(several)]
    fates = pd.concat(parts) if parts else pd.DataFrame()
    if not len(fates):
        return None
    return kaplan_meier(fates.dose, fates.damaged, fates.movie)


def _fates(result: Findings, region: str) -> pd.DataFrame:
    """Dose and fate of the crystals of a region."""
    table = result.crystals[result.crystals.region == region]
    first = 0.0
    if result.movie is not None and result.movie.dose_start is not None:
        first = float(result.movie.dose_start[result.movie.lit][0])
    doses = {
        "onset": table.onset_dose_e_per_A2,
        "survived": table.survived_dose_e_per_A2,
        "damaged_at_start": pd.Series(first, table.index, float),
    }
    dose = pd.Series(float("nan"), table.index, float)
    for status, values in doses.items():
        dose = dose.where(table.status != status, values.astype(float))
    fates = pd.DataFrame({"dose": dose, "damaged": table.status != "survived"})
    return fates[fates.dose.notna()]
