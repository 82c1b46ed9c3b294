"""What lies on all of a field and grows: it takes the same part of every lattice.

So do carbon that the beam gathers, and thickness. Lattices that held show how much that is, and the
courses of others whether they lost as much before they went, and beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.course.averaging import average
from napari_beamwatch.damage.course.estimate import CLEAR, ONE_SIDED, SURE
from napari_beamwatch.damage.course.examining import Examined
from napari_beamwatch.damage.parts import HALF, HARDLY, LITTLE

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Layer:
    """What several lattices of a field lost alike.

    Attributes
    ----------
    left : array (frames,)
        Part of its power that a lattice which holds has.
    beside : tuple of Examined
        Places that lost as much, and something of their own.
    """

    left: Floats
    beside: tuple[Examined, ...]

    @classmethod
    def of(cls, places: Sequence[Examined]) -> Layer | None:
        """That of all places of a field; None where there is none.

        Parameters
        ----------
        places : sequence of Examined
        """
        hold = [one for one in places if holds(one)]
        if not hold:
            return None
        left, se = np.array([_left(one) for one in hold]).T
        variance = se**2 + HARDLY**2
        # Those that kept most: others may have lost something by themselves.
        most = int(left.argmax())
        alike = np.flatnonzero(left > left[most] - CLEAR * np.sqrt(variance + variance[most]))
        courses = np.array([_course(hold[each]) for each in alike])
        course = (1 / variance[alike]) @ courses / (1 / variance[alike]).sum()
        if course.min() > 1 - LITTLE:
            return None
        beside = tuple(one for one in places if not holds(one) and _lost_beside(one, course))
        crystals = {one.scope.crystal for one in (*(hold[each] for each in alike), *beside)}
        return cls(course, beside) if len(crystals) > 1 else None

    @property
    def said(self) -> str:
        """What it took, in words."""
        part = 100 * (1 - float(self.left.min()))
        return f"all lattices lost {part:.0f} % alike, as under a layer that grows"


def holds(one: Examined) -> bool:
    """Whether a lattice surely kept more than half."""
    if one.watch is None:
        return False
    left, se = _left(one)
    return left - ONE_SIDED * se > HALF


def _lost_beside(one: Examined, left: Floats) -> bool:
    """Whether the course of a lattice is that of all, and something of its own, rather than not."""
    if one.watch is None or one.loss is None:
        return False
    samples = one.watch.samples
    dimmed = replace(samples, beam=samples.beam * left[samples.frame])
    beside = average(dimmed, dispersion=one.watch.dispersion)
    gained = beside.weighed.log_likelihood.max() - one.loss.found.weighed.log_likelihood.max()
    return bool(gained > beside.misfit * one.watch.dispersion * SURE**2 / 2)


def _left(one: Examined) -> tuple[float, float]:
    """What is left of a lattice at the end, and its error."""
    assert one.watch is not None
    if one.loss is not None:
        return one.loss.left.total, one.loss.left.total_se
    return 1.0, one.watch.power.detectable_loss_percent / 100 / CLEAR


def _course(one: Examined) -> Floats:
    """What a lattice has in each frame of what it had."""
    frames = np.arange(len(one.scope.lit))
    if one.loss is None:
        return np.ones(len(frames))
    return np.asarray(np.interp(frames, one.loss.fitted.frame, one.loss.fitted.level), np.float64)
