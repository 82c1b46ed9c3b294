"""One verdict for a region from those of its crystals.

The earliest significant onset speaks for the region; each crystal was judged at a rate of false
alarms that is shared by all. Crystals too weak to say anything do not outvote those that can.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.interval import Estimate
from napari_beamwatch.damage.judging import Verdict

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
    """

    verdict: Verdict
    crystals: tuple[Judged, ...]

    def of_crystal(self, number: int) -> Verdict | None:
        """The verdict on one of its crystals."""
        return next((one.verdict for one in self.crystals if one.crystal == number), None)


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
