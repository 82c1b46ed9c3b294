"""The verdict on one scope: status, criterion, doses with intervals, and why in words."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from napari_beamwatch.damage.appearing import (
    appeared,
    faded,
    joined,
    of_lattice,
    solid,
    turned,
)
from napari_beamwatch.damage.averaging import QUICK, THOROUGH, Average, Effort, average
from napari_beamwatch.damage.detection import detect, dispersion_of, first_detected, lost_from
from napari_beamwatch.damage.dips import Dips, Event, find_dips
from napari_beamwatch.damage.fitting import Models, weighed
from napari_beamwatch.damage.interval import NOTHING, Course, Estimate, Fitted, course, fitted
from napari_beamwatch.damage.irreversible import SMALLEST_LOSS, judge_loss, what_is_left
from napari_beamwatch.damage.power import LATE, Power, power_of
from napari_beamwatch.damage.scopes import Samples, Scope, Witnesses, samples_of
from napari_beamwatch.damage.spacing import Shift, find_shift

Status = Literal["onset", "survived", "damaged_at_start", "no_lattice", "ambiguous"]
Floats = NDArray[np.float64]

FEWEST_FRAMES = 8
"""Measured frames below which nothing is judged."""

FOCUS_MOVED_NM, FOCUS_SURE = 2.0, 3.0
"""nm, and standard errors, by which a measured focus must have moved to be a witness against."""

MANY_DIPS = 1.5
"""Times the longest recovered dip that a last loss must have lasted."""

SIGNAL_CHANGE = 0.1
"""Part of itself by which the mean signal of the field must change to be looked at."""

SIGNAL_POWERS = (0.9, 4.0)
"""Least and greatest of the mean signal that the power of a lattice may go with; 1 is that of a
beam alone."""

SIGNAL_MARGIN = 12.0
"""Log likelihood by which an onset must explain the traces better than that does."""

SIGNAL_REST = 0.05
"""Or the part of what the beam alone leaves unexplained that may be left."""

SIGNAL_CHANGED = "the mean signal of the whole field changed with it: beam or thickness"

NO_PLATEAU = 0.025
"""Probability of decay without a plateau from which the plateau is not significant: the 95 %
interval then reaches the first dose."""


@dataclass(frozen=True, eq=False)
class Verdict:
    """What is said of a scope; doses are NaN where there is nothing to say.

    Attributes
    ----------
    status, criterion, evidence, reason : str
    onset : Estimate
    onset_frame : int
        First frame (0-based) whose end dose exceeds the onset; −1 without one.
    detected, lost : float
        First dose at which the evidence passes the rate of false alarms; dose from which the
        lattice is below detection for good.
    decay, half_dose, dose_1e : Estimate
    fading_onset, spacing_onset, new_phase_onset : Estimate
    survived_dose, detectable_loss_percent : float
    events : tuple of Event
    d_before_px, d_after_px : float
    new_spots : tuple of int
        Those that appeared.
    no_plateau : float
        Probability that decay began with the first electron, given a change.
    fitted : Fitted or None
        The course of the lattice, if it faded.
    """

    status: Status
    reason: str
    criterion: str = ""
    evidence: str = ""
    onset: Estimate = NOTHING
    onset_frame: int = -1
    detected: float = math.nan
    lost: float = math.nan
    decay: Estimate = NOTHING
    half_dose: Estimate = NOTHING
    dose_1e: Estimate = NOTHING
    fading_onset: Estimate = NOTHING
    spacing_onset: Estimate = NOTHING
    new_phase_onset: Estimate = NOTHING
    survived_dose: float = math.nan
    detectable_loss_percent: float = math.nan
    events: tuple[Event, ...] = field(default=())
    d_before_px: float = math.nan
    d_after_px: float = math.nan
    new_spots: tuple[int, ...] = ()
    no_plateau: float = math.nan
    fitted: Fitted | None = None


def unclear(why: str) -> Verdict:
    """The verdict where there is none."""
    return Verdict("ambiguous", why)


def judge(
    scope: Scope,
    witnesses: Witnesses | None = None,
    *,
    false_alarm: float = 0.01,
    looks: int = 1,
    exact: bool = True,
    criteria: tuple[str, ...] = ("fading", "spacing", "new_phase"),
    d_tolerance: float = 1.0,
) -> Verdict:
    """Judge the traces of one crystal, region or window.

    Parameters
    ----------
    scope : Scope
    witnesses : Witnesses, optional
    false_alarm : float
        Chance of a false onset in the movie.
    looks : int
        Scopes of the movie that are judged at this rate together.
    exact : bool
        Otherwise many times faster and rougher, for the windows of a map.
    criteria : tuple of str
        Those that may name an onset.
    d_tolerance : float
        Percent of a spacing below which a shift is none.
    """
    witnesses = witnesses or Witnesses()
    if not scope.traces:
        return Verdict("no_lattice", "no lattice was found")
    every = samples_of(scope, witnesses)
    if len(every) < FEWEST_FRAMES:
        return Verdict("ambiguous", f"only {len(every)} frames were measured")
    rate = false_alarm / max(1, looks)
    dispersion = dispersion_of(every)
    new = appeared(every, rate, dispersion)
    fresh = np.zeros(len(scope.traces), bool)
    fresh[[one.index for one in new]] = True
    # Beside spots that appeared, faint ones that may have been there or not tell nothing.
    there = ~fresh & (solid(every) | ~fresh.any())
    old = replace(scope, traces=tuple(t for t, n in zip(scope.traces, there, strict=True) if n))
    shift = find_shift(old, d_tolerance / 100) if "spacing" in criteria else None
    if not old.traces:
        verdict = Verdict("no_lattice", "no lattice was there at first")
        if not any(one.stayed for one in new):
            verdict = Verdict("ambiguous", CAME_AND_WENT)
        elif _turned_from_another(scope, witnesses):
            verdict = Verdict("ambiguous", f"{TURNED}: its spacings faded at another angle")
    else:
        verdict = _judge_fading(
            old,
            witnesses,
            every.of_spots(there),
            rate,
            dispersion,
            THOROUGH if exact else QUICK,
            scope,
            there,
            fresh,
        )
    if "fading" not in criteria and verdict.status in ("onset", "damaged_at_start"):
        verdict = replace(verdict, status="survived", criterion="", evidence="", onset=NOTHING)
    if shift is not None:
        verdict = _with_shift(verdict, shift)
    foreign = [
        one for one in new if one.stayed and not of_lattice(scope.traces[one.index], old.traces)
    ]
    if foreign and "new_phase" in criteria and not verdict.reason.startswith(TURNED):
        first = min((one.first_seen for one in foreign), key=lambda e: e.value)
        names = tuple(scope.traces[one.index].spot for one in foreign)
        verdict = _with_new_phase(verdict, first, names)
    late = _late(every, verdict)
    if late:
        verdict = replace(verdict, status="ambiguous", reason=late + "; " + verdict.reason)
    return replace(verdict, onset_frame=_frame_of(scope, verdict.onset.value))


TURNED = "the crystal turned"

CAME_AND_WENT = "its spots came and went again: a crystal that rocks into view and out of it"


def _judge_fading(
    scope: Scope,
    witnesses: Witnesses,
    every: Samples,
    rate: float,
    dispersion: float,
    effort: Effort,
    with_new: Scope,
    there: NDArray[np.bool_],
    fresh: NDArray[np.bool_],
) -> Verdict:
    """What the spots that were there at first say."""
    dips = find_dips(every, dispersion)
    samples = every.without(dips.masked)
    power = power_of(samples, rate, dispersion)
    base = Verdict(
        "survived", "", events=dips.events,
        survived_dose=power.survived_dose, detectable_loss_percent=power.detectable_loss_percent,
    )  # fmt: skip
    seen = detect(samples, rate, dispersion)
    if not seen.found:
        return _steady(base, power)
    found = average(samples, effort, dispersion=dispersion)
    went = course(samples, found)
    if went.loss < SMALLEST_LOSS:
        text = f"a lasting change of {100 * went.loss:.0f} % is no more than focus or tilt make"
        return replace(_steady(base, power), reason=text)
    base = replace(
        base,
        onset=went.onset, fading_onset=went.onset, decay=went.decay,
        half_dose=went.half_dose, dose_1e=went.dose_1e, no_plateau=went.no_plateau,
        criterion="fading",
        detected=first_detected(samples, rate, dispersion),
        lost=lost_from(samples, rate, dispersion),
    )  # fmt: skip
    text = _too_soon(samples, dips, went, seen.place)
    if text:
        return _unclear(base, text)
    if _signal_explains(samples, found, effort):
        return _unclear(base, SIGNAL_CHANGED)
    left = what_is_left(samples, found, dispersion)
    aside = joined(with_new, witnesses.others)
    beside = np.concatenate([fresh, _appeared_beside(witnesses, rate, went.onset.low)])
    gone = np.zeros(len(aside.traces), bool)
    gone[np.flatnonzero(there)[left.ratio < 0.5]] = True
    if turned(aside, gone, beside[: len(gone)]):
        return _unclear(base, f"{TURNED}: its spacings appeared at another angle")
    finding = judge_loss(
        scope, samples, found, left,
        witnesses_stay=_witnesses_stay(scope, witnesses, went), dispersion=dispersion,
    )  # fmt: skip
    if not finding.damage:
        return _unclear(base, finding.why)
    words = f"{finding.why}; {_words(went, base)}"
    # The map's windows are too many to draw.
    base = replace(base, fitted=fitted(samples, found) if effort.exact else None)
    if went.no_plateau > NO_PLATEAU:
        return replace(
            base, status="damaged_at_start", evidence=finding.evidence,
            reason="a plateau is not significantly better than decay from the first frame; "
            + finding.why,
        )  # fmt: skip
    return replace(base, status="onset", evidence=finding.evidence, reason=words)


def _signal_explains(samples: Samples, found: Average, effort: Effort) -> bool:
    """Whether the lattice went with the mean signal of the field, as beam and thickness have it.

    Of a layer that grows the lattice loses contrast as well: its power falls with a power of the
    signal that is not known.
    """
    if len(samples) > effort.samples or np.ptp(samples.beam) < SIGNAL_CHANGE:
        return False
    never = Models(samples.end[-1:] + 1.0, np.ones(1), np.ones(1))

    def misfit(power: float) -> float:
        dimmed = replace(samples, beam=samples.beam**power)
        return -float(weighed(dimmed, never, exact=effort.exact).log_likelihood.max())

    # Where there are many electrons no power but the right one will do.
    alike = optimize.minimize_scalar(misfit, bounds=SIGNAL_POWERS, method="bounded")
    best = float(found.weighed.log_likelihood.max())
    # No layer follows a power to the last electron.
    margin = max(SIGNAL_MARGIN, SIGNAL_REST * (best + misfit(1.0)))
    return bool(-alike.fun > best - margin)


def _steady(base: Verdict, power: Power) -> Verdict:
    if math.isnan(power.survived_dose):
        return replace(base, status="ambiguous", reason="too few electrons: a loss to 1/e would "
                       "not have been seen anywhere in this record")  # fmt: skip
    text = f"no lasting loss; one of {power.detectable_loss_percent:.0f} % in the middle of the "
    text += "record would have been found"
    if math.isnan(power.detectable_loss_percent):
        text = "no lasting loss was found"
    dips = [event for event in base.events if event.kind == "recovered"]
    if dips:
        text += f"; {len(dips)} recovered, the deepest by {100 * max(e.depth for e in dips):.0f} %"
    return replace(base, status="survived", reason=text)


def _unclear(base: Verdict, why: str) -> Verdict:
    return replace(
        base, status="ambiguous", reason=why, criterion="", onset=NOTHING, fading_onset=NOTHING
    )


def _too_soon(samples: Samples, dips: Dips, went: Course, place: int) -> str:
    """Why a loss at the end cannot be called yet, if so."""
    length = samples.end[-1] - samples.start[0]
    if went.onset.value > samples.start[0] + LATE * length:
        return "the change came in the last tenth of the record"
    lasted = len(samples) - place
    if lasted < max(0.05 * len(samples), MANY_DIPS * dips.longest):
        return "the record ends in a dip like those before, which recovered"
    return ""


def _late(samples: Samples, verdict: Verdict) -> str:
    length = samples.end[-1] - samples.start[0]
    if verdict.status == "onset" and verdict.onset.value > samples.start[0] + LATE * length:
        return "the change came in the last tenth of the record"
    return ""


def _words(went: Course, base: Verdict) -> str:
    text = f"onset {went.onset.value:.4g} ({went.onset.low:.4g}–{went.onset.high:.4g})"
    if not math.isnan(base.lost):
        text += f", nothing seen from {base.lost:.4g} on"
    dips = [event for event in base.events if event.kind == "recovered"]
    if dips:
        text += f"; {len(dips)} earlier dips recovered"
    return text


def _witnesses_stay(scope: Scope, witnesses: Witnesses, went: Course) -> bool | None:
    """Whether focus and the other crystals held while this one was lost; None if unknown."""
    onset = went.onset.value
    said: list[bool] = []
    if witnesses.defocus_nm is not None and witnesses.defocus_se_nm is not None:
        moved = _step(scope, witnesses.defocus_nm, witnesses.defocus_se_nm, onset)
        if moved is not None:
            said.append(not (abs(moved[0]) > max(FOCUS_MOVED_NM, FOCUS_SURE * moved[1])))
    for other in witnesses.others:
        samples = samples_of(other, witnesses)
        place = int(np.searchsorted(samples.end, onset))
        if len(other.traces) and FEWEST_FRAMES <= place <= len(samples) - FEWEST_FRAMES:
            seen = detect(samples, 0.01, dispersion_of(samples))
            said.append(not seen.found)
    return all(said) if said else None


def _step(scope: Scope, value: Floats, se: Floats, onset: float) -> tuple[float, float] | None:
    """Mean after a dose less that before it, and its error."""
    known = np.isfinite(value) & np.isfinite(se) & (se > 0) & scope.lit
    late = scope.dose_start >= onset
    sides = [known & ~late, known & late]
    if not all(side.any() for side in sides):
        return None
    weights = [1 / se[side] ** 2 for side in sides]
    means = [float(w @ value[side] / w.sum()) for w, side in zip(weights, sides, strict=True)]
    return means[1] - means[0], math.sqrt(sum(1 / float(w.sum()) for w in weights))


def _appeared_beside(witnesses: Witnesses, rate: float, since: float) -> NDArray[np.bool_]:
    """Which traces of the other crystals appeared from a dose on.

    A stage that settles lets spots rise before.
    """
    flags: list[NDArray[np.bool_]] = [np.zeros(0, bool)]
    for other in witnesses.others:
        mine = np.zeros(len(other.traces), bool)
        if other.traces:
            for one in appeared(samples_of(other, witnesses), rate):
                mine[one.index] = one.first_seen.high >= since
        flags.append(mine)
    return np.concatenate(flags)


def _turned_from_another(scope: Scope, witnesses: Witnesses) -> bool:
    """Whether all spots of a scope are those that another crystal lost, at another angle."""
    lost = [np.zeros(len(scope.traces), bool)]
    lost += [faded(samples_of(o, witnesses)) for o in witnesses.others if o.traces]
    both = joined(scope, tuple(o for o in witnesses.others if o.traces))
    mine = np.arange(len(both.traces)) < len(scope.traces)
    return turned(both, np.concatenate(lost)[: len(mine)], mine)


def _with_shift(verdict: Verdict, shift: Shift) -> Verdict:
    """A spacing that moved names the row where it comes no later than the fading."""
    verdict = replace(
        verdict, spacing_onset=shift.onset, d_before_px=shift.before_px, d_after_px=shift.after_px
    )
    if verdict.status == "onset" and shift.onset.low > verdict.onset.high:
        return verdict
    change = 100 * (shift.after_px / shift.before_px - 1)
    text = f"the spacing moved by {change:+.1f} % in {len(shift.spots)} spots and stayed"
    return replace(
        verdict, status="onset", criterion="spacing", evidence="strong",
        onset=_earlier(verdict, shift.onset), reason=text,
    )  # fmt: skip


def _with_new_phase(verdict: Verdict, first: Estimate, spots: tuple[int, ...]) -> Verdict:
    verdict = replace(verdict, new_phase_onset=first, new_spots=spots)
    # What comes in the course of the fading is what the lattice became.
    faded = (verdict.onset.high, verdict.half_dose.high, verdict.lost)
    until = max((dose for dose in faded if not math.isnan(dose)), default=math.inf)
    if verdict.status == "onset" and first.low > until:
        return verdict
    text = f"{len(spots)} spots appeared that were not there and are not of this lattice"
    if len(spots) == 1 and verdict.status not in ("onset", "damaged_at_start"):
        # A neighbour that turned into view shows no more than that.
        why = "one spot of another lattice appeared and this one was not verifiably damaged"
        return replace(verdict, status="ambiguous", reason=why)
    if verdict.reason and verdict.status == "onset":
        text += f"; {verdict.reason}"
    return replace(
        verdict, status="onset", criterion="new_phase",
        evidence="strong" if len(spots) > 1 else "single",
        onset=_earlier(verdict, first), reason=text,
    )  # fmt: skip


def _earlier(verdict: Verdict, other: Estimate) -> Estimate:
    """The earlier of two onsets: a change began when its first sign did."""
    if verdict.status == "onset" and verdict.onset.value < other.value:
        return verdict.onset
    return other


def _frame_of(scope: Scope, onset: float) -> int:
    """First frame whose end dose exceeds the onset; −1 without one."""
    if math.isnan(onset):
        return -1
    later = np.flatnonzero(scope.lit & (scope.dose_end > onset))
    return int(later[0]) if len(later) else -1
