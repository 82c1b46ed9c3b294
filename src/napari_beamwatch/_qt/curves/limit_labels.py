"""Names of published limits, written beside their lines where they cover neither each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QBrush, QColor, QPen
from qtpy.QtWidgets import (
    QApplication,
    QGraphicsItem,
    QGraphicsRectItem,
    QGraphicsSimpleTextItem,
)

from napari_beamwatch._qt.curves.look import Look, seen_through
from napari_beamwatch._qt.fft.label_places import Box, free_places

GAP = 4
"""Pixels between a line and its label."""

RESERVED = (20, 0.05)
"""Pixels at the top, and part of the height, where the cursor says its dose."""

POINTS = 8
"""Size of the letters."""

COVER = 0.75
"""Opacity of what lies behind the letters: curves run there."""


class LimitLabels:
    """Labels in the view of a plot that stay beside their lines when it is zoomed or resized."""

    def __init__(self, plot: Any) -> None:
        self._box = plot.getViewBox()
        self.items: list[tuple[float, QGraphicsSimpleTextItem]] = []
        for changed in (self._box.sigRangeChanged, self._box.sigResized):
            changed.connect(lambda *_: self.place())

    def clear(self) -> None:
        """Remove all."""
        for _, item in self.items:
            item.setParentItem(None)
            scene = item.scene()
            if scene is not None:
                scene.removeItem(item)
        self.items = []

    def show(self, labels: Sequence[tuple[float, str, str]], look: Look) -> None:
        """Write labels: where their lines are on the axis, the words, and a tip."""
        self.clear()
        font = QApplication.font()
        font.setPointSize(POINTS)
        for at, words, tip in labels:
            item = QGraphicsSimpleTextItem(words, self._box)
            item.setFont(font)
            item.setBrush(QBrush(QColor(look.mark)))
            item.setToolTip(tip)
            behind = QGraphicsRectItem(item.boundingRect(), item)
            behind.setBrush(QBrush(seen_through(look.background, COVER)))
            behind.setPen(QPen(Qt.PenStyle.NoPen))
            behind.setFlag(QGraphicsItem.GraphicsItemFlag.ItemStacksBehindParent)
            self.items.append((at, item))
        self.place()

    def place(self) -> None:
        """Put each where there is room; one that has none is hidden, its line's tip tells."""
        width, height = self._box.width(), self._box.height()
        wishes = []
        for at, item in self.items:
            x = self._box.mapFromView(QPointF(at, 0)).x()
            size = item.boundingRect()
            top = int(RESERVED[0] + RESERVED[1] * height)
            rows = range(top, int(height - size.height()), max(1, int(size.height())))
            sides = (x + GAP + size.width() / 2, x - GAP - size.width() / 2)
            wishes.append(
                [
                    Box(side, y + size.height() / 2, size.width(), size.height())
                    for y in rows
                    for side in sides
                ]
                if 0 <= x <= width
                else []
            )
        places = free_places(wishes, [], Box(width / 2, height / 2, width, height))
        for (_, item), boxes, place in zip(self.items, wishes, places, strict=True):
            item.setVisible(place >= 0)
            if place >= 0:
                box = boxes[place]
                item.setPos(box.x - box.width / 2, box.y - box.height / 2)
