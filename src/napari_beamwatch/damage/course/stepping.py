"""A loss before the loss: lattices that go in steps.

One onset is fitted to all that is lost. If a smaller part went before, the fit dates the larger
one, and the loss is seen before its onset, which is absurd: nothing can be detected before it
began. So the record up to the onset is looked at by itself, and a loss that lasts in it is fitted
by itself. If a part went, and more after a while, one law of decay fits neither: where it leaves
more than noise the record up to where half was gone is looked at by itself, too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from napari_beamwatch.damage.course.averaging import Average, average
from napari_beamwatch.damage.course.detection import FEWEST_SIDE, detect
from napari_beamwatch.damage.course.interval import Course, Fitted, course, fitted
from napari_beamwatch.damage.parts import LITTLE
from napari_beamwatch.damage.scopes import Samples


@dataclass(frozen=True, eq=False)
class Step:
    """What was lost first.

    Attributes
    ----------
    samples : Samples
        Of the record up to where more went.
    found : Average
    course : Course
        In which the loss is that up to there.
    """

    samples: Samples
    found: Average
    course: Course

    def after(
        self, samples: Samples, followed: Fitted, dispersion: float, scatter: float
    ) -> Course:
        """The course of what was left, told from all of a record after this was lost.

        Parameters
        ----------
        samples : Samples
        followed : Fitted
            What was fitted to all of it, as `fitted_in_steps`.
        dispersion : float
            How much wider than the noise law the traces scatter.
        scatter : float
            Standard deviation of the onsets of what is seen together, beyond their errors.
        """
        level = followed.level[: len(self.samples)]
        going = level - level[-1] > LITTLE * (level[0] - level[-1])
        rest = samples.without(np.arange(len(samples)) < int(going.sum()))
        return course(rest, average(rest, dispersion=dispersion), scatter)


def first_step(
    samples: Samples, whole: Course, found: Average, rate: float, dispersion: float, scatter: float
) -> Step | None:
    """The first part that was lost, if one was before the rest.

    Parameters
    ----------
    samples : Samples
        Without what recovered.
    whole : Course
        Of them.
    found : Average
        What that was told from.
    rate : float
        Chance of seeing a change where there is none.
    dispersion : float
        How much wider than the noise law the traces scatter.
    scatter : float
        Standard deviation of the onsets of what is seen together, beyond their errors.
    """
    for until in (whole.onset.value, whole.half_dose.value if found.misfit > 1 else np.nan):
        count = int((samples.end <= until).sum())
        before = samples.up_to(count)
        # Rarer than false alarms may be: a false step spoils an onset that is right.
        if count < 2 * FEWEST_SIDE or not detect(before, LITTLE * rate, dispersion).found:
            continue
        early = average(before, dispersion=dispersion)
        first = course(before, early, scatter)
        if first.loss >= LITTLE and not early.misfit >= found.misfit > 1:
            further = first_step(before, first, early, rate, dispersion, scatter)
            return further or Step(before, early, first)
    return None


def fitted_in_steps(samples: Samples, found: Average, step: Step | None) -> Fitted:
    """What was fitted to all of a lattice, after what was fitted to its first step.

    To the fit of all its plateau is a mean of that and of what the first step left, which nothing
    exceeds later.
    """
    whole = fitted(samples, found)
    if step is None:
        return whole
    first, count = fitted(step.samples, step.found), len(step.samples)
    scale = _plateau(samples, found) / _plateau(step.samples, step.found)
    parts = {
        name: np.append(early, np.minimum(early[-1], scale * getattr(whole, name)[count:]))
        for name, early in (("level", first.level), ("low", first.low), ("high", first.high))
    }
    return replace(whole, **parts, off=np.append(first.off, whole.off[count:]))


def _plateau(samples: Samples, found: Average) -> float:
    """Power of all spots before the onset."""
    return max(float(found.weighed.plateau[found.best] @ samples.extent), 1e-300)
