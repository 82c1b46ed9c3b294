"""The onset with its interval, and the doses at which the lattice passes a fraction.

Quantiles over all models that the traces allow (`averaging`), so that an interval includes what is
not known of the decay: its length, its stretch, and whether there was a plateau at all [1]_.

References
----------
.. [1] J. A. Hoeting, D. Madigan, A. E. Raftery, C. T. Volinsky, Statistical Science 14 (1999) 382.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.course.averaging import Average, expected
from napari_beamwatch.damage.course.estimate import Estimate, quantiles
from napari_beamwatch.damage.course.fitting import Models
from napari_beamwatch.damage.course.models import each_remaining
from napari_beamwatch.damage.scopes import Samples

Floats = NDArray[np.float64]

COUNTED = 0.999
"""Part of the weight of all models that a drawn course is taken from."""

WITHIN = 0.1
"""Frames to which an onset is told at best: how a lattice goes within a frame nobody sees. Of 21
mosaics whose interval was less than a frame wide half were off by 0.05 frames or more, one that
was told to 0.12 by 0.17."""


@dataclass(frozen=True)
class Course:
    """When a change began, and how it went on.

    Attributes
    ----------
    onset : Estimate
        Dose.
    no_plateau : float
        Probability that there was no plateau, given the change.
    at_start : float
        Probability that it began within the first frame: a shorter plateau nobody can tell.
    decay, dose_10, half_dose, dose_1e : Estimate
        Dose of the 1/e decay after the onset; doses at which what is left passes 90 %, 50 % and
        1/e of the plateau.
    loss : float
        Part of the plateau that is gone at the end of the record.
    stays : float
        Part of it that surely stays, however long one looks.
    """

    onset: Estimate
    no_plateau: float
    at_start: float
    decay: Estimate
    dose_10: Estimate
    half_dose: Estimate
    dose_1e: Estimate
    loss: float
    stays: float


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a lattice did by all models together, relative to its plateau, with its 95 % band.

    Attributes
    ----------
    frame : array of int64
    level, low, high : array of float64
    dose : array of float64
        At the middle of each frame.
    off : array of float64
        How far all of the lattice lay off the likeliest model, in standard deviations of noise;
        empty where that is not known.
    """

    frame: NDArray[np.int64]
    level: Floats
    low: Floats
    high: Floats
    dose: Floats
    off: Floats = field(default_factory=lambda: np.zeros(0))


def fitted(samples: Samples, found: Average) -> Fitted:
    """The course of the whole lattice over the frames, as a beam that is steady would show it."""
    order = np.argsort(-found.weight)
    count = int(np.searchsorted(np.cumsum(found.weight[order]), COUNTED)) + 1
    chosen, models = order[:count], found.weighed.models
    kept = _kept(samples, found)[chosen, None]
    shapes = each_remaining(
        samples.start, samples.end, models.onset[chosen], models.tau[chosen], models.beta[chosen]
    )
    level = kept + (1 - kept) * shapes
    weight = found.weight[chosen] / found.weight[chosen].sum()
    bands = [quantiles(column, weight) for column in np.ascontiguousarray(level.T)]
    middle, low, high = np.array(bands).T
    dose = (samples.start + samples.end) / 2
    return Fitted(samples.frame, middle, low, high, dose, _off(samples, found))


def _off(samples: Samples, found: Average) -> Floats:
    """How far all of the lattice lay off the likeliest model, in standard deviations of noise."""
    said = expected(samples, found.weighed)
    variance = samples.variance(said)
    slope = samples.windows / variance * found.weighed.plateau[found.best][:, None]
    known = (slope**2 * variance / np.maximum(samples.windows, 1e-300)).sum(axis=0)
    score = (slope * (samples.y - said)).sum(axis=0)
    return np.asarray(score / np.sqrt(np.maximum(known, 1e-300)), np.float64)


def _kept(samples: Samples, found: Average) -> Floats:
    """Part of the power of all spots on the plateau that each model leaves for good.

    A level is a mean over the windows of a spot: what one window shows is little of a lattice that
    sixteen do.
    """
    total = found.weighed.plateau @ samples.extent
    left = found.weighed.residual @ samples.extent / np.maximum(total, 1e-300)
    return np.asarray(np.minimum(left, 1.0), np.float64)


def course(samples: Samples, found: Average, scatter: float = 0.0) -> Course:
    """Onset, decay and crossings of what was fitted, with their intervals.

    Parameters
    ----------
    samples : Samples
    found : Average
    scatter : float
        Standard deviation of the onsets of what is seen together, beyond their errors.
    """
    models, weight = found.weighed.models, found.weight
    last = float(samples.end[-1])
    kept = _kept(samples, found)
    since = np.maximum(last - models.onset, 0) / models.tau
    final = kept + (1 - kept) * np.exp(-(since**models.beta))

    def crossing(fraction: float) -> Estimate:
        with np.errstate(divide="ignore", invalid="ignore"):
            after = models.tau * (-np.log((fraction - kept) / (1 - kept))) ** (1 / models.beta)
        dose = np.where(kept < fraction, models.onset + after, 1e300)
        return _within(quantiles(dose, weight), last)

    frame = float(np.median(samples.end - samples.start))
    apart = float(np.hypot(scatter, WITHIN * frame))
    return Course(
        _onset(models, weight).scattered(apart, float(samples.start[0])),
        float(weight[~found.plateau].sum()),
        float(weight[models.onset <= samples.end[0]].sum()),
        _within(quantiles(models.tau, weight), last - float(samples.start[0])),
        crossing(0.9),
        crossing(0.5),
        crossing(float(np.exp(-1))),
        1 - float(weight @ final),
        quantiles(kept, weight)[1],
    )


def _onset(models: Models, weight: Floats) -> Estimate:
    """The onset; its interval begins where it would, were the decay known not to be exponential.

    Most decays are, and gain by a prior that says so. It dates those late that begin with a
    shoulder: of decays with a stretch above 1.6 such intervals held 179 of 196, and these 185.
    """
    value, low, high = quantiles(models.onset, weight)
    stretched = models.beta != 1
    some = weight[stretched]
    if some.sum() > 0:
        low = min(low, quantiles(models.onset[stretched], some / some.sum())[1])
    return Estimate(value, low, high)


def _within(quantiles: tuple[float, float, float], most: float) -> Estimate:
    """What lies beyond the record is not known."""
    return Estimate(*(value if value <= most else float("nan") for value in quantiles))
