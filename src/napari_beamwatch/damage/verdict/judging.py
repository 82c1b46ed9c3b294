"""The verdict on one place: status, criterion, doses with intervals, and why in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.course.appearing import faded
from napari_beamwatch.damage.course.dips import Event
from napari_beamwatch.damage.course.estimate import CLEAR, LEVELS, NOTHING, Estimate, begun
from napari_beamwatch.damage.course.examining import Examined, Loss, Watch
from napari_beamwatch.damage.course.interval import Course, Fitted
from napari_beamwatch.damage.course.power import SURELY
from napari_beamwatch.damage.course.spacing import Shift
from napari_beamwatch.damage.parts import LITTLE
from napari_beamwatch.damage.scopes import Witnesses, frames_after
from napari_beamwatch.damage.verdict.coming import Coming, coming
from napari_beamwatch.damage.verdict.dimming import drift_smears, filters_take, signal_explains
from napari_beamwatch.damage.verdict.fates import UNTOLD, Fates
from napari_beamwatch.damage.verdict.layer import holds
from napari_beamwatch.damage.verdict.others import Refuted, refuted
from napari_beamwatch.damage.verdict.rivals import judge_loss
from napari_beamwatch.damage.verdict.steps import begun_with
from napari_beamwatch.damage.verdict.stretching import stretched
from napari_beamwatch.damage.verdict.too_soon import TOO_LATE, late, too_soon
from napari_beamwatch.damage.verdict.turning import has_turned, turned
from napari_beamwatch.damage.verdict.view import view_changed

Status = Literal["onset", "survived", "damaged_at_start", "no_lattice", "ambiguous"]
Floats = NDArray[np.float64]

FOCUS_MOVED_NM = 2.0
"""By which a measured focus must have moved to be a witness against."""

TURNED = "the crystal turned"

TOO_FEW = "too few"
"""How reasons begin where a record could not have shown a loss: of electrons, or frames."""

FILTERED = "the noise of the electrons fell with it: frames were moved by interpolation or weighted"


@dataclass(frozen=True, eq=False)
class Verdict:
    """What is said of a place; doses are NaN where there is nothing to say.

    Attributes
    ----------
    status, criterion, evidence, reason : str
    kind : str
        What the change is by its signs: ``ordering``, ``disorder``, ``amorphisation`` or nothing.
    onset : Estimate
    onset_frame : int
        First frame (0-based) whose end dose exceeds the onset; −1 without one.
    detected, lost : float
        First dose at which the evidence passes the rate of false alarms; dose from which the
        lattice is below detection for good.
    decay, dose_10, half_dose, dose_1e : Estimate
    fading_onset, spacing_onset, new_phase_onset : Estimate
    survived_dose, detectable_loss_percent : float
    held_until : float
        Dose up to which it is known to have held, whatever is said.
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
    kind: str = ""
    onset: Estimate = NOTHING
    onset_frame: int = -1
    detected: float = math.nan
    lost: float = math.nan
    decay: Estimate = NOTHING
    dose_10: Estimate = NOTHING
    half_dose: Estimate = NOTHING
    dose_1e: Estimate = NOTHING
    fading_onset: Estimate = NOTHING
    spacing_onset: Estimate = NOTHING
    new_phase_onset: Estimate = NOTHING
    survived_dose: float = math.nan
    detectable_loss_percent: float = math.nan
    held_until: float = math.nan
    events: tuple[Event, ...] = field(default=())
    d_before_px: float = math.nan
    d_after_px: float = math.nan
    new_spots: tuple[int, ...] = ()
    no_plateau: float = math.nan
    fitted: Fitted | None = None

    @property
    def changed(self) -> bool:
        """Whether a lasting change is called."""
        return self.status in ("onset", "damaged_at_start")


def unclear(why: str) -> Verdict:
    """The verdict where there is none."""
    return Verdict("ambiguous", why)


def judge(
    one: Examined,
    others: Sequence[Examined] = (),
    witnesses: Witnesses | None = None,
    fates: Fates = UNTOLD,
    *,
    criteria: tuple[str, ...] = ("fading", "spacing", "new_phase"),
) -> Verdict:
    """Judge what a place shows, beside all other places of its field.

    Parameters
    ----------
    one : Examined
    others : sequence of Examined
        The other places.
    witnesses : Witnesses, optional
    fates : Fates
        Of all places of the field.
    criteria : tuple of str
        Those that may name an onset.
    """
    witnesses = witnesses or Witnesses()
    if not one.scope.traces:
        return Verdict("no_lattice", "no lattice was found")
    if not one.there.any():
        return _came(one, others, criteria)
    if one.watch is None:
        said = "one frame tells" if one.frames == 1 else f"{one.frames} frames tell"
        return unclear(f"{said} no change")
    verdict = _faded(one, one.watch, others, witnesses, fates)
    if "fading" not in criteria and verdict.changed:
        verdict = replace(
            verdict, status="survived", criterion="", evidence="", kind="", onset=NOTHING
        )
    if one.shift is not None:
        verdict = _with_shift(verdict, one.shift, stretched(one, others))
    if "new_phase" in criteria and not verdict.reason.startswith(TURNED):
        verdict = _with_coming(verdict, coming(one, others, fates.grew), one.loss)
    if verdict.status == "onset":
        text = view_changed(one, others, verdict.onset, witnesses.texture)
        verdict = _unclear(verdict, text) if text else verdict
    return _dated(one, verdict)


def _dated(one: Examined, verdict: Verdict) -> Verdict:
    """A verdict with its frame, unless the change came too late to be called."""
    assert one.every is not None  # only of too few frames it is
    if verdict.status == "onset" and late(one.every, verdict.onset.value):
        verdict = replace(verdict, status="ambiguous", reason=f"{TOO_LATE}; {verdict.reason}")
    end, lit = one.scope.dose_end, one.scope.lit
    return replace(verdict, onset_frame=int(frames_after(end, lit, verdict.onset.value)))


def _came(one: Examined, others: Sequence[Examined], criteria: tuple[str, ...]) -> Verdict:
    """What is said of a lattice that was not there at first.

    Spots are of a crystal that may have been elsewhere; powder rings are of all the field.
    """
    if not any(each.stayed for each in one.new):
        return unclear("its spots came and went again: a crystal that rocks into view and out")
    traces, lost = list(one.scope.traces), [False] * len(one.scope.traces)
    for other in others:
        if other.watch is not None:
            traces += other.old.traces
            lost += faded(other.watch.samples).tolist()
    mine = np.arange(len(traces)) < len(one.scope.traces)
    rings = any(one.scope.traces[each.index].ring for each in one.new if each.stayed)
    if rings and "new_phase" in criteria:
        nothing = Verdict("no_lattice", "no lattice was there at first")
        return _dated(one, _with_coming(nothing, coming(one), None))
    if turned(traces, np.array(lost), mine):
        return unclear(f"{TURNED}: its spacings faded at another angle")
    return Verdict("no_lattice", "no lattice was there at first")


def _faded(
    one: Examined,
    watch: Watch,
    others: Sequence[Examined],
    witnesses: Witnesses,
    fates: Fates,
) -> Verdict:
    """What the spots that were there at first say."""
    power, loss, samples = watch.power, one.loss, watch.samples
    base = Verdict(
        "survived", "", events=watch.dips.events, held_until=power.survived_dose,
        survived_dose=power.survived_dose, detectable_loss_percent=power.detectable_loss_percent,
    )  # fmt: skip
    if loss is None:
        return _steady(base, watch)
    went = loss.course
    if went.loss < LITTLE:
        text = f"a lasting change of {100 * went.loss:.0f} % is no more than focus or tilt make"
        return replace(_steady(base, watch), reason=text)
    soon = too_soon(one, watch, went, others)
    went, in_steps = begun_with(one, loss, watch, others)
    base = replace(
        base,
        onset=went.onset, fading_onset=went.onset, decay=went.decay, dose_10=went.dose_10,
        half_dose=went.half_dose, dose_1e=went.dose_1e, no_plateau=went.no_plateau,
        criterion="fading", detected=loss.detected, lost=loss.lost, fitted=loss.fitted,
        held_until=min(went.onset.low, power.survived_dose),
    )  # fmt: skip
    if soon:
        return _unclear(base, soon)
    against = refuted(one, others, fates)
    if not against.path and signal_explains(samples, loss.found):
        return _unclear(
            base, "the mean signal of the whole field changed with it: beam or thickness"
        )
    if drift_smears(one.old, loss, witnesses.moved_px):
        return _unclear(base, "a drift that set in with it smears the fringes within the frames")
    if filters_take(one.old, loss, witnesses.noise):
        return _unclear(base, f"{FILTERED}; frames as the camera wrote them would tell")
    if fates.layer is not None and holds(one):
        return _unclear(base, fates.layer.said)
    if has_turned(one, fates.grew) or fates.turned_with(one):
        return _unclear(base, f"{TURNED}: its spacings appeared at another angle")
    held = _focus_held(one, witnesses, went.onset.value)
    finding = judge_loss(one, watch, loss, _also(against, held))
    if not finding.damage:
        return _unclear(base, finding.why)
    amorphous = "amorphisation" if witnesses.halo_grew else ""
    base = replace(base, evidence=finding.evidence, kind=finding.kind or amorphous)
    if went.at_start > SURELY:
        why = "a plateau before the decay is excluded"
        return replace(base, status="damaged_at_start", reason=f"{why}; {finding.why}")
    words = f"{finding.why}; {_words(went, base, in_steps)}"
    if went.no_plateau > LEVELS[0]:
        first = float(samples.start[0])
        onset = Estimate(went.onset.value, first, went.onset.high)
        words = f"before {went.onset.high:.4g}, for a plateau is not proven; {words}"
        base = replace(base, onset=onset, fading_onset=onset)
    return replace(base, status="onset", reason=words)


def _also(against: Refuted, focus_held: bool | None) -> Refuted:
    """What is refuted, with what a measured focus says."""
    if focus_held is None:
        return against
    return replace(against, path=against.path or focus_held, focus_moved=not focus_held)


def _steady(base: Verdict, watch: Watch) -> Verdict:
    power = watch.power
    if math.isnan(power.survived_dose):
        return replace(base, status="ambiguous", reason=_powerless(watch))
    text = f"no lasting loss; one of {power.detectable_loss_percent:.0f} % in the middle of the "
    text += "record would have been found"
    if math.isnan(power.detectable_loss_percent):
        text = "no lasting loss was found"
    dips = [event for event in base.events if event.kind == "recovered"]
    if dips:
        text += f"; {len(dips)} recovered, the deepest by {100 * max(e.depth for e in dips):.0f} %"
    return replace(base, status="survived", reason=text)


def _powerless(watch: Watch) -> str:
    """Why no loss would have been seen."""
    unseen = "a loss to 1/e would not have been seen"
    if not watch.spoiled:
        return f"{TOO_FEW} electrons: {unseen} anywhere in this record"
    last = watch.dips.events[-1]
    grew = last.kind == "settling"
    why = f"grew stronger until {last.dose_to:.4g}" if grew else "came back from dips"
    return f"{TOO_FEW} frames are left, for the lattice {why}: {unseen}"


def _unclear(base: Verdict, why: str) -> Verdict:
    return replace(
        base, status="ambiguous", reason=why, criterion="", onset=NOTHING, fading_onset=NOTHING
    )


def _words(went: Course, base: Verdict, in_steps: str) -> str:
    text = f"onset {went.onset.value:.4g} ({went.onset.low:.4g}–{went.onset.high:.4g})"
    text += f", {in_steps}" if in_steps else ""
    if not math.isnan(base.lost):
        text += f", nothing seen from {base.lost:.4g} on"
    dips = [event for event in base.events if event.kind == "recovered"]
    if dips:
        text += f"; {len(dips)} earlier dips recovered"
    return text


def _focus_held(one: Examined, witnesses: Witnesses, onset: float) -> bool | None:
    """Whether the measured focus held while the lattice was lost; None if it is not known."""
    value, se = witnesses.defocus_nm, witnesses.defocus_se_nm
    if value is None or se is None:
        return None
    known = np.isfinite(value) & np.isfinite(se) & (se > 0) & one.scope.lit
    late = one.scope.dose_start >= onset
    sides = [known & ~late, known & late]
    if not all(side.any() for side in sides):
        return None
    weights = [1 / se[side] ** 2 for side in sides]
    means = [float(w @ value[side] / w.sum()) for w, side in zip(weights, sides, strict=True)]
    error = math.sqrt(sum(1 / float(w.sum()) for w in weights))
    return abs(means[1] - means[0]) <= max(FOCUS_MOVED_NM, CLEAR * error)


def _with_shift(verdict: Verdict, shift: Shift, stretch: float | None) -> Verdict:
    """A spacing that moved names the row where it comes no later than the fading.

    But where all of the picture was stretched by that part.
    """
    verdict = replace(verdict, d_before_px=shift.before_px, d_after_px=shift.after_px)
    if stretch is not None:
        text = "the spacings of all crystals moved by one and the same distortion, of up to "
        text += f"{100 * stretch:.1f} %: magnification or scan are not excluded"
        if verdict.status == "survived":
            return _unclear(verdict, text)
        return replace(verdict, reason=f"{verdict.reason}; {text}")
    verdict = replace(verdict, spacing_onset=shift.onset)
    if verdict.status == "onset" and shift.onset.low > verdict.onset.high:
        return verdict
    change = 100 * (shift.after_px / shift.before_px - 1)
    text = f"the spacing moved by {change:+.1f} % in {len(shift.spots)} spots and stayed"
    return replace(
        verdict, status="onset", criterion="spacing", evidence="strong", kind="",
        onset=begun(verdict.onset, shift.onset), reason=text,
    )  # fmt: skip


def _with_coming(verdict: Verdict, came: Coming | None, loss: Loss | None) -> Verdict:
    """The verdict where spots came to stay that are not of the lattice.

    A loss that could be anything else is what they came of, if it began when they did.
    """
    if came is None:
        return verdict
    own = verdict.onset
    if not verdict.changed and loss is not None and loss.course.onset.high >= came.first.low:
        own = loss.course.onset
    verdict = replace(verdict, new_phase_onset=came.first, new_spots=came.spots)
    # What comes in the course of the fading is what the lattice became.
    lost = (verdict.onset.high, verdict.half_dose.high, verdict.lost)
    until = max((dose for dose in lost if not math.isnan(dose)), default=math.inf)
    if verdict.status == "onset" and came.first.low > until:
        return verdict
    if not came.sure and verdict.changed:
        return replace(verdict, reason=f"{verdict.reason}; {came.why}")
    if not came.sure and not came.instead:
        return replace(verdict, status="ambiguous", reason=f"{came.why}; {verdict.reason}")
    text = came.why if came.sure else "most of the lattice went as a spacing new to the field came"
    if verdict.reason and verdict.status == "onset":
        text += f"; {verdict.reason}"
    return replace(
        verdict, status="onset", criterion="new_phase", kind=came.kind,
        evidence="strong" if len(came.spots) > 1 else "single",
        onset=begun(own, came.first), reason=text,
    )  # fmt: skip
