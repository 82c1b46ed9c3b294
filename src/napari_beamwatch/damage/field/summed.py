"""The numbers of many places: how much of the lattice changed, by which dose half of it had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.course.estimate import NOTHING, WIDTH, Estimate
from napari_beamwatch.damage.course.interval import Fitted
from napari_beamwatch.damage.field.place import Place
from napari_beamwatch.damage.field.survival import DRAWS
from napari_beamwatch.damage.field.thresholds import crossing
from napari_beamwatch.damage.parts import HALF

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Summed:
    """The numbers of many places.

    Attributes
    ----------
    places : int
        That had a lattice at first.
    changed : float
        Part of the lattice that changed by the end.
    median : Estimate
        Dose by which half of it had.
    course : Fitted, optional
        Of all of it.
    dose : array (frames,)
        At the middles of frames.
    """

    places: int = 0
    changed: float = float("nan")
    median: Estimate = NOTHING
    course: Fitted | None = None
    dose: Floats = field(default_factory=lambda: np.zeros(0))


def summed(places: Sequence[Place], start: Floats, end: Floats) -> Summed:
    """The numbers of many places."""
    seen = [one for one in places if one.verdict.status != "no_lattice"]
    if not seen:
        return Summed()
    share = np.array([one.share for one in seen]) / max(sum(one.share for one in seen), 1e-300)
    changed = np.array([one.verdict.changed for one in seen])
    middle = (start + end) / 2
    course = course_of(seen, share, middle)
    return Summed(len(seen), float(share[changed].sum()), _median(seen, share), course, middle)


def _median(seen: Sequence[Place], share: Floats) -> Estimate:
    """Dose by which half of the lattice had changed; its interval resamples places."""
    seen, share = [one for one in seen if one.share > 0], share[share > 0]
    if not seen:
        return NOTHING
    onset = [one.verdict.onset if one.verdict.changed else NOTHING for one in seen]
    value, low, high = np.array([(each.value, each.low, each.high) for each in onset]).T
    if len(seen) == 1:
        return onset[0]
    middle = float(_half_of(np.where(np.isfinite(value), value, np.inf), share))
    if not np.isfinite(middle):
        return NOTHING
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(seen), size=(DRAWS, len(seen)))
    error = rng.standard_normal((DRAWS, len(seen)))
    side = np.where(error < 0, value - low, high - value)[np.arange(DRAWS)[:, None], drawn]
    doses = value[drawn] + error / WIDTH * side
    found = _half_of(np.where(np.isfinite(doses), doses, np.inf), share[drawn])
    ends = np.quantile(found, (0.025, 0.975), method="nearest")
    return Estimate(middle, *(float(end) if np.isfinite(end) else float("nan") for end in ends))


def _half_of(dose: Floats, share: Floats) -> Floats:
    """Dose by which half of the shares were gone, along the last axis."""
    order = np.argsort(dose, axis=-1, kind="stable")
    gone = np.take_along_axis(share, order, axis=-1).cumsum(axis=-1)
    half = (gone >= HALF * gone[..., -1:]).argmax(axis=-1)[..., None]
    return np.take_along_axis(dose, np.take_along_axis(order, half, axis=-1), axis=-1)[..., 0]


def course_of(seen: Sequence[Place], share: Floats, dose: Floats) -> Fitted | None:
    """Course of all of the lattice, relative to its plateau; those of places are independent."""
    told = [
        (part, one.verdict.fitted)
        for one, part in zip(seen, share, strict=True)
        if one.verdict.fitted is not None or one.verdict.status == "survived"
    ]
    if not any(fit is not None for _, fit in told):
        return None
    level, below, above = (np.zeros(len(dose)) for _ in range(3))
    total = sum(part for part, _ in told)
    for part, fit in told:
        if fit is None:
            level += part
            continue
        mine, low, high = (
            np.interp(dose, fit.dose, each) for each in (fit.level, fit.low, fit.high)
        )
        level += part * mine
        below += (part * (mine - low)) ** 2
        above += (part * (high - mine)) ** 2
    low, high = level - np.sqrt(below), level + np.sqrt(above)
    return Fitted(np.arange(len(dose)), level / total, low / total, high / total, dose)


def passing(course: Fitted | None, fraction: float) -> Estimate:
    """Dose at which a course passes a part of its plateau for good, with its interval."""
    if course is None:
        return NOTHING
    levels = (course.level, course.low, course.high)
    return Estimate(*(crossing(course.dose, each, fraction) for each in levels))
