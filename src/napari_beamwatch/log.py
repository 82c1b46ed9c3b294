"""The one logger, ``napari_beamwatch``, and how ``--verbose`` shows what it is told.

As a library the package is silent: who wants its words takes the logger by its name. Loggers of
others are left as they are.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.harmless import printable

LOG = logging.getLogger("napari_beamwatch")
LOG.addHandler(logging.NullHandler())


def why_failed(what: object, error: Exception) -> str:
    """Why one of several failed, in words; what nobody thought of is logged with its place."""
    if isinstance(error, BeamwatchError):
        return str(error)
    if isinstance(error, OSError | MemoryError):  # a full disk, a drive that went away
        return str(error) or type(error).__name__
    LOG.error("%s failed", what, exc_info=error)
    return f"{type(error).__name__}: {error}; please report this, -v tells where it was"


@contextmanager
def told_on_terminal(wanted: bool) -> Iterator[None]:
    """While inside, what is logged is told on stderr, each line with the seconds since the start.

    Parameters
    ----------
    wanted : bool
        Where it is not, nothing changes.
    """
    if not wanted:
        yield
        return
    teller = logging.StreamHandler(sys.stderr)
    teller.setFormatter(_Seconds())
    before, through = LOG.level, LOG.propagate
    LOG.addHandler(teller)
    LOG.setLevel(logging.DEBUG)
    # Else a handler that somebody's library gave the root says every line again.
    LOG.propagate = False
    try:
        yield
    finally:
        LOG.removeHandler(teller)
        LOG.setLevel(before)
        LOG.propagate = through


class _Seconds(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = f"{record.relativeCreated / 1000:7.2f} s  {printable(record.getMessage())}"
        if record.exc_info is None:
            return line
        trace = self.formatException(record.exc_info).splitlines()
        return "\n".join([line, *map(printable, trace)])
