"""Crystals that keep their lattice over the dose: Kaplan and Meier's curve.

Crystals that survive their record are censored at its `survived_dose` [1]_. Crystals of one movie
share its beam and specimen, so intervals resample whole movies, not crystals [2]_; from a single
movie there is nothing to resample and Greenwood's formula on the log-log scale is what there is.

References
----------
.. [1] E. L. Kaplan, P. Meier, J. Am. Stat. Assoc. 53 (1958) 457.
.. [2] B. Efron, J. Am. Stat. Assoc. 76 (1981) 312.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_beamwatch.errors import BeamwatchError

Floats = NDArray[np.float64]

DRAWS = 1000
FEWEST_CLUSTERS = 4
"""Movies from which resampling them says anything."""


@dataclass(frozen=True, eq=False)
class Survival:
    """Part of the crystals that is undamaged after each dose.

    Attributes
    ----------
    dose, survival, low, high : array
        From each dose on, with 95 % bounds; begins with 1 at dose 0.
    at_risk : array of int
        Crystals watched up to each dose.
    median : float
        Dose at which half is damaged; NaN if never.
    crystals, events : int
    """

    dose: Floats
    survival: Floats
    low: Floats
    high: Floats
    at_risk: NDArray[np.int64]
    median: float
    crystals: int
    events: int


def kaplan_meier(
    dose: ArrayLike, damaged: ArrayLike, movie: ArrayLike | None = None, seed: int = 0
) -> Survival:
    """Survival of crystals over the dose.

    Parameters
    ----------
    dose : array
        Onset of each crystal, or the dose it was seen to survive.
    damaged : array of bool
        Which of the two.
    movie : array, optional
        Label of the movie of each crystal.
    seed : int
        Of the resampling.
    """
    times = np.asarray(dose, np.float64)
    events = np.asarray(damaged, bool)
    if len(times) == 0 or len(times) != len(events) or not np.isfinite(times).all():
        raise BeamwatchError("a survival curve needs a dose and a fate for one crystal or more")
    steps = np.unique(times[events])
    survival, at_risk, greenwood = _curve(times, events, steps, np.ones(len(times)))
    labels = (
        np.zeros(len(times), int) if movie is None else np.unique(movie, return_inverse=True)[1]
    )
    clusters = int(labels.max()) + 1
    if clusters >= FEWEST_CLUSTERS and len(steps):
        rng = np.random.default_rng(seed)
        drawn = rng.multinomial(clusters, np.full(clusters, 1 / clusters), DRAWS)
        curves = np.array([_curve(times, events, steps, row[labels])[0] for row in drawn])
        low, high = np.quantile(curves, [0.025, 0.975], axis=0)
    else:
        low, high = _log_log(survival, greenwood)
    half = steps[survival <= 0.5]
    return Survival(
        np.append(0.0, steps), np.append(1.0, survival), np.append(1.0, low), np.append(1.0, high),
        np.append(len(times), at_risk).astype(np.int64),
        float(half[0]) if len(half) else float("nan"), len(times), int(events.sum()),
    )  # fmt: skip


def _curve(
    times: Floats, events: NDArray[np.bool_], steps: Floats, weight: Floats
) -> tuple[Floats, Floats, Floats]:
    """Survival after each step, those at risk, and Greenwood's sum; crystals count by weight."""
    risk = ((times >= steps[:, None]) * weight).sum(axis=1)
    died = (((times == steps[:, None]) & events) * weight).sum(axis=1)
    share = np.divide(died, risk, out=np.zeros(len(steps)), where=risk > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(np.where(risk > died, died / (risk * (risk - died)), np.inf))
    return np.cumprod(1 - share), risk, greenwood


def _log_log(survival: Floats, greenwood: Floats) -> tuple[Floats, Floats]:
    low, high = np.zeros(len(survival)), np.ones(len(survival))
    inner = (survival > 0) & (survival < 1) & np.isfinite(greenwood)
    log = np.log(survival[inner])
    spread = 1.96 * np.sqrt(greenwood[inner]) / np.abs(log)
    low[inner] = np.exp(log * np.exp(spread))
    high[inner] = np.exp(log * np.exp(-spread))
    gone = survival <= 0
    # Once the last one is damaged Greenwood's error is undefined: the bound stays where it was.
    if gone.any() and inner.any():
        high[gone] = high[inner][-1]
    return low, high
