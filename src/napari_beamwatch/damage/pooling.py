"""One verdict for a region from those of its crystals.

The earliest significant onset speaks for the region; each crystal was judged at a rate of false
alarms that is shared by all. Crystals too weak to say anything do not outvote those that can.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.dips import Event
from napari_beamwatch.damage.interval import NOTHING, Estimate
from napari_beamwatch.damage.judging import NO_PLATEAU, Verdict, unclear
from napari_beamwatch.damage.mass import ShapeChange, first_loss

FEW = 0.25
"""Part of the changed crystals."""

TOO_FEW = "too few electrons"


@dataclass(frozen=True, eq=False)
class Judged:
    """A crystal and what is said of it.

    Attributes
    ----------
    crystal : int
    name : str
        For a sentence: which it is.
    verdict : Verdict
    """

    crystal: int
    name: str
    verdict: Verdict


@dataclass(frozen=True, eq=False)
class RegionVerdict:
    """What is said of a region.

    Attributes
    ----------
    verdict : Verdict
    crystals : tuple of Judged
    mass_loss_onset : Estimate
        Dose from which a particle in it shrank, rounded or opened voids.
    grown : bool
        A particle in it took something up.
    """

    verdict: Verdict
    crystals: tuple[Judged, ...]
    mass_loss_onset: Estimate = NOTHING
    grown: bool = False

    def of_crystal(self, number: int) -> Verdict | None:
        """The verdict on one of its crystals."""
        return next((one.verdict for one in self.crystals if one.crystal == number), None)

    def unclear(self, why: str) -> RegionVerdict:
        """The same crystals, of which nothing is said together."""
        return RegionVerdict(unclear(why), self.crystals)


@dataclass(frozen=True, eq=False)
class WindowVerdicts:
    """One value a window; doses are NaN and frames −1 where there is nothing to say.

    Attributes
    ----------
    status, criterion : list of str
    onset, low, high, lost : array of float64
        Doses.
    onset_frame : array of int64
        First frame whose end dose exceeds the onset.
    crystal, new_crystal : array of int64
        The strongest of it, and that which came instead; −1 without one.
    """

    status: list[str]
    criterion: list[str]
    onset: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    lost: NDArray[np.float64]
    onset_frame: NDArray[np.int64]
    crystal: NDArray[np.int64]
    new_crystal: NDArray[np.int64]

    @classmethod
    def unclear(cls, count: int) -> WindowVerdicts:
        """Of windows that could not be judged."""
        nothing, none = np.full(count, np.nan), np.full(count, -1)
        return cls(
            ["ambiguous"] * count, [""] * count, nothing, nothing, nothing, nothing, none, none,
            none,
        )  # fmt: skip


def pooled(judged: Sequence[Judged]) -> tuple[Verdict, Judged | None]:
    """The verdict on all of them, and the crystal it was taken from."""
    seen = [one for one in judged if one.verdict.status != "no_lattice"]
    if not seen:
        return Verdict("no_lattice", "no lattice was found"), None
    changed = [one for one in seen if one.verdict.status in ("onset", "damaged_at_start")]
    if changed:
        plateau = [one for one in changed if one.verdict.status == "onset"]
        without = len(changed) - len(plateau)
        # One grain of many without a plateau does not say that the field had none.
        first = min(plateau if without < FEW * len(changed) else changed, key=_when)
        more = _others(first, changed, seen)
        if without and first.verdict.status == "onset":
            more += f"; {without} of them may have changed from the first frame on"
        return _told(first, judged, more), first
    unsure = [
        one
        for one in seen
        if one.verdict.status == "ambiguous" and not one.verdict.reason.startswith(TOO_FEW)
    ]
    steady = [one for one in seen if one.verdict.status == "survived"]
    if unsure:
        first = unsure[0]
        return _told(first, judged, ""), first
    if steady:
        # All of those that can be judged survived: the least sure of them bounds what is known.
        best = max(steady, key=lambda one: np.nan_to_num(one.verdict.survived_dose))
        more = f"{len(steady)} crystals alike" if len(steady) > 1 else ""
        return _told(best, judged, more), best
    return _told(seen[0], judged, ""), seen[0]


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
        known = verdict.status in ("onset", "damaged_at_start")
        said = f"{loss.words}, too late in the record to call it"
        reason = _and(verdict.reason, said) if known else _and(said, verdict.reason)
        status = verdict.status if known else "ambiguous"
        verdict = replace(verdict, status=status, reason=reason)
        return replace(told, verdict=verdict, grown=bool(grown))
    losses = [one for one in changes if one.kind != "grew"]
    verdict = _with_loss(verdict, loss, "strong" if len(losses) > 1 else "single")
    return RegionVerdict(verdict, told.crystals, loss.onset, bool(grown))


def _settled(changes: Sequence[ShapeChange]) -> list[ShapeChange]:
    """Without what a particle seems to have done from the first electron on while another held.

    An outline that evens out in the first bins, before a particle shrinks, is the stage that comes
    to rest.
    """
    held = {one.particle for one in changes if one.kind != "grew" and one.no_plateau <= NO_PLATEAU}
    return [one for one in changes if one.no_plateau <= NO_PLATEAU or one.particle not in held]


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
            # The change began when its first sign did.
            first = min((verdict.onset, loss.onset), key=lambda onset: onset.value)
            return replace(
                verdict, criterion="mass_loss", evidence="strong", onset=first,
                detected=min(verdict.detected, loss.detected),
                reason=_and(loss.words, verdict.reason),
            )  # fmt: skip
    at_start = loss.no_plateau > NO_PLATEAU
    said = loss.words + (", no plateau before it" if at_start else "")
    return replace(
        verdict, status="damaged_at_start" if at_start else "onset", criterion="mass_loss",
        evidence=evidence, onset=loss.onset, detected=loss.detected, decay=NOTHING,
        reason=_and(said, verdict.reason),
    )  # fmt: skip


def _and(first: str, then: str) -> str:
    return "; ".join(part for part in (first, then) if part)


def _when(one: Judged) -> float:
    onset = one.verdict.onset.value
    return 0.0 if one.verdict.status == "damaged_at_start" or np.isnan(onset) else onset


def _others(first: Judged, changed: Sequence[Judged], seen: Sequence[Judged]) -> str:
    if len(seen) == 1:
        return ""
    if len(changed) == 1:
        return f"the only one of {len(seen)} crystals that changed"
    onsets = np.array([_when(one) for one in changed])
    return (
        f"{len(changed)} of {len(seen)} crystals changed, half of them by {np.median(onsets):.4g}"
    )


def _told(one: Judged, judged: Sequence[Judged], more: str) -> Verdict:
    parts = [f"{one.name}: {one.verdict.reason}" if one.name else one.verdict.reason, more]
    events = tuple(event for other in judged for event in other.verdict.events)
    reason = "; ".join(part for part in parts if part)
    return replace(one.verdict, reason=reason, events=events)
