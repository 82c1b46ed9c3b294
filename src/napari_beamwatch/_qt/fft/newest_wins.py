"""One thread that answers the newest request only."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]


class NewestWins(QObject):
    """Answers requests off the main thread, one at a time.

    While one is worked at, only the newest of those that follow is kept. Answers come back in
    the order of the requests, so what is shown never goes back in time.

    Attributes
    ----------
    answered : Signal(object, object)
        Request and answer, on the main thread; the answer may be an exception.
    """

    answered = Signal(object, object)

    def __init__(self, answer: Callable[[Any], object]) -> None:
        # Without a parent: the thread that answers holds on to this object, so it never tells
        # an answer in the name of one that is being destroyed.
        super().__init__()
        self._answer = answer
        self._lock = threading.Lock()
        self._waiting: object | None = None
        self._busy = False

    def ask(self, request: object) -> None:
        """Want an answer to this request instead of all that still wait."""
        with self._lock:
            self._waiting = request
            idle, self._busy = not self._busy, True
        if idle:
            # No daemon: an exit in the middle of a transform would abort the process.
            threading.Thread(target=self._work, name="beamwatch-live").start()

    def forget(self) -> None:
        """Drop the request that waits."""
        with self._lock:
            self._waiting = None

    def _next(self) -> object | None:
        """The request that waits; None ends the work."""
        with self._lock:
            request, self._waiting = self._waiting, None
            self._busy = request is not None
            return request

    def _work(self) -> None:
        while (request := self._next()) is not None:
            found: object
            try:
                found = self._answer(request)
            except Exception as problem:  # the main thread says it in words
                found = problem
            self.answered.emit(request, found)
