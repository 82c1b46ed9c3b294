"""When spots are alike, and when they are witnesses of their own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_beamwatch.damage.scopes import SpotTrace

SAME_G, SAME_DIRECTION = 0.03, 5.0
"""Relative difference of |g| and degrees within which two spots are no two witnesses."""


def independent(traces: Sequence[SpotTrace]) -> bool:
    """Whether two of the spots differ in |g| and in direction."""
    for i, a in enumerate(traces):
        for b in traces[:i]:
            sine = abs(a.gy * b.gx - a.gx * b.gy) / (a.g * b.g)
            if abs(a.g / b.g - 1) > SAME_G and sine > np.sin(np.radians(SAME_DIRECTION)):
                return True
    return False


def distinct(traces: Sequence[SpotTrace]) -> int:
    """How many different |g| spots have."""
    lengths = sorted(trace.g for trace in traces)
    return sum(i == 0 or g / lengths[i - 1] - 1 > SAME_G for i, g in enumerate(lengths))
