"""``beamwatch view``: the desk, with a movie, a run or a summary in it."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import open_movie

WINDOW = "napari_beamwatch._qt.window"

RECORDS = ("run.json", "summary.json")
"""Of a run and of a summary, in their folders."""


def view(file: str, *, verbose: bool = False) -> bool:
    """Open the window; True if it ended well.

    napari runs in a process of its own, for it wants the main thread and ends the process.
    """
    path = Path(file)
    records = [path if path.name == name else path / name for name in RECORDS]
    there = [record for record in records if record.is_file()]
    if there:
        path = there[0]
    else:
        open_movie(file)  # what is wrong with it is said here, not in a window
    if not _has_display():
        raise BeamwatchError("there is no display here: `beamwatch analyze` needs none")
    _check_qt()
    words = [sys.executable, "-m", WINDOW, str(path), *(["--verbose"] if verbose else [])]
    status = subprocess.run(words, check=False).returncode
    if status < 0:  # Qt ends the process where it finds no screen
        raise BeamwatchError(
            f"the window was ended by signal {-status}: what is said above tells why; if it is the "
            "display that cannot be reached, `beamwatch analyze` needs none"
        )
    return status == 0


def _check_qt() -> None:
    """Refuse to go on without a binding of Qt that can be imported."""
    try:
        import_module("qtpy.QtWidgets")
    except ImportError as error:
        raise BeamwatchError(
            f"there is no Qt here to open a window with ({error}): "
            'pip install "napari-beamwatch[qt]"'
        ) from None


def _has_display() -> bool:
    if not sys.platform.startswith("linux"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))
