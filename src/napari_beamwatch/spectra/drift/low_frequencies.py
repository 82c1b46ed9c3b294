"""A frame as the low Fourier coefficients of its contrast: all that its drift needs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import fft

from napari_beamwatch.compiling import in_one_layout, kernel
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.frames import Frame
from napari_beamwatch.spectra.drift.arrays import Complex64, Floats32

BINNED = 512
"""Frames are binned to between this and twice this many pixels on their longer side."""

BAND = 128
"""Highest Fourier index that is kept along the longer side."""

HIGHEST = 1 / 3
"""Cycles per binned pixel; beyond, small frames have cells for nothing."""

LOWEST = 5
"""Lower ones are shading, beam and borders of the frame rather than specimen."""

HOT = 8.0
"""Standard deviations of a frame above its mean from which a pixel is taken for hot."""


@dataclass(frozen=True, eq=False)
class Band:
    """Which coefficients are kept of frames of a shape.

    Arrays of coefficients have rows of ky = 0 … ry − 1, −ry … −1 and columns of kx = 0 … rx − 1.
    """

    shape: tuple[int, int]
    bin: int
    ry: int
    rx: int
    taper_y: Floats32
    taper_x: Floats32

    @classmethod
    def of(cls, shape: tuple[int, int]) -> Band:
        binning = max(1, max(shape) // BINNED)
        ny, nx = (n // binning for n in shape)
        if min(ny, nx) < 4 * LOWEST:
            raise BeamwatchError(
                f"frames of {shape[0]} by {shape[1]} pixels are too small to find a drift in"
            )
        highest = min(BAND / max(ny, nx), HIGHEST)
        ry, rx = (min(math.ceil(highest * n), n // 2 - 1) for n in (ny, nx))
        return cls((ny * binning, nx * binning), binning, ry, rx, _taper(ny), _taper(nx))

    @property
    def ky(self) -> Floats32:
        """Cycles per pixel of the frame of each row."""
        cycles: Floats32 = (np.r_[0 : self.ry, -self.ry : 0] / self.shape[0]).astype(np.float32)
        return cycles

    @property
    def kx(self) -> Floats32:
        """Cycles per pixel of the frame of each column."""
        return (np.arange(self.rx) / self.shape[1]).astype(np.float32)

    def tapered(self, shape: tuple[int, int]) -> Floats32:
        """The taper of the frames, as a picture of another shape."""
        y, x = (
            np.interp((np.arange(n) + 0.5) / n, (np.arange(len(own)) + 0.5) / len(own), own)
            for n, own in zip(shape, (self.taper_y, self.taper_x), strict=True)
        )
        return np.asarray(y[:, None] * x, np.float32)

    @property
    def overlap(self) -> float:
        """Coefficients that the taper makes of one independent one."""
        return overlap_of(self.taper_y) * overlap_of(self.taper_x)

    def reduce(self, frame: Frame) -> Complex64 | None:
        ny, nx = len(self.taper_y), len(self.taper_x)
        if frame.shape[0] < self.shape[0] or frame.shape[1] < self.shape[1]:
            raise BeamwatchError(f"a frame of {frame.shape} differs from the others in shape")
        if frame.dtype.kind not in "uif":
            frame = frame.astype(np.float32)
        if not frame.dtype.isnative:
            frame = frame.astype(frame.dtype.newbyteorder("="))
        frame = in_one_layout(frame)
        mean, sd = _sample(frame)
        if not mean > 0:
            mean, sd = _sample(frame, 1)
        if not mean > 0:
            return None
        binned = np.empty((ny, nx), np.float32)
        _bin(frame, self.bin, np.float32(mean), np.float32(mean + HOT * sd), binned)
        level = float(binned.mean(dtype=np.float64))
        if not level > 0:
            return None
        binned -= np.float32(level)
        binned *= self.taper_y[:, None]
        binned *= self.taper_x * np.float32(1 / level)
        # Rows of the band only, then columns of it: half of a whole transform.
        rows = fft.rfft(binned, axis=1)[:, : self.rx]
        whole = fft.fft(rows, axis=0, overwrite_x=True)
        kept: Complex64 = np.concatenate([whole[: self.ry], whole[ny - self.ry :]])
        return kept


def overlap_of(taper: Floats32) -> float:
    """Coefficients that a taper makes of one independent one."""
    return taper.size * float((taper**4).sum()) / max(float((taper**2).sum()) ** 2, 1e-300)


def _taper(n: int) -> Floats32:
    """Half a cosine over an eighth of the side at both ends."""
    ramp = np.minimum(1, (np.arange(n) + 0.5) / (n / 8))
    taper: Floats32 = (0.5 - 0.5 * np.cos(np.pi * np.minimum(ramp, ramp[::-1]))).astype(np.float32)
    return taper


def _sample(frame: Frame, every: int = 16) -> tuple[float, float]:
    """Mean and standard deviation of the finite pixels in some rows."""
    count, total, squares = _moments(frame, max(1, min(every, frame.shape[0] // 32)))
    if count == 0:
        return 0.0, 0.0
    mean = total / count
    return mean, math.sqrt(max(0.0, squares / count - mean * mean))


@kernel()
def _moments(frame: Any, every: int) -> tuple[int, float, float]:
    count, total, squares = 0, 0.0, 0.0
    for y in range(0, frame.shape[0], every):
        row_count, row_total, row_squares = 0, np.float32(0), np.float32(0)
        for x in range(frame.shape[1]):
            value = np.float32(frame[y, x])
            if abs(value) < np.float32(3e38):
                row_count += 1
                row_total += value
                row_squares += value * value
        count += row_count
        total += float(row_total)
        squares += float(row_squares)
    return count, total, squares


@kernel(fastmath={"contract", "reassoc", "nsz"})
def _bin(frame: Any, b: int, mean: Any, most: Any, out: Any) -> None:
    """Sums of b × b pixels; those above `most`, and no numbers, count as the mean."""
    ny, nx = out.shape
    line = np.empty(nx * b, np.float32)
    for i in range(ny):
        line[:] = 0
        for y in range(i * b, (i + 1) * b):
            for x in range(nx * b):
                value = np.float32(frame[y, x])
                line[x] += value if abs(value) <= most else mean
        for j in range(nx):
            total = np.float32(0)
            for x in range(j * b, (j + 1) * b):
                total += line[x]
            out[i, j] = total
