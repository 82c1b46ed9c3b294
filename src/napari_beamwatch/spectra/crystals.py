"""Spots of one reflection across windows, and reflections of one crystal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.compiling import kernel
from napari_beamwatch.spectra.finding import Peaks
from napari_beamwatch.spectra.grains import (
    Footprints,
    best_partners,
    fragments,
    sums_and_differences,
)
from napari_beamwatch.spectra.peaks import distance
from napari_beamwatch.spectra.windows import Grid

LINK = 0.7
"""Bins by which a reflection may move from one window to the next."""

SAME = 0.4
"""Bins within which reflections anywhere in the field are one: a crystal is what has one lattice
and orientation, wherever it is."""

HIGHEST_ORDER = 4
"""Of the harmonics that are told; more do not fit between LOWEST_BIN and Nyquist's limit."""


@dataclass(frozen=True, eq=False)
class Reflections:
    """Which reflection and crystal each peak belongs to.

    Attributes
    ----------
    of_peak : array of int64
        Reflection of each peak.
    crystal : array of int64
        Crystal of each reflection.
    gy, gx : array of float64
        Frequency of each reflection, in cycles per pixel; weighted by SNR.
    spread : array of float64
        Standard deviation of its peaks about that, in bins.
    order : array of int64
        1, or n for the n-th harmonic of another reflection of the same crystal.
    """

    of_peak: NDArray[np.int64]
    crystal: NDArray[np.int64]
    gy: NDArray[np.float64]
    gx: NDArray[np.float64]
    spread: NDArray[np.float64]
    order: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.crystal)


def join(peaks: Peaks, grid: Grid) -> Reflections:
    """Join peaks of neighbouring windows into reflections, and those into crystals."""
    patches = _components(len(peaks), _linked_peaks(peaks, grid))
    patch_gy, patch_gx, _ = _mean_frequencies(peaks, patches, grid)
    merged = _components(len(patch_gy), _equal_patches(patch_gy, patch_gx, grid))
    of_peak = merged[patches] if len(patches) else patches
    gy, gx, spread = _mean_frequencies(peaks, of_peak, grid)
    count = len(gy)
    power = np.zeros((count, len(grid)))
    np.maximum.at(power, (of_peak, peaks.window), peaks.snr)
    seen = np.zeros((count, peaks.seen.shape[1]), bool)
    np.logical_or.at(seen, of_peak, peaks.seen)
    windows = np.maximum(np.bincount(of_peak, minlength=count), 1)
    everywhere = 2 * np.bincount(of_peak, peaks.shared, count) > windows
    footprints = Footprints(np.stack([gy, gx], axis=1) * grid.window, power, seen, everywhere)
    together = best_partners(footprints) + sums_and_differences(footprints)
    order = np.ones(count, np.int64)
    for first, n, higher in _harmonics(gy, gx, grid):
        if ((power[first] > 0) & (power[higher] > 0)).any():
            order[higher] = n
            together.append((first, higher))
    together += fragments(footprints, _components(count, together))
    return Reflections(of_peak, _components(count, together), gy, gx, spread, order)


def _harmonics(
    gy: NDArray[np.float64], gx: NDArray[np.float64], grid: Grid
) -> list[tuple[int, int, int]]:
    """Triples (reflection, n, reflection at n times its frequency), the lowest n of each."""
    found = []
    for higher in range(len(gy)):
        for n in range(2, HIGHEST_ORDER + 1):
            away = np.hypot(n * gy - gy[higher], n * gx - gx[higher])
            mate = np.hypot(n * gy + gy[higher], n * gx + gx[higher])
            near = np.flatnonzero(np.minimum(away, mate) < n * SAME / grid.window)
            if near.size:
                found.append((int(near[0]), n, higher))
                break
    return found


def _mean_frequencies(
    peaks: Peaks, label: NDArray[np.int64], grid: Grid
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mean frequency of the peaks of each label, weighted by SNR, and their spread in bins."""
    count = int(label.max()) + 1 if len(label) else 0
    gy, gx, spread = np.zeros(count), np.zeros(count), np.zeros(count)
    for r in range(count):
        mine = np.flatnonzero(label == r)
        g = _on_one_side(peaks.gy[mine], peaks.gx[mine], peaks.snr[mine])
        weight = peaks.snr[mine] / peaks.snr[mine].sum()
        mean = weight @ g
        gy[r], gx[r] = mean if mean[1] >= 0 else -mean
        spread[r] = np.sqrt((weight @ (g - mean) ** 2).sum()) * grid.window
    return gy, gx, spread


def _equal_patches(
    gy: NDArray[np.float64], gx: NDArray[np.float64], grid: Grid
) -> list[tuple[int, int]]:
    """Pairs of patches at one frequency."""
    same = np.hypot(gy[:, None] - gy, gx[:, None] - gx)
    mate = np.hypot(gy[:, None] + gy, gx[:, None] + gx)
    first, second = np.nonzero(np.triu(np.minimum(same, mate) < SAME / grid.window, 1))
    return list(zip(first.tolist(), second.tolist(), strict=True))


def _linked_peaks(peaks: Peaks, grid: Grid) -> list[tuple[int, int]]:
    """Pairs of peaks at about one frequency in overlapping or touching windows."""
    order = np.argsort(peaks.window, kind="stable")
    starts = np.searchsorted(peaks.window[order], np.arange(len(grid) + 1))
    links = _links(order, starts, peaks.at, peaks.gy, peaks.gx, grid.shape[1], LINK / grid.window)
    return [(int(a), int(b)) for a, b in links]


@kernel()
def _links(
    order: NDArray[np.int64],
    starts: NDArray[np.int64],
    at: NDArray[np.float64],
    gy: NDArray[np.float64],
    gx: NDArray[np.float64],
    columns: int,
    reach: float,
) -> list[tuple[int, int]]:
    """`_linked_peaks` with the peaks of window w at ``order[starts[w] : starts[w + 1]]``."""
    links = [(0, 0) for _ in range(0)]
    windows = len(starts) - 1
    for window in range(windows):
        row, column = window // columns, window % columns
        for down, right in ((0, 1), (1, -1), (1, 0), (1, 1)):
            other = (row + down) * columns + column + right
            if not 0 <= column + right < columns or other >= windows:
                continue
            for b in range(starts[other], starts[other + 1]):
                j = order[b]
                for a in range(starts[window], starts[window + 1]):
                    i = order[a]
                    if _apart(at[i], at[j], gy[i], gx[i], gy[j], gx[j]) < reach:
                        links.append((i, j))
    return links


@kernel()
def _apart(
    a: NDArray[np.float64], b: NDArray[np.float64], gy: float, gx: float, hy: float, hx: float
) -> float:
    """Least distance of two peaks in a segment that shows both, else of where they are best seen.

    A spot that walks is elsewhere later: only the same time compares.
    """
    least = np.inf
    for s in range(len(a)):
        if not (np.isnan(a[s, 0]) or np.isnan(b[s, 0])):
            least = min(least, distance(a[s, 0], a[s, 1], b[s, 0], b[s, 1]))
    return least if least < np.inf else distance(gy, gx, hy, hx)


def _components(count: int, links: list[tuple[int, int]]) -> NDArray[np.int64]:
    """Label of each of `count` things that are tied by links; labels in order of appearance."""
    parent = list(range(count))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for a, b in links:
        a, b = root(a), root(b)
        parent[max(a, b)] = min(a, b)
    _, labels = np.unique([root(i) for i in range(count)], return_inverse=True)
    return np.asarray(labels, np.int64).reshape(-1)


def _on_one_side(
    gy: NDArray[np.float64], gx: NDArray[np.float64], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Frequencies with the Friedel mate taken where that is nearer to the strongest."""
    g = np.stack([gy, gx], axis=1)
    strongest = g[np.argmax(weight)]
    sign = np.where(g @ strongest < 0, -1.0, 1.0)
    return g * sign[:, None]
