"""The one decorator of every compiled kernel."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

from numba import njit


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


@cache
def _say_uncached() -> None:
    warnings.warn(
        "no folder can be written to for compiled kernels: they are compiled again at every "
        "start. Set NUMBA_CACHE_DIR to a folder of your own",
        RuntimeWarning,
        stacklevel=3,
    )
