"""Intensity and spacing of spots over the dose, and the cursor of the frame in sight."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg  # type: ignore[import-untyped]
from qtpy.QtCore import Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_beamwatch._qt.curves.data import Course, Curve, FrameAxis, averaged
from napari_beamwatch._qt.curves.look import Look, dress, seen_through
from napari_beamwatch.results.frame_axis import LABELS, Along

SYMBOLS = ("o", "s", "t", "d", "star", "+")
DASHES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine)

AXIS_WIDTH = 46
"""Of both plots, so that they begin at the same place."""


class CurvesView(QWidget):
    """Two plots over one axis: relative intensity, and below it the spacing.

    Attributes
    ----------
    place_chosen : Signal(float)
        Where on the axis somebody clicked or dragged the cursor to.
    """

    place_chosen = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.graphics = pg.GraphicsLayoutWidget(parent=self)
        self.graphics.ci.layout.setSpacing(0)
        self.graphics.ci.layout.setContentsMargins(2, 4, 6, 0)
        self.intensity = self.graphics.addPlot(row=0, col=0)
        self.spacing = self.graphics.addPlot(row=1, col=0)
        self.plots = (self.intensity, self.spacing)
        self.graphics.ci.layout.setRowStretchFactor(0, 5)
        self.graphics.ci.layout.setRowStretchFactor(1, 3)
        self.spacing.setXLink(self.intensity)
        self.intensity.setLabel("left", "rel. intensity")
        self.intensity.getAxis("bottom").setStyle(showValues=False)
        self.cursors = []
        for plot in self.plots:
            plot.setMenuEnabled(False)
            plot.setMouseEnabled(x=True, y=True)
            cursor = pg.InfiniteLine(angle=90, movable=True)
            cursor.setZValue(100)
            cursor.sigDragged.connect(self._on_drag)
            cursor.setVisible(False)
            plot.addItem(cursor, ignoreBounds=True)
            self.cursors.append(cursor)
        self.reading = pg.InfLineLabel(self.cursors[0], "", position=0.95, anchors=[(0, 0), (1, 0)])
        self._drawn: list[tuple[Any, Any]] = []
        self._look: Look | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.graphics)
        self.graphics.scene().sigMouseClicked.connect(self._on_click)

    def set_look(self, look: Look) -> None:
        """Take on the colours of the window."""
        self._look = look
        self.graphics.setBackground(look.background)
        for plot, cursor in zip(self.plots, self.cursors, strict=True):
            dress(plot, look)
            cursor.setPen(pg.mkPen(look.text, width=1.5))
            cursor.setHoverPen(pg.mkPen(look.text, width=3))
            plot.getAxis("left").setWidth(AXIS_WIDTH)
        # The axis of the lower plot serves both.
        self.intensity.getAxis("bottom").setHeight(6)
        self.reading.setColor(look.text)

    def show_curves(
        self,
        curves: Sequence[Curve],
        axis: FrameAxis,
        along: Along,
        colours: Mapping[str, str],
        average: int,
        percent: bool,
        fitted: Collection[str] = (),
    ) -> None:
        """Draw curves in place of the last: all frames as dots, their means as lines with bands.

        Of regions that are fitted the means are thin, without a band: the fit has its own.
        """
        for plot, item in self._drawn:
            plot.removeItem(item)
        self._drawn = []
        self.spacing.setLabel("bottom", LABELS[along])
        unit = curves[0].unit if curves else "Å"
        self.spacing.setLabel("left", "Δd (%)" if percent else f"d ({unit})")
        sights: tuple[list[float], list[float]] = ([0.0, 1.2], [])
        count: dict[str, int] = {}
        for curve in curves:
            region = curve.key[0]
            i = count[region] = count.get(region, -1) + 1
            x = axis.middles(along, curve.frame)
            shown = curve.spacing_shown(percent)
            self._scatter(x, curve.intensity, colours[region], i, average)
            for plot, (y, se), sight in (
                (self.intensity, (curve.intensity, curve.intensity_se), sights[0]),
                (self.spacing, shown, sights[1]),
            ):
                points = averaged(x, y, se, average)
                if plot is self.intensity and region in fitted:
                    self._line(points[0], points[1], colours[region], i, 0.8)
                elif plot is self.intensity:
                    self._band(*points, colours[region], i)
                else:
                    self._bars(*points, colours[region], i)
                if len(points[1]):  # a single wild point must not flatten all curves
                    sight += [float(q) for q in np.quantile(points[1], (0.02, 0.98))]
        self._look_at(axis, along, sights)

    def show_courses(
        self,
        courses: Sequence[Course],
        axis: FrameAxis,
        along: Along,
        colours: Mapping[str, str],
    ) -> None:
        """Draw fitted courses with their bands over the curves."""
        for course in courses:
            colour, x = colours[course.region], axis.middles(along, course.frame)
            low, high = pg.PlotCurveItem(x, course.low), pg.PlotCurveItem(x, course.high)
            band = pg.FillBetweenItem(low, high, seen_through(colour, 0.3))
            line = pg.PlotCurveItem(x, course.intensity, pen=pg.mkPen(colour, width=3))
            for item in (band, line):
                item.setToolTip(f"{course.region}, crystal {course.crystal + 1}: fit, 95 % band")
                self._add(self.intensity, item)

    def set_cursor(self, place: float, words: str) -> None:
        """Move the cursor; the curves are not touched."""
        for cursor in self.cursors:
            cursor.setVisible(True)
            cursor.setValue(place)
        self.reading.setText(words)

    def hide_cursor(self) -> None:
        """Show no cursor: there is no frame to point at."""
        for cursor in self.cursors:
            cursor.setVisible(False)

    def _look_at(
        self, axis: FrameAxis, along: Along, sights: tuple[list[float], list[float]]
    ) -> None:
        edges = axis.edges(along)
        if len(edges):
            self.intensity.setXRange(float(edges[0]), float(edges[-1]), padding=0.01)
        for plot, sight in zip(self.plots, sights, strict=True):
            if sight:
                plot.setYRange(min(sight), max(sight), padding=0.12)

    def _scatter(self, x: Any, y: Any, colour: str, i: int, average: int) -> None:
        dots = pg.ScatterPlotItem(
            x=x, y=y, size=3 if average > 1 else 4, symbol=SYMBOLS[i % len(SYMBOLS)], pen=None,
            brush=seen_through(colour, 0.45 if average > 1 else 0.9),
        )  # fmt: skip
        self._add(self.intensity, dots)

    def _band(self, x: Any, y: Any, se: Any, colour: str, i: int) -> None:
        low, high = pg.PlotCurveItem(x, y - se), pg.PlotCurveItem(x, y + se)
        self._add(self.intensity, pg.FillBetweenItem(low, high, seen_through(colour, 0.22)))
        self._line(x, y, colour, i, 1.6)

    def _line(self, x: Any, y: Any, colour: str, i: int, width: float) -> None:
        pen = pg.mkPen(colour, width=width, style=DASHES[i % len(DASHES)])
        self._add(self.intensity, pg.PlotCurveItem(x, y, pen=pen))

    def _bars(self, x: Any, y: Any, se: Any, colour: str, i: int) -> None:
        bars = pg.ErrorBarItem(x=x, y=y, height=2 * np.nan_to_num(se), pen=pg.mkPen(colour))
        self._add(self.spacing, bars)
        symbol = SYMBOLS[i % len(SYMBOLS)]
        self._add(
            self.spacing,
            pg.ScatterPlotItem(x=x, y=y, size=5, symbol=symbol, pen=None, brush=colour),
        )

    def _add(self, plot: Any, item: Any) -> None:
        plot.addItem(item, ignoreBounds=True)
        self._drawn.append((plot, item))

    def _on_drag(self, cursor: Any) -> None:
        self.place_chosen.emit(float(cursor.value()))

    def _on_click(self, event: Any) -> None:
        if event.button() != Qt.MouseButton.LeftButton or event.double():
            return
        for plot in self.plots:
            box = plot.getViewBox()
            if box.sceneBoundingRect().contains(event.scenePos()):
                self.place_chosen.emit(float(box.mapSceneToView(event.scenePos()).x()))
