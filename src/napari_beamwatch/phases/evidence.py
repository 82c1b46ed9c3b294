"""How well a lattice of each phase explains a set of spots.

The observed spacing of a spot is d·s·(1 + e), its direction that of g plus φ plus e': s is one
scale for all spots of the set (the pixel size is not known better), φ the orientation in the
plane, e and e' independent errors. Both s (normal, about 1) and φ (uniform) are integrated out in
closed form, so ratios of spacings and angles between spots decide and a common factor does not
[1]_. Two spots in different directions, indexed as two reflections of a phase, fix the zone and
thereby where every other spot may lie; all such pairs are summed over, each weighed by how much
its reflections are expected. A spot that fits no reflection of the zone is taken for a stray one.

References
----------
.. [1] D. J. C. MacKay, Information Theory, Inference, and Learning Algorithms, Cambridge 2003,
   ch. 28: the evidence, which charges a phase of many reflections for its freedom.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.compiling import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STRAY = 0.1
"""Chance that a spot of a crystal belongs to something else."""

FINEST_STRAY, WIDEST_STRAY, WIDEST_OF_LARGE = 0.95, 12.0, 50.0
"""Å. A stray spot has any spacing between the first and the second, uniform in its logarithm, or,
where cells of frameworks are among the phases, the first and the third."""

LOG_STRAY_D = -math.log(math.log(WIDEST_STRAY / FINEST_STRAY))
LOG_STRAY_D_OF_LARGE = -math.log(math.log(WIDEST_OF_LARGE / FINEST_STRAY))

LOG_STRAY_ANGLE = -math.log(math.pi)

NEAR = 4.0
"""Standard errors within which a spot may be a reflection."""

ACROSS = math.sin(math.radians(8))
"""Sine of the angle between two spots from which they fix a zone."""

PAIRS = 3
"""Of spots that are tried as the two that fix the zone: one of them may be stray."""

SQRT_2PI = math.log(math.sqrt(2 * math.pi))


class Packed(NamedTuple):
    """Reflections of some phases, one phase after the other.

    Attributes
    ----------
    start : array of int64, (phases + 1,)
        First reflection of each phase.
    hkl, g, log_d : arrays
        Indices; Cartesian in Å⁻¹; logarithm of the spacing in Å.
    expected : array of float64
        How much a spot is expected to be this reflection; adds up to 1 over the half of a phase's
        reciprocal space.
    family : array of float64
        The same for all equivalent reflections together, at one of them; 0 at the others.
    axes : array of float64, (phases, 3, 3)
        Rows a, b, c in Å: axes @ g is hkl.
    reach : array of int64, (phases, 3)
        Largest |h|, |k|, |l|.
    place : array of int64
        Where hkl is among the reflections of its phase, or −1; a block for each phase.
    place_start : array of int64, (phases + 1,)
    log_stray_d : float
        Density of the spacings of stray spots.
    """

    start: Ints
    hkl: Ints
    g: Floats
    log_d: Floats
    expected: Floats
    family: Floats
    axes: Floats
    reach: Ints
    place: Ints
    place_start: Ints
    log_stray_d: float


def _wrap(angle: float) -> float:
    """Into −π/2 to π/2: a spot and its Friedel mate are one."""
    return angle - math.pi * math.floor(angle / math.pi + 0.5)


def _marginal(sums: Floats, scale_sd: float) -> float:
    """Log likelihood of the errors so far, scale and orientation integrated out.

    `sums` holds Σ1/σ², Σr/σ², Σr²/σ², Σ ln σ√2π of the logarithms of spacings, then the same of
    the angles.
    """
    a = sums[0] + 1 / scale_sd**2
    value: float = -0.5 * (sums[2] - sums[1] ** 2 / a) - sums[3] - 0.5 * math.log(a * scale_sd**2)
    if sums[4] > 0:
        value += -0.5 * (sums[6] - sums[5] ** 2 / sums[4]) - sums[7]
        value += 0.5 * math.log(2 * math.pi / sums[4]) - math.log(math.pi)
    return value


def _add(sums: Floats, first: int, residual: float, error: float) -> None:
    weight = 1 / error**2
    sums[first] += weight
    sums[first + 1] += residual * weight
    sums[first + 2] += residual**2 * weight
    sums[first + 3] += math.log(error) + SQRT_2PI


def _log_add(a: float, b: float) -> float:
    top = max(a, b)
    return top if top == -np.inf else top + math.log(math.exp(a - top) + math.exp(b - top))


wrap: Any = kernel()(_wrap)
marginal: Any = kernel()(_marginal)
add: Any = kernel()(_add)
log_add: Any = kernel()(_log_add)


def _put(values: Any, into: Any) -> None:
    """Copy one by one: slices that are assigned take seconds to compile, for what they raise."""
    for i in range(len(values)):
        into[i] = values[i]


put: Any = kernel()(_put)


def _told(chosen: Ints) -> bool:
    """Whether every spot is a reflection."""
    least = chosen[0]
    for reflection in chosen:
        least = min(least, reflection)
    return bool(least >= 0)


told: Any = kernel()(_told)


def _below(log_d: Floats, start: int, stop: int, value: float) -> int:
    """First of the reflections, widest spacing first, that is not above a value."""
    while start < stop:
        middle = (start + stop) // 2
        if log_d[middle] > value:
            start = middle + 1
        else:
            stop = middle
    return start


below: Any = kernel()(_below)


def _in_this_zone(lib: Packed, p: int, zone: Ints) -> float:
    """How much the reflections of a zone are expected, half of it, of all of the phase."""
    weight = 0.0
    for j in range(lib.start[p], lib.start[p + 1]):
        if zone[0] * lib.hkl[j, 0] + zone[1] * lib.hkl[j, 1] + zone[2] * lib.hkl[j, 2] == 0:
            weight += lib.expected[j]
    return weight / 2


in_this_zone: Any = kernel()(_in_this_zone)


def _dot(a: Floats, b: Floats) -> float:
    value: float = a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
    return value


dot: Any = kernel()(_dot)


def _nearest(lib: Packed, p: int, x: float, y: float, e1: Floats, e2: Floats, zone: Ints) -> int:
    """Reflection of the zone nearest to x·e1 + y·e2, or −1; of any zone if that is zeros."""
    index = 0
    in_zone = 0
    for axis in range(3):
        reach = lib.reach[p, axis]
        whole = round(x * dot(lib.axes[p, axis], e1) + y * dot(lib.axes[p, axis], e2))
        if abs(whole) > reach:
            return -1
        index = index * (2 * reach + 1) + whole + reach
        in_zone += zone[axis] * whole
    place = lib.place[lib.place_start[p] + index]
    return lib.start[p] + place if in_zone == 0 and place >= 0 else -1


nearest: Any = kernel()(_nearest)


def _complete(
    lib: Packed,
    p: int,
    spots: Floats,
    one: int,
    two: int,
    e1: Floats,
    e2: Floats,
    zone: Ints,
    scale_sd: float,
    sums: Floats,
    chosen: Ints,
) -> float:
    """Add every spot but `one` and `two` to a hypothesis, as a reflection or as stray.

    Where `two` is −1 the zone is not known, and only orders of `one` are told. `sums` and `chosen`
    are changed in place. Returned is the log likelihood of these spots given those before.
    """
    start, stop = lib.start[p], lib.start[p + 1]
    total = 0.0
    weight = 0.0
    trial = np.empty(8)
    for k in range(len(spots)):
        if k in (one, two):
            continue
        has_angle = not math.isnan(spots[k, 2])
        before = marginal(sums, scale_sd)
        stretch = sums[1] / (sums[0] + 1 / scale_sd**2)
        best = -np.inf
        found = -1
        direction = 0.0
        if has_angle:
            delta = spots[k, 2] - spots[one, 2]
            if sums[4] > 0:
                delta -= sums[5] / sums[4]
            parallel = abs(wrap(delta)) <= NEAR * math.hypot(spots[k, 3], spots[one, 3])
            if two < 0:
                delta = 0.0
            if two >= 0 or parallel:
                length = math.exp(stretch - spots[k, 0])
                x, y = length * math.cos(delta), length * math.sin(delta)
                found = nearest(lib, p, x, y, e1, e2, zone)
            if found >= 0:
                along = dot(lib.g[found], e1)
                across = dot(lib.g[found], e2)
                direction = wrap(spots[k, 2] - spots[one, 2] - math.atan2(across, along))
                if two >= 0 and weight == 0:
                    weight = in_this_zone(lib, p, zone)
                prior = lib.expected[found] / weight if two >= 0 else 1.0
                put(sums, trial)
                add(trial, 0, spots[k, 0] - lib.log_d[found], spots[k, 1])
                add(trial, 4, direction, spots[k, 3])
                best = marginal(trial, scale_sd) - before + math.log((1 - STRAY) * prior)
        else:
            for j in range(start, stop):
                far = abs(spots[k, 0] - lib.log_d[j] - stretch)
                if lib.family[j] == 0 or far > NEAR * math.hypot(spots[k, 1], scale_sd):
                    continue
                put(sums, trial)
                add(trial, 0, spots[k, 0] - lib.log_d[j], spots[k, 1])
                value = marginal(trial, scale_sd) - before + math.log((1 - STRAY) * lib.family[j])
                if value > best:
                    best = value
                    found = j
        stray = math.log(STRAY) + lib.log_stray_d + (LOG_STRAY_ANGLE if has_angle else 0.0)
        total += log_add(best, stray)
        chosen[k] = found if best > stray else -1
        if best > stray:
            add(sums, 0, spots[k, 0] - lib.log_d[found], spots[k, 1])
            if has_angle:
                add(sums, 4, direction, spots[k, 3])
    return total


complete: Any = kernel()(_complete)


def _weigh(
    lib: Packed,
    set_start: Ints,
    spots: Floats,
    scale_sd: float,
    evidence: Floats,
    scale: Floats,
    zones: Ints,
    chosen: Ints,
) -> None:
    """Evidence of each phase for each set of spots.

    Parameters
    ----------
    lib : Packed
    set_start : array of int64, (sets + 1,)
    spots : array, (spots, 4)
        Logarithm of d in Å, its error, angle in radians (NaN where there is none), its error; of
        each set those with an angle first, and of these the clearest.
    scale_sd : float
    evidence : array, (sets, phases)
        Log evidence.
    scale : array, (sets, phases, 2)
        Logarithm of observed over true spacing in the best hypothesis, and its standard error.
    zones : array of int64, (sets, phases, 3)
        Zone axis of it; zeros if unknown.
    chosen : array of int64, (phases, spots)
        Reflection of each spot in it, or −1.
    """
    sums = np.zeros(8)
    zone = np.zeros(3, np.int64)
    e1 = np.zeros(3)
    e2 = np.zeros(3)
    for s in range(len(set_start) - 1):
        mine = spots[set_start[s] : set_start[s + 1]]
        n = len(mine)
        trial = np.full(n, -1, np.int64)
        # The pairs that fix a zone, the clearest first, and then single spots.
        bases = np.full((2 * PAIRS, 2), -1, np.int64)
        count = 0
        for j in range(n):
            for i in range(j):
                if count < PAIRS and abs(math.sin(mine[i, 2] - mine[j, 2])) > ACROSS:
                    bases[count, 0] = i
                    bases[count, 1] = j
                    count += 1
        for i in range(min(n, PAIRS)):
            # A spot without direction gives those with one none to be told from.
            if math.isnan(mine[i, 2]) and not math.isnan(mine[0, 2]):
                break
            bases[count, 0] = i
            count += 1
        for p in range(len(lib.start) - 1):
            start, stop = lib.start[p], lib.start[p + 1]
            evidence[s, p] = -np.inf
            top = -np.inf
            for b in range(count):
                one, two = bases[b, 0], bases[b, 1]
                has_angle = not math.isnan(mine[one, 2])
                sum_b = -np.inf
                for i in range(start, stop):
                    r1 = mine[one, 0] - lib.log_d[i]
                    if lib.family[i] == 0 or abs(r1) > NEAR * math.hypot(mine[one, 1], scale_sd):
                        continue
                    length = math.sqrt(dot(lib.g[i], lib.g[i]))
                    for axis in range(3):
                        e1[axis] = lib.g[i, axis] / length
                    # Without a second spot there is one hypothesis to this reflection.
                    first, last = stop - 1, stop
                    if two >= 0:
                        reach_d = NEAR * math.hypot(mine[one, 1], mine[two, 1])
                        first = below(lib.log_d, start, stop, mine[two, 0] - r1 + reach_d)
                        last = below(lib.log_d, first, stop, mine[two, 0] - r1 - reach_d)
                    for j in range(first, last):
                        e2[:] = 0
                        zone[:] = 0
                        prior = lib.family[i]
                        turn = 0.0
                        if two >= 0:
                            r2 = mine[two, 0] - lib.log_d[j]
                            along = dot(lib.g[j], e1)
                            across = 0.0
                            for axis in range(3):
                                e2[axis] = lib.g[j, axis] - along * e1[axis]
                                across += e2[axis] ** 2
                            across = math.sqrt(across)
                            if across < 1e-9:
                                continue
                            # e2 is counter-clockwise of e1, on the side of this reflection or of
                            # its Friedel mate: all of both signs are gone through.
                            apart = (mine[two, 2] - mine[one, 2]) % math.pi
                            turn = apart - math.atan2(across, along)
                            if abs(turn) > NEAR * math.hypot(mine[one, 3], mine[two, 3]):
                                continue
                            for axis in range(3):
                                e2[axis] /= across
                            zone[0] = lib.hkl[i, 1] * lib.hkl[j, 2] - lib.hkl[i, 2] * lib.hkl[j, 1]
                            zone[1] = lib.hkl[i, 2] * lib.hkl[j, 0] - lib.hkl[i, 0] * lib.hkl[j, 2]
                            zone[2] = lib.hkl[i, 0] * lib.hkl[j, 1] - lib.hkl[i, 1] * lib.hkl[j, 0]
                            prior *= lib.expected[j]
                        sums[:] = 0
                        add(sums, 0, r1, mine[one, 1])
                        if has_angle:
                            add(sums, 4, 0.0, mine[one, 3])
                        if two >= 0:
                            add(sums, 0, r2, mine[two, 1])
                            add(sums, 4, turn, mine[two, 3])
                        value = math.log(prior) + marginal(sums, scale_sd)
                        value += (2 if two >= 0 else 1) * math.log(1 - STRAY)
                        trial[:] = -1
                        trial[one] = i
                        if two >= 0:
                            trial[two] = j
                        value += complete(
                            lib, p, mine, one, two, e1, e2, zone, scale_sd, sums, trial
                        )
                        sum_b = log_add(sum_b, value)
                        if value > top:
                            top = value
                            a = sums[0] + 1 / scale_sd**2
                            scale[s, p, 0] = sums[1] / a
                            scale[s, p, 1] = 1 / math.sqrt(a)
                            put(zone, zones[s, p])
                            put(trial, chosen[p, set_start[s] :])
                # Bases are other ways to the same hypotheses, not further ones.
                evidence[s, p] = max(evidence[s, p], sum_b)
                # No other base explains more than every spot.
                if top > -np.inf and told(chosen[p, set_start[s] : set_start[s + 1]]):
                    break


weigh: Any = kernel()(_weigh)
