"""Docks below the picture: what they are in, and how more than two of them share the room."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget


def dock_around(widget: QWidget) -> QDockWidget | None:
    """The dock that a widget is in."""
    parent = widget.parent()
    while parent is not None and not isinstance(parent, QDockWidget):
        parent = parent.parent()
    return parent


def dock_below(viewer: Any, widget: QWidget, name: str) -> QDockWidget:
    """The dock of a widget, below the picture; one that was closed comes back."""
    found = dock_around(widget)
    if found is None:
        # What napari returns may be a stand-in that hides Qt's own methods.
        viewer.window.add_dock_widget(widget, name=name, area="bottom")
        found = dock_around(widget)
    assert found is not None
    window = found.parent()
    if isinstance(window, QMainWindow):
        # The panel keeps its height: the corner below it is its own.
        window.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
    found.show()
    return found


def behind(first: QDockWidget, others: list[QDockWidget]) -> None:
    """Let others stand behind a dock below the picture, as tabs: there is no room beside it."""
    window = first.parent()
    if not isinstance(window, QMainWindow):
        return
    below = Qt.DockWidgetArea.BottomDockWidgetArea
    for dock in others:
        there = window.dockWidgetArea(dock) == below and not dock.isFloating()
        if there and dock.isVisible() and dock not in window.tabifiedDockWidgets(first):
            window.tabifyDockWidget(first, dock)
            dock.raise_()
