"""Whether what went came again at another angle: a crystal that turned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.course.examining import Examined
from napari_beamwatch.damage.likeness import SAME_DIRECTION, SAME_G, order_of
from napari_beamwatch.damage.parts import HALF, LITTLE, MOST
from napari_beamwatch.damage.scopes import SpotTrace
from napari_beamwatch.damage.verdict.newcomers import of_neighbours


def has_turned(one: Examined, grew: Sequence[SpotTrace]) -> bool:
    """Whether what a place lost came again there at another angle, see `turned`.

    Parameters
    ----------
    one : Examined
    grew : sequence of SpotTrace
        What came anywhere in the field instead of a lattice, see `came_instead`.
    """
    if one.loss is None:
        return False
    gone = np.zeros(len(one.scope.traces), bool)
    gone[np.flatnonzero(one.there)[one.loss.left.ratio < HALF]] = True
    return turned(one.scope.traces, gone, one.fresh & ~of_neighbours(one, grew), LITTLE)


def turned(
    traces: Sequence[SpotTrace],
    faded: NDArray[np.bool_],
    new: NDArray[np.bool_],
    least: float = 0.0,
) -> bool:
    """Whether the new spots are the faded ones at another angle: the crystal turned.

    What appeared has the |g| of those that faded, in another direction, or lies on their lattice
    turned by that angle, but for a faint spot here and there; another phase has spacings of its
    own. Powder rings do not turn.

    Parameters
    ----------
    traces : sequence of SpotTrace
    faded, new : array of bool (traces,)
    least : float
        Part of the power of what faded that what appeared must have: what turned has all of it.
    """
    old = [trace for trace, is_one in zip(traces, faded, strict=True) if is_one]
    fresh = [trace for trace, is_one in zip(traces, new, strict=True) if is_one]
    if not old or not fresh:
        return False
    strength, was = (
        np.array([float(np.nanmean(np.maximum(spot.snr, 0.0))) for spot in some])
        for some in (fresh, old)
    )
    if strength.sum() < least * was.sum():
        return False
    mates = [_turn(spot, old) for spot in fresh]
    angles = [angle for angle in mates if angle is not None]
    lattices = [[_rotated(trace, angle) for trace in old if not trace.ring] for angle in angles]
    matched = [
        mate is not None or any(order_of(spot, lattice) == 1 for lattice in lattices)
        for spot, mate in zip(fresh, mates, strict=True)
    ]
    return float(strength[matched].sum()) >= MOST * float(strength.sum())


def _turn(spot: SpotTrace, old: Sequence[SpotTrace]) -> float | None:
    """Angle by which the nearest of its mates of the same |g| turned; None without any.

    One that is where it was did not turn.
    """
    angles = []
    for mate in old:
        if mate.ring or spot.ring or abs(mate.g / spot.g - 1) > SAME_G:
            continue
        across = mate.gx * spot.gy - mate.gy * spot.gx
        angle = float(np.arctan2(across, mate.gx * spot.gx + mate.gy * spot.gy))
        angles.append(angle - np.pi * round(angle / np.pi))  # of g and −g the nearer
    least = min(angles, key=abs, default=None)
    return None if least is None or abs(least) <= np.radians(SAME_DIRECTION) / 2 else least


def _rotated(spot: SpotTrace, angle: float) -> SpotTrace:
    c, s = np.cos(angle), np.sin(angle)
    return replace(spot, gx=c * spot.gx - s * spot.gy, gy=s * spot.gx + c * spot.gy)
