"""Frames of an EER movie: the events of raw frames decoded straight into sums."""

from __future__ import annotations

import threading
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.eer_codec import (
    BAND_BYTES,
    PAD,
    add_events,
    add_placed_events,
)
from napari_beamwatch.movies.eer_directory import EerDirectory
from napari_beamwatch.movies.frames import Frame, FrameSource, smallest_unsigned
from napari_beamwatch.threads import free_threads, shared_pool

STREAM_BYTES = 32 * 2**20
"""Compressed bytes held at a time by each thread."""


@dataclass(frozen=True, eq=False)
class EerFrames(FrameSource):
    """Sums of raw frames of an EER file.

    Attributes
    ----------
    path : Path
    directory : EerDirectory
    raw_per_frame : int
        Fractionation.
    superres : int
        Grid points per pixel and axis.
    """

    path: Path
    directory: EerDirectory
    raw_per_frame: int
    superres: int = 1

    @property
    def shape(self) -> tuple[int, int, int]:
        return (
            len(self.directory) // self.raw_per_frame,
            self.directory.height * self.superres,
            self.directory.width * self.superres,
        )

    @property
    def dtype(self) -> np.dtype[Any]:
        # A pixel holds at most one event in a raw frame.
        return smallest_unsigned(self.raw_per_frame)

    def summed(self, n: int) -> EerFrames:
        return replace(self, raw_per_frame=self.raw_per_frame * n)

    def read(self, frame: int) -> Frame:
        first = frame * self.raw_per_frame
        return self.add_raw(first, first + self.raw_per_frame)

    def add_raw(self, first: int, last: int) -> Frame:
        """Counts of raw frames ``first:last``, decoded by as many threads as are free."""
        workers = max(1, min(free_threads(), (last - first) // 2))
        edges = np.linspace(first, last, workers + 1).round().astype(int)
        counts = np.zeros(self.shape[1:], self.dtype)
        pool = shared_pool()
        parts: list[tuple[Frame, Future[None]]] = []
        for i in range(1, workers):
            # Scratch of the thread that waits here, so that nobody else can be given it.
            part = _scratch(f"counts {i}", self.shape[1:], self.dtype)
            parts.append((part, pool.submit(self._add_raw_apart, edges[i], edges[i + 1], part)))
        try:
            self._add_raw(int(edges[0]), int(edges[1]), counts)
        finally:
            wait([done for _, done in parts])
        for part, done in parts:
            done.result()
            np.add(counts, part, out=counts)
        return counts

    def _add_raw_apart(self, first: int, last: int, counts: Frame) -> None:
        counts[...] = 0
        self._add_raw(int(first), int(last), counts)

    def _add_raw(self, first: int, last: int, counts: Frame) -> None:
        """Add raw frames ``first:last`` to `counts`, a bounded number of bytes at a time."""
        lengths = self.directory.stream_lengths
        at = first
        while at < last:
            ends = np.cumsum(lengths[at:last])
            many = max(1, int(np.searchsorted(ends, STREAM_BYTES, side="right")))
            data, starts, stops = read_streams(self.path, self.directory, at, at + many)
            bad = self._decode(data, starts, stops, counts)
            if bad >= 0:
                raise BeamwatchError(
                    f"raw frame {at + bad} of {self.path.name} is damaged: its events end before "
                    "its pixels do"
                )
            at += many

    def _decode(
        self,
        data: NDArray[np.uint8],
        starts: NDArray[np.int64],
        stops: NDArray[np.int64],
        counts: Frame,
    ) -> int:
        directory, scheme = self.directory, self.directory.scheme
        row_bytes = directory.width * self.superres**2 * counts.itemsize
        rows = max(1, BAND_BYTES // row_bytes)
        if self.superres == 1:
            return int(
                add_events(
                    data,
                    starts,
                    stops,
                    directory.height * directory.width,
                    rows * directory.width,
                    scheme.run,
                    scheme.x + scheme.y,
                    counts.reshape(-1),
                )
            )
        return int(
            add_placed_events(
                data,
                starts,
                stops,
                directory.width,
                directory.height,
                rows,
                scheme.run,
                scheme.x,
                scheme.y,
                self.superres.bit_length() - 1,
                counts,
            )
        )


def read_streams(
    path: Path, directory: EerDirectory, first: int, last: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """Streams of raw frames ``first:last`` in one buffer, with their first and last bits."""
    strips = slice(directory.first_strip[first], directory.first_strip[last])
    offsets, lengths = directory.offsets[strips], directory.lengths[strips]
    ends = np.concatenate([[0], np.cumsum(lengths)])
    data: NDArray[np.uint8] = _scratch("streams", (int(ends[-1]) + PAD,), np.uint8)
    view = data.data
    try:
        with path.open("rb", buffering=0) as file:
            for offset, start, end in zip(offsets, ends[:-1], ends[1:], strict=True):
                file.seek(int(offset))
                if file.readinto(view[start:end]) < end - start:
                    raise BeamwatchError(f"{path} became shorter while it was read")
    except OSError as error:
        raise BeamwatchError(f"cannot read {path}: {error.strerror}") from None
    data[ends[-1] :] = 0
    edges = ends[directory.first_strip[first : last + 1] - strips.start] * 8
    return data, edges[:-1].copy(), edges[1:].copy()


_kept = threading.local()


def _scratch(role: str, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """An array of this thread's, kept between calls: fresh pages cost more than decoding."""
    dtype = np.dtype(dtype)
    size = int(np.prod(shape)) * dtype.itemsize
    memory = getattr(_kept, role, None)
    if memory is None or memory.size < size or memory.size > 4 * size + 2**20:
        memory = np.empty(size, np.uint8)
        setattr(_kept, role, memory)
    scratch: NDArray[Any] = memory[:size].view(dtype).reshape(shape)
    return scratch
