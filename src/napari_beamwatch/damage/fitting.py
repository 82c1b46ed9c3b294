"""Fits of the models to the spots of a crystal: levels of each spot, onset and law of all.

Given onset, tau and beta, the expected signal of a spot is linear in two levels,
``beam·(plateau·h + residual·(1 − h))`` with h what remains, so these follow from a few weighted
least-squares steps (iteratively reweighted by the variance of the noise law [1]_). What is left is
a grid of three: it is searched with the quasi-likelihood on binned frames, and what comes near the
best is weighed anew on all frames by the exact law.

References
----------
.. [1] P. McCullagh, J. A. Nelder, Generalized Linear Models, 2nd ed., Chapman & Hall 1989, ch. 9.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from napari_beamwatch.damage.law import log_density, quasi_log_likelihood
from napari_beamwatch.damage.models import BETAS, remaining
from napari_beamwatch.damage.scopes import Samples

Floats = NDArray[np.float64]

STEPS = 4
"""Reweighted steps from scratch; from a neighbour's levels two are enough."""

SEARCHED_SAMPLES = 60
"""Samples the first search is binned to."""

FINE_ONSETS, FINE_TAUS, FINE_STEPS = 40, 10, 4
"""Most onsets and the taus of the fine grid; most onsets within a frame."""

NEAR = 9.0
"""Log-likelihood below the best that a node of the search may lie to be weighed anew."""


@dataclass(frozen=True, eq=False)
class Nodes:
    """Models that come near the best, with the likelihood of each.

    Attributes
    ----------
    onset, tau, beta : array (nodes,)
        In doses.
    plain : array of bool (nodes,)
        Decay without a plateau, from the first sample's start.
    width : array (nodes,)
        Volume of the grid that a node stands for: dose of the onset times log of tau. Of nodes
        without a plateau that of tau alone.
    log_likelihood : array (nodes,)
    plateau, residual : array (nodes, spots)
        Levels of each spot's signal-to-noise ratio in a beam of 1.
    """

    onset: Floats
    tau: Floats
    beta: Floats
    plain: NDArray[np.bool_]
    width: Floats
    log_likelihood: Floats
    plateau: Floats
    residual: Floats

    @property
    def best(self) -> int:
        """Index of the most likely one."""
        return int(np.argmax(self.log_likelihood))


@njit(nogil=True, cache=True)
def fit_levels(
    y: Floats,
    windows: Floats,
    in_phase: float,
    own: float,
    beam: Floats,
    shape: Floats,
    plateau: float,
    residual: float,
    steps: int,
) -> tuple[float, float]:
    """Levels of one spot for what remains in each sample, from a first guess of them.

    Both are 0 or more; where the samples cannot tell them apart they are equal.
    """
    for _ in range(steps):
        aa = ab = bb = ay = by = 0.0
        for t in range(len(y)):
            if windows[t] > 0:
                a = beam[t] * shape[t]
                b = beam[t] - a
                s = a * plateau + b * residual
                weight = windows[t] / (2 * in_phase * s + own)
                aa += weight * a * a
                ab += weight * a * b
                bb += weight * b * b
                ay += weight * a * y[t]
                by += weight * b * y[t]
        det = aa * bb - ab * ab
        if det <= 1e-9 * (aa + bb) ** 2:
            level = max(0.0, (ay + by) / max(aa + 2 * ab + bb, 1e-300))
            return level, level
        plateau, residual = (bb * ay - ab * by) / det, (aa * by - ab * ay) / det
        if residual < 0:
            plateau, residual = max(ay, 0.0) / max(aa, 1e-300), 0.0
        if plateau < 0:
            plateau, residual = 0.0, max(by, 0.0) / max(bb, 1e-300)
    return plateau, residual


@njit(nogil=True, cache=True)
def log_likelihood_of(
    y: Floats,
    windows: Floats,
    in_phase: float,
    own: float,
    beam: Floats,
    shape: Floats,
    plateau: float,
    residual: float,
    exact: bool,
) -> float:
    """Of one spot with given levels."""
    total = 0.0
    for t in range(len(y)):
        if windows[t] > 0:
            s = beam[t] * (plateau * shape[t] + residual * (1 - shape[t]))
            if exact:
                total += log_density(y[t], s, windows[t], in_phase, own)
            else:
                total += quasi_log_likelihood(y[t], s, windows[t], in_phase, own)
    return total


@njit(nogil=True, cache=True)
def weigh(
    y: Floats,
    windows: Floats,
    in_phase: Floats,
    own: Floats,
    beam: Floats,
    start: Floats,
    end: Floats,
    onset: Floats,
    tau: Floats,
    beta: Floats,
    exact: bool,
    total: Floats,
    plateau: Floats,
    residual: Floats,
) -> None:
    """Log-likelihood and levels of many models; each starts from the levels of the one before."""
    spots = y.shape[0]
    for node in range(len(onset)):
        shape = remaining(start, end, onset[node], tau[node], beta[node])
        total[node] = 0.0
        for i in range(spots):
            steps = STEPS if node == 0 else 2
            before = max(node - 1, 0)
            plateau[node, i], residual[node, i] = fit_levels(
                y[i], windows[i], in_phase[i], own[i], beam, shape,
                plateau[before, i], residual[before, i], steps,
            )  # fmt: skip
            total[node] += log_likelihood_of(
                y[i], windows[i], in_phase[i], own[i], beam, shape,
                plateau[node, i], residual[node, i], exact,
            )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Grid:
    """Models to be weighed; the arrays of `Nodes` by those names."""

    onset: Floats
    tau: Floats
    beta: Floats
    plain: NDArray[np.bool_]
    width: Floats

    def of(self, some: NDArray[np.int64]) -> Grid:
        """Some of them."""
        return Grid(
            self.onset[some], self.tau[some], self.beta[some], self.plain[some], self.width[some]
        )


def weighed(samples: Samples, grid: Grid, *, exact: bool) -> Nodes:
    """The likelihood of every model of a grid."""
    count, spots = len(grid.onset), len(samples.y)
    plateau, residual = np.zeros((count, spots)), np.zeros((count, spots))
    usual = mean_levels(samples)
    plateau[:1], residual[:1] = usual, usual / 2
    total = np.zeros(count)
    weigh(
        samples.y, samples.windows, samples.in_phase, samples.own, samples.beam,
        samples.start, samples.end, grid.onset, grid.tau, grid.beta,
        exact, total, plateau, residual,
    )  # fmt: skip
    return Nodes(grid.onset, grid.tau, grid.beta, grid.plain, grid.width, total, plateau, residual)


def mean_levels(samples: Samples) -> Floats:
    """Mean signal of each spot in a beam of 1, 0 or more."""
    seen = (samples.windows * samples.beam).sum(axis=1)
    summed = (samples.windows * samples.y).sum(axis=1)
    return np.maximum(summed / np.maximum(seen, 1e-300), 0.0)


def steady_log_likelihood(samples: Samples, *, exact: bool) -> float:
    """Of no change at all."""
    shape = np.ones(len(samples))
    total = 0.0
    for i, level in enumerate(mean_levels(samples)):
        law = (samples.in_phase[i], samples.own[i], samples.beam, shape)
        fitted, _ = fit_levels(
            samples.y[i], samples.windows[i], *law, float(level), float(level), STEPS
        )
        total += log_likelihood_of(samples.y[i], samples.windows[i], *law, fitted, fitted, exact)
    return total


def fit(samples: Samples, *, exact: bool = True) -> Nodes:
    """All models that come near the best, from a search on binned samples.

    Parameters
    ----------
    samples : Samples
    exact : bool
        Weigh by the exact noise law, not the quasi-likelihood (which is several times faster).
    """
    coarse = samples.binned(max(1, -(-len(samples) // SEARCHED_SAMPLES)))
    first, last = float(samples.start[0]), float(samples.end[-1])
    frame = float(np.median(samples.end - samples.start))
    cell = (last - first) / len(coarse)
    taus = np.geomspace(frame / 2, 2 * (last - first), 10)
    found = weighed(coarse, _grid(first, coarse.start + cell / 2, taus, cell), exact=False)
    kept = found.log_likelihood > found.log_likelihood.max() - NEAR - 3
    low = max(first, float(found.onset[kept].min()) - cell)
    high = min(last, float(found.onset[kept].max()) + cell)
    step = max(frame / FINE_STEPS, (high - low) / FINE_ONSETS)
    shortest, longest = float(found.tau[kept].min()), float(found.tau[kept].max())
    taus = np.geomspace(max(taus[0], shortest / 1.8), min(taus[-1], longest * 1.8), FINE_TAUS)
    onsets = np.arange(low + step / 2, high, step)
    grid = _grid(first if found.plain[kept].any() else None, onsets, taus, step)
    fine = weighed(samples, grid, exact=False)
    if not exact:
        return fine
    near = np.flatnonzero(fine.log_likelihood > fine.log_likelihood.max() - NEAR)
    return weighed(samples, grid.of(near), exact=True)


def _grid(first: float | None, onsets: Floats, taus: Floats, step: float) -> Grid:
    """All combinations; `first` is the onset of those without a plateau, if they are wanted."""
    every = onsets if first is None else np.concatenate([[first], onsets])
    # Neighbours in the list are neighbours in the grid, for their levels start from each other.
    number, beta, tau = np.meshgrid(np.arange(len(every)), BETAS, taus, indexing="ij")
    plain = (number == 0).ravel() & (first is not None)
    log_step = float(np.log(taus[1] / taus[0]))
    width = np.where(plain, log_step, log_step * step)
    return Grid(every[number.ravel()], tau.ravel(), beta.ravel(), plain, width)
