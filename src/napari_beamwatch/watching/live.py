"""One movie frame by frame: its beam, its drift, its lattice, and the alarm."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.analysis.passes import given_drift
from napari_beamwatch.analysis.road import chosen_grid
from napari_beamwatch.damage.budget import rate
from napari_beamwatch.damage.course.alarm import Alarm, Alarms, Since
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.movies.beam import unlit_frames
from napari_beamwatch.quantities import dose_text
from napari_beamwatch.results.report.page import UNIT
from napari_beamwatch.settings import Settings
from napari_beamwatch.spectra.copies import CopyFinder, copies_note
from napari_beamwatch.spectra.defects import FrameCounts, MendedFrames
from napari_beamwatch.spectra.drift import DriftEstimator
from napari_beamwatch.spectra.finding import Search
from napari_beamwatch.spectra.runners import Threads
from napari_beamwatch.spectra.spots import Spots, find_spots_of
from napari_beamwatch.spectra.stack import Stack, look_for_defects, window_shifts
from napari_beamwatch.spectra.streaming import mended
from napari_beamwatch.spectra.windows import Grid
from napari_beamwatch.watching.growing import Growing
from napari_beamwatch.watching.lattice import LOOKS, Followed

Floats = NDArray[np.float64]

DRIFT_AGAIN = 1.2
"""Times as many frames after which the drift is worked out anew, and before each look: spots add up
only in frames that lie on each other."""

MOST_FOLLOWED = 6
"""Looks whose spots are followed, one after the other: they share the rate evenly."""

ENOUGH = 8
"""Frames with beam after which it is known how electrons show."""

WORTH = 1.5
"""Times what the spots of the last look tell from which those of a new one are followed instead."""

PLENTY = 100.0
"""One over the variance of the lattice in a frame from which looks may be as rare as frames double:
what is lost is seen in any case."""

Frequencies = tuple[tuple[float, float], ...]
"""(gy, gx) in cycles per pixel."""


class Live:
    """What is known of a movie after each of its frames.

    Parameters
    ----------
    settings : Settings

    Attributes
    ----------
    note : str
        What is odd about the newest frame, where it was not said of one before.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._rate = rate(settings.false_alarm, "lattice")
        self.counts: list[float] = []
        self.note = ""
        self._seen_twice = False
        self.alarm: Alarm | None = None
        self.movie: Movie | None = None
        self._begin()

    def _begin(self) -> None:
        """Forget what was taken for frames with beam."""
        self._used: list[int] = []
        self._twice = CopyFinder()
        self._lattice: Followed | None = None
        self._reflections: Frequencies = ()
        self._looks_followed = self._looked_at = 0
        self._alarms: Alarms | None = None
        self._grid: Grid | None = None
        self._drift: DriftEstimator | None = None
        self._moved = np.zeros((0, 2))
        self._solve_at = 2
        self.alarm = None

    @property
    def frames(self) -> int:
        """How many were taken."""
        return len(self.counts)

    @property
    def lit(self) -> int:
        """How many of these had beam."""
        return len(self._used)

    @property
    def followed(self) -> int:
        """Spots that are followed."""
        return 0 if self._lattice is None else len(self._lattice.expected)

    @property
    def dose(self) -> float | None:
        """e/Å² at the end of the newest frame, pre-exposure included."""
        if self.movie is None or self.movie.dose is None:
            return None
        return float(self.movie.dose[-1])

    @property
    def so_far(self) -> str:
        """How far the movie is, in words."""
        return f"frame {self.frames}" if self.dose is None else f"{dose_text(self.dose)} {UNIT}"

    @property
    def since(self) -> Since | None:
        """When the loss began, on the movie's own axis of dose."""
        if self.alarm is None or self.alarm.since is None:
            return None
        before, told = self._before_beam(), self.alarm.since
        return Since(told.dose + before, told.low + before, told.high + before)

    def take(self, file: Growing) -> None:
        """Take the next frame of a file."""
        t, self.note = self.frames, ""
        image = mended(file.frames.read(t))
        self.counts.append(max(float(image.mean(dtype=np.float64)), 0.0))
        counts = np.array(self.counts)
        dark = unlit_frames(counts) | (counts <= 0)
        if dark[self._used].any():
            # What was taken for the beam was the light before it.
            self._begin()
        known = self.movie.counting if self.movie is not None and self.lit > ENOUGH else None
        self.movie = file.movie(counts, known)
        if dark[t]:
            return
        if self._twice.add(FrameCounts.of(image)):  # it would look like one more exposure
            self.note = "" if self._seen_twice else copies_note(np.arange(t + 1) == t)
            self._seen_twice = True
            return
        self._used.append(t)
        if self._settings.drift == "auto":
            if self._drift is None:
                self._drift = DriftEstimator((image.shape[0], image.shape[1]))
            self._drift.add(t, image)
        self._follow_drift()
        if self._lattice is not None and self._alarms is not None:
            told = self._lattice.told(image, self._shift(self._moved[-1]), looked_at=False)
            self._alarms.add(told, *self._since_beam(t))
            self.alarm = self._alarms.now
        if self.lit in LOOKS and self._looks_followed < MOST_FOLLOWED:
            told_enough = self._lattice is not None and self._lattice.information > PLENTY
            if not told_enough or self.lit >= 2 * self._looked_at:
                self._looked_at = self.lit
                self._look(file)

    def _shift(self, moved: Floats) -> tuple[int, int]:
        """By how much windows follow."""
        assert self._grid is not None
        dy, dx = window_shifts(moved, self._grid.window).tolist()
        return dy, dx

    def _look(self, file: Growing) -> None:
        """Look for spots in the sum of all frames so far."""
        assert self.movie is not None
        movie = self.movie
        if self._grid is None:
            self._grid = chosen_grid(movie, self._settings)
        frames = movie.recording.frames
        lit = np.zeros(len(movie), bool)
        lit[self._used] = True
        moved = np.zeros((len(movie), 2))
        moved[self._used] = self._moved
        defects = look_for_defects(frames, lit, Threads())
        shifts = np.rint(moved).astype(np.int64)
        single = movie.counting is not None and movie.counting.kind == "single"
        stack = Stack(
            MendedFrames(frames, defects) if defects else frames,
            movie.pixel_size, lit, single, shifts, moved - shifts,
        )  # fmt: skip
        spots, limits = self._found(stack, self._reflections)
        if self._lattice is None and len(spots.peaks):
            spots, limits = self._found(stack, of_reflections(spots))
        self._reflections = of_reflections(spots)
        beam = float(np.mean(np.array(self.counts)[self._used]))
        new = Followed.of(spots, stack, beam, limits, 1 / MOST_FOLLOWED)
        known = 0.0 if self._lattice is None else self._lattice.information
        if new is None or new.information <= WORTH * known:
            return
        alarms = Alarms(self._rate, list(zip(new.parts.names, new.parts.shares, strict=True)))
        for t, moved_by in zip(self._used, self._moved, strict=True):
            told = new.told(stack.frames.read(t), self._shift(moved_by), looked_at=True)
            alarms.add(told, *self._since_beam(t))
        self._lattice, self._alarms, self.alarm = new, alarms, alarms.now
        self._looks_followed += 1

    def _found(self, stack: Stack, known: Frequencies) -> tuple[Spots, tuple[float, float]]:
        """Spots in sums of frames, and the least and the greatest power that made one.

        Of all frames, and of the later half, for the specimen drifts fastest at first, and how it
        does is not known before there are frames enough. Where a reflection is known less is
        enough in the other windows.
        """
        assert self._grid is not None
        settings = self._settings
        added = (*settings.added_spots, *known)
        search = Search(settings.alpha, added, settings.removed_spots)
        edges = [(0, len(stack.lit)), (self._used[self.lit // 2], len(stack.lit))]
        looks = len(edges) * len(LOOKS)
        limits = search.limits(self._grid, looks)
        spots = find_spots_of(
            stack, self._grid, (0, 0), search, Threads(), lambda _: None, edges, looks
        )
        return spots, (float(limits.min()), float(limits.max()))

    def _follow_drift(self) -> None:
        """Where the specimen is in the newest frame."""
        given = self._settings.drift
        if given == "auto":
            last = self._moved[-1:] if len(self._moved) else np.zeros((1, 2))
            self._moved = np.concatenate([self._moved, last])
            if (self.lit >= self._solve_at or self.lit in LOOKS) and self._drift is not None:
                found = self._drift.solve(self.frames)
                path = np.stack([found.dy_px, found.dx_px], axis=1)
                self._moved = path[self._used] - path[self._used[0]]
                self._solve_at = max(self.lit + 1, math.ceil(self.lit * DRIFT_AGAIN))
        elif given == "off":
            self._moved = np.zeros((self.lit, 2))
        else:
            if len(given) < self.frames:
                raise BeamwatchError(f"the drift is given for {len(given)} frames; there are more")
            said = given_drift(given[: self.frames], self.frames)
            self._moved = np.stack([said.dy_px, said.dx_px], axis=1)[self._used]

    def _doses(self, frame: int) -> tuple[float, float]:
        """Start and end of a frame; in frames where doses are unknown."""
        movie = self.movie
        if movie is None or movie.dose is None or movie.dose_start is None:
            return float(frame), float(frame + 1)
        return float(movie.dose_start[frame]), float(movie.dose[frame])

    def _since_beam(self, frame: int) -> tuple[float, float]:
        before = self._before_beam()
        start, end = self._doses(frame)
        return start - before, end - before

    def _before_beam(self) -> float:
        return self._doses(self._used[0])[0]

    def recorded(self) -> Movie:
        """The movie as far as it was taken."""
        if self.movie is None:
            raise BeamwatchError("there is no frame yet")
        return replace(self.movie)


def of_reflections(spots: Spots) -> Frequencies:
    """Where the reflections of spots lie."""
    return tuple(zip(spots.reflections.gy.tolist(), spots.reflections.gx.tolist(), strict=True))
