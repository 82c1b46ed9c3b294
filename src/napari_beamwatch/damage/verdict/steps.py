"""When a loss that went in steps began, and how that is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, replace

from napari_beamwatch.damage.course.estimate import Estimate
from napari_beamwatch.damage.course.examining import Examined, Loss, Watch
from napari_beamwatch.damage.course.interval import Course
from napari_beamwatch.damage.verdict.together import fell_together, shares


def begun_with(
    one: Examined, loss: Loss, watch: Watch, others: Sequence[Examined]
) -> tuple[Course, str]:
    """The course of a loss, dated by its first step, and what is said of that.

    What went first may have been the work of a tilt or focus: if its spots did not fall together,
    or about as much came back, here before or elsewhere what went then, that or what was lost after
    it may be the onset, and the interval holds both.

    Parameters
    ----------
    one : Examined
    loss : Loss
    watch : Watch
        Of the same place.
    others : sequence of Examined
        The other places of the field.
    """
    went, step = loss.course, loss.first
    if step is None:
        return went, ""
    first, part = step.course, f"{100 * step.course.loss:.0f} % was lost"
    together = fell_together(shares(step.samples, step.found, watch.dispersion)) > 1
    exposure = one.scope.exposure
    since, until = first.onset.low / exposure, step.samples.end[-1] / exposure
    dips = [e for each in others for e in each.dips_within(since, until)]
    if not together or any(e.as_deep(first.loss) for e in (*watch.dips.events, *dips)):
        later = step.after(watch.samples, loss.fitted, watch.dispersion, one.scope.scatter)
        value, low, high = zip(*(astuple(each.onset) for each in (first, later)), strict=True)
        onset = Estimate(max(value), min(low), max(high))
        said = f"{part} from {first.onset.value:.4g} on, and a tilt or focus may have taken that"
        return replace(went, onset=onset), said
    dated = replace(
        went, onset=first.onset, no_plateau=first.no_plateau, at_start=first.at_start,
        dose_10=first.dose_10, decay=_between(first.onset, went.dose_1e),
    )  # fmt: skip
    return dated, f"{part} first, more later"


def _between(onset: Estimate, dose: Estimate) -> Estimate:
    return Estimate(dose.value - onset.value, dose.low - onset.high, dose.high - onset.low)
