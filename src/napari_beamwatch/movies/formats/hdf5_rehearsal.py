"""HDF5 files are opened by another process first.

The library crashes over about one in two thousand damaged files, which would take the
program and its window along, and may loop over others. So a process that may die walks
through each file beforehand; where it dies or takes too long, the file is refused in words.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections import OrderedDict
from pathlib import Path

from napari_beamwatch.errors import BeamwatchError

SCRIPT = Path(__file__).with_name("hdf5_rehearse.py")
LIMIT = 8
"""Seconds that walking through a file may take."""

KEPT = 64
"""Files that are not walked through again while they stay as they are."""

_Identity = tuple[str, int, int, int]


class _Rehearsal:
    """The other process, started when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._done: OrderedDict[_Identity, int] = OrderedDict()

    def outcome(self, path: Path) -> int:
        """0, or minus the signal that ended the walk."""
        status = os.stat(path)
        identity = (str(path.absolute()), status.st_ino, status.st_size, status.st_mtime_ns)
        with self._lock:
            found = self._done.get(identity)
            if found is None:
                found = self._asked(identity[0])
                self._done[identity] = found
                while len(self._done) > KEPT:
                    self._done.popitem(last=False)
        return found

    def _asked(self, path: str) -> int:
        try:
            process = self._process or self._started()
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(path) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except OSError:
            answer = ""
        except BaseException:  # cancelled: what it answers later is no answer to the next file
            self.stop()
            raise
        if not answer.strip():
            # No interpreter to be had, or none that knows h5py: then without.
            self.stop()
            return 0
        return int(answer)

    def _started(self) -> subprocess.Popen[str]:
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(SCRIPT), str(LIMIT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        return self._process

    def stop(self) -> None:
        """End the other process."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()


_REHEARSAL = _Rehearsal()
if hasattr(os, "register_at_fork"):
    # A forked child has a process of its own, or two would read each other's answers.
    os.register_at_fork(after_in_child=_REHEARSAL.__init__)  # type: ignore[misc]  # made anew


def rehearse(path: Path) -> None:
    """Refuse a file that the HDF5 library crashes over, or does not come to an end with.

    Only where processes can be forked; elsewhere nothing is done.
    """
    if not hasattr(os, "fork"):
        return
    ended = -_REHEARSAL.outcome(path)
    if ended == signal.SIGALRM:
        raise BeamwatchError(
            f"{path} keeps the HDF5 library busy for more than {LIMIT} s: it is damaged, or not "
            "meant well"
        )
    if ended:
        raise BeamwatchError(f"{path} is damaged in a way that crashes the HDF5 library")
