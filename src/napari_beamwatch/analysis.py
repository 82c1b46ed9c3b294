"""`analyze`: the one road from a movie to spots and traces."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from napari_beamwatch import columns
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.regions import FIELD, SMALLEST, Region
from napari_beamwatch.results.result import Result
from napari_beamwatch.results.tables import (
    drift_table,
    joined,
    region_spots,
    region_traces,
    window_spots,
)
from napari_beamwatch.settings import Settings
from napari_beamwatch.spectra.cluster import Cluster
from napari_beamwatch.spectra.drift import Drift
from napari_beamwatch.spectra.finding import Search
from napari_beamwatch.spectra.following import (
    FollowedSpots,
    Spots,
    Stack,
    find_spots_of,
    follow,
    measure_drift,
)
from napari_beamwatch.spectra.runners import Runner, Threads
from napari_beamwatch.spectra.streaming import FollowedFrames
from napari_beamwatch.spectra.windows import Grid, default_grid


@dataclass(frozen=True, eq=False)
class Step:
    """How far an analysis is.

    Attributes
    ----------
    done, total : int
        Frames looked at, and those in all: each comes in several passes.
    doing : str
        What is being done, in a word or two.
    partial : callable, optional
        Gives the table of traces of the field as far as it is known; empty values beyond.
    """

    done: int
    total: int
    doing: str
    partial: Callable[[], pd.DataFrame] | None = None


Progress = Callable[[Step], object]
"""Told of every frame and in between, several times a second; what it raises stops the analysis."""

OFTEN = 0.05
"""Seconds between calls while nothing is done that counts."""

FEWEST_FRAMES = 2


def analyze(
    movie: Movie,
    settings: Settings | None = None,
    regions: Sequence[Region] = (),
    progress: Progress | None = None,
    client: Any = None,
) -> Result:
    """Find the lattice spots of a movie and follow them through its frames.

    Parameters
    ----------
    movie : Movie
    settings : Settings, optional
    regions : sequence of Region
        Reported beside the whole field.
    progress : callable, optional
        Called with a `Step` after every frame of every pass and in between; what it raises
        stops the analysis.
    client : dask.distributed.Client, optional
        Whose workers do the work; they read the movie's file themselves.

    Returns
    -------
    Result
    """
    settings = settings or Settings()
    grid = _checked(movie, settings, regions)
    run = _Run(movie, settings, grid, progress, client)
    stack, drift = run.stack()
    spots = run.find(stack, grid)
    followed = run.follow(spots, stack)
    whole = followed.region(None)
    rows = [region_spots(movie, spots, None, whole)]
    traces = [region_traces(movie, None, whole)]
    for region in regions:
        part = followed if spots.owned(region).any() else run.own_window(region, stack)
        mine = part.region(region)
        rows.append(region_spots(movie, part.spots, region, mine))
        traces.append(region_traces(movie, region, mine))
    return Result(
        movie,
        replace(settings, window=grid.window, step=grid.step),
        joined([*rows, window_spots(movie, spots)], columns.SPOTS),
        joined(traces, columns.TRACES),
        drift_table(drift, len(movie)),
        (*movie.notes, grid_note(grid, movie), *run.notes),
    )


def find_spots(
    movie: Movie,
    settings: Settings | None = None,
    regions: Sequence[Region] = (),
    progress: Progress | None = None,
    client: Any = None,
) -> pd.DataFrame:
    """Find the lattice spots of a movie, without following them.

    Parameters as those of `analyze`.

    Returns
    -------
    DataFrame
        The table of spots of the windows, its columns as documented in `columns`; with regions,
        of their windows only.
    """
    settings = settings or Settings()
    grid = _checked(movie, settings, regions)
    run = _Run(movie, settings, grid, progress, client)
    stack, _ = run.stack()
    spots = run.find(stack, grid)
    table = window_spots(movie, spots)
    if not regions:
        return table
    owned = np.any([spots.owned(region) for region in regions], axis=0)
    return table[owned].reset_index(drop=True)


def _checked(movie: Movie, settings: Settings, regions: Sequence[Region]) -> Grid:
    """The grid of windows, once nothing speaks against it."""
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
    return default_grid(
        movie, in_pixels(settings.window, movie), in_pixels(settings.step, movie), settings.taper
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
        self,
        movie: Movie,
        settings: Settings,
        grid: Grid,
        progress: Progress | None,
        client: Any,
    ) -> None:
        self.movie, self.settings, self.grid, self.progress = movie, settings, grid, progress
        self.runner: Runner = Threads() if client is None else Cluster(client, self.tick)
        self.notes: list[str] = []
        passes = 3 if settings.drift == "auto" else 2
        self.search = Search(settings.alpha, settings.added_spots, settings.removed_spots)
        self._step = Step(0, passes * int(movie.lit.sum()), "reading")
        self._told = 0.0

    def tick(self, frames: int) -> None:
        """Tell of some more frames, or that work goes on."""
        self._tell(replace(self._step, done=self._step.done + frames))

    def _tell(self, step: Step) -> None:
        now = time.monotonic()
        if self.progress is not None and (step.done > self._step.done or now > self._told + OFTEN):
            self.progress(step)
            self._told = now
        self._step = step

    def stack(self) -> tuple[Stack, Drift | None]:
        """The movie's frames, with the drift that windows are to follow."""
        movie, frames, lit = self.movie, self.movie.recording.frames, np.asarray(self.movie.lit)
        drift = None
        moved = np.zeros((len(movie), 2))
        if self.settings.drift == "auto":
            self._step = replace(self._step, doing="finding the drift")
            drift = measure_drift(frames, lit, self.runner, self.tick)
            moved = np.stack([drift.dy_px, drift.dx_px], axis=1)
        elif self.settings.drift != "off":
            drift = given_drift(self.settings.drift, len(movie))
            moved = np.stack([drift.dy_px, drift.dx_px], axis=1)
        self.notes.append(_drift_note(drift))
        shifts = np.rint(moved).astype(np.int64)
        single = movie.counting is not None and movie.counting.kind == "single"
        return Stack(frames, lit, single, shifts, moved - shifts), drift

    def find(self, stack: Stack, grid: Grid) -> Spots:
        """Spots of the field."""
        self._step = replace(self._step, doing="finding spots")
        return find_spots_of(stack, grid, (0, 0), self.search, self.runner, self.tick)

    def follow(self, spots: Spots, stack: Stack) -> FollowedSpots:
        """Spots of the field and their traces."""
        self._step = replace(self._step, doing="following spots")

        def tell(so_far: Callable[[], FollowedSpots]) -> None:
            step = replace(
                self._step,
                done=self._step.done + 1,
                partial=lambda: region_traces(self.movie, None, so_far().region(None)),
            )
            self._tell(step)

        return follow(spots, stack, self.runner, self.settings.running_sum, tell)

    def own_window(self, region: Region, stack: Stack) -> FollowedSpots:
        """A region smaller than the grid's windows, in one window of its own."""
        self._step = replace(self._step, doing=f"looking at region {region.name}", partial=None)
        y0, x0, y1, x1 = region.box
        size = min(y1 - y0, x1 - x0) // 2 * 2
        if size < SMALLEST:
            raise BeamwatchError(
                f"region {region.name!r} is {y1 - y0} by {x1 - x0} px; at least {SMALLEST} by "
                f"{SMALLEST} are needed to see a lattice"
            )
        top, left = y0 + (y1 - y0 - size) // 2, x0 + (x1 - x0 - size) // 2
        frames = FollowedFrames(stack.frames, top, left, size, stack.shifts)
        own = replace(stack, frames=frames, shifts=np.zeros_like(stack.shifts))
        grid = Grid(size, size, size, size, self.grid.taper)

        def tick(_: object) -> None:
            self.tick(0)

        spots = find_spots_of(own, grid, (top, left), self.search, self.runner, tick)
        return follow(spots, own, self.runner, self.settings.running_sum, tick)


def given_drift(moved: Any, frames: int) -> Drift:
    """The drift as the user says it is."""
    if len(moved) != frames:
        raise BeamwatchError(f"the drift is given for {len(moved)} frames; there are {frames}")
    dy, dx = (np.array(moved) - moved[0]).T
    return Drift(dy, dx, np.full(frames, np.nan))


def _drift_note(drift: Drift | None) -> str:
    if drift is None:
        return "drift: not looked for, windows stay where they are"
    if drift.reason:
        return f"drift: {drift.reason}; windows stay where they are"
    away = np.hypot(drift.dy_px, drift.dx_px)
    return f"drift: the specimen moved by up to {away.max():.0f} px; windows follow it"
