"""What stands out in a spectrum and is no lattice: edges, the detector's own pattern, bad pixels.

An edge inside a window draws a streak along an axis. The pattern of a detector stands still while
the specimen drifts: then it is stronger in the sum of the frames as they lie on the detector than
in the sum that follows the specimen, and a lattice is the other way round. Without a drift that
tells, only what nothing but readout makes is rejected: a frequency on an axis and of a whole
fraction of the readout's period, nearly everywhere, of one contrast and one phase throughout, in
windows too that show nothing else. A crystal along an axis has spots beside it, or on the other
axis. So are frequencies of whole eighths along both axes, if there are several: video is coded in
blocks of eight pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.spectra.artefact import BLOCK, SAME, Artefact, Floats, Mask, PeakTable
from napari_beamwatch.spectra.block_transform import BlockTransform
from napari_beamwatch.spectra.streaks import streaks
from napari_beamwatch.spectra.windows import Floats32, Grid

ON_AXIS = 0.3
"""Bins from an axis up to which a frequency, averaged over its windows, is on it."""

TELLING = 0.3
"""Part of the power of a lattice that a sum without drift correction keeps, from which down the
drift tells a lattice from what stands still."""

CLEAR = 12.0
"""Power over the floor in the mean of its windows from which a pattern is there."""

READOUT = 64
"""Pixels: columns and rows are read out in groups of this many, or of a whole fraction of it."""

FRACTION = 0.15
"""Bins by which a frequency may miss a whole fraction of the readout."""

FEWEST_OF_BLOCKS = 3
"""Frequencies that tell the blocks of a codec: one of a lattice is as near to whole eighths by a
chance of 1e-4."""

NEARLY_ALL = 0.8
FEWEST_QUIET = 4
QUIET_PART = 0.1
COHERENT = 0.9
UNEVEN = 0.25
"""Standard deviation of the contrast over the windows, relative, that a detector stays below."""


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
        suspects, found = [], []
        frequencies = [(mine, _mean_frequency(left, mine)) for mine in _frequencies(left, grid)]
        for (mine, g), blocks in zip(frequencies, _of_blocks(frequencies, grid), strict=True):
            if blocks:
                found.append((mine, Artefact("blocks", *g, len(np.unique(left.window[mine])))))
            elif _drift_tells(moved, g) or _like_readout(left, mine, g, grid, windows, readout):
                suspects.append((mine, g))
        if suspects:
            used = np.unique(np.concatenate([mine for mine, _ in suspects]))
            seen = [_Coefficients.of(left, used, grid, image) for image in (still, followed)]
        for mine, g in suspects:
            if _drift_tells(moved, g):
                told = _fixed(left, mine, g, *seen)
            else:
                told = _lines(left, mine, g, grid, seen[0], windows, readout)
            if told is not None:
                found.append((mine, told))
        for mine, artefact in found:
            artefacts.append((float(left.snr[mine].sum()), artefact))
            rejected[rest[mine]] = True
    artefacts.sort(key=lambda pair: -pair[0])
    return Rejected(rejected, streaked, tuple(artefact for _, artefact in artefacts))


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


def _of_blocks(
    frequencies: Sequence[tuple[NDArray[np.int64], tuple[float, float]]], grid: Grid
) -> list[bool]:
    """Which frequencies are of the blocks of a codec; none, if too few are."""
    eighths = BLOCK * np.array([g for _, g in frequencies])
    off = np.abs(eighths - np.rint(eighths)).max(axis=1) / BLOCK * grid.window
    if (off < FRACTION).sum() < FEWEST_OF_BLOCKS:
        return [False] * len(off)
    near: list[bool] = (off < SAME).tolist()
    return near


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
