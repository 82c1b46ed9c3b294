"""`analyze`: the one road from a movie to spots and traces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_beamwatch import columns
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.regions import FIELD, SMALLEST, Region
from napari_beamwatch.settings import Settings
from napari_beamwatch.spectra.block_transform import offset_error
from napari_beamwatch.spectra.crystals import SPREAD, Reflections, join
from napari_beamwatch.spectra.drift import Drift
from napari_beamwatch.spectra.finding import Peaks, Segment, find_peaks
from napari_beamwatch.spectra.region_traces import RegionTrace, overlap_factors, region_trace
from napari_beamwatch.spectra.streaming import (
    FollowedFrames,
    add_segments,
    ahead,
    measure_drift,
    mended,
    segment_edges,
)
from napari_beamwatch.spectra.tracking import Tracker, WindowTraces
from napari_beamwatch.spectra.windows import Grid, default_grid
from napari_beamwatch.threads import one_blas_thread

Progress = Callable[[int, int], object]
"""Told the steps done and those in all; what it raises stops the analysis."""

FEWEST_FRAMES = 2


@dataclass(frozen=True, eq=False)
class Result:
    """What an analysis found.

    Attributes
    ----------
    movie : Movie
    settings : Settings
        With everything chosen that was left open.
    spots, traces, drift : DataFrame
        Columns as documented in `columns`.
    notes : tuple of str
        What was chosen and what is odd, a sentence each.
    """

    movie: Movie
    settings: Settings
    spots: pd.DataFrame
    traces: pd.DataFrame
    drift: pd.DataFrame
    notes: tuple[str, ...]


def analyze(
    movie: Movie,
    settings: Settings | None = None,
    regions: Sequence[Region] = (),
    progress: Progress | None = None,
) -> Result:
    """Find the lattice spots of a movie and follow them through its frames.

    Parameters
    ----------
    movie : Movie
    settings : Settings, optional
    regions : sequence of Region
        Reported beside the whole field.
    progress : callable, optional
        Called after every frame of every pass with the steps done and in all.

    Returns
    -------
    Result
    """
    settings = settings or Settings()
    height, width = movie.shape[1:]
    for region in regions:
        region.check_inside(height, width)
    names = [region.name for region in regions]
    if len({FIELD, *names}) <= len(names):
        raise BeamwatchError(f"regions need names of their own, none of them {FIELD!r}")
    if movie.lit.sum() < FEWEST_FRAMES:
        raise BeamwatchError(
            f"{movie.name} has {int(movie.lit.sum())} frames with beam; at least {FEWEST_FRAMES} "
            "are needed to see a change"
        )
    grid = default_grid(
        movie, in_pixels(settings.window, movie), in_pixels(settings.step, movie), settings.taper
    )
    run = _Run(movie, settings, grid, progress)
    field = run.field()
    tables = [field.rows(None)]
    traces = [field.traces(None)]
    for region in regions:
        owned = region.holds(grid.corners, grid.window)
        part = field if owned.any() else run.own_window(region)
        tables.append(part.rows(region))
        traces.append(part.traces(region))
    chosen = replace(settings, window=grid.window, step=grid.step)
    return Result(
        movie,
        chosen,
        pd.concat([*tables, field.window_rows()], ignore_index=True)[list(columns.SPOTS)],
        pd.concat(traces, ignore_index=True)[list(columns.TRACES)],
        run.drift_table(),
        (*movie.notes, grid_note(grid, movie), *run.notes()),
    )


def in_pixels(length: int | str | None, movie: Movie) -> int | None:
    """A window or step that may be given as a length ("3.2 nm", "40 Å"), in pixels."""
    if length is None or isinstance(length, int | np.integer):
        return None if length is None else int(length)
    number, _, unit = str(length).strip().partition(" ")
    scale = {"px": None, "nm": 10.0, "Å": 1.0, "A": 1.0, "": None}.get(unit, -1.0)
    try:
        value = float(number)
    except ValueError:
        scale = -1.0
        value = 0.0
    if scale == -1.0:
        raise BeamwatchError(f"{length!r} is no length: give pixels, or a number with nm or Å")
    if scale is None:
        return round(value)
    if movie.pixel_size is None:
        raise BeamwatchError(f"{length!r} needs a pixel size; give the window in pixels")
    pixels = value * scale / movie.pixel_size
    return 2 * round(pixels / 2)


def grid_note(grid: Grid, movie: Movie) -> str:
    """What the windows resolve, in a sentence."""
    rows, cols = grid.shape
    said = f"windows of {grid.window} px every {grid.step} px, {rows} by {cols} of them"
    if movie.pixel_size is not None:
        extent = grid.window * movie.pixel_size
        # Full width at half maximum of a Hann window's line, 2 bins, at d = 2 Å.
        said += f": {extent / 10:.3g} nm wide, two spacings near 2 Å are told apart "
        said += f"from {2 * 2.0 / extent:.1%} on"
    return said


class _Run:
    """What the passes over one movie share."""

    def __init__(
        self, movie: Movie, settings: Settings, grid: Grid, progress: Progress | None
    ) -> None:
        self.movie, self.settings, self.grid = movie, settings, grid
        self.lit = np.flatnonzero(movie.lit)
        self.progress = progress
        self.done = 0
        self.shifts = np.zeros((len(movie), 2), np.int64)
        self.drift: Drift | None = None

    def tick(self) -> None:
        self.done += 1
        if self.progress is not None:
            passes = 3 if self.settings.drift == "auto" else 2
            self.progress(self.done, passes * len(self.lit))

    def field(self) -> _Tracked:
        if self.settings.drift == "auto":
            self.drift = measure_drift(self.movie, self.tick)
            moved = np.stack([self.drift.dy_px, self.drift.dx_px], axis=1)
            self.shifts = np.rint(moved).astype(np.int64)
        edges = segment_edges(self.movie.lit)
        segments = add_segments(self.movie, self.grid, edges, self.shifts, self.tick)
        return self._tracked(segments, self.grid, (0, 0))

    def own_window(self, region: Region) -> _Tracked:
        """A region smaller than the grid's windows, in one window of its own."""
        y0, x0, y1, x1 = region.box
        size = min(y1 - y0, x1 - x0) // 2 * 2
        if size < SMALLEST:
            raise BeamwatchError(
                f"region {region.name!r} is {y1 - y0} by {x1 - x0} px; at least {SMALLEST} by "
                f"{SMALLEST} are needed to see a lattice"
            )
        top, left = y0 + (y1 - y0 - size) // 2, x0 + (x1 - x0 - size) // 2
        followed = FollowedFrames(self.movie.recording.frames, top, left, size, self.shifts)
        cropped = self.movie.crop(top, top + size, left, left + size)
        cropped = replace(cropped, recording=replace(cropped.recording, frames=followed))
        run = _Run(cropped, self.settings, Grid(size, size, size, size, self.grid.taper), None)
        edges = segment_edges(cropped.lit)
        segments = add_segments(cropped, run.grid, edges, run.shifts, lambda: None)
        return run._tracked(segments, run.grid, (top, left))

    def _tracked(
        self, segments: Sequence[Segment], grid: Grid, origin: tuple[int, int]
    ) -> _Tracked:
        peaks = find_peaks(segments, grid, self.settings.alpha)
        reflections = join(peaks, grid)
        order = np.argsort(peaks.window, kind="stable")
        peaks = _taken(peaks, order)
        reflections = replace(reflections, of_peak=reflections.of_peak[order])
        # Where a reflection is the same everywhere, its windows share one frequency: less noise,
        # and the transform does less.
        common = reflections.spread[reflections.of_peak] <= SPREAD
        gy = np.where(common, reflections.gy[reflections.of_peak], peaks.gy)
        gx = np.where(common, reflections.gx[reflections.of_peak], peaks.gx)
        floor = _frame_floor(peaks, segments)
        tracker = Tracker(grid, peaks.window, gy, gx, floor, len(self.movie))
        source = self.movie.recording.frames

        def follow(frame: int) -> None:
            dy, dx = self.shifts[frame].tolist()
            tracker.add(frame, mended(source.read(frame)), (dy, dx))

        if len(peaks):
            with one_blas_thread():
                for _ in ahead(follow, self.lit.tolist()):
                    self.tick()
        return _Tracked(self.movie, grid, origin, peaks, reflections, gy, gx, tracker.traces())

    def drift_table(self) -> pd.DataFrame:
        drift = self.drift
        values = {
            "frame": np.arange(len(self.movie)),
            "dy_px": np.nan if drift is None else drift.dy_px,
            "dx_px": np.nan if drift is None else drift.dx_px,
            "se_px": np.nan if drift is None else drift.se_px,
        }
        return pd.DataFrame(values, columns=list(columns.DRIFT))

    def notes(self) -> tuple[str, ...]:
        """What was found out on the way, in sentences."""
        if self.drift is None:
            return ("drift: not looked for, windows stay where they are",)
        if self.drift.reason:
            return (f"drift: {self.drift.reason}; windows stay where they are",)
        away = np.hypot(self.drift.dy_px, self.drift.dx_px)
        return (f"drift: the specimen moved by up to {away.max():.0f} px; windows follow it",)


def _frame_floor(peaks: Peaks, segments: Sequence[Segment]) -> NDArray[np.float64]:
    """Floor of each spot in one frame, over that of single counts.

    What the noise of a sum of n frames has above that of counts is the specimen's own (carbon)
    and grows n times with n; a frame has its n-th part. Where the counts are not single the
    floor is taken as it is.
    """
    length = np.array([segment.last - segment.first for segment in segments], float)
    single = np.array([segment.single_counts for segment in segments])
    excess = np.maximum(peaks.floor - 1, 0) / length[peaks.segment]
    return np.where(single[peaks.segment], 1 + excess, peaks.floor)


def _taken(peaks: Peaks, order: NDArray[np.int64]) -> Peaks:
    return replace(
        peaks,
        window=peaks.window[order],
        gy=peaks.gy[order],
        gx=peaks.gx[order],
        snr=peaks.snr[order],
        floor=peaks.floor[order],
        segment=peaks.segment[order],
        seen=peaks.seen[order],
    )


@dataclass(frozen=True, eq=False)
class _Tracked:
    """Spots followed on one grid, ready to be told as tables."""

    movie: Movie
    grid: Grid
    origin: tuple[int, int]
    peaks: Peaks
    reflections: Reflections
    gy: NDArray[np.float64]
    gx: NDArray[np.float64]
    window_traces: WindowTraces

    def owned(self, region: Region | None) -> NDArray[np.bool_]:
        """Spots whose windows a region owns."""
        if region is None or len(self.grid) == 1:
            return np.ones(len(self.peaks), bool)
        corners = self.grid.corners + np.array(self.origin)
        return region.holds(corners, self.grid.window)[self.peaks.window]

    def rows(self, region: Region | None) -> pd.DataFrame:
        """Rows of the table of spots for a region."""
        rows = []
        owned = self.owned(region)
        height, width = self.movie.shape[1:]
        y0, x0, y1, x1 = (0, 0, height, width) if region is None else region.box
        for r, mine, trace in self._reflections(owned):
            gy, gx, se = self._mean_frequency(mine, trace)
            rows.append(
                {
                    "region": FIELD if region is None else region.name,
                    "spot": r,
                    "crystal": int(self.reflections.crystal[r]),
                    "y_px": (y0 + y1) / 2,
                    "x_px": (x0 + x1) / 2,
                    "snr": float(self.peaks.snr[mine].sum())
                    / overlap_factors(self.grid, self.peaks.window[mine])[0],
                    **self._geometry(gy, gx, se),
                }
            )
        return self._table(rows, columns.SPOTS)

    def window_rows(self) -> pd.DataFrame:
        """Rows of the table of spots for every window."""
        rows = []
        half = self.grid.window / 2
        for i in range(len(self.peaks)):
            window = int(self.peaks.window[i])
            y, x = self.grid.corners[window] + half
            snr = float(self.peaks.snr[i])
            se = offset_error(self.grid) / np.sqrt(max(snr, 1e-9)) / self.grid.window
            rows.append(
                {
                    "window": window,
                    "spot": int(self.reflections.of_peak[i]),
                    "crystal": int(self.reflections.crystal[self.reflections.of_peak[i]]),
                    "y_px": y,
                    "x_px": x,
                    "snr": snr,
                    **self._geometry(float(self.peaks.gy[i]), float(self.peaks.gx[i]), se),
                }
            )
        return self._table(rows, columns.SPOTS)

    def traces(self, region: Region | None) -> pd.DataFrame:
        """Rows of the table of traces for a region."""
        parts = []
        frames = np.arange(len(self.movie))
        size = self.movie.pixel_size
        for r, _, trace in self._reflections(self.owned(region)):
            g = np.hypot(trace.gy, trace.gx)
            parts.append(
                pd.DataFrame(
                    {
                        "region": FIELD if region is None else region.name,
                        "spot": r,
                        "frame": frames,
                        "dose_e_per_A2": _or_empty(self.movie.dose, len(frames)),
                        "time_s": _or_empty(self.movie.times, len(frames)),
                        "intensity": trace.intensity,
                        "intensity_se": trace.intensity_se,
                        "snr": trace.snr,
                        "d_A": size / g if size is not None else np.nan,
                        "d_se_A": size * trace.g_se / g**2 if size is not None else np.nan,
                        "d_px": 1 / g,
                    }
                )
            )
        if not parts:
            return self._table([], columns.TRACES)
        return pd.concat(parts, ignore_index=True)

    def _reflections(
        self, owned: NDArray[np.bool_]
    ) -> list[tuple[int, NDArray[np.int64], RegionTrace]]:
        found = []
        for r in range(len(self.reflections)):
            mine = np.flatnonzero(owned & (self.reflections.of_peak == r))
            if mine.size:
                gy, gx = float(self.gy[mine].mean()), float(self.gx[mine].mean())
                found.append(
                    (
                        r,
                        mine,
                        region_trace(
                            self.window_traces, mine, self.peaks.window[mine], gy, gx, self.grid
                        ),
                    )
                )
        return found

    def _mean_frequency(
        self, mine: NDArray[np.int64], trace: RegionTrace
    ) -> tuple[float, float, float]:
        """Frequency of a reflection over the frames in which it is seen, and its error."""
        weight = np.where(np.isfinite(trace.g_se), 1 / trace.g_se**2, 0.0)
        if not weight.any():
            snr = float(self.peaks.snr[mine].sum())
            se = offset_error(self.grid) * np.sqrt(
                overlap_factors(self.grid, self.peaks.window[mine], odd=True)[0] / snr
            )
            share = self.peaks.snr[mine] / snr
            return (
                float(share @ self.peaks.gy[mine]),
                float(share @ self.peaks.gx[mine]),
                se / self.grid.window,
            )
        gy = float((weight * np.nan_to_num(trace.gy)).sum() / weight.sum())
        gx = float((weight * np.nan_to_num(trace.gx)).sum() / weight.sum())
        # Neighbouring values share frames: as many are independent as fit side by side.
        return gy, gx, float(np.sqrt(trace.averaged / weight.sum()))

    def _geometry(self, gy: float, gx: float, g_se: float) -> dict[str, float]:
        g = float(np.hypot(gy, gx))
        size = self.movie.pixel_size
        angle = float(np.degrees(np.arctan2(-gy, gx)))
        return {
            "gy_per_px": gy,
            "gx_per_px": gx,
            "d_px": 1 / g,
            "d_A": np.nan if size is None else size / g,
            "d_se_A": np.nan if size is None else size * g_se / g**2,
            "angle_deg": angle + 180 if angle <= -90 else angle - 180 if angle > 90 else angle,
        }

    def _table(self, rows: list[dict[str, object]], names: dict[str, str]) -> pd.DataFrame:
        table = pd.DataFrame(rows, columns=list(names))
        if "movie" in names:
            table["movie"] = self.movie.name
        return table


def _or_empty(values: NDArray[np.float64] | None, count: int) -> NDArray[np.float64]:
    return np.full(count, np.nan) if values is None else values
