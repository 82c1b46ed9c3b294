"""The same work on the workers of a dask cluster.

Blocks of frames are tasks, and so are segments of time. What all tasks of a pass share is sent
to every worker once; a task whose worker dies is given to another by the scheduler. Results are
taken in order, so they are the same as those of the threads of this process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.spectra.runners import In, Out, Tick
from napari_beamwatch.threads import one_blas_thread

BLOCK = 4
"""Frames of a task."""

WAIT = 0.1
"""Seconds between looks at whether to stop."""


class Cluster:
    """Workers that a `dask.distributed.Client` hands work to.

    Parameters
    ----------
    client : Client
        The file of the movie must be readable on all workers under the same name.
    tick : callable
        Called while waiting, with 0; may raise to stop.
    """

    def __init__(self, client: Any, tick: Tick) -> None:
        if not hasattr(client, "submit") or not hasattr(client, "cancel"):
            raise BeamwatchError(f"a client of dask.distributed is needed, not {client!r}")
        self._client, self._tick = client, tick

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
        from distributed import KilledWorker
        from distributed import TimeoutError as NotYetError

        # As a task and not as data: the scheduler can make it again.
        shared = self._client.submit(_itself, work, pure=False)
        futures = [self._client.submit(task, shared, item, pure=False) for item in items]
        try:
            for i, future in enumerate(futures):
                while True:
                    try:
                        yield future.result(timeout=WAIT)
                        break
                    except NotYetError:
                        self._tick(0)
                    except KilledWorker as error:
                        raise BeamwatchError(
                            f"a task was given up after its workers died: {error}"
                        ) from None
                futures[i].release()
        finally:  # whoever stops early must not find our work going on
            self._client.cancel(futures)


def _itself(work: Out) -> Out:
    return work


def _on_frames(work: Callable[[int], Out], frames: Sequence[int]) -> list[Out]:
    with one_blas_thread():
        return [work(frame) for frame in frames]


def _on_segment(work: Callable[[In, Tick], Out], segment: In) -> tuple[Out, int]:
    told: list[int] = []
    with one_blas_thread():
        return work(segment, told.append), sum(told)
