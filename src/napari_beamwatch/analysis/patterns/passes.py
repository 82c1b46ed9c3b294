"""The passes over a diffraction movie: its centre, spots and rings, and these in every frame."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass
from threading import Event
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_beamwatch.analysis.patterns.tables import trace_table
from napari_beamwatch.analysis.progress import OFTEN, Progress, Teller
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.settings import Settings
from napari_beamwatch.spectra.cluster import Cluster
from napari_beamwatch.spectra.diffraction import (
    CentreDrift,
    CoarsePattern,
    DiffractionSpots,
    FrameReading,
    Geometry,
    PatternRings,
    RingTracker,
    SegmentPattern,
    SpotReader,
    SpotTracker,
    centre_drift,
    find_pattern_rings,
    find_spots,
    stretches,
)
from napari_beamwatch.spectra.drift import Drift
from napari_beamwatch.spectra.runners import Runner, Threads, Watched
from napari_beamwatch.spectra.streaming import segment_edges
from napari_beamwatch.threads import shared_pool

Out = TypeVar("Out")

PASSES = 2
"""Without that for the drift of the centre."""


@dataclass(frozen=True, eq=False)
class Found:
    """What the patterns of a movie show."""

    spots: DiffractionSpots
    rings: PatternRings


class DiffractionPasses:
    """The two passes over a diffraction movie, and what is told meanwhile."""

    def __init__(
        self,
        movie: Movie,
        settings: Settings,
        constant: float,
        progress: Progress | None,
        client: Any,
    ) -> None:
        self.movie, self.settings, self.constant = movie, settings, constant
        passes = PASSES + (settings.drift == "auto")
        self.teller = Teller(progress, passes * int(movie.lit.sum()), "reading")
        tick = self.teller.tick
        runner: Runner = Threads() if client is None else Cluster(client, tick, self.teller.say)
        self.runner: Runner = Watched(runner, movie.recording.files.certify)
        self.drift = CentreDrift.none(len(movie))

    def _follow_centre(self) -> None:
        """How the centre moves."""
        lit = np.asarray(self.movie.lit)
        if self.settings.drift != "auto" or not lit.any():
            return
        self.teller.begin("following the centre")
        work, edges = CoarsePattern.of(self.movie.recording.frames, lit), stretches(lit)
        sums = list(self.runner.segments(work, edges, self.teller.tick))
        shape = self.movie.shape
        if any(one is not None for one in sums):
            self.drift = self._patiently(lambda _: centre_drift(sums, edges, shape, work.by))

    def find(self) -> Found:
        """Spots and rings of the patterns of all segments."""
        patterns = self._added_up()

        def found(tick: Callable[[], None]) -> Found:
            spots = self._spots(patterns, tick)
            centre = spots.centre
            left_out = ~centre.seen | SpotReader.of(spots).near  # where the pattern lies on average
            first, alpha = Geometry(centre.y, centre.x), self.settings.alpha
            return Found(
                spots, find_pattern_rings(patterns, first, left_out, spots.spread, alpha, tick)
            )

        return self._patiently(found)

    def find_spots(self) -> DiffractionSpots:
        """Spots alone."""
        patterns = self._added_up()
        return self._patiently(lambda tick: self._spots(patterns, tick))

    def _added_up(self) -> list[NDArray[np.float64]]:
        """The pattern of each segment."""
        self._follow_centre()
        self.teller.begin("adding up patterns")
        lit, drift = np.asarray(self.movie.lit), self.drift
        work = SegmentPattern(self.movie.recording.frames, lit, drift.shifts, drift.hidden)
        sums = list(self.runner.segments(work, segment_edges(lit), self.teller.tick))
        patterns = [pattern for pattern in sums if pattern is not None]
        if not patterns:
            raise BeamwatchError(f"{self.movie.name} is dark: no frame holds a diffraction pattern")
        self.teller.begin("finding spots")
        return patterns

    def _spots(
        self, patterns: list[NDArray[np.float64]], tick: Callable[[], None]
    ) -> DiffractionSpots:
        return find_spots(patterns, self.constant, self.settings.alpha, tick=tick)

    def moved(self) -> Drift | None:
        """How far the centre lies from where it was at first, if it moved."""
        if not self.drift.moved:
            return None
        first = int(np.flatnonzero(self.movie.lit)[0])
        dy, dx = self.drift.dy, self.drift.dx
        return Drift(dy - dy[first], dx - dx[first], self.drift.se)

    def notes(self) -> list[str]:
        """What was done about a centre that moved."""
        moved = self.moved()
        if moved is None:
            return []
        away = np.hypot(moved.dy_px, moved.dx_px)
        return [f"the centre moved by up to {away.max():.1f} px; patterns are read where it lies"]

    def follow(self, found: Found) -> tuple[SpotTracker, RingTracker]:
        """The spots and the rings in every frame."""
        self.teller.begin("following spots")
        tracker = SpotTracker(found.spots, len(self.movie), self.drift.hidden)
        powder = RingTracker(found.rings, len(self.movie))
        radial = found.rings.reader(self.drift.hidden)

        def so_far() -> pd.DataFrame:
            return trace_table(self.movie, self.constant, tracker, self.settings.running_sum)

        shifts = self.drift.shifts
        work = FrameReading(self.movie.recording.frames, tracker.reader, radial, shifts)
        for frame, read in self.runner.frames(work, np.flatnonzero(self.movie.lit).tolist()):
            tracker.keep(frame, read.spots)
            powder.keep(frame, read.radial, read.spots.total)
            self.teller.tick(1, so_far)
        return tracker, powder

    def _patiently(self, work: Callable[[Callable[[], None]], Out]) -> Out:
        """Do what takes seconds at a time in the pool: whoever wants it stopped need not wait."""
        stopped = Event()

        def unless_stopped() -> None:
            if stopped.is_set():
                raise CancelledError

        future = shared_pool().submit(work, unless_stopped)
        try:
            while True:
                try:
                    return future.result(timeout=OFTEN)
                except TimeoutError:
                    self.teller.tick(0)
        finally:
            stopped.set()
