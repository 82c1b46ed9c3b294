"""Locks that the system takes back when their holder ends, however it ends."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from napari_beamwatch.errors import BeamwatchError

LOOK_AGAIN = 0.02
"""Seconds between looks at whether a lock is free."""


class NoLocksError(OSError):
    """The disk knows no locks, as some on a network."""


@contextmanager
def alone(path: Path, patience: float) -> Iterator[None]:
    """Hold the lock that is a file, which is there only as long as somebody holds it.

    On a disk that knows no locks everybody is taken to be alone.

    Parameters
    ----------
    path : Path
    patience : float
        Seconds to wait for others.

    Raises
    ------
    BeamwatchError
        If another still holds it then.
    OSError
        If the file cannot be made.
    """
    handle = None
    until = time.monotonic() + patience
    with suppress(NoLocksError):
        while (handle := lock(path)) is None:
            if time.monotonic() > until:
                raise BeamwatchError(f"another program is writing to {path.parent}: try later")
            time.sleep(LOOK_AGAIN)
    try:
        yield
    finally:
        if handle is not None:
            unlock(handle, path)


def lock(path: Path, *, make: bool = True) -> int | None:
    """Take the lock that is a file: a handle for `unlock`, or None while another holds it."""
    flags = os.O_RDWR | (os.O_CREAT if make else 0) | getattr(os, "O_NOFOLLOW", 0)
    handle = os.open(path, flags, 0o666)
    try:
        # Whoever held it before may have removed the file that was just opened.
        if _taken(handle) and _is(handle, path):
            return handle
    except OSError as error:
        os.close(handle)
        if make:
            path.unlink(missing_ok=True)
        raise NoLocksError(*error.args) from None
    os.close(handle)
    return None


def unlock(handle: int, path: Path) -> None:
    """Give a lock back, and remove its file."""
    if sys.platform == "win32":  # where an open file cannot be removed, ours or another's
        os.close(handle)
    with suppress(OSError):
        path.unlink()
    if sys.platform != "win32":
        os.close(handle)


def _is(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _taken(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

else:
    import fcntl

    def _taken(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
