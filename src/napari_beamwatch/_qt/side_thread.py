"""Work that goes on beside the window for hours, one piece at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable

from qtpy.QtCore import QObject


class SideThread(QObject):
    """A thread that hears when it is wanted no more."""

    def __init__(self) -> None:
        # Without a parent: a thread that is still at work holds on to this object.
        super().__init__()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def stop(self) -> None:
        """What is at work is wanted no more; it ends as soon as it hears that."""
        self._stop.set()

    def wait(self, seconds: float | None) -> bool:
        """Wait for the thread to end; True if it has."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self._thread is None or not self._thread.is_alive()

    def _begin(self, work: Callable[[threading.Event], None], name: str) -> None:
        """Work in a thread of its own, which is told by an event of its own that it is over."""
        self.stop()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=work, args=(self._stop,), name=name, daemon=True)
        self._thread.start()
