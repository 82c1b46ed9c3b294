"""Long work off the main thread, with progress, and a way to stop it."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]

from napari_beamwatch.analysis import Progress, Step
from napari_beamwatch.errors import BeamwatchError

Work = Callable[[Progress], object]


class _Stopped(Exception):  # noqa: N818 - nothing went wrong
    """The user wants no answer any more."""


GLIMPSE = 0.4
"""Seconds from one look at the traces so far to the next."""

SWITCH = 0.0005
"""Seconds that the work may keep the interpreter to itself: each time the window comes to its
turn it waits that long, many times for one picture."""

COSTLY = 10
"""Times what a look took that is worked on before the next."""


class Glimpses:
    """Asks for the traces so far, now and then, where the work is done: they are its own."""

    def __init__(self) -> None:
        self._next = 0.0

    def of(self, step: Step) -> Step:
        """The step with the traces that are known by now, or without them."""
        now = time.monotonic()
        if step.partial is None or now < self._next:
            return replace(step, partial=None)
        known = step.partial()
        took = time.monotonic() - now
        self._next = now + max(GLIMPSE, COSTLY * took)
        return replace(step, partial=lambda: known)


class Polite:
    """While any work goes on, the interpreter is handed over more often."""

    def __init__(self) -> None:
        self._lock, self._at_work, self._usual = threading.Lock(), 0, 0.0

    def __enter__(self) -> None:
        with self._lock:
            if not self._at_work:
                self._usual = sys.getswitchinterval()
                sys.setswitchinterval(min(SWITCH, self._usual))
            self._at_work += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._at_work -= 1
            if not self._at_work:
                sys.setswitchinterval(self._usual)


POLITE = Polite()
"""One for all windows: what was cancelled may still be at work when the next begins."""


class Worker(QObject):
    """Runs one piece of work after another; what was cancelled says nothing any more.

    Attributes
    ----------
    progressed : Signal(int, object)
        Generation and `Step`, on the main thread; some of them with the traces so far.
    done : Signal(int, object)
        Generation and what the work returned.
    failed : Signal(int, str)
        Generation and a sentence.
    """

    progressed = Signal(int, object)
    done = Signal(int, object)
    failed = Signal(int, str)

    def __init__(self) -> None:
        # Without a parent: a thread that is still at work holds on to this object.
        super().__init__()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, generation: int, work: Work) -> None:
        """Begin; what was going on is cancelled."""
        self.cancel()
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._run,
            args=(generation, work, self._stop),
            name="beamwatch-analysis",
            daemon=True,
        )
        self._thread.start()

    def cancel(self) -> None:
        """Let what is going on end at its next step, unheard."""
        self._stop.set()

    def wait(self, seconds: float) -> bool:
        """Wait for the thread to end; True if it has."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self._thread is None or not self._thread.is_alive()

    def _run(self, generation: int, work: Work, stop: threading.Event) -> None:
        glimpses = Glimpses()

        def tell(step: Step) -> None:
            if stop.is_set():
                raise _Stopped
            self.progressed.emit(generation, glimpses.of(step))

        with POLITE:
            try:
                found = work(tell)
                if not stop.is_set():
                    self.done.emit(generation, found)
            except _Stopped:
                return
            except Exception as problem:  # whatever it is, the user is told in the window
                if not stop.is_set():
                    self.failed.emit(generation, sentence_of(problem))


def sentence_of(problem: Exception) -> str:
    """What went wrong, for a person to read."""
    if isinstance(problem, BeamwatchError):
        return str(problem)
    if isinstance(problem, MemoryError):
        return "there is not enough memory for this movie: use larger windows, or sum frames"
    return f"{type(problem).__name__}: {problem}"
