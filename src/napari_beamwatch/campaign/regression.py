"""What the dose goes with: ``log D = a + b · log rate + c · kV + d / T`` and an effect of movies.

With b = 0 it is the dose that decides (reciprocity), with b = 1 the time. A condition takes part
if the movies vary it, so that no single movie is all that does, and if it does not go with another
one; else it is told in words why it does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_beamwatch.campaign.censored_line import Line, fit_line
from napari_beamwatch.campaign.groups import short_name
from napari_beamwatch.campaign.runs import Run

Floats = NDArray[np.float64]

ZERO_C = 273.15


@dataclass(frozen=True)
class Term:
    """A condition in the line.

    Attributes
    ----------
    name, unit : str
        Of its coefficient.
    column : str
        Of the table of onsets.
    least : float
        Difference from which on movies vary it, in its own scale.
    """

    name: str
    unit: str
    column: str
    least: float

    def of(self, run: Run) -> float:
        """Its value for a movie; NaN if nobody knows."""
        told = run.number(self.column)
        if self.name == "d":
            return 1 / (told + ZERO_C) if told > -ZERO_C else np.nan
        if self.name == "b":
            return float(np.log(told)) if told > 0 else np.nan
        return told


TERMS = (
    Term("b", "", "dose_rate_e_per_A2_s", float(np.log(1.2))),
    Term("c", "1/kV", "voltage_kV", 5.0),
    Term("d", "K", "temperature_C", 3e-4),  # 27 K at room temperature
)

TOGETHER = 0.95
"""Correlation from which on two conditions cannot be told apart."""

WIDE = 1.0
"""Width of the interval of b from which on it says little: as far as dose is from time."""

MORE = 2
"""Movies that there must be beyond the number of coefficients."""


@dataclass(frozen=True)
class Coefficient:
    """A coefficient, or why there is none.

    Attributes
    ----------
    name, condition, unit : str
    value, low, high : float
        With the 95 % interval between movies; NaN where there is none.
    movies : int
    movie_sd : float
        Scatter of movies about the line, in natural logarithms.
    words : str
    """

    name: str
    condition: str
    unit: str
    value: float
    low: float
    high: float
    movies: int
    movie_sd: float
    words: str


def regression(rows: pd.DataFrame, runs: Sequence[Run]) -> list[Coefficient]:
    """Coefficients of one compound and measure.

    Parameters
    ----------
    rows : DataFrame
        What places tell, see `measures.TOLD`.
    runs : sequence of Run
        The movies of these.
    """
    known = [run for run in runs if run.name in set(rows["movie"])]
    values = {term.name: np.array([term.of(run) for run in known]) for term in TERMS}
    why: dict[str, str] = {}
    used: list[Term] = []
    for term in TERMS:
        said = _why_not(term, values[term.name])
        for other in used if not said else ():
            together = np.corrcoef(values[term.name], values[other.name])[0, 1]
            if abs(together) > TOGETHER:
                said = f"varied with {_condition(other)} only: the two cannot be told apart"
        if said:
            why[term.name] = said
        else:
            used.append(term)
    if used and len(known) < 1 + len(used) + MORE:
        said = f"{len(known)} movies are too few for {1 + len(used)} coefficients"
        why |= {term.name: said for term in used}
        used = []
    if used and not np.isfinite(rows["high_e_per_A2"]).any():
        why |= {term.name: "nothing changed" for term in used}
        used = []
    found = _fit(rows, known, [values[term.name] for term in used]) if used else None
    made = []
    for term in TERMS:
        if found is None or term.name in why:
            made.append(_without(term, len(known), why[term.name]))
            continue
        i = used.index(term)
        value, low, high = (float(end[i + 1]) for end in (found.value, found.low, found.high))
        words = reciprocity(low, high) if term.name == "b" else _direction(term, low, high)
        made.append(
            Coefficient(term.name, _condition(term), term.unit, value, low, high, len(known),
                        found.movie_sd, words)
        )  # fmt: skip
    return made


def reciprocity(low: float, high: float) -> str:
    """What the interval of b says of dose and time."""
    dose, time = low <= 0 <= high, low <= 1 <= high
    if dose and time:
        return "cannot tell whether dose or time decides"
    if (dose or time) and high - low > WIDE:
        return f"b = {0 if dose else 1} is possible, b = {1 if dose else 0} is not; little is known"
    if dose:
        return "the dose decides, whatever the rate (b = 0 lies within, b = 1 does not)"
    if time:
        return "the time decides (b = 1 lies within, b = 0 does not)"
    if low > 0 and high < 1:
        return "neither dose nor time alone decides: a higher rate spares"
    return "a higher rate harms" if high < 0 else "a higher rate spares more than time tells"


def _fit(rows: pd.DataFrame, runs: Sequence[Run], values: Sequence[Floats]) -> Line:
    number = {run.name: i for i, run in enumerate(runs)}
    movie = rows["movie"].map(number).to_numpy(np.int64).astype(np.int64)
    # Centred, or coefficients of 1/T and of the constant would hardly be told apart.
    columns = [np.ones(len(rows)), *((one - one.mean())[movie] for one in values)]
    scale = np.array([1.0, *(one.std() for one in values)])
    low = rows["low_e_per_A2"].to_numpy(float)
    with np.errstate(divide="ignore"):
        line = fit_line(
            np.column_stack(columns) / scale, np.log(low),
            np.log(rows["high_e_per_A2"].fillna(np.inf).to_numpy(float)),
            rows["share"].to_numpy(float), movie,
        )  # fmt: skip
    return Line(line.value / scale, line.low / scale, line.high / scale, line.movie_sd)


def _why_not(term: Term, values: Floats) -> str:
    """Why a condition takes no part; empty if it does."""
    if np.isnan(values).any():
        told = int(np.isfinite(values).sum())
        return f"stated for {told} of {len(values)} movies" if told else "not stated"
    if len(values) < 2 or np.ptp(values) < term.least:
        return "not varied"
    for i in range(len(values)):
        if np.ptp(np.delete(values, i)) < term.least:
            return "varied by one movie only"
    return ""


def _direction(term: Term, low: float, high: float) -> str:
    if low <= 0 <= high:
        return f"no effect of the {_condition(term)} beyond the scatter of movies"
    warmer_longer = high < 0 if term.name == "d" else low > 0
    return f"a higher {_condition(term)} {'spares' if warmer_longer else 'harms'}"


def _without(term: Term, movies: int, words: str) -> Coefficient:
    nan = float("nan")
    return Coefficient(term.name, _condition(term), term.unit, nan, nan, nan, movies, nan, words)


def _condition(term: Term) -> str:
    return short_name(term.column).replace("_", " ")
