"""Where labels stand so that they cover neither each other nor what they name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Box(NamedTuple):
    """A rectangle: its middle, width and height, in any one unit."""

    x: float
    y: float
    width: float
    height: float


def free_places(wishes: Sequence[Sequence[Box]], taken: Sequence[Box], sight: Box) -> list[int]:
    """For each label the first of the places it may have that is free, or −1 if none is.

    Labels choose one after another.

    Parameters
    ----------
    wishes : sequence of sequence of Box
        The places of each label, best first.
    taken : sequence of Box
        What must not be covered.
    sight : Box
        Labels that do not lie wholly in it would be cut.
    """
    covered = np.array(taken, np.float64).reshape(-1, 4)
    chosen = []
    for places in wishes:
        boxes = np.array(places, np.float64).reshape(-1, 4)
        inside = (2 * np.abs(boxes[:, :2] - sight[:2]) + boxes[:, 2:] <= sight[2:]).all(axis=1)
        free = np.flatnonzero(inside & ~_meet(boxes, covered).any(axis=1))
        chosen.append(int(free[0]) if len(free) else -1)
        covered = np.concatenate([covered, boxes[free[:1]]])
    return chosen


def _meet(boxes: Floats, others: Floats) -> NDArray[np.bool_]:
    """Which boxes overlap which others."""
    apart = 2 * np.abs(boxes[:, None, :2] - others[None, :, :2])
    return np.asarray((apart < boxes[:, None, 2:] + others[None, :, 2:]).all(axis=2))
