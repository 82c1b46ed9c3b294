"""Movies side by side, each in a process of its own.

Of a small movie two thirds are done by one thread (judging, drawing, writing), so that processes
gain what threads would not; and a file that ends a process, or takes all memory, ends no other.
A process that begins loads the package anew (`spawn`): one that has threads cannot be forked.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from typing import Any

from napari_beamwatch.analysis import Step
from napari_beamwatch.analysis.effort import free_memory
from napari_beamwatch.batch.ledger import Ledger
from napari_beamwatch.batch.outcome import MovieOutcome
from napari_beamwatch.batch.request import Request
from napari_beamwatch.batch.scheduler import connected
from napari_beamwatch.batch.tasks import Task
from napari_beamwatch.compiling import told_of_compiling
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.log import LOG, told_on_terminal
from napari_beamwatch.threads import share_processors

PROCESS = 2**29
"""Bytes of a process before it analyses anything, and some more."""

OFTEN = 0.2
"""Seconds between words on how far a movie is."""

PATIENCE = 10.0
"""Seconds that a process has to clear up when it is asked to end."""


@dataclass(frozen=True)
class _Ready:
    """A process has begun."""


@dataclass(frozen=True)
class _Said:
    words: str


@dataclass(frozen=True)
class _Needs:
    memory: float


@dataclass(frozen=True)
class _Compiling:
    now: bool


def work_through(
    tasks: Sequence[Task], request: Request, ledger: Ledger, jobs: int, scheduler: str | None
) -> None:
    """Analyse movies side by side; whatever ends this ends the processes, too."""
    with connected(scheduler):
        pass  # that nobody answers there is said once, and before the work
    crew = _Crew(tasks, request, ledger, jobs, scheduler)
    try:
        crew.work()
    finally:
        crew.end()


@contextmanager
def _unanswered(number: signal.Signals) -> Iterator[None]:
    """Ignore a signal for a moment, where this thread may."""
    before = signal.getsignal(number)
    if threading.current_thread() is not threading.main_thread() or before is None:
        yield
        return
    signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(number, before)


class _Worker:
    """A process, and the movie that it is at."""

    def __init__(self, request: Request, jobs: int, scheduler: str | None) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        verbose = LOG.isEnabledFor(logging.INFO)
        self.process = context.Process(
            target=_serve, args=(theirs, request, jobs, scheduler, verbose), daemon=True
        )
        with _unanswered(signal.SIGINT):  # by what begins, too, which takes that from here
            self.process.start()
        theirs.close()
        self.index: int | None = None


class _Crew:
    """Hands movies to processes, and memory: so much that all who have some can go on."""

    def __init__(
        self,
        tasks: Sequence[Task],
        request: Request,
        ledger: Ledger,
        jobs: int,
        scheduler: str | None,
    ) -> None:
        self._tasks, self._ledger = tasks, ledger
        self._new = partial(_Worker, request, jobs, scheduler)
        self._jobs, self._begun = jobs, False
        self._waiting = deque(range(len(tasks)))
        self._workers: dict[Any, _Worker] = {}
        self._budget = free_memory() - jobs * PROCESS
        self._granted: dict[Any, float] = {}
        self._asking: deque[tuple[Any, float]] = deque()

    def work(self) -> None:
        """Until every movie has ended."""
        while self._waiting or self._workers:
            while self._waiting and len(self._workers) < self._jobs:
                worker = self._new()
                self._workers[worker.pipe] = worker
                self._hand(worker)
            for pipe in wait(list(self._workers)):
                worker = self._workers[pipe]
                try:
                    said = worker.pipe.recv()
                except (EOFError, OSError):
                    self._bury(worker)
                else:
                    self._hear(worker, said)
            self._admit()

    def end(self) -> None:
        """No process stays, whatever it was at."""
        for worker in self._workers.values():
            worker.process.terminate()
        for worker in self._workers.values():
            worker.process.join(PATIENCE)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.pipe.close()

    def _hand(self, worker: _Worker) -> None:
        """Give a process its next movie, or send it home."""
        worker.index = self._waiting.popleft() if self._waiting else None
        if worker.index is not None:
            self._ledger.step(worker.index, Step(0, 0, "starting"))
        with suppress(OSError):  # it ended: its pipe says so
            worker.pipe.send(None if worker.index is None else self._tasks[worker.index])

    def _hear(self, worker: _Worker, said: Any) -> None:
        index = worker.index
        if isinstance(said, BeamwatchError):
            raise said
        if isinstance(said, _Ready):
            self._begun = True
        elif isinstance(said, Step) and index is not None:
            self._ledger.step(index, said)
        elif isinstance(said, _Compiling) and index is not None:
            self._ledger.compiling(index, said.now)
        elif isinstance(said, _Said):
            self._ledger.say(said.words)
        elif isinstance(said, _Needs):
            self._asking.append((worker.pipe, said.memory))
        elif isinstance(said, MovieOutcome) and index is not None:
            self._granted.pop(worker.pipe, None)
            self._ledger.end(index, said)
            self._hand(worker)

    def _admit(self) -> None:
        """Grant memory in the order in which it was asked for; to one movie whatever it needs."""
        while self._asking:
            pipe, needed = self._asking[0]
            if self._granted and sum(self._granted.values()) + needed > self._budget:
                return
            self._asking.popleft()
            if pipe in self._workers:
                self._granted[pipe] = needed
                with suppress(OSError):
                    pipe.send(True)

    def _bury(self, worker: _Worker) -> None:
        """A process ended: in order, or with its movie."""
        del self._workers[worker.pipe]
        self._granted.pop(worker.pipe, None)
        worker.pipe.close()
        worker.process.join()
        if worker.index is None:
            return
        if not self._begun:
            raise BeamwatchError(
                "no process can be started for movies side by side: analyse one at a time, or, in "
                'a script, write its work below: if __name__ == "__main__":'
            )
        task, code = self._tasks[worker.index], worker.process.exitcode or 0
        how = f"was ended by signal {-code}" if code < 0 else f"ended with status {code}"
        why = ", perhaps for want of memory" if code == -getattr(signal, "SIGKILL", 9) else ""
        words = f"the process that analysed it {how}{why}"
        self._ledger.end(
            worker.index, MovieOutcome(task.name, task.source, task.folder, "failed", words, {})
        )


def _serve(
    pipe: Connection, request: Request, jobs: int, scheduler: str | None, verbose: bool
) -> None:
    """What a process does: a movie after the other, until there is none."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who began this
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    share_processors(jobs)
    hearer = _Teller(pipe)
    try:
        with (
            told_on_terminal(verbose),
            connected(scheduler) as client,
            told_of_compiling(hearer.compiling),
        ):
            hearer.send(_Ready())
            while (task := pipe.recv()) is not None:
                hearer.send(request.carry_out(task, hearer, client))
    except BeamwatchError as error:  # of no movie: the scheduler went away
        hearer.send(error)


def _end_with_parent() -> None:
    """Who was killed ends nobody: what he began must see it, or would be at work beside the next.

    A run that is being saved at that moment is left as a kill leaves it: whole, or not there.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


class _Teller:
    """Tells the process that began this one how far a movie is, from any thread."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe, self._lock = pipe, threading.Lock()
        self._told, self._doing = 0.0, ""

    def send(self, what: object) -> None:
        with self._lock:
            self._pipe.send(what)

    def step(self, step: Step) -> None:
        now = time.monotonic()
        if step.doing != self._doing or now > self._told + OFTEN:
            self._told, self._doing = now, step.doing
            self.send(Step(step.done, step.total, step.doing))

    def compiling(self, now: bool) -> None:
        self.send(_Compiling(now))

    def say(self, words: str) -> None:
        self.send(_Said(words))

    def admit(self, memory: float) -> None:
        self.step(Step(0, 0, "waiting for memory"))
        self.send(_Needs(memory))
        self._pipe.recv()
