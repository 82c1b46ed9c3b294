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
from napari_beamwatch.spectra.crystals import Reflections
from napari_beamwatch.spectra.finding import Peaks
from napari_beamwatch.spectra.peaks import SPREAD
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
    steps = [np.hypot(*np.diff(walk.moved, axis=0).T).sum() * grid.window for _, walk in walks]
    legs = min(MOST_LEGS, frames, max(len(edges), int(np.ceil(max(steps) / FARTHEST_OFF))))
    cuts = np.linspace(0, frames, legs + 1)
    at = (cuts[:-1] + cuts[1:] - 1) / 2
    all_y, all_x = np.tile(gy, (legs, 1)), np.tile(gx, (legs, 1))
    for mine, walk in walks:
        path = np.stack([np.interp(at, middles, walk.moved[:, axis]) for axis in (0, 1)], axis=1)
        all_y[:, mine], all_x[:, mine] = (path[:, None] + walk.stands).transpose(2, 0, 1)
    return Paths(np.searchsorted(cuts[1:-1], np.arange(frames), side="right"), all_y, all_x)


@dataclass(frozen=True, eq=False)
class _Walk:
    """Where a reflection is in each segment.

    Attributes
    ----------
    stands : array of float64 (peaks, 2)
        Where each peak stands on average, all on one side of the origin; all alike where its
        windows do not differ.
    moved : array of float64 (segments, 2)
        How far all of them are from there; as before or after where it is not seen.
    """

    stands: Floats
    moved: Floats

    @classmethod
    def of(cls, peaks: Peaks, mine: NDArray[np.int64], grid: Grid) -> _Walk | None:
        """The walk of a reflection; None if it stays."""
        power = np.maximum(peaks.power[mine], 0.0)
        seen = np.flatnonzero(power.sum(axis=0) > 0)
        if len(seen) < 2:
            return None
        best = mine[np.argmax(peaks.snr[mine])]
        reference = np.array([peaks.gy[best], peaks.gx[best]])
        at = np.nan_to_num(peaks.at[mine])
        at = np.where((at @ reference < 0)[..., None], -at, at)
        stands, moved, doubt = _apart_and_along(power[:, seen], at[:, seen])
        # Windows overlap: as many independent ones as fit side by side.
        shared = max(1.0, (grid.window / grid.step) ** 2) if len(mine) > 1 else 1.0
        error = offset_error(grid) * np.sqrt(shared * doubt) / grid.window
        away = np.hypot(*(moved[:, None] - moved[None, :]).transpose(2, 0, 1))
        if not ((away > SURE * error) & (away * grid.window > LEAST_WALK)).any():
            return None
        segments = np.arange(power.shape[1])
        path = np.stack([np.interp(segments, seen, moved[:, axis]) for axis in (0, 1)], axis=1)
        weight = power.sum(axis=1, keepdims=True)
        middle = (weight * stands).sum(axis=0) / weight.sum()
        apart = ((at - path - middle) ** 2).sum(axis=2)
        if np.sqrt((power * apart).sum() / power.sum()) * grid.window <= SPREAD:
            stands = np.broadcast_to(middle, stands.shape)
        return cls(stands, path)


def _apart_and_along(power: Floats, at: Floats) -> tuple[Floats, Floats, Floats]:
    """Where each peak stands, and how far all of them moved together.

    Each has a place of its own and all walk alike: were their mean taken for the walk, it would
    move where one of two grains a few degrees apart fades. Least squares, weighed by the power.

    Parameters
    ----------
    power : array (peaks, segments)
    at : array (peaks, segments, 2)

    Returns
    -------
    stands : array (peaks, 2)
    moved : array (segments, 2)
    doubt : array (segments, segments)
        Variance of the way from one segment to another, for peaks of power 1 and variance 1.
    """
    whole = np.maximum(power.sum(axis=1, keepdims=True), 1e-300)
    mean = (power[..., None] * at).sum(axis=1) / whole
    normal = np.diag(power.sum(axis=0)) - (power / whole).T @ power
    inverse = np.linalg.pinv(normal, rcond=1e-9, hermitian=True)
    moved = inverse @ (power[..., None] * (at - mean[:, None])).sum(axis=0)
    own = np.diag(inverse)
    doubt = np.maximum(own[:, None] + own[None, :] - 2 * inverse, 0.0)
    return mean - power @ moved / whole, moved, doubt


def _groups(label: NDArray[np.int64], count: int) -> list[NDArray[np.int64]]:
    """Indices of each label."""
    order = np.argsort(label, kind="stable")
    return np.split(order, np.searchsorted(label[order], np.arange(1, count)))
