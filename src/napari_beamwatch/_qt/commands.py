"""What napari's palette of commands offers: it opens the panel where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari import current_viewer
from qtpy.QtWidgets import QFileDialog

from napari_beamwatch._qt.keys import desk_in
from napari_beamwatch._qt.panel import Beamwatch

DOCK = "Beamwatch (Beamwatch)"
"""As the menu of napari calls it: by another name it would open a second one."""


def open_desk(viewer: Any) -> Beamwatch:
    """The panel of a window; one is put into it where there is none."""
    found: Beamwatch | None = desk_in(viewer)
    if found is None:
        found = Beamwatch(viewer)
        viewer.window.add_dock_widget(found, name=DOCK, area="right")
    return found


def desk() -> Beamwatch:
    """The panel of the window in front."""
    viewer = current_viewer()
    assert viewer is not None  # or there were no palette
    return open_desk(viewer)


def open_movie() -> None:
    """Ask for a movie, and open it."""
    panel = desk()
    path, _ = QFileDialog.getOpenFileName(panel, "Open a movie")
    if path:
        panel.open_movie(Path(path))


def open_movie_with() -> None:
    """Ask for a movie and how it is opened."""
    desk().show_opening()


def open_run() -> None:
    """Ask for the folder of a run, and open it."""
    panel = desk()
    folder = QFileDialog.getExistingDirectory(panel, "Open a run")
    if folder:
        panel.open_run(Path(folder))


def open_summary() -> None:
    """Ask for the folder of a summary, and open it."""
    desk().ask_for_summary()


def show_live() -> None:
    """Ask what is to be watched while it is written."""
    desk().show_live()


def show_batch() -> None:
    """Analyse many movies."""
    desk().show_batch()


def show_sum() -> None:
    """Add up the undamaged frames."""
    desk().show_sum()


def show_plan() -> None:
    """Plan the next movie."""
    desk().show_plan()


def run() -> None:
    """Analyse the movie."""
    desk().run()


def cancel() -> None:
    """Stop what is going on."""
    desk().cancel()


def find_spots() -> None:
    """Find spots without following them."""
    desk().find_spots()


def draw_region() -> None:
    """Draw a rectangle on the picture."""
    desk().draw_region()


def show_form() -> None:
    """Show every setting."""
    desk().show_form()


def show_ring() -> None:
    """Ask for a powder ring that tells the camera constant."""
    desk().show_ring()


def open_docks() -> None:
    """Show the damage curves and the live FFT."""
    desk().open_docks()


def toggle_map() -> None:
    """Show or hide the onset map."""
    desk().toggle_map()


def show_before() -> None:
    """Show the last frame before the onset."""
    desk().show_before()


def show_after() -> None:
    """Show the first frame that holds the onset."""
    desk().show_after()
