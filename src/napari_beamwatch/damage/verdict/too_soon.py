"""Losses near the end of a record, which may yet come back."""

from __future__ import annotations

from collections.abc import Sequence

from napari_beamwatch.damage.course.alarm import BEYOND_DIPS
from napari_beamwatch.damage.course.examining import Examined, Watch
from napari_beamwatch.damage.course.interval import Course
from napari_beamwatch.damage.parts import HALF, LITTLE, SEVERAL
from napari_beamwatch.damage.scopes import Samples
from napari_beamwatch.damage.verdict.others import fallen_with

TOO_LATE = "the change came in the last tenth of the record"


def too_soon(one: Examined, watch: Watch, went: Course, others: Sequence[Examined]) -> str:
    """Why a loss at the end cannot be called yet, if so."""
    samples = watch.samples
    if late(samples, went.onset.value):
        return TOO_LATE
    lasted = len(samples) - watch.seen.place
    if lasted < max(0.05 * len(samples), BEYOND_DIPS * watch.dips.longest):
        return "the record ends in a dip like those before, which recovered"
    if lasted < BEYOND_DIPS * _rocking(one, went, others):
        return "the record ends in a dip like those of most other places, which recovered"
    # Windows that leave the detector do not see what comes back.
    last = float(samples.end[(samples.windows > 0).any(axis=0)][-1])
    since, until = (dose / one.scope.exposure for dose in (last, went.onset.high))
    dips = [event for each in others for event in each.dips_within(since, until)]
    if any(dip.as_deep(went.loss) for dip in dips):
        return f"it is not seen beyond {last:.4g}, and what fell with it elsewhere recovered later"
    return ""


def _rocking(one: Examined, went: Course, others: Sequence[Examined]) -> int:
    """Samples of the longest dip of what holds, or of what fell with it, if most dip as deep."""
    holds = [each for each in others if each.loss is None or each.loss.course.loss < LITTLE]
    fell = [each for each in fallen_with(one, went.onset, others) if each not in holds]
    longest = 0
    for some, least in ((holds, SEVERAL), (fell, 1)):
        dips = [each.watch.dips for each in some if each.watch]
        dipped = [
            each.longest for each in dips if any(dip.as_deep(went.loss) for dip in each.events)
        ]
        if len(dipped) >= max(least, HALF * len(dips)):
            longest = max(longest, *dipped)
    return longest


def late(samples: Samples, onset: float) -> bool:
    """Whether it is in the last tenth."""
    length = samples.end[-1] - samples.start[0]
    return bool(onset > samples.start[0] + (1 - LITTLE) * length)
