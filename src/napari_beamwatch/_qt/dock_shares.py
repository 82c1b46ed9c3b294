"""How the docks below the picture share the window with it: a part of its height, and of the width.

Qt keeps the pixels of a dock and gives what a larger window brings to the picture alone, so that
the spectrum would stay a stamp on a large screen.
"""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, QSize, Qt, QTimer
from qtpy.QtWidgets import QApplication, QDockWidget, QMainWindow

from napari_beamwatch._napari.preferences import dock_shares, keep_dock_shares

LEAST, MOST = 15, 75
"""Percent that a share may be, as in the preferences."""

TALL = 1030
"""Pixels of a window in which the docks get their share below napari's lists, too."""

NAPARIS = ("layer controls", "layer list")
"""Docks of napari on the left."""

KEPT_MS = 600
"""After that a size that the user has drawn is remembered."""


class DockShares(QObject):
    """Keeps two docks, side by side, at their shares of a window.

    A size that the user has drawn becomes the share, and is remembered in napari's preferences.

    Parameters
    ----------
    window : QMainWindow
    left, right : QDockWidget
        Below the picture.
    """

    def __init__(self, window: QMainWindow, left: QDockWidget, right: QDockWidget) -> None:
        super().__init__(left)
        self._window, self._docks = window, (left, right)
        self._height, self._right = dock_shares()
        self._at = QSize()
        self._tabbed: tuple[QDockWidget, QDockWidget] | None = None
        self._soon, self._later = QTimer(self), QTimer(self)
        for timer, does, wait in (
            (self._soon, self.apply, 0),
            (self._later, self._keep, KEPT_MS),
        ):
            timer.setSingleShot(True)
            timer.setInterval(wait)
            timer.timeout.connect(does)
        window.installEventFilter(self)
        left.installEventFilter(self)

    def apply(self) -> None:
        """Give the docks their shares."""
        window, docks = self._window, list(self._docks)
        self._at = window.size()
        if any(dock.isFloating() or not dock.isVisible() for dock in docks):
            return
        self._make_room()
        spare = window.height() - window.minimumSizeHint().height()
        least = docks[0].minimumSizeHint().height()
        height = min(round(window.height() * self._height / 100), least + max(0, spare))
        layout = window.layout()
        if layout is not None:
            layout.activate()
        width = sum(dock.width() for dock in docks)
        right = round(width * self._right / 100)
        window.resizeDocks(docks, [height, height], Qt.Orientation.Vertical)
        window.resizeDocks(docks, [width - right, right], Qt.Orientation.Horizontal)

    def close(self) -> None:
        """Follow nothing more, and leave napari's lists as they were."""
        self._window.removeEventFilter(self)
        self._part_lists()

    def _make_room(self) -> None:
        """In a low window show napari's controls and list of layers one behind the other.

        One above the other they take most of its height, and leave the docks below them a strip.
        """
        window = self._window
        if window.height() >= TALL:
            self._part_lists()
            return
        controls, layers = (window.findChild(QDockWidget, name) for name in NAPARIS)
        if self._tabbed or controls is None or layers is None:
            return
        there = all(one.isVisible() and not one.isFloating() for one in (controls, layers))
        if there and not window.tabifiedDockWidgets(layers):
            window.tabifyDockWidget(controls, layers)
            layers.raise_()
            self._tabbed = (controls, layers)

    def _part_lists(self) -> None:
        """Show napari's lists one above the other again, if it was us who changed that."""
        if self._tabbed:
            # Of docks that are tabbed Qt splits none: one is taken out and comes in again.
            _, layers = self._tabbed
            self._window.removeDockWidget(layers)
            self._window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, layers)
            layers.show()
            self._tabbed = None

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Follow the window, and the hand that draws at the border between picture and docks."""
        if event is not None and event.type() == QEvent.Type.Close and watched is self._window:
            self._part_lists()  # before napari remembers where its docks are
        elif event is not None and event.type() == QEvent.Type.Resize:
            if watched is self._window:
                self._soon.start()
            elif self._window.size() == self._at and _is_drawing():
                self._later.start()
        return super().eventFilter(watched, event)

    def _keep(self) -> None:
        """What was drawn is the share from now on."""
        left, right = (dock.width() for dock in self._docks)
        if self._window.height() < 1 or left + right < 1:
            return
        self._height = _percent(self._docks[0].height(), self._window.height())
        self._right = _percent(right, left + right)
        keep_dock_shares(self._height, self._right)


def _percent(part: int, whole: int) -> int:
    return min(max(round(100 * part / whole), LEAST), MOST)


def _is_drawing() -> bool:
    return bool(QApplication.mouseButtons() & Qt.MouseButton.LeftButton)
