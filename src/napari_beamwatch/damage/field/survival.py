"""Places that keep their lattice over the dose: Turnbull's curve, by the area they stand for.

What had begun to change before the first dose is censored on the left, an onset lies in its
interval, and what held is censored on the right at the dose it is known to have held to [1]_.
The median is drawn between the doses at which the curve is known, for within an interval nobody
knows where it falls.

Places of a crystal, and crystals of a movie, are not independent: what is resampled are whole
clusters of them [2]_. Of eight clusters percentiles of such draws hold 88 % instead of 95, for a
draw has fewer of them and a normal tail. So the spread of the draws in log dose is taken times
sqrt(M / (M − 1)), and Student's t with M − 1 degrees of freedom instead of 1.96 [3]_; it is this
that covers for three as for sixteen. The dose at which a tenth is gone is never told to be better
known than the median.

References
----------
.. [1] B. W. Turnbull, J. R. Stat. Soc. B 38 (1976) 290.
.. [2] C. A. Field, A. H. Welsh, J. R. Stat. Soc. B 69 (2007) 369: bootstrapping clustered data.
.. [3] T. C. Hesterberg, Am. Stat. 69 (2015) 371: what makes bootstrap intervals too short.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr
from scipy.stats import t as student

from napari_beamwatch.damage.field.turnbull import Fates

Floats = NDArray[np.float64]

DRAWS = 400
"""Resamplings behind the interval of a median."""

MEDIAN = 0.5
"""Part that is left at the median."""

FEWEST_CLUSTERS = 3
"""From which an interval of one movie is told: that of two is as wide as there are doses."""

LARGE = 0.025
"""Part of the draws that may lie beyond what is known before an interval is open there."""


@dataclass(frozen=True, eq=False)
class Survival:
    """Part of the lattice that is undamaged after each dose.

    Attributes
    ----------
    dose, survival, low, high : array
        At each dose, with 95 % bounds; begins with 1 at dose 0. Between doses it falls evenly; a
        dose at which places changed stands there twice, with what was before and is after it.
    median, median_low, median_high : float
        Dose at which half is damaged, and its 95 % interval; NaN beyond what is known.
    places, events : int
        How many there are, and how many changed.
    """

    dose: Floats
    survival: Floats
    low: Floats
    high: Floats
    median: float
    median_low: float
    median_high: float
    places: int
    events: int


def turnbull(
    low: ArrayLike, high: ArrayLike, share: ArrayLike, cluster: ArrayLike, seed: int = 0
) -> Survival:
    """Survival of places over the dose.

    Parameters
    ----------
    low, high : array
        Between which doses each changed; infinite where it held to `low`.
    share : array
        Area each stands for.
    cluster : array
        Label of the movie or crystal each belongs to.
    seed : int
        Of the resampling.
    """
    labels = np.asarray(cluster)
    if len(np.unique(labels)) == 1:  # of one crystal the places are what there is to resample
        labels = np.arange(len(labels))
    found = Resampled.of(low, high, share, labels, DRAWS, seed)
    ends = found.interval(MEDIAN) if found.clusters >= FEWEST_CLUSTERS else (np.nan, np.nan)
    median, least, most = (
        float(end) if np.isfinite(end) else float("nan") for end in (found.dose_at(MEDIAN), *ends)
    )
    dose, (curve, low_curve, high_curve) = found.fates.with_steps(
        np.stack([found.curve, *found.band()])
    )
    return Survival(
        dose, curve, low_curve, high_curve, median, least, most, len(labels), found.fates.events
    )


@dataclass(frozen=True, eq=False)
class Resampled:
    """Curves of places, and of clusters of them that were drawn with replacement.

    Attributes
    ----------
    fates : Fates
    curve, drawn : array
        Survival at the doses of `fates`: of all, and of each draw.
    clusters : int
    known_until, known_in_all : float
        Dose to which half of the clusters tell something, and to which all do.
    """

    fates: Fates
    curve: Floats
    drawn: Floats
    clusters: int
    known_until: float
    known_in_all: float

    @classmethod
    def of(
        cls, low: ArrayLike, high: ArrayLike, share: ArrayLike, cluster: ArrayLike,
        draws: int, seed: int = 0,
    ) -> Resampled:  # fmt: skip
        """Those of places that held to `low` and had changed by `high`, see `turnbull`."""
        held, changed = np.asarray(low, np.float64), np.asarray(high, np.float64)
        fates = Fates.of(held, changed)
        labels = np.unique(np.asarray(cluster), return_inverse=True)[1]
        count = int(labels.max()) + 1
        weight = np.asarray(share, np.float64)
        rng = np.random.default_rng(seed)
        counts = rng.multinomial(count, np.full(count, 1 / count), draws if count > 1 else 0)
        drawn = counts[:, labels] * weight
        curves = fates.curves(np.vstack([weight, drawn[drawn.sum(axis=1) > 0]]))
        last = np.sort([held[labels == i].max() for i in range(count)])
        return cls(fates, curves[0], curves[1:], count, float(last[count // 2]), float(last[0]))

    def dose_at(self, part: float) -> float:
        """Dose at which a part is left; infinite beyond what is known, 0 before."""
        return float(self.fates.doses_at(self.curve[None], part)[0])

    def band(self) -> tuple[Floats, Floats]:
        """95 % band of the curve; NaN for one cluster."""
        if not len(self.drawn):
            return (np.full(len(self.curve), np.nan),) * 2
        wide = self._widened(0.975) * self.drawn.std(axis=0)
        return np.clip(self.curve - wide, 0, 1), np.clip(self.curve + wide, 0, 1)

    def interval(
        self, part: float, level: float = 0.975, resolution: float = 0.0, scatter: float = 1.0
    ) -> tuple[float, float]:
        """Between which doses a part is left; open above where the draws do not end it.

        Parameters
        ----------
        part : float
        level : float
            Probability below the upper end.
        resolution : float
            Dose of a frame, within which nobody can tell one dose from another.
        scatter : float
            By which what is told scatters more than the dose of these clusters.
        """
        value = self.dose_at(part)
        if self.clusters < 2 or value <= 0:
            return np.nan, np.nan
        drawn = np.sort(self.fates.doses_at(self.drawn, part))
        drawn = drawn[drawn > 0]
        widen = self._widened(level)
        if not np.isfinite(value):
            rank = float(ndtr(-widen))
            least = float(drawn[min(int(rank * len(drawn)), len(drawn) - 1)])
            return min(least, self.known_until), np.inf
        beyond = float(np.mean(~np.isfinite(drawn)))
        # Of few clusters none may happen to be weak: then a first part comes late, and its draws
        # agree. It is never better known than the median.
        spread = max(self._spread(part), self._spread(MEDIAN))
        grain = resolution / np.sqrt(12) / value  # all clusters may share their frames
        wide = widen * scatter * float(np.hypot(spread, grain))
        # What is finite is known to be so by enough of the draws only.
        return value * np.exp(-wide), np.inf if beyond > LARGE else value * np.exp(wide)

    def _widened(self, level: float) -> float:
        count = self.clusters
        return float(np.sqrt(count / (count - 1)) * student.ppf(level, count - 1))

    def _spread(self, part: float) -> float:
        """Of the draws, in log dose; 0 where the dose is not known."""
        value = self.dose_at(part)
        drawn = self.fates.doses_at(self.drawn, part)
        drawn = drawn[drawn > 0]
        if not np.isfinite(value) or value <= 0:
            return 0.0
        away = np.log(drawn[np.isfinite(drawn)]) - np.log(value)
        if len(away) < len(drawn):  # what lies beyond has no spread: the lower half stands for it
            away = away[away <= 0]
        # About the dose, not about the mean of the draws: what they are off by is error, too.
        return float(np.sqrt(np.mean(away**2))) if len(away) else 0.0
