"""All models that the traces allow, each with its weight: onset, decay, stretch, plateau or none.

There are four families: with and without a plateau, exponential and stretched. Each is explored by
adaptive importance sampling [1]_: points drawn from a wide Student distribution about what is known
so far are weighed by the quasi-likelihood, tempered so that enough of them count, and their mean
and covariance make the next distribution. The last points are weighed by the exact noise law. The
half dose stands in for the onset, for it is known well whatever tau and stretch are. Priors are
flat in onset, log beta and log tau, of which brief ones share a part; what a family's prior volume
costs it is what keeps the stretched models from being believed for nothing.

References
----------
.. [1] O. Cappé et al., J. Comput. Graph. Stat. 13 (2004) 907.
.. [2] R. W. M. Wedderburn, Biometrika 61 (1974) 439.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from napari_beamwatch.compiling import kernel
from napari_beamwatch.damage.course.estimate import WIDTH
from napari_beamwatch.damage.course.fitting import Models, Weighed, exactly, weighed
from napari_beamwatch.damage.course.models import come, remaining
from napari_beamwatch.damage.scopes import Samples
from napari_beamwatch.errors import BeamwatchError

Floats = NDArray[np.float64]

NO_PLATEAU = 0.15
"""Prior of a decay that begins with the first electron."""

STRETCHED = 2 / 3
"""Prior of a decay that is not exponential."""

SHORTEST, BRIEF, AT_ONCE = 0.005, 0.2, 0.15
"""Decays that are taken for possible and that a frame can hardly tell from a step, in frames, and
the prior of those: without them steps, which crystals take that fall or break, were dated half a
frame early and 9 of 40 intervals held them."""

LEAST_BETA, MOST_BETA = 0.5, 3.0
"""Stretches that are taken for possible, their logarithms alike: radiolysis is often exponential,
and nothing is known of what is not."""

FREEDOM = 4.0
"""Degrees of freedom of the Student distribution that is drawn from."""

NEGLIGIBLE = 9.0
"""Log-weight below the best at which a model is not worth the exact law."""


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
    """

    weighed: Weighed
    weight: Floats
    plateau: NDArray[np.bool_]
    log_evidence: float

    @property
    def best(self) -> int:
        """Index of the most likely model."""
        return int(np.argmax(self.weighed.log_likelihood))


@dataclass(frozen=True)
class _Family:
    plateau: bool
    stretched: bool
    coherent: bool

    @property
    def log_prior(self) -> float:
        whether = 1 - NO_PLATEAU if self.plateau else NO_PLATEAU
        return float(np.log(whether * (STRETCHED if self.stretched else 1 - STRETCHED)))

    @property
    def size(self) -> int:
        return 1 + self.plateau + self.stretched

    def points(self, models: Models) -> Floats:
        """Coordinates of models: [half dose,] log tau[, log beta]."""
        half = models.onset + models.tau * _half(models.beta)
        columns = [half] if self.plateau else []
        columns.append(np.log(models.tau))
        if self.stretched:
            columns.append(np.log(models.beta))
        return np.stack(columns, axis=1)

    def models(self, points: Floats, first: float) -> Models:
        """Models of coordinates."""
        tau = np.exp(points[:, int(self.plateau)])
        beta = np.exp(points[:, -1]) if self.stretched else np.ones(len(points))
        onset = points[:, 0] - tau * _half(beta) if self.plateau else np.full(len(points), first)
        return Models(onset, tau, beta, self.coherent)


def _half(beta: Floats) -> Floats:
    """Half dose after the onset, over tau."""
    return np.asarray(np.log(2) ** (1 / beta), np.float64)


@dataclass(frozen=True)
class _Limits:
    """Between which models lie: doses of the record, and taus; of brief ones it tells little."""

    first: float
    last: float
    shortest: float
    brief: float
    longest: float

    def log_prior(self, family: _Family, models: Models) -> Floats:
        """Density of the prior in the family's coordinates; −inf outside the limits."""
        known = (models.tau > self.shortest) & (models.tau < self.longest)
        known &= (models.beta > LEAST_BETA) & (models.beta < MOST_BETA)
        density = np.where(
            models.tau < self.brief,
            np.log(AT_ONCE / np.log(self.brief / self.shortest)),
            np.log((1 - AT_ONCE) / np.log(self.longest / self.brief)),
        )
        if family.plateau:
            known &= (models.onset > self.first) & (models.onset < self.last)
            density -= np.log(self.last - self.first)
        if family.stretched:
            density -= np.log(np.log(MOST_BETA / LEAST_BETA))
        return np.where(known, density + family.log_prior, -np.inf)


SEARCHED_BETAS = np.array([0.7, 1.0, 2.0])
"""Stretches of the first search."""


SEARCHED_ONSETS, SEARCHED_TAUS, SEARCHED_SAMPLES = 50, 10, 50
"""Nodes of the first search, and the samples it is made on."""

POINTS = (60, 240, 480)
"""Drawn a round in a family of one, two and three parameters."""

ROUNDS, MOST_ROUNDS, ENOUGH = 4, 9, 20.0
"""Of drawing; more while fewer points than so many a parameter count."""

LEADING = 2
"""Rounds before the fourth tell only where to draw, and do with one in so many of the points (an
RMS of 3.02 frames for 3.01 on the same 200 fades, in 0.80 times the time)."""


def average(samples: Samples, *, dispersion: float = 1.0, coherent: bool = False) -> Average:
    """Every model that counts, with its weight.

    Where even the best of them leaves more than noise (spots that do not quite share a course, a
    film that beats, a grain that rocks) all are believed by so much less [2]_.

    Parameters
    ----------
    samples : Samples
    dispersion : float
        How much wider than the noise law the traces scatter.
    coherent : bool
        Whether what comes instead is one crystal, whose amplitudes add.
    """
    frame = float(np.median(samples.end - samples.start))
    first, last = float(samples.start[0]), float(samples.end[-1])
    limits = _Limits(first, last, SHORTEST * frame, BRIEF * frame, 3 * (last - first))
    searched = _search(samples, limits, coherent)
    families = [_Family(plateau, stretched, coherent)
                for plateau in (True, False) for stretched in (False, True)]  # fmt: skip
    parts = [_Drawn.searched(searched, family, limits) for family in families]
    for _ in range(ROUNDS - 1):
        parts = [_drawn(samples, part, limits, dispersion, LEADING) for part in parts]
    best = max(parts, key=lambda part: float(part.log_weight(dispersion).max()))
    dispersion = max(dispersion, misfit(samples, best.weighed))
    for i, part in enumerate(parts):
        for _ in range(ROUNDS, MOST_ROUNDS + 1):
            part = _drawn(samples, part, limits, dispersion)
            if _effective(_relative(part.log_weight(dispersion))) > ENOUGH * part.family.size:
                break
        parts[i] = part
    found = Weighed.together([part.weighed for part in parts])
    log_width = np.concatenate([part.log_width for part in parts])
    plateau_of = np.concatenate([np.full(len(part.points), part.family.plateau) for part in parts])
    log_weight = found.log_likelihood / dispersion + log_width
    if not (len(log_weight) and np.isfinite(log_weight.max())):
        raise BeamwatchError("no law of fading can be fitted to these traces")
    near = np.flatnonzero(log_weight >= log_weight.max() - NEGLIGIBLE)
    found, plateau_of = exactly(samples, found, near), plateau_of[near]
    log_weight = found.log_likelihood / dispersion + log_width[near]
    weight = _relative(log_weight)
    evidence = float(log_weight.max() + np.log(weight.sum()))
    return Average(found, weight / weight.sum(), plateau_of, evidence)


BLOCKS = 12
"""Stretches of a record over which what a model leaves is added up: what a wrong course leaves is
slow."""


def misfit(samples: Samples, found: Weighed) -> float:
    """How much more than noise the likeliest model leaves; 1 within the error of that."""
    samples = samples.binned(max(1, -(-len(samples) // (BLOCKS * 8))))
    best, models = int(found.log_likelihood.argmax()), found.models
    shape = remaining(
        samples.start, samples.end,
        float(models.onset[best]), float(models.tau[best]), float(models.beta[best]),
    )  # fmt: skip
    plateau, residual = found.plateau[best][:, None], found.residual[best][:, None]
    expected = samples.beam * (plateau * shape + residual * come(shape, models.coherent))
    variance = 2 * samples.in_phase[:, None] * expected + samples.own[:, None]
    score = samples.windows * (samples.y - expected)
    edges = np.unique(np.linspace(0, len(samples), BLOCKS, endpoint=False).astype(np.int64))
    sums = np.add.reduceat(score, edges, axis=1)
    spread = np.add.reduceat(samples.windows * variance, edges, axis=1)
    known = spread > 0
    free = int(known.sum()) - 2 * len(samples.y) - 3
    if free < 5:
        return 1.0
    left = float((sums[known] ** 2 / spread[known]).sum()) / free
    return left if left > 1 + WIDTH * np.sqrt(2 / free) else 1.0


def _search(samples: Samples, limits: _Limits, coherent: bool) -> Weighed:
    """A coarse grid of models on binned samples."""
    coarse = samples.binned(max(1, -(-len(samples) // SEARCHED_SAMPLES)))
    cell = (limits.last - limits.first) / SEARCHED_ONSETS
    onsets = limits.first + cell * np.append(0.0, np.arange(SEARCHED_ONSETS) + 0.5)
    taus = np.geomspace(limits.brief * 2, limits.longest / 2, SEARCHED_TAUS)
    # Neighbours in the list are neighbours in the grid, for their levels start from each other.
    onset, beta, tau = (a.ravel() for a in np.meshgrid(onsets, SEARCHED_BETAS, taus, indexing="ij"))
    return weighed(coarse, Models(onset, tau, beta, coherent), exact=False)


@dataclass(frozen=True, eq=False)
class _Drawn:
    """Models of a family that were drawn last.

    Attributes
    ----------
    family : _Family
    weighed : Weighed
    points : array (models, parameters)
        Their coordinates.
    log_width : array (models,)
        Log of the prior over the density that they were drawn from, and over their number; −inf
        of those that were not.
    """

    family: _Family
    weighed: Weighed
    points: Floats
    log_width: Floats

    @classmethod
    def searched(cls, grid: Weighed, family: _Family, limits: _Limits) -> _Drawn:
        """Those of a grid."""
        mine = (grid.models.onset > limits.first) == family.plateau
        if not family.stretched:
            mine &= grid.models.beta == 1
        found = grid.of(np.flatnonzero(mine))
        width = np.full(len(found.models), -np.inf)
        return cls(family, found, family.points(found.models), width)

    def log_weight(self, dispersion: float) -> Floats:
        """Log of what each counts."""
        return self.weighed.log_likelihood / dispersion + self.log_width


def _drawn(
    samples: Samples, last: _Drawn, limits: _Limits, dispersion: float, part: int = 1
) -> _Drawn:
    """The next models of a family, about the last; one in so many of the usual.

    The last, where all of them lie outside the limits.
    """
    family = last.family
    count = POINTS[family.size - 1] // part
    draws, log_density = _student(count, family.size)
    scale = float(samples.end[0] - samples.start[0]) if family.plateau else 1.0
    known = last.weighed.log_likelihood / dispersion + np.nan_to_num(last.log_width, neginf=0.0)
    centre, root = _spread(last.points, known, scale)
    points = centre + draws @ root.T
    models = family.models(points, limits.first)
    prior = limits.log_prior(family, models)
    # Neighbours in the list are alike, for their levels start from each other.
    order = np.argsort(points[:, 0])
    order = order[np.isfinite(prior[order])]
    if not len(order):
        return last
    density = log_density[order] - np.log(np.abs(np.linalg.det(root)))
    log_width = prior[order] - density - np.log(count)
    found = weighed(samples, models.of(order), exact=False)
    return _Drawn(family, found, points[order], log_width)


def _spread(points: Floats, log_weight: Floats, scale: float) -> tuple[Floats, Floats]:
    """Mean and root of the covariance of points, tempered so that enough of them count.

    `scale` is that of the first coordinate.
    """
    weight = _tempered(log_weight, max(8.0, 0.1 * len(points)))
    centre = weight @ points
    away = points - centre
    covariance = (away * weight[:, None]).T @ away
    least = np.full(points.shape[1], 1e-9)
    least[0] *= scale**2
    return centre, np.linalg.cholesky(
        1.3 * covariance + np.diag(1e-4 * np.diag(covariance) + least)
    )


@kernel()
def _tempered(log_weight: Floats, wanted: float) -> Floats:
    """Weights that add up to 1, so much more alike than they are that enough points count."""
    above, cold = log_weight - log_weight.max(), 1.0
    weight = np.exp(above)
    while _effective(weight) < wanted and cold > 1e-6:
        cold *= 0.7
        weight = np.exp(cold * above)
    tempered: Floats = weight / weight.sum()
    return tempered


def _relative(log_weight: Floats) -> Floats:
    """Weights over the greatest."""
    return np.asarray(np.exp(log_weight - log_weight.max()), np.float64)


@kernel()
def _effective(weight: Floats) -> float:
    """Number of points that as good as count."""
    most: float = weight.sum() ** 2 / (weight**2).sum()
    return most


@lru_cache
def _student(count: int, size: int) -> tuple[Floats, Floats]:
    """Points of a standard Student distribution and its log-density there; always the same."""
    rng = np.random.default_rng(count)
    normal = rng.standard_normal((count, size))
    scale = np.sqrt(FREEDOM / rng.chisquare(FREEDOM, count))
    points = normal * scale[:, None]
    constant = gammaln((FREEDOM + size) / 2) - gammaln(FREEDOM / 2)
    constant -= size / 2 * np.log(FREEDOM * np.pi)
    density = constant - (FREEDOM + size) / 2 * np.log1p((points**2).sum(axis=1) / FREEDOM)
    return points, density
