"""What is said of a region or crystal from the verdicts on its places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.course.dips import Event
from napari_beamwatch.damage.course.estimate import NOTHING, Estimate
from napari_beamwatch.damage.course.examining import Examined
from napari_beamwatch.damage.field.alike import errors_alike
from napari_beamwatch.damage.field.first import SPEAKS, first_of, first_part
from napari_beamwatch.damage.field.place import Place
from napari_beamwatch.damage.field.rocking import dips_of, held_together
from napari_beamwatch.damage.field.summed import Summed, passing, summed
from napari_beamwatch.damage.parts import FIFTH
from napari_beamwatch.damage.scopes import frames_after
from napari_beamwatch.damage.verdict.judging import TOO_FEW, Verdict, unclear

Floats = NDArray[np.float64]

SPECIFIC = ("new_phase", "spacing", "mass_loss", "fading")
"""Criteria, the one that says most first."""


@dataclass(frozen=True, eq=False)
class RegionVerdict:
    """What is said of a region.

    Attributes
    ----------
    verdict : Verdict
        The onset is that of its first place; what was lost is of the whole.
    places : tuple of Place
    crystals : dict of int to Verdict
        On each, from its places.
    summed : Summed
    mass_loss_onset : Estimate
        Dose from which a particle in it shrank, rounded or opened voids.
    grown : bool
        A particle in it took something up.
    """

    verdict: Verdict
    places: tuple[Place, ...] = ()
    crystals: dict[int, Verdict] = field(default_factory=dict)
    summed: Summed = Summed()
    mass_loss_onset: Estimate = NOTHING
    grown: bool = False

    @classmethod
    def of(
        cls,
        places: Sequence[Place],
        start: Floats,
        end: Floats,
        all_of_it: Examined | None = None,
        exposure: float = 1.0,
        lit: NDArray[np.bool_] | None = None,
    ) -> RegionVerdict:
        """From the places of a region, on the doses of its frames.

        Parameters
        ----------
        places : sequence of Place
        start, end : array (frames,)
            Of all frames of the movie, for courses count them.
        all_of_it : Examined, optional
            The power of all of its lattice as one trace.
        exposure : float
            Its dose over that of the field.
        lit : array of bool (frames,), optional
            Frames with beam, if not all are.
        """
        exposed = np.ones(len(end), bool) if lit is None else lit
        of_field, start, end = end, start * exposure, end * exposure
        numbers = summed(places, start, end)
        crystals = {}
        for number in sorted({one.crystal for one in places}):
            mine = [one for one in places if one.crystal == number]
            crystals[number] = whole_of(mine, summed(mine, start, end), start, end)
        told = whole_of(places, numbers, start, end, all_of_it)
        onset = told.onset.value / _exposed(told, places)
        told = replace(told, onset_frame=int(frames_after(of_field, exposed, onset)))
        return cls(told, tuple(places), crystals, numbers)

    def unclear(self, why: str) -> RegionVerdict:
        """The same places, of which nothing is said together."""
        return replace(self, verdict=unclear(why))


def whole_of(
    places: Sequence[Place],
    numbers: Summed,
    start: Floats,
    end: Floats,
    all_of_it: Examined | None = None,
) -> Verdict:
    """One verdict for all of the places.

    Parameters
    ----------
    places : sequence of Place
    numbers : Summed
        Of these places.
    start, end : array (frames,)
        Doses.
    all_of_it : Examined, optional
        The power of all of their lattice as one trace.
    """
    seen = [one for one in places if one.verdict.status != "no_lattice"]
    if not seen:
        return Verdict("no_lattice", "no lattice was found")
    events = together([event for one in places for event in one.verdict.events])
    covered = max(sum(one.share for one in seen), 1e-300)
    share = np.array([one.share for one in seen]) / covered
    changed = [i for i, one in enumerate(seen) if one.verdict.changed]
    frame = float(np.median(np.asarray(end) - np.asarray(start)))
    onsets = [_began(seen[i], float(share[i]), float(start[0]), frame) for i in changed]
    swings = dips_of(seen, share)
    # Where the beam is strong the record is longer than that of the region.
    last = max([float(end[-1]), *(each.high for each in onsets)])
    courses = [seen[i].verdict.fitted for i in changed]
    alike = errors_alike([each for each in courses if each is not None])
    first, members = first_of(
        onsets, share[changed], float(start[0]), last, swings[changed], frame, alike
    )
    if members.any():
        mine = [seen[i] for i, is_one in zip(changed, members, strict=True) if is_one]
        told = _told(max(mine, key=lambda one: one.share), seen)
        held = held_together(seen, swings, numbers, first, all_of_it)
        if held is not None:
            words = "grains rock in and out of view: the onset is that of all of their lattice"
            told, first = replace(told, reason=f"{words}; {told.reason}"), held
        told = replace(_first(told, first, mine), events=events)
        return told if len(seen) == 1 else _of_all(told, seen, numbers)
    told = replace(_unchanged(seen), events=events)
    return _with_little(told, [seen[i] for i in changed], covered)


def _began(one: Place, share: float, start: float, frame: float) -> Estimate:
    """When a place began to go; the windows of one that lost nothing scatter by noise alone."""
    onset = one.verdict.onset
    if np.isnan(one.verdict.fading_onset.value):
        return onset
    return first_part(onset, share, one.scatter, start, frame)


def _with_little(told: Verdict, changed: Sequence[Place], covered: float) -> Verdict:
    """The verdict where what changed is too little to speak for all.

    A lattice that is faint beneath others is little of the lattice, and yet may be seen everywhere:
    what lost it did not survive as it was.

    Parameters
    ----------
    told : Verdict
        On the rest.
    changed : sequence of Place
    covered : float
        Squares of a step that show any lattice.
    """
    if not changed:
        return told
    widest = max(changed, key=lambda one: one.area)
    little = f"{100 * widest.share / covered:.1g} % of the lattice"
    when = f"changed at {widest.verdict.onset.value:.4g}"
    area = sum(one.area for one in changed)
    if told.status == "survived" and area >= SPEAKS * covered:
        seen = f"faint, but seen in {100 * area / covered:.0f} % of the windows"
        others = f" with {len(changed) - 1} more" if len(changed) > 1 else ""
        why = f"{widest.name}{others} ({little}, {seen}) {when}; {told.reason}"
        return replace(told, status="ambiguous", survived_dose=float("nan"), reason=why)
    return replace(told, reason=f"{told.reason}; {widest.name} ({little}) {when}")


def _exposed(told: Verdict, places: Sequence[Place]) -> float:
    """Dose over that of the field of the place where an onset came."""
    dated = [one for one in places if np.isfinite(one.verdict.onset.value)]
    nearest = min(
        dated, key=lambda one: abs(one.verdict.onset.value - told.onset.value), default=None
    )
    return 1.0 if nearest is None else nearest.exposure


def together(events: Sequence[Event]) -> tuple[Event, ...]:
    """What several places saw at once is told once, as deep as the deepest."""
    told: list[Event] = []
    for event in sorted(events, key=lambda one: (one.kind, one.dose_from)):
        last = told[-1] if told else None
        if last is not None and last.kind == event.kind and event.dose_from < last.dose_to:
            told[-1] = replace(
                last, dose_to=max(last.dose_to, event.dose_to), depth=max(last.depth, event.depth)
            )
        else:
            told.append(event)
    return tuple(told)


def _first(told: Verdict, first: Estimate, mine: Sequence[Place]) -> Verdict:
    """The verdict on the place that speaks, with what those say that changed with it."""
    named = {one.verdict.criterion for one in mine}
    criterion = next((each for each in SPECIFIC if each in named), told.criterion)
    strong = any(one.verdict.evidence == "strong" for one in mine)
    detected = [one.verdict.detected for one in mine if np.isfinite(one.verdict.detected)]
    came = [one.verdict for one in mine if np.isfinite(one.verdict.new_phase_onset.value)]
    new = min((one.new_phase_onset for one in came), key=lambda e: e.value, default=NOTHING)
    fading = first if np.isfinite(told.fading_onset.value) else told.fading_onset
    return replace(
        told, onset=first, criterion=criterion, evidence="strong" if strong else told.evidence,
        fading_onset=fading, new_phase_onset=new,
        new_spots=tuple(dict.fromkeys(spot for one in came for spot in one.new_spots)),
        detected=min(detected, default=told.detected), survived_dose=float("nan"),
    )  # fmt: skip


def _of_all(told: Verdict, seen: Sequence[Place], numbers: Summed) -> Verdict:
    """The verdict with what was lost of the whole."""
    lost = [one.verdict.lost if one.verdict.changed else np.nan for one in seen]
    changed = sum(one.verdict.changed for one in seen)
    text = f"{changed} of {len(seen)} places changed, {100 * numbers.changed:.0f} % of the lattice"
    course = numbers.course
    return replace(
        told, reason=f"{told.reason}; {text}", lost=float(np.max(lost)), decay=NOTHING,
        dose_10=passing(course, 0.9), half_dose=passing(course, 0.5),
        dose_1e=passing(course, float(np.exp(-1))), fitted=course,
    )  # fmt: skip


def _unchanged(seen: Sequence[Place]) -> Verdict:
    """Of places that did not change, or too little of them."""
    steady = [one for one in seen if one.verdict.status == "survived"]
    unsure = [
        one
        for one in seen
        if one.verdict.status == "ambiguous" and not one.verdict.reason.startswith(TOO_FEW)
    ]
    # Of those a lattice that fell, whatever took it, is not known to have survived; nor is a faint
    # one, if it is seen in half of the field.
    fell = [one for one in unsure if one.verdict.fitted is not None]
    covered = sum(one.share for one in seen)
    held = sum(one.share for one in fell) < FIFTH * covered
    held &= 2 * max((one.area for one in fell), default=0.0) < covered
    if steady and held and sum(one.share for one in steady) >= sum(one.share for one in unsure):
        best = max(steady, key=lambda one: np.nan_to_num(one.verdict.survived_dose))
        told = _told(best, seen)
        more = [f"{len(steady)} places alike"] if len(steady) > 1 else []
        more += [f"{len(unsure)} cannot be told"] if unsure else []
        return replace(told, reason="; ".join([told.reason, *more]))
    told = _told(max(unsure or seen, key=lambda one: one.share), seen)
    return replace(told, survived_dose=float("nan")) if told.status == "ambiguous" else told


def _told(one: Place, seen: Sequence[Place]) -> Verdict:
    reason = f"{one.name}: {one.verdict.reason}" if len(seen) > 1 else one.verdict.reason
    return replace(one.verdict, reason=reason)
