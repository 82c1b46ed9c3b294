"""A word on the terminal while the package is loaded, which takes some seconds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

WORD = "loading …"


@contextmanager
def said_to_load(*, wanted: bool = True) -> Iterator[None]:
    """Say so on a terminal while inside, and leave it as it was."""
    shown = wanted and sys.stderr.isatty()
    if shown:
        sys.stderr.write(f"\r{WORD}")
        sys.stderr.flush()
    try:
        yield
    finally:
        if shown:
            sys.stderr.write("\r" + " " * len(WORD) + "\r")
            sys.stderr.flush()
