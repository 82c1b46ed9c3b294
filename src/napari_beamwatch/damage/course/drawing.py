"""Drawing laws of a family, by adaptive importance sampling [1]_.

Points drawn from a wide Student distribution about what is known so far are weighed by the
quasi-likelihood, tempered so that enough of them count, and their mean and covariance make the next
distribution.

References
----------
.. [1] O. Cappé et al., J. Comput. Graph. Stat. 13 (2004) 907.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from napari_beamwatch.compiling import kernel
from napari_beamwatch.damage.course.families import Family, Limits
from napari_beamwatch.damage.course.fitting import Weighed, weighed
from napari_beamwatch.damage.scopes import Samples

Floats = NDArray[np.float64]

POINTS = (60, 240, 480)
"""Drawn a round in a family of one, two and three parameters."""

FREEDOM = 4.0
"""Degrees of freedom of the Student distribution that is drawn from."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """Models of a family that were drawn last.

    Attributes
    ----------
    family : Family
    weighed : Weighed
    points : array (models, parameters)
        Their coordinates.
    log_width : array (models,)
        Log of the prior over the density that they were drawn from, and over their number; −inf
        of those that were not.
    """

    family: Family
    weighed: Weighed
    points: Floats
    log_width: Floats

    @classmethod
    def searched(cls, grid: Weighed, family: Family, limits: Limits) -> Drawn:
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


def drawn(samples: Samples, last: Drawn, limits: Limits, dispersion: float, part: int = 1) -> Drawn:
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
    return Drawn(family, found, points[order], log_width)


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
    while effective(weight) < wanted and cold > 1e-6:
        cold *= 0.7
        weight = np.exp(cold * above)
    tempered: Floats = weight / weight.sum()
    return tempered


def relative(log_weight: Floats) -> Floats:
    """Weights over the greatest; 0 where none counts."""
    most = log_weight.max()
    return np.exp(log_weight - most) if np.isfinite(most) else np.zeros(len(log_weight))


@kernel()
def effective(weight: Floats) -> float:
    """Number of points that as good as count."""
    squares: float = (weight**2).sum()
    return weight.sum() ** 2 / squares if squares > 0 else 0.0


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
