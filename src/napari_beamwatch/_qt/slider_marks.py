"""Marks on napari's time slider at the onsets, in the colours of their regions."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QEvent, QObject, QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent
from qtpy.QtWidgets import QScrollBar, QStyle, QStyleOptionSlider, QWidget

WIDTH = 3.0
"""Of a mark, in pixels."""

Mark = tuple[int, str]
"""Step of the slider, and a colour."""


class SliderMarks(QObject):
    """Lays marks over the slider; where napari's window has no such slider, it does nothing."""

    def __init__(self) -> None:
        super().__init__()
        self._overlay: _Overlay | None = None

    def show_marks(self, window: QWidget | None, axis: int, marks: Sequence[Mark]) -> None:
        """Mark steps of an axis of the viewer in a window."""
        self.clear()
        slider = _time_slider(window, axis)
        if slider is None or not marks:
            return
        self._overlay = _Overlay(slider, tuple(marks))
        self._overlay.destroyed.connect(self._on_gone)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """What is marked."""
        return () if self._overlay is None else self._overlay.marks

    def clear(self) -> None:
        """Mark nothing."""
        if self._overlay is not None:
            overlay, self._overlay = self._overlay, None
            overlay.destroyed.disconnect(self._on_gone)
            overlay.setParent(None)
            overlay.deleteLater()

    def _on_gone(self, *_: object) -> None:
        """The window took the slider away, and the overlay with it."""
        self._overlay = None


class _Overlay(QWidget):
    """Paints the marks; the mouse goes through it to the slider."""

    def __init__(self, slider: QScrollBar, marks: tuple[Mark, ...]) -> None:
        super().__init__(slider)
        self._slider, self.marks = slider, marks
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setGeometry(slider.rect())
        slider.installEventFilter(self)
        self.show()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Stay as large as the slider."""
        if event is not None and event.type() == QEvent.Type.Resize:
            self.setGeometry(self._slider.rect())
        return bool(super().eventFilter(watched, event))

    def place(self, step: int) -> float:
        """Where a step of the slider lies, in pixels: the middle of the handle there."""
        slider, style = self._slider, self._slider.style()
        option = QStyleOptionSlider()
        slider.initStyleOption(option)
        assert style is not None
        control = QStyle.ComplexControl.CC_ScrollBar
        groove, handle = (
            style.subControlRect(control, option, part, slider)
            for part in (QStyle.SubControl.SC_ScrollBarGroove, QStyle.SubControl.SC_ScrollBarSlider)
        )
        steps = max(1, slider.maximum() - slider.minimum())
        part = (step - slider.minimum()) / steps
        return groove.x() + handle.width() / 2 + part * (groove.width() - handle.width())

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Paint a bar at each mark."""
        painter = QPainter(self)
        for step, colour in self.marks:
            bar = QRectF(self.place(step) - WIDTH / 2, 0, WIDTH, self.height())
            painter.fillRect(bar, QColor(colour))
        painter.end()


def _time_slider(window: QWidget | None, axis: int) -> QScrollBar | None:
    """The slider of an axis: napari has no public way to it, so its lack is no error."""
    for widget in [] if window is None else window.findChildren(QWidget):
        if type(widget).__name__ == "QtDims":
            sliders = getattr(widget, "slider_widgets", [])
            if 0 <= axis < len(sliders):
                found = getattr(sliders[axis], "slider", None)
                return found if isinstance(found, QScrollBar) else None
    return None
