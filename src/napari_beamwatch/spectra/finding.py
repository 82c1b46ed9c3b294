"""Finding lattice spots: in which windows, at which frequency, at a stated false-alarm rate.

A movie is looked at in several segments of time, so that spots which appear late are found as
well as those which go early. In each segment the frames are added up (coherently: the drift is
taken out), every window is transformed once, and a bin is a spot where its power over the floor
passes ``T = ln(M / α)``, with M the number of all bins of all windows in all segments: the chance
of one or more false spots in the whole movie is then α at most, and little less (the taper ties
neighbouring bins together).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from napari_beamwatch.spectra.floor import (
    CUT,
    WHITE_SIGMAS,
    HalfPlane,
    band_means,
    common_floor,
    significance,
)
from napari_beamwatch.spectra.peaks import peaks_of_windows, taper_tiles
from napari_beamwatch.spectra.windows import Floats32, Grid
from napari_beamwatch.threads import shared_pool

SAMPLED_WINDOWS = 48
"""Windows whose spectra make the common floor; spread evenly over the field."""

MAIN_LOBE = 2.0
"""Bins within which two peaks of a window cannot be told apart under a Hann taper."""

SIDE_LOBES = 4.0
"""Bins around a peak in which one with less than a tenth of its power belongs to it: the edge of
a crystal inside a window spreads its spots."""

SAME_SPOT = 1.0
"""Bins within which peaks of different segments are one spot."""


@dataclass(frozen=True, eq=False)
class Segment:
    """Frames added up over a stretch of time.

    Attributes
    ----------
    first, last : int
        Frames ``first:last``.
    image : array of float32
        Their sum.
    single_counts : bool
        Noise is that of single electrons: the floor is known where nothing else is seen.
    whole : array of bool, optional
        For each window, whether it was wholly on the detector in every frame of the segment;
        others are not looked at, since the border would draw lines through them.
    """

    first: int
    last: int
    image: Floats32
    single_counts: bool
    whole: NDArray[np.bool_] | None = None

    def windows(self, grid: Grid) -> NDArray[np.int64]:
        """Windows that are looked at."""
        return np.arange(len(grid)) if self.whole is None else np.flatnonzero(self.whole)


@dataclass(frozen=True, eq=False)
class Peaks:
    """Peaks above the threshold, one row each.

    Attributes
    ----------
    window : array of int64
    gy, gx : array of float64
        Cycles per pixel, in the half plane gx ≥ 0.
    snr : array of float64
        Power over the floor, less one, in the segment where it is highest.
    floor : array of float64
        The floor there, over that of single counts.
    segment : array of int64
        That segment.
    seen : array of bool (peaks, segments)
        In which segments it passes the threshold.
    threshold : float
        T.
    """

    window: NDArray[np.int64]
    gy: NDArray[np.float64]
    gx: NDArray[np.float64]
    snr: NDArray[np.float64]
    floor: NDArray[np.float64]
    segment: NDArray[np.int64]
    seen: NDArray[np.bool_]
    threshold: float

    def __len__(self) -> int:
        return len(self.window)


def threshold(grid: Grid, segments: int, alpha: float) -> float:
    """Power over the floor that noise alone passes anywhere with probability `alpha`."""
    return float(np.log(len(grid) * HalfPlane(grid.window).bins * segments / alpha))


def find_peaks(segments: Sequence[Segment], grid: Grid, alpha: float) -> Peaks:
    """Peaks of all windows in all segments, merged over the segments.

    Parameters
    ----------
    segments : sequence of Segment
    grid : Grid
    alpha : float
        Chance of one or more false peaks in all.
    """
    limit = threshold(grid, len(segments), alpha)
    rows = [_segment_peaks(segment, i, grid, limit) for i, segment in enumerate(segments)]
    return _merged(np.concatenate(rows), grid, len(segments), limit)


def window_fields(
    image: Floats32, grid: Grid, windows: NDArray[np.int64]
) -> tuple[NDArray[np.complex64], NDArray[np.float64]]:
    """Transforms of some windows less their means, and the means, 0 for empty windows."""
    tiles = np.empty((len(windows), grid.window, grid.window), np.float32)
    means = np.zeros(len(windows))
    taper_tiles(image, grid.corners[windows], grid.weights, grid.weight_sum, tiles, means)
    return scipy.fft.rfft2(tiles, axes=(1, 2), overwrite_x=True), means


def window_powers(image: Floats32, grid: Grid, windows: NDArray[np.int64]) -> Floats32:
    """Spectra of some windows over the power of single counts with the window's mean.

    Empty windows, which have no mean, have no power either.
    """
    fields, means = window_fields(image, grid, windows)
    scale = np.zeros(len(means))
    scale[means > 0] = 1 / (means[means > 0] * grid.weight_power)
    powers = fields.real**2 + fields.imag**2
    return np.asarray(powers * scale[:, None, None], np.float32)


def segment_floor(segment: Segment, grid: Grid) -> Floats32:
    """Floor common to the windows of a segment."""
    windows = segment.windows(grid)
    plane = HalfPlane(grid.window)
    if not len(windows):
        return np.ones_like(plane.radius)
    places = np.linspace(0, len(windows) - 1, min(len(windows), SAMPLED_WINDOWS))
    chosen = windows[np.unique(places.round().astype(np.int64))]
    powers = window_powers(segment.image, grid, chosen)
    powers = powers[powers.any(axis=(1, 2))]
    if not len(powers):
        return np.ones_like(plane.radius)
    floor = common_floor(powers, plane)
    if segment.single_counts:
        # Independent numbers behind the profile, for how far it may be from that of counts.
        means = np.array([band_means(p, plane.band, CUT) for p in powers])
        if significance(means.mean(axis=0), plane, grid.correlation / len(powers)) < WHITE_SIGMAS:
            return np.ones_like(plane.radius)
        floor = np.maximum(floor, np.float32(1.0))
    return floor


def _segment_peaks(segment: Segment, index: int, grid: Grid, limit: float) -> NDArray[np.float64]:
    """Rows (window, gy, gx, power over floor, floor, segment)."""
    plane = HalfPlane(grid.window)
    floor = segment_floor(segment, grid)
    white = bool((floor == 1).all())
    windows = segment.windows(grid)
    batches = np.array_split(windows, max(1, len(windows) // 16)) if len(windows) else []
    pool = shared_pool()
    found = pool.map(
        lambda batch: _batch_peaks(segment, batch, grid, plane, floor, white, limit), batches
    )
    rows = np.concatenate([*found, np.empty((0, 5))])
    return np.column_stack([rows, np.full(len(rows), index)])


def _batch_peaks(
    segment: Segment,
    windows: NDArray[np.int64],
    grid: Grid,
    plane: HalfPlane,
    floor: Floats32,
    white: bool,
    limit: float,
) -> NDArray[np.float64]:
    """Rows (window, gy, gx, power over floor, floor) of some windows."""
    fields, means = window_fields(segment.image, grid, windows)
    found = peaks_of_windows(
        fields,
        means * grid.weight_power,
        floor,
        plane.band,
        plane.used,
        plane.radius,
        plane.line_fit(grid.correlation),
        WHITE_SIGMAS**2 if white else 0.0,
        limit,
    )
    size = grid.window
    iy, ix = found[:, 1].astype(np.int64), found[:, 2].astype(np.int64)
    return np.column_stack(
        [
            windows[found[:, 0].astype(np.int64)],
            (plane.ky[iy] + found[:, 3]) / size,
            (ix + found[:, 4]) / size,
            found[:, 5],
            found[:, 6],
        ]
    )


def _merged(rows: NDArray[np.float64], grid: Grid, segments: int, limit: float) -> Peaks:
    """Peaks of different segments at one place as one, the highest speaking for all."""
    order = np.lexsort((-rows[:, 3], rows[:, 0]))
    rows = rows[order]
    kept: list[NDArray[np.float64]] = []
    seen: list[NDArray[np.bool_]] = []
    reach = SAME_SPOT / grid.window
    start = 0
    for row in rows:
        if not kept or kept[-1][0] != row[0]:
            start = len(kept)
        for j in range(start, len(kept)):
            same = np.hypot(kept[j][1] - row[1], kept[j][2] - row[2])
            mate = np.hypot(kept[j][1] + row[1], kept[j][2] + row[2])
            if min(same, mate) < reach:
                seen[j][int(row[5])] = True
                break
        else:
            kept.append(row)
            seen.append(np.arange(segments) == int(row[5]))
    table = np.array(kept).reshape(-1, 6)
    own = ~_side_lobes(table, grid)
    table, seen = table[own], [flags for flags, is_own in zip(seen, own, strict=True) if is_own]
    return Peaks(
        window=table[:, 0].astype(np.int64),
        gy=table[:, 1],
        gx=table[:, 2],
        snr=table[:, 3] - 1,
        floor=table[:, 4],
        segment=table[:, 5].astype(np.int64),
        seen=np.array(seen, bool).reshape(-1, segments),
        threshold=limit,
    )


def _side_lobes(table: NDArray[np.float64], grid: Grid) -> NDArray[np.bool_]:
    """Rows that belong to a stronger peak nearby in the same window."""
    lobes = np.zeros(len(table), bool)
    edges = np.flatnonzero(np.diff(table[:, 0], prepend=-1, append=-1))
    for start, stop in pairwise(edges):
        part = table[start:stop]
        for sign in (1.0, -1.0):  # a Friedel mate has side lobes too
            away = np.hypot(
                part[:, None, 1] - sign * part[None, :, 1],
                part[:, None, 2] - sign * part[None, :, 2],
            )
            ratio = part[:, None, 3] / part[None, :, 3]
            near = (away < SIDE_LOBES / grid.window) & (ratio < 0.1)
            near |= (away < MAIN_LOBE / grid.window) & (ratio < 1)
            lobes[start:stop] |= near.any(axis=1)
    return lobes
