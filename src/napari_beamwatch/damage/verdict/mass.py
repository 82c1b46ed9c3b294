"""Particles that shrink, round or open voids for good, from their shapes in bins of dose.

Area, roundness and void area of each particle are fitted by a plateau and a lasting change that
begins at an onset, or with the first electron, and goes on for any length, sudden or gentle at
first and in the end. What the bins show are means over their exposure, and so are the
models. A change is there if the best model beats the plateau alone by more than noise does at the
rate of false alarms, which all particles and quantities share [1]_. The interval is taken over all
models that the trace allows, each weighted by its likelihood [2]_, so that it includes what is not
known of the course; a model may place an onset within a bin.

Counts are no evidence: a beam that changes, or a film, makes them. A particle that grows has taken
something up; that is contamination and no damage.

References
----------
.. [1] K. J. Worsley, An improved Bonferroni inequality and applications, Biometrika 69 (1982) 297.
.. [2] J. A. Hoeting, D. Madigan, A. E. Raftery, C. T. Volinsky, Statistical Science 14 (1999) 382.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from napari_beamwatch.damage.course.estimate import Estimate, quantiles
from napari_beamwatch.damage.parts import HALF, HARDLY, LITTLE

Floats = NDArray[np.float64]
Kind = Literal["shrank", "rounded", "voids", "grew"]

FEWEST = 6
"""Bins with a shape below which nothing is said: a model has four parameters."""

LEAST_ROUNDNESS = 0.04
"""By which 4πA/P² must rise."""

LEAST_VOIDS = 0.01
"""Part of the area that voids must take."""

ONSETS_PER_BIN = 4
LENGTHS = 14
STARTS, ENDS = (1.0, 1.5, 2.0), (1.0, 2.0, 4.0)
"""Courses 1 − (1 − u^start)^end of the part u of its length: sudden or gentle at first, and in the
end. Radii that shrink evenly have 1 and 2, a decay about 1 and 4, what is even in both 1 and 1."""

GENTLE = 0.2
"""Prior weight of gentle starts together: they slide over any plateau unless they are rare."""

PARAMETERS = 4
"""Two levels, an onset and a length."""

QUANTITIES = 4
"""Looks at a particle: area both ways, roundness, voids."""

ERROR_FREEDOM = 16
"""Degrees of freedom of a standard error, which is the scatter of some draws of noise."""


@dataclass(frozen=True, eq=False)
class ShapeTrace:
    """The shape of a particle; one value a bin, NaN where it cannot be seen.

    Attributes
    ----------
    particle : int
    dose_start, dose_end : array
        Of the bins, e/Å² or frames.
    area, roundness, voids : array (bins, 2)
        Value and standard error; area and voids in the same unit.
    """

    particle: int
    dose_start: Floats
    dose_end: Floats
    area: Floats
    roundness: Floats
    voids: Floats


@dataclass(frozen=True)
class ShapeChange:
    """A lasting change of the shape of a particle.

    Attributes
    ----------
    particle : int
    kind : str
        ``shrank``, ``rounded``, ``voids`` or ``grew``.
    onset : Estimate
        Dose.
    detected : float
        End of the first bin by which it passes the rate of false alarms.
    before, after : float
        Plateau, and the mean of the last two bins; voids in parts of the particle's first area.
    no_plateau : float
        Probability that it began with the first electron, given the change.
    late : bool
        It came in the last tenth of the record.
    bin_width : float
        Dose of a bin.
    """

    particle: int
    kind: Kind
    onset: Estimate
    detected: float
    before: float
    after: float
    no_plateau: float
    late: bool
    bin_width: float

    @property
    def words(self) -> str:
        """What it did and when, for a sentence."""
        moved = 100 * abs(self.after / self.before - 1) if self.before else 0.0
        did = {
            "shrank": f"lost {moved:.0f} % of its area",
            "grew": f"grew by {moved:.0f} %",
            "rounded": f"rounded off (4πA/P² {self.before:.2f} to {self.after:.2f})",
            "voids": f"opened voids over {100 * (self.after - self.before):.0f} % of its area",
        }[self.kind]
        since = f"from {self.onset.value:.3g} on ({self.onset.low:.3g}–{self.onset.high:.3g}"
        return f"particle {self.particle} {did} {since}, in bins of {self.bin_width:.3g})"


def find_shape_changes(
    traces: Sequence[ShapeTrace], false_alarm: float = 0.01
) -> tuple[ShapeChange, ...]:
    """Lasting changes of the particles of a movie, those of one particle beside each other.

    Parameters
    ----------
    traces : sequence of ShapeTrace
    false_alarm : float
        Chance of one or more false ones.
    """
    rate = false_alarm / max(1, QUANTITIES * len(traces))
    found: list[ShapeChange] = []
    for trace in traces:
        seen = trace.area[np.isfinite(trace.area[:, 0]), 0]
        if len(seen) < FEWEST:
            continue
        area = float(seen[:2].mean())
        shrank = _changed(trace, "shrank", trace.area, -1, HARDLY * area, rate)
        grew = _changed(trace, "grew", trace.area, 1, HARDLY * area, rate)
        rounded = _changed(trace, "rounded", trace.roundness, 1, LEAST_ROUNDNESS, rate)
        voids = _changed(trace, "voids", trace.voids / area, 1, LEAST_VOIDS, rate)
        # What grows over a particle evens its outline.
        mine = (shrank, grew, None if grew else rounded, voids)
        found += [one for one in mine if one is not None]
    return tuple(found)


def first_loss(changes: Sequence[ShapeChange]) -> ShapeChange | None:
    """The loss that surely had begun first."""
    losses = [one for one in changes if one.kind != "grew"]
    # By the upper end: a trace that tells little of its onset may place it anywhere.
    return min(losses, key=lambda one: one.onset.high, default=None)


def _changed(
    trace: ShapeTrace, kind: Kind, values: Floats, sign: int, least: float, rate: float
) -> ShapeChange | None:
    x, se = values[:, 0], values[:, 1]
    known = np.isfinite(x) & np.isfinite(se) & (se > 0) & np.isfinite(trace.dose_end)
    x, se = sign * x[known], se[known]
    start, end = trace.dose_start[known], trace.dose_end[known]
    if len(x) < FEWEST:
        return None
    fit = _Fit.of(start, end, x, se)
    if not fit.significant(rate) or not _stays(x, se, fit.level, least):
        return None
    onset, no_plateau = fit.onset()
    detected = next(
        float(end[n - 1])
        for n in range(FEWEST, len(x) + 1)
        if n == len(x) or _Fit.of(start[:n], end[:n], x[:n], se[:n]).significant(rate)
    )
    return ShapeChange(
        particle=trace.particle,
        kind=kind,
        onset=onset,
        detected=detected,
        before=sign * fit.level,
        after=sign * float(np.mean(x[-2:])),
        no_plateau=no_plateau,
        late=bool(onset.value > start[0] + (1 - LITTLE) * (end[-1] - start[0])),
        bin_width=float(np.median(end - start)),
    )


def _stays(x: Floats, se: Floats, level: float, least: float) -> bool:
    """Whether the last two bins are off the plateau by enough, and the change did not recover."""
    pairs = (x[1:] + x[:-1]) / 2 - level
    error = float(np.hypot(*se[-2:])) / 2
    return bool(pairs[-1] > max(least, 2 * error, HALF * float(pairs.max())))


@dataclass(frozen=True, eq=False)
class _Fit:
    """All models of a trace that rises for good, amplitudes fitted.

    Attributes
    ----------
    onsets, prior : array (models)
    step : float
        Dose between onsets.
    plateau : array of bool (models)
        The change began later than the record.
    gain : array (models)
        Fall of the misfit against a plateau alone, over the dispersion.
    level : float
        Of the plateau.
    bins : int
    """

    onsets: Floats
    prior: Floats
    step: float
    plateau: NDArray[np.bool_]
    gain: Floats
    level: float
    bins: int

    @classmethod
    def of(cls, start: Floats, end: Floats, x: Floats, se: Floats) -> _Fit:
        # On an axis of its own, so that models are the same for every trace.
        first, span = float(start[0]), float(end[-1] - start[0])
        onsets, gentle, paths = _models(tuple((start - first) / span), tuple((end - first) / span))
        weight = se**-2.0
        total = weight.sum()
        mean, means = float(weight @ x / total), paths @ weight / total
        away = paths - means[:, None]
        moment, square = away @ (weight * (x - mean)), away**2 @ weight
        amplitude = np.where(square > 1e-9 * total, moment, 0.0) / np.maximum(square, 1e-300)
        gain = np.maximum(amplitude, 0.0) ** 2 * square
        alone = float(weight @ (x - mean) ** 2)
        best = int(gain.argmax())
        spread = max(1.0, (alone - float(gain[best])) / (len(x) - PARAMETERS))
        # Without a plateau a particle loses most at once, or evenly.
        plateau = (onsets > 0) | gentle
        prior = np.where(gentle, GENTLE / gentle.sum(), (1 - GENTLE) / (~gentle & plateau).sum())
        prior[plateau] *= 0.5
        prior[~plateau] = 0.5 / (~plateau).sum()
        level = mean - float(max(amplitude[best], 0.0) * means[best])
        step = span / (ONSETS_PER_BIN * len(x))
        return cls(first + span * onsets, prior, step, plateau, gain / spread, level, len(x))

    def significant(self, rate: float) -> bool:
        """Whether a change beats the plateau alone at a rate of false alarms."""
        # Models whose onsets lie a bin apart are about independent; lengths say little more.
        limit = stats.t.isf(rate / (2 * self.bins), ERROR_FREEDOM) ** 2
        return bool(self.gain.max() > limit)

    def onset(self) -> tuple[Estimate, float]:
        """Onset with its interval, and the probability that there was no plateau."""
        weight = self.prior * np.exp((self.gain - self.gain.max()) / 2)
        weight /= weight.sum()
        middle, low, high = quantiles(self.onsets, weight)
        within = Estimate(
            middle, max(low - self.step / 2, float(self.onsets[0])), high + self.step / 2
        )
        return within, float(weight[~self.plateau].sum())


def path_of(dose: Floats, onset: Floats, length: Floats, start: float, end: float) -> Floats:
    """Integral from the onset to a dose of how far a change has come, from 0 up to 1.

    Parameters
    ----------
    dose, onset, length : array
    start, end : float
        Powers, as of `STARTS` and `ENDS`.
    """
    u = np.linspace(0, 1, 401)
    course = 1 - (1 - u**start) ** end
    total = np.concatenate([[0.0], np.cumsum((course[1:] + course[:-1]) / 2)]) / (len(u) - 1)
    since = np.maximum(dose - onset, 0.0) / length
    return np.asarray(length * (np.interp(since, u, total) + np.maximum(since - 1, 0.0)))


@lru_cache(64)
def _models(
    start: tuple[float, ...], end: tuple[float, ...]
) -> tuple[Floats, NDArray[np.bool_], Floats]:
    """Onsets, whether they are gentle, and paths (model, bin) of all models."""
    bins = len(start)
    every = np.arange(ONSETS_PER_BIN * bins) / (ONSETS_PER_BIN * bins)
    # From a change that is over within a bin to one of which the record sees the beginning.
    lengths = np.geomspace(0.05 / bins, 2.0, LENGTHS)
    onset, length = (axis.ravel()[:, None] for axis in np.meshgrid(every, lengths, indexing="ij"))
    first, last = np.array(start), np.array(end)
    courses = list(product(STARTS, ENDS))
    paths = [
        (path_of(last, onset, length, *powers) - path_of(first, onset, length, *powers))
        / (last - first)
        for powers in courses
    ]
    gentle = np.repeat([powers[0] > 1 for powers in courses], len(onset))
    return np.tile(onset[:, 0], len(courses)), gentle, np.concatenate(paths)
