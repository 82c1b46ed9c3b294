"""One thread that answers the newest request only."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]


class Mailbox:
    """Where a request waits; a newer one takes its place.

    Attributes
    ----------
    lock : threading.Lock
        Held while an answer is posted, so that none is posted to what is being destroyed.
    open : bool
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.open = True
        self._waiting: object | None = None
        self._busy = False

    def put(self, request: object) -> bool:
        """Leave a request; True if somebody must be sent to work at it."""
        with self.lock:
            self._waiting = request
            idle, self._busy = not self._busy, True
            return idle

    def take(self) -> object | None:
        """The waiting request; None ends the work."""
        with self.lock:
            request, self._waiting = self._waiting, None
            self._busy = request is not None
            return request

    def empty(self) -> None:
        """Nobody waits for an answer any more."""
        with self.lock:
            self._waiting = None

    def close(self, *_: object) -> None:
        """No answer is posted from now on."""
        with self.lock:
            self._waiting, self.open = None, False


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

    def __init__(self, answer: Callable[[Any], object], parent: QObject) -> None:
        super().__init__(parent)
        self._answer = answer
        self._box = Mailbox()
        # Emitted before the object is gone; afterwards nothing may be posted to it.
        self.destroyed.connect(self._box.close)

    def ask(self, request: object) -> None:
        """Want an answer to this request instead of all that still wait."""
        if self._box.put(request):
            # No daemon: an exit in the middle of a transform would abort the process.
            threading.Thread(
                target=_work,
                args=(self._box, self._answer, self.answered.emit),
                name="beamwatch-live",
            ).start()

    def forget(self) -> None:
        """Drop the request that waits."""
        self._box.empty()

    def close(self) -> None:
        """Answer nothing any more."""
        self._box.close()


def _work(
    box: Mailbox, answer: Callable[[Any], object], post: Callable[[object, object], None]
) -> None:
    while (request := box.take()) is not None:
        found: object
        try:
            found = answer(request)
        except Exception as problem:  # the main thread says it in words
            found = problem
        with box.lock:
            if box.open:
                # Between the end of its Python part and `destroyed` an object has no signals.
                with suppress(AttributeError, RuntimeError):
                    post(request, found)
