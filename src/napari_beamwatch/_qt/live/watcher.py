"""A watch off the main thread."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal  # type: ignore[attr-defined]

from napari_beamwatch._qt.side_thread import SideThread
from napari_beamwatch._qt.worker import POLITE, sentence_of
from napari_beamwatch.settings import Settings
from napari_beamwatch.watching import WatchState, watch


@dataclass(frozen=True)
class Order:
    """What is watched, as `watch` takes it.

    Attributes
    ----------
    path : Path
        A folder, or a movie that is written or will be.
    settings : Settings
    out : Path or None
        Folder of the runs.
    opening : mapping
        What is said of each movie.
    sound : bool
        Beep where a loss lasts, and at a stop.
    more : mapping
        Further words for `watch`.
    """

    path: Path
    settings: Settings = field(default_factory=Settings)
    out: Path | None = None
    opening: Mapping[str, Any] = field(default_factory=dict)
    sound: bool = False
    more: Mapping[str, Any] = field(default_factory=dict)


class Watcher(SideThread):
    """Watches one thing at a time; what was ended says nothing any more.

    An end is heard between two frames. An analysis that goes on is left to itself: its run is
    written whole, or the next watch begins it anew.

    Attributes
    ----------
    told : Signal(object)
        A `WatchState` that is new, on the main thread.
    ended : Signal(str)
        Why the watch is over; empty if that was to be.
    """

    told = Signal(object)
    ended = Signal(str)

    def start(self, order: Order) -> None:
        """Begin; what was watched before is watched no more."""
        self._begin(partial(self._run, order), "beamwatch-live")

    def _run(self, order: Order, stop: threading.Event) -> None:
        newest: WatchState | None = None
        with POLITE:
            try:
                states = watch(
                    order.path, order.settings, out=order.out, until=stop.is_set,
                    **order.more, **order.opening,
                )  # fmt: skip
                for state in states:
                    if stop.is_set():
                        states.close()
                        return
                    if state != newest:
                        newest = state
                        self.told.emit(state)
                if not stop.is_set():
                    self.ended.emit("")
            except Exception as problem:  # whatever it is, the user is told in the window
                if not stop.is_set():
                    self.ended.emit(sentence_of(problem))
