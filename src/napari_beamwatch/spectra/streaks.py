"""Streaks along an axis of a spectrum, which an edge or seam draws."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.spectra.artefact import SAME, Artefact, Floats, Mask, PeakTable
from napari_beamwatch.spectra.windows import Grid

STREAK = 5
"""Peaks of one window along an axis that make a streak, if they are not orders of one spacing."""

ABOVE_STREAK = 5.0
"""Times the streak around it that a spot on it must be."""


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
