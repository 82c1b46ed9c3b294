"""How well a crystal that nobody has listed explains a set of spots.

Spots of any crystal lie on a lattice: two of them say where the others may be. So a phase earns
nothing by them; it earns by the two, whose spacings and angle it foretells, and by a lattice no
finer than the spots ask for. What it must be better than is the evidence of

1. a lattice of any cell: two spots with any spacings (uniform in ln d) and directions, the others
   whole-numbered sums of them or of a sublattice's basis, with the errors of all [1]_;
2. a cubic crystal of any edge: cubic crystals share all their angles and ratios, so that only the
   scale tells them apart;
3. spots that have nothing to do with each other.

The ratio of the evidence for a library to that for a crystal outside it is an e-value: if the
latter is so, the ratio exceeds x with a chance of at most 1/x (Markov's inequality), whatever the
number of phases, spots and errors [2]_.

References
----------
.. [1] C. M. Bishop, Pattern Recognition and Machine Learning, Springer 2006, section 3.5.
.. [2] V. Vovk, R. Wang, Ann. Stat. 49 (2021) 1736.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.phases.evidence import (
    ACROSS,
    LOG_STRAY_ANGLE,
    LOG_STRAY_D,
    NEAR,
    PAIRS,
    STRAY,
    weigh,
)
from napari_beamwatch.phases.library import FINEST_SPOT, REACH, library, reach_of
from napari_beamwatch.phases.structures import Phase

Floats = NDArray[np.float64]

CUBIC = 0.03
"""Part of unlisted crystals that are cubic. Of these the rate of false names is not held: at a
pixel size known to 2 % every second edge is that of some phase."""

EDGES = (3.2, 8.6)
"""Å; cell edges of cubic crystals with few enough atoms to show fringes."""

EDGE_STEP = 0.1
"""Of their logarithm: half of it is the standard deviation that makes steps one plateau."""

FINEST_INDEX = 3
"""Spots may be on a lattice so many times finer than the two that are taken for its basis."""

DENSE = 0.01
"""Å⁻²: planes of reciprocal space whose cell is smaller have more points than are counted out."""

WHOLE = np.stack(np.meshgrid(*2 * [np.arange(-12, 13)], indexing="ij"), -1).reshape(-1, 2)


def unknown(sets: list[Floats], log_stray_d: float = LOG_STRAY_D) -> Floats:
    """Log evidence, for each set of spots, of a crystal outside any library.

    Parameters
    ----------
    sets : list of array, (spots, 4)
        As `napari_beamwatch.phases.evidence.weigh` takes them.
    log_stray_d : float
        Density of the spacings of stray spots.
    """
    apart = np.array([_stray(spots, log_stray_d).sum() for spots in sets])
    lattice = np.array([any_lattice(spots, log_stray_d) for spots in sets])
    either: Floats = np.logaddexp(apart, np.logaddexp(lattice, math.log(CUBIC) + _cubic(sets)))
    return either


def any_lattice(spots: Floats, log_stray_d: float = LOG_STRAY_D) -> float:
    """Log evidence of a lattice of any cell."""
    directed = spots[np.isfinite(spots[:, 2])]
    rest = float(_stray(spots[len(directed) :], log_stray_d).sum())
    best = -math.inf
    for base in _bases(directed[:, 2]):
        value, complete = _of_base(directed, base, log_stray_d)
        best = max(best, value)
        if complete:
            break
    return best + rest if len(directed) else rest


def _bases(angle: Floats) -> Iterator[list[int]]:
    """Spots that may span the lattice, the clearest first; one if all are in one direction."""
    pairs = [
        [i, j]
        for j in range(len(angle))
        for i in range(j)
        if abs(math.sin(angle[i] - angle[j])) > ACROSS
    ]
    yield from pairs[:PAIRS] or [[i] for i in range(min(len(angle), PAIRS))]


def _of_base(spots: Floats, base: list[int], log_stray_d: float) -> tuple[float, bool]:
    """Log evidence of all lattices that have these spots; whether one of them has every spot."""
    length = np.exp(-spots[:, 0])
    along = np.column_stack([np.cos(spots[:, 2]), np.sin(spots[:, 2])])
    g = length[:, None] * along
    across = np.column_stack([-along[:, 1], along[:, 0]])
    radial, tangential = length * spots[:, 1], length * spots[:, 3]
    covariance = _outer(along, radial) + _outer(across, tangential)
    precision = _outer(along, 1 / radial) + _outer(across, 1 / tangential)
    # Per unit of ln d and angle, as stray spots are, and not of reciprocal area.
    single = 2 * np.log(length) - np.log(radial * tangential)
    stray = _stray(spots, log_stray_d)
    values, complete = [], False
    for inverse in _finer(len(base)):
        basis = g[base].T @ inverse
        index = np.rint(g @ np.linalg.pinv(basis).T)
        parts = index @ inverse.T
        error = covariance + np.einsum("kb,bij->kij", parts**2, covariance[base])
        off = g - parts @ g[base]
        far = np.einsum("ki,kij,kj->k", off, np.linalg.inv(error), off)
        on = (far < NEAR**2) & index.any(axis=1)
        on[base] = True
        others = on.copy()
        others[base] = False
        value = stray[base].sum() + on.sum() * math.log(1 - STRAY)
        value += stray[~on].sum() + (~on).sum() * math.log(STRAY)
        if others.any():
            value += _log_fit(g[on], precision[on], parts[on]) + single[on].sum()
            value -= 2 * np.log(length[base]).sum() + others.sum() * math.log(2 * math.pi)
            if len(base) == 2:
                reach = reach_of(abs(np.linalg.det(basis)) ** -0.5)
                value += (-((reach * length[others]) ** 2) - math.log(_expected(basis))).sum()
        values.append(float(value))
        complete |= bool(on.all())
    return float(np.logaddexp.reduce(values)) - math.log(len(values)), complete


def _log_fit(g: Floats, precision: Floats, parts: Floats) -> float:
    """Log of the integral over the basis, but for factors of each spot and of 2π."""
    count = parts.shape[1]
    curvature = np.einsum("ka,kij,kb->aibj", parts, precision, parts).reshape(2 * count, -1)
    pull = np.einsum("ka,kij,kj->ai", parts, precision, g).ravel()
    chi2 = np.einsum("ki,kij,kj->", g, precision, g) - pull @ np.linalg.solve(curvature, pull)
    return float(-0.5 * max(chi2, 0.0) - 0.5 * np.linalg.slogdet(curvature)[1])


def _outer(unit: Floats, scale: Floats) -> Floats:
    product: Floats = unit[:, :, None] * unit[:, None, :] * (scale**2)[:, None, None]
    return product


def _stray(spots: Floats, log_stray_d: float) -> Floats:
    log_density: Floats = log_stray_d + np.where(np.isfinite(spots[:, 2]), LOG_STRAY_ANGLE, 0.0)
    return log_density


def _expected(basis: Floats) -> float:
    """How much all points of half a lattice are expected together, as in `library`."""
    area = abs(float(np.linalg.det(basis)))
    reach = reach_of(area**-0.5) if area > 0 else REACH
    if area < DENSE:  # more points than `WHOLE` has; they are as good as an area
        finest = math.exp(-((reach / FINEST_SPOT) ** 2))
        return math.pi / (2 * reach**2 * area) * (1 - finest) if area > 0 else 1.0
    g2 = ((WHOLE @ basis.T) ** 2).sum(axis=1)
    return float(np.exp(-(reach**2) * g2[(g2 > 0) & (g2 < FINEST_SPOT**-2)]).sum() / 2) or 1.0


@cache
def _finer(dimensions: int) -> tuple[Floats, ...]:
    """Bases of the lattices that hold a lattice, in units of its own basis."""
    if dimensions == 1:
        return tuple(np.array([[1 / n]]) for n in range(1, FINEST_INDEX + 1))
    return tuple(
        np.linalg.inv(np.array([[a, b], [0, n // a]], float))
        for n in range(1, FINEST_INDEX + 1)
        for a in range(1, n + 1)
        if n % a == 0
        for b in range(a)
    )


@cache
def _cubics() -> tuple[Phase, ...]:
    """Primitive, body- and face-centred crystals of all edges."""
    low, high = np.log(EDGES)
    return tuple(
        Phase(f"{group} {edge:.2f}", (edge,) * 3 + (90.0,) * 3, group, (("Si", (0, 0, 0), 1.0),))
        for edge in np.exp(np.arange(low, high, EDGE_STEP)).tolist()
        for group in ("P m -3 m", "I m -3 m", "F m -3 m")
    )


def _cubic(sets: list[Floats]) -> Floats:
    """Log evidence of a cubic crystal of any edge."""
    lib = library(_cubics())
    count = len(lib.phases)
    spots = np.concatenate(sets or [np.empty((0, 4))])
    evidence = np.full((len(sets), count), -np.inf)
    weigh(
        lib.packed,
        np.cumsum([0, *map(len, sets)]),
        spots,
        EDGE_STEP / 2,
        evidence,
        np.zeros((len(sets), count, 2)),
        np.zeros((len(sets), count, 3), np.int64),
        np.full((count, len(spots)), -1, np.int64),
    )
    mean: Floats = np.logaddexp.reduce(evidence, axis=1) - math.log(count)
    return mean
