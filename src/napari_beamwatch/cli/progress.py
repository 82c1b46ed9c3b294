"""How far the work is, while it goes on: a running line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import json
import logging
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from napari_beamwatch.analysis import Progress, Step
from napari_beamwatch.batch.ledger import COMPILING
from napari_beamwatch.batch.outcome import SAVING, AtWork, BatchStep, MovieOutcome
from napari_beamwatch.cli.words import in_words
from napari_beamwatch.compiling import told_of_compiling
from napari_beamwatch.harmless import printable
from napari_beamwatch.log import LOG
from napari_beamwatch.results.run_folder import listed

TURNS = "-\\|/"
BEAT = 0.5
"""Seconds between signs of life."""

MOST_SHOWN = 2
"""Movies at work that a line has room for."""


class RunningLine:
    """One line of the terminal that says how far it is, wiped at the end; none elsewhere.

    It shows a sign of life whatever the work is at, compiling too.
    """

    def __init__(self, *, wanted: bool = True) -> None:
        # With --verbose parts are told in lines of their own.
        self.shown = wanted and sys.stderr.isatty() and not LOG.isEnabledFor(logging.INFO)
        self._text, self._width, self._beats = "", 0, 0
        self._lock, self._over = threading.Lock(), threading.Event()

    def __enter__(self) -> RunningLine:
        if self.shown:
            threading.Thread(target=self._beat, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.wipe()

    def show(self, text: str) -> None:
        """Say this from now on."""
        with self._lock:
            self._text = printable(text)
            self._draw()

    def wipe(self) -> None:
        """Leave the line empty until something new is said."""
        with self._lock:
            if self._width:
                sys.stderr.write("\r" + " " * self._width + "\r")
                sys.stderr.flush()
            self._text, self._width = "", 0

    def _beat(self) -> None:
        while not self._over.wait(BEAT):
            with self._lock:
                self._beats += 1
                self._draw()

    def _draw(self) -> None:
        if not self.shown or not self._text or self._over.is_set():
            return
        room = shutil.get_terminal_size().columns - 1
        line = f"{self._text} {TURNS[self._beats % len(TURNS)]}"
        line = line if len(line) <= room else line[: room - 1] + "…"
        sys.stderr.write("\r" + line.ljust(self._width))
        sys.stderr.flush()
        self._width = max(self._width, len(line))


@contextmanager
def progress_line(name: str) -> Iterator[Progress | None]:
    """What tells of the progress of one analysis on a line of the terminal, if there is one."""
    with RunningLine() as line:
        if not line.shown:
            yield None
            return
        newest = AtWork(name, "beginning")

        def show(step: Step) -> None:
            nonlocal newest
            newest = AtWork(name, step.doing, step.done, step.total)
            line.show(_at_work(newest))

        def compile_(now: bool) -> None:
            line.show(_at_work(AtWork(name, COMPILING) if now else newest))

        with told_of_compiling(compile_):
            yield show


class BatchTold:
    """Tells of a batch: answers on stdout, progress and failures on stderr.

    Parameters
    ----------
    quiet : bool
        Only failures.
    as_json : bool
        Answers as JSON, an object a movie.
    """

    def __init__(self, *, quiet: bool, as_json: bool) -> None:
        self._quiet, self._as_json = quiet, as_json
        self._line = RunningLine(wanted=not quiet)
        self._newest = BatchStep(0, (), (), (), None)

    def __enter__(self) -> BatchTold:
        self._line.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._line.__exit__(*error)

    def __call__(self, step: BatchStep) -> None:
        """Tell what is new."""
        before, self._newest = self._newest, step
        for words in step.said[len(before.said) :]:
            self._tell(f"beamwatch: {words}")
        for number, outcome in enumerate(step.settled[len(before.settled) :]):
            self._line.wipe()
            self._answer(outcome)
            if step.total > 1:
                count = len(before.settled) + number + 1
                self._tell(f"{count} of {step.total}: {outcome.name}: {_end(outcome)}")
        if len(step.settled) < step.total:
            self._line.show(_running(step))

    def ended(self) -> bool:
        """Say what failed; True if nothing did."""
        failed = [one for one in self._newest.settled if one.status == "failed"]
        if self._newest.total == 1:
            for one in failed:
                print(printable(f"beamwatch: {one.words}"), file=sys.stderr)
        elif failed:
            print(
                f"beamwatch: {len(failed)} of {self._newest.total} movies failed:", file=sys.stderr
            )
            for one in failed:
                print(printable(f"  {one.source}: {one.words}"), file=sys.stderr)
        return not failed

    def interrupted(self) -> None:
        """Say how many are finished, and how to go on."""
        self.ended()
        step = self._newest
        said = "beamwatch: interrupted"
        if step.total > 1:
            done = sum(one.status != "failed" for one in step.settled)
            said += f": {done} of {step.total} movies are done, the same command does the others"
        print(said, file=sys.stderr)

    def _answer(self, outcome: MovieOutcome) -> None:
        """What somebody asked for."""
        if self._as_json:
            print(json.dumps(outcome.to_plain(), ensure_ascii=True), flush=True)
        elif outcome.status == "failed" or self._quiet:
            pass
        elif outcome.status == "skipped":
            print(printable(f"{outcome.name}: {outcome.words} ({outcome.run})"), flush=True)
        else:
            print(in_words(outcome.summary))
            there = f", beside what was there ({listed(list(outcome.beside))})"
            print(printable(f"  written to {outcome.run}{there if outcome.beside else ''}"))
            sys.stdout.flush()

    def _tell(self, words: str) -> None:
        """A line that stays."""
        if not self._quiet:
            self._line.wipe()
            print(printable(words), file=sys.stderr, flush=True)


def _end(outcome: MovieOutcome) -> str:
    return outcome.words if outcome.status == "failed" else outcome.status


def _running(step: BatchStep) -> str:
    """How far a batch is, in a line."""
    shown = [_at_work(one) for one in step.at_work[:MOST_SHOWN]]
    more = len(step.at_work) - len(shown)
    batch = [f"{len(step.settled)} of {step.total} movies"] if step.total > 1 else []
    batch += [f"{_duration(step.left)} left"] if step.left is not None else []
    return " · ".join([*batch, *shown, *([f"{more} more"] if more > 0 else [])])


def _at_work(one: AtWork) -> str:
    """How far a movie is."""
    said = f"{one.name}: {one.doing}"
    if not one.total or one.doing in (COMPILING, SAVING):
        return said
    return f"{said} {one.part:.0%} ({one.done} of {one.total} frames read)"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
