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

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

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
    """

    kind: Kind
    gy: float
    gx: float
    windows: int

    @property
    def note(self) -> str:
        """What it is, in words."""
        if self.kind == "streak":
            line, lies = ("gx", "upright") if np.isnan(self.gx) else ("gy", "level")
            return (
                f"a streak along {line} in {self.windows} windows: an edge or seam that lies {lies}"
            )
        d = 1 / np.hypot(self.gy, self.gx)
        if self.kind == "fixed pattern":
            return f"d = {d:.4g} px stands still on the detector while the specimen drifts"
        name = "columns" if abs(self.gx) > abs(self.gy) else "rows"
        return f"{name} of the detector every {d:.4g} px, in nearly all windows alike"

    def finer(self, by: int) -> Artefact:
        """The same in pixels of which `by` make up one of those it was told in."""
        return replace(self, gy=self.gy / by, gx=self.gx / by)


@dataclass(frozen=True, eq=False)
class Rejected:
    """Which peaks are artefacts.

    Attributes
    ----------
    peaks : array of bool
    streaked : array of bool
        Those of them that a streak was told from.
    artefacts : tuple of Artefact
        The strongest first.
    """

    peaks: Mask
    streaked: Mask
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
    shifts: NDArray[np.integer] | Floats,
    searched: NDArray[np.int64] | None = None,
    readout: int = READOUT,
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
    readout : int
        Pixels in which the detector's readout repeats.
    """
    windows = np.arange(len(grid)) if searched is None else searched
    streaked, artefacts = streaks(table, grid)
    rejected = streaked.copy()
    rest = np.flatnonzero(~rejected)
    if len(rest):
        rest = rest[np.argsort(table.window[rest], kind="stable")]
        left = PeakTable(table.window[rest], table.gy[rest], table.gx[rest], table.snr[rest])
        moved = np.asarray(shifts, float)
        suspects = []
        for mine in _frequencies(left, grid):
            g = _mean_frequency(left, mine)
            if _drift_tells(moved, g) or _like_readout(left, mine, g, grid, windows, readout):
                suspects.append((mine, g))
        if suspects:
            used = np.unique(np.concatenate([mine for mine, _ in suspects]))
            seen = [_Coefficients.of(left, used, grid, image) for image in (still, followed)]
        for mine, g in suspects:
            if _drift_tells(moved, g):
                found = _fixed(left, mine, g, *seen)
            else:
                found = _lines(left, mine, g, grid, seen[0], windows, readout)
            if found is not None:
                artefacts.append((float(left.snr[mine].sum()), found))
                rejected[rest[mine]] = True
    artefacts.sort(key=lambda pair: -pair[0])
    return Rejected(rejected, streaked, tuple(artefact for _, artefact in artefacts))


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
            if len(mine) < STREAK or _orders(frequency[mine]):
                continue
            drawn = mine[~_above(table.snr[mine])]
            rejected[drawn] = True
            hit += 1
            weight += float(table.snr[drawn].sum())
        more = _further_along(table, grid, along_x, on, rejected)
        rejected[more] = True
        hit += len(np.unique(table.window[more]))
        if hit:
            gy, gx = (0.0, np.nan) if along_x else (np.nan, 0.0)
            artefacts.append((weight, Artefact("streak", gy, gx, hit)))
    return rejected, artefacts


def _further_along(
    table: PeakTable, grid: Grid, along_x: bool, on: NDArray[np.int64], rejected: Mask
) -> NDArray[np.int64]:
    """Peaks on an axis that an edge draws which goes on through windows in line.

    In each it may be too faint for a streak. There a lattice is what recurs from window to
    window, or stands well above the others.
    """
    corner = grid.corners[table.window, 1 if along_x else 0]
    frequency = np.abs(table.gx if along_x else table.gy) * grid.window
    more = []
    for line in np.unique(corner[on]):
        here = on[corner[on] == line]
        k = frequency[here]
        windows = len(np.unique(table.window[here]))
        alike = np.abs(k[:, None] - k) < SAME
        alone = np.array([2 * len(np.unique(table.window[here[row]])) <= windows for row in alike])
        # A spot on a streak was left in a window where the streak was told.
        streaked = np.isin(table.window[here], table.window[here[rejected[here]]])
        alone &= ~streaked
        if not rejected[here].any() and (_distinct(k[alone]) < STREAK or _orders(k[alone])):
            continue
        usual = np.median(table.snr[here[alone | rejected[here]]])
        more += here[alone & (table.snr[here] < ABOVE_STREAK * usual)].tolist()
    return np.array(more, np.int64)


def _orders(k: Floats) -> bool:
    """Whether frequencies, in bins, are all orders of the lowest."""
    lowest = k.min()
    return bool((np.abs(k / lowest - np.rint(k / lowest)) * lowest < 1).all())


def _distinct(k: Floats) -> int:
    """How many of some frequencies, in bins, are told apart."""
    count, last = 0, -np.inf
    for one in np.sort(k):
        if one - last >= 1:
            count, last = count + 1, one
    return count


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
    """Coefficients of peaks in an image; zero for those that were not asked for.

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
    def of(
        cls, table: PeakTable, used: NDArray[np.int64], grid: Grid, image: Floats32
    ) -> _Coefficients:
        transform = BlockTransform(grid, table.window[used], table.gy[used], table.gx[used])
        moments, means = transform(image)
        field = np.zeros(len(table.window), np.complex64)
        field[used] = moments[:, 0]
        mean = np.maximum(means[table.window], 1e-12)
        power = np.abs(field.astype(np.complex128)) ** 2 / (mean * grid.weight_power) - 1
        return cls(field, mean, power)


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


def _mean_frequency(table: PeakTable, mine: NDArray[np.int64]) -> tuple[float, float]:
    lead = mine[0]
    sign = np.where(table.gy[mine] * table.gy[lead] + table.gx[mine] * table.gx[lead] < 0, -1, 1)
    weight = table.snr[mine] / table.snr[mine].sum()
    return float(weight @ (sign * table.gy[mine])), float(weight @ (sign * table.gx[mine]))


def _drift_tells(shifts: Floats, g: tuple[float, float]) -> bool:
    """Whether the specimen moved so far that what stands still is weaker where it is followed."""
    turns = np.exp(2j * np.pi * (shifts @ np.array(g)))
    return bool(abs(turns.mean()) ** 2 < TELLING)


def _fixed(
    table: PeakTable,
    mine: NDArray[np.int64],
    g: tuple[float, float],
    still: _Coefficients,
    followed: _Coefficients,
) -> Artefact | None:
    """What stands still on the detector while the specimen moves, or None."""
    there, moved = float(still.power[mine].mean()), float(followed.power[mine].mean())
    if there < CLEAR or there < moved:
        return None
    return Artefact("fixed pattern", *g, len(np.unique(table.window[mine])))


def _like_readout(
    table: PeakTable,
    mine: NDArray[np.int64],
    g: tuple[float, float],
    grid: Grid,
    windows: NDArray[np.int64],
    readout: int,
) -> bool:
    """Whether a frequency is on an axis, repeats with the readout and is nearly everywhere."""
    along, across = (g[1], g[0]) if abs(g[1]) > abs(g[0]) else (g[0], g[1])
    if abs(across) * grid.window > ON_AXIS or not _whole(np.array([along]), grid, readout)[0]:
        return False
    return len(np.unique(table.window[mine])) >= NEARLY_ALL * len(windows)


def _lines(
    table: PeakTable,
    mine: NDArray[np.int64],
    g: tuple[float, float],
    grid: Grid,
    still: _Coefficients,
    windows: NDArray[np.int64],
    readout: int,
) -> Artefact | None:
    """The readout's rows or columns that a frequency is, or None."""
    along_x = abs(g[1]) > abs(g[0])
    along = g[1] if along_x else g[0]
    where = np.unique(table.window[mine])
    # Other rows or columns of the readout may be there too, but not of the same spacing.
    other = table.gy if along_x else table.gx
    of_readout = table.on_axis(grid, not along_x) & _whole(other, grid, readout)
    of_readout &= np.abs(np.abs(other) - abs(along)) * grid.window > 1
    beside = table.window[~(table.on_axis(grid, along_x) | of_readout)]
    quiet = np.setdiff1d(windows, beside)
    if len(quiet) < max(FEWEST_QUIET, QUIET_PART * len(windows)):
        return None
    if np.isin(quiet, where).mean() < NEARLY_ALL:
        return None
    # From the corner of the detector, by the frequency that the readout has.
    exact = np.rint(along * readout) / readout
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
    return Artefact("lines", g[0], g[1], len(where))


def _whole(frequency: Floats, grid: Grid, readout: int) -> Mask:
    """Frequencies that repeat with the readout."""
    times = frequency * readout
    return np.asarray(np.abs(times - np.rint(times)) / readout * grid.window < FRACTION, np.bool_)


def distinct(artefacts: Sequence[Artefact], grid: Grid) -> tuple[Artefact, ...]:
    """Artefacts of several stretches of time, each once."""
    kept: list[Artefact] = []
    for one in sorted(artefacts, key=lambda one: -one.windows):
        alike = (
            other
            for other in kept
            if other.kind == one.kind
            and np.nan_to_num(np.hypot(other.gy - one.gy, other.gx - one.gx)) * grid.window < 1
            and np.isnan(other.gx) == np.isnan(one.gx)
        )
        if next(alike, None) is None:
            kept.append(one)
    return tuple(kept)
