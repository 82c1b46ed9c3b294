"""Doses of a group of movies, with intervals over movies.

The curve is Turnbull's over places. Each movie counts once, and in it each place by its area: the
median is the dose at which half of the lattice of a movie taken at random has changed. Pooled
areas would let one movie with nine tenths of all places speak for all others.

Movies are what is resampled [1]_, with all their crystals and places. Of eight movies percentiles
of such draws hold 88 % instead of 95, for a draw has fewer movies and a normal tail. So the spread
of the draws in log dose is taken times sqrt(M / (M − 1)), and Student's t with M − 1 degrees of
freedom instead of 1.96 [2]_; it is this that covers for three movies as for sixteen. The dose at
which a tenth is gone is never told to be better known than the median.

An ambiguous place held to a dose, and then something happened that may be damage. To take it for
censored is right if it was none, and late if it was: such censoring knows the onset. So intervals
begin where they would if it was, and end where they would if it was not.

References
----------
.. [1] C. A. Field, A. H. Welsh, J. R. Stat. Soc. B 69 (2007) 369: bootstrapping clustered data.
.. [2] T. C. Hesterberg, Am. Stat. 69 (2015) 371: what makes bootstrap intervals too short.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import t as student

from napari_beamwatch.damage.field.survival import Fates
from napari_beamwatch.results import summary
from napari_beamwatch.results.fates import as_changed

Floats = NDArray[np.float64]

DRAWS = 1000

PARTS = {"median": 0.5, "gone_10": 0.9}
"""What is told of a curve: the part that is left at the dose of each name."""

LARGE = 0.025
"""Part of the draws that may lie beyond what is known before an interval is open there."""


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


@dataclass(frozen=True, eq=False)
class Resampled:
    """Curves of places, of all movies and of movies drawn from them.

    Attributes
    ----------
    fates : Fates
    curve, drawn : array
        Survival at the doses of `fates`: of all movies, and of each draw.
    movies : int
    known_until, known_in_all : float
        Dose to which half of the movies tell something, and to which all do.
    """

    fates: Fates
    curve: Floats
    drawn: Floats
    movies: int
    known_until: float
    known_in_all: float

    @classmethod
    def of(cls, rows: pd.DataFrame, draws: int = DRAWS, seed: int = 0) -> Resampled:
        """Those of what places tell, see `measures.TOLD`."""
        low = rows["low_e_per_A2"].to_numpy(float)
        high = rows["high_e_per_A2"].fillna(np.inf).to_numpy(float)
        ends = np.concatenate([low, high[np.isfinite(high)]])
        # A place that weighs nothing and held to the end: what a draw cannot tell lies beyond it.
        fates = Fates.of(np.append(low, ends.max()), np.append(high, np.inf))
        movie = np.unique(rows["movie"].to_numpy(str), return_inverse=True)[1]
        count = int(movie.max()) + 1
        weight = np.append(rows["share"].to_numpy(float), 0.0)
        rng = np.random.default_rng(seed)
        counts = rng.multinomial(count, np.full(count, 1 / count), draws if count > 1 else 0)
        drawn = np.column_stack([counts[:, movie], np.zeros(len(counts))]) * weight
        curves = fates.curves(np.vstack([weight, drawn]))
        last = np.sort(rows.groupby("movie")["low_e_per_A2"].max().to_numpy(float))
        return cls(fates, curves[0], curves[1:], count, float(last[count // 2]), float(last[0]))

    def estimate(self, part: float, resolution: float = 0.0) -> Estimate:
        """Dose at which a part is left.

        Parameters
        ----------
        part : float
        resolution : float
            Dose of a frame, within which nobody can tell one dose from another.
        """
        value = float(self.fates.doses_at(self.curve[None], part)[0])
        return Estimate(value, *self._interval(value, part, 0.975, resolution))

    def bound(self, part: float, confidence: float, further: float) -> float:
        """Dose that the one at which a part is left exceeds in further movies, in e/Å².

        NaN where more than that part was left as long as anybody looked.

        Parameters
        ----------
        part, confidence : float
        further : float
            How many movies these are; infinitely many for all there could be.
        """
        value = float(self.fates.doses_at(self.curve[None], part)[0])
        if not np.isfinite(value):
            return float("nan")
        scatter = np.sqrt(1 + self.movies / further)
        return self._interval(value, part, confidence, 0.0, scatter)[0]

    def _interval(
        self, value: float, part: float, level: float, resolution: float, more: float = 1.0
    ) -> tuple[float, float]:
        if self.movies < 2 or value <= 0:
            return np.nan, np.nan
        drawn = np.sort(self.fates.doses_at(self.drawn, part))
        drawn = drawn[drawn > 0]
        widen = np.sqrt(self.movies / (self.movies - 1)) * student.ppf(level, self.movies - 1)
        if not np.isfinite(value):
            rank = float(ndtr(-widen))
            least = float(drawn[min(int(rank * len(drawn)), len(drawn) - 1)])
            return min(least, self.known_until), np.inf
        beyond = float(np.mean(~np.isfinite(drawn)))
        # Of few movies none may happen to be weak: then a first part comes late, and its draws
        # agree. It is never better known than the median.
        spread = max(self._spread(part), self._spread(PARTS["median"]))
        grain = resolution / np.sqrt(12) / value  # all movies may share their frames
        wide = widen * more * float(np.hypot(spread, grain))
        # What is finite is known to be so by enough of the draws only.
        return value * np.exp(-wide), np.inf if beyond > LARGE else value * np.exp(wide)

    def _spread(self, part: float) -> float:
        """Of the draws, in log dose; 0 where the dose is not known."""
        value = float(self.fates.doses_at(self.curve[None], part)[0])
        drawn = self.fates.doses_at(self.drawn, part)
        drawn = drawn[drawn > 0]
        if not np.isfinite(value) or value <= 0:
            return 0.0
        away = np.log(drawn[np.isfinite(drawn)]) - np.log(value)
        if len(away) < len(drawn):  # what lies beyond has no spread: the lower half stands for it
            away = away[away <= 0]
        # About the dose, not about the mean of the draws: what they are off by is error, too.
        return float(np.sqrt(np.mean(away**2))) if len(away) else 0.0


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
    found = Resampled.of(rows, draws)
    estimates = {name: found.estimate(part, resolution) for name, part in PARTS.items()}
    if len(found.drawn):
        sd = found.drawn.std(axis=0) * np.sqrt(found.movies / (found.movies - 1))
        wide = student.ppf(0.975, found.movies - 1) * sd
        low, high = np.clip(found.curve - wide, 0, 1), np.clip(found.curve + wide, 0, 1)
    else:
        low = high = np.full(len(found.curve), np.nan)
    if (rows["fate"] == "ambiguous").any():
        changed = Resampled.of(as_changed(rows), draws)
        for name, part in PARTS.items():
            first = np.fmin(estimates[name].low, changed.estimate(part, resolution).low)
            estimates[name] = replace(estimates[name], low=float(first))
    for name, part in PARTS.items():
        if changed_before(rows) >= 1 - part:  # nobody knows where below
            latest = float(rows["high_e_per_A2"][rows["fate"] == "before"].max())
            estimates[name] = Estimate(0.0, np.nan, latest)
    dose, (curve, low, high) = found.fates.with_steps(np.stack([found.curve, low, high]))
    return GroupCurve(
        dose, curve, low, high,
        found.known_until, estimates, found.movies,
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
    return summary.dose_text(float(f"{dose:.3g}"))
