"""Doses that others have published, to be set beside one's own: like with like.

A limit at which a change became detectable, by whatever sign, is comparable with `detected`, and is
not above `lost`; one before which nothing changed with the onset, a conversion with the onset of a
new phase, a mass loss with that of mass. Temperature matters by orders of magnitude, dose rates and
specimens differ: read the row before quoting it.

References
----------
.. [1] T. Grant, N. Grigorieff, eLife 4 (2015) e06980: critical exposure of a protein.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from napari_beamwatch.errors import BeamwatchError

LIMITS: dict[str, str] = {
    "phase": "crystal structure, or what it was",
    "low_e_per_A2": "dose up to which it held; empty if only an upper bound is known",
    "high_e_per_A2": "dose at which it had gone; empty if it was never reached",
    "unit": "of both",
    "criterion_of_source": "what the source calls its limit",
    "compare_with": "dose of one's own to set beside it: detected, onset, new_phase or mass_loss",
    "status": "measured, interval, at_least (it held), at_most (gone before) or no_number",
    "temperature": "room or cryo",
    "temperature_C": "of the specimen; empty if the source does not say",
    "voltage_kV": "empty if the source does not say for this row",
    "dose_rate_low_e_per_A2_s": "of the recording; empty if unknown",
    "dose_rate_high_e_per_A2_s": "of the recording; empty if unknown",
    "specimen": "what was looked at",
    "citation": "where it is published",
    "derived": "whether the dose was computed from a time in the source",
    "note": "what else to know",
}

COLDEST_ROOM_C = -20.0
WARMEST_CRYO_C = -100.0

COMPARABLE = {
    "detected": "detected",
    "lost": "detected",
    "onset": "onset",
    "new_phase": "new_phase",
    "mass_loss": "mass_loss",
}
"""For each dose of one's own, what rows are to be compared with. What was detected by any sign lies
between one's own `detected` and `lost`."""


@cache
def _all() -> pd.DataFrame:
    path = files("napari_beamwatch.phases") / "data" / "limits.csv"
    with path.open("r", encoding="utf-8") as file:
        table = pd.read_csv(file, keep_default_na=False, na_values=[""])
    table["derived"] = table["derived"] == "yes"
    words = table.select_dtypes(object).columns
    table[words] = table[words].fillna("")
    return table[list(LIMITS)]


def published_limits(
    phase: str | None = None,
    temperature_C: float | None = None,  # noqa: N803
    criterion: str | None = None,
) -> pd.DataFrame:
    """Published limits that are comparable with what is asked for.

    Parameters
    ----------
    phase : str, optional
        Name, or several joined by "|".
    temperature_C : float, optional
        Of one's own specimen: rows at room temperature for above −20 °C, cryo rows for below
        −100 °C, none between.
    criterion : {"detected", "lost", "onset", "new_phase", "mass_loss"}, optional
        The dose of one's own that is to be compared; `lost` is an upper bound of what others
        detected.

    Returns
    -------
    DataFrame
        Columns of `LIMITS`; empty if nothing is comparable.
    """
    if criterion is not None and criterion not in COMPARABLE:
        raise BeamwatchError(
            f"published limits are comparable with {', '.join(COMPARABLE)}, not with {criterion!r}"
        )
    table = _all()
    kept = np.ones(len(table), bool)
    if phase is not None:
        kept &= table["phase"].isin(phase.split("|")).to_numpy()
    if temperature_C is not None:
        kept &= (table["temperature"] == regime(temperature_C)).to_numpy()
    if criterion is not None:
        kept &= (table["compare_with"] == COMPARABLE[criterion]).to_numpy()
    return table[kept].reset_index(drop=True)


def regime(temperature_C: float) -> str:  # noqa: N803
    """What a temperature is to the table of limits: room, cryo, or neither, which is empty."""
    if temperature_C >= COLDEST_ROOM_C:
        return "room"
    return "cryo" if temperature_C <= WARMEST_CRYO_C else ""


def critical_exposure(d_A: ArrayLike, voltage_kV: float = 300.0) -> NDArray[np.float64]:  # noqa: N803
    """Dose at which the power of a frozen protein falls to 1/e, in e/Å² [1]_.

    A line of reference in a plot over spacings, never a prior: crystals of salts or metals last
    for longer, or shorter, by orders of magnitude.

    Parameters
    ----------
    d_A : array
        Spacing in Å.
    voltage_kV : {300, 200}
        The curve was measured at 300 kV; at 200 kV it is 0.8 of that.
    """
    factors = {300.0: 1.0, 200.0: 0.8}
    if voltage_kV not in factors:
        raise BeamwatchError(f"the curve is known for 300 and 200 kV, not {voltage_kV!r}")
    d = np.asarray(d_A, np.float64)
    if not (np.isfinite(d) & (d > 0)).all():
        raise BeamwatchError("spacings are above 0 Å")
    curve: NDArray[np.float64] = factors[voltage_kV] * (0.24499 * d**1.6649 + 2.8141)
    return curve


def remaining_power(
    d_A: ArrayLike,  # noqa: N803
    dose_e_per_A2: ArrayLike,  # noqa: N803
    voltage_kV: float = 300.0,  # noqa: N803
) -> NDArray[np.float64]:
    """Part of a protein's power at a spacing that is left after a dose [1]_."""
    dose = np.asarray(dose_e_per_A2, np.float64)
    left: NDArray[np.float64] = np.exp(-dose / critical_exposure(d_A, voltage_kV))
    return left
