"""A line through log doses of which some are known on one side only.

Log-normal doses about a line, fitted by maximum likelihood [1]_: what is censored stands for the
mean of what it can be, until nothing moves (EM). Movies are independent, places of one are not: so
errors come from leaving out one movie after the other [2]_.

References
----------
.. [1] M. Aitkin, Technometrics 23 (1981) 161: regression with censored normal data by EM.
.. [2] R. M. Bell, D. F. McCaffrey, Surv. Methodol. 28 (2002) 169: errors from few clusters (CR3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr
from scipy.stats import t as student

Floats = NDArray[np.float64]

ROUNDS, CONVERGED = 2000, 1e-6


@dataclass(frozen=True, eq=False)
class Line:
    """Coefficients of a line.

    Attributes
    ----------
    value, low, high : array
        Each coefficient and its 95 % interval between movies.
    movie_sd : float
        Scatter of movies about the line, in natural logarithms.
    """

    value: Floats
    low: Floats
    high: Floats
    movie_sd: float


def fit_line(
    terms: Floats, low: Floats, high: Floats, weight: Floats, movie: NDArray[np.int64]
) -> Line:
    """Fit log doses.

    Parameters
    ----------
    terms : array (places, coefficients)
    low, high : array
        Logarithms between which each dose lies; may be infinite.
    weight : array
        Of each place.
    movie : array
        Number of the movie each belongs to.
    """
    value, stand_in = _fitted(terms, low, high, weight)
    count, coefficients = int(movie.max()) + 1, terms.shape[1]
    left = []
    for i in range(count):
        kept = movie != i
        left.append(_fitted(terms[kept], low[kept], high[kept], weight[kept], value)[0])
    away = np.array(left) - np.mean(left, axis=0)
    error = np.sqrt((count - 1) / count * (away**2).sum(axis=0))
    wide = student.ppf(0.975, count - coefficients) * error
    residual = stand_in - terms @ value
    mean = np.bincount(movie, weight * residual) / np.bincount(movie, weight)
    scatter = float(np.sqrt((mean**2).sum() / (count - coefficients)))
    return Line(value, value - wide, value + wide, scatter)


def _fitted(
    terms: Floats, low: Floats, high: Floats, weight: Floats, begin: Floats | None = None
) -> tuple[Floats, Floats]:
    """Coefficients, and for each dose itself or the mean of what it can be."""
    exact = low == high
    ends = np.where(np.isfinite(low), low, high), np.where(np.isfinite(high), high, low)
    middle = (ends[0] + ends[1]) / 2
    root = np.sqrt(weight)
    pseudo = np.linalg.pinv(terms * root[:, None])
    value = pseudo @ (root * middle) if begin is None else begin
    spread = max(float(np.sqrt(np.average((middle - terms @ value) ** 2, weights=weight))), 0.05)
    stand_in = middle
    for _ in range(ROUNDS):
        line = terms @ value
        mean, variance = _between((low - line) / spread, (high - line) / spread)
        stand_in = np.where(exact, middle, line + spread * mean)
        new = pseudo @ (root * stand_in)
        left = (stand_in - terms @ new) ** 2 + np.where(exact, 0.0, spread**2 * variance)
        new_spread = max(float(np.sqrt(np.average(left, weights=weight))), 1e-6)
        done = max(float(np.abs(new - value).max()), abs(new_spread - spread)) < CONVERGED
        value, spread = new, new_spread
        if done:
            break
    return value, stand_in


def _between(low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of a standard normal between two bounds."""
    flip = low > 0  # in the upper tail differences of 1 are all that is left
    a, b = np.where(flip, -high, low), np.where(flip, -low, high)
    upper, lower = log_ndtr(b), log_ndtr(a)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_part = upper + np.log1p(-np.exp(np.minimum(lower - upper, -1e-12)))
        at_a, at_b = np.exp(_log_density(a) - log_part), np.exp(_log_density(b) - log_part)
        first = at_a - at_b
        a_part = np.where(np.isfinite(a), a, 0.0) * at_a
        b_part = np.where(np.isfinite(b), b, 0.0) * at_b
    variance = np.clip(1 + a_part - b_part - first**2, 0.0, 1.0)
    return np.where(flip, -first, first), variance


def _log_density(z: Floats) -> Floats:
    return np.asarray(-0.5 * z * z - 0.5 * np.log(2 * np.pi), np.float64)
