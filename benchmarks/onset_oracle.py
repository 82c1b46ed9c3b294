"""The onset when everything else is known, and when all but the decay is: the best anybody can do.

The oracle knows every spot's level, the law and length of the decay and the residual; only the
onset is free. Its interval is that of its likelihood (flat prior on the onset), so that widths can
be compared.

Nobody who looks at a movie knows the decay. So there is a second one, which knows all that the
oracle knows except onset, tau and beta of the record, and of these what they are drawn from. By
Bayes' rule the mean of its posterior has the smallest mean square error that is possible with so
much knowledge: no method that knows less can do better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from napari_beamwatch.damage.course.estimate import quantiles
from napari_beamwatch.damage.course.law import log_density, quasi_log_likelihood
from napari_beamwatch.damage.course.models import remaining
from napari_beamwatch.damage.scopes import Samples

TAUS, BETAS, HALF_DOSES = 36, 17, 80
"""Nodes of the grid of the second oracle."""

NEGLIGIBLE = 11.0
"""Log-weight below the best at which a node is not worth the exact law."""


@dataclass(frozen=True)
class Drawn:
    """What the courses of a campaign are drawn from; logarithms of tau and beta are uniform.

    Attributes
    ----------
    tau, beta : tuple of float
        Frames; stretch of those that are not exponential.
    onset : tuple of float
        Parts of the record, if there is a plateau.
    plateau, exponential : float
        Shares of the records.
    """

    tau: tuple[float, float]
    beta: tuple[float, float]
    onset: tuple[float, float]
    plateau: float
    exponential: float


@njit(nogil=True, cache=True)
def _likelihood(
    y, windows, in_phase, own, beam, start, end, onset, tau, beta, plateau, residual, exact
):
    total = np.zeros(len(onset))
    for m in range(len(onset)):
        shape = remaining(start, end, onset[m], tau[m], beta[m])
        for i in range(y.shape[0]):
            for t in range(y.shape[1]):
                if windows[i, t] > 0:
                    s = beam[t] * (plateau[i] * shape[t] + residual[i] * (1 - shape[t]))
                    law = (y[i, t], s, windows[i, t], in_phase[i], own[i])
                    total[m] += log_density(*law) if exact else quasi_log_likelihood(*law)
    return total


def likelihood_of(
    samples: Samples,
    onset: np.ndarray,
    tau: np.ndarray,
    beta: np.ndarray,
    plateau: np.ndarray,
    residual: np.ndarray,
    *,
    exact: bool = True,
) -> np.ndarray:
    """Log-likelihood of many courses with known levels."""
    return _likelihood(
        samples.y, samples.windows, samples.in_phase, samples.own, samples.beam,
        samples.start, samples.end, onset, tau, beta, plateau, residual, exact,
    )  # fmt: skip


def oracle_onset(
    samples: Samples, tau: float, beta: float, plateau: np.ndarray, residual: np.ndarray
) -> tuple[float, float, float]:
    """Most likely onset and its 95 % interval, in the dose of the samples."""
    first, last = samples.start[0], samples.end[-1]
    frame = float(np.median(samples.end - samples.start))

    def profile(onsets: np.ndarray) -> np.ndarray:
        taus, betas = np.full(len(onsets), tau), np.full(len(onsets), beta)
        return likelihood_of(samples, onsets, taus, betas, plateau, residual)

    coarse = np.arange(first, last, frame)
    found = profile(coarse)
    near = coarse[found > found.max() - 8]
    step = max(frame / 10, (near[-1] - near[0] + 2 * frame) / 400)
    fine = np.arange(max(first, near[0] - frame), min(last, near[-1] + frame), step)
    values = profile(fine)
    weight = np.exp(values - values.max())
    cumulative = np.cumsum(weight) / weight.sum()
    low, high = np.interp([0.025, 0.975], cumulative, fine)
    return float(fine[values.argmax()]), float(low), float(high)


def informed_onset(
    samples: Samples, drawn: Drawn, plateau: np.ndarray, residual: np.ndarray
) -> tuple[float, float, float]:
    """Mean onset and its 95 % interval if all is known but onset, tau and beta; doses are frames.

    By a grid of half doses, taus and betas, which is laid where the likelihood is.
    """
    frames = len(samples)
    log_tau, tau_weight = _nodes(drawn.tau, TAUS)
    log_beta, beta_weight = _nodes(drawn.beta, BETAS)
    log_beta = np.append(0.0, log_beta)
    beta_weight = np.append(drawn.exponential, (1 - drawn.exponential) * beta_weight)

    def laid(half: np.ndarray) -> tuple[np.ndarray, ...]:
        """Onset, tau, beta and log-prior, of those whose onset is possible."""
        tau, beta, dose = np.meshgrid(np.exp(log_tau), np.exp(log_beta), half, indexing="ij")
        onset = dose - tau * np.log(2) ** (1 / beta)
        prior = np.log(tau_weight[:, None, None] * beta_weight[:, None] * np.ones_like(half))
        prior += np.log(drawn.plateau * (half[1] - half[0]) / (np.ptp(drawn.onset) * frames))
        kept = (onset >= drawn.onset[0] * frames) & (onset <= drawn.onset[1] * frames)
        return onset[kept], tau[kept], beta[kept], prior[kept]

    half = np.linspace(drawn.onset[0] * frames, 1.3 * frames, HALF_DOSES)
    onset, tau, beta, prior = laid(half)
    found = likelihood_of(samples, onset, tau, beta, plateau, residual, exact=False)
    near = (onset + tau * np.log(2) ** (1 / beta))[found > found.max() - NEGLIGIBLE]
    cell = half[1] - half[0]
    with_plateau = laid(np.linspace(near.min() - cell, near.max() + cell, HALF_DOSES))
    tau, beta = (np.exp(a).ravel() for a in np.meshgrid(log_tau, log_beta, indexing="ij"))
    prior = np.log((1 - drawn.plateau) * np.outer(tau_weight, beta_weight).ravel())
    without = (np.zeros(len(tau)), tau, beta, prior)
    onset, tau, beta, prior = (np.concatenate(p) for p in zip(with_plateau, without, strict=True))
    rough = likelihood_of(samples, onset, tau, beta, plateau, residual, exact=False) + prior
    kept = rough > rough.max() - NEGLIGIBLE
    onset, tau, beta, prior = onset[kept], tau[kept], beta[kept], prior[kept]
    log_weight = likelihood_of(samples, onset, tau, beta, plateau, residual) + prior
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    _, low, high = quantiles(onset, weight)
    return float(weight @ onset), low, high


def _nodes(limits: tuple[float, float], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes of a logarithm between limits, and their weights."""
    weight = np.ones(count)
    weight[[0, -1]] = 0.5
    return np.linspace(np.log(limits[0]), np.log(limits[1]), count), weight / weight.sum()
