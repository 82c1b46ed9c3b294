"""The scale of the onset map: a bar of colours, and how what has no onset looks."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QRectF, Qt
from qtpy.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QWidget

from napari_beamwatch._napari.map_scale import WITHOUT_DOSE, MapScale
from napari_beamwatch.quantities import dose_text

STOPS = 12
BAR, LINE = 10, 18


class MapLegend(QWidget):
    """Paints a `MapScale`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setToolTip(
            "Onset map: the colour of a place, or of a window, is the dose at which it changed."
        )
        self._scale: MapScale | None = None
        self._hatched = True
        self.setVisible(False)

    def show_scale(self, scale: MapScale | None, hatched: bool = True) -> None:
        """Show a scale, or nothing; windows are hatched where places have words."""
        self._scale, self._hatched = scale, hatched
        self.setVisible(scale is not None)
        if scale is not None:
            bar = BAR + LINE if np.isfinite(scale.low) else 0
            self.setFixedHeight(bar + (LINE if scale.statuses else 0) + 4)
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Paint the bar with its ends, and a sample of each status."""
        scale = self._scale
        if scale is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text = self.palette().color(self.foregroundRole())
        top = 0.0
        if np.isfinite(scale.low):
            self._paint_bar(painter, scale, text)
            top = float(BAR + LINE)
        left = 0.0
        for status in scale.statuses:
            left = self._paint_status(painter, status, left, top, text)
        painter.end()

    def _paint_bar(self, painter: QPainter, scale: MapScale, text: QColor) -> None:
        parts = np.linspace(0, 1, STOPS)
        colours = scale.colours(scale.low + parts * (scale.high - scale.low))
        gradient = QLinearGradient(0, 0, self.width(), 0)
        for part, colour in zip(parts, colours, strict=True):
            gradient.setColorAt(float(part), QColor.fromRgbF(*(float(c) for c in colour)))
        painter.fillRect(QRectF(0, 0, self.width(), BAR), gradient)
        painter.setPen(text)
        line = QRectF(0, BAR, self.width(), LINE)
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft, dose_text(scale.low))
        painter.drawText(line, Qt.AlignmentFlag.AlignRight, f"{dose_text(scale.high)} {scale.unit}")
        painter.drawText(
            line,
            Qt.AlignmentFlag.AlignHCenter,
            "onset of a window" if self._hatched else "onset of a place",
        )

    def _paint_status(
        self, painter: QPainter, status: str, left: float, top: float, text: QColor
    ) -> float:
        colour = QColor.fromRgbF(*WITHOUT_DOSE[status])
        box = QRectF(left + 1, top + 3, 11, 11)
        painter.fillRect(box, QColor(0, 0, 0))
        painter.setPen(QPen(colour, 1.5))
        painter.drawRect(box)
        if status == "ambiguous" and self._hatched:
            painter.drawLine(box.bottomLeft(), box.topRight())
        if status == "damaged_at_start" and self._hatched:
            painter.drawLine(box.bottomLeft(), box.topRight())
            painter.drawLine(box.topLeft(), box.bottomRight())
        words = status.replace("_", " ")
        width = self.fontMetrics().horizontalAdvance(words)
        painter.setPen(text)
        painter.drawText(
            QRectF(left + 17, top, width + 4, LINE), Qt.AlignmentFlag.AlignVCenter, words
        )
        return left + 17 + width + 12
