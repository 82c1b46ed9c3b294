"""How much of the windows' area each of several lattices has, stretch by stretch of the dose.

The Fourier coefficient of a window at a spot is the mean of the lattice's amplitude over the
window, weighed by the taper: where a part f of it bears the lattice, or that part of all columns,
the power is f² of the full one [1]_. Full is what a window once showed that nothing else shared;
how strong a lattice is there differs from window to window with the film under it, so that each
window is its own measure:

* Lattices that were there at first fill the windows in which their amplitudes, relative to the
  strongest windows, add up to half or more: at an edge, as many are taken too full as too empty.
* What came later had the room that those had left. Its amplitude is put in proportion so that it
  filled that room in its strongest windows at its strongest; where the room was not filled there,
  half or more of it is filled, and less stays as it was measured.
* A window that shows nothing new although there is room has none of it if a full one would have
  been seen in it; else it is like those of its place that do, and where there are none, what it may
  hide is told.

The windows of a lattice that are of one place share a course: their powers are added before the
root is taken, which would make an area of noise.

References
----------
.. [1] M. De Graef, Introduction to Conventional Transmission Electron Microscopy, Cambridge
   2003, ch. 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.field.cells import AT_FIRST
from napari_beamwatch.damage.parts import FIFTH, HALF, MOST

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

SURELY = 2.0
"""Amplitude, over that of the threshold, from which on a spot is found for sure."""

ROUNDS = 3
"""Of alternating least squares."""


@dataclass(frozen=True, eq=False)
class Lattices:
    """What windows show of lattices.

    Attributes
    ----------
    power, error : array (lattices, windows, stretches)
        Of all spots of a lattice that were found in a window, and its standard error; 0 where none
        was found or the window was off the detector.
    found : array of bool (lattices, windows)
    snr : array (lattices, windows)
        Of the strongest spot, where it is strongest.
    seen : array of bool (windows, stretches)
        On the detector.
    place : array of int64 (windows,)
        Number of the place, −1 of none.
    shared : float
        Variance of a mean over windows, over that of as many that do not overlap.
    threshold : float
        Power over the floor from which on a spot is found.
    """

    power: Floats
    error: Floats
    found: Bools
    snr: Floats
    seen: Bools
    place: Ints
    shared: float
    threshold: float


@dataclass(frozen=True, eq=False)
class Areas:
    """Parts of the windows' area.

    Attributes
    ----------
    share, error : array (lattices, stretches)
        Of each lattice, and the standard error that counting makes.
    hidden : array (stretches,)
        That something new may have without being seen.
    full : array (lattices,)
        Power of each in a window that it fills.
    """

    share: Floats
    error: Floats
    hidden: Floats
    full: Floats


def areas_of(of: Lattices) -> Areas:
    """The area of each lattice in each stretch."""
    course, error, power = _courses(of)
    full, old = _full_power(of, course, power)
    amplitude = np.sqrt(power / np.maximum(full, 1e-300)[:, None])
    total = amplitude[old].sum(axis=0)
    part = np.where(old[:, None] & (total >= HALF), amplitude / np.maximum(total, 1e-300), 0.0)
    room = np.clip(1 - (part[:, :, None] * course).sum(axis=0), 0.0, 1.0)
    free = room
    for i in _newest_last(course, power, ~old):
        part[i] = _part_of_room(course[i], amplitude[i], free, of.found[i], of.seen)
        free = np.clip(free - part[i][:, None] * course[i], 0.0, 1.0)
    share = part[:, :, None] * course
    unseen, hidden = _unseen(of, share, ~old, room, total >= HALF)
    # Of windows that left the detector nobody knows what came.
    used = of.seen.mean(axis=1) >= HALF
    count = max(1, int(used.sum()))
    return Areas(
        (share + unseen)[:, used].sum(axis=1) / count,
        _error(of, part, error, used) / count,
        hidden[used].sum(axis=0) / count,
        full,
    )


def _pools(of: Lattices) -> list[tuple[int, Ints]]:
    """Windows that share a course: of one lattice and place."""
    return [
        (i, np.flatnonzero(there & (of.place == number)))
        for i, there in enumerate(of.found)
        for number in np.unique(of.place[there])
    ]


def _courses(of: Lattices) -> tuple[Floats, Floats, Floats]:
    """Amplitudes relative to the highest, their errors, and the power of each window then."""
    course, error = np.zeros_like(of.power), np.zeros_like(of.power)
    power = np.zeros(of.found.shape)
    for i, mine in _pools(of):
        measured, seen = of.power[i, mine], of.seen[mine]
        mean, strength = _common(np.where(seen, measured, 0.0), seen)
        base = strength @ seen
        spread = np.sqrt(of.shared * (np.where(seen, of.error[i, mine], 0.0) ** 2).sum(axis=0))
        spread = spread / np.maximum(base, 1e-300)
        # What is within its error of nothing is nothing: roots of noise would add up to an area.
        root = np.sqrt(np.maximum(mean - spread, 0.0))
        highest = plateau(root[base > 0])
        if not highest > 0:
            continue
        root, spread = root / highest, spread / highest**2
        known = np.flatnonzero(base > 0)
        every = np.arange(len(root))
        course[i, mine] = np.interp(every, known, root[known])
        error[i, mine] = spread / (2 * np.maximum(course[i, mine[0]], np.sqrt(spread)) + 1e-300)
        power[i, mine] = strength * highest**2
    return course, error, power


def _common(power: Floats, seen: Bools) -> tuple[Floats, Floats]:
    """Mean course of windows and the strength of each, whenever they were on the detector."""
    course = power.sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    for _ in range(ROUNDS):
        course = np.maximum(course, 0.0)
        strength = (power @ course) / np.maximum(seen @ course**2, 1e-300)
        strength = np.maximum(strength, 0.0)
        course = power.sum(axis=0) / np.maximum(strength @ seen, 1e-300)
    return course, strength


def plateau(values: Floats) -> float:
    """Where most of the higher values lie; 0 of none."""
    if not len(values):
        return 0.0
    return float(np.median(values[values >= MOST * np.quantile(values, 0.9)]))


def _full_power(of: Lattices, course: Floats, power: Floats) -> tuple[Floats, Bools]:
    """Power of each lattice in a window that it fills, and which were there at first."""
    full = np.array([plateau(power[i, there]) for i, there in enumerate(of.found)])
    risen = (course * power[:, :, None]).sum(axis=1)
    arrived = (risen > HALF * risen.max(axis=1, keepdims=True)).argmax(axis=1)
    stretches = course.shape[2]
    first = max(1, stretches // AT_FIRST)
    old = np.asarray(arrived <= first, np.bool_)
    # While the stage settles frames are blurred: what is there at first is whole then.
    for i, mine in _pools(of):
        up = course[i, mine[0]] > MOST
        if old[i] and up[: first + 1].any():
            begin = int(up.argmax())
            course[i, mine, : begin + 1] = np.maximum(course[i, mine, : begin + 1], 1.0)
    for kind in (old, ~old):
        if kind.any():
            # Of what is seen at borders only nobody knows how strong it is where it is full.
            strongest = full[kind][np.argmax((full * of.found.sum(axis=1))[kind])]
            full[kind] = np.maximum(full[kind], HALF * strongest)
    return full, old


def _newest_last(course: Floats, power: Floats, new: Bools) -> list[int]:
    """Lattices that came, in the order in which they did."""
    risen = (course * power[:, :, None]).sum(axis=1)
    arrived = (risen > HALF * risen.max(axis=1, keepdims=True)).argmax(axis=1)
    return sorted(np.flatnonzero(new).tolist(), key=lambda i: (arrived[i], -power[i].sum()))


def _part_of_room(
    course: Floats, amplitude: Floats, room: Floats, found: Bools, seen: Bools
) -> Floats:
    """Part of each window that a lattice has at its fullest, of the room that others left."""
    late = (course >= MOST) & seen
    count = np.maximum(late.sum(axis=1), 1)
    left = np.where(late, room, 0.0).sum(axis=1) / count
    shown = amplitude * np.where(late, course, 0.0).sum(axis=1) / count
    # Where less room was left what is there does not tell how full it is.
    tells = found & (left > FIFTH) & (shown > 0)
    if not tells.any():
        return np.zeros(len(found))
    ratio = np.where(tells, shown / np.maximum(left, FIFTH), 0.0)
    filled = ratio / plateau(ratio[tells])
    part = amplitude * np.where(
        filled >= HALF, 1 / np.maximum(ratio, 1e-300), 1 / plateau(ratio[tells])
    )
    return np.where(tells, part, np.minimum(part, room.max(axis=1))) * found


def _unseen(
    of: Lattices, share: Floats, new: Bools, room: Floats, covered: Bools
) -> tuple[Floats, Floats]:
    """What new lattices have where they are too faint to be found, and what may be hidden.

    Returns
    -------
    array (lattices, windows, stretches), array (windows, stretches)
    """
    found, hidden = np.zeros_like(share), np.zeros_like(room)
    if not new.any():
        return found, hidden
    bears, snr = of.found[new].any(axis=0), of.snr[new].max(axis=0)
    fullest = np.quantile(share[new].sum(axis=0), 0.9, axis=1)
    tells = bears & (fullest > FIFTH)
    whole = float(np.median(snr[tells] / fullest[tells] ** 2) if tells.any() else snr.max())
    least = np.sqrt(of.threshold / whole)
    faint = np.quantile(room, 0.9, axis=1) < SURELY * least
    for window in np.flatnonzero(~bears & covered & faint).tolist():
        peers = bears & (of.place == of.place[window])
        if not peers.any():
            hidden[window] = room[window]
            continue
        theirs = share[:, peers].mean(axis=1) / np.maximum(room[peers].mean(axis=0), 0.05)
        found[:, window] = np.where(new[:, None], np.clip(theirs, 0.0, 1.0) * room[window], 0.0)
    return found, hidden


def _error(of: Lattices, part: Floats, error: Floats, used: Bools) -> Floats:
    """Standard error of the sums over windows: those that share a course err alike."""
    variance = np.zeros((len(part), error.shape[2]))
    for i, mine in _pools(of):
        variance[i] += ((part[i] * used)[mine].sum() * error[i, mine[0]]) ** 2
    return np.sqrt(variance)
