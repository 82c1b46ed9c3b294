"""The numbers of many places: how much of the lattice changed, and the course of all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.course.estimate import NOTHING, Estimate
from napari_beamwatch.damage.course.interval import Fitted
from napari_beamwatch.damage.field.place import Place
from napari_beamwatch.damage.field.thresholds import crossing

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
    course : Fitted, optional
        Of all of it.
    dose : array (frames,)
        At the middles of frames.
    """

    places: int = 0
    changed: float = float("nan")
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
    return Summed(len(seen), float(share[changed].sum()), course, middle)


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
    if not total > 0:
        return None
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
