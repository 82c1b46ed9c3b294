"""The movie as whitened coefficients, and the shifts that are compared."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from napari_beamwatch.spectra.drift.arrays import Complex64, Floats, Floats32
from napari_beamwatch.spectra.drift.low_frequencies import LOWEST, Band

SPOT_AMPLITUDE = 0.5
"""What a lattice spot is brought down to, in units of the noise of a frame."""

LATTICE = 7.0
"""Excess over the median from which a coefficient is a lattice's, in units of the excess of the
highest tenth."""

REACH = 96.0
"""Largest displacement from the later frames that is looked for, in pixels."""

MOST_CELLS = 36
"""Cells of a map either way, along each axis."""


@dataclass(frozen=True, eq=False)
class Problem:
    """Whitened coefficients Y_t = a_t (S e^(−2πi k·d_t) + G) + noise of variance 1.

    Attributes
    ----------
    y : array (frames, ky, kx) of complex64
    a : array of float32
        Relative strength of the signal in each.
    used : array (ky, kx) of bool
    ring : array (ky, kx) of int64
        Four indices wide.
    has_spots : bool
        There is a lattice: what stands still is a specimen.
    check : callable
        Called now and then while solving; may raise to stop.
    """

    band: Band
    y: Complex64
    a: Floats32
    used: NDArray[np.bool_]
    ring: NDArray[np.int64]
    has_spots: bool
    block: NDArray[np.int64]
    lengths: Floats
    cells: Cells = field(repr=False)
    check: Callable[[], object]

    @classmethod
    def of(
        cls, band: Band, kept: list[Complex64], lengths: Floats, check: Callable[[], object]
    ) -> Problem:
        y = np.stack(kept)
        row = np.abs(band.ky[:, None] * band.shape[0])
        column = np.broadcast_to(band.kx * band.shape[1], y.shape[1:])
        longer = max(band.shape)
        index = np.hypot(band.ky[:, None] * longer, band.kx * longer)
        # The cross in the middle holds the frame's borders and a detector's rows and columns.
        used = (row >= 2) & (column >= 2) & (index >= LOWEST)
        used &= index < longer * max(band.ry / band.shape[0], band.rx / band.shape[1])
        noise = np.array([np.median(squared(frame[used])) for frame in y])
        noise = np.maximum(noise / math.log(2), 1e-30)
        y /= np.sqrt(noise).astype(np.float32)[:, None, None]
        mean_power = _mean_power(y)
        ring = (index / 4).astype(np.int64)
        level, high = np.ones_like(mean_power), np.ones_like(mean_power)
        for r in np.unique(ring[used]):
            here = used & (ring == r)
            middle, tenth = np.quantile(mean_power[here], (0.5, 0.9))
            level[here], high[here] = max(middle, 1e-12), max(tenth, 1e-12)
        relative = mean_power / level
        # The mean of T exponentials; a spot that lasts part of the record lies far above it.
        spots = used & (relative > 1 + 6 / math.sqrt(len(y)) + 6 / len(y))
        # Of speckle, moving or of the detector, the highest coefficients reach three times the
        # excess of the highest tenth; those of a lattice stand out by far.
        lattice = spots & (mean_power - level > LATTICE * (high - level))
        factor = np.where(spots, SPOT_AMPLITUDE / np.sqrt(relative.clip(1e-12)), 1.0)
        y *= (factor / np.sqrt(level) * used).astype(np.float32)
        a = 1 / np.sqrt(noise)
        a /= math.sqrt(float(np.mean(a**2)))
        blocks = int(np.clip(len(y) // 8, 1, 8))
        return cls(
            band=band,
            y=y,
            a=a.astype(np.float32),
            used=used,
            ring=ring,
            has_spots=int(lattice.sum()) >= 4,
            block=np.arange(len(y)) * blocks // len(y),
            lengths=lengths,
            cells=Cells.of(band),
            check=check,
        )

    @property
    def middle(self) -> Floats:
        """Time of each, in frames with beam since the first."""
        return np.asarray(np.cumsum(self.lengths) - self.lengths / 2, np.float64)

    @property
    def blocks(self) -> int:
        return int(self.block[-1]) + 1


@dataclass(frozen=True, eq=False)
class Cells:
    """The displacements that are weighed: cells of a map around zero."""

    map_shape: tuple[int, int]
    spacing: tuple[float, float]
    half: tuple[int, int]

    @classmethod
    def of(cls, band: Band) -> Cells:
        sizes, spacings, halves = [], [], []
        for r, n in zip((band.ry, band.rx), band.shape, strict=True):
            size = fft.next_fast_len(max(2 * r + 2, min(3 * r, n)), real=True)
            size += size % 2
            spacing = n / size
            sizes.append(size)
            spacings.append(spacing)
            halves.append(int(np.clip(min(REACH, n / 6) / spacing, 2, MOST_CELLS)))
        return cls((sizes[0], sizes[1]), (spacings[0], spacings[1]), (halves[0], halves[1]))

    @property
    def axes(self) -> tuple[Floats, Floats]:
        """Displacement in pixels of rows and columns of cells."""
        (hy, hx), (sy, sx) = self.half, self.spacing
        y = np.arange(-hy, hy + 1, dtype=np.float64) * sy
        x = np.arange(-hx, hx + 1, dtype=np.float64) * sx
        return np.asarray(y, np.float64), np.asarray(x, np.float64)

    def correlation(self, product: Complex64) -> Floats32:
        """Sums of the half plane's Re(c e^(2πi k·d)) for every d of the whole map."""
        rows, columns = self.map_shape
        r = product.shape[0] // 2
        padded = np.zeros((rows, columns // 2 + 1), np.complex64)
        padded[:r, : product.shape[1]] = product[:r]
        padded[rows - r :, : product.shape[1]] = product[r:]
        full: Floats32 = fft.irfft2(padded, s=self.map_shape, norm="forward", overwrite_x=True)
        full *= np.float32(0.5)
        return full

    def cut(self, full: Floats32) -> Floats32:
        """The cells around zero of a whole map."""
        (hy, hx), (rows, columns) = self.half, self.map_shape
        part: Floats32 = full[
            np.ix_(np.arange(-hy, hy + 1) % rows, np.arange(-hx, hx + 1) % columns)
        ]
        return part


def squared(values: Complex64) -> Floats32:
    """Power of each coefficient."""
    squares: Floats32 = values.real**2 + values.imag**2
    return squares


def mixture(weights: Floats | Floats32, images: Complex64) -> Complex64:
    """Weighted sum of images along their first axis."""
    # Not a product of matrices: what threads BLAS runs on must not show in the last digit.
    total = np.zeros(images.shape[1:], np.complex64)
    for weight, image in zip(weights, images, strict=True):
        total += np.float32(weight) * image
    return total


def _mean_power(y: Complex64) -> Floats:
    total = np.zeros(y.shape[1:])
    for frame in y:
        total += squared(frame)
    return total / len(y)
