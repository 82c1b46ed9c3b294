"""Whether the spots of a crystal fell together, told from the whole of their courses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.course.averaging import Average
from napari_beamwatch.damage.course.models import remaining
from napari_beamwatch.damage.likeness import distinct
from napari_beamwatch.damage.parts import SEVERAL
from napari_beamwatch.damage.scopes import Samples, Scope

Floats = NDArray[np.float64]

DAMAGE_SPREAD, TILT_SPREAD = 0.08, 0.45
"""Spread of the spots' exponents over their mean, if it is damage or a tilt."""

LEAST_COURSE = 1e-3
"""Part of the plateau below which nothing is left to tell spots apart by."""

SHARE_STEPS, SHARE_LIMITS, MEASURED_SHARE = 8, (0.02, 5.0), 1.0
"""Steps of the fit of the exponents, between what they lie, and the error above which one tells
nothing."""


@dataclass(frozen=True, eq=False)
class Shares:
    """How much of the common course each spot takes: its power goes as the course to that power.

    Attributes
    ----------
    exponent, se : array (spots,)
        1 for a spot that goes as all do.
    """

    exponent: Floats
    se: Floats


def shares(samples: Samples, found: Average, dispersion: float) -> Shares:
    """Exponent of each spot, from the whole of its course and not only its end.

    Damage takes all spots alike; a tilt of θ leaves ``exp(−c·θ²)`` of each, with a c of its own.
    """
    best, models = found.best, found.weighed.models
    onset, tau, beta = (float(a[best]) for a in (models.onset, models.tau, models.beta))
    shape = remaining(samples.start, samples.end, onset, tau, beta)
    plateau, residual = found.weighed.plateau[best], found.weighed.residual[best]
    kept = residual.sum() / max(float(plateau.sum()), 1e-12)
    log_course = np.log(np.maximum(shape + kept * (1 - shape), LEAST_COURSE))
    level, exponent = np.maximum(plateau, 1e-6), np.ones(len(plateau))
    for _ in range(SHARE_STEPS):
        signal = samples.beam * level[:, None] * np.exp(exponent[:, None] * log_course)
        variance = samples.variance(signal)
        weight = samples.windows / (variance * dispersion)
        # Newton's step in the logarithm of the level and in the exponent.
        pull = weight * signal * (samples.y - signal)
        known = weight * signal**2
        aa, ab, bb = (known @ log_course**k for k in range(3))
        ay, by = pull.sum(axis=1), pull @ log_course
        det = np.maximum(aa * bb - ab**2, 1e-12 * aa * bb + 1e-300)
        step = np.clip((aa * by - ab * ay) / det, -0.5, 0.5)
        level = level * np.exp(np.clip((bb * ay - ab * by) / det, -0.5, 0.5))
        exponent = np.clip(exponent + step, *SHARE_LIMITS)
    # Of a spot without any signal nothing is known.
    return Shares(exponent, np.sqrt(np.where(aa * bb > 1e-300, aa / det, np.inf)))


def fell_together(shares: Shares) -> float:
    """Probability of the spots' exponents if it is damage, over that if it is a tilt."""
    alike = np.ones(len(shares.exponent))
    return _told(shares, alike)


def high_first(shares: Shares, scope: Scope) -> float:
    """Probability of exponents that go with g², over that of a tilt or of damage to all alike.

    Disorder takes a part of all spots as a thermal motion that grows does.
    """
    g2 = np.array([trace.g**2 for trace in scope.traces])
    if distinct(scope.of_traces(shares.se < MEASURED_SHARE).traces) < SEVERAL:
        return 0.0
    as_disorder = _told(shares, g2 / g2.mean())
    return min(as_disorder, as_disorder / max(fell_together(shares), 1e-300))


def _told(shares: Shares, expected: Floats) -> float:
    """Probability of exponents in these proportions, over that of as many of a tilt."""
    some = shares.se < MEASURED_SHARE
    if some.sum() < 2:
        return 1.0

    def density(scale: Floats, spread: float) -> float:
        value, variance = shares.exponent[some] / scale, (shares.se[some] / scale) ** 2
        usual = float((value / variance).sum() / (1 / variance).sum())
        weight = 1 / (variance + (spread * usual) ** 2)
        mean = weight @ value / weight.sum()
        misfit = weight @ (value - mean) ** 2
        told = np.log(weight).sum() - np.log(weight.sum()) - misfit
        return float(told / 2 - np.log(scale).sum())

    alike = np.ones(int(some.sum()))
    gained = density(expected[some], DAMAGE_SPREAD) - density(alike, TILT_SPREAD)
    return float(np.exp(min(gained, 50.0)))
