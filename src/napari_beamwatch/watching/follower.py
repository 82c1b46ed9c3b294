"""One file from its first byte to its run folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from napari_beamwatch.analysis import analyze
from napari_beamwatch.damage.course.alarm import Alarm
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.log import LOG, why_failed
from napari_beamwatch.movies import open_movie
from napari_beamwatch.settings import Settings
from napari_beamwatch.watching import words
from napari_beamwatch.watching.diary import Diary, size_of
from napari_beamwatch.watching.growing import EMPTY, Growing, grows_by_frames
from napari_beamwatch.watching.judgement import Judgement, onset_of
from napari_beamwatch.watching.live import Live
from napari_beamwatch.watching.state import Onset, Status, WatchState

AT_A_TIME = 8
"""Frames of a movie before it is another's turn."""

LOST: tuple[Status, ...] = ("falling", "ambiguous", "stop")
"""While something is lost."""


@dataclass(frozen=True)
class Options:
    """How movies are watched.

    Attributes
    ----------
    settings : Settings
    opening : mapping
        What the user says of each movie, as `open_movie` takes it.
    settle : float
        Seconds without a change after which a file is taken as finished. By a clock that only runs
        forward, and by what changes: neither the time of day nor that of a server is asked.
    """

    settings: Settings
    opening: Mapping[str, Any]
    settle: float


class Follower:
    """Follows one file.

    Parameters
    ----------
    path : Path
    options : Options
    diary : Diary or None
        Where its run is kept; None for nowhere.
    clock : callable
        Seconds, forward only.
    """

    def __init__(
        self,
        path: Path,
        options: Options,
        diary: Diary | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path, self._options, self._diary, self._clock = path, options, diary, clock
        self._known = size_of(path)
        self._changed = clock()
        self._grew = False
        self._looked = False
        self.over = False
        self.state = WatchState(path, "waiting", words="is it being written?")
        self._forget()

    def _forget(self) -> None:
        self._live: Live | None = Live(self._options.settings)
        self._file: Growing | None = None
        self._mark = EMPTY
        self._judgement: Judgement | None = None

    def step(self) -> Iterator[WatchState]:
        """Look at the file, and take what is new; some frames at a time."""
        if not self._looked:
            self._looked = True
            done = None if self._diary is None else self._diary.finished(self.path)
            if done is not None:
                self.over = True
                yield self._now(done)
                return
        known, now = size_of(self.path), self._clock()
        if known != self._known:
            shorter = known is None or (self._known is not None and known[0] < self._known[0])
            self._known, self._changed, self._grew = known, now, True
            if shorter:
                yield from self._anew("is gone" if known is None else "begins anew")
        behind = False
        if self._grew and known is not None and self._live is not None:
            yield from self._grown()
            behind = self._is_behind()
        if not behind and now - self._changed >= self._options.settle:
            self.over = True
            yield from self._finish(known)

    def is_another(self) -> bool:
        """Whether the file that was finished has changed since."""
        return size_of(self.path) not in (self._known, None)

    def _is_behind(self) -> bool:
        file, live = self._file, self._live
        return file is not None and live is not None and live.frames < file.frames.shape[0]

    def _anew(self, why: str) -> Iterator[WatchState]:
        begun = self._live is None or self._live.frames > 0
        self._forget()
        if begun:
            yield self._now(WatchState(self.path, "waiting", words=f"the file {why}"))

    def _grown(self) -> Iterator[WatchState]:
        """States after the frames that are new."""
        if not grows_by_frames(self.path):
            if self.state.frame == -1:
                said = "is being written; analysed when it is finished"
                yield self._now(replace(self.state, words=said))
            return
        try:
            self._file = (
                Growing.of(self.path, self._options.opening)
                if self._file is None
                else self._file.again()
            )
            mark = self._file.mark
        except (
            BeamwatchError,
            OSError,
        ) as error:  # a header that is not whole yet, or a folder that hides
            LOG.debug("%s: %s", self.path, error)
            return
        if mark != self._mark and self._mark != EMPTY:
            yield from self._anew("was replaced by another")
            return
        self._mark = mark
        for _ in range(AT_A_TIME):
            if self._live is None or not self._is_behind():
                return
            try:
                self._live.take(self._file)
            except Exception as error:  # whatever it is, it must not end the watch
                why = why_failed(self.path, error)
                said = f"not watched frame by frame ({why}); analysed when it is finished"
                self._live = None
                yield self._now(WatchState(self.path, "waiting", words=said))
                return
            note = self._live.note
            for state in self._told(self._live):
                if note:
                    state = replace(state, note=note, words=f"{state.words} · {note}")
                yield self._now(state)

    def _told(self, live: Live) -> Iterator[WatchState]:
        alarm, frame = live.alarm, live.frames - 1
        if alarm is None:
            said = words.without_lattice(live)
            if live.followed:
                said = f"{live.so_far} · {live.followed} lattice spots found"
            yield WatchState(self.path, "waiting", frame, live.dose, words=said)
            return
        if alarm.status == "holding":
            self._judgement = None
        yield self._said(live, alarm)
        judged = self._judgement
        if alarm.status == "lasting" and (
            judged is None or judged.is_old(live.frames, behind=self._is_behind())
        ):
            self._judgement = Judgement.of(live, self._options.settings)
            yield self._said(live, alarm)

    def _said(self, live: Live, alarm: Alarm) -> WatchState:
        """How things stand by the alarm, and by what the analysis last said."""
        judged, since = self._judgement, live.since
        onset = None if judged is None else judged.onset
        if onset is None and since is not None:
            onset = Onset(since.dose, since.low, since.high, analysed=False)
        said = words.of_alarm(live, alarm, onset, judged)
        if alarm.status == "holding" and self.state.status in LOST:
            said += f" · {words.BACK}"
        status: Status = "ambiguous"
        if alarm.status != "lasting":
            status = alarm.status
        elif judged is not None and judged.damage:
            status = "stop"
        why = "" if judged is None else judged.words
        frame = live.frames - 1
        return WatchState(self.path, status, frame, live.dose, alarm.left, onset, why, said)

    def _finish(self, known: tuple[int, int, int] | None) -> Iterator[WatchState]:
        """Analyse a file that is not written any more, into its run folder."""
        before = self.state
        live, self._file = self._live, None
        self._live = None  # hours of movies must not pile up
        if known is None:
            yield self._now(replace(before, status="failed", words="the file is gone"))
            return
        said = f"finished, {live.frames} frames seen" if live and live.frames else "finished"
        yield self._now(replace(before, status="waiting", words=f"{said}; analysing all of it"))
        answer = ""
        try:
            movie = open_movie(self.path, **self._options.opening)
            if len(movie) < 2:
                raise BeamwatchError("a single image, not a movie")
            result = analyze(movie, self._options.settings)
            answer, run = str(result.summary["answer"]), None
            if self._diary is not None:
                run = self._diary.free(self.path)
                result.save(run)
            state = WatchState(
                self.path, "finished", len(movie) - 1,
                None if movie.dose is None else float(movie.dose[-1]),
                before.left, onset_of(result), words=answer, run=run,
            )  # fmt: skip
            if self._diary is not None:
                self._diary.note(movie, state)
        except Exception as error:  # as above
            if size_of(self.path) != known:  # somebody went on writing, after all
                self._begin_again()
                return
            said = why_failed(self.path, error)
            said += f" · what was to be written: {answer}" if answer else ""
            state = replace(before, status="failed", words=said)
        yield self._now(state)

    def _begin_again(self) -> None:
        self.over, self._changed = False, self._clock()
        self._forget()

    def _now(self, state: WatchState) -> WatchState:
        self.state = state
        return state
