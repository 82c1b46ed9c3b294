"""What a study of beam damage must report of a recording, and what of it nobody said.

Bai et al., Joule 10 (2026) 102311, ask for accelerating voltage, dose rate, cumulative dose,
imaging mode, temperature, thickness, particle size, preparation and storage, vacuum and transfer,
and pre-exposure; the compound stands beside them, since an onset without one is of nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from napari_beamwatch.movies.conditions import Conditions
from napari_beamwatch.movies.movie import Movie

LOW_DOSE_RATE = 100.0
"""e/Å²/s below which a recording is called low-dose (Bai et al., figure 5)."""

REPORTED: dict[str, str] = {
    "compound": "compound",
    "voltage_kV": "voltage",
    "dose_rate_e_per_A2_s": "dose rate",
    "last_dose_e_per_A2": "cumulative dose",
    "imaging_mode": "imaging mode",
    "temperature_C": "temperature",
    "thickness_nm": "thickness",
    "particle_size_nm": "particle size",
    "preparation": "preparation",
    "transfer": "transfer",
    "pre_exposure_e_per_A2": "pre-exposure",
}
"""Columns of ``onsets.csv`` that hold what must be reported, and what each is called."""


def reported_conditions(conditions: Conditions) -> dict[str, Any]:
    """Conditions in the columns of ``onsets.csv``; None where nobody said.

    Storage goes with the preparation, the vacuum with the transfer; elements stand for a compound
    that was not named.
    """
    return {
        "voltage_kV": conditions.voltage_kV,
        "temperature_C": conditions.temperature_C,
        "compound": conditions.compound or conditions.elements,
        "imaging_mode": conditions.imaging_mode,
        "thickness_nm": conditions.thickness_nm,
        "particle_size_nm": conditions.particle_size_nm,
        "preparation": _joined(conditions.preparation, conditions.storage),
        "transfer": _joined(conditions.transfer, conditions.vacuum),
    }


def reported(movie: Movie) -> dict[str, Any]:
    """All that must be reported, as it is known of a movie, by the names of `REPORTED`."""
    known = {
        **reported_conditions(movie.conditions),
        "dose_rate_e_per_A2_s": movie.dose_rate,
        "last_dose_e_per_A2": None if movie.dose is None else float(movie.dose[-1]),
        "pre_exposure_e_per_A2": movie.pre_exposure,
    }
    return {name: known[name] for name in REPORTED}


def not_stated(known: Mapping[str, Any]) -> list[str]:
    """What must be reported and is not known, by its name.

    Parameters
    ----------
    known : mapping
        By the names of `REPORTED`: of `reported`, or a row of the table of onsets.
    """
    return [word for name, word in REPORTED.items() if _is_gap(known.get(name))]


def is_low_dose(rate: float | None) -> bool | None:
    """Whether a dose rate in e/Å²/s is a low one; None if it is not known."""
    return None if _is_gap(rate) or rate is None else rate < LOW_DOSE_RATE


def _joined(*said: str | None) -> str | None:
    return "; ".join(word for word in said if word) or None


def _is_gap(value: Any) -> bool:
    """Whether nothing was said: in a table that is NaN, NA or an empty word."""
    if value is None or isinstance(value, str):
        return not value
    try:
        return math.isnan(value)
    except TypeError:  # NA of pandas is no number
        return True
