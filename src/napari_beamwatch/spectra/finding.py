"""Finding lattice spots: in which windows, at which frequency, at a stated false-alarm rate.

A movie is looked at in several segments of time, so that spots which appear late are found as
well as those which go early. In each segment the frames are added up (coherently: the drift is
taken out), every window is transformed once, and a bin is a spot where its power over the floor
passes ``T = ln(M / α)``, with M the number of all bins of all windows in all segments: the chance
of one or more false spots in the whole movie is then α at most, and little less (the taper ties
neighbouring bins together). The mean over all windows is looked at as one window more, for what
they share and none of them shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from napari_beamwatch.spectra.block_transform import derivative_noise
from napari_beamwatch.spectra.floor import (
    CUT,
    WHITE_SIGMAS,
    HalfPlane,
    band_means,
    common_floor,
    half_plane,
    misfits,
    significance,
)
from napari_beamwatch.spectra.peaks import (
    FWHM,
    WIDEST,
    chains,
    peaks_of_windows,
    side_lobes,
    taper_tiles,
)
from napari_beamwatch.spectra.runners import Tick, ahead
from napari_beamwatch.spectra.shared import InCommon
from napari_beamwatch.spectra.windows import Floats32, Grid

Floats = NDArray[np.float64]

BATCH = 16
"""Windows that are transformed at a time."""

SAMPLED_WINDOWS = 48
"""Windows whose spectra make the common floor; spread evenly over the field."""

SNAP = 1.5
"""Bins within which a spot is the one a user points at."""

WALK = 1.0
"""Bins by which a spot may walk from one segment to the next; one that jumps is a new one."""


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
    width : array of float64
        Full width at half maximum there beyond that of the taper, in cycles per window.
    g_se : array of float64
        Standard error there of gy and of gx, in cycles per pixel.
    seen : array of bool (peaks, segments)
        In which segments it passes the threshold.
    at : array of float64 (peaks, segments, 2)
        Where it is then, (gy, gx); NaN where it is not seen.
    power : array of float64 (peaks, segments)
        Its signal-to-noise ratio then; 0 where it is not seen.
    spread : array of float64 (peaks, segments)
        Its variance along an axis then beyond that of the taper, in squared cycles per window;
        NaN where it is not seen.
    shared : array of bool (peaks,)
        Whether its window never shows it: it is seen in what windows have in common.
    """

    window: NDArray[np.int64]
    gy: NDArray[np.float64]
    gx: NDArray[np.float64]
    snr: NDArray[np.float64]
    floor: NDArray[np.float64]
    segment: NDArray[np.int64]
    width: NDArray[np.float64]
    g_se: NDArray[np.float64]
    seen: NDArray[np.bool_]
    at: NDArray[np.float64]
    power: NDArray[np.float64]
    spread: NDArray[np.float64]
    shared: NDArray[np.bool_]

    def taken(self, which: NDArray[np.int64] | NDArray[np.bool_]) -> Peaks:
        """Some of them, in the order given."""
        return Peaks(**{field.name: getattr(self, field.name)[which] for field in fields(self)})

    def __len__(self) -> int:
        return len(self.window)


@dataclass(frozen=True)
class Search:
    """What is looked for.

    Attributes
    ----------
    alpha : float
        Chance of one or more false spots in all.
    added : tuple of (gy, gx)
        Frequencies, in cycles per pixel, at which the user expects a spot: with so few bins to
        look at, less is enough there. They have an `alpha` of their own.
    removed : tuple of (gy, gx)
        Frequencies at which the user wants none.
    """

    alpha: float
    added: tuple[tuple[float, float], ...] = ()
    removed: tuple[tuple[float, float], ...] = ()

    def limits(self, grid: Grid, segments: int, by: int = 1) -> Floats32:
        """Power over the floor, of each bin, from which it is a spot.

        Parameters
        ----------
        grid : Grid
        segments : int
        by : int
            Pixels a side that are added up before.
        """
        window = grid.window
        grid = grid.coarser(by)
        plane = half_plane(grid.window)
        limits = np.full(plane.radius.shape, threshold(grid, segments, self.alpha), np.float32)
        kx = np.arange(plane.radius.shape[1]) / window
        near = np.zeros(plane.radius.shape, bool)
        for gy, gx in self.added:
            near |= _distances(plane.ky[:, None] / window, kx, gy, gx) < SNAP / window
        near &= plane.used
        if near.any():
            limits[near] = np.log(len(grid) * segments * near.sum() / self.alpha)
        return limits

    def kept(self, peaks: Peaks, grid: Grid) -> Peaks:
        """Peaks without those that are not wanted."""
        unwanted = np.zeros(len(peaks), bool)
        for gy, gx in self.removed:
            away = _distances(peaks.at[..., 0], peaks.at[..., 1], gy, gx)
            unwanted |= (away < SNAP / grid.window).any(axis=1)
        return peaks.taken(~unwanted)


def _distances(gy: Floats, gx: Floats, to_y: float, to_x: float) -> Floats:
    """Distances from a frequency, or from its Friedel mate if that is nearer."""
    away = np.hypot(gy - to_y, gx - to_x)
    mate = np.hypot(gy + to_y, gx + to_x)
    return np.asarray(np.minimum(away, mate), np.float64)


def threshold(grid: Grid, segments: int, alpha: float) -> float:
    """Power over the floor that noise alone passes anywhere with probability `alpha`.

    What several windows have in common is looked at, too.
    """
    looks = len(grid) + (len(grid) > 1)
    return float(np.log(looks * half_plane(grid.window).bins * segments / alpha))


def find_peaks(segments: Sequence[Segment], grid: Grid, search: Search) -> Peaks:
    """Peaks of all windows in all segments, those of one spot tied together."""
    limits = search.limits(grid, len(segments))
    return search.kept(
        tied([segment_peaks(segment, grid, limits) for segment in segments], grid), grid
    )


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


def segment_floor(segment: Segment, grid: Grid) -> tuple[Floats32, NDArray[np.bool_]]:
    """Floor common to the windows of a segment, and where it is known."""
    windows = segment.windows(grid)
    plane = half_plane(grid.window)
    white = np.ones_like(plane.radius), np.ones(plane.radius.shape, bool)
    if not len(windows):
        return white
    places = np.linspace(0, len(windows) - 1, min(len(windows), SAMPLED_WINDOWS))
    chosen = windows[np.unique(places.round().astype(np.int64))]
    batches = np.array_split(np.unique(chosen), -(-len(chosen) // BATCH))
    parts = ahead(lambda batch: window_powers(segment.image, grid, batch), batches)
    powers = np.concatenate([part for _, part in parts])
    powers = powers[powers.any(axis=(1, 2))]
    if not len(powers):
        return white
    floor = common_floor(powers, plane)
    if segment.single_counts:
        # Independent numbers behind the profile, for how far it may be from that of counts.
        means = np.array([band_means(p, plane.band_edges, CUT) for p in powers])
        if significance(means.mean(axis=0), plane, grid.correlation / len(powers)) < WHITE_SIGMAS:
            return white
        floor = np.maximum(floor, np.float32(1.0))
    factor = misfits(powers, floor, plane)
    return floor * factor, factor == 1


def segment_peaks(
    segment: Segment, grid: Grid, limits: Floats32, tick: Tick = lambda _: None
) -> NDArray[np.float64]:
    """Peaks of all windows of a segment.

    Rows are (window, gy, gx, power over floor, floor, spread, error of gy and of gx, shared),
    frequencies in cycles per pixel, the spread in squared cycles per window; the last is 1 for what
    the window has in common with others and does not show by itself.
    """
    plane = half_plane(grid.window)
    floor, known = segment_floor(segment, grid)
    limits = np.where(known, limits, np.float32(np.inf))
    white = bool((floor == 1).all())
    windows = segment.windows(grid)
    if not len(windows):
        return np.empty((0, 8))
    rows, lines, common = [], [], np.zeros(limits.shape)
    for _, (found, line, cut) in ahead(
        lambda batch: _batch_peaks(segment, batch, grid, plane, floor, white, limits),
        np.array_split(windows, max(1, len(windows) // BATCH)),
    ):
        rows.append(found)
        lines.append(line)
        common += cut
        tick(0)
    own = np.concatenate(rows)
    in_common = InCommon(grid, windows, common / len(windows), floor, np.concatenate(lines), limits)
    return np.concatenate([own, in_common.peaks(segment.image, own)])


def _batch_peaks(
    segment: Segment,
    windows: NDArray[np.int64],
    grid: Grid,
    plane: HalfPlane,
    floor: Floats32,
    white: bool,
    limits: Floats32,
) -> tuple[NDArray[np.float64], NDArray[np.float64], Floats32]:
    """`segment_peaks` of some windows; level and slope of each, and what they have in common."""
    fields, means = window_fields(segment.image, grid, windows)
    found, lines, common = peaks_of_windows(
        fields,
        means * grid.weight_power,
        floor,
        plane.used,
        plane.radius,
        plane.band_edges,
        plane.line_fit(grid.correlation),
        WHITE_SIGMAS**2 if white else 0.0,
        limits,
        grid.between,
    )
    size = grid.window
    iy, ix = found[:, 1].astype(np.int64), found[:, 2].astype(np.int64)
    rows = np.column_stack(
        [
            windows[found[:, 0].astype(np.int64)],
            (plane.ky[iy] + found[:, 3]) / size,
            (ix + found[:, 4]) / size,
            found[:, 5],
            found[:, 6],
            found[:, 7],
            found[:, 8] * derivative_noise(grid) / size,
            np.zeros(len(found)),
        ]
    )
    return rows, lines, common


def tied(segment_rows: Sequence[NDArray[np.float64]], grid: Grid) -> Peaks:
    """Peaks of different segments that are one spot as one, the highest speaking for all.

    Parameters
    ----------
    segment_rows : sequence of array
        `segment_peaks` of each segment.
    """
    count = len(segment_rows)
    rows = np.concatenate(
        [
            np.insert(found, 5, np.full(len(found), float(i)), axis=1)
            for i, found in enumerate(segment_rows)
        ]
        or [np.empty((0, 9))]
    )
    rows = np.ascontiguousarray(rows[np.lexsort((-rows[:, 3], rows[:, 5], rows[:, 0]))])
    rows = rows[~side_lobes(rows, grid.window)]
    spot = chains(rows, WALK / grid.window)
    spots = int(spot.max(initial=-1)) + 1
    segment = rows[:, 5].astype(np.int64)
    power = np.zeros((spots, count))
    power[spot, segment] = rows[:, 3] - 1
    at = np.full((spots, count, 2), np.nan)
    at[spot, segment] = rows[:, 1:3]
    spread = np.full((spots, count), np.nan)
    spread[spot, segment] = rows[:, 6]
    shown = np.zeros(spots, bool)
    np.logical_or.at(shown, spot, rows[:, 8] == 0)
    order = np.lexsort((-rows[:, 3], spot))
    best = rows[order[np.unique(spot[order], return_index=True)[1]]]
    return Peaks(
        window=best[:, 0].astype(np.int64),
        gy=best[:, 1],
        gx=best[:, 2],
        snr=best[:, 3] - 1,
        floor=best[:, 4],
        segment=best[:, 5].astype(np.int64),
        width=FWHM * np.sqrt(np.clip(best[:, 6], 0.0, WIDEST)),
        g_se=best[:, 7],
        seen=power > 0,
        at=at,
        power=power,
        spread=spread,
        shared=~shown,
    )
