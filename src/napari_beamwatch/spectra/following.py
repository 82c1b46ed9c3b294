"""Spots found on a grid of windows and followed over the frames: everything known of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.movies.frames import Frame, FrameSource
from napari_beamwatch.regions import Region
from napari_beamwatch.spectra.artefacts import (
    READOUT,
    Artefact,
    PeakTable,
    distinct,
    find_artefacts,
    streaks,
)
from napari_beamwatch.spectra.block_transform import offset_error
from napari_beamwatch.spectra.crystals import Reflections, join
from napari_beamwatch.spectra.defects import DefectFinder, Defects, FrameCounts
from napari_beamwatch.spectra.drift import Drift, DriftEstimator
from napari_beamwatch.spectra.finding import Peaks, Search, Segment, segment_peaks, tied
from napari_beamwatch.spectra.region_traces import RegionTrace, overlap_factors, region_trace
from napari_beamwatch.spectra.runners import Runner, Tick
from napari_beamwatch.spectra.streaming import (
    Shifts,
    level_of,
    mended,
    segment_edges,
    sums_of_frames,
)
from napari_beamwatch.spectra.tracking import Measured, SpotMeasure, Tracker, WindowTraces
from napari_beamwatch.spectra.walking import Paths, paths_of
from napari_beamwatch.spectra.windows import EDGE, Floats32, Grid, coarsening, windows_inside

Floats = NDArray[np.float64]


STEPS = 16
"""Steps in which a window follows the specimen by its own size."""

STRAIN, MERGED = 0.05, 0.03
"""Part of its |g| by which no lattice strains, and part of the power of all spots that seems to: of
LiF that became Li2O in its own orientation 0.33 to 0.97 did in windows of 22 Å, of lattices that
turned, strained or became others at an angle 0."""

SAMPLED_FRAMES = 16
"""Frames that tell what a detector counts wrongly, where they are read for nothing else."""


@dataclass(frozen=True, eq=False)
class Stack:
    """Frames as they are analysed.

    Attributes
    ----------
    frames : FrameSource
    pixel_size : float or None
        In Å.
    lit : array of bool (frames,)
        Those with beam.
    single_counts : bool
        Their noise is that of single electrons.
    shifts : array of int64 (frames, 2)
        By how much windows follow the specimen, in pixels.
    residual : array of float64 (frames, 2)
        What that leaves of the drift.
    """

    frames: FrameSource
    pixel_size: float | None
    lit: NDArray[np.bool_]
    single_counts: bool
    shifts: Shifts
    residual: Floats

    def window_shifts(self, window: int) -> Shifts:
        """By how much windows of that many pixels follow."""
        return window_shifts(self.shifts + self.residual, window)

    @property
    def exposed(self) -> list[int]:
        """Numbers of the frames with beam."""
        return [int(t) for t in np.flatnonzero(self.lit)]


def window_shifts(moved: Floats, window: int) -> Shifts:
    """By how much windows follow a specimen that moved so far: in steps of a part of them.

    What a crystal moves within a window changes little in its power; a window that leaves the
    detector for the sake of a pixel is lost.

    Parameters
    ----------
    moved : array of float64 (…, 2)
        In pixels.
    window : int
        Their side in pixels.
    """
    step = max(1, window // STEPS)
    return np.asarray(np.rint(moved / step) * step, np.int64)


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
            stack.shifts[frames] / self.by,
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
class FrameReduction:
    """Reduces a frame to what its drift and the detector's defects are told from."""

    frames: FrameSource
    reduce: Callable[[Frame], NDArray[np.complex64] | None] | None

    def __call__(self, frame: int) -> tuple[NDArray[np.complex64] | None, FrameCounts]:
        """Of frame number `frame`, which is read."""
        image = self.frames.read(frame)
        return None if self.reduce is None else self.reduce(image), FrameCounts.of(image)


Reduce = Callable[[int, Frame, tuple[int, int]], Any]
"""Of a frame's number, its image and the displacement of the specimen; changes nothing, and can
be sent to another process."""


class Witness(Protocol):
    """Something beside the spots that is measured in every frame."""

    @property
    def reduce(self) -> Reduce:
        """Reduces a frame to what is kept of it."""
        ...

    def add(self, frame: int, reduced: Any) -> None:
        """Take what a frame was reduced to; frames come in order of time."""
        ...


@dataclass(frozen=True, eq=False)
class FrameMeasure:
    """Measures the spots of a frame, and what else is to be known of it."""

    stack: Stack
    spots: SpotMeasure
    window_shifts: Shifts
    others: tuple[Reduce, ...]

    def __call__(self, frame: int) -> tuple[Measured, list[Any]]:
        """Of frame number `frame`, which is read."""
        image = mended(self.stack.frames.read(frame))
        dy, dx = self.window_shifts[frame].tolist()
        measured = self.spots(frame, image, (dy, dx), level_of(image))
        dy, dx = self.stack.shifts[frame].tolist()
        shift = (dy, dx)
        return measured, [reduce(frame, image, shift) for reduce in self.others]


def measure_drift(
    frames: FrameSource, lit: NDArray[np.bool_], runner: Runner, tick: Tick
) -> tuple[Drift, Defects]:
    """The drift of the specimen and what the detector counts wrongly, from all lit frames."""
    estimator = DriftEstimator((frames.shape[1], frames.shape[2]))
    finder = DefectFinder((frames.shape[1], frames.shape[2]), segment_edges(lit))
    reduction = FrameReduction(frames, estimator.reduce)
    for t, (reduced, counts) in runner.frames(reduction, np.flatnonzero(lit).tolist()):
        estimator.add_reduced(t, reduced)
        finder.add(t, counts)
        tick(1)
    return estimator.solve(len(lit), lambda: tick(0)), finder.found()


def look_for_defects(frames: FrameSource, lit: NDArray[np.bool_], runner: Runner) -> Defects:
    """What the detector counts wrongly, from some frames: where no drift is looked for."""
    finder = DefectFinder((frames.shape[1], frames.shape[2]), segment_edges(lit))
    exposed = np.flatnonzero(lit)
    places = np.linspace(0, len(exposed) - 1, min(len(exposed), SAMPLED_FRAMES))
    chosen = exposed[np.unique(places.round().astype(np.int64))].tolist()
    for t, (_, counts) in runner.frames(FrameReduction(frames, None), chosen):
        finder.add(t, counts)
    return finder.found()


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
    def merged(self) -> bool:
        """Whether windows took spots of two lattices for one that walks from here to there."""
        snr = self.peaks.snr
        far = self.paths.stretched > STRAIN
        return bool(snr[far].sum() > MERGED * snr.sum())

    def owned(self, region: Region | None) -> NDArray[np.bool_]:
        """Spots whose windows a region owns; all of them for the field or its own window."""
        if region is None or len(self.grid) == 1:
            return np.ones(len(self.peaks), bool)
        corners = self.grid.corners + np.array(self.origin)
        return region.holds(corners, self.grid.window)[self.peaks.window]

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
        length = np.array([last - first for first, last in self.segments], float)
        excess = np.maximum(self.peaks.floor - 1, 0) / length[self.peaks.segment]
        return np.asarray(1 + frames * excess, np.float64)


@dataclass(frozen=True, eq=False)
class Signal:
    """Mean signal, in counts or grey values per pixel.

    Attributes
    ----------
    field : array of float64 (frames,)
        Mean of all windows on the detector.
    windows : array of int64 (frames,)
        How many these are.
    frames : array of int64 (all windows,)
        In how many each was on the detector.
    of_spots : array of float32 (frames, spots)
        That of the window of each spot; NaN where it is not on the detector.
    """

    field: Floats
    windows: NDArray[np.int64]
    frames: NDArray[np.int64]
    of_spots: NDArray[np.float32]

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Windows that were on the detector in half of the frames and more."""
        return np.asarray(2 * self.frames >= max(1, self.frames.max(initial=0)), np.bool_)

    def beside(self, spots: NDArray[np.int64]) -> Floats:
        """That of the windows of some spots, one a window, over that of all other windows."""
        own = np.where(np.isfinite(self.of_spots[:, spots]), self.of_spots[:, spots], 0.0)
        count = np.isfinite(self.of_spots[:, spots]).sum(axis=1)
        others = self.windows - count
        total = own.sum(axis=1, dtype=np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            rest = (self.field * self.windows - total) / others
            ratio = total / count / rest
        return np.where((others > 0) & (count > 0) & (rest > 0), ratio, np.nan)


@dataclass(frozen=True, eq=False)
class FollowedSpots:
    """Spots and their traces.

    Attributes
    ----------
    spots : Spots
    traces : WindowTraces
    signal : Signal
    """

    spots: Spots
    traces: WindowTraces
    signal: Signal

    def region(self, region: Region | None) -> list[FollowedReflection]:
        """Each reflection over its windows in a region, or in the whole field."""
        return [self._over(r, mine) for r, mine in self.spots.of_reflections(region)]

    def within(
        self,
        followed: Sequence[FollowedReflection],
        windows: NDArray[np.bool_],
        frames: NDArray[np.int64] | None = None,
    ) -> list[FollowedReflection]:
        """Reflections over some of the windows they were followed in.

        Parameters
        ----------
        followed : sequence of FollowedReflection
        windows : array of bool (windows,)
        frames : array of int64 (frames, windows), optional
            The frame of each window that stands in each row; −1 for none.
        """
        parts = [(one.number, one.spots[windows[self.spots.peaks.window[one.spots]]])
                 for one in followed]  # fmt: skip
        return [self._over(number, mine, frames) for number, mine in parts if mine.size]

    def _over(
        self, number: int, mine: NDArray[np.int64], frames: NDArray[np.int64] | None = None
    ) -> FollowedReflection:
        spots = self.spots
        trace = region_trace(
            self.traces,
            mine,
            spots.peaks.window[mine],
            float(spots.gy[mine].mean()),
            float(spots.gx[mine].mean()),
            spots.grid,
            None if frames is None else frames[:, spots.peaks.window[mine]],
        )
        return FollowedReflection(number, mine, trace)


@dataclass(frozen=True, eq=False)
class FollowedReflection:
    """One reflection in one region.

    Attributes
    ----------
    number : int
        Of the reflection.
    spots : array of int64
        Its spots there.
    trace : RegionTrace
    """

    number: int
    spots: NDArray[np.int64]
    trace: RegionTrace

    def mean_frequency(self, of: Spots) -> tuple[float, float, float]:
        """Frequency over the frames in which it is seen, (gy, gx), and its standard error."""
        mine, trace, peaks = self.spots, self.trace, of.peaks
        weight = np.where(np.isfinite(trace.g_se), 1 / trace.g_se**2, 0.0)
        if not weight.any():
            snr = float(peaks.snr[mine].sum())
            shared = overlap_factors(of.grid, peaks.window[mine], odd=True)[0]
            se = offset_error(of.grid) * np.sqrt(shared / snr) / of.grid.window
            share = peaks.snr[mine] / snr
            return float(share @ of.gy[mine]), float(share @ of.gx[mine]), float(se)
        gy = float((weight * np.nan_to_num(trace.gy)).sum() / weight.sum())
        gx = float((weight * np.nan_to_num(trace.gx)).sum() / weight.sum())
        # Neighbouring values share frames: as many are independent as fit side by side.
        return gy, gx, float(np.sqrt(trace.averaged / weight.sum()))


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


def follow(
    spots: Spots,
    stack: Stack,
    runner: Runner,
    running_sum: int,
    tell: Callable[[Callable[[], FollowedSpots]], None],
    witnesses: Sequence[Witness] = (),
) -> FollowedSpots:
    """Measure the spots in every frame.

    Parameters
    ----------
    spots : Spots
    stack : Stack
    runner : Runner
    running_sum : int
        Frames that are added up around each.
    tell : callable
        Told after each frame, with what gives the traces up to it; may raise to stop.
    witnesses : sequence of Witness
        Shown every frame, too.
    """
    measure = SpotMeasure(spots.grid, spots.peaks.window, spots.paths)
    _ = measure.transforms  # before several threads ask for them
    tracker = Tracker(measure)
    shifts = stack.window_shifts(spots.grid.window)
    residual = stack.shifts + stack.residual - shifts
    floor = spots.frame_floor(stack.single_counts, running_sum)

    def so_far() -> FollowedSpots:
        traces = tracker.traces(floor, running_sum, residual)
        signal = Signal(tracker.field_mean, tracker.windows, tracker.frames, tracker.means)
        return FollowedSpots(spots, traces, signal)

    work = FrameMeasure(stack, measure, shifts, tuple(witness.reduce for witness in witnesses))
    for frame, (measured, others) in runner.frames(work, stack.exposed):
        tracker.add(frame, measured)
        for witness, reduced in zip(witnesses, others, strict=True):
            witness.add(frame, reduced)
        tell(so_far)
    return so_far()
