"""The one decorator of every compiled kernel."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from numba import njit
from numba.core import event
from numpy.typing import NDArray


def kernel(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function so that it lets other threads run, and keep what was compiled.

    Where neither the package's folder nor the user's cache can be written to, it is compiled
    again in every process, which takes some seconds, and that is said once. A folder for
    temporary files would not do: what is kept is loaded and run, and others may write there.

    Parameters
    ----------
    **options
        As numba's ``njit`` takes them.
    """

    def compiled(function: Callable[..., Any]) -> Any:
        try:
            return njit(nogil=True, cache=True, **options)(function)
        except RuntimeError:  # numba has found no folder for its cache
            _say_uncached()
            return njit(nogil=True, **options)(function)

    return compiled


def in_one_layout(values: NDArray[Any]) -> NDArray[Any]:
    """The same values, contiguous and not to be written to.

    Kernels are compiled for each layout that they meet: of slices, of files that are mapped, and of
    what may be written to, for up to two seconds each.
    """
    values = np.ascontiguousarray(values).view()
    values.flags.writeable = False
    return values


@contextmanager
def told_of_compiling(tell: Callable[[bool], object]) -> Iterator[None]:
    """While inside, say when compiling begins (True) and when it ends.

    On a computer's first run that takes twenty seconds in all, and nothing else is told meanwhile.
    It may be any thread that says so.
    """
    with event.install_listener("numba:compile", _Compiling(tell)):
        yield


class _Compiling(event.Listener):  # type: ignore[misc]  # numba has no types
    """Hears of kernels of this package; what they are made of is compiled within them."""

    def __init__(self, tell: Callable[[bool], object]) -> None:
        self._tell = tell

    def on_start(self, event: Any) -> None:
        if _is_ours(event):
            self._tell(True)

    def on_end(self, event: Any) -> None:
        if _is_ours(event):
            self._tell(False)


def _is_ours(event: Any) -> bool:
    module = str(event.data["dispatcher"].py_func.__module__)
    return module.partition(".")[0] == __name__.partition(".")[0]


@cache
def _say_uncached() -> None:
    warnings.warn(
        "no folder can be written to for compiled kernels: they are compiled again at every "
        "start. Set NUMBA_CACHE_DIR to a folder of your own",
        RuntimeWarning,
        stacklevel=3,
    )
