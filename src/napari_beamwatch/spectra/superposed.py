"""Two lattices that lie over each other, told apart by their courses.

Reflections that share their windows are taken for one crystal's. Where one of two crystals is on
top of the other they do, too, and neither is seen alone. But a crystal has one lattice: where some
of its reflections were lost while others held, and those that were lost do not lie on the lattice
of the others nor these on theirs, they were two. A tilt takes spots of one lattice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.spectra.crystals import Reflections
from napari_beamwatch.spectra.following import FollowedReflection, FollowedSpots
from napari_beamwatch.spectra.grains import lies_on, spans
from napari_beamwatch.spectra.overlaps import overlap_factors

Floats = NDArray[np.float64]

STRETCHES = 8
"""Of the record in which levels are compared with those of the first."""

LOST, HELD, BRIGHTER = 0.2, 0.75, 1.5
"""Parts of their first level below which reflections were lost, and between which they held."""

SURE = 2.0
"""Standard errors by which."""

FEWEST = 2
"""Reflections that tell a lattice."""


def parted(followed: FollowedSpots, every: Sequence[FollowedReflection]) -> FollowedSpots:
    """The same spots, with crystals that were two as two.

    Parameters
    ----------
    followed : FollowedSpots
    every : sequence of FollowedReflection
        Over all of its windows.
    """
    spots = followed.spots
    reflections = spots.reflections
    crystal = reflections.crystal.copy()
    for number in np.unique(crystal).tolist():
        mine = [one for one in every if reflections.crystal[one.number] == number]
        if len(mine) < 2 * FEWEST:
            continue
        first = _first_lattice(reflections, spots.grid.window, mine, *_kept(followed, mine))
        crystal[[one.number for one in mine if one.number in first]] = crystal.max() + 1
    if (crystal == reflections.crystal).all():
        return followed
    return replace(
        followed, spots=replace(spots, reflections=replace(reflections, crystal=crystal))
    )


def _kept(followed: FollowedSpots, some: Sequence[FollowedReflection]) -> tuple[Floats, Floats]:
    """Level in each stretch over that of the first, and its standard error: (some, stretches)."""
    grid, window = followed.spots.grid, followed.spots.peaks.window
    kept, error = [], []
    for one in some:
        in_phase, own = overlap_factors(grid, window[one.spots])
        snr = one.trace.mean_snr
        many = np.where(np.isfinite(snr), one.trace.windows, 0.0)
        edges = np.linspace(0, len(snr), STRETCHES + 1).astype(np.int64)
        sides = [slice(*edge) for edge in pairwise(edges.tolist())]
        total = np.array([max(float(many[side].sum()), 1e-9) for side in sides])
        level = np.array([many[side] @ np.nan_to_num(snr[side]) for side in sides]) / total
        se = np.sqrt((2 * in_phase * np.maximum(level, 0) + own) / total)
        at_first = max(float(level[0]), 1e-9)
        kept.append(level / at_first)
        error.append(np.hypot(se, level / at_first * se[0]) / at_first)
    return np.array(kept), np.array(error)


def _first_lattice(
    reflections: Reflections,
    window: int,
    some: Sequence[FollowedReflection],
    kept: Floats,
    error: Floats,
) -> set[int]:
    """Numbers of the reflections of the lattice that was lost first; none if there is but one."""
    number = np.array([one.number for one in some])
    g = np.stack([reflections.gy[number], reflections.gx[number]], axis=1) * window
    for level, se in zip(kept.T, error.T, strict=True):
        lost = level + SURE * se < LOST
        held = (level - SURE * se > HELD) & (level < BRIGHTER)
        if not (spans(g[lost]) and spans(g[held])):
            continue
        stray, other = lost & ~lies_on(g, g[held]), held & ~lies_on(g, g[lost])
        if spans(g[stray]) and spans(g[other]):
            fits, instead = lies_on(g, g[lost]), lies_on(g, g[held])
            theirs = np.where(fits == instead, level < (LOST + HELD) / 2, fits)
            return set(number[theirs].tolist())
    return set()
