"""Fourier coefficients of many overlapping windows at a few frequencies, without whole FFTs.

Windows overlap, so a pixel would be multiplied and added for each window it lies in. Instead
the field is cut into blocks of one step (windows themselves, where the step does not divide
them); the taper of a window, cut likewise, is a small set of pieces that every block is weighted
with once. Along x that is a product of matrices per block, along y a short sum; a window's
coefficient is the sum over its blocks, each with the piece that
falls on it and the phase of its place. For a window of two steps a pixel is touched a few times
per frequency whatever the number of windows, and most of it by BLAS.

Beside each coefficient F stand two moments of it, with the taper times the distance from the
window's middle along y and x: they tell how far the peak of the power lies from the frequency
asked for, without a second look.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.compiling import in_one_layout, kernel
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
    window_of : array of int64
        Window of each coefficient, ascending.
    gy, gx : array of float64
        Its frequency in cycles per pixel.
    """

    grid: Grid
    window_of: NDArray[np.int64]
    gy: NDArray[np.float64]
    gx: NDArray[np.float64]

    @property
    def block(self) -> int:
        """Side of a block in pixels."""
        grid = self.grid
        shared = grid.window % grid.step == 0 and grid.step >= FEWEST_BLOCK_PIXELS
        return grid.step if shared else grid.window

    @property
    def pieces(self) -> int:
        """Blocks along a window."""
        return self.grid.window // self.block

    @cached_property
    def _blocks(self) -> tuple[int, int]:
        rows, columns = self.grid.shape
        return rows + self.pieces - 1, columns + self.pieces - 1

    @cached_property
    def _plan(self) -> _Plan:
        _, block_columns = self._blocks
        _, window_columns = self.grid.shape
        pairs = np.stack([self.gy, self.gx], axis=1)
        distinct, which = np.unique(pairs, axis=0, return_inverse=True)
        slots, frequency_of, counts = _slots(
            self.window_of,
            which.reshape(-1).astype(np.int64),
            self.pieces,
            window_columns,
            block_columns,
            self._blocks[0] * block_columns,
        )
        return _Plan(slots, frequency_of, counts, distinct[:, 0], distinct[:, 1])

    @cached_property
    def _tapers(self) -> NDArray[np.float64]:
        """Taper, and taper times distance from the middle, cut up: (piece, moment, pixel)."""
        line, u = self.grid.line, middle_distance(self.grid.window)
        both = np.stack([line, line * u]).reshape(2, self.pieces, self.block)
        return both.transpose(1, 0, 2)

    @cached_property
    def _along_x(self) -> Floats32:
        """Rows (frequency, piece × moment × part, pixel): piece times wave."""
        waves = self._waves(self._plan.gx)
        return waves.reshape(len(waves), 4 * self.pieces, self.block)

    @cached_property
    def _along_y(self) -> Floats32:
        """Factors (frequency, piece, moment, part, pixel) along y."""
        return self._waves(self._plan.gy)

    def _waves(self, g: NDArray[np.float64]) -> Floats32:
        wave = np.exp(-2j * np.pi * g[:, None] * np.arange(self.block))
        return _as_parts(wave[:, None, None] * self._tapers)

    @cached_property
    def _phases(self) -> Complex64:
        """Phase of each of its blocks in a coefficient, from the window's own corner."""
        offset = np.arange(self.pieces) * self.block
        turns = (
            self.gy[:, None, None] * offset[None, :, None]
            + self.gx[:, None, None] * offset[None, None, :]
        )
        return np.asarray(np.exp(-2j * np.pi * turns), np.complex64)

    def prepare(self) -> None:
        """Work out what all frames share, before several threads ask for it."""
        _ = self._along_x, self._along_y, self._phases

    def __call__(
        self,
        image: NDArray[Any],
        shift: tuple[int, int] = (0, 0),
        cap: float = np.inf,
        instead: float = 0.0,
    ) -> tuple[Complex64, NDArray[np.float64]]:
        """Coefficients of an image, and the means of all windows.

        Parameters
        ----------
        image : array
            Of any real type; pixels that are no numbers count as nothing.
        shift : (dy, dx)
            Where the grid's corner lies in the image; beyond its border there is nothing.
        cap, instead : float
            A pixel beyond the first counts as the second.

        Returns
        -------
        moments : array of complex64 (coefficient, 3)
            ``Σ image · taper · exp(−2πi g·r)``, r from the window's corner; then the same with
            the distance from the middle along y, and along x, in windows, as a further factor.
        means : array of float64 (window,)
            Under the taper.
        """
        image = in_one_layout(image)
        plan, grid = self._plan, self.grid
        rows, columns = self._blocks
        pieces = self.pieces
        most = plan.frequency_of.shape[1]
        per_block = np.zeros((rows * columns, most, pieces, pieces, 3), np.complex64)
        sums = np.zeros((rows * columns, pieces, pieces), np.float64)
        _transform_blocks(
            image, np.float32(cap), np.float32(instead), shift[0], shift[1], grid.step, columns,
            plan.frequency_of, plan.counts, self._along_x, self._along_y,
            np.ascontiguousarray(self._tapers[:, 0], np.float32), per_block, sums,
        )  # fmt: skip
        moments = np.zeros((len(self.window_of), 3), np.complex64)
        _gather(
            self.window_of, plan.slots, self._phases, per_block, grid.shape[1], columns, moments
        )
        by_place = sums.reshape(rows, columns, pieces, pieces)
        total = np.zeros(grid.shape)
        for dy in range(pieces):
            for dx in range(pieces):
                total += by_place[dy : dy + grid.shape[0], dx : dx + grid.shape[1], dy, dx]
        return moments, total.ravel() / grid.weight_sum


def middle_distance(size: int) -> NDArray[np.float64]:
    """Distance of each pixel from the middle of a window, in windows."""
    return (np.arange(size) - size / 2) / size


def second_moment(grid: Grid) -> float:
    """Mean square distance from the middle under the taper, in windows squared."""
    u = middle_distance(grid.window)
    return float((grid.line * u**2).sum() / grid.line.sum())


def derivative_noise(grid: Grid) -> float:
    """Standard deviation of the derivative of white noise of unit power, per bin."""
    u = middle_distance(grid.window)
    line = grid.line
    return float(2 * np.pi * np.sqrt((line**2 * u**2).sum() / (line**2).sum()))


def offset_error(grid: Grid) -> float:
    """Standard error of an offset in bins, times √SNR: what the taper leaves of the bound.

    0.50 for a Hann taper; 0.28 would be the Cramér-Rao bound of the window without one.
    """
    return float(derivative_noise(grid) / np.sqrt(2) / (2 * np.pi) ** 2 / second_moment(grid))


def _as_parts(factors: NDArray[np.complex128]) -> Floats32:
    """Real and imaginary part as an axis of their own, before the last."""
    return np.ascontiguousarray(np.stack([factors.real, factors.imag], axis=-2), np.float32)


@dataclass(frozen=True, eq=False)
class _Plan:
    """Which block needs which frequencies, and where each coefficient finds its own.

    Attributes
    ----------
    slots : array of int64 (coefficient, row, column)
        Among the frequencies of each block under it.
    frequency_of : array of int64 (block, slot)
    counts : array of int64 (block,)
        Slots in use.
    gy, gx : array of float64
        The distinct frequencies.
    """

    slots: NDArray[np.int64]
    frequency_of: NDArray[np.int64]
    counts: NDArray[np.int64]
    gy: NDArray[np.float64]
    gx: NDArray[np.float64]


@kernel()
def _slots(
    window_of: NDArray[np.int64],
    frequency: NDArray[np.int64],
    pieces: int,
    window_columns: int,
    block_columns: int,
    blocks: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The arrays of a `_Plan`; `frequency` is the number of each coefficient's own."""
    slots = np.empty((len(window_of), pieces, pieces), np.int64)
    wanted = np.zeros(blocks, np.int64)  # with repeats: room enough
    for i in range(len(window_of)):
        corner = window_of[i] // window_columns * block_columns + window_of[i] % window_columns
        for dy in range(pieces):
            for dx in range(pieces):
                wanted[corner + dy * block_columns + dx] += 1
    most = 1
    for b in range(blocks):
        most = max(most, wanted[b])
    known = np.zeros((blocks, most), np.int64)
    counts = np.zeros(blocks, np.int64)
    for i in range(len(window_of)):
        corner = window_of[i] // window_columns * block_columns + window_of[i] % window_columns
        for dy in range(pieces):
            for dx in range(pieces):
                b = corner + dy * block_columns + dx
                slot = 0
                while slot < counts[b] and known[b, slot] != frequency[i]:
                    slot += 1
                if slot == counts[b]:
                    known[b, slot] = frequency[i]
                    counts[b] += 1
                slots[i, dy, dx] = slot
    used = 1
    for b in range(blocks):
        used = max(used, counts[b])
    return slots, known[:, :used].copy(), counts


@kernel(fastmath=True)
def _transform_blocks(
    image: NDArray[Any],
    cap: np.float32,
    instead: np.float32,
    shift_y: int,
    shift_x: int,
    pitch: int,
    block_columns: int,
    frequency_of: NDArray[np.int64],
    counts: NDArray[np.int64],
    along_x: Floats32,
    along_y: Floats32,
    taper: Floats32,
    per_block: Complex64,
    sums: NDArray[np.float64],
) -> None:
    """Sums of every block: along x by a product of matrices, along y one by one.

    ``per_block[b, f, j, k]`` takes the pieces j along y and k along x of frequency f, for the
    three moments; ``sums[b, j, k]`` those of frequency zero.
    """
    height, width = image.shape
    step = along_x.shape[2]
    pieces = taper.shape[0]
    block = np.empty((step, step), np.float32)
    columns = along_x.shape[1]
    factors = np.empty((frequency_of.shape[1] * columns, step), np.float32)
    products = np.empty_like(factors)
    for b in range(len(counts)):
        y0 = b // block_columns * pitch + shift_y
        x0 = b % block_columns * pitch + shift_x
        first, last = max(0, -x0), min(step, width - x0)
        whole = first == 0 and last == step and y0 >= 0 and y0 + step <= height
        if not whole:
            block[:] = 0
        if first < last:
            for y in range(max(0, -y0), min(step, height - y0)):
                # As rows of their own, that indices cannot be negative and loops are vectors.
                row, to = image[y0 + y, x0 + first : x0 + last], block[y, first:last]
                for x in range(len(row)):
                    value = np.float32(row[x])
                    to[x] = value if value <= cap else instead
        _sum_plain(block, taper, sums[b])
        rows = counts[b] * columns
        if rows == 0:
            continue
        for f in range(counts[b]):
            for c in range(columns):
                for x in range(step):
                    factors[f * columns + c, x] = along_x[frequency_of[b, f], c, x]
        np.dot(factors[:rows], block.T, products[:rows])
        for f in range(counts[b]):
            for j in range(pieces):
                plain = along_y[frequency_of[b, f], j, 0]
                distant = along_y[frequency_of[b, f], j, 1]
                for k in range(pieces):
                    row = (f * pieces + k) * 4
                    here = products[row : row + 2]
                    per_block[b, f, j, k, 0] = _product(plain, here)
                    per_block[b, f, j, k, 1] = _product(distant, here)
                    per_block[b, f, j, k, 2] = _product(plain, products[row + 2 : row + 4])


@kernel(fastmath=True)
def _sum_plain(block: Floats32, taper: Floats32, sums: NDArray[np.float64]) -> None:
    pieces, step = taper.shape
    for k in range(pieces):
        for y in range(step):
            along = np.float32(0)
            for x in range(step):
                along += block[y, x] * taper[k, x]
            for j in range(pieces):
                sums[j, k] += taper[j, y] * along


@kernel(fastmath=True)
def _product(a: Floats32, b: Floats32) -> np.complex64:
    """Sum of the products of two rows of complex numbers, real part above imaginary."""
    real = np.float32(0)
    imaginary = np.float32(0)
    for y in range(a.shape[1]):
        real += a[0, y] * b[0, y] - a[1, y] * b[1, y]
        imaginary += a[0, y] * b[1, y] + a[1, y] * b[0, y]
    return np.complex64(complex(real, imaginary))


@kernel()
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
