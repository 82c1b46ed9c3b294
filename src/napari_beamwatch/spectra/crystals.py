"""Spots of one reflection across windows, and reflections of one crystal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.spectra.finding import Peaks
from napari_beamwatch.spectra.windows import Grid

LINK = 0.7
"""Bins by which a reflection may move from one window to the next."""

SAME = 0.4
"""Bins within which reflections anywhere in the field are one: a crystal is what has one lattice
and orientation, wherever it is."""

SPREAD = 0.35
"""Standard deviation over its windows, in bins, up to which a reflection is tracked at one
common frequency; beyond it every window has its own."""

SHARED_WINDOWS = 0.5
"""Part of the smaller one's windows that two reflections of a crystal share."""


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
    """

    of_peak: NDArray[np.int64]
    crystal: NDArray[np.int64]
    gy: NDArray[np.float64]
    gx: NDArray[np.float64]
    spread: NDArray[np.float64]

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
    windows: list[set[int]] = []
    seen = np.zeros((count, peaks.seen.shape[1]), bool)
    for r in range(count):
        mine = of_peak == r
        windows.append(set(peaks.window[mine].tolist()))
        seen[r] = peaks.seen[mine].any(axis=0)
    together = []
    for a in range(count):
        # With its best partner only: a few windows at a border lie in two crystals.
        partners = [
            (len(windows[a] & windows[b]) / len(windows[a] | windows[b]), b)
            for b in range(count)
            if b != a
            and len(windows[a] & windows[b]) >= SHARED_WINDOWS * len(windows[a])
            # A phase that comes when another has gone is another crystal in the same place.
            and (seen[a] & seen[b]).any()
        ]
        if partners:
            together.append((a, max(partners)[1]))
    return Reflections(of_peak, _components(count, together), gy, gx, spread)


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
    columns = grid.shape[1]
    by_window: dict[int, list[int]] = {}
    for i, window in enumerate(peaks.window.tolist()):
        by_window.setdefault(window, []).append(i)
    reach = LINK / grid.window
    links = []
    for window, mine in by_window.items():
        row, column = divmod(window, columns)
        for down, right in ((0, 1), (1, -1), (1, 0), (1, 1)):
            if not 0 <= column + right < columns:
                continue
            for j in by_window.get((row + down) * columns + column + right, ()):
                for i in mine:
                    same = np.hypot(peaks.gy[i] - peaks.gy[j], peaks.gx[i] - peaks.gx[j])
                    mate = np.hypot(peaks.gy[i] + peaks.gy[j], peaks.gx[i] + peaks.gx[j])
                    if min(same, mate) < reach:
                        links.append((i, j))
    return links


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
