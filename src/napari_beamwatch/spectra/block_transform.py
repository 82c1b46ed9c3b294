"""Fourier coefficients of many overlapping windows at a few frequencies, without whole FFTs.

Windows overlap, so a pixel would be multiplied and added for each window it lies in. Instead
the field is cut into blocks of one step; the taper of a window, cut likewise, is a small set of
pieces that every block is weighted with once. Along x that is a product of matrices per block,
along y a short sum; a window's coefficient is the sum over its blocks, each with the piece that
falls on it and the phase of its place. For a window of two steps a pixel is touched a few times
per frequency whatever the number of windows, and most of it by BLAS.

Beside each coefficient F stand two moments of it, with the taper times the distance from the
window's middle along y and x: they tell how far the peak of \\|F\\| lies from the frequency asked
for (`offsets`), without a second look.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.spectra.windows import Floats32, Grid

Complex64 = NDArray[np.complex64]

FEWEST_BLOCK_PIXELS = 16
"""Blocks smaller than this cost more in bookkeeping than they save."""


@dataclass(frozen=True, eq=False)
class BlockTransform:
    """Coefficients of chosen frequencies in each window of a grid.

    Attributes
    ----------
    grid : Grid
        Its step must divide its window.
    window_of : array of int64
        Window of each coefficient, ascending.
    gy, gx : array of float64
        Its frequency in cycles per pixel.
    """

    grid: Grid
    window_of: NDArray[np.int64]
    gy: NDArray[np.float64]
    gx: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.grid.window % self.grid.step or self.grid.step < FEWEST_BLOCK_PIXELS:
            raise BeamwatchError(
                f"the step ({self.grid.step} px) must divide the window ({self.grid.window} px) "
                f"and be {FEWEST_BLOCK_PIXELS} px or more to follow spots"
            )

    @property
    def pieces(self) -> int:
        """Blocks along a window."""
        return self.grid.window // self.grid.step

    @cached_property
    def _blocks(self) -> tuple[int, int]:
        rows, columns = self.grid.shape
        return rows + self.pieces - 1, columns + self.pieces - 1

    @cached_property
    def _plan(self) -> _Plan:
        """Frequencies of each block, and where each coefficient finds its own."""
        _, block_columns = self._blocks
        _, window_columns = self.grid.shape
        of_block: list[dict[tuple[float, float], int]] = [
            {} for _ in range(self._blocks[0] * block_columns)
        ]
        slots = np.empty((len(self.window_of), self.pieces, self.pieces), np.int64)
        for i, (window, gy, gx) in enumerate(
            zip(self.window_of.tolist(), self.gy.tolist(), self.gx.tolist(), strict=True)
        ):
            top, left = divmod(window, window_columns)
            for dy in range(self.pieces):
                for dx in range(self.pieces):
                    known = of_block[(top + dy) * block_columns + left + dx]
                    slots[i, dy, dx] = known.setdefault((gy, gx), len(known))
        most = max((len(known) for known in of_block), default=0)
        gy_of = np.zeros((len(of_block), most))
        gx_of = np.zeros((len(of_block), most))
        for block, known in enumerate(of_block):
            for (gy, gx), slot in known.items():
                gy_of[block, slot] = gy
                gx_of[block, slot] = gx
        return _Plan(slots, gy_of, gx_of)

    @cached_property
    def _tapers(self) -> NDArray[np.float64]:
        """Taper and taper times distance from the middle, cut into pieces: (pixel, piece, 2)."""
        line, u = self.grid.line, middle_distance(self.grid.window)
        both = np.stack([line, line * u], axis=-1)
        return both.reshape(self.pieces, self.grid.step, 2).transpose(1, 0, 2)

    @cached_property
    def _along_x(self) -> Floats32:
        """Factors (block, pixel, column): real and imaginary part of piece times wave."""
        x = np.arange(self.grid.step)
        wave = np.exp(-2j * np.pi * self._plan.gx[:, None, :] * x[None, :, None])
        factors = wave[:, :, :, None, None] * self._tapers[None, :, None]
        return _as_pairs(factors.reshape(*factors.shape[:2], -1))

    @cached_property
    def _along_y(self) -> Complex64:
        """Factors (block, pixel, frequency, piece, moment) along y."""
        y = np.arange(self.grid.step)
        wave = np.exp(-2j * np.pi * self._plan.gy[:, None, :] * y[None, :, None])
        return np.asarray(wave[:, :, :, None, None] * self._tapers[None, :, None], np.complex64)

    @cached_property
    def _phases(self) -> Complex64:
        """Phase of each of its blocks in a coefficient, from the window's own corner."""
        offset = np.arange(self.pieces) * self.grid.step
        turns = (
            self.gy[:, None, None] * offset[None, :, None]
            + self.gx[:, None, None] * offset[None, None, :]
        )
        return np.asarray(np.exp(-2j * np.pi * turns), np.complex64)

    def __call__(self, image: Floats32) -> Complex64:
        """Coefficients and moments of each frequency in its window: (coefficient, 3).

        ``Σ image · taper · exp(−2πi g·r)``, r from the window's corner; then the same with the
        distance from the middle along y, and along x, in windows, as a further factor.
        """
        plan = self._plan
        moments = np.zeros((len(self.window_of), 3), np.complex64)
        if not len(self.window_of):
            return moments
        step, pieces = self.grid.step, self.pieces
        block_rows, block_columns = self._blocks
        width = block_columns * step
        most = plan.gx.shape[1]
        sums = np.empty((block_columns, step, 4 * pieces * most), np.float32)
        per_block = np.zeros((block_rows * block_columns, most, pieces, pieces, 3), np.complex64)
        for row in range(block_rows):
            band = image[row * step : (row + 1) * step, :width]
            blocks = band.reshape(step, block_columns, step).transpose(1, 0, 2)
            here = slice(row * block_columns, (row + 1) * block_columns)
            np.matmul(blocks, self._along_x[here], out=sums)
            _sum_along_y(
                sums.view(np.complex64).reshape(block_columns, step, most, pieces, 2),
                self._along_y[here],
                per_block[here],
            )
        _gather(
            self.window_of, plan.slots, self._phases, per_block, self.grid.shape[1],
            block_columns, moments,
        )  # fmt: skip
        return moments


def middle_distance(size: int) -> NDArray[np.float64]:
    """Distance of each pixel from the middle of a window, in windows."""
    return (np.arange(size) - size / 2) / size


def second_moment(grid: Grid) -> float:
    """Mean square distance from the middle under the taper, in windows squared."""
    u = middle_distance(grid.window)
    return float((grid.line * u**2).sum() / grid.line.sum())


def offset_error(grid: Grid) -> float:
    """Standard error of an offset in bins, times √SNR: what the taper leaves of the bound.

    0.50 for a Hann taper; 0.28 would be the Cramér-Rao bound of the window without one.
    """
    u = middle_distance(grid.window)
    line = grid.line
    noise = (line**2 * u**2).sum() / (line**2).sum()
    return float(np.sqrt(noise / 2) / (2 * np.pi * second_moment(grid)))


def _as_pairs(factors: NDArray[np.complex128]) -> Floats32:
    """Complex factors as neighbouring real and imaginary columns."""
    pairs = np.stack([factors.real, factors.imag], axis=-1).astype(np.float32)
    flat: Floats32 = pairs.reshape(*factors.shape[:-1], -1)
    return flat


@dataclass(frozen=True, eq=False)
class _Plan:
    slots: NDArray[np.int64]
    gy: NDArray[np.float64]
    gx: NDArray[np.float64]


@njit(nogil=True, cache=True, fastmath=True)
def _sum_along_y(sums: Complex64, along_y: Complex64, per_block: Complex64) -> None:
    """per_block[b, f, j, k] = Σ_y along_y[b, y, f, j] · sums[b, y, f, k], for three moments."""
    blocks, step, frequencies, pieces, _ = sums.shape
    for block in range(blocks):
        for y in range(step):
            for f in range(frequencies):
                for j in range(pieces):
                    plain = along_y[block, y, f, j, 0]
                    distant = along_y[block, y, f, j, 1]
                    for k in range(pieces):
                        here = sums[block, y, f, k, 0]
                        per_block[block, f, j, k, 0] += plain * here
                        per_block[block, f, j, k, 1] += distant * here
                        per_block[block, f, j, k, 2] += plain * sums[block, y, f, k, 1]


@njit(nogil=True, cache=True)
def _gather(
    window_of: NDArray[np.int64],
    slots: NDArray[np.int64],
    phases: Complex64,
    per_block: Complex64,
    window_columns: int,
    block_columns: int,
    moments: NDArray[Any],
) -> None:
    pieces = slots.shape[1]
    for i in range(len(window_of)):
        top = window_of[i] // window_columns
        left = window_of[i] % window_columns
        for dy in range(pieces):
            for dx in range(pieces):
                block = (top + dy) * block_columns + left + dx
                for m in range(3):
                    part = per_block[block, slots[i, dy, dx], dy, dx, m]
                    moments[i, m] += phases[i, dy, dx] * part
