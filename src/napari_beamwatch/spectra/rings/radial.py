"""Radial power of some windows, in sectors, from two halves of the frames.

With F₁ and F₂ the transforms of a window in the sums of every other frame and λ₁ and λ₂ their
means, ``|F₁ + F₂|² / ((λ₁ + λ₂) Σw²)`` is the power over that of single counts, and
``|F₁/λ₁ − F₂/λ₂|² · λ₁λ₂ / ((λ₁ + λ₂) Σw²)`` is the part of it that is noise, whatever its colour:
what the specimen shows is the same in both halves and goes out [1]_.

References
----------
.. [1] Saxton, W. O. & Baumeister, W. J. Microsc. 127, 127-138 (1982).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from napari_beamwatch.compiling import kernel
from napari_beamwatch.spectra.floor import half_plane
from napari_beamwatch.spectra.peaks import taper_tiles
from napari_beamwatch.spectra.windows import Floats32, Grid
from napari_beamwatch.threads import free_threads

Floats = NDArray[np.float64]

SECTORS = 12
"""Of the half plane, 15° each."""

TIED = (0.5, 0.24, 0.03)
"""Covariance of the mean power of one radius with itself and those one and two further, where
that of independent bins is 1: what a Hann taper does to noise, measured (docs/rings.md)."""

MOST_WINDOWS = 48
MOST_PIXELS = 48 * 256**2
"""Of the windows that are looked at, together: memory and time do not grow with the field."""


@cache
def radial_bins(window: int) -> RadialBins:
    """The bins of a window; worked out once."""
    return RadialBins(window)


@dataclass(frozen=True)
class RadialBins:
    """Which radius and sector each bin of the half plane belongs to.

    Attributes
    ----------
    window : int
        Side in pixels.
    """

    window: int

    @property
    def radii(self) -> int:
        """Number of radii, the first being 0."""
        return self.window // 2

    @cached_property
    def cell(self) -> NDArray[np.int32]:
        """``sector * radii + radius`` of each bin, -1 for those that are not used."""
        plane = half_plane(self.window)
        radius = np.rint(plane.radius)
        kx = np.arange(self.window // 2 + 1)
        angle = np.arctan2(-plane.ky[:, None], kx[None, :])  # as displayed: y goes down
        sector = np.floor((angle / np.pi + 0.5) * SECTORS).clip(0, SECTORS - 1)
        used = plane.used & (radius < self.radii)
        return np.where(used, sector * self.radii + radius, -1).astype(np.int32)

    @cached_property
    def k(self) -> Floats:
        """Mean frequency of each radius in bins; whole numbers where there are no bins."""
        mean: Floats = self._means(self.cell % self.radii, 1)[0]
        return mean

    @cached_property
    def k_of_cells(self) -> Floats:
        """Mean frequency in bins of each (sector, radius)."""
        return self._means(self.cell, SECTORS)

    def _means(self, place: NDArray[np.int32], sectors: int) -> Floats:
        inside = self.cell >= 0
        cells = sectors * self.radii
        count = np.bincount(place[inside], minlength=cells)
        total = np.bincount(place[inside], half_plane(self.window).radius[inside], cells)
        plain = np.tile(np.arange(self.radii, dtype=np.float64), sectors)
        mean = np.where(count > 0, total / np.maximum(count, 1), plain)
        return np.asarray(mean.reshape(sectors, self.radii), np.float64)

    @cached_property
    def angles(self) -> Floats:
        """Middle of each sector in degrees, counter-clockwise from +x as displayed."""
        return np.asarray((np.arange(SECTORS) + 0.5) / SECTORS * 180 - 90, np.float64)


@dataclass(frozen=True, eq=False)
class RadialPower:
    """Radial power of the windows of a sum of frames; arrays are (sector, radius).

    Attributes
    ----------
    window : int
        Side of the windows in pixels: radius r is at about r / window cycles per pixel.
    first, last : int
        Frames ``first:last`` were added up.
    mean : float
        Counts per pixel.
    power : array
        Mean over that of single counts; NaN where no bins are.
    noise : array
        The part of it that differs between two halves of the frames; NaN for a single frame.
    bins : array
        Independent bins behind each.
    """

    window: int
    first: int
    last: int
    mean: float
    power: Floats
    noise: Floats
    bins: Floats

    @property
    def k(self) -> Floats:
        """Frequency of each radius, in cycles per pixel."""
        return radial_bins(self.window).k / self.window

    def around(self, but: int | None = None) -> tuple[Floats, Floats, Floats]:
        """Power, noise and independent bins of each radius, all sectors together but one."""
        each = self.bins if but is None else self.bins * (np.arange(SECTORS) != but)[:, None]
        bins = each.sum(axis=0)
        known = bins > 0
        share = np.divide(each, bins, where=known, out=np.zeros_like(each))
        power = np.where(known, (share * np.nan_to_num(self.power)).sum(axis=0), np.nan)
        noise = (share * np.where(each > 0, self.noise, 0.0)).sum(axis=0)
        return power, np.where(known, noise, np.nan), bins


def tied(variance: Floats) -> Floats:
    """Covariance of neighbouring radii under the taper.

    Parameters
    ----------
    variance : array
        Of each, if all its bins were independent.
    """
    root = np.sqrt(variance)
    covariance = np.zeros((len(root), len(root)))
    for lag, share in enumerate(TIED):
        both = share * root[lag:] * root[: len(root) - lag]
        covariance += np.diag(both, lag)
        if lag:
            covariance += np.diag(both, -lag)
    return covariance


def spread_windows(grid: Grid) -> NDArray[np.int64]:
    """Windows that are looked at: evenly spread over the field, a bounded number of pixels."""
    most = max(1, min(MOST_WINDOWS, MOST_PIXELS // grid.window**2))
    rows, columns = grid.shape
    down = min(rows, max(1, round(np.sqrt(most * rows / columns))))
    across = min(columns, max(1, most // down))
    down = min(rows, max(1, most // across))
    y = np.unique(np.linspace(0, rows - 1, down).round().astype(np.int64))
    x = np.unique(np.linspace(0, columns - 1, across).round().astype(np.int64))
    return np.asarray((y[:, None] * columns + x[None, :]).ravel(), np.int64)


def independent_windows(grid: Grid, windows: NDArray[np.int64]) -> float:
    """Windows that do not overlap whose power would be known as well as that of `windows`."""
    line = grid.line
    shared = np.array([(line[lag:] * line[: len(line) - lag]).sum() for lag in range(len(line))])
    shared = np.append(shared / shared[0], 0.0)
    corners = grid.corners[windows]
    apart = np.minimum(np.abs(corners[:, None] - corners[None]), len(line))
    together = (shared[apart[..., 0]] * shared[apart[..., 1]]) ** 2
    return float(len(windows) ** 2 / together.sum())


def transforms(
    image: Floats32, corners: NDArray[np.int64], grid: Grid
) -> tuple[NDArray[np.complex64], Floats]:
    """Transforms of tiles of an image under their taper, less their means, and the means."""
    tiles = np.empty((len(corners), grid.window, grid.window), np.float32)
    means = np.zeros(len(corners))
    taper_tiles(image, corners, grid.weights, grid.weight_sum, tiles, means)
    fields = scipy.fft.rfft2(tiles, axes=(1, 2), overwrite_x=True, workers=free_threads())
    return fields, means


def window_power(
    halves: tuple[Floats32, Floats32],
    grid: Grid,
    windows: NDArray[np.int64],
    left_out: NDArray[np.bool_],
    frames: tuple[int, int],
) -> RadialPower:
    """Radial power of some windows of two images, the sums of every other frame.

    Parameters
    ----------
    halves : tuple of array
        Of the field.
    grid : Grid
    windows : array of int
        Which windows.
    left_out : array of bool (windows, rows, columns)
        Bins that are lattice spots (`masks`).
    frames : (first, last)
    """
    corners = grid.corners[windows]
    one, one_means = transforms(halves[0], corners, grid)
    two, two_means = transforms(halves[1], corners, grid)
    return power_of_halves((one, two), (one_means, two_means), grid, windows, left_out, frames)


def power_of_halves(
    fields: tuple[NDArray[np.complex64], NDArray[np.complex64]],
    means: tuple[Floats, Floats],
    grid: Grid,
    windows: NDArray[np.int64],
    left_out: NDArray[np.bool_],
    frames: tuple[int, int],
) -> RadialPower:
    """`window_power` of transforms; windows without counts in either half are left out.

    A second half without any counts is none: the noise is not known then.
    """
    bins = radial_bins(grid.window)
    halved = bool((means[1] > 0).any())
    lit = (means[0] > 0) & (means[1] > 0) if halved else means[0] > 0
    cells = SECTORS * bins.radii
    sums = np.zeros((3, cells))
    # Each half over its mean is the contrast; their weighted sum is that of all frames.
    one, two = np.where(lit, means[0], 1.0), np.where(lit, means[1], 0.0)
    total = one + two
    whole = np.where(lit, 1 / (total * grid.weight_power), 0.0)
    apart = np.sqrt(whole)
    first = apart * np.sqrt(two / one)
    second = np.divide(apart, np.sqrt(two / one), where=two > 0, out=np.zeros_like(apart))
    add_cells(*fields, lit, whole, first, second, bins.cell, left_out, sums)
    count = sums[0]
    known = count > 0
    shape = (SECTORS, bins.radii)
    power = np.divide(sums[1], count, where=known, out=np.full(cells, np.nan)).reshape(shape)
    noise = np.divide(sums[2], count, where=known, out=np.full(cells, np.nan)).reshape(shape)
    looked_at = windows[lit]
    share = independent_windows(grid, looked_at) / len(looked_at) if lit.any() else 0.0
    return RadialPower(
        grid.window,
        *frames,
        float(total[lit].mean()) if lit.any() else 0.0,
        power,
        noise if halved else np.full(shape, np.nan),
        (count * share / grid.correlation).reshape(shape),
    )


@kernel(fastmath=True)
def add_cells(
    one: NDArray[np.complex64],
    two: NDArray[np.complex64],
    lit: NDArray[np.bool_],
    whole: Floats,
    first: Floats,
    second: Floats,
    cell: NDArray[np.int32],
    left_out: NDArray[np.bool_],
    sums: Floats,
) -> None:
    """Add bins of windows to their cells: how many, their power and that of the difference.

    Parameters
    ----------
    one, two : array (windows, rows, columns)
    lit : array of bool (windows,)
        Those that are added.
    whole : array (windows,)
        Scale of the power of the sum.
    first, second : array (windows,)
        The difference is ``first · F₁ − second · F₂``.
    cell : array of int (rows, columns)
        -1 for bins that are not added.
    left_out : array of bool (windows, rows, columns)
    sums : array (3, cells)
        Added to.
    """
    for i in range(len(one)):
        if not lit[i]:
            continue
        scale, a, b = np.float32(whole[i]), np.float32(first[i]), np.float32(second[i])
        for y in range(one.shape[1]):
            for x in range(one.shape[2]):
                c = cell[y, x]
                if c < 0 or left_out[i, y, x]:
                    continue
                f, g = one[i, y, x], two[i, y, x]
                re, im = f.real + g.real, f.imag + g.imag
                sums[0, c] += 1.0
                sums[1, c] += (re * re + im * im) * scale
                re, im = a * f.real - b * g.real, a * f.imag - b * g.imag
                sums[2, c] += re * re + im * im
