"""The onset with its interval, and the doses at which the lattice passes a fraction.

Every model of the grid counts by its likelihood times a prior, so that the interval of the onset
includes what is not known of the decay: its length, its stretch, and whether there was a plateau
at all (model averaging [1]_). The levels of the spots are maximised over.

References
----------
.. [1] J. A. Hoeting, D. Madigan, A. E. Raftery, C. T. Volinsky, Statistical Science 14 (1999) 382.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.fitting import Nodes
from napari_beamwatch.damage.models import BETAS
from napari_beamwatch.damage.scopes import Samples

Floats = NDArray[np.float64]

BETA_WEIGHTS = np.array([0.1, 0.4, 0.2, 0.2, 0.1])
"""Prior of the stretches, `models.BETAS`: most decays by radiolysis are exponential."""

NO_PLATEAU = 0.2
"""Prior of a decay that begins with the first electron."""

LOW, MIDDLE, HIGH = 0.025, 0.5, 0.975


@dataclass(frozen=True)
class Estimate:
    """A dose and its 95 % interval; NaN where the record does not reach."""

    value: float
    low: float
    high: float


NOTHING = Estimate(np.nan, np.nan, np.nan)


@dataclass(frozen=True, eq=False)
class Onset:
    """When a change began, and how it went on.

    Attributes
    ----------
    onset : Estimate
        Dose.
    no_plateau : float
        Probability that there was no plateau, given the change.
    decay, half_dose, dose_1e : Estimate
        Dose of the 1/e decay after the onset; doses at which what is left passes 50 % and 1/e of
        the plateau.
    loss : float
        Part of the plateau that is gone in the last frame.
    """

    onset: Estimate
    no_plateau: float
    decay: Estimate
    half_dose: Estimate
    dose_1e: Estimate
    loss: float


def posterior(nodes: Nodes, record: float, dispersion: float = 1.0) -> Floats:
    """Weight of each node; their sum is 1.

    Parameters
    ----------
    nodes : Nodes
    record : float
        Dose of the whole record.
    dispersion : float
        How much wider than the noise law the traces scatter.
    """
    beta = BETA_WEIGHTS[np.searchsorted(BETAS, nodes.beta - 1e-9)]
    plateau = np.where(nodes.plain, NO_PLATEAU, (1 - NO_PLATEAU) / record)
    likelihood = np.exp((nodes.log_likelihood - nodes.log_likelihood.max()) / dispersion)
    weight = likelihood * plateau * nodes.width * beta
    total: Floats = weight / weight.sum()
    return total


def estimate_onset(samples: Samples, nodes: Nodes, dispersion: float = 1.0) -> Onset:
    """Onset, decay and crossings of what was fitted, with their intervals."""
    first, last = float(samples.start[0]), float(samples.end[-1])
    weight = posterior(nodes, last - first, dispersion)
    total = nodes.plateau.sum(axis=1)
    kept = np.minimum(nodes.residual.sum(axis=1) / np.maximum(total, 1e-300), 1.0)
    crossings = [
        _quantiles(_crossing(nodes, kept, fraction), weight, last)
        for fraction in (0.5, float(np.exp(-1)))
    ]
    final = kept + (1 - kept) * np.exp(
        -((np.maximum(last - nodes.onset, 0) / nodes.tau) ** nodes.beta)
    )
    return Onset(
        _onset_quantiles(nodes, weight),
        float(weight[nodes.plain].sum()),
        _quantiles(nodes.tau, weight, last - first),
        *crossings,
        1 - float(weight @ final),
    )


def _crossing(nodes: Nodes, kept: Floats, fraction: float) -> Floats:
    """Dose at which the spots together pass a fraction of their plateaus; never is infinite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        left = (fraction - kept) / (1 - kept)
        after = nodes.tau * (-np.log(left)) ** (1 / nodes.beta)
    return np.where(kept < fraction, nodes.onset + after, np.inf)


def _onset_quantiles(nodes: Nodes, weight: Floats) -> Estimate:
    """Quantiles of the onset, each node spread over the cell of dose it stands for."""
    low, value, high = (float(v) for v in _weighted(nodes.onset, weight, (LOW, MIDDLE, HIGH)))
    return Estimate(value, low, high)


def _quantiles(values: Floats, weight: Floats, most: float) -> Estimate:
    """Median and 95 % of values by weight; what lies beyond `most` is not known."""
    low, value, high = _weighted(np.minimum(values, 1e300), weight, (LOW, MIDDLE, HIGH))
    return Estimate(*(float(v) if v <= most else np.nan for v in (value, low, high)))


def _weighted(values: Floats, weight: Floats, levels: tuple[float, ...]) -> Floats:
    """Quantiles of weighted values, between neighbours in proportion."""
    distinct, place = np.unique(values, return_inverse=True)
    mass = np.bincount(place, weight)
    return np.asarray(np.interp(levels, np.cumsum(mass) - mass / 2, distinct), np.float64)
