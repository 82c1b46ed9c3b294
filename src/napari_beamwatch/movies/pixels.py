"""What a pixel may be, decided once for every movie, whoever reads it.

Kernels know integers of up to 32 bits and two kinds of floats, all in the machine's byte order.
They add up and square in single precision, where what is larger than `LARGEST` overflows and what
is smaller than `SMALLEST` vanishes: such pixels are no grey values of a camera. A few of them are
taken for pixels without a value, like NaN; frames made of them are refused, not scaled, since the
user's words (grey levels an electron) are about the numbers as they stand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.frames import DerivedFrames, Frame, FrameSource

LARGEST, SMALLEST = 1e10, 1e-10


def kept_dtype(stored: np.dtype[Any]) -> np.dtype[Any]:
    """Type in which pixels of a type go through the analysis.

    Integers of 64 bits become float64: what they count is far below the 2⁵³ it holds exactly.
    """
    if stored.kind == "b" or (stored.kind in "iu" and stored.itemsize <= 4):
        return stored.newbyteorder("=")
    if stored.kind in "iu" or (stored.kind == "f" and stored.itemsize >= 8):
        return np.dtype(np.float64)
    if stored.kind == "f":
        return np.dtype(np.float32)
    raise BeamwatchError(f"frames must be real numbers, not {stored}")


def admitted(source: FrameSource) -> FrameSource:
    """The source, with pixels of a type that is known, and NaN where they are no grey values."""
    if isinstance(source, AdmittedFrames):
        return source
    kept = kept_dtype(source.dtype)
    return source if kept == source.dtype and kept.kind != "f" else AdmittedFrames(source, kept)


@dataclass(frozen=True, eq=False)
class AdmittedFrames(DerivedFrames):
    """Frames of another source as `pixels`, with NaN for every value that is no grey value."""

    pixels: np.dtype[Any]

    @property
    def costly(self) -> bool:  # type: ignore[override]  # as the frames below
        """Whether reading the frames below decodes something."""
        return self.base.costly

    @property
    def seekable_rows(self) -> bool:  # type: ignore[override]  # as the frames below
        """Whether the frames below can be read by rows."""
        return self.base.seekable_rows

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.pixels

    def read(self, frame: int) -> Frame:
        return self._admit(self.base.read(frame))

    def read_rows(self, frame: int, y0: int, y1: int) -> Frame:
        return self._admit(self.base.read_rows(frame, y0, y1))

    def summed(self, n: int) -> FrameSource:
        return admitted(self.base.summed(n))

    def _admit(self, stored: Frame) -> Frame:
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is no grey value
            pixels = stored.astype(self.pixels, copy=False)
        if pixels.dtype.kind != "f" or pixels.size == 0:
            return pixels
        # Comparing with NaN is False: the usual case costs two passes and no copy.
        if pixels.min() >= -LARGEST and pixels.max() <= LARGEST:
            return pixels
        return np.where(np.abs(pixels) <= LARGEST, pixels, pixels.dtype.type(np.nan))
