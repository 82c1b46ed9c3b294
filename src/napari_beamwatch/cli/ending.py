"""Ends that are asked for: what the work holds is given back first."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def in_order() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the work as Ctrl+C does; unpacked movies and folders go away.

    Where somebody else answers to them, or asked for them to be ignored (nohup), he keeps them.
    """
    asked = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    if threading.current_thread() is not threading.main_thread():
        asked = []  # only the main thread may
    asked = [one for one in asked if signal.getsignal(one) is signal.SIG_DFL]

    def end(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    for one in asked:
        signal.signal(one, end)
    try:
        yield
    finally:
        for one in asked:
            signal.signal(one, signal.SIG_DFL)
