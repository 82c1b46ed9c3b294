"""What is said of a region or crystal from the verdicts on its places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.course.dips import Event
from napari_beamwatch.damage.course.estimate import NOTHING, WIDTH, Estimate
from napari_beamwatch.damage.course.examining import Examined
from napari_beamwatch.damage.course.interval import Fitted
from napari_beamwatch.damage.field.first import first_of
from napari_beamwatch.damage.field.thresholds import crossing
from napari_beamwatch.damage.scopes import frames_after
from napari_beamwatch.damage.verdict.judging import TOO_FEW, Verdict, unclear

Floats = NDArray[np.float64]

SPECIFIC = ("new_phase", "spacing", "mass_loss", "fading")
"""Criteria, the one that says most first."""

DEEP, SEVERAL, MANY = 0.25, 3, 0.3
"""Part of the power that a dip takes after which the next may pass for damage; places, and part of
the lattice, that show such dips from which on they are the rule."""

GRAINS, FALLEN, KNOWN = 5, 0.75, 0.2
"""Crystals of which enough come into view for those that rock out; part of their lattice that their
own courses leave up to which it is asked whether the sum held; part of the record to which the
onset of the sum must be known."""

LASTS = 1 / 3
"""Part of the record after which what comes back was no dip: another lattice may have spots where
this one had."""

DRAWS = 400
"""Resamplings of the places behind the interval of their median."""


@dataclass(frozen=True, eq=False)
class Place:
    """A place and what is said of it.

    Attributes
    ----------
    number : int
    crystal : int
    name : str
        For a sentence: which it is.
    windows : array of int64
        Those it is seen in; those of its inside only if it has any.
    share : float
        Windows' worth of lattice it carries: a window that shows several is split by their power.
    verdict : Verdict
    power : float
        Of its lattice, over that of the noise, where it is strongest.
    exposure : float
        Its dose over that of the field.
    """

    number: int
    crystal: int
    name: str
    windows: NDArray[np.int64]
    share: float
    verdict: Verdict
    power: float = 1.0
    exposure: float = 1.0


@dataclass(frozen=True, eq=False)
class Summed:
    """The numbers of many places.

    Attributes
    ----------
    places : int
        That had a lattice at first.
    changed : float
        Part of the lattice that changed by the end.
    median : Estimate
        Dose by which half of it had.
    course : Fitted, optional
        Of all of it.
    dose : array (frames,)
        At the middles of frames.
    """

    places: int = 0
    changed: float = float("nan")
    median: Estimate = NOTHING
    course: Fitted | None = None
    dose: Floats = field(default_factory=lambda: np.zeros(0))


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
    share = np.array([one.share for one in seen]) / max(sum(one.share for one in seen), 1e-300)
    changed = [i for i, one in enumerate(seen) if one.verdict.changed]
    onsets = [seen[i].verdict.onset for i in changed]
    dips = _dips(seen, share, float(end[-1] - start[0]))[changed]
    # Where the beam is strong the record is longer than that of the region.
    last = max([float(end[-1]), *(each.high for each in onsets)])
    frame = float(np.median(np.asarray(end) - np.asarray(start)))
    first, members = first_of(onsets, share[changed], float(start[0]), last, dips, frame)
    if members.any():
        mine = [seen[i] for i, is_one in zip(changed, members, strict=True) if is_one]
        told = _told(max(mine, key=lambda one: one.share), seen)
        held = _held_together(seen, numbers, first, all_of_it)
        if held is not None:
            words = "grains rock in and out of view: the onset is that of all of their lattice"
            told, first = replace(told, reason=f"{words}; {told.reason}"), held
        told = replace(_first(told, first, mine), events=events)
        return told if len(seen) == 1 else _of_all(told, seen, numbers)
    small = [
        f"{one.name} ({100 * share[i]:.1g} % of the lattice) changed at "
        f"{one.verdict.onset.value:.4g}"
        for i, one in enumerate(seen)
        if one.verdict.changed
    ]
    told = _unchanged(seen)
    return replace(told, events=events, reason="; ".join([told.reason, *small[:1]]))


def _exposed(told: Verdict, places: Sequence[Place]) -> float:
    """Dose over that of the field of the place where an onset came."""
    dated = [one for one in places if np.isfinite(one.verdict.onset.value)]
    nearest = min(
        dated, key=lambda one: abs(one.verdict.onset.value - told.onset.value), default=None
    )
    return 1.0 if nearest is None else nearest.exposure


def grains_that_changed(places: Sequence[Place]) -> int:
    """How many crystals have a place that changed."""
    return len({one.crystal for one in places if one.verdict.changed})


def _held_together(
    seen: Sequence[Place], numbers: Summed, first: Estimate, all_of_it: Examined | None
) -> Estimate | None:
    """The onset of all of the lattice, where it held while its places seem to have gone.

    A grain that rocks out of view seems lost, and another comes in: of many the sum is steady, and
    falls less than the courses of its places would have it.
    """
    if all_of_it is None or all_of_it.loss is None or grains_that_changed(seen) < GRAINS:
        return None
    course = _course(seen, np.array([one.power for one in seen]), numbers.dose)
    if course is None or not _steadier(all_of_it, course):
        return None
    # Grains that go one after the other take the sum down over a long stretch.
    onset, record = all_of_it.loss.course.onset, float(numbers.dose[-1] - numbers.dose[0])
    known = onset.high - onset.low < KNOWN * record
    return onset if known and onset.value > first.value else None


def _steadier(all_of_it: Examined, course: Fitted) -> bool:
    """Whether the sum did nothing while its places seem to have gone."""
    if all_of_it.watch is None:
        return False
    samples, until = all_of_it.watch.samples, passing(course, FALLEN).value
    early = samples.end <= (np.inf if np.isnan(until) else until)
    y, windows = samples.y[:, early], samples.windows[:, early]
    middle = (samples.start[early] + samples.end[early]) / 2

    def misfit(shape: Floats) -> float:
        expected = samples.beam[early] * shape
        seen = np.maximum((windows * expected**2).sum(axis=1), 1e-300)
        level = (windows * y * expected).sum(axis=1) / seen
        return float((windows * (y - level[:, None] * expected) ** 2).sum())

    return misfit(np.ones(len(middle))) < misfit(np.interp(middle, course.dose, course.level))


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


def _longest(seen: Sequence[Place], kind: str, most: float = np.inf) -> Floats:
    """Dose that the longest deep event of a kind lasts, of each place, up to a most; else 0."""
    return np.array(
        [
            max(
                (
                    event.dose_to - event.dose_from
                    for event in one.verdict.events
                    if event.kind == kind
                    and event.depth > DEEP
                    and event.dose_to - event.dose_from < most
                ),
                default=0.0,
            )
            for one in seen
        ]
    )


def _rule(swings: Floats, share: Floats) -> bool:
    """Whether so many swing that it is what grains do in this field."""
    swing = swings > 0
    return bool(swing.sum() >= SEVERAL and share[swing].sum() >= MANY)


def _dips(seen: Sequence[Place], share: Floats, record: float) -> Floats:
    """Dose that dips of each last; of all, where so many rock that others will, too."""
    longest = _longest(seen, "recovered", LASTS * record)
    if not _rule(longest, share):
        return longest
    return np.asarray(np.maximum(longest, np.median(longest[longest > 0])), np.float64)


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
    if steady and sum(one.share for one in steady) >= sum(one.share for one in unsure):
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


def summed(places: Sequence[Place], start: Floats, end: Floats) -> Summed:
    """The numbers of many places."""
    seen = [one for one in places if one.verdict.status != "no_lattice"]
    if not seen:
        return Summed()
    share = np.array([one.share for one in seen]) / max(sum(one.share for one in seen), 1e-300)
    changed = np.array([one.verdict.changed for one in seen])
    middle = (start + end) / 2
    course = _course(seen, share, middle)
    return Summed(len(seen), float(share[changed].sum()), _median(seen, share), course, middle)


def _median(seen: Sequence[Place], share: Floats) -> Estimate:
    """Dose by which half of the lattice had changed; its interval resamples places."""
    onset = [one.verdict.onset if one.verdict.changed else NOTHING for one in seen]
    value, low, high = np.array([(each.value, each.low, each.high) for each in onset]).T
    if len(seen) == 1:
        return onset[0]
    middle = _half_of(np.where(np.isfinite(value), value, np.inf), share)
    if not np.isfinite(middle):
        return NOTHING
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(seen), size=(DRAWS, len(seen)))
    error = rng.standard_normal((DRAWS, len(seen)))
    side = np.where(error < 0, value - low, high - value)[np.arange(DRAWS)[:, None], drawn]
    doses = value[drawn] + error / WIDTH * side
    found = [
        _half_of(np.where(np.isfinite(row), row, np.inf), share[mine])
        for row, mine in zip(doses, drawn, strict=True)
    ]
    ends = np.quantile(found, (0.025, 0.975), method="nearest")
    return Estimate(middle, *(float(end) if np.isfinite(end) else float("nan") for end in ends))


def _half_of(dose: Floats, share: Floats) -> float:
    order = np.argsort(dose, kind="stable")
    gone = np.cumsum(share[order]) / share.sum()
    return float(dose[order[int(np.searchsorted(gone, 0.5))]])


def _course(seen: Sequence[Place], share: Floats, dose: Floats) -> Fitted | None:
    """Course of all of the lattice, relative to its plateau; those of places are independent."""
    told = [
        (part, one.verdict.fitted)
        for one, part in zip(seen, share, strict=True)
        if one.verdict.fitted is not None or one.verdict.status == "survived"
    ]
    if not any(fit is not None for _, fit in told):
        return None
    level, below, above = (np.zeros(len(dose)) for _ in range(3))
    total = sum(part for part, _ in told)
    for part, fit in told:
        if fit is None:
            level += part
            continue
        mine, low, high = (
            np.interp(dose, fit.dose, each) for each in (fit.level, fit.low, fit.high)
        )
        level += part * mine
        below += (part * (mine - low)) ** 2
        above += (part * (high - mine)) ** 2
    low, high = level - np.sqrt(below), level + np.sqrt(above)
    return Fitted(np.arange(len(dose)), level / total, low / total, high / total, dose)


def passing(course: Fitted | None, fraction: float) -> Estimate:
    """Dose at which a course passes a part of its plateau for good, with its interval."""
    if course is None:
        return NOTHING
    levels = (course.level, course.low, course.high)
    return Estimate(*(crossing(course.dose, each, fraction) for each in levels))
