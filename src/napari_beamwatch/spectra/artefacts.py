"""What stands out in a spectrum and is no lattice: edges, the detector's own pattern, bad pixels.

An edge inside a window draws a streak along an axis. The pattern of a detector stands still while
the specimen drifts: then it is stronger in the sum of the frames as they lie on the detector than
in the sum that follows the specimen, and a lattice is the other way round. Without a drift that
tells, only what nothing but readout makes is rejected: a frequency on an axis and of a whole
fraction of the readout's period, nearly everywhere, of one contrast and one phase throughout, in
windows too that show nothing else. A crystal along an axis has spots beside it, or on the other
axis.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.special import gammainccinv

from napari_beamwatch.spectra.block_transform import BlockTransform
from napari_beamwatch.spectra.windows import Floats32, Grid

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Kind = Literal["streak", "lines", "fixed pattern"]

ON_AXIS = 0.3
"""Bins from an axis up to which a frequency, averaged over its windows, is on it."""

SAME = 0.6
"""Bins within which peaks of different windows are one frequency."""

STREAK = 5
"""Peaks of one window along an axis that make a streak, if they are not orders of one spacing."""

ABOVE_STREAK = 5.0
"""Times the streak around it that a spot on it must be."""

TELLING = 0.3
"""Part of the power of a lattice that a sum without drift correction keeps, from which down the
drift tells a lattice from what stands still."""

CLEAR = 12.0
"""Power over the floor in the mean of its windows from which a pattern is there."""

READOUT = 64
"""Pixels: columns and rows are read out in groups of this many, or of a whole fraction of it."""

FRACTION = 0.15
"""Bins by which a frequency may miss a whole fraction of the readout."""

NEARLY_ALL = 0.8
FEWEST_QUIET = 4
QUIET_PART = 0.1
COHERENT = 0.9
UNEVEN = 0.25
"""Standard deviation of the contrast over the windows, relative, that a detector stays below."""

BAD_ALPHA = 1e-3
"""Chance of one or more good pixels in a whole image being called bad."""

NEIGHBOURS = 15
"""Pixels a side of the neighbourhood that tells what a pixel should hold."""

BLOCK = 32
STRIKING = 3.5
"""Standard deviations of its block from which a pixel is looked at closely."""

LEFT_OUT = 8
"""Highest pixels of a neighbourhood that do not count, being bad themselves perhaps."""

TRIMMED = 1.4
"""Variance of a normal law over that without the largest 7 %."""

OUTLIER = 6.0
"""Standard deviations of what the specimen adds to the noise, above which its own fringes are
not, and below which no pixel is by chance."""

ALONE = 4
"""Bad pixels that may lie together; more is something on the specimen."""


@dataclass(frozen=True)
class Artefact:
    """Something in the spectra that is no lattice.

    Attributes
    ----------
    kind : {"streak", "lines", "fixed pattern"}
    gy, gx : float
        Cycles per pixel; NaN along a streak, 0 across it.
    windows : int
        In how many it is.
    note : str
        A sentence.
    """

    kind: Kind
    gy: float
    gx: float
    windows: int
    note: str


@dataclass(frozen=True, eq=False)
class Rejected:
    """Which peaks are artefacts.

    Attributes
    ----------
    peaks : array of bool
    artefacts : tuple of Artefact
        The strongest first.
    """

    peaks: Mask
    artefacts: tuple[Artefact, ...]


@dataclass(frozen=True, eq=False)
class PeakTable:
    """Peaks of windows, one row each.

    Attributes
    ----------
    window : array of int64
    gy, gx : array of float64
        Cycles per pixel.
    snr : array of float64
    """

    window: NDArray[np.int64]
    gy: Floats
    gx: Floats
    snr: Floats

    def on_axis(self, grid: Grid, along_x: bool) -> Mask:
        """Peaks that lie on an axis, within what one window tells."""
        across = self.gy if along_x else self.gx
        along = self.gx if along_x else self.gy
        near = np.abs(across) * grid.window < 0.75
        return np.asarray(near & (np.abs(along) > np.abs(across)), np.bool_)


def find_artefacts(
    table: PeakTable,
    grid: Grid,
    still: Floats32,
    followed: Floats32,
    shifts: NDArray[np.integer],
    searched: NDArray[np.int64] | None = None,
) -> Rejected:
    """Peaks that are no lattice.

    Parameters
    ----------
    table : PeakTable
    grid : Grid
    still, followed : array of float32
        Sum of the frames as they lie on the detector, and with the drift taken out.
    shifts : array (frame, 2)
        How far the specimen lies from its first place in each of these frames, in pixels.
    searched : array of int64, optional
        Windows that were looked at; all by default.
    """
    windows = np.arange(len(grid)) if searched is None else searched
    rejected, artefacts = streaks(table, grid)
    rest = np.flatnonzero(~rejected)
    if len(rest):
        rest = rest[np.argsort(table.window[rest], kind="stable")]
        left = PeakTable(table.window[rest], table.gy[rest], table.gx[rest], table.snr[rest])
        seen = _Coefficients.of(left, grid, still), _Coefficients.of(left, grid, followed)
        for mine in _frequencies(left, grid):
            found = _judged(left, mine, grid, seen, np.asarray(shifts, float), windows)
            if found is not None:
                artefacts.append((float(left.snr[mine].sum()), found))
                rejected[rest[mine]] = True
    artefacts.sort(key=lambda pair: -pair[0])
    return Rejected(rejected, tuple(artefact for _, artefact in artefacts))


def streaks(table: PeakTable, grid: Grid) -> tuple[Mask, list[tuple[float, Artefact]]]:
    """Peaks along an axis that an edge draws, and what they are, with their weight.

    Orders of one spacing are a lattice, and what stands well above the streak is a spot on it.
    """
    rejected = np.zeros(len(table.window), bool)
    artefacts: list[tuple[float, Artefact]] = []
    for along_x in (False, True):
        frequency = np.abs(table.gx if along_x else table.gy) * grid.window
        on = np.flatnonzero(table.on_axis(grid, along_x))
        hit = 0
        weight = 0.0
        for window in np.unique(table.window[on]):
            mine = on[table.window[on] == window]
            mine = mine[np.argsort(frequency[mine])]
            k = frequency[mine]
            orders = np.abs(k / k[0] - np.rint(k / k[0])) * k[0] < 1
            if len(mine) < STREAK or orders.all():
                continue
            drawn = mine[~_above(table.snr[mine])]
            rejected[drawn] = True
            hit += 1
            weight += float(table.snr[drawn].sum())
        if hit:
            line, lies = ("gx", "upright") if along_x else ("gy", "level")
            note = f"a streak along {line} in {hit} windows: an edge or seam that lies {lies}"
            gy, gx = (0.0, np.nan) if along_x else (np.nan, 0.0)
            artefacts.append((weight, Artefact("streak", gy, gx, hit, note)))
    return rejected, artefacts


def _above(snr: Floats) -> Mask:
    """Which of some peaks in a row stand well above the four nearest."""
    above = np.zeros(len(snr), bool)
    for i in range(len(snr)):
        start = min(max(0, i - 2), len(snr) - 5)
        others = np.delete(snr[start : start + 5], i - start)
        above[i] = snr[i] > ABOVE_STREAK * others.max()
    return above


@dataclass(frozen=True, eq=False)
class _Coefficients:
    """Coefficients of peaks in an image.

    Attributes
    ----------
    field : array of complex64
        From each window's corner.
    mean : array of float64
        Of the windows of the peaks.
    power : array of float64
        Over that of single counts, less 1.
    """

    field: NDArray[np.complex64]
    mean: Floats
    power: Floats

    @classmethod
    def of(cls, table: PeakTable, grid: Grid, image: Floats32) -> _Coefficients:
        transform = BlockTransform(grid, table.window, table.gy, table.gx)
        moments, means = transform(image)
        mean = np.maximum(means[table.window], 1e-12)
        power = np.abs(moments[:, 0].astype(np.complex128)) ** 2 / (mean * grid.weight_power) - 1
        return cls(moments[:, 0], mean, power)


def _frequencies(table: PeakTable, grid: Grid) -> list[NDArray[np.int64]]:
    """Peaks of one frequency together, the strongest leading."""
    left = np.argsort(-table.snr, kind="stable")
    groups = []
    while len(left):
        lead = left[0]
        same = np.hypot(table.gy[left] - table.gy[lead], table.gx[left] - table.gx[lead])
        mate = np.hypot(table.gy[left] + table.gy[lead], table.gx[left] + table.gx[lead])
        mine = np.minimum(same, mate) * grid.window < SAME
        groups.append(left[mine])
        left = left[~mine]
    return groups


def _judged(
    table: PeakTable,
    mine: NDArray[np.int64],
    grid: Grid,
    seen: tuple[_Coefficients, _Coefficients],
    shifts: Floats,
    windows: NDArray[np.int64],
) -> Artefact | None:
    """The artefact that a frequency is, or None."""
    still, followed = seen
    lead = mine[0]
    sign = np.where(table.gy[mine] * table.gy[lead] + table.gx[mine] * table.gx[lead] < 0, -1, 1)
    weight = table.snr[mine] / table.snr[mine].sum()
    gy, gx = float(weight @ (sign * table.gy[mine])), float(weight @ (sign * table.gx[mine]))
    count = len(np.unique(table.window[mine]))
    turns = np.exp(2j * np.pi * (shifts @ np.array([gy, gx])))
    if abs(turns.mean()) ** 2 < TELLING:
        there, moved = float(still.power[mine].mean()), float(followed.power[mine].mean())
        if there < CLEAR or there < moved:
            return None
        d = 1 / np.hypot(gy, gx)
        note = f"d = {d:.4g} px stands still on the detector while the specimen drifts"
        return Artefact("fixed pattern", gy, gx, count, note)
    return _lines(table, mine, (gy, gx), grid, still, windows)


def _lines(
    table: PeakTable,
    mine: NDArray[np.int64],
    g: tuple[float, float],
    grid: Grid,
    still: _Coefficients,
    windows: NDArray[np.int64],
) -> Artefact | None:
    """The readout's rows or columns that a frequency is, or None."""
    along_x = abs(g[1]) > abs(g[0])
    along, across = (g[1], g[0]) if along_x else (g[0], g[1])
    if abs(across) * grid.window > ON_AXIS or not _whole_fraction(np.array([along]), grid)[0]:
        return None
    where = np.unique(table.window[mine])
    if len(where) < NEARLY_ALL * len(windows):
        return None
    # Other rows or columns of the readout may be there too, but not of the same spacing.
    other = table.gy if along_x else table.gx
    readout = table.on_axis(grid, not along_x) & _whole_fraction(other, grid)
    readout &= np.abs(np.abs(other) - abs(along)) * grid.window > 1
    beside = table.window[~(table.on_axis(grid, along_x) | readout)]
    quiet = np.setdiff1d(windows, beside)
    if len(quiet) < max(FEWEST_QUIET, QUIET_PART * len(windows)):
        return None
    if np.isin(quiet, where).mean() < NEARLY_ALL:
        return None
    # From the corner of the detector, by the frequency that the readout has.
    exact = np.rint(along * READOUT) / READOUT
    corner = grid.corners[table.window[mine], 1 if along_x else 0]
    turn = np.exp(-2j * np.pi * exact * corner)
    mates = along * (table.gx if along_x else table.gy)[mine] < 0
    field = np.where(mates, still.field[mine].conj(), still.field[mine])
    amplitude = field * turn / (still.mean[mine] * grid.weight_sum)
    noise = (grid.weight_power / still.mean[mine] / grid.weight_sum**2 / 2).mean()
    size = np.abs(amplitude)
    uneven = np.sqrt(max(0.0, float(size.var() - noise))) / size.mean()
    if uneven > UNEVEN or abs(amplitude.sum()) < COHERENT * size.sum():
        return None
    name = "columns" if along_x else "rows"
    note = f"{name} of the detector every {1 / abs(along):.4g} px, in nearly all windows alike"
    return Artefact("lines", g[0], g[1], len(where), note)


def _whole_fraction(frequency: Floats, grid: Grid) -> Mask:
    """Frequencies that repeat with the readout."""
    times = frequency * READOUT
    return np.asarray(np.abs(times - np.rint(times)) / READOUT * grid.window < FRACTION, np.bool_)


def hot_pixels(image: Floats32, single_counts: bool) -> Mask:
    """Pixels that hold far more or far less than those around them.

    Parameters
    ----------
    image : array
        A sum of frames in which the specimen moved little, or as they lie on the detector.
    single_counts : bool
        Noise is that of single electrons; otherwise it is measured around each pixel.

    Returns
    -------
    array of bool
        In groups of a few at most; pixels that are no numbers are bad too.
    """
    values = np.ascontiguousarray(image, np.float32)
    ys, xs = np.nonzero(_striking(values))
    level, beside, spread, like = surroundings(values, ys, xs)
    away = values[ys, xs] - beside
    # Of the difference to the middle one of eight neighbours.
    own = 1.2 * level
    noise = own if single_counts else spread
    extra = np.sqrt(np.maximum(spread - noise, 0.0))
    brightest = _brightest(level, noise, BAD_ALPHA / values.size) + OUTLIER * extra
    darkest = -OUTLIER * np.sqrt(np.maximum(spread, own))
    bad: Mask = ~np.isfinite(image)
    bad[ys, xs] = ((level + away > brightest) | (away < darkest)) & (like < ALONE)
    return bad


def _striking(values: Floats32) -> Mask:
    """Pixels far from the mean of their block; the others need no closer look."""
    height, width = values.shape
    striking = np.zeros(values.shape, bool)
    for y in range(0, height, BLOCK):
        band = values[y : y + BLOCK]
        finite = np.isfinite(band)
        plain = np.where(finite, band, np.float32(0))
        edges = np.arange(0, width, BLOCK)
        count, sums, squares = (
            np.add.reduceat(part.sum(axis=0, dtype=np.float64), edges)
            for part in (finite, plain, plain**2)
        )
        count = np.maximum(count, 1)
        mean = sums / count
        spread = STRIKING * np.sqrt(np.maximum(squares / count - mean**2, 0.0))
        which = np.arange(width) // BLOCK
        striking[y : y + BLOCK] = finite & (np.abs(plain - mean[which]) > spread[which])
    return striking


@njit(nogil=True, cache=True)
def surroundings(
    values: Floats32, ys: NDArray[np.int64], xs: NDArray[np.int64]
) -> tuple[Floats, Floats, Floats, NDArray[np.int64]]:
    """What lies around some pixels, other outliers left out.

    Returns
    -------
    level : array
        Mean of the neighbourhood, without the pixel and the highest few.
    beside : array
        Middle one of the eight next to it.
    spread : array
        Mean square of how the others differ from the mean of the eight next to them, without
        the largest few, and made up for those as in a normal law.
    like : array of int64
        Pixels around it, within two, that differ from `beside` half as much as it does or more.
    """
    height, width = values.shape
    level, beside, spread = np.zeros(len(ys)), np.zeros(len(ys)), np.zeros(len(ys))
    like = np.zeros(len(ys), np.int64)
    reach = NEIGHBOURS // 2
    others, away, next_to = np.empty(NEIGHBOURS**2), np.empty(NEIGHBOURS**2), np.empty(8)
    for p in range(len(ys)):
        y, x = ys[p], xs[p]
        count = close = 0
        for i in range(max(0, y - reach), min(height, y + reach + 1)):
            for j in range(max(0, x - reach), min(width, x + reach + 1)):
                value = values[i, j]
                if (i == y and j == x) or not np.isfinite(value):
                    continue
                if abs(i - y) <= 1 and abs(j - x) <= 1:
                    next_to[close] = value
                    close += 1
                total, around = 0.0, 0
                for k in range(max(0, i - 1), min(height, i + 2)):
                    for n in range(max(0, j - 1), min(width, j + 2)):
                        if (k != i or n != j) and np.isfinite(values[k, n]):
                            total += values[k, n]
                            around += 1
                others[count] = value
                away[count] = (value - total / around) ** 2 if around else 0.0
                count += 1
        if close == 0 or count <= 2 * LEFT_OUT:
            beside[p] = values[y, x]  # nothing to hold it against
            continue
        level[p] = np.sort(others[:count])[: count - LEFT_OUT].mean()
        beside[p] = np.median(next_to[:close])
        excess = values[y, x] - beside[p]
        for i in range(max(0, y - 2), min(height, y + 3)):
            for j in range(max(0, x - 2), min(width, x + 3)):
                if (i != y or j != x) and (values[i, j] - beside[p]) * excess > excess**2 / 2:
                    like[p] += 1
        spread[p] = TRIMMED * np.sort(away[:count])[: count - 2 * LEFT_OUT].mean()
    return level, beside, spread, like


def _brightest(level: Floats, variance: Floats, odd: float) -> Floats:
    """What a pixel passes with a probability of `odd`, by a gamma law of that mean and variance.

    A little wider than a Poisson law; and counts are whole numbers.
    """
    scale = np.maximum(variance, 1e-9) / np.maximum(level, 1e-9)
    shape = np.maximum(level, 1e-9) / scale
    return np.asarray(gammainccinv(shape, odd) * scale + 1, np.float64)


def without_pixels(image: Floats32, bad: Mask) -> Floats32:
    """The image with bad pixels replaced by the mean of the good ones around them.

    Parameters
    ----------
    image : array of float32
    bad : array of bool
    """
    mended = np.array(image, np.float32)
    ys, xs = np.nonzero(bad)
    for y, x in zip(ys.tolist(), xs.tolist(), strict=True):
        for reach in range(1, max(image.shape)):
            part = np.s_[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
            good = ~bad[part]
            if good.any():
                mended[y, x] = image[part][good].mean()
                break
    return mended
