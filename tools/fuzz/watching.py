"""One input, tried: what came of it, how long it took, what it reached for."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
import time
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_beamwatch.errors import BeamwatchError
from tools.fuzz.doors import ReachedOutError, open_door

GOOD = ("read", "refused")
BAD = ("foreign", "hang", "memory", "crash", "reached", "warned")
"""Foreign exceptions and bad sentences; too long; too much; a process that died; what lies outside
of the input; warnings of numpy on the terminal."""

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
CHANGES = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate",
           "os.chmod", "shutil.rmtree")  # fmt: skip
FORBIDDEN = ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect")
UNPICKLED = (os.system.__module__, "os", "subprocess")
"""Modules that no pickle of a library needs; that of `damage.CODE` does."""

REHEARSAL = "movies/formats/hdf5_rehearsal.py"
"""Starts a process of ours that reads an HDF5 file first."""

TEMPORARY = os.path.realpath(tempfile.gettempdir())

LONGEST_SENTENCE = 2000


@dataclass(frozen=True)
class Outcome:
    """What came of an input.

    Attributes
    ----------
    kind : str
        One of `GOOD` or `BAD`.
    what : str
        The exception and the line of ours that raised it, alike for inputs that fail alike.
    said : str
        Sentence or traceback.
    seconds, megabytes : float
    """

    kind: str
    what: str = ""
    said: str = ""
    seconds: float = 0.0
    megabytes: float = 0.0


def attempt(door: str, path: Path, *, whole: bool, outside: Path) -> Outcome:
    """Hand in one input.

    Parameters
    ----------
    door : str
    path : Path
    whole : bool
        It must be read.
    outside : Path
        A folder that nothing in the input may lead to.
    """
    _forget_peak()
    before, begun = _resident("VmRSS"), time.perf_counter()
    reached: list[str] = []
    with _audited(outside, reached), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", RuntimeWarning)
        kind, what, said = _tried(door, path)
    if kind == "refused" and whole:
        kind, what = "foreign", "a whole file is refused"
    if reached:
        kind, what, said = "reached", reached[0], "\n".join(reached)
    elif kind in GOOD and warned and door == "numbers":
        one = warned[0]
        what = f"RuntimeWarning {_ours(str(one.filename))}:{one.lineno}"
        kind, said = "warned", str(one.message)
    seconds = time.perf_counter() - begun
    return Outcome(kind, what, said, seconds, max(0.0, _resident("VmHWM") - before))


def _tried(door: str, path: Path) -> tuple[str, str, str]:
    try:
        open_door(door, path)
    except ReachedOutError as error:
        return "reached", str(error), traceback.format_exc()
    except BeamwatchError as error:
        if _of_memory(error):
            return "memory", f"MemoryError {_line(error)}", traceback.format_exc()
        fault = _fault(str(error))
        if fault:
            return "foreign", f"{fault} {_line(error)}", traceback.format_exc()
        return "refused", "", str(error)
    except MemoryError as error:
        return "memory", f"MemoryError {_line(error)}", traceback.format_exc()
    except BaseException as error:
        return "foreign", f"{type(error).__name__} {_line(error)}", traceback.format_exc()
    return "read", "", ""


def _of_memory(error: BaseException | None) -> bool:
    """Whether a refusal comes of memory that ran out: with more of it, it would be taken."""
    while error is not None:
        if isinstance(error, MemoryError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _fault(sentence: str) -> str:
    if not sentence.strip():
        return "an error without words"
    if "Traceback" in sentence:
        return "a traceback in a sentence"
    if len(sentence) > LONGEST_SENTENCE:
        return "an endless sentence"
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", sentence):
        return "a sentence with signs that steer a terminal"
    return ""


def _line(error: BaseException) -> str:
    """The innermost line of ours that an error went through."""
    ours = [
        frame for frame in traceback.extract_tb(error.__traceback__)
        if "napari_beamwatch" in frame.filename
    ] or traceback.extract_tb(error.__traceback__)  # fmt: skip
    return f"{_ours(ours[-1].filename)}:{ours[-1].lineno}"


def _ours(file: str) -> str:
    return file.rsplit("napari_beamwatch/", 1)[-1].rsplit("site-packages/", 1)[-1]


# What is reached for

_now: tuple[str, list[str]] | None = None


@contextlib.contextmanager
def _audited(outside: Path, reached: list[str]) -> Any:
    global _now
    if not _audit.installed:  # type: ignore[attr-defined]
        sys.addaudithook(_audit)
        _audit.installed = True  # type: ignore[attr-defined]
    _now = (str(outside), reached)
    try:
        yield
    finally:
        _now = None


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if _now is None:
        return
    outside, reached = _now
    if event in FORBIDDEN or (event == "pickle.find_class" and args[0] in UNPICKLED):
        asked = _asked_by()
        if not asked.startswith(REHEARSAL):
            reached.append(f"{event} {asked}")
    elif event == "open" and isinstance(args[0], str | bytes | os.PathLike):
        path = os.path.realpath(os.fsdecode(args[0]))
        writes = isinstance(args[2], int) and args[2] & WRITING
        if path.startswith(outside) or (writes and not _may_be_written(path)):
            reached.append(f"open of a file outside{' to write' if writes else ''} {_asked_by()}")
    elif event in CHANGES and isinstance(args[0], str | bytes | os.PathLike):
        path = os.path.realpath(os.fsdecode(args[0]))
        if path.startswith(outside) or not _may_be_written(path):
            reached.append(f"{event} outside {_asked_by()}")


_audit.installed = False  # type: ignore[attr-defined]


def _may_be_written(path: str) -> bool:
    """Temporary files, and the caches of Python and numba."""
    cached = "__pycache__" in path or path.endswith((".pyc", ".nbi", ".nbc"))
    return cached or path == os.devnull or path.startswith(TEMPORARY)


def _asked_by() -> str:
    frame = sys._getframe(2)
    while frame is not None:
        if "napari_beamwatch/" in frame.f_code.co_filename:
            return f"{_ours(frame.f_code.co_filename)}:{frame.f_lineno}"
        frame = frame.f_back
    return "by a library"


# Memory


def _resident(which: str) -> float:
    """Megabytes of this process, now (VmRSS) or at most since `_forget_peak` (VmHWM)."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            lines = [line.split() for line in file if line.startswith(which)]
        return float(lines[0][1]) / 1024
    except (OSError, IndexError):
        return 0.0


def _forget_peak() -> None:
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")
