"""NumPy's ``.npy`` files: header by NumPy, frames read by hand, pickles never."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.foreign_errors import LARGEST_FRAME, explained, file_size
from napari_beamwatch.movies.formats.raw_frames import (
    RawFrames,
    broken_off,
    read_bytes,
    read_into,
    whole_frames,
)
from napari_beamwatch.movies.frames import ArrayFrames, Frame, FrameSource
from napari_beamwatch.movies.recording import Recording

LARGEST_HEADER = 2**16
READ_TRANSPOSED = 2**28
"""Bytes up to which a Fortran-ordered stack is read whole."""


@dataclass(frozen=True, eq=False)
class TransposedImage(FrameSource):
    """One image stored column after column."""

    base: RawFrames

    costly: ClassVar[bool] = False

    @property
    def shape(self) -> tuple[int, int, int]:
        return 1, self.base.width, self.base.height

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.base.dtype

    def read(self, frame: int) -> Frame:
        return np.ascontiguousarray(self.base.read(frame).T)


def npy_header(path: Path, head: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, whether columns come first, type, and where the numbers of an array begin.

    Parameters
    ----------
    path : Path
        Of the file, for messages.
    head : bytes
        The array's first bytes. NumPy would believe any length of header, so it only gets what
        is plausible.
    """
    file = io.BytesIO(head[:LARGEST_HEADER])
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise BeamwatchError(f"{path} is a .npy file of the unknown version {version}")
    length = head[8 : 10 if version == (1, 0) else 12]
    if int.from_bytes(length, "little") > LARGEST_HEADER:
        raise BeamwatchError(f"{path} has a broken header")
    if version == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    else:
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(file)
    return shape, fortran, dtype, file.tell()


def open_npy(path: Path) -> Recording:
    """A stack (t, y, x), or one image (y, x), of real numbers."""
    path = Path(path)
    size = file_size(path, "a .npy file")
    with explained(path, "a .npy file"):
        shape, fortran, dtype, start = npy_header(path, read_bytes(path, 0, LARGEST_HEADER))
    if dtype.hasobject or dtype.names or dtype.kind not in "uifb" or dtype.itemsize > 8:
        raise BeamwatchError(f"{path} holds {dtype}, not frames of real numbers")
    if len(shape) not in (2, 3) or any(not 0 < n < 2**48 for n in shape):
        raise BeamwatchError(
            f"{path} holds an array of shape {shape}; a movie has three dimensions (t, y, x)"
        )
    promised, height, width = shape if len(shape) == 3 else (1, *shape)
    frame_bytes = height * width * dtype.itemsize
    if frame_bytes > LARGEST_FRAME:
        raise BeamwatchError(f"{path} has a broken header: frames of {height} by {width} pixels")
    name = str(path)
    if not fortran or (promised == 1 and len(shape) == 2):
        count = whole_frames(name, promised, start, frame_bytes, size)
        starts = range(start, start + count * frame_bytes, frame_bytes)
        frames: FrameSource
        if fortran:
            frames = TransposedImage(RawFrames(name, dtype, starts, width, height))
        else:
            frames = RawFrames(name, dtype, starts, height, width)
        warnings = (broken_off(promised, count),) if count < promised else ()
        return Recording(frames=frames, path=name, warnings=warnings)
    return Recording(frames=_fortran_stack(name, shape, dtype, start, size), path=name)


def _fortran_stack(
    name: str, shape: tuple[int, ...], dtype: np.dtype[Any], start: int, size: int
) -> FrameSource:
    nbytes = math.prod(shape) * dtype.itemsize
    if nbytes > READ_TRANSPOSED:
        raise BeamwatchError(
            f"{name} is stored in Fortran order, where every frame is scattered over the whole "
            "file: save it again with np.save(path, np.ascontiguousarray(array))"
        )
    if nbytes > size - start:
        raise BeamwatchError(f"{name} breaks off, and in Fortran order no frame of it is whole")
    stack = np.empty(shape[::-1], dtype)
    read_into(name, start, stack)
    frames = np.ascontiguousarray(stack.T.astype(dtype.newbyteorder("="), copy=False))
    frames.flags.writeable = False
    return ArrayFrames(frames)
