"""What the traces of one place show, before anything is said of why.

Whether something changed for good, when and how it went on, what is left of each spot, which spots
came and which spacings moved. The verdict (`judging`) needs that of all places of a field, for
focus, beam and thickness act on all of them at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.course.appearing import (
    Appearance,
    appeared,
    brightened,
    solid,
    there_at_first,
)
from napari_beamwatch.damage.course.averaging import Average, average
from napari_beamwatch.damage.course.detection import (
    Detection,
    detect,
    dispersion_of,
    first_detected,
    lost_from,
)
from napari_beamwatch.damage.course.dips import Dips, Event, find_dips
from napari_beamwatch.damage.course.estimate import NOTHING, ONE_SIDED, Estimate
from napari_beamwatch.damage.course.fitting import mean_levels
from napari_beamwatch.damage.course.interval import Course, Fitted, course
from napari_beamwatch.damage.course.left import Left, what_is_left
from napari_beamwatch.damage.course.power import Power, power_of
from napari_beamwatch.damage.course.scanning import common_trace
from napari_beamwatch.damage.course.spacing import Shift, find_shift
from napari_beamwatch.damage.course.stepping import Step, first_step, fitted_in_steps
from napari_beamwatch.damage.parts import HALF
from napari_beamwatch.damage.scopes import Samples, Scope, SpotTrace, samples_of

Floats = NDArray[np.float64]

FEWEST_FRAMES = 8
"""Measured frames below which no change is told."""


@dataclass(frozen=True, eq=False)
class Loss:
    """A lasting loss.

    Attributes
    ----------
    found : Average
    course : Course
    fitted : Fitted
    left : Left
    detected, lost : float
        First dose at which the evidence passes the rate of false alarms; dose from which the
        lattice is below detection for good.
    first : Step, optional
        What was lost before the onset of the whole.
    """

    found: Average
    course: Course
    fitted: Fitted
    left: Left
    detected: float
    lost: float
    first: Step | None = None


@dataclass(frozen=True, eq=False)
class Watch:
    """How the lattice that was there at first was watched.

    Attributes
    ----------
    samples : Samples
        What recovered is left out.
    dips : Dips
        That.
    power : Power
    seen : Detection
    dispersion : float
        How much wider than the noise law the traces scatter.
    spoiled : bool
        Whether a loss would have been found somewhere, had all of the record been like the rest.
    """

    samples: Samples
    dips: Dips
    power: Power
    seen: Detection
    dispersion: float
    spoiled: bool = False


@dataclass(frozen=True, eq=False)
class Examined:
    """What a place shows.

    Attributes
    ----------
    scope : Scope
        With the traces of what came in its windows.
    there : array of bool (traces,)
        Those of the lattice that was there at first.
    frames : int
        In which anything was measured.
    new : tuple of Appearance
        Spots that came.
    watch : Watch, optional
        None where there was no lattice, or too few frames.
    loss : Loss, optional
    shift : Shift, optional
    every : Samples, optional
        Of all traces of the scope; None where there are too few frames.
    dispersion : float
        How much wider than the noise law they scatter.
    """

    scope: Scope
    there: NDArray[np.bool_]
    frames: int
    new: tuple[Appearance, ...] = ()
    watch: Watch | None = None
    loss: Loss | None = None
    shift: Shift | None = None
    every: Samples | None = None
    dispersion: float = 1.0

    @cached_property
    def old(self) -> Scope:
        """The lattice that was there at first."""
        return self.scope.of_traces(self.there)

    @cached_property
    def crystals(self) -> frozenset[int]:
        """Those of the lattice that was there at first."""
        return frozenset(trace.crystal for trace in self.old.traces)

    @cached_property
    def at_first(self) -> tuple[SpotTrace, ...]:
        """Traces of what was there in the first quarter."""
        if self.every is None or not self.there.any():
            return ()
        return self.old.of_traces(solid(self.every.of_spots(self.there))).traces

    @cached_property
    def held(self) -> Floats:
        """Lengths of their g-vectors."""
        return np.array([trace.g for trace in self.at_first])

    @cached_property
    def brighter(self) -> tuple[SpotTrace, ...]:
        """Traces of the scope that are brighter in the last quarter, those that came among them."""
        if self.every is None:
            return ()
        return self.scope.of_traces(brightened(self.every, self.dispersion)).traces

    @property
    def fresh(self) -> NDArray[np.bool_]:
        """Traces of the scope that came."""
        came = np.zeros(len(self.scope.traces), bool)
        came[[one.index for one in self.new]] = True
        return came

    @property
    def began(self) -> Estimate:
        """Dose of the field at which it began to go; NaN of what did not."""
        return NOTHING if self.loss is None else self.loss.course.onset.over(self.scope.exposure)

    @property
    def span(self) -> tuple[float, float]:
        """Doses of the field between which half of it went."""
        if self.loss is None:
            return math.nan, math.nan
        half = self.loss.course.half_dose.high / self.scope.exposure
        return self.began.low, float(np.fmax(self.began.high, half))

    def dips_within(self, since: float, until: float) -> list[Event]:
        """What came and went, some of it between these doses of the field."""
        events, exposure = self.watch.dips.events if self.watch else (), self.scope.exposure
        return [
            e for e in events if e.dose_from <= until * exposure and since * exposure <= e.dose_to
        ]

    @cached_property
    def lost(self) -> tuple[SpotTrace, ...]:
        """Spots of which it lost more than half."""
        return () if self.loss is None else self.old.of_traces(self.loss.left.ratio < HALF).traces

    def kept_at(self, dose: float) -> tuple[float, float]:
        """Part of its lattice that is left at a dose, from and to; NaN where it does not tell."""
        if self.watch is None:
            return float("nan"), float("nan")
        if self.loss is None:
            held = self.watch.power.survived_dose >= dose
            return self._beyond(dose) if held else (float("nan"), float("nan"))
        ends, fit = self.watch.samples.end, self.loss.fitted
        return float(np.interp(dose, ends, fit.low)), float(np.interp(dose, ends, fit.high))

    def _beyond(self, dose: float) -> tuple[float, float]:
        """What a lattice that held has from a dose on over what it had before, 95 % each way."""
        end, value, weight = self._as_one
        levels, errors = [], []
        for side in (end <= dose, end > dose):
            total = float(weight[side].sum())
            if not total > 0:
                return 1.0, 1.0
            levels.append(float(weight[side] @ value[side]) / total)
            errors.append(total**-0.5)
        before, after = levels
        if not before > 0:
            return float("nan"), float("nan")
        error = ONE_SIDED * math.hypot(errors[1], errors[0] * after / before) / before
        return min(after / before - error, 1.0), max(after / before + error, 1.0)

    @cached_property
    def _as_one(self) -> tuple[Floats, Floats, Floats]:
        """Doses, values and weights of its spots as one trace: every other place asks for it."""
        assert self.watch is not None
        samples = self.watch.samples
        value, variance = common_trace(samples, mean_levels(samples))
        return samples.end, value, 1 / (self.watch.dispersion * variance)


def examine(
    scope: Scope,
    mean_counts: Floats | None,
    *,
    rate: float = 0.01,
    spacing: float = 0.01,
    d_tolerance: float = 1.0,
) -> Examined:
    """Examine the traces of a place.

    Parameters
    ----------
    scope : Scope
    mean_counts : array (frames,), optional
        Mean signal of the frames.
    rate : float
        Chance of seeing a change where there is none.
    spacing : float
        Chance of seeing spacings move that stay; 0 not to look for that.
    d_tolerance : float
        Percent of a spacing below which a shift is none.
    """
    every = samples_of(scope, mean_counts)
    if len(every) < FEWEST_FRAMES or not scope.traces:
        return Examined(scope, np.ones(len(scope.traces), bool), len(every))
    dispersion = dispersion_of(every)
    powder = np.array([trace.ring for trace in scope.traces], bool)
    new = appeared(every, rate, dispersion, powder)
    fresh = np.zeros(len(scope.traces), bool)
    fresh[[one.index for one in new]] = True
    # Of powders each ring stands for itself.
    lattice = [-1 - i if one.ring else one.crystal for i, one in enumerate(scope.traces)]
    there = there_at_first(every, fresh, np.unique(lattice, return_inverse=True)[1])
    if not there.any():
        return Examined(scope, there, len(every), new, every=every, dispersion=dispersion)
    old = every.of_spots(there)
    dips = find_dips(old, dispersion)
    samples = old.without(dips.masked)
    power, seen = power_of(samples, rate, dispersion), detect(samples, rate, dispersion)
    spoiled = False
    if dips.events and math.isnan(power.survived_dose):
        had_it_held = power_of(old, rate, dispersion, mean_levels(samples))
        spoiled = not math.isnan(had_it_held.survived_dose)
    return Examined(
        scope,
        there,
        len(every),
        new,
        Watch(samples, dips, power, seen, dispersion, spoiled),
        _loss(samples, rate, dispersion, scope.scatter) if seen.found else None,
        find_shift(scope.of_traces(there), d_tolerance / 100, spacing) if spacing else None,
        every,
        dispersion,
    )


def _loss(samples: Samples, rate: float, dispersion: float, scatter: float) -> Loss:
    found = average(samples, dispersion=dispersion)
    whole = course(samples, found, scatter)
    step = first_step(samples, whole, found, rate, dispersion, scatter)
    return Loss(
        found,
        whole,
        fitted_in_steps(samples, found, step),
        what_is_left(samples, found, dispersion),
        first_detected(samples, rate, dispersion),
        lost_from(samples, rate, dispersion),
        step,
    )
