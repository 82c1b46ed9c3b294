"""The rows above and below the live spectrum: what is asked of it, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QSpinBox, QWidget

from napari_beamwatch._qt.curves.look import ON_DARK, ON_LIGHT

SUM_WIDTH = 124
"""Pixels of the box of the running sum: napari's buttons and three digits."""

WHAT_TO_DO = "click: add or choose a spot · right-click: remove"
OF_PATTERNS = "lines: rings that were found"


class OneLine(QLabel):
    """Words on one line; what there is no room for is left out, and the tooltip has all.

    Parameters
    ----------
    elided : Qt.TextElideMode
        Where letters are left out once there are no more whole words to leave out.
    """

    def __init__(self, elided: Qt.TextElideMode, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._elided = elided
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._words: tuple[str, ...] = ()

    def say(self, *words: str) -> None:
        """Say several things; those in the middle are left out first."""
        if words != self._words:
            self._words = words
            self.setToolTip(self.said)
            self._fit()

    @property
    def said(self) -> str:
        """All that is said, whether there is room for it or not."""
        return " · ".join(self._words)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Any width will do."""
        return QSize(0, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802 - Qt's name
        """Say as much as there is room for now."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        metrics, first, last = self.fontMetrics(), self._words[:1], self._words[-1:]
        # The style may keep some room around the words.
        around = max(0, self.sizeHint().width() - metrics.horizontalAdvance(self.text()))
        room = self.width() - around
        tries = [self.said]
        if len(self._words) > 2:
            tries.append(" · ".join((*first, *last)))
        for words in tries:
            if metrics.horizontalAdvance(words) <= room:
                break
        self.setText(metrics.elidedText(words, self._elided, room))


class SpectrumControls(QWidget):
    """Heading, frames of the running sum, brightness, and whether two are compared."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.heading = OneLine(Qt.TextElideMode.ElideMiddle, self)
        self.running_sum = QSpinBox(self)
        self.running_sum.setRange(1, 1)
        self.running_sum.setPrefix("sum of ")
        self.running_sum.setMaximumWidth(SUM_WIDTH)
        self.running_sum.setKeyboardTracking(False)
        self.running_sum.setToolTip("Frames added up: more make spots stand out")
        self.logarithmic = self._button("log", "Brightness by the logarithm of the power")
        self.compare = self._button(
            "before / after", "Just before the damage beside just after it, or beside now"
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.heading, 1)
        for control in (self.running_sum, self.logarithmic, self.compare):
            row.addWidget(control)

    def _button(self, words: str, tip: str) -> QPushButton:
        button = QPushButton(words, self)
        button.setToolTip(tip)
        button.setCheckable(True)
        return button


class SpectrumFoot(QWidget):
    """What the pointer is at, and the phases whose rings are drawn."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.reading = OneLine(Qt.TextElideMode.ElideRight, self)
        self.legend = QLabel(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.reading, 1)
        row.addWidget(self.legend)
        self.set_patterns(False)

    def set_reading(self, words: str) -> None:
        """Say what is under the pointer, or else what to do with it."""
        self.reading.say(words or self._usual)

    def set_patterns(self, patterns: bool) -> None:
        """Whether what is shown is of diffraction patterns."""
        self._usual = OF_PATTERNS if patterns else WHAT_TO_DO
        self.set_reading("")

    def set_phases(self, names: Sequence[str], dark: bool) -> None:
        """Name phases in the colours of their rings."""
        colours = ON_DARK if dark else ON_LIGHT
        spans = [
            f'<span style="color:{colours[i % len(colours)]}">{escape(name)}</span>'
            for i, name in enumerate(names)
        ]
        self.legend.setText("rings: " + " ".join(spans) if spans else "")
