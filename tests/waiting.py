"""Waiting for what a window does by itself."""

from __future__ import annotations

import time
from collections.abc import Callable

from qtpy.QtWidgets import QApplication


def wait_until(done: Callable[[], bool], seconds: float = 60) -> None:
    """Let the window live until something is done."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "waited in vain"
        QApplication.processEvents()
        time.sleep(0.01)
