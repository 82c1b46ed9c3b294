"""How the docks below the picture share the window with it: a part of its height, and of the width.

Qt keeps the pixels of a dock and gives what a larger window brings to the picture alone, so that
the spectrum would stay a stamp on a large screen.
"""

from __future__ import annotations

from weakref import ref

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
        # Weakly, or the window would not be let go of when it is closed.
        self._window_ref, self._dock_refs = ref(window), (ref(left), ref(right))
        self._height, self._right = dock_shares()
        self._at = QSize()
        self._tabbed = False
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

    def _there(self) -> tuple[QMainWindow, list[QDockWidget]] | None:
        """The window and the docks, as long as there are any."""
        window, docks = self._window_ref(), [dock() for dock in self._dock_refs]
        found = [dock for dock in docks if dock is not None]
        return None if window is None or len(found) < len(docks) else (window, found)

    def apply(self) -> None:
        """Give the docks their shares."""
        there = self._there()
        if there is None:
            return
        window, docks = there
        self._at = window.size()
        if any(dock.isFloating() or not dock.isVisible() for dock in docks):
            return
        self._make_room(window)
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
        window = self._window_ref()
        if window is not None:
            window.removeEventFilter(self)
            self._part_lists(window)

    def _make_room(self, window: QMainWindow) -> None:
        """In a low window show napari's controls and list of layers one behind the other.

        One above the other they take most of its height, and leave the docks below them a strip.
        """
        if window.height() >= TALL:
            self._part_lists(window)
            return
        controls, layers = (window.findChild(QDockWidget, name) for name in NAPARIS)
        if self._tabbed or controls is None or layers is None:
            return
        there = all(one.isVisible() and not one.isFloating() for one in (controls, layers))
        if there and not window.tabifiedDockWidgets(layers):
            window.tabifyDockWidget(controls, layers)
            layers.raise_()
            self._tabbed = True

    def _part_lists(self, window: QMainWindow) -> None:
        """Show napari's lists one above the other again, if it was us who changed that."""
        layers = window.findChild(QDockWidget, NAPARIS[1])
        if self._tabbed and layers is not None:
            # Of docks that are tabbed Qt splits none: one is taken out and comes in again.
            window.removeDockWidget(layers)
            window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, layers)
            layers.show()
        self._tabbed = False

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Follow the window, and the hand that draws at the border between picture and docks."""
        window, kind = self._window_ref(), None if event is None else event.type()
        if window is not None and kind == QEvent.Type.Close and watched is window:
            self._part_lists(window)  # before napari remembers where its docks are
        elif window is not None and kind == QEvent.Type.Resize:
            if watched is window:
                self._soon.start()
            elif window.size() == self._at and _is_drawing():
                self._later.start()
        return super().eventFilter(watched, event)

    def _keep(self) -> None:
        """What was drawn is the share from now on."""
        there = self._there()
        if there is None:
            return
        window, (left, right) = there
        self._height = _percent(left.height(), window.height())
        self._right = _percent(right.width(), left.width() + right.width())
        keep_dock_shares(self._height, self._right)


def _percent(part: int, whole: int) -> int:
    return min(max(round(100 * part / max(whole, 1)), LEAST), MOST)


def _is_drawing() -> bool:
    return bool(QApplication.mouseButtons() & Qt.MouseButton.LeftButton)
