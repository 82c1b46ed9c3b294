"""Two groups of movies beside each other: how many times later, and whether by chance.

The interval of a ratio is put together from those of its parts [1]_, which works where one of them
is open. Whether the groups differ at all is asked of the log-rank scores of places under the curve
of both groups [2]_, a mean for each movie; movies change places between the groups, all ways where
these are few. The difference is divided by its own standard error, so that records of other lengths
or sizes in one group alone do not pass for a difference [3]_. The log-rank test beside it is the
same difference against a normal law.

References
----------
.. [1] G. Y. Zou, A. Donner, Stat. Med. 27 (2008) 1693: intervals of sums from those of their parts.
.. [2] D. M. Finkelstein, Biometrics 42 (1986) 845: log-rank scores of interval-censored data.
.. [3] A. Janssen, Stat. Probab. Lett. 36 (1997) 9: studentized permutation tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2

from napari_beamwatch.campaign.between import Estimate, GroupCurve
from napari_beamwatch.damage.field.turnbull import Fates

Floats = NDArray[np.float64]

ALL_WAYS = 20000
"""Ways to share out the movies up to which every one is tried; of more, as many are drawn."""


LOWEST_SCORE = -10.0
"""Of what held where hardly anything is left; its logarithm has no end."""


@dataclass(frozen=True)
class Difference:
    """Whether two groups differ.

    Attributes
    ----------
    p_permutation : float
        Share of the ways to share out the movies that set the groups as far apart; NaN where a
        group has one movie.
    least_p : float
        The smallest that can come out with so few movies.
    chi2_logrank, p_logrank : float
        Of one degree of freedom.
    """

    p_permutation: float
    least_p: float
    chi2_logrank: float
    p_logrank: float


def ratio(above: GroupCurve, below: GroupCurve, name: str = "median") -> Estimate:
    """How many times a dose of a group is that of another, with its 95 % interval.

    A dose beyond what is known makes the ratio infinite, with the smallest that it can be as
    `low`; NaN where nothing can be said.
    """
    one, other = above.estimates[name], below.estimates[name]
    if not (one.value > 0 and other.value > 0) or not (
        np.isfinite(one.value) or np.isfinite(other.value)
    ):
        return Estimate(np.nan, np.nan, np.nan)
    if not np.isfinite(one.value):
        least = one.low if np.isfinite(one.low) else above.known_until
        most = other.high if np.isfinite(other.high) else np.inf
        return Estimate(np.inf, least / most, np.inf)
    if not np.isfinite(other.value):
        least = other.low if np.isfinite(other.low) else below.known_until
        return Estimate(0.0, 0.0, one.high / least if np.isfinite(one.high) else np.inf)
    value = one.value / other.value
    if np.isnan([one.low, other.low]).any():
        return Estimate(value, np.nan, np.nan)
    down = np.hypot(np.log(one.value / one.low), np.log(other.high / other.value))
    up = np.hypot(np.log(one.high / one.value), np.log(other.value / other.low))
    return Estimate(value, float(value * np.exp(-down)), float(value * np.exp(up)))


def difference(above: pd.DataFrame, below: pd.DataFrame, seed: int = 0) -> Difference:
    """Whether what the places of two groups tell of a measure differs."""
    rows = pd.concat([above, below], ignore_index=True)
    scores = rank_scores(rows)
    by_movie = (scores * rows["share"]).groupby(rows["movie"], sort=False).sum()
    first = by_movie.index.isin(above["movie"])
    values, count, of_first = by_movie.to_numpy(float), len(by_movie), int(first.sum())
    if min(of_first, count - of_first) < 2:
        return Difference(np.nan, np.nan, np.nan, np.nan)
    ways = comb(count, of_first)
    if ways <= ALL_WAYS:
        tried = np.zeros((ways, count), bool)
        chosen = np.array(list(combinations(range(count), of_first)))
        np.put_along_axis(tried, chosen, True, axis=1)
        extra = 0
    else:
        order = np.random.default_rng(seed).random((ALL_WAYS, count)).argsort(axis=1)
        tried, extra = order < of_first, 1
    seen = abs(float(_apart(values, first[None])[0]))
    as_far = int((np.abs(_apart(values, tried)) >= seen - 1e-9).sum())
    smallest = (2 if 2 * of_first == count else 1) / ways
    spread = ((values - values.mean()) ** 2).sum() / (count - 1)
    variance = spread * (1 / of_first + 1 / (count - of_first))
    apart = values[first].mean() - values[~first].mean()
    statistic = float(apart**2 / variance) if variance > 0 else 0.0
    return Difference(
        (as_far + extra) / (len(tried) + extra), max(smallest, extra / (len(tried) + extra)),
        statistic, float(chi2.sf(statistic, 1)),
    )  # fmt: skip


def rank_scores(rows: pd.DataFrame) -> Floats:
    """Log-rank score of each place under the curve of all; above 0 for what changed early."""
    low = rows["low_e_per_A2"].to_numpy(float)
    high = rows["high_e_per_A2"].fillna(np.inf).to_numpy(float)
    fates = Fates.of(low, high)
    curve = fates.curves(rows["share"].to_numpy(float)[None])[0]
    after = np.append(curve, 0.0)
    # Left at a dose, and before what happened exactly there.
    at = np.searchsorted(fates.dose, low, "right") - 1
    until = np.where(np.isfinite(high), np.searchsorted(fates.dose, high, "right") - 1, -1)
    exact = low == high
    begin = np.where(exact, after[np.maximum(at - 1, 0)], after[at])
    end = np.where(np.isfinite(high), after[until], 0.0)
    score = (_entropy(begin) - _entropy(end)) / np.maximum(begin - end, 1e-12)
    return np.asarray(np.maximum(score, LOWEST_SCORE), np.float64)


def _entropy(part: Floats) -> Floats:
    return np.asarray(part * np.log(np.maximum(part, 1e-300)), np.float64)


def _apart(values: Floats, first: NDArray[np.bool_]) -> Floats:
    """Difference of the means of both groups over its standard error, for each way to share out."""
    of_first = first.sum(axis=1)
    of_rest = len(values) - of_first
    mean_first, mean_rest = first @ values / of_first, ~first @ values / of_rest
    var_first = np.maximum(first @ values**2 / of_first - mean_first**2, 0) / (of_first - 1)
    var_rest = np.maximum(~first @ values**2 / of_rest - mean_rest**2, 0) / (of_rest - 1)
    error = np.sqrt(var_first + var_rest)
    apart = mean_first - mean_rest
    floor = 1e-9 * (1 + np.abs(values).max())
    return np.asarray(np.where(np.abs(apart) <= floor, 0.0, apart / np.maximum(error, floor)))
