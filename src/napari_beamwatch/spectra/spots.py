"""Spots of all windows, as the segments of time show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.regions import Region
from napari_beamwatch.spectra.artefact import Artefact, PeakTable, distinct
from napari_beamwatch.spectra.artefacts import READOUT, find_artefacts
from napari_beamwatch.spectra.crystals import Reflections, join
from napari_beamwatch.spectra.finding import Peaks, Search, Segment, segment_peaks, tied
from napari_beamwatch.spectra.runners import Runner, Tick
from napari_beamwatch.spectra.stack import Stack
from napari_beamwatch.spectra.streaks import streaks
from napari_beamwatch.spectra.streaming import segment_edges, sums_of_frames
from napari_beamwatch.spectra.walking import Paths, paths_of
from napari_beamwatch.spectra.windows import EDGE, Floats32, Grid, coarsening, windows_inside

Floats = NDArray[np.float64]

STRAIN, MERGED = 0.05, 0.03
"""Part of its |g| by which no lattice strains, and part of the power of all spots that seems to: of
LiF that became Li2O in its own orientation 0.33 to 0.97 did in windows of 22 Å, of lattices that
turned, strained or became others at an angle 0."""


@dataclass(frozen=True, eq=False)
class SegmentSearch:
    """Looks for spots in the frames of a segment.

    Attributes
    ----------
    stack : Stack
    grid : Grid
    by : int
        Pixels a side that are added up before.
    limits : array of float32
        Of `Search`, for those.
    """

    stack: Stack
    grid: Grid
    by: int
    limits: Floats32

    def __call__(
        self, edges: tuple[int, int], tick: Tick
    ) -> tuple[NDArray[np.float64], tuple[Artefact, ...]]:
        """Peaks in frames ``first:last``, and what looks like some but is no lattice."""
        first, last = edges
        stack, grid = self.stack, self.grid
        frames = [t for t in range(first, last) if stack.lit[t]]
        image, still = sums_of_frames(stack.frames, frames, stack.shifts, tick, self.by)
        whole = np.ones(len(grid), bool)
        for t in frames:
            shift = (int(stack.shifts[t, 0]), int(stack.shifts[t, 1]))
            whole &= windows_inside(grid, shift, grid.window // EDGE)
        segment = Segment(first, last, image, stack.single_counts, whole)
        coarse = grid.coarser(self.by)
        rows = segment_peaks(segment, coarse, self.limits, tick)
        rejected = find_artefacts(
            PeakTable(rows[:, 0].astype(np.int64), rows[:, 1], rows[:, 2], rows[:, 3] - 1),
            coarse,
            still,
            image,
            # Frames are added by whole pixels: of half a period they seem to leap where they creep.
            (stack.shifts + stack.residual)[frames] / self.by,
            segment.windows(grid),
            READOUT // self.by,
        )
        tick(0)
        # Streaks are told once more, with the peaks of all segments.
        rows = rows[~rejected.peaks | rejected.streaked]
        rows[:, [1, 2, 6]] /= self.by
        others = (one for one in rejected.artefacts if one.kind != "streak")
        return rows, tuple(one.finer(self.by) for one in others)


@dataclass(frozen=True, eq=False)
class Spots:
    """Spots of a grid of windows.

    Attributes
    ----------
    grid : Grid
    origin : (y, x)
        Where its corner lies in the field.
    peaks : Peaks
        In ascending order of their windows.
    reflections : Reflections
    paths : Paths
        Where each is followed.
    segments : tuple of (first, last)
        Frames of the segments of time they were looked for in.
    artefacts : tuple of Artefact
        What is periodic but no lattice.
    """

    grid: Grid
    origin: tuple[int, int]
    peaks: Peaks
    reflections: Reflections
    paths: Paths
    segments: tuple[tuple[int, int], ...]
    artefacts: tuple[Artefact, ...]

    @property
    def gy(self) -> Floats:
        """Frequency of each spot along y, over its path, in cycles per pixel."""
        return np.asarray(self.paths.gy.mean(axis=0), np.float64)

    @property
    def gx(self) -> Floats:
        """Frequency of each spot along x, over its path, in cycles per pixel."""
        return np.asarray(self.paths.gx.mean(axis=0), np.float64)

    @property
    def lengths(self) -> Floats:
        """Frames of each segment."""
        return np.array([last - first for first, last in self.segments], float)

    @property
    def strongest(self) -> Floats:
        """Power of each spot in a frame, where it is strongest."""
        power = np.maximum(self.peaks.power, 0.0) / self.lengths
        return np.asarray(power.max(axis=1, initial=0.0), np.float64)

    def one_each(self, windows: NDArray[np.int64]) -> NDArray[np.int64]:
        """A spot of each of some windows that have any, in their order."""
        mine = np.flatnonzero(np.isin(self.peaks.window, windows))
        return mine[np.unique(self.peaks.window[mine], return_index=True)[1]]

    @property
    def first_seen(self) -> dict[int, int]:
        """Segment of time in which each reflection is seen first."""
        first = np.full(len(self.reflections), len(self.segments))
        np.minimum.at(first, self.reflections.of_peak, self.peaks.seen.argmax(axis=1))
        return dict(enumerate(first.tolist()))

    @property
    def merged(self) -> bool:
        """Whether windows took spots of two lattices for one that walks from here to there."""
        snr = self.peaks.snr
        far = self.paths.stretched > STRAIN
        return bool(snr[far].sum() > MERGED * snr.sum())

    @cached_property
    def corners(self) -> NDArray[np.int64]:
        """(y0, x0) of each window in the movie, where the specimen lies at first."""
        return np.asarray(self.grid.corners + np.array(self.origin), np.int64)

    def owned(self, region: Region | None) -> NDArray[np.bool_]:
        """Spots whose windows a region owns; all of them for the field or its own window."""
        if region is None or len(self.grid) == 1:
            return np.ones(len(self.peaks), bool)
        return region.holds(self.corners, self.grid.window)[self.peaks.window]

    def of_reflections(self, region: Region | None) -> list[tuple[int, NDArray[np.int64]]]:
        """Each reflection a region has, with its spots there."""
        owned = self.owned(region)
        found = []
        for r in range(len(self.reflections)):
            mine = np.flatnonzero(owned & (self.reflections.of_peak == r))
            if mine.size:
                found.append((r, mine))
        return found

    def frame_floor(self, single_counts: bool, frames: int = 1) -> Floats:
        """Floor of each spot in a sum of `frames` frames, over that of single counts.

        What the noise of a sum of n frames has above that of counts is the specimen's own
        (carbon) and grows n times with n; a frame has its n-th part. Where the counts are not
        single the floor is taken as it is.
        """
        if not single_counts:
            return self.peaks.floor
        excess = np.maximum(self.peaks.floor - 1, 0) / self.lengths[self.peaks.segment]
        return np.asarray(1 + frames * excess, np.float64)


def find_spots_of(
    stack: Stack,
    grid: Grid,
    origin: tuple[int, int],
    search: Search,
    runner: Runner,
    tick: Tick,
    edges: Sequence[tuple[int, int]] | None = None,
    looks: int | None = None,
) -> Spots:
    """Spots of all windows, over segments of time.

    Parameters
    ----------
    stack : Stack
    grid : Grid
    origin : (y, x)
        Where the grid's corner lies in the field.
    search : Search
    runner : Runner
    tick : callable
    edges : sequence of (first, last), optional
        Frames of the segments.
    looks : int, optional
        Segments that share the rate of false spots, those of other searches among them.
    """
    edges = segment_edges(stack.lit) if edges is None else edges
    by = coarsening(grid, stack.pixel_size)
    work = SegmentSearch(stack, grid, by, search.limits(grid, looks or len(edges), by))
    found = list(runner.segments(work, edges, tick))
    peaks = tied([rows for rows, _ in found], grid)
    # A faint streak shows a peak here and there at a time, and as a streak only in all of them.
    drawn, streaked = streaks(PeakTable(peaks.window, peaks.gy, peaks.gx, peaks.snr), grid)
    told = [one for _, some in found for one in some] + [one for _, one in streaked]
    artefacts = distinct(told, grid)
    patterns = tuple((one.gy, one.gx) for one in artefacts if one.kind != "streak")
    # What is the detector's in one segment is so in all.
    search = replace(search, removed=search.removed + patterns)
    peaks = search.kept(peaks.taken(~drawn), grid)
    reflections = join(peaks, grid)
    paths = paths_of(peaks, reflections, grid, edges, len(stack.lit))
    return Spots(grid, origin, peaks, reflections, paths, tuple(edges), artefacts)
