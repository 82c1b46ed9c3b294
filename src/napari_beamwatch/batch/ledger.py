"""The account of a batch: what ended, what is at work, and how long the rest takes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from napari_beamwatch.analysis import Step
from napari_beamwatch.batch.outcome import AtWork, BatchProgress, BatchStep, MovieOutcome
from napari_beamwatch.batch.tasks import Task

COMPILING = "compiling, once"

LEAST = 0.1
"""Movies that must be done, and left, for anybody to say how long the rest takes."""


class Ledger:
    """Keeps the account, and tells of each change.

    Parameters
    ----------
    tasks : sequence of Task
    progress : callable, optional
        Who is told.
    """

    def __init__(self, tasks: Sequence[Task], progress: BatchProgress | None) -> None:
        self._tasks, self._progress = tasks, progress
        self._ended: dict[int, MovieOutcome] = {}
        self._at_work: dict[int, AtWork] = {}
        self._compiling: set[int] = set()
        self._said: tuple[str, ...] = ()
        self._began = time.monotonic()

    @property
    def outcomes(self) -> tuple[MovieOutcome, ...]:
        """Of all movies, in the order of the tasks."""
        return tuple(self._ended[index] for index in range(len(self._tasks)))

    def step(self, index: int, step: Step) -> None:
        """A movie is at work."""
        name = self._tasks[index].name
        self._at_work[index] = AtWork(name, step.doing, step.done, step.total)
        self._tell()

    def compiling(self, index: int, now: bool) -> None:
        """Kernels are being compiled where a movie is at work, or no more."""
        (self._compiling.add if now else self._compiling.discard)(index)
        self._tell()

    def say(self, words: str) -> None:
        """A sentence of what is to be known before the work."""
        self._said += (words,)
        self._tell()

    def end(self, index: int, outcome: MovieOutcome) -> None:
        """A movie ended."""
        self._at_work.pop(index, None)
        self._ended[index] = outcome
        self._tell()

    def _tell(self) -> None:
        if self._progress is None:
            return
        at_work = tuple(
            replace(one, doing=COMPILING) if index in self._compiling else one
            for index, one in sorted(self._at_work.items())
        )
        settled = tuple(self._ended.values())
        self._progress(BatchStep(len(self._tasks), settled, at_work, self._said, self._left()))

    def _left(self) -> float | None:
        """Seconds for the rest, if it takes as long as what was analysed so far."""
        parts = sum(one.part for one in self._at_work.values())
        done = parts + sum(one.status == "done" for one in self._ended.values())
        rest = len(self._tasks) - len(self._ended) - parts
        if done < LEAST or rest < LEAST:  # the end of a movie, judging and saving, has no frames
            return None
        return (time.monotonic() - self._began) * rest / done
