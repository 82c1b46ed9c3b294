"""Losses that recover: found, left out of every fit, and told as events.

What is irreversible is the loss that no later frame undoes. The spots of a crystal, taken as one
trace, are cut into pieces of constant level; a piece that a later one overtops has recovered.
That also takes out the first frames if the lattice sharpens as the specimen comes to rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.course.estimate import SURE
from napari_beamwatch.damage.course.fitting import mean_levels
from napari_beamwatch.damage.course.scanning import best_cuts, common_trace
from napari_beamwatch.damage.parts import HALF, LITTLE, SEVERAL
from napari_beamwatch.damage.scopes import Samples

Floats = NDArray[np.float64]

PASSES = 2
"""Cuts into pieces: the first by the noise of the mean signal, the next by that of the pieces, for
the plateau of a lattice that fades later spreads more than the mean does."""


@dataclass(frozen=True)
class Event:
    """Something that came and went.

    Attributes
    ----------
    kind : str
        ``recovered``, or ``settling``: weak at first, as a specimen that comes to rest.
    dose_from, dose_to : float
    depth : float
        Part of the power that was gone at the worst.
    """

    kind: str
    dose_from: float
    dose_to: float
    depth: float

    def as_deep(self, loss: float) -> bool:
        """Whether it recovered, and took as much as a lasting loss, or nearly."""
        return self.kind == "recovered" and self.depth >= HALF * loss


@dataclass(frozen=True, eq=False)
class Dips:
    """What has recovered.

    Attributes
    ----------
    masked : array of bool (samples,)
    events : tuple of Event
    longest : int
        Samples of the longest dip.
    """

    masked: NDArray[np.bool_]
    events: tuple[Event, ...]
    longest: int


def find_dips(samples: Samples, dispersion: float = 1.0) -> Dips:
    """Samples in which the lattice was weaker than later."""
    count = len(samples)
    levels = mean_levels(samples)
    value, variance = common_trace(samples, levels)
    if not np.isfinite(variance).any():
        return Dips(np.zeros(count, bool), (), 0)
    penalty = 2 * np.log(count) + 6
    for _ in range(PASSES):
        starts = best_cuts(value, variance * dispersion, penalty)
        level, weight = _levels(value, variance * dispersion, starts)
        ends = np.append(starts[1:], count)
        course = np.repeat(np.maximum(level, 0.0), ends - starts)
        value, variance = common_trace(samples, levels, course)
    level, weight = _levels(value, variance * dispersion, starts)
    error = 1 / np.sqrt(np.maximum(weight, 1e-200))
    top = float(level.max())
    masked = np.zeros(count, bool)
    above = np.zeros(count)
    for k in range(len(starts)):
        later = [j for j in range(k + 1, len(starts)) if ends[j] - starts[j] >= SEVERAL]
        # A tenth, errors aside, for nothing holds still altogether.
        over = [
            level[j]
            for j in later
            if level[j] - level[k] > max(SURE * np.hypot(error[j], error[k]), LITTLE * top)
        ]
        if over:
            masked[starts[k] : ends[k]] = True
            above[starts[k] : ends[k]] = max(over)
    pieces = np.repeat(level, ends - starts)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], masked.astype(int), [0]])))
    runs = [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    events = tuple(
        Event(
            "settling" if a == 0 else "recovered",
            float(samples.start[a]),
            float(samples.end[b - 1]),
            float(np.clip(1 - pieces[a:b].min() / above[a:b].max(), 0, 1)),
        )
        for a, b in runs
    )
    if events and runs[0][0] == 0:
        _at_rest(masked, runs[0][1], ends)
    return Dips(masked, events, max((b - a for a, b in runs if a > 0), default=0))


def _at_rest(masked: NDArray[np.bool_], settled: int, ends: NDArray[np.int64]) -> None:
    """Mask samples after those that proved weak, too: what comes to rest does so gradually.

    As many again, for a movement that dies away is hardly seen twice as late, but no more than a
    quarter of the piece they lie in. Of plateaus of 8 frames, of which some settled, intervals held
    70 to 80 % without, all with a quarter; with half 90 %, for little is left of the plateau.
    """
    piece = int(ends[np.searchsorted(ends, settled, "right")]) - settled
    masked[settled : settled + min(settled, piece // 4)] = True


def _levels(value: Floats, variance: Floats, starts: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Mean of each piece, and one over its variance."""
    weight = np.add.reduceat(1 / variance, starts)
    return np.add.reduceat(value / variance, starts) / np.maximum(weight, 1e-200), weight
