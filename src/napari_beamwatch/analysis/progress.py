"""What is told while an analysis runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import pandas as pd

from napari_beamwatch.log import LOG


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


class Teller:
    """Tells of an analysis that goes on, and notes how long its parts took.

    Parameters
    ----------
    progress : callable, optional
        Who is told.
    total : int
        Frames in all passes.
    doing : str
        The first part.

    Attributes
    ----------
    timings : dict of str to float
        Seconds of the parts that ended.
    """

    def __init__(self, progress: Progress | None, total: int, doing: str) -> None:
        self.timings: dict[str, float] = {}
        self._progress = progress
        self._step = Step(0, total, doing)
        self._since = time.perf_counter()
        self._told = 0.0

    def tick(self, frames: int, partial: Callable[[], pd.DataFrame] | None = None) -> None:
        """Tell of some more frames, or that work goes on."""
        step = replace(
            self._step, done=self._step.done + frames, partial=partial or self._step.partial
        )
        now = time.monotonic()
        if self._progress is not None and (frames or now > self._told + OFTEN):
            self._progress(step)
            self._told = now
        self._step = step

    def more(self, frames: int) -> None:
        """Count on more frames than was thought."""
        self._step = replace(self._step, total=self._step.total + frames)

    def say(self, doing: str) -> None:
        """Tell what keeps the work waiting."""
        if self._progress is not None:
            self._progress(replace(self._step, doing=doing))

    def begin(self, doing: str) -> None:
        """Go on to another part of the work."""
        self.end()
        self._step = replace(self._step, doing=doing, partial=None)

    def end(self) -> None:
        """Note how long the part took that was done."""
        now = time.perf_counter()
        self.timings[self._step.doing] = now - self._since
        LOG.info("%s: %.2f s", self._step.doing, now - self._since)
        self._since = now

    def finish(self, notes: Iterable[str]) -> None:
        """End the last part; what was chosen on the way goes to the log."""
        self.end()
        for note in notes:
            LOG.info("%s", note)
