"""Hooks of readers and writers stand in napari's palette of commands, too, which has no file."""

from __future__ import annotations

from napari.utils.notifications import show_info


def say_where_files_go() -> None:
    """Tell who runs a hook by hand how files are opened and saved."""
    show_info(
        "Drop a movie, a folder of stills or a run on the window to open it; "
        "File ▸ Save Selected Layers saves a run."
    )
