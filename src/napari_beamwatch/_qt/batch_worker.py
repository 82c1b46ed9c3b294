"""A batch of movies off the main thread."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from qtpy.QtCore import Signal  # type: ignore[attr-defined]

from napari_beamwatch._qt.side_thread import SideThread
from napari_beamwatch._qt.worker import POLITE, sentence_of
from napari_beamwatch.batch import BatchStep, analyze_many
from napari_beamwatch.settings import Settings


@dataclass(frozen=True)
class Order:
    """What is analysed, as `analyze_many` takes it."""

    movies: tuple[Path, ...]
    out: Path
    settings: Settings
    table: Path | None = None
    jobs: int = 1
    force: bool = False


class _EndedError(Exception):
    """Whoever wanted the batch wants it no more."""


class BatchWorker(SideThread):
    """Works on one batch at a time; what was ended says nothing any more.

    Attributes
    ----------
    told : Signal(object)
        A `BatchStep`, on the main thread.
    ended : Signal(str)
        The batch is over: why it could not be done, empty where it was.
    """

    told = Signal(object)
    ended = Signal(str)

    def start(self, order: Order) -> None:
        """Begin, once what was begun before has ended."""
        self.stop()
        self.wait(None)
        self._begin(partial(self._run, order), "beamwatch-batch")

    def _run(self, order: Order, stop: threading.Event) -> None:
        def tell(step: BatchStep) -> None:
            if stop.is_set():
                raise _EndedError
            self.told.emit(step)

        with POLITE:
            try:
                analyze_many(
                    order.movies, order.out, order.settings, table=order.table, jobs=order.jobs,
                    force=order.force, progress=tell,
                )  # fmt: skip
                why = ""
            except _EndedError:
                why = "ended: what is finished stays, and the same batch goes on from there"
            except Exception as problem:  # whatever it is, the user is told in the window
                why = sentence_of(problem)
            self.ended.emit(why)
