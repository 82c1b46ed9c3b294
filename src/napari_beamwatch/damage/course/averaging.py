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
    found = _average(samples, dispersion, coherent)
    left = misfit(samples, found)
    return found if left <= dispersion else _average(samples, left, coherent)


BLOCKS = 12
"""Stretches of a record over which what a model leaves is added up: what a wrong course leaves is
slow."""


def misfit(samples: Samples, found: Average) -> float:
    """How much more than noise the likeliest model leaves; 1 within the error of that."""
    samples = samples.binned(max(1, -(-len(samples) // (BLOCKS * 8))))
    best, models = found.best, found.weighed.models
    shape = remaining(
        samples.start, samples.end,
        float(models.onset[best]), float(models.tau[best]), float(models.beta[best]),
    )  # fmt: skip
    plateau, residual = found.weighed.plateau[best][:, None], found.weighed.residual[best][:, None]
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


def _average(samples: Samples, dispersion: float, coherent: bool) -> Average:
    frame = float(np.median(samples.end - samples.start))
    first, last = float(samples.start[0]), float(samples.end[-1])
    limits = _Limits(first, last, SHORTEST * frame, BRIEF * frame, 3 * (last - first))
    searched = _search(samples, limits, coherent)
    parts = []
    for plateau in (True, False):
        for stretched in (False, True):
            family = _Family(plateau, stretched, coherent)
            parts.append(_explored(samples, family, limits, searched, dispersion))
    models = Models(
        np.concatenate([tried.onset for tried, _ in parts]),
        np.concatenate([tried.tau for tried, _ in parts]),
        np.concatenate([tried.beta for tried, _ in parts]),
        coherent,
    )
    prior = np.concatenate([log_width for _, log_width in parts])
    plateau_of = np.concatenate([np.full(len(m), i < 2) for i, (m, _) in enumerate(parts)])
    found = weighed(samples, models, exact=False)
    log_weight = found.log_likelihood / dispersion + prior
    if not (len(models) and np.isfinite(log_weight.max())):
        raise BeamwatchError("no law of fading can be fitted to these traces")
    near = np.flatnonzero(log_weight >= log_weight.max() - NEGLIGIBLE)
    found, prior, plateau_of = exactly(samples, found, near), prior[near], plateau_of[near]
    log_weight = found.log_likelihood / dispersion + prior
    most = float(log_weight.max())
    weight = np.exp(log_weight - most)
    return Average(found, weight / weight.sum(), plateau_of, most + float(np.log(weight.sum())))


def _search(samples: Samples, limits: _Limits, coherent: bool) -> Weighed:
    """A coarse grid of models on binned samples."""
    coarse = samples.binned(max(1, -(-len(samples) // SEARCHED_SAMPLES)))
    cell = (limits.last - limits.first) / SEARCHED_ONSETS
    onsets = limits.first + cell * np.append(0.0, np.arange(SEARCHED_ONSETS) + 0.5)
    taus = np.geomspace(limits.brief * 2, limits.longest / 2, SEARCHED_TAUS)
    # Neighbours in the list are neighbours in the grid, for their levels start from each other.
    onset, beta, tau = (a.ravel() for a in np.meshgrid(onsets, SEARCHED_BETAS, taus, indexing="ij"))
    return weighed(coarse, Models(onset, tau, beta, coherent), exact=False)


def _explored(
    samples: Samples,
    family: _Family,
    limits: _Limits,
    searched: Weighed,
    dispersion: float,
) -> tuple[Models, Floats]:
    """Models of a family, and the log of prior over density drawn from and number."""
    of_family = (searched.models.onset > limits.first) == family.plateau
    if not family.stretched:
        of_family &= searched.models.beta == 1
    kept = np.flatnonzero(of_family)
    start = searched.models.of(kept)
    points = family.points(start)
    log_weight = searched.log_likelihood[kept] / dispersion
    whole = POINTS[family.size - 1]
    frame = float(samples.end[0] - samples.start[0])
    log_width = np.full(len(kept), -np.inf)
    models = start
    for turn in range(MOST_ROUNDS):
        count = whole if turn >= ROUNDS - 1 else whole // LEADING
        draws, log_density = _student(count, family.size)
        centre, root = _spread(points, log_weight, frame if family.plateau else 1.0)
        points = centre + draws @ root.T
        tried = family.models(points, limits.first)
        prior = limits.log_prior(family, tried)
        inside = np.flatnonzero(np.isfinite(prior))
        if not len(inside):
            break
        order = inside[np.argsort(points[inside, 0])]
        models = tried.of(order)
        points = points[order]
        density = log_density[order] - np.log(np.abs(np.linalg.det(root)))
        log_width = prior[order] - density - np.log(count)
        log_weight = weighed(samples, models, exact=False).log_likelihood / dispersion + log_width
        known = np.exp(log_weight - log_weight.max())
        if turn >= ROUNDS - 1 and _effective(known) > ENOUGH * family.size:
            break
    return models, log_width


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
