"""Spots that walk: where each is to be followed over the frames.

Most reflections stay where they are; what little they move (a lattice that swells by a percent
moves by a quarter of a bin) is read from the moments of their coefficients. A crystal that turns
carries its spots over bins: they are followed along the places where the segments of time
found them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.spectra.block_transform import offset_error
from napari_beamwatch.spectra.crystals import SPREAD, Reflections
from napari_beamwatch.spectra.finding import Peaks
from napari_beamwatch.spectra.windows import Grid

Floats = NDArray[np.float64]

FARTHEST_OFF = 0.25
"""Bins a walking spot may move before it is followed at another frequency: half of it off, a
Hann taper passes 98 % of the power."""

LEAST_WALK = 0.3
"""Bins of movement from which a reflection is followed where it goes."""

SURE = 5.0
"""Standard errors of the same."""

MOST_LEGS = 32


@dataclass(frozen=True, eq=False)
class Paths:
    """Where spots are followed.

    Attributes
    ----------
    leg_of_frame : array of int64 (frames,)
        Stretch of time in which every spot has one frequency.
    gy, gx : array of float64 (legs, spots)
        That frequency, in cycles per pixel.
    """

    leg_of_frame: NDArray[np.int64]
    gy: Floats
    gx: Floats

    @property
    def stretched(self) -> Floats:
        """Part by which the |g| of each spot changes along its path."""
        g = np.hypot(self.gy, self.gx)
        return np.asarray(np.ptp(g, axis=0) / g.mean(axis=0), np.float64)

    @classmethod
    def standing(cls, frames: int, gy: Floats, gx: Floats) -> Paths:
        """Spots that stay where they are."""
        return cls(np.zeros(frames, np.int64), gy[None, :], gx[None, :])


def paths_of(
    peaks: Peaks,
    reflections: Reflections,
    grid: Grid,
    edges: Sequence[tuple[int, int]],
    frames: int,
) -> Paths:
    """Paths of all spots.

    Where a reflection is the same in all its windows they share one frequency: less noise, and
    less to transform.

    Parameters
    ----------
    peaks : Peaks
    reflections : Reflections
    grid : Grid
    edges : sequence of (first, last)
        Frames of the segments of time.
    frames : int
    """
    of = reflections.of_peak
    common = reflections.spread[of] <= SPREAD
    # Of a Friedel pair a window may have told one, the next the other.
    mean_y, mean_x = reflections.gy[of], reflections.gx[of]
    side = np.where(peaks.gy * mean_y + peaks.gx * mean_x < 0, -1.0, 1.0)
    gy = np.where(common, mean_y, side * peaks.gy)
    gx = np.where(common, mean_x, side * peaks.gx)
    walks = []
    for mine in _groups(of, len(reflections)):
        walk = _Walk.of(peaks, mine, grid)
        if walk is not None:
            walks.append((mine, walk))
    if not walks:
        return Paths.standing(frames, gy, gx)
    middles = np.array([(first + last - 1) / 2 for first, last in edges])
    steps = [np.hypot(*np.diff(walk.mean, axis=0).T).sum() * grid.window for _, walk in walks]
    legs = min(MOST_LEGS, frames, max(len(edges), int(np.ceil(max(steps) / FARTHEST_OFF))))
    cuts = np.linspace(0, frames, legs + 1)
    at = (cuts[:-1] + cuts[1:] - 1) / 2
    all_y, all_x = np.tile(gy, (legs, 1)), np.tile(gx, (legs, 1))
    for mine, walk in walks:
        path = np.stack([np.interp(at, middles, walk.mean[:, axis]) for axis in (0, 1)], axis=1)
        start = walk.mean if walk.spread > SPREAD else None
        for i, spot in enumerate(mine):
            # Windows that differ keep their difference.
            own = 0.0 if start is None else walk.strongest[i] - start[peaks.segment[spot]]
            all_y[:, spot], all_x[:, spot] = (path + own).T
    return Paths(np.searchsorted(cuts[1:-1], np.arange(frames), side="right"), all_y, all_x)


@dataclass(frozen=True, eq=False)
class _Walk:
    """Where a reflection is in each segment.

    Attributes
    ----------
    mean : array of float64 (segments, 2)
        Over its windows; as before or after where it is not seen.
    strongest : array of float64 (peaks, 2)
        Where each peak is when it is strongest, all on one side of the origin.
    spread : float
        Standard deviation of the peaks about the mean of their time, in bins.
    """

    mean: Floats
    strongest: Floats
    spread: float

    @classmethod
    def of(cls, peaks: Peaks, mine: NDArray[np.int64], grid: Grid) -> _Walk | None:
        """The walk of a reflection; None if it stays."""
        power = peaks.power[mine]
        total = power.sum(axis=0)
        seen = np.flatnonzero(total > 0)
        if len(seen) < 2:
            return None
        strongest = np.stack([peaks.gy[mine], peaks.gx[mine]], axis=1)
        reference = strongest[np.argmax(peaks.snr[mine])]
        at = np.nan_to_num(peaks.at[mine])
        at = np.where((at @ reference < 0)[..., None], -at, at)
        strongest = np.where((strongest @ reference < 0)[:, None], -strongest, strongest)
        means = (power[..., None] * at).sum(axis=0)[seen] / total[seen, None]
        # Windows overlap: as many independent ones as fit side by side.
        shared = max(1.0, (grid.window / grid.step) ** 2) if len(mine) > 1 else 1.0
        error = offset_error(grid) * np.sqrt(shared / total[seen]) / grid.window
        away = np.hypot(*(means[:, None] - means[None, :]).transpose(2, 0, 1))
        sure = away > SURE * np.hypot(error[:, None], error[None, :])
        if not (sure & (away * grid.window > LEAST_WALK)).any():
            return None
        segments = np.arange(power.shape[1])
        mean = np.stack([np.interp(segments, seen, means[:, axis]) for axis in (0, 1)], axis=1)
        apart = ((at - mean) ** 2).sum(axis=2)
        spread = float(np.sqrt((power * apart).sum() / power.sum())) * grid.window
        return cls(mean, strongest, spread)


def _groups(label: NDArray[np.int64], count: int) -> list[NDArray[np.int64]]:
    """Indices of each label."""
    order = np.argsort(label, kind="stable")
    return np.split(order, np.searchsorted(label[order], np.arange(1, count)))
