"""How much of the lattice held to which dose: the answer of all places rather than of the first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from napari_beamwatch.damage.survival import Survival, turnbull
from napari_beamwatch.results.findings import Findings


def place_survival(results: Findings | Sequence[Findings]) -> Survival | None:
    """Part of the lattice that is undamaged over the dose, by Turnbull.

    Places that survived are censored at the dose they are known to have; those that were damaged
    from the first frame on had changed before the end of their interval; of one that cannot be
    told, what is known is the dose up to which it held.

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
    return turnbull(fates.low, fates.high, fates.share, cluster)


def _fates(result: Findings) -> pd.DataFrame:
    """Doses between which the places of a field changed."""
    table = result.places
    column = {
        name: table[f"{name}_e_per_A2"].to_numpy(float)
        for name in ("onset_low", "onset_high", "survived_dose", "held_until")
    }
    status = table.status.to_numpy(object)
    changed, started = status == "onset", status == "damaged_at_start"
    held = np.where(status == "survived", column["survived_dose"], column["held_until"])
    low = np.where(changed, column["onset_low"], np.where(started, 0.0, held))
    high = np.where(changed | started, column["onset_high"], np.inf)
    share = table.area_nm2.to_numpy(float)
    share = np.where(np.isfinite(share), share, table.n_windows.to_numpy(float))
    fates = pd.DataFrame({"low": low, "high": high, "share": share, "crystal": table.crystal})
    known = np.isfinite(low) & ~np.isnan(high) & (share > 0) & (status != "no_lattice")
    return pd.DataFrame(fates[known])
