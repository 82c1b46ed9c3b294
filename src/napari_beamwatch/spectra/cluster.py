"""The same work on the workers of a dask cluster.

Blocks of frames are tasks, and so are segments of time. What all tasks of a pass share is sent
to every worker once; a task whose worker dies is given to another by the scheduler. Results are
taken in order, so they are the same as those of the threads of this process.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, wait
from typing import Any

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.spectra.runners import In, Out, Tick
from napari_beamwatch.threads import one_blas_thread

BLOCK = 4
"""Frames of a task."""

WAIT = 0.1
"""Seconds between looks at whether to stop."""

LOOK = 1.0
"""Seconds between looks at whether there are workers."""

ALONE_SAID, ALONE_MOST = 3.0, 300.0
"""Seconds without a worker after which it is said, and after which nobody comes any more; on a
cluster with a queue workers take their time."""

Say = Callable[[str], None]
"""Told what the work waits for."""


class Cluster:
    """Workers that a `dask.distributed.Client` hands work to.

    Parameters
    ----------
    client : Client
        The file of the movie must be readable on all workers under the same name.
    tick : callable
        Called while waiting, with 0; may raise to stop.
    say : callable
        Told that there are no workers.
    """

    def __init__(self, client: Any, tick: Tick, say: Say) -> None:
        if not hasattr(client, "submit") or not hasattr(client, "cancel"):
            raise BeamwatchError(f"a client of dask.distributed is needed, not {client!r}")
        self._client, self._tick, self._say = client, tick, say

    def frames(
        self, work: Callable[[int], Out], frames: Sequence[int]
    ) -> Iterator[tuple[int, Out]]:
        """Results of `work` on frames, in order."""
        blocks = [list(frames[i : i + BLOCK]) for i in range(0, len(frames), BLOCK)]
        for block, results in zip(blocks, self._results(_on_frames, work, blocks), strict=True):
            yield from zip(block, results, strict=True)

    def segments(
        self, work: Callable[[In, Tick], Out], segments: Sequence[In], tick: Tick
    ) -> Iterator[Out]:
        """Results of `work` on segments."""
        for result, frames in self._results(_on_segment, work, segments):
            tick(frames)
            yield result

    def _results(self, task: Callable[..., Any], work: Any, items: Sequence[Any]) -> Iterator[Any]:
        import dask

        # As a task and not as data: the scheduler can make it again. So it is part of the graph,
        # however large, and that is meant.
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TiB"}):
            shared = self._client.submit(_itself, work, pure=False)
        futures = [self._client.submit(task, shared, item, pure=False) for item in items]
        workers = _Workers(self._client)
        try:
            for future in futures:
                yield self._result(future, workers)
                future.release()
        finally:  # whoever stops early must not find our work going on
            workers.forget()
            if self._client.status == "running":
                self._client.cancel(futures)

    def _result(self, task: Any, workers: _Workers) -> Any:
        """The result of a task, as soon as it is there."""
        from distributed import KilledWorker

        # Asked for once: who asks with a time limit, again and again, never gets what takes longer.
        asked = _in_loop(self._client, _gathered, task)
        try:
            while not self._done(asked):
                self._tick(0)
                alone = workers.alone()
                if alone > ALONE_MOST:
                    raise BeamwatchError(
                        f"{self._name} has had no workers for {alone:.0f} s: start some, then "
                        "try again"
                    )
                if alone > ALONE_SAID:
                    self._say("waiting for workers of the cluster, there are none")
            return asked.result()
        except KilledWorker as error:
            raise BeamwatchError(f"a task was given up after its workers died: {error}") from None
        finally:
            asked.cancel()

    def _done(self, asked: Future[Any]) -> bool:
        """Whether an answer came in a moment; what the scheduler knew of our tasks goes with it."""
        wait([asked], timeout=WAIT)
        if self._client.status != "running" or asked.cancelled() or _dropped(asked):
            raise BeamwatchError(self._gone)
        return asked.done()

    @property
    def _gone(self) -> str:
        return f"{self._name} went away, and the work with it: start it again"

    @property
    def _name(self) -> str:
        address = getattr(self._client.scheduler, "address", None)
        return f"the scheduler at {address}" if address else "the scheduler"


class _Workers:
    """Keeps an eye on whether a scheduler has workers; asks in between and never waits for it."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._asked: Future[Any] | None = None
        self._seen = self._looked = time.monotonic()

    def alone(self) -> float:
        """Seconds for which no worker was seen."""
        now = time.monotonic()
        if self._asked is not None and self._asked.done():
            if not self._asked.cancelled() and not self._asked.exception() and self._asked.result():
                self._seen = now
            self._asked = None
        if self._asked is None and now > self._looked + LOOK:
            self._looked = now
            self._asked = _in_loop(self._client, _workers_of)
        return now - self._seen

    def forget(self) -> None:
        """Do not wait for the last answer."""
        if self._asked is not None:
            self._asked.cancel()


def _in_loop(client: Any, work: Callable[..., Any], *args: Any) -> Future[Any]:
    """What a client's own thread makes of its questions."""
    return asyncio.run_coroutine_threadsafe(work(client, *args), client.loop.asyncio_loop)


async def _gathered(client: Any, task: Any) -> Any:
    return await client.gather(task, asynchronous=True)


async def _workers_of(client: Any) -> Any:
    return await client.scheduler.ncores()


def _dropped(asked: Future[Any]) -> bool:
    return asked.done() and isinstance(asked.exception(), CancelledError)


def _itself(work: Out) -> Out:
    return work


def _on_frames(work: Callable[[int], Out], frames: Sequence[int]) -> list[Out]:
    with one_blas_thread():
        return [work(frame) for frame in frames]


def _on_segment(work: Callable[[In, Tick], Out], segment: In) -> tuple[Out, int]:
    told: list[int] = []
    with one_blas_thread():
        return work(segment, told.append), sum(told)
