"""Frames that lie in a file as plain pixels, row after row."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.foreign_errors import explained
from napari_beamwatch.movies.frames import DerivedFrames, Frame, FrameSource


@dataclass(frozen=True, eq=False)
class RawFrames(FrameSource):
    """Frames whose pixels are stored unpacked.

    Each read opens the file, reads and closes it: a memory map would count every touched
    page as resident memory, and a shared handle would have one position for all threads.

    Attributes
    ----------
    path : str
    stored : dtype
        As in the file, byte order included; `read` returns the machine's byte order.
    starts : sequence of int
        Where each frame begins, in bytes; a ``range`` or an int64 array.
    height, width : int
    """

    path: str
    stored: np.dtype[Any]
    starts: Sequence[int] | NDArray[np.int64]
    height: int
    width: int

    costly: ClassVar[bool] = False
    seekable_rows: ClassVar[bool] = True

    @property
    def shape(self) -> tuple[int, int, int]:
        return len(self.starts), self.height, self.width

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.stored.newbyteorder("=")

    def read(self, frame: int) -> Frame:
        return self.read_rows(frame, 0, self.height)

    def read_rows(self, frame: int, y0: int, y1: int) -> Frame:
        y0, y1, _ = slice(y0, y1).indices(self.height)
        rows = np.empty((max(0, y1 - y0), self.width), self.stored)
        start = int(self.starts[frame]) + y0 * self.width * self.stored.itemsize
        read_into(self.path, start, rows)
        return native(rows)


@dataclass(frozen=True, eq=False)
class UpsideDown(DerivedFrames):
    """Frames of another source whose first row is the lowest."""

    costly: ClassVar[bool] = False
    seekable_rows: ClassVar[bool] = True

    def read(self, frame: int) -> Frame:
        return self.base.read(frame)[::-1]

    def read_rows(self, frame: int, y0: int, y1: int) -> Frame:
        _, height, _ = self.shape
        y0, y1, _ = slice(y0, y1).indices(height)
        return self.base.read_rows(frame, height - y1, height - y0)[::-1]


@dataclass(frozen=True, eq=False)
class PackedNibbles(FrameSource):
    """Frames of 4-bit pixels, two a byte, the first in the low half; rows fill whole bytes."""

    path: str
    starts: Sequence[int]
    height: int
    width: int

    costly: ClassVar[bool] = False
    seekable_rows: ClassVar[bool] = True

    @property
    def shape(self) -> tuple[int, int, int]:
        return len(self.starts), self.height, self.width

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.uint8)

    def read(self, frame: int) -> Frame:
        return self.read_rows(frame, 0, self.height)

    def read_rows(self, frame: int, y0: int, y1: int) -> Frame:
        y0, y1, _ = slice(y0, y1).indices(self.height)
        row_bytes = (self.width + 1) // 2
        packed = np.empty((max(0, y1 - y0), row_bytes), np.uint8)
        read_into(self.path, int(self.starts[frame]) + y0 * row_bytes, packed)
        pixels = np.empty((packed.shape[0], 2 * row_bytes), np.uint8)
        pixels[:, 0::2] = packed & 15
        pixels[:, 1::2] = packed >> 4
        return pixels[:, : self.width]


def read_into(path: str, start: int, pixels: NDArray[Any]) -> None:
    """Fill a contiguous array with the bytes of a file from `start` on."""
    if pixels.nbytes == 0:
        return
    with explained(path, "a file"), open(path, "rb", buffering=0) as file:
        file.seek(start, os.SEEK_SET)
        wanted = pixels.reshape(-1).view(np.uint8).data
        done = 0
        while done < len(wanted):
            got = file.readinto(wanted[done:])
            if not got:
                raise BeamwatchError(f"{path} became shorter since it was opened")
            done += got


def read_bytes(path: str | os.PathLike[str], start: int, count: int) -> bytes:
    """At most `count` bytes of a file from `start` on."""
    with open(path, "rb") as file:
        file.seek(start)
        return file.read(count)


def native(pixels: NDArray[Any]) -> NDArray[Any]:
    """The same numbers in the machine's byte order, swapped in place."""
    if pixels.dtype.isnative:
        return pixels
    return pixels.byteswap(inplace=True).view(pixels.dtype.newbyteorder("="))


def whole_frames(path: str, promised: int, start: int, frame_bytes: int, size: int) -> int:
    """How many of the promised frames a file of `size` bytes really holds.

    Raises
    ------
    BeamwatchError
        If there is not one.
    """
    if promised < 1:
        raise BeamwatchError(f"{path} holds no frames: its header says {promised}")
    there = max(0, size - start) // frame_bytes
    if there < 1:
        raise BeamwatchError(
            f"{path} breaks off before the end of its first frame: {max(0, size - start)} of "
            f"{frame_bytes} bytes are there (an interrupted copy?)"
        )
    return min(promised, there)


def broken_off(promised: int, whole: int) -> str:
    """The warning about a truncated movie."""
    return (
        f"the file breaks off: {whole} of {promised} frames are whole, the rest is missing "
        "(an interrupted recording or copy?)"
    )
