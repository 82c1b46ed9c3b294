"""Doses of a group of movies, with intervals over movies.

The curve is Turnbull's over places. Each movie counts once, and in it each place by its area: the
median is the dose at which half of the lattice of a movie taken at random has changed. Pooled
areas would let one movie with nine tenths of all places speak for all others.

Movies are what is resampled, with all their crystals and places.

An ambiguous place held to a dose, and then something happened that may be damage. To take it for
censored is right if it was none, and late if it was: such censoring knows the onset. So intervals
begin where they would if it was, and end where they would if it was not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_beamwatch import quantities
from napari_beamwatch.damage.field.survival import MEDIAN, Resampled
from napari_beamwatch.results.fates import as_changed

Floats = NDArray[np.float64]

DRAWS = 1000

PARTS = {"median": MEDIAN, "gone_10": 0.9}
"""What is told of a curve: the part that is left at the dose of each name."""


@dataclass(frozen=True)
class Estimate:
    """A dose and its 95 % interval between movies.

    Attributes
    ----------
    value : float
        Infinite if it lies beyond what is known, 0 if before.
    low, high : float
        Whatever ambiguous places did. NaN where there is no interval; `high` infinite where it is
        open, and `low` then the dose that is known to lie below.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class GroupCurve:
    """Survival of the places of a group of movies.

    Attributes
    ----------
    dose, survival, low, high : array
        The curve, ambiguous places censored, with a 95 % band between movies (NaN for one movie).
    known_until : float
        Dose to which half of the movies tell something.
    estimates : dict of str to Estimate
        By the names of `PARTS`.
    movies, crystals, places : int
        That tell something.
    fates : dict of str to int
        How many places have each fate.
    """

    dose: Floats
    survival: Floats
    low: Floats
    high: Floats
    known_until: float
    estimates: dict[str, Estimate]
    movies: int
    crystals: int
    places: int
    fates: dict[str, int]


def of_movies(rows: pd.DataFrame, draws: int = DRAWS) -> Resampled:
    """Curves of what places tell (see `measures.TOLD`), and of movies drawn from them."""
    return Resampled.of(
        rows["low_e_per_A2"], rows["high_e_per_A2"].fillna(np.inf), rows["share"],
        rows["movie"].to_numpy(str), draws,
    )  # fmt: skip


def estimate(found: Resampled, part: float, resolution: float = 0.0) -> Estimate:
    """Dose at which a part is left, where a frame takes the dose `resolution`."""
    return Estimate(found.dose_at(part), *found.interval(part, resolution=resolution))


def group_curve(rows: pd.DataFrame, resolution: float = 0.0, draws: int = DRAWS) -> GroupCurve:
    """Survival of the places of a group.

    Parameters
    ----------
    rows : DataFrame
        What places tell of one measure, see `measures.TOLD`; one or more.
    resolution : float
        Dose of a frame.
    draws : int
        Of movies.
    """
    found = of_movies(rows, draws)
    estimates = {name: estimate(found, part, resolution) for name, part in PARTS.items()}
    if (rows["fate"] == "ambiguous").any():
        changed = of_movies(as_changed(rows), draws)
        for name, part in PARTS.items():
            first = np.fmin(estimates[name].low, changed.interval(part, resolution=resolution)[0])
            estimates[name] = replace(estimates[name], low=float(first))
    for name, part in PARTS.items():
        if changed_before(rows) >= 1 - part:  # nobody knows where below
            latest = float(rows["high_e_per_A2"][rows["fate"] == "before"].max())
            estimates[name] = Estimate(0.0, np.nan, latest)
    dose, (curve, low, high) = found.fates.with_steps(np.stack([found.curve, *found.band()]))
    return GroupCurve(
        dose, curve, low, high,
        found.known_until, estimates, found.clusters,
        len(rows[["movie", "crystal"]].drop_duplicates()), len(rows),
        {str(fate): int(count) for fate, count in rows["fate"].value_counts().items()},
    )  # fmt: skip


def changed_before(rows: pd.DataFrame) -> float:
    """Part of the lattice of a movie that had changed before anything could be seen."""
    share = rows["share"].to_numpy(float)
    return float(share[rows["fate"] == "before"].sum() / share.sum())


def in_words(estimate: Estimate, known_until: float, changed: bool) -> str:
    """A dose as people write it: ``12 [9–16]``, or on which side of what is known it lies."""
    value, low, high = estimate.value, estimate.low, estimate.high
    if value == 0.0:
        return f"< {dose_text(high)}, changed from the start"
    if not np.isfinite(value):
        if not changed:
            return f"> {dose_text(known_until)}, nothing changed"
        return f"> {dose_text(low if np.isfinite(low) else known_until)}"
    if np.isnan(low):
        return dose_text(value)
    if not np.isfinite(high):
        return f"{dose_text(value)} [> {dose_text(low)}]"
    return f"{dose_text(value)} [{dose_text(low)}–{dose_text(high)}]"


def dose_text(dose: float) -> str:
    """A dose as results write it, of three digits: movies scatter by more than the fourth."""
    return quantities.dose_text(float(f"{dose:.3g}"))
