"""Frames on their way through the analysis: mended, laid where the specimen is, added up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from napari_beamwatch.movies.frames import Frame, FrameSource
from napari_beamwatch.spectra.runners import Tick, ahead
from napari_beamwatch.spectra.windows import Floats32
from napari_beamwatch.threads import shared_pool

Shifts = NDArray[np.int64]

SEGMENT_SHARES = (1, 2, 4, 4, 5)
"""Relative lengths of the segments of time: short ones first, where early damage would be lost
in the noise of the frames after it."""

TOGETHER = 4
"""Frames that are added up before they are added to a sum: always the same ones, so that sums
of numbers that are no integers are the same whoever makes them."""

BAND_ROWS = 64
"""Rows of a sum that are added at a time: they stay in the processor's cache."""


def segment_edges(lit: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last frames of the segments that spots are looked for in."""
    frames = np.flatnonzero(lit)
    count = min(len(SEGMENT_SHARES), len(frames))
    if count == 0:
        return []
    shares = np.array(SEGMENT_SHARES[-count:], float)
    cuts = np.round(np.cumsum(shares) / shares.sum() * len(frames)).astype(int)
    cuts = np.maximum.accumulate(np.maximum(cuts, np.arange(1, count + 1)))
    edges = [int(frames[0]), *(int(frames[cut - 1]) + 1 for cut in cuts)]
    return list(pairwise(edges))


@dataclass(frozen=True, eq=False)
class FollowedFrames(FrameSource):
    """A square of the field that goes with the specimen; empty where it leaves the detector."""

    base: FrameSource
    y0: int
    x0: int
    size: int
    shifts: Shifts

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.base.shape[0], self.size, self.size

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.base.dtype

    def read(self, frame: int) -> Frame:
        dy, dx = self.shifts[frame].tolist()
        y, x = self.y0 + dy, self.x0 + dx
        _, height, width = self.base.shape
        if not (0 <= y <= height - self.size and 0 <= x <= width - self.size):
            return np.zeros((self.size, self.size), self.dtype)
        return self.base.read(frame)[y : y + self.size, x : x + self.size]


def mended(frame: Frame) -> Frame:
    """The frame, with pixels that are no numbers replaced by the mean of the others."""
    if frame.dtype.kind != "f":
        return frame
    wrong = ~np.isfinite(frame)
    if not wrong.any():
        return frame.astype(np.float32, copy=False)
    filled = frame.astype(np.float32)
    filled[wrong] = filled[~wrong].mean() if not wrong.all() else 0.0
    return filled


def sum_of_frames(
    source: FrameSource, frames: Sequence[int], shifts: Shifts, tick: Tick, by: int = 1
) -> Floats32:
    """Sum of some frames, each moved back by the drift of the specimen.

    Parameters
    ----------
    source : FrameSource
    frames : sequence of int
    shifts : array of int64 (frames, 2)
    tick : callable
    by : int
        Pixels a side that are added up, too.
    """
    height, width = source.shape[1:]
    total = np.zeros((height // by, width // by), np.float32)
    held: list[Frame] = []
    moves: list[tuple[int, int]] = []
    last = len(frames) - 1
    for i, (t, frame) in enumerate(ahead(lambda t: mended(source.read(t)), frames)):
        held.append(np.ascontiguousarray(frame))
        moves.append((int(shifts[t, 0]), int(shifts[t, 1])))
        if len(held) == TOGETHER or i == last:
            _add_together(total, tuple(held), np.array(moves), by)
            held, moves = [], []
        tick(1)
    return total


def _add_together(total: Floats32, frames: tuple[Frame, ...], moves: Shifts, by: int) -> None:
    # Filled up with the first frame moved out of sight: the kernel takes four.
    away = (2 * len(frames[0]), 0)
    missing = TOGETHER - len(frames)
    full = frames + (frames[0],) * missing
    moves = np.concatenate([moves, np.array([away] * missing, np.int64).reshape(-1, 2)])
    bands = range(0, len(total), BAND_ROWS)
    list(shared_pool().map(lambda y: add_band(total, *full, moves, by, y, y + BAND_ROWS), bands))


@njit(nogil=True, cache=True)
def add_band(
    total: Floats32,
    a: NDArray[Any],
    b: NDArray[Any],
    c: NDArray[Any],
    d: NDArray[Any],
    moves: Shifts,
    by: int,
    first: int,
    stop: int,
) -> None:
    """Add four frames, moved back by `moves`, to rows ``first:stop`` of a sum.

    What lies beyond a frame's border counts as nothing.
    """
    rows, columns = total.shape
    along = np.empty(a.shape[1], np.float32)
    for row in range(first, min(stop, rows)):
        along[:] = 0
        for y in range(row * by, (row + 1) * by):
            _add_row(along, a, y, moves[0])
            _add_row(along, b, y, moves[1])
            _add_row(along, c, y, moves[2])
            _add_row(along, d, y, moves[3])
        to = total[row]
        for x in range(columns):
            for i in range(x * by, (x + 1) * by):
                to[x] += along[i]


@njit(nogil=True, cache=True)
def _add_row(along: Floats32, frame: NDArray[Any], y: int, move: NDArray[np.int64]) -> None:
    height, width = frame.shape
    dy, dx = move
    if not 0 <= y + dy < height:
        return
    first, stop = max(0, -dx), min(width, width - dx)
    if first >= stop:
        return
    to, row = along[first:stop], frame[y + dy, first + dx : stop + dx]
    for x in range(len(row)):
        to[x] += np.float32(row[x])
