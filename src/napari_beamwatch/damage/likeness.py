"""When spots are alike, and when they are witnesses of their own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_beamwatch.damage.scopes import SpotTrace

SAME_G, SAME_DIRECTION = 0.03, 5.0
"""Relative difference of |g| and degrees within which two spots are no two witnesses."""


def independent(traces: Sequence[SpotTrace]) -> bool:
    """Whether two of the spots differ in |g| and in direction; a powder ring has every one."""
    for i, a in enumerate(traces):
        for b in traces[:i]:
            sine = abs(a.gy * b.gx - a.gx * b.gy) / (a.g * b.g)
            apart = a.ring or b.ring or sine > np.sin(np.radians(SAME_DIRECTION))
            if abs(a.g / b.g - 1) > SAME_G and apart:
                return True
    return False


def distinct(traces: Sequence[SpotTrace]) -> int:
    """How many different |g| spots have."""
    lengths = sorted(trace.g for trace in traces)
    return sum(i == 0 or g / lengths[i - 1] - 1 > SAME_G for i, g in enumerate(lengths))


def called(traces: Sequence[SpotTrace]) -> str:
    """How many spots and rings they are, in words."""
    rings = sum(trace.ring for trace in traces)
    counts = ((len(traces) - rings, "spot"), (rings, "powder ring"))
    said = [f"{count} {what}{'s' if count > 1 else ''}" for count, what in counts if count]
    return " and ".join(said) or "0 spots"


def order_of(spot: SpotTrace, traces: Sequence[SpotTrace]) -> int:
    """1 for a point of the lattice of others, 2 for one halfway between, 0 for neither.

    Powder rings are of no lattice that has directions.
    """
    found = 0
    traces = [] if spot.ring else [trace for trace in traces if not trace.ring]
    for i, a in enumerate(traces):
        for b in traces[:i]:
            area = a.gy * b.gx - a.gx * b.gy
            if abs(area) < np.sin(np.radians(SAME_DIRECTION)) * a.g * b.g:
                continue
            along = np.array([spot.gy * b.gx - spot.gx * b.gy, a.gy * spot.gx - a.gx * spot.gy])
            halves = np.round(2 * along / area) / 2
            miss = np.hypot(
                spot.gy - halves[0] * a.gy - halves[1] * b.gy,
                spot.gx - halves[0] * a.gx - halves[1] * b.gx,
            )
            if miss < SAME_G * spot.g and np.abs(halves).max() <= 2:
                if (halves == np.round(halves)).all():
                    return 1
                found = 2
    return found
