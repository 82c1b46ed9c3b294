"""Frames on their way through the analysis: read ahead, laid where the specimen is, added up."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.movies import Movie
from napari_beamwatch.movies.frames import Frame, FrameSource
from napari_beamwatch.spectra.drift import Drift, DriftEstimator
from napari_beamwatch.spectra.finding import Segment
from napari_beamwatch.spectra.windows import Floats32, Grid, windows_inside
from napari_beamwatch.threads import shared_pool, thread_count

Shifts = NDArray[np.int64]
Out = TypeVar("Out")

SEGMENT_SHARES = (1, 2, 4, 4, 5)
"""Relative lengths of the segments of time: short ones first, where early damage would be lost
in the noise of the frames after it."""


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


def ahead(work: Callable[[int], Out], frames: Iterable[int]) -> Iterator[tuple[int, Out]]:
    """Results of `work` on frames, in order, with as many under way as there are threads."""
    pool = shared_pool()
    waiting: deque[tuple[int, Future[Out]]] = deque()
    try:
        for frame in frames:
            waiting.append((frame, pool.submit(work, frame)))
            if len(waiting) > thread_count():
                first, result = waiting.popleft()
                yield first, result.result()
        while waiting:
            first, result = waiting.popleft()
            yield first, result.result()
    finally:  # whoever stops early must not find our work going on
        for _, result in waiting:
            result.cancel()


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


def measure_drift(movie: Movie, tick: Callable[[], None]) -> Drift:
    """The drift of the specimen, from one pass over the lit frames."""
    source = movie.recording.frames
    estimator = DriftEstimator(movie.shape[1:])
    for t, reduced in ahead(lambda t: estimator.reduce(source.read(t)), lit_frames(movie)):
        estimator.add_reduced(t, reduced)
        tick()
    return estimator.solve(len(movie))


def lit_frames(movie: Movie) -> list[int]:
    """Frames with beam."""
    return [int(t) for t in np.flatnonzero(movie.lit)]


def add_moved(total: Floats32, frame: Frame, dy: int, dx: int) -> None:
    """Add a frame to a sum, moved back by the drift of the specimen."""
    height, width = frame.shape
    ys, xs = slice(max(0, dy), min(height, height + dy)), slice(max(0, dx), min(width, width + dx))
    if ys.start >= ys.stop or xs.start >= xs.stop:
        return
    to_y, to_x = slice(ys.start - dy, ys.stop - dy), slice(xs.start - dx, xs.stop - dx)
    np.add(total[to_y, to_x], frame[ys, xs], out=total[to_y, to_x], casting="same_kind")


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


def add_segments(
    movie: Movie,
    grid: Grid,
    edges: Sequence[tuple[int, int]],
    shifts: Shifts,
    tick: Callable[[], None],
) -> list[Segment]:
    """Sums of the frames of each segment, the drift taken out.

    `tick` is called after each frame and may raise to stop.
    """
    single = movie.counting is not None and movie.counting.kind == "single"
    source = movie.recording.frames
    segments = []
    for first, last in edges:
        total = np.zeros(movie.shape[1:], np.float32)
        frames = [t for t in range(first, last) if movie.lit[t]]
        for t, frame in ahead(lambda t: mended(source.read(t)), frames):
            add_moved(total, frame, *shifts[t].tolist())
            tick()
        whole = np.ones(len(grid), bool)
        for t in frames:
            whole &= windows_inside(grid, shifts[t].tolist())
        segments.append(Segment(first, last, total, single, whole))
    return segments
