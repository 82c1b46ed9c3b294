"""What rings and particles add to the verdict on a field or region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from napari_beamwatch.damage.course.dips import Event
from napari_beamwatch.damage.course.estimate import LEVELS, NOTHING, Estimate
from napari_beamwatch.damage.field.whole import RegionVerdict
from napari_beamwatch.damage.verdict.judging import Verdict
from napari_beamwatch.damage.verdict.mass import ShapeChange, first_loss


def with_ring(verdict: Verdict, came: Estimate, name: str) -> Verdict:
    """The verdict on a field in which a powder ring came that was not there."""
    if not np.isfinite(came.value):
        return verdict
    known = verdict.new_phase_onset.value
    if not known <= came.value:
        verdict = replace(verdict, new_phase_onset=came)
    if verdict.status == "onset":
        if came.low > verdict.onset.high and verdict.criterion != "fading":
            return verdict
        # Fading with a ring that comes in its course is a transformation.
        named = came.low <= max(verdict.onset.high, verdict.lost, verdict.half_dose.high)
        reason = f"{verdict.reason}; a ring at {name} came at {came.value:.4g}"
        return replace(
            verdict, criterion="new_phase" if named else verdict.criterion, reason=reason
        )
    reason = f"a ring at {name} came at {came.value:.4g}, and nothing else tells of damage"
    return replace(verdict, status="ambiguous", reason=reason)


def with_shapes(
    told: RegionVerdict, changes: Sequence[ShapeChange], last_dose: float
) -> RegionVerdict:
    """The verdict on a region whose particles changed their shapes.

    A loss is damage whatever the lattice says. Growth is none: what grew came from elsewhere, and
    is told as an event from its onset to the last dose.
    """
    grown = [one for one in changes if one.kind == "grew"]
    verdict = told.verdict
    for one in grown:
        event = Event("growth", one.onset.value, last_dose, one.after / one.before - 1)
        reason = _and(verdict.reason, f"{one.words}: contamination, no damage")
        verdict = replace(verdict, reason=reason, events=(*verdict.events, event))
    loss = first_loss(_settled(changes))
    if loss is None:
        return replace(told, verdict=verdict, grown=bool(grown))
    if loss.late:
        known = verdict.changed
        said = f"{loss.words}, too late in the record to call it"
        reason = _and(verdict.reason, said) if known else _and(said, verdict.reason)
        status = verdict.status if known else "ambiguous"
        verdict = replace(verdict, status=status, reason=reason)
        return replace(told, verdict=verdict, grown=bool(grown))
    losses = [one for one in changes if one.kind != "grew"]
    verdict = _with_loss(verdict, loss, "strong" if len(losses) > 1 else "single")
    return replace(told, verdict=verdict, mass_loss_onset=loss.onset, grown=bool(grown))


def _settled(changes: Sequence[ShapeChange]) -> list[ShapeChange]:
    """Without what a particle seems to have done from the first electron on while another held.

    An outline that evens out in the first bins, before a particle shrinks, is the stage that comes
    to rest.
    """
    held = {one.particle for one in changes if one.kind != "grew" and one.no_plateau <= LEVELS[0]}
    return [one for one in changes if one.no_plateau <= LEVELS[0] or one.particle not in held]


def _with_loss(verdict: Verdict, loss: ShapeChange, evidence: str) -> Verdict:
    """What changed first names the row; a loss of mass says more than the fading it goes with."""
    if verdict.status == "damaged_at_start":
        return replace(verdict, reason=_and(verdict.reason, loss.words))
    if verdict.status == "onset":
        later = loss.onset.low > verdict.onset.high
        together = not later and loss.onset.high >= verdict.onset.low
        if later or (together and verdict.criterion != "fading"):
            return replace(verdict, reason=_and(verdict.reason, loss.words))
        if together:
            # Windows at the rim lose what the edge leaves bit by bit: no decay, so dated early.
            return replace(
                verdict, criterion="mass_loss", evidence="strong", onset=loss.onset,
                detected=min(verdict.detected, loss.detected),
                reason=_and(loss.words, verdict.reason),
            )  # fmt: skip
    at_start = loss.no_plateau > LEVELS[0]
    said = loss.words + (", no plateau before it" if at_start else "")
    return replace(
        verdict, status="damaged_at_start" if at_start else "onset", criterion="mass_loss",
        evidence=evidence, onset=loss.onset, detected=loss.detected, decay=NOTHING,
        reason=_and(said, verdict.reason),
    )  # fmt: skip


def _and(first: str, then: str) -> str:
    return "; ".join(part for part in (first, then) if part)
