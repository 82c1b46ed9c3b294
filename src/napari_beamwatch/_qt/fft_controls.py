"""The rows above and below the live spectrum: what is asked of it, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QSpinBox, QWidget

from napari_beamwatch._qt.curves_look import ON_DARK, ON_LIGHT


class SpectrumControls(QWidget):
    """Heading, frames of the running sum, brightness, and whether two are compared."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.heading = QLabel(self)
        self.heading.setTextFormat(Qt.TextFormat.PlainText)
        self.heading.setWordWrap(True)
        self.running_sum = QSpinBox(self)
        self.running_sum.setRange(1, 1)
        self.running_sum.setPrefix("sum of ")
        self.running_sum.setMaximumWidth(136)
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
        self.reading = QLabel(self)
        # Long words must not make the dock wider.
        self.reading.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.legend = QLabel(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.reading, 1)
        row.addWidget(self.legend)
        self.set_reading("")

    def set_reading(self, words: str) -> None:
        """Say what is under the pointer, or else what to do with it."""
        self.reading.setText(words or "hover: d, angle · click: add a spot")

    def set_phases(self, names: Sequence[str], dark: bool) -> None:
        """Name phases in the colours of their rings."""
        colours = ON_DARK if dark else ON_LIGHT
        spans = [
            f'<span style="color:{colours[i % len(colours)]}">{escape(name)}</span>'
            for i, name in enumerate(names)
        ]
        self.legend.setText("rings: " + " ".join(spans) if spans else "")
