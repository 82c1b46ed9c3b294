"""The row above the damage curves, and their legend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import cast

from qtpy.QtCore import Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QSpinBox, QWidget

from napari_beamwatch._qt.curves.data import Course, Curve, FrameAxis, usual_average
from napari_beamwatch._qt.curves.view import SYMBOLS
from napari_beamwatch.results.frame_axis import Along

SIGNS = dict(zip(SYMBOLS, "●■▼◆★✚", strict=True))


WIDEST = {"page": 92, "along_box": 86, "spacing_as": 78}
"""Pixels of a choice, as its words need: the row must not be what makes the dock wide."""

WIDE_ENOUGH = "min-width: 80px"
"""Of a number of two digits between napari's buttons; its style overrules what Qt is told."""


class CurvesControls(QWidget):
    """Which page, along which axis, the spacing how, how many frames averaged, and a copy.

    Attributes
    ----------
    changed : Signal()
        The curves are to be drawn another way.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.page = self._choice(
            ("curves", "survival"), "Curves of spots and places, or of all places"
        )
        self.along_box = self._choice((), "What the curves are drawn against")
        self.spacing_as = self._choice(("Δd %", "d"), "Spacing as its change, or as it is")
        for name, width in WIDEST.items():
            getattr(self, name).setMaximumWidth(width)
        self.average = QSpinBox(self)
        self.average.setRange(1, 1)
        self.average.setPrefix("n = ")
        self.average.setStyleSheet(WIDE_ENOUGH)
        self.average.setToolTip("Frames averaged in the lines; the dots are single frames")
        self.average.setKeyboardTracking(False)
        self.copy = QPushButton("copy", self)
        self.copy.setToolTip("Copy what is shown as an image")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for control in (self.page, self.along_box, self.spacing_as, self.average):
            row.addWidget(control)
        row.addStretch(1)
        row.addWidget(self.copy)
        self.page.currentIndexChanged.connect(self._on_page)
        self._wanted = ""
        self.along_box.textActivated.connect(self._on_along)
        for box in (self.along_box, self.spacing_as):
            box.currentIndexChanged.connect(self.changed)
        self.average.valueChanged.connect(self.changed)

    @property
    def along(self) -> Along:
        """The axis the curves are drawn against."""
        return cast(Along, self.along_box.currentText() or "frame")

    @property
    def in_percent(self) -> bool:
        """Whether the spacing is shown as its change."""
        return self.spacing_as.currentIndex() == 0

    def offer(self, axis: FrameAxis) -> None:
        """Offer what is known of these frames; a choice stays where it can. Emits nothing."""
        frames = len(axis.frame)
        for box in (self.along_box, self.average):
            box.blockSignals(True)
        self.along_box.clear()
        self.along_box.addItems([name for name in ("dose", "time", "frame") if name in axis.ends])
        self.along_box.setCurrentText(self._wanted)
        self.average.setMaximum(max(1, frames))
        self.average.setValue(usual_average(frames))
        for box in (self.along_box, self.average):
            box.blockSignals(False)

    def _on_along(self, name: str) -> None:
        self._wanted = name

    def _on_page(self, page: int) -> None:
        for control in (self.along_box, self.spacing_as, self.average):
            control.setVisible(page == 0)

    def _choice(self, names: Sequence[str], tip: str) -> QComboBox:
        box = QComboBox(self)
        box.addItems(list(names))
        box.setToolTip(tip)
        return box


class CurvesLegend(QLabel):
    """Names of the curves in their colours, with their signs."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.RichText)

    def set_curves(
        self,
        curves: Sequence[Curve],
        colours: Mapping[str, str],
        courses: Sequence[Course] = (),
        more: str = "",
    ) -> None:
        """Name these curves and the fits through them."""
        count: dict[str, int] = {}
        words = []
        for curve in curves:
            region = curve.key[0]
            i = count[region] = count.get(region, -1) + 1
            sign = SIGNS[SYMBOLS[i % len(SYMBOLS)]]
            words.append(
                f'<span style="white-space:nowrap; color:{colours[region]}">'
                f"{sign} {escape(curve.label)}</span>"
            )
        if courses:
            words.append("<b>━</b> fit")
        if more:
            words.append(more)
        self.setText(" &nbsp; ".join(words))
