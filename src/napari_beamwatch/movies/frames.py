"""Where frames come from: sources that read one frame at a time, views of them, a cache.

A `FrameSource` is what a reader makes. It is immutable, holds paths and offsets but never
an open file or a memory map (touched pages of a map count as resident memory), can be
pickled, and may be read from several threads at once.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, ClassVar

import dask.array as da
import numpy as np
from numpy.typing import DTypeLike, NDArray

from napari_beamwatch.errors import BeamwatchError

Frame = NDArray[Any]

CACHE_BYTES = 512 * 2**20


class FrameSource(ABC):
    """Frames of one movie.

    Attributes
    ----------
    costly : bool
        Reading a frame decodes something, so that it is worth keeping (see `FrameCache`).
    seekable_rows : bool
        `read_rows` reads those rows only, instead of the whole frame.
    """

    costly: ClassVar[bool] = True
    seekable_rows: ClassVar[bool] = False

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int, int]:
        """Frames, rows, columns."""

    @property
    @abstractmethod
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels that `read` returns."""

    @abstractmethod
    def read(self, frame: int) -> Frame:
        """One frame as a (rows, columns) array that the caller must not write to."""

    def read_rows(self, frame: int, y0: int, y1: int) -> Frame:
        """Rows ``y0:y1`` of one frame."""
        return self.read(frame)[y0:y1]

    def summed(self, n: int) -> FrameSource:
        """Groups of `n` frames as one frame each; an incomplete last group is dropped."""
        return SummedFrames(self, n)


@dataclass(frozen=True, eq=False)
class ArrayFrames(FrameSource):
    """Frames of an array in memory, or of anything sliceable like one."""

    array: Any

    costly: ClassVar[bool] = False

    @property
    def shape(self) -> tuple[int, int, int]:
        t, y, x = self.array.shape
        return int(t), int(y), int(x)

    @property
    def dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = np.dtype(self.array.dtype)
        return dtype

    def read(self, frame: int) -> Frame:
        return np.asarray(self.array[frame])


@dataclass(frozen=True, eq=False)
class DaskBlocks(FrameSource):
    """Chunks of a dask array along time, each read as if it were one frame."""

    array: da.Array

    @property
    def shape(self) -> tuple[int, int, int]:
        _, y, x = self.array.shape
        return int(self.array.numblocks[0]), int(y), int(x)

    @property
    def dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = np.dtype(self.array.dtype)
        return dtype

    def read(self, frame: int) -> Frame:
        block: Frame = np.asarray(self.array.blocks[frame])
        return block


@dataclass(frozen=True, eq=False)
class DaskFrames(FrameSource):
    """Frames of a dask array; what is computed together is kept for its neighbours.

    Attributes
    ----------
    blocks : DaskBlocks
    """

    blocks: DaskBlocks

    costly: ClassVar[bool] = False

    @property
    def shape(self) -> tuple[int, int, int]:
        t, y, x = self.blocks.array.shape
        return int(t), int(y), int(x)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.blocks.dtype

    def read(self, frame: int) -> Frame:
        ends = np.cumsum(self.blocks.array.chunks[0])
        block = int(np.searchsorted(ends, frame, side="right"))
        first = int(ends[block - 1]) if block else 0
        length = int(ends[block]) - first
        if length * self.shape[1] * self.shape[2] * self.dtype.itemsize > CACHE_BYTES // 2:
            one: Frame = np.asarray(self.blocks.array[frame])
        else:
            one = FRAME_CACHE.read(self.blocks, block)[frame - first]
        return one


@dataclass(frozen=True, eq=False)
class DerivedFrames(FrameSource):
    """Frames made of those of another source; of its shape and type where nothing else is said.

    Attributes
    ----------
    base : FrameSource
    """

    base: FrameSource

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.base.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.base.dtype


@dataclass(frozen=True, eq=False)
class SlicedFrames(DerivedFrames):
    """Frames ``first:last`` of another source."""

    first: int
    last: int

    costly: ClassVar[bool] = False

    @property
    def shape(self) -> tuple[int, int, int]:
        return (self.last - self.first, *self.base.shape[1:])

    def read(self, frame: int) -> Frame:
        return cached_read(self.base, self.first + frame)

    def read_rows(self, frame: int, y0: int, y1: int) -> Frame:
        return self.base.read_rows(self.first + frame, y0, y1)

    def summed(self, n: int) -> FrameSource:
        if self.first % n == 0:  # the base may know a faster way (EER adds raw frames)
            groups = (self.last - self.first) // n
            return SlicedFrames(self.base.summed(n), self.first // n, self.first // n + groups)
        return SummedFrames(self, n)


@dataclass(frozen=True, eq=False)
class CroppedFrames(DerivedFrames):
    """A rectangle (half-open, in pixels) of another source."""

    y0: int
    y1: int
    x0: int
    x1: int

    costly: ClassVar[bool] = False

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.base.shape[0], self.y1 - self.y0, self.x1 - self.x0

    def read(self, frame: int) -> Frame:
        if self.base.seekable_rows and not self.base.costly:
            return self.base.read_rows(frame, self.y0, self.y1)[:, self.x0 : self.x1]
        # The whole frame was decoded anyway: keep it for the next crop of it.
        return cached_read(self.base, frame)[self.y0 : self.y1, self.x0 : self.x1]

    def summed(self, n: int) -> FrameSource:
        return CroppedFrames(self.base.summed(n), self.y0, self.y1, self.x0, self.x1)


@dataclass(frozen=True, eq=False)
class SummedFrames(FrameSource):
    """Groups of `n` frames of another source added up."""

    base: FrameSource
    n: int

    @property
    def shape(self) -> tuple[int, int, int]:
        t, y, x = self.base.shape
        return t // self.n, y, x

    @property
    def dtype(self) -> np.dtype[Any]:
        return sum_dtype(self.base.dtype, self.n)

    def read(self, frame: int) -> Frame:
        total = self.base.read(frame * self.n).astype(self.dtype)
        for i in range(frame * self.n + 1, (frame + 1) * self.n):
            total += self.base.read(i)
        return total


def sum_dtype(dtype: DTypeLike, n: int) -> np.dtype[Any]:
    """Smallest type in which `n` values of `dtype` can be added without overflow.

    Floats add up in float32 (float64 stays), which holds 24 bits: enough for counts.
    """
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return np.dtype(np.float64) if dtype.itemsize == 8 else np.dtype(np.float32)
    if dtype.kind == "b":
        return np.min_scalar_type(n)
    info = np.iinfo(dtype)
    highest, lowest = int(info.max) * n, int(info.min) * n
    if lowest == 0:
        return smallest_unsigned(highest)
    for candidate in (np.int16, np.int32, np.int64):
        if np.iinfo(candidate).max >= max(highest, -lowest - 1):
            return np.dtype(candidate)
    return np.dtype(np.float64)


def smallest_unsigned(highest: int) -> np.dtype[Any]:
    """Smallest unsigned integer type that holds `highest`."""
    for candidate in (np.uint8, np.uint16, np.uint32, np.uint64):
        if highest <= np.iinfo(candidate).max:
            return np.dtype(candidate)
    return np.dtype(np.float64)


class FrameCache:
    """Decoded frames kept by least recent use, bounded in bytes, safe between threads.

    A frame larger than the whole bound is passed through and not kept.
    """

    def __init__(self, max_bytes: int = CACHE_BYTES) -> None:
        self.max_bytes = max_bytes
        self.nbytes = 0
        self._kept: OrderedDict[tuple[FrameSource, int], Frame] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, source: FrameSource, frame: int) -> Frame:
        """Frame of `source`, from the cache if it is there."""
        key = (source, frame)
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                return kept
        # Decoding happens outside the lock; two threads may decode the same frame once each.
        decoded = source.read(frame)
        decoded.flags.writeable = False
        with self._lock:
            if key not in self._kept and decoded.nbytes <= self.max_bytes:
                self._kept[key] = decoded
                self.nbytes += decoded.nbytes
                while self.nbytes > self.max_bytes:
                    _, dropped = self._kept.popitem(last=False)
                    self.nbytes -= dropped.nbytes
        return decoded

    def clear(self) -> None:
        """Forget every frame."""
        with self._lock:
            self._kept.clear()
            self.nbytes = 0

    def __len__(self) -> int:
        return len(self._kept)


FRAME_CACHE = FrameCache()


def cached_read(source: FrameSource, frame: int) -> Frame:
    """Frame of `source`, kept for the next time where that saves work."""
    return FRAME_CACHE.read(source, frame) if source.costly else source.read(frame)


@dataclass(frozen=True, eq=False)
class _Sliceable:
    """Gives a source the little of an array's face that dask asks for."""

    source: FrameSource

    ndim: ClassVar[int] = 3

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.source.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.source.dtype

    def __getitem__(self, key: tuple[Any, ...]) -> Frame:
        when, *where = key
        chosen = range(self.shape[0])[when]
        if isinstance(chosen, int):
            one: Frame = cached_read(self.source, chosen)[tuple(where)]
            return one
        frames: Frame = np.stack([cached_read(self.source, t)[tuple(where)] for t in chosen])
        return frames


def as_dask(source: FrameSource) -> da.Array:
    """Lazy (frames, rows, columns) array of a source, one chunk a frame."""
    if isinstance(source, DaskFrames):
        return source.blocks.array.rechunk((1, -1, -1))
    if 0 in source.shape:
        raise BeamwatchError(f"the movie holds no pixels: its shape is {source.shape}")
    return da.from_array(
        _Sliceable(source),
        chunks=(1, *source.shape[1:]),
        name=False,
        asarray=False,
        meta=np.empty((0, 0, 0), source.dtype),
    )
