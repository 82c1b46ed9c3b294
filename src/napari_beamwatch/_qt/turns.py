"""Work that is done piece by piece, so that the window answers in between."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from qtpy.QtCore import QObject, QTimer


class Turns(QObject):
    """Does one call each time the event loop comes round."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._calls: deque[Callable[[], None]] = deque()
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._on_turn)

    def __call__(self, calls: Iterable[Callable[[], None]]) -> None:
        """Do these next, instead of what still waits."""
        self._calls = deque(calls)
        if self._calls:
            self._timer.start()

    def also(self, call: Callable[[], None]) -> None:
        """Do this, too, after what waits; once only, however often it is asked for."""
        if call not in self._calls:
            self._calls.append(call)
            self._timer.start()

    def _on_turn(self) -> None:
        if self._calls:
            self._calls.popleft()()
        if not self._calls:
            self._timer.stop()
