"""Grains that rock in and out of view: what comes of their swings and of their sum.

A grain that rocks out of view seems lost, and another comes in: of many the sum is steady. What
swings may have been out of view when it changed, and then it did so later than it seems.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.course.estimate import Estimate
from napari_beamwatch.damage.course.examining import Examined
from napari_beamwatch.damage.course.interval import Fitted
from napari_beamwatch.damage.field.place import Place, grains_that_changed
from napari_beamwatch.damage.field.summed import Summed, course_of, passing
from napari_beamwatch.damage.parts import FIFTH, HALF, MOST, SEVERAL
from napari_beamwatch.damage.verdict.judging import Verdict

Floats = NDArray[np.float64]

GRAINS = 7
"""Crystals of which enough come into view for those that rock out."""


def _swings(seen: Sequence[Place], share: Floats) -> Floats:
    """Dose that the longest deep swing of each place lasts; 0 of those without any.

    What comes back after a place changed is of another lattice, that has spots where this one had.
    """
    deep = [[event for event in one.verdict.events if event.depth > FIFTH] for one in seen]
    settles = np.array([any(event.kind == "settling" for event in mine) for mine in deep])
    # What settles is the specimen that comes to rest, all of it at once, or a grain that swings in.
    counts = ("recovered",) if share[settles].sum() >= HALF else ("recovered", "settling")
    until = [_held(one.verdict) for one in seen]
    lasts = [
        [e.dose_to - e.dose_from for e in mine if e.kind in counts and e.dose_to <= end]
        for mine, end in zip(deep, until, strict=True)
    ]
    # What came later carries nothing of the lattice that was there, and comes as it grows.
    return np.array([max(mine, default=0.0) for mine in lasts]) * (share > 0)


def _held(told: Verdict) -> float:
    """Dose up to which what comes back is what was there."""
    if told.changed:
        return told.onset.high
    return np.inf if told.status == "survived" else told.held_until


def dips_of(seen: Sequence[Place], share: Floats) -> Floats:
    """Dose that swings of each last; of all, where so many rock that others will, too."""
    longest = _swings(seen, share)
    swing = longest > 0
    if swing.sum() < SEVERAL or swing[share > 0].mean() < FIFTH:
        return longest
    return np.asarray(np.maximum(longest, np.median(longest[swing])), np.float64)


def held_together(
    seen: Sequence[Place],
    swings: Floats,
    numbers: Summed,
    first: Estimate,
    all_of_it: Examined | None,
) -> Estimate | None:
    """The onset of all of the lattice, where it held while its places seem to have gone.

    A grain that rocks out of view seems lost, and another comes in: of many the sum is steady, and
    falls less than the courses of its places would have it. Where many rock some swing back.

    Parameters
    ----------
    seen : sequence of Place
    swings : array
        Doses that these last, as `dips_of`.
    numbers : Summed
    first : Estimate
        As the places have it.
    all_of_it : Examined, optional
        The power of all of their lattice as one trace.
    """
    if all_of_it is None or all_of_it.loss is None or grains_that_changed(seen) < GRAINS:
        return None
    if not swings.any():
        return None
    course = course_of(seen, np.array([one.power for one in seen]), numbers.dose)
    if course is None or not _steadier(all_of_it, course):
        return None
    # Grains that go one after the other take the sum down over a long stretch.
    onset, record = all_of_it.loss.course.onset, float(numbers.dose[-1] - numbers.dose[0])
    known = onset.high - onset.low < FIFTH * record
    return onset if known and onset.value > first.value else None


def _steadier(all_of_it: Examined, course: Fitted) -> bool:
    """Whether the sum fell by half, or less, of what its places seem to have lost, rather than so.

    It falls by all of it where they went one after the other: by 1.0 and 1.05 of it in two mosaics,
    by −0.5 and 0.65 in two fields that rocked.
    """
    if all_of_it.watch is None:
        return False
    samples, until = all_of_it.watch.samples, passing(course, MOST).value
    early = samples.end <= (np.inf if np.isnan(until) else until)
    y, windows = samples.y[:, early], samples.windows[:, early]
    middle = (samples.start[early] + samples.end[early]) / 2

    def misfit(shape: Floats) -> float:
        expected = samples.beam[early] * shape
        seen = np.maximum((windows * expected**2).sum(axis=1), 1e-300)
        level = (windows * y * expected).sum(axis=1) / seen
        return float((windows * (y - level[:, None] * expected) ** 2).sum())

    fell = np.interp(middle, course.dose, course.level)
    return misfit((1 + fell) / 2) < misfit(fell)
