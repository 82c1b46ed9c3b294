"""Movies that belong together: those of the same conditions, each told in words.

Temperatures are room or cryogenic as the published limits know them. Other numbers belong together
while the greatest is below 1.5 times the least: dose rates of 8 and 9 are one condition, and no
edge of a bin that nobody asked for runs between them. High tensions are a matter of kV.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from napari_beamwatch.campaign.runs import Run
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.phases.limits import regime

WORDED = ("compound", "imaging_mode", "preparation", "transfer")
NUMBERED = {
    "temperature_C": "°C",
    "voltage_kV": "kV",
    "dose_rate_e_per_A2_s": "e/Å²/s",
    "thickness_nm": "nm",
    "particle_size_nm": "nm",
}
CONDITIONS = (*WORDED, *NUMBERED)
"""Columns of ``onsets.csv`` that movies are grouped by."""

WARMEST_ROOM_C = 60.0
ALIKE = 1.5
"""Ratio up to which numbers are one condition."""


@dataclass(frozen=True, eq=False)
class Group:
    """Movies of the same conditions.

    Attributes
    ----------
    values : dict of str to str
        What each condition is, in words.
    runs : tuple of Run
    """

    values: dict[str, str]
    runs: tuple[Run, ...]

    @property
    def words(self) -> str:
        """The conditions as people tell them."""
        return ", ".join(self.values.values()) or "all movies"

    def number(self, condition: str) -> float:
        """Middle of a condition that is a number; NaN if nobody said."""
        told = [run.number(condition) for run in self.runs]
        return float(np.nanmedian(told)) if np.isfinite(told).any() else float("nan")


def condition_named(name: str) -> str:
    """A condition by its column, or by that without its unit."""
    asked = name.strip()
    for column in CONDITIONS:
        if asked in (column, short_name(column)):
            return column
    known = ", ".join(short_name(column) for column in CONDITIONS)
    raise BeamwatchError(f"movies cannot be grouped by {name!r}: known are {known}")


def short_name(column: str) -> str:
    """A condition without its unit."""
    for ending in ("_e_per_A2_s", "_kV", "_nm", "_C"):
        column = column.removesuffix(ending)
    return column


def grouped(runs: Sequence[Run], by: Sequence[str]) -> list[Group]:
    """Movies by conditions, in the order of their words; warm ones first, the unsaid last."""
    told = {column: _words(column, [run.field[column] for run in runs]) for column in by}
    keys = [tuple(told[column][i] for column in by) for i in range(len(runs))]
    groups = [
        Group(
            dict(zip(by, key, strict=True)),
            tuple(run for run, its in zip(runs, keys, strict=True) if its == key),
        )
        for key in dict.fromkeys(keys)
    ]
    return sorted(groups, key=_order)


def _order(group: Group) -> tuple[tuple[float, str], ...]:
    order = []
    for column, words in group.values.items():
        number = group.number(column) if column in NUMBERED else 0.0
        number = -number if column == "temperature_C" else number
        nobody = _missing(group.runs[0].field[column])
        order.append((np.inf if nobody else number, words.casefold()))
    return tuple(order)


def _words(column: str, values: Sequence[object]) -> list[str]:
    nobody = f"{short_name(column).replace('_', ' ')} not stated"
    if column in WORDED:
        return [nobody if _missing(value) else str(value).strip() for value in values]
    numbers = np.array([np.nan if _missing(value) else float(str(value)) for value in values])
    if column == "temperature_C":
        return _in_bins(numbers, _regime, "°C", nobody)
    if column == "voltage_kV":
        return _in_bins(numbers, lambda value: f"{value:.0f}", "kV", nobody)
    edges: list[float] = []
    for value in np.sort(numbers[np.isfinite(numbers)]):
        if not edges or value >= ALIKE * edges[-1]:
            edges.append(float(value))
    return _in_bins(
        numbers,
        lambda value: str(np.searchsorted(edges, value, "right")),
        NUMBERED[column],
        nobody,
    )


def _regime(value: float) -> str:
    known = regime(value)
    if known == "room":
        return "RT" if value <= WARMEST_ROOM_C else "hot"
    return known or "cold"


def _in_bins(
    numbers: np.ndarray, bin_of: Callable[[float], str], unit: str, nobody: str
) -> list[str]:
    """Words for each number: those of temperatures name the bin, all give the numbers in it."""
    bins = [bin_of(value) if np.isfinite(value) else "" for value in numbers]
    words = []
    for name in bins:
        if not name:
            words.append(nobody)
            continue
        inside = [_number(value) for value, its in zip(numbers, bins, strict=True) if its == name]
        ordered = sorted(set(inside), key=lambda text: float(text.replace("−", "-")))
        ends = ordered[0] if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}"
        told = f"{ends} {unit}"
        words.append(f"{name} ({told})" if name.isalpha() else told)
    return words


def _number(value: float) -> str:
    return (f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}").replace("-", "−")


def _missing(value: object) -> bool:
    return value is None or bool(pd.isna(value)) or value == ""  # type: ignore[call-overload]
