"""Frames on their way through the analysis: mended, laid where the specimen is, added up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.compiling import in_one_layout, kernel
from napari_beamwatch.movies.counting import SATURATED
from napari_beamwatch.movies.frames import DerivedFrames, Frame, FrameSource
from napari_beamwatch.spectra.runners import Tick, ahead
from napari_beamwatch.spectra.windows import Floats32
from napari_beamwatch.threads import spread

Shifts = NDArray[np.int64]

SEGMENT_SHARES = (1, 2, 4, 4, 5)
"""Relative lengths of the segments of time: short ones first, where early damage would be lost
in the noise of the frames after it."""

TOGETHER = 4
"""Frames that are added up before they are added to a sum: always the same ones, so that sums
of numbers that are no integers are the same whoever makes them."""

SAMPLED = 256
"""Rows and columns that tell the level of a frame."""

HOT = 12.0
"""Standard deviations of a frame above its mean, or times what an electron counts, up to which a
pixel is one that counted electrons."""

STRAY, ROUNDS = 0.05, 8
"""Part of the pixels that counted anything which may be more than that; rounds of telling the mean
and deviation of the others."""

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
class FollowedFrames(DerivedFrames):
    """A square of the field that goes with the specimen; empty where it leaves the detector."""

    y0: int
    x0: int
    size: int
    shifts: Shifts

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.base.shape[0], self.size, self.size

    def read(self, frame: int) -> Frame:
        dy, dx = self.shifts[frame].tolist()
        y, x = self.y0 + dy, self.x0 + dx
        _, height, width = self.base.shape
        if not (0 <= y <= height - self.size and 0 <= x <= width - self.size):
            return np.zeros((self.size, self.size), self.dtype)
        return self.base.read(frame)[y : y + self.size, x : x + self.size]


def mended(frame: Frame) -> Frame:
    """The frame as kernels take it: pixels that are no numbers are the mean of the others."""
    if frame.dtype.kind == "f":
        wrong = ~np.isfinite(frame)
        frame = frame.astype(np.float32, copy=bool(wrong.any()))
        if wrong.any():
            frame[wrong] = frame[~wrong].mean() if not wrong.all() else 0.0
    return in_one_layout(frame)


@dataclass(frozen=True)
class Level:
    """What a pixel of a frame may hold.

    Attributes
    ----------
    cap : float
        No electrons go beyond it: what does is a hot pixel or a cosmic ray.
    mean : float
        What such a pixel counts instead.
    saturated : bool
        So many pixels are at the end of their range that the frame says nothing.
    """

    cap: float
    mean: float
    saturated: bool


ANY_LEVEL = Level(np.inf, 0.0, False)


def level_of(frame: Frame) -> Level:
    """The level of a frame, from some thousand of its pixels."""
    rows, columns = (max(1, side // SAMPLED) for side in frame.shape)
    sample = frame[rows // 2 :: rows, columns // 2 :: columns]
    mean, deviation = float(sample.mean()), float(sample.std())
    full = frame.dtype.kind in "iu" and mean > 0
    saturated = full and float((sample == np.iinfo(frame.dtype).max).mean()) > SATURATED
    kept = sample
    # A shower of cosmic rays makes a frame's deviation its own.
    for _ in range(ROUNDS):
        limit = mean + HOT * deviation
        if kept.max() <= limit:
            break
        inside = kept[kept <= limit]
        if np.count_nonzero(inside) < (1 - STRAY) * np.count_nonzero(sample):
            break
        kept, mean, deviation = inside, float(inside.mean()), float(inside.std())
    if not deviation > 0:
        return Level(np.inf, mean, saturated)
    # Where there are few electrons a pixel with one is many deviations above the mean.
    electron = deviation**2 / mean if mean > 0 else 0.0
    return Level(mean + HOT * max(deviation, electron), mean, saturated)


def sums_of_frames(
    source: FrameSource, frames: Sequence[int], shifts: Shifts, tick: Tick, by: int = 1
) -> tuple[Floats32, Floats32]:
    """Sums of some frames, moved back by the drift of the specimen, and as they lie.

    The second is the first where the specimen does not move. Saturated frames are left out.

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
    moved = np.zeros((height // by, width // by), np.float32)
    moves = bool(shifts[list(frames)].any())
    still = np.zeros_like(moved) if moves else moved
    held: list[tuple[Frame, Level, Shifts]] = []
    last = len(frames) - 1

    def read(t: int) -> tuple[Frame, Level]:
        frame = mended(source.read(t))
        return frame, level_of(frame)

    for i, (t, (frame, level)) in enumerate(ahead(read, frames)):
        if not level.saturated:
            held.append((frame, level, shifts[t]))
        if held and (len(held) == TOGETHER or i == last):
            _add_together(moved, held, by)
            if moves:
                _add_together(still, [(f, of, np.zeros(2, np.int64)) for f, of, _ in held], by)
            held = []
        tick(1)
    return moved, still


def _add_together(total: Floats32, held: list[tuple[Frame, Level, Shifts]], by: int) -> None:
    # Filled up with the first frame moved out of sight: the kernel takes four.
    first = held[0][0]
    held = held + [(first, ANY_LEVEL, np.array([2 * len(first), 0]))] * (TOGETHER - len(held))
    frames = [frame for frame, _, _ in held]
    moves = np.array([move for _, _, move in held], np.int64)
    levels = np.array([(level.cap, level.mean) for _, level, _ in held], np.float32)
    rest = moves, levels, by
    bands = range(0, len(total), BAND_ROWS)
    list(spread(lambda y: add_band(total, *frames, *rest, y, y + BAND_ROWS), bands))


@kernel()
def add_band(
    total: Floats32,
    a: NDArray[Any],
    b: NDArray[Any],
    c: NDArray[Any],
    d: NDArray[Any],
    moves: Shifts,
    levels: Floats32,
    by: int,
    first: int,
    stop: int,
) -> None:
    """Add four frames, moved back by `moves`, to rows ``first:stop`` of a sum.

    What lies beyond a frame's border counts as nothing, a pixel beyond its frame's cap as the mean;
    ``levels`` are these two.
    """
    rows, columns = total.shape
    along = np.empty(a.shape[1], np.float32)
    for row in range(first, min(stop, rows)):
        along[:] = 0
        for y in range(row * by, (row + 1) * by):
            _add_row(along, a, y, moves[0], levels[0])
            _add_row(along, b, y, moves[1], levels[1])
            _add_row(along, c, y, moves[2], levels[2])
            _add_row(along, d, y, moves[3], levels[3])
        to = total[row]
        for x in range(columns):
            for i in range(x * by, (x + 1) * by):
                to[x] += along[i]


@kernel()
def _add_row(
    along: Floats32, frame: NDArray[Any], y: int, move: NDArray[np.int64], level: Floats32
) -> None:
    height, width = frame.shape
    dy, dx = move
    if not 0 <= y + dy < height:
        return
    first, stop = max(0, -dx), min(width, width - dx)
    if first >= stop:
        return
    to, row = along[first:stop], frame[y + dy, first + dx : stop + dx]
    cap, mean = level
    for x in range(len(row)):
        value = np.float32(row[x])
        to[x] += value if value <= cap else mean
