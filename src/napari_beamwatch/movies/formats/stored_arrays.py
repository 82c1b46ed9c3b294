"""Arrays that lie in files in chunks, read region by region, and movies made of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.foreign_errors import (
    LARGEST_RATIO,
    UNSUSPICIOUS_FRAME,
    check_frame_bytes,
    explained,
)
from napari_beamwatch.movies.formats.packing import PackingError
from napari_beamwatch.movies.frames import Frame, FrameSource

LARGEST_CHUNK = 2**30
"""Bytes of a chunk in memory; a whole one is unpacked for every frame in it."""

LARGEST_SMALL = 2**24
"""Bytes of what is no frame."""

MOST_CHUNKS = 2**16
"""Chunks of one frame."""

SMALL_CHUNK = 8
"""Chunks a frame's height from which reading a few rows saves work."""

Index = tuple[int, ...]
Fetch = Callable[[Index], bytes | None]


class StoredArray(Protocol):
    """An array in a file; holds a path and no open file."""

    @property
    def path(self) -> str:
        """File or folder."""

    @property
    def shape(self) -> Index:
        """Length of each axis."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """As stored, byte order included."""

    @property
    def chunk(self) -> Index:
        """What is unpacked in one go; empty if nothing is."""

    def read(self, begin: Index, end: Index) -> Frame:
        """The region from `begin` up to `end`, in the machine's byte order."""


class ChunkStore(Protocol):
    """Where chunks come from."""

    def opened(self) -> AbstractContextManager[Fetch]:
        """Gives the pixels of a chunk by its place in the grid; None where none is stored."""


@dataclass(frozen=True, eq=False)
class ChunkedArray:
    """An array in chunks of one size.

    Attributes
    ----------
    path : str
    shape, chunk : tuple of int
    dtype : dtype
        As stored, byte order included.
    fill : scalar
        Value where no chunk is stored.
    store : ChunkStore
    order : tuple of int
        Axes of the array in the order in which a chunk lays them out, slowest first.
    """

    path: str
    shape: Index
    chunk: Index
    dtype: np.dtype[Any]
    fill: Any
    store: ChunkStore
    order: Index

    def read(self, begin: Index, end: Index) -> Frame:
        out = np.full(
            [max(0, b - a) for a, b in zip(begin, end, strict=True)],
            self.fill,
            self.dtype.newbyteorder("="),
        )
        laid = [self.chunk[axis] for axis in self.order]
        back = np.argsort(self.order)
        grid = [range(a // n, -(-b // n)) for a, b, n in zip(begin, end, self.chunk, strict=True)]
        with explained(self.path, "a file"), self.store.opened() as fetch:
            for index in itertools.product(*grid):
                try:
                    stored = fetch(index)
                except PackingError as error:
                    raise BeamwatchError(
                        f"{self.path} is damaged: chunk {', '.join(map(str, index))}: {error}"
                    ) from None
                if stored is None:
                    continue
                pixels = np.frombuffer(stored, self.dtype).reshape(laid).transpose(back)
                corner = [i * n for i, n in zip(index, self.chunk, strict=True)]
                low = [max(a, c) for a, c in zip(begin, corner, strict=True)]
                high = [min(b, c + n) for b, c, n in zip(end, corner, self.chunk, strict=True)]
                out[tuple(map(slice, _less(low, begin), _less(high, begin)))] = pixels[
                    tuple(map(slice, _less(low, corner), _less(high, corner)))
                ]
        return out


def _less(a: Sequence[int], b: Sequence[int]) -> list[int]:
    return [one - other for one, other in zip(a, b, strict=True)]


@dataclass(frozen=True, eq=False)
class StoredFrames(FrameSource):
    """Frames of an array in a file.

    Attributes
    ----------
    array : StoredArray
    dataset : str
        Under which name the array was asked for; empty if it is the file.
    axes : tuple of int or None
        For each axis of the array, 0 for t, 1 for y, 2 for x, None for one of length 1.
    size : tuple of int
        Frames, rows, columns.
    """

    array: StoredArray
    dataset: str
    axes: tuple[int | None, ...]
    size: tuple[int, int, int]

    @property
    def path(self) -> str:
        """File or folder of the array."""
        return self.array.path

    @property
    def costly(self) -> bool:  # type: ignore[override]  # a property of the file, not the class
        """Whether chunks have to be unpacked."""
        return bool(self.array.chunk)

    @property
    def seekable_rows(self) -> bool:  # type: ignore[override]
        """Whether some rows are read with less work than the whole frame."""
        if not self.array.chunk:
            return True
        rows = self.array.chunk[self.axes.index(1)]
        alone = all(
            n == 1 for n, axis in zip(self.array.chunk, self.axes, strict=True) if axis == 0
        )
        return alone and rows * SMALL_CHUNK <= self.size[1]

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.size

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.array.dtype.newbyteorder("=")

    def read(self, frame: int) -> Frame:
        return self.read_rows(frame, 0, self.size[1])

    def read_rows(self, frame: int, y0: int, y1: int) -> Frame:
        y0, y1, _ = slice(y0, y1).indices(self.size[1])
        begin = {None: 0, 0: frame, 1: y0, 2: 0}
        end = {None: 1, 0: frame + 1, 1: y1, 2: self.size[2]}
        region = self.array.read(
            tuple(begin[axis] for axis in self.axes), tuple(end[axis] for axis in self.axes)
        )
        flat = tuple(slice(None) if axis in (1, 2) else 0 for axis in self.axes)
        rows = region[flat]
        return rows.T if self.axes.index(1) > self.axes.index(2) else rows


def frames_of(
    array: StoredArray, dataset: str, axes: tuple[int | None, ...], stored: Callable[[int], int]
) -> StoredFrames:
    """Frames of an array whose promises were compared with what is stored.

    Parameters
    ----------
    array : StoredArray
    dataset : str
    axes : tuple of int or None
        See `StoredFrames`.
    stored : callable
        Bytes that the array takes in its file, counted up to the number given.
    """
    length = {axis: n for axis, n in zip(axes, array.shape, strict=True) if axis is not None}
    count, height, width = length.get(0, 1), length[1], length[2]
    frame = height * width * array.dtype.itemsize
    enough = -(-count * frame // LARGEST_RATIO)
    found = stored(enough) if count * frame > UNSUSPICIOUS_FRAME else enough
    check_frame_bytes(array.path, frame, found)
    if found < enough:
        raise BeamwatchError(
            f"{array.path} promises {count:.6g} frames of {height} by {width} pixels from {found} "
            "bytes: broken, or not meant well"
        )
    if array.chunk:
        chunk = math.prod(array.chunk) * array.dtype.itemsize
        if chunk > LARGEST_CHUNK:
            raise BeamwatchError(
                f"{array.path} keeps its pixels in chunks of {chunk / 2**20:.0f} MB, each of which "
                "has to be in memory: broken, or not stored frame by frame"
            )
        check_frame_bytes(array.path, chunk, found)
        many = math.prod(
            -(-n // one) for n, one, axis in zip(array.shape, array.chunk, axes, strict=True)
            if axis in (1, 2)
        )  # fmt: skip
        if many > MOST_CHUNKS:
            raise BeamwatchError(
                f"{array.path} keeps each frame in {many:.6g} pieces: broken, or not stored frame "
                "by frame"
            )
    return StoredFrames(array, dataset, axes, (count, height, width))


def read_small(array: StoredArray, begin: Index, end: Index) -> Frame:
    """A region of an array that describes something, and is refused where it is large."""
    wanted = math.prod(b - a for a, b in zip(begin, end, strict=True))
    if max(wanted, math.prod(array.chunk)) * array.dtype.itemsize > LARGEST_SMALL:
        raise BeamwatchError(f"{array.path} describes itself in more than {LARGEST_SMALL} bytes")
    return array.read(begin, end)


def is_numeric(dtype: np.dtype[Any]) -> bool:
    """Whether pixels of this type are real numbers that are read."""
    return dtype.kind in "uifb" and dtype.itemsize <= 8 and not dtype.names


MOST_LISTED = 12


def listed(found: Sequence[tuple[str, Index]]) -> str:
    """Names and shapes of arrays for a message."""
    if not found:
        return "none that can be a movie"
    said = ", ".join(f"{name} {shape}" for name, shape in found[:MOST_LISTED])
    return said + (f" and {len(found) - MOST_LISTED} more" if len(found) > MOST_LISTED else "")
