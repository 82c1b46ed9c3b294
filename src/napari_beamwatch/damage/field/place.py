"""A place: the smallest thing that has an onset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.verdict.judging import Verdict


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
        Lattice it carries, in squares of a step: a window stands for what lies nearest to it, and
        one that shows several is split by their amplitudes.
    verdict : Verdict
    power : float
        Of its lattice, over that of the noise, where it is strongest.
    exposure : float
        Its dose over that of the field.
    area : float
        Squares of a step of the windows that show it, whatever else they show.
    scatter : float
        Standard deviation of the onsets of its windows beyond their errors, e/Å² of its own dose.
    """

    number: int
    crystal: int
    name: str
    windows: NDArray[np.int64]
    share: float
    verdict: Verdict
    power: float = 1.0
    exposure: float = 1.0
    area: float = 0.0
    scatter: float = 0.0


def grains_that_changed(places: Sequence[Place]) -> int:
    """How many crystals have a place that changed."""
    return len({one.crystal for one in places if one.verdict.changed})
