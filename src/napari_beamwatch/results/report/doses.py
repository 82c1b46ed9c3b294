"""Doses and numbers of a row of a table, as they are read by people."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

import pandas as pd

from napari_beamwatch.quantities import dose_text

Row: TypeAlias = "Mapping[Any, Any] | pd.Series"
"""Of a table, by its columns."""


def number(value: Any) -> float | None:
    """A number, None where a table or a record has none."""
    if isinstance(value, str | bool) or value is None:
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):  # NA of pandas
        return None
    return found if math.isfinite(found) else None


def word(value: Any) -> str:
    """Words of a table, empty where it has none."""
    return value if isinstance(value, str) else ""


def dose(row: Row, name: str, *, bound: bool = False) -> str:
    """A dose with the 95 % interval it has, without its unit; empty where it is not known.

    Parameters
    ----------
    row : mapping
        Of a table, or a summary.
    name : str
        Of the column without its unit: ``onset_dose``.
    bound : bool
        Doses are lower bounds.
    """
    stem = name.removesuffix("_dose") if name in ("onset_dose", "threshold_dose") else name
    value, low, high = (
        number(row.get(f"{one}_e_per_A2")) for one in (name, f"{stem}_low", f"{stem}_high")
    )
    if value is None:
        return ""
    said = f"{'≥ ' if bound else ''}{dose_text(value)}"
    if low is None:
        return said
    return f"{said} [{f'≥ {dose_text(low)}' if high is None else between(low, high)}]"


def between(low: float, high: float) -> str:
    """An interval of doses."""
    return f"{dose_text(low)}–{dose_text(high)}"


def onset(row: Row) -> str:
    """When a row says that the change began: a dose, what it lies before, or a frame from 1."""
    low, high = (number(row.get(f"onset_{end}_e_per_A2")) for end in ("low", "high"))
    if number(row.get("onset_dose_e_per_A2")) is None:
        frame = number(row.get("onset_frame"))
        return "" if frame is None else f"frame {frame + 1:.0f}"
    if from_the_start(row) and high is not None and low is not None:
        return f"before {dose_text(high)}"
    return dose(row, "onset_dose", bound=is_bound(row))


def from_the_start(row: Row) -> bool:
    """Whether no undamaged plateau is proven: the interval begins with the record."""
    low = number(row.get("onset_low_e_per_A2"))
    return low is not None and low <= (number(row.get("pre_exposure_e_per_A2")) or 0.0)


def is_bound(row: Row) -> bool:
    """Whether doses are lower bounds, since nobody knows what came before the record."""
    known = number(row.get("pre_exposure_e_per_A2")) is not None
    return not known and number(row.get("last_dose_e_per_A2")) is not None


def plain(value: Any, digits: int = 4) -> str:
    """A number in few digits; empty where there is none."""
    found = number(value)
    return "" if found is None else f"{found:.{digits}g}"


def phases(value: Any) -> str:
    """Phases that cannot be told apart, joined by a word."""
    return word(value).replace("|", " or ")
