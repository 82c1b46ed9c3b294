"""Processes that try inputs, and the parent that watches them."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import pickle
import signal
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from tools.fuzz.formats import FORMATS, an_input
from tools.fuzz.inputs import Made, lay
from tools.fuzz.watching import Outcome, attempt

WAITED = 2.0
"""Seconds on the clock for each of processor time that an input may take: what waits for ever,
takes none, and the machine may be busy."""

LARGEST = 1536 * 2**20
"""Bytes that one input may take beyond what the process has at its start."""

STARTING = 600.0
"""Seconds until a new process must have announced its first input; it may compile before."""


@dataclass(frozen=True)
class Batch:
    """Inputs `first` to `last` of a format, that one process tries in order."""

    format: str
    first: int
    last: int
    again: bool = False


@dataclass
class _Worker:
    batch: Batch
    process: Any
    ear: Connection
    trace: Path
    now: int | None = None
    since: float = field(default_factory=time.monotonic)

    @property
    def longest(self) -> float:
        return FORMATS[self.batch.format].seconds

    def overdue(self) -> bool:
        limit = STARTING if self.now is None else WAITED * self.longest + 5
        return time.monotonic() - self.since > limit


def run(
    batches: list[Batch], root: Path, seed: int, jobs: int
) -> Iterator[tuple[str, int, Outcome]]:
    """Outcomes of all inputs, as they come."""
    os.environ.setdefault("MALLOC_ARENA_MAX", "2")  # address space is what is counted
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tools.fuzz.workers"])
    left, workers, number = batches[::-1], [], 0
    while left or workers:
        while left and len(workers) < jobs:
            batch, number = left.pop(), number + 1
            ear, mouth = context.Pipe(duplex=False)
            trace = root / f"{number}.trace"
            process = context.Process(target=_work, args=(batch, root, seed, mouth, trace))
            process.start()
            mouth.close()
            workers.append(_Worker(batch, process, ear, trace))
        ready = wait([worker.ear for worker in workers], timeout=0.5)
        for worker in list(workers):
            ended = False
            if worker.ear in ready:
                try:
                    index, outcome = worker.ear.recv()
                except EOFError:
                    ended = True
                else:
                    worker.now, worker.since = index, time.monotonic()
                    if outcome is not None:
                        worker.now = None
                        yield worker.batch.format, index, outcome
                        if index == worker.batch.last - 1:
                            worker.batch = Batch(worker.batch.format, index + 1, index + 1)
                        else:
                            rest = (index + 1, worker.batch.last)
                            worker.batch = Batch(worker.batch.format, *rest, worker.batch.again)
            if ended or worker.overdue():
                workers.remove(worker)
                yield from _ended(worker, left, by_itself=ended)


def _ended(
    worker: _Worker, left: list[Batch], *, by_itself: bool
) -> Iterator[tuple[str, int, Outcome]]:
    """What becomes of the rest of a process that has ended, or is ended now."""
    batch = worker.batch
    worker.process.kill()
    worker.process.join()
    worker.ear.close()
    trace = worker.trace.read_text(errors="replace") if worker.trace.exists() else ""
    worker.trace.unlink(missing_ok=True)
    if worker.now is None:  # between two inputs: it wanted a successor
        if batch.first < batch.last:
            left.append(batch)
        return
    at = worker.now
    if at + 1 < batch.last:
        left.append(Batch(batch.format, at + 1, batch.last))
    code = worker.process.exitcode
    if by_itself and code != -signal.SIGPROF and not trace.startswith("Timeout"):
        yield batch.format, at, Outcome("crash", f"exit {code} {_first_of_ours(trace)}", trace)
    elif batch.again:
        yield batch.format, at, Outcome("hang", _first_of_ours(trace), trace, worker.longest)
    else:  # the machine may have been busy: once more
        left.append(Batch(batch.format, at, at + 1, again=True))


def _first_of_ours(trace: str) -> str:
    for line in trace.splitlines():
        if "napari_beamwatch/" in line:
            file, _, rest = line.strip().partition('", line ')
            return f"{file.rsplit('napari_beamwatch/', 1)[-1]}:{rest.split()[0]}"
    return ""


def _work(batch: Batch, root: Path, seed: int, mouth: Connection, trace: Path) -> None:
    """In a process of its own: announce an input, try it, say what came of it."""
    seeds: list[Made] = pickle.loads((root / f"{batch.format}.seeds").read_bytes())
    with trace.open("w") as file, open(os.devnull, "w") as nowhere:
        faulthandler.enable(file)
        for terminal in (1, 2):  # libraries in C say much
            os.dup2(nowhere.fileno(), terminal)
        faulthandler.register(signal.SIGPROF, file=file, chain=True)
        # What is imported, compiled or loaded once is nobody's fault.
        _one(an_input(batch.format, seeds, seed, 0), batch.format, root)
        _limit_memory()
        longest = FORMATS[batch.format].seconds
        for index in range(batch.first, batch.last):
            mouth.send((index, None))
            faulthandler.dump_traceback_later(WAITED * longest, exit=True, file=file)
            signal.setitimer(signal.ITIMER_PROF, longest)
            try:
                outcome = _one(an_input(batch.format, seeds, seed, index), batch.format, root)
            except BaseException:  # of this program, not of the one that is tried
                traceback.print_exc(file=file)
                raise
            signal.setitimer(signal.ITIMER_PROF, 0)
            faulthandler.cancel_dump_traceback_later()
            mouth.send((index, outcome))
            if outcome.kind == "memory":
                break  # what is left of this process proves nothing


def _one(one: Made, name: str, root: Path) -> Outcome:
    with tempfile.TemporaryDirectory(dir=root, ignore_cleanup_errors=True) as folder:
        lay(one.files, Path(folder))
        return attempt(
            FORMATS[name].door,
            Path(folder) / one.opened,
            whole=one.whole,
            outside=root / "outside",
        )


def _limit_memory() -> None:
    try:
        import resource

        with open("/proc/self/statm", encoding="ascii") as file:
            now = int(file.read().split()[0]) * resource.getpagesize()
    except (ImportError, OSError):  # not on Linux: the peak is not watched
        return
    resource.setrlimit(resource.RLIMIT_AS, (now + LARGEST, now + LARGEST))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST, LARGEST))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
