"""All models that the traces allow, each with its weight: onset, decay, stretch, plateau or none.

Each family is drawn from, more and more narrowly; how much more than noise the best leaves, which
tells by how much all are believed less, is known before the last round. The last models are weighed
by the exact noise law.

References
----------
.. [1] R. W. M. Wedderburn, Biometrika 61 (1974) 439.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.course.drawing import Drawn, drawn, effective, relative
from napari_beamwatch.damage.course.estimate import WIDTH
from napari_beamwatch.damage.course.families import Family, Limits
from napari_beamwatch.damage.course.fitting import Models, Weighed, exactly, weighed
from napari_beamwatch.damage.course.models import come, remaining
from napari_beamwatch.damage.scopes import Samples
from napari_beamwatch.errors import BeamwatchError

Floats = NDArray[np.float64]

SEARCHED_BETAS = np.array([0.7, 1.0, 2.0])
"""Stretches of the first search."""

SEARCHED_ONSETS, SEARCHED_TAUS, SEARCHED_SAMPLES = 50, 10, 50
"""Nodes of the first search, and the samples it is made on."""

ROUNDS, MOST_ROUNDS, ENOUGH = 4, 9, 20.0
"""Of drawing; more while fewer points than so many a parameter count."""

LEADING = 2
"""Rounds before the fourth tell only where to draw, and by how much more than noise the traces
scatter. They do with one in so many of the points: an RMS of 3.02 frames for 3.01 on the same 200
fades."""

NEGLIGIBLE = 9.0
"""Log-weight below the best at which a model is not worth the exact law."""

BLOCKS = 12
"""Stretches of a record over which what a model leaves is added up: what a wrong course leaves is
slow."""


@dataclass(frozen=True, eq=False)
class Average:
    """Weighed models; the weights of all add up to 1.

    Attributes
    ----------
    weighed : Weighed
    weight : array (models,)
    plateau : array of bool (models,)
        Whether there is one.
    log_evidence : float
        Logarithm of the mean likelihood over the prior.
    misfit : float
        How much more than noise the likeliest leaves, see `misfit`.
    """

    weighed: Weighed
    weight: Floats
    plateau: NDArray[np.bool_]
    log_evidence: float
    misfit: float

    @property
    def best(self) -> int:
        """Index of the most likely model."""
        return self.weighed.best


def average(samples: Samples, *, dispersion: float = 1.0, coherent: bool = False) -> Average:
    """Every model that counts, with its weight.

    Where even the best of them leaves more than noise (spots that do not quite share a course, a
    film that beats, a grain that rocks) all are believed by so much less [1]_.

    Parameters
    ----------
    samples : Samples
    dispersion : float
        How much wider than the noise law the traces scatter.
    coherent : bool
        Whether what comes instead is one crystal, whose amplitudes add.
    """
    limits = Limits.of(samples)
    searched = _search(samples, limits, coherent)
    families = [Family(plateau, stretched, coherent)
                for plateau in (True, False) for stretched in (False, True)]  # fmt: skip
    parts = [Drawn.searched(searched, family, limits) for family in families]
    for _ in range(ROUNDS - 1):
        parts = [drawn(samples, part, limits, dispersion, LEADING) for part in parts]
    best = max(parts, key=lambda part: float(part.log_weight(dispersion).max()))
    more = misfit(samples, best.weighed)
    dispersion = max(dispersion, more)
    for i, part in enumerate(parts):
        for _ in range(ROUNDS, MOST_ROUNDS + 1):
            part = drawn(samples, part, limits, dispersion)
            if effective(relative(part.log_weight(dispersion))) > ENOUGH * part.family.size:
                break
        parts[i] = part
    found = Weighed.together([part.weighed for part in parts])
    log_width = np.concatenate([part.log_width for part in parts])
    plateau_of = np.concatenate([np.full(len(part.points), part.family.plateau) for part in parts])
    log_weight = found.log_likelihood / dispersion + log_width
    if not np.isfinite(log_weight.max()):
        raise BeamwatchError("no law of fading can be fitted to these traces")
    near = np.flatnonzero(log_weight >= log_weight.max() - NEGLIGIBLE)
    found, plateau_of = exactly(samples, found, near), plateau_of[near]
    log_weight = found.log_likelihood / dispersion + log_width[near]
    weight = relative(log_weight)
    evidence = float(log_weight.max() + np.log(weight.sum()))
    return Average(found, weight / weight.sum(), plateau_of, evidence, more)


def misfit(samples: Samples, found: Weighed) -> float:
    """How much more than noise the likeliest model leaves; 1 within the error of that."""
    samples = samples.binned(max(1, -(-len(samples) // (BLOCKS * 8))))
    said = expected(samples, found)
    variance = samples.variance(said)
    score = samples.windows * (samples.y - said)
    edges = stretches(len(samples))
    sums = np.add.reduceat(score, edges, axis=1)
    spread = np.add.reduceat(samples.windows * variance, edges, axis=1)
    known = spread > 0
    free = int(known.sum()) - 2 * len(samples.y) - 3
    if free < 5:
        return 1.0
    left = float((sums[known] ** 2 / spread[known]).sum()) / free
    return left if left > 1 + WIDTH * np.sqrt(2 / free) else 1.0


def expected(samples: Samples, found: Weighed) -> Floats:
    """What the likeliest model says of each spot in each sample."""
    best, models = found.best, found.models
    shape = remaining(
        samples.start, samples.end,
        float(models.onset[best]), float(models.tau[best]), float(models.beta[best]),
    )  # fmt: skip
    plateau, residual = found.plateau[best][:, None], found.residual[best][:, None]
    return np.asarray(
        samples.beam * (plateau * shape + residual * come(shape, models.coherent)), np.float64
    )


def stretches(length: int) -> NDArray[np.int64]:
    """Where the `BLOCKS` of a record of so many samples begin."""
    return np.unique(np.linspace(0, length, BLOCKS, endpoint=False).astype(np.int64))


def _search(samples: Samples, limits: Limits, coherent: bool) -> Weighed:
    """A coarse grid of models on binned samples."""
    coarse = samples.binned(max(1, -(-len(samples) // SEARCHED_SAMPLES)))
    cell = (limits.last - limits.first) / SEARCHED_ONSETS
    onsets = limits.first + cell * np.append(0.0, np.arange(SEARCHED_ONSETS) + 0.5)
    taus = np.geomspace(limits.brief * 2, limits.longest / 2, SEARCHED_TAUS)
    # Neighbours in the list are neighbours in the grid, for their levels start from each other.
    onset, beta, tau = (a.ravel() for a in np.meshgrid(onsets, SEARCHED_BETAS, taus, indexing="ij"))
    return weighed(coarse, Models(onset, tau, beta, coherent), exact=False)
