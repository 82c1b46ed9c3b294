"""Fits of the models to the spots of a crystal: levels of each spot, onset and law of all.

Given onset, tau and beta, the expected signal of a spot is linear in two levels,
``beam·(plateau·h + residual·c)`` with h what remains and c what came instead, so these follow from
a few weighted least-squares steps (iteratively reweighted by the variance of the noise law [1]_).
The exact law is then evaluated there.

References
----------
.. [1] P. McCullagh, J. A. Nelder, Generalized Linear Models, 2nd ed., Chapman & Hall 1989, ch. 9.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.compiling import kernel
from napari_beamwatch.damage.course.law import log_density, quasi_log_likelihood
from napari_beamwatch.damage.course.models import come, remaining
from napari_beamwatch.damage.scopes import Samples

Floats = NDArray[np.float64]

NODE_SPACING, MOST_NODES = 0.08, 400
"""Signals at which the exact law of a sample is tabulated, by their square root: there its
logarithm is next to quadratic, and a cubic between four of them good to 1e-3."""

STEPS = 4
"""Reweighted steps from scratch; from a neighbour's levels two are enough."""


@dataclass(frozen=True, eq=False)
class Models:
    """Models to be weighed.

    Attributes
    ----------
    onset, tau : array (models,)
        In doses; an onset at the first sample's start is decay without a plateau.
    beta : array (models,)
    coherent : bool
        Whether what comes instead is one crystal, whose amplitudes add.
    """

    onset: Floats
    tau: Floats
    beta: Floats
    coherent: bool = False

    def __len__(self) -> int:
        return len(self.onset)

    def of(self, kept: NDArray[np.int64]) -> Models:
        """Some of them."""
        return Models(self.onset[kept], self.tau[kept], self.beta[kept], self.coherent)


@dataclass(frozen=True, eq=False)
class Weighed:
    """The likelihood of every model, and the levels it was found at.

    Attributes
    ----------
    models : Models
    log_likelihood : array (models,)
    plateau, residual : array (models, spots)
        Levels of each spot's signal-to-noise ratio in a beam of 1.
    """

    models: Models
    log_likelihood: Floats
    plateau: Floats
    residual: Floats

    @property
    def best(self) -> int:
        """Index of the most likely model."""
        return int(self.log_likelihood.argmax())

    def of(self, kept: NDArray[np.int64]) -> Weighed:
        """Some of them."""
        levels = self.plateau[kept], self.residual[kept]
        return Weighed(self.models.of(kept), self.log_likelihood[kept], *levels)

    @classmethod
    def together(cls, parts: Sequence[Weighed]) -> Weighed:
        """All models of several."""
        onset, tau, beta = (
            np.concatenate([getattr(part.models, name) for part in parts])
            for name in ("onset", "tau", "beta")
        )
        likely, plateau, residual = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("log_likelihood", "plateau", "residual")
        )
        models = Models(onset, tau, beta, parts[0].models.coherent)
        return cls(models, likely, plateau, residual)


@kernel()
def fit_levels(
    y: Floats,
    windows: Floats,
    in_phase: float,
    own: float,
    beam: Floats,
    shape: Floats,
    came: Floats,
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
                b = beam[t] * came[t]
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


@kernel()
def log_likelihood_of(
    y: Floats,
    windows: Floats,
    in_phase: float,
    own: float,
    beam: Floats,
    shape: Floats,
    came: Floats,
    plateau: float,
    residual: float,
    exact: bool,
) -> float:
    """Of one spot with given levels."""
    total = 0.0
    for t in range(len(y)):
        if windows[t] > 0:
            s = beam[t] * (plateau * shape[t] + residual * came[t])
            if exact:
                total += log_density(y[t], s, windows[t], in_phase, own)
            else:
                total += quasi_log_likelihood(y[t], s, windows[t], in_phase, own)
    return total


@kernel()
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
    coherent: bool,
    exact: bool,
    total: Floats,
    plateau: Floats,
    residual: Floats,
) -> None:
    """Log-likelihood and levels of many models; each starts from the levels of the one before."""
    spots = y.shape[0]
    for node in range(len(onset)):
        shape = remaining(start, end, onset[node], tau[node], beta[node])
        came = come(shape, coherent)
        total[node] = 0.0
        for i in range(spots):
            steps = STEPS if node == 0 else 2
            before = max(node - 1, 0)
            plateau[node, i], residual[node, i] = fit_levels(
                y[i], windows[i], in_phase[i], own[i], beam, shape, came,
                plateau[before, i], residual[before, i], steps,
            )  # fmt: skip
            total[node] += log_likelihood_of(
                y[i], windows[i], in_phase[i], own[i], beam, shape, came,
                plateau[node, i], residual[node, i], exact,
            )  # fmt: skip


def weighed(samples: Samples, models: Models, *, exact: bool) -> Weighed:
    """The likelihood of every model.

    Parameters
    ----------
    samples : Samples
    models : Models
        In an order in which neighbours are alike: each starts from the levels of the one before.
    exact : bool
        By the exact noise law, not the quasi-likelihood (which is several times faster).
    """
    shape = (len(models), len(samples.y))
    plateau, residual, total = np.zeros(shape), np.zeros(shape), np.zeros(len(models))
    usual = mean_levels(samples)
    plateau[:1], residual[:1] = usual, usual / 2
    weigh(
        samples.y, samples.windows, samples.in_phase, samples.own, samples.beam,
        samples.start, samples.end, models.onset, models.tau, models.beta,
        models.coherent, exact, total, plateau, residual,
    )  # fmt: skip
    return Weighed(models, total, plateau, residual)


@kernel()
def weigh_by_tables(
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
    coherent: bool,
    plateau: Floats,
    residual: Floats,
    highest: Floats,
    nodes: int,
    total: Floats,
) -> None:
    """Exact log-likelihood of models with given levels, by cubics between tabulated signals.

    Signals above the highest of a spot's table are rare and looked up in the law itself.
    """
    table = np.zeros((y.shape[0], y.shape[1], nodes))
    per_root = (nodes - 1) / np.sqrt(highest)
    for i in range(y.shape[0]):
        for t in range(y.shape[1]):
            if windows[i, t] > 0:
                for k in range(nodes):
                    s = (k / per_root[i]) ** 2
                    table[i, t, k] = log_density(y[i, t], s, windows[i, t], in_phase[i], own[i])
    for node in range(len(onset)):
        shape = remaining(start, end, onset[node], tau[node], beta[node])
        came = come(shape, coherent)
        total[node] = 0.0
        for i in range(y.shape[0]):
            for t in range(y.shape[1]):
                if windows[i, t] <= 0:
                    continue
                s = beam[t] * (plateau[node, i] * shape[t] + residual[node, i] * came[t])
                if s > highest[i]:
                    total[node] += log_density(y[i, t], s, windows[i, t], in_phase[i], own[i])
                    continue
                x = math.sqrt(s) * per_root[i]
                k = min(max(int(x), 1), nodes - 3)
                a, b, c, d = x - k + 1, x - k, x - k - 1, x - k - 2
                known = table[i, t]
                total[node] += a * d * (c * known[k] - b * known[k + 1]) / 2
                total[node] += b * c * (a * known[k + 2] - d * known[k - 1]) / 6


def exactly(samples: Samples, found: Weighed, kept: NDArray[np.int64]) -> Weighed:
    """Some of the models at their levels, weighed by the exact noise law.

    Parameters
    ----------
    samples : Samples
    found : Weighed
        By the quasi-likelihood.
    kept : array of int
        Models that are worth it; many, or their tables cost more than they save.
    """
    found, total = found.of(kept), np.zeros(len(kept))
    models, plateau, residual = found.models, found.plateau, found.residual
    # What is fitted is hardly ever above all that was measured.
    highest = np.maximum(samples.y.max(axis=1), 0.0) + 1.0
    nodes = min(4 + int(np.sqrt(highest.max()) / NODE_SPACING), MOST_NODES)
    weigh_by_tables(
        samples.y, samples.windows, samples.in_phase, samples.own, samples.beam,
        samples.start, samples.end, models.onset, models.tau, models.beta,
        models.coherent, plateau, residual, highest, nodes, total,
    )  # fmt: skip
    return Weighed(models, total, plateau, residual)


def mean_levels(samples: Samples) -> Floats:
    """Mean signal of each spot in a beam of 1, 0 or more."""
    seen = (samples.windows * samples.beam).sum(axis=1)
    summed = (samples.windows * samples.y).sum(axis=1)
    return np.asarray(np.maximum(summed / np.maximum(seen, 1e-300), 0.0))
