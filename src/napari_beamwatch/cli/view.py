"""``beamwatch view``: the desk, with a movie or a run in it."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import open_movie

WINDOW = "napari_beamwatch._qt.window"


def view(file: str) -> bool:
    """Open the window; True if it ended well.

    napari runs in a process of its own, for it wants the main thread and ends the process.
    """
    if find_spec("napari") is None or find_spec("qtpy") is None:
        raise BeamwatchError("there is no napari here: pip install napari-beamwatch[qt]")
    path = Path(file)
    run = path if path.name == "run.json" else path / "run.json"
    if run.is_file():
        path = run
    else:
        open_movie(file)  # what is wrong with it is said here, not in a window
    if not _has_display():
        raise BeamwatchError("there is no display here: `beamwatch analyze` needs none")
    words = [sys.executable, "-m", WINDOW, str(path)]
    return subprocess.run(words, check=False).returncode == 0


def _has_display() -> bool:
    if not sys.platform.startswith("linux"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))
