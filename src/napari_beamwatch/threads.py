"""One pool of threads for every ``nogil`` kernel of the package.

numba's own ``parallel=True`` is not used anywhere: on its workqueue layer two Python
threads inside a parallel region abort the process, and a desktop always has two.
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None


def thread_count() -> int:
    """Processors this process may run on."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


def shared_pool() -> ThreadPoolExecutor:
    """The pool that kernels run in; made on first use.

    A task in it must never wait for another task in it: callers submit from outside.
    """
    global _pool
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(thread_count(), thread_name_prefix="beamwatch")
        return _pool


def _forget_pool() -> None:
    # Threads do not survive a fork; the child makes its own pool.
    global _pool, _lock
    _pool = None
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)
