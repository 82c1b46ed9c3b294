"""One pool of threads for every ``nogil`` kernel of the package.

numba's own ``parallel=True`` is not used anywhere: on its workqueue layer two Python
threads inside a parallel region abort the process, and a desktop always has two.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import TypeVar

In = TypeVar("In")
Out = TypeVar("Out")

_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None
_here = threading.local()
_share: int | None = None


def thread_count() -> int:
    """Processors this process may run on, or its share of them."""
    return _share or processor_count()


def processor_count() -> int:
    """Processors this process may run on."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


def share_processors(processes: int) -> None:
    """Leave room for others: so many processes work side by side, of which this is one."""
    global _share
    _share = -(-processor_count() // processes)


def free_threads() -> int:
    """Threads that one task may use: all of them, but only its own inside the pool.

    A task in the pool must never wait for another one there, so what would spread itself
    over threads when called from outside runs on one when called from a task.
    """
    return 1 if getattr(_here, "in_pool", False) else thread_count()


def shared_pool() -> ThreadPoolExecutor:
    """The pool that kernels run in; made on first use."""
    global _pool
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(
                thread_count(), thread_name_prefix="beamwatch", initializer=_enter_pool
            )
        return _pool


def spread(work: Callable[[In], Out], items: Iterable[In]) -> Iterator[Out]:
    """Results of `work` on items, over the shared threads unless called from one of them."""
    return map(work, items) if free_threads() == 1 else shared_pool().map(work, items)


def one_blas_thread() -> AbstractContextManager[object]:
    """While inside, BLAS uses one thread a call: the pool's tasks are its parallelism.

    Its own threads, started from several of ours at once for matrices this small, wait for each
    other longer than they work.
    """
    from threadpoolctl import threadpool_limits  # looks through all loaded libraries

    limits: AbstractContextManager[object] = threadpool_limits(1, user_api="blas")
    return limits


def _enter_pool() -> None:
    _here.in_pool = True


def _forget_pool() -> None:
    # Threads do not survive a fork; the child makes its own pool.
    global _pool, _lock
    _pool = None
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)
