"""Who does the work on frames: the threads of this process, or others that are handed it.

Work is a picklable callable from a frame's number (or a segment's) to what is wanted of it; it
reads the frame itself. Results come in the order asked for and do not depend on who did it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import Protocol, TypeVar

from napari_beamwatch.threads import one_blas_thread, shared_pool, thread_count

In = TypeVar("In")
Out = TypeVar("Out")

Tick = Callable[[int], None]
"""Told how many frames were done since it was called last, 0 if none; may raise to stop."""


class Runner(Protocol):
    """Carries out work on many things."""

    def frames(
        self, work: Callable[[int], Out], frames: Sequence[int]
    ) -> Iterator[tuple[int, Out]]:
        """Results of `work` on frames, in order."""
        ...

    def segments(
        self, work: Callable[[In, Tick], Out], segments: Sequence[In], tick: Tick
    ) -> Iterator[Out]:
        """Results of `work` on segments, which may spread itself over the threads.

        Parameters
        ----------
        work : callable
            Of a segment and of a `tick`.
        segments : sequence
        tick : callable
        """
        ...


def ahead(work: Callable[[In], Out], items: Iterable[In]) -> Iterator[tuple[In, Out]]:
    """Results of `work`, in order, with as many under way as there are threads."""
    pool = shared_pool()
    waiting: deque[tuple[In, Future[Out]]] = deque()
    try:
        for item in items:
            waiting.append((item, pool.submit(work, item)))
            if len(waiting) > thread_count():
                first, result = waiting.popleft()
                yield first, result.result()
        while waiting:
            first, result = waiting.popleft()
            yield first, result.result()
    finally:  # whoever stops early must not find our work going on
        for _, result in waiting:
            result.cancel()


class Threads:
    """The shared pool of this process."""

    def frames(
        self, work: Callable[[int], Out], frames: Sequence[int]
    ) -> Iterator[tuple[int, Out]]:
        """Results of `work` on frames, in order."""
        with one_blas_thread():
            yield from ahead(work, frames)

    def segments(
        self, work: Callable[[In, Tick], Out], segments: Sequence[In], tick: Tick
    ) -> Iterator[Out]:
        """Results of `work` on segments, one after the other, each on all threads."""
        with one_blas_thread():
            for segment in segments:
                yield work(segment, tick)


class Watched:
    """Another runner, and after each pass a look at whether the frames were still the same.

    Parameters
    ----------
    runner : Runner
    certify : callable
        Raises if the files of the frames have changed since they were opened.
    """

    def __init__(self, runner: Runner, certify: Callable[[], None]) -> None:
        self._runner, self._certify = runner, certify

    def frames(
        self, work: Callable[[int], Out], frames: Sequence[int]
    ) -> Iterator[tuple[int, Out]]:
        """Results of `work` on frames, in order."""
        return self._watched(self._runner.frames(work, frames))

    def segments(
        self, work: Callable[[In, Tick], Out], segments: Sequence[In], tick: Tick
    ) -> Iterator[Out]:
        """Results of `work` on segments."""
        return self._watched(self._runner.segments(work, segments, tick))

    def _watched(self, results: Iterator[Out]) -> Iterator[Out]:
        try:
            yield from results
        except Exception:
            self._certify()  # a file that was cut off fails in words that do not tell why
            raise
        self._certify()
