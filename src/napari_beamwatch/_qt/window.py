"""The window of ``beamwatch view``: napari with the desk in it, and a movie, a run or a summary."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import napari
from qtpy.QtGui import QGuiApplication

from napari_beamwatch._qt.commands import open_desk
from napari_beamwatch._qt.panel import Beamwatch
from napari_beamwatch.log import told_on_terminal

SIZE = (1600, 1000)
"""Pixels of the window, where the screen has them: there is room for all docks."""


def furnish(viewer: Any, path: Path) -> Beamwatch:
    """Put the desk into a window and open a movie, or the record of a run or a summary, on it."""
    window = viewer.window
    screen = QGuiApplication.primaryScreen()
    if screen is not None:
        free = screen.availableGeometry()
        window.resize(min(SIZE[0], free.width()), min(SIZE[1], free.height()))
    desk = open_desk(viewer)
    if path.name == "run.json":
        desk.open_run(path.parent)
    elif path.name == "summary.json":
        desk.open_summary(path.parent)
    else:
        desk.open_movie(path)
    return desk


if __name__ == "__main__":
    with told_on_terminal("--verbose" in sys.argv[2:]):
        furnish(napari.Viewer(), Path(sys.argv[1]))
        napari.run(gui_exceptions=True)
