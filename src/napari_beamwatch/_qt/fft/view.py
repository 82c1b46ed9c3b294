"""One power spectrum on the screen, with its axes, spots and rings."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyqtgraph as pg  # type: ignore[import-untyped]
from qtpy.QtCore import QEvent, QRectF, Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtGui import QBrush, QColor, QResizeEvent
from qtpy.QtWidgets import QGraphicsSimpleTextItem, QVBoxLayout, QWidget

from napari_beamwatch import columns
from napari_beamwatch._qt.curves.look import Look, dress
from napari_beamwatch._qt.fft.picture import Picture, nearest_power
from napari_beamwatch._qt.fft.spot_marks import PhaseRings, SpectrumMarks, spacing

AXIS = 18
"""Height in pixels of the lower axis, which has no label below it."""

ON_PICTURE = "#8d939c"
"""Colour of what is written on the dark picture, or beside it."""

REACH = 8
"""Pixels of the screen within which the pointer is at a spot."""


class SpectrumView(QWidget):
    """A power spectrum: upwards as displayed, frequency zero in the middle.

    Attributes
    ----------
    clicked : Signal(float, float, float)
        Where there is no mark: gy and gx in cycles per pixel, of the half plane of the table of
        spots (gx ≥ 0), and how far the click may be off.
    pointed : Signal(int, bool)
        A spot that is marked was clicked; whether to choose it besides others.
    unwanted : Signal(float, float)
        gy and gx of a marked or expected spot that was clicked with the right button.
    read : Signal(str)
        What is under the pointer; empty when it leaves.
    zoomed : Signal(float, object)
        Highest frequency in sight, in cycles per pixel, and what is in sight (QRectF).
    """

    clicked = Signal(float, float, float)
    pointed = Signal(int, bool)
    unwanted = Signal(float, float)
    read = Signal(str)
    zoomed = Signal(float, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plot_widget = pg.PlotWidget(parent=self)
        self.plot = self.plot_widget.getPlotItem()
        self.plot.hideButtons()
        self.plot.setMenuEnabled(False)
        self.plot.setAspectLocked(True)
        self.image = pg.ImageItem(axisOrder="row-major")
        self.plot.addItem(self.image)
        self.marks = SpectrumMarks(self.plot)
        self._axis_unit = QGraphicsSimpleTextItem(self.plot.getViewBox())
        self._axis_unit.setBrush(QBrush(QColor(ON_PICTURE)))
        self._axis_unit.setZValue(10)
        self._spots = pd.DataFrame(columns=list(columns.SPOTS))
        self._selected: frozenset[int] = frozenset()
        self._expected: tuple[tuple[float, float], ...] = ()
        self._sight = QRectF(-1, -1, 2, 2)
        self.picture: Picture | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot_widget)
        scene = self.plot_widget.scene()
        scene.sigMouseMoved.connect(self._on_move)
        scene.sigMouseClicked.connect(self._on_click)
        box = self.plot.getViewBox()
        box.setBackgroundColor("k")  # what is written may reach beyond the picture: it stays dark
        box.sigRangeChangedManually.connect(self._on_zoom)
        box.sigResized.connect(lambda *_: self._place_unit())
        for changed in (box.sigRangeChanged, box.sigResized):
            changed.connect(lambda *_: self.marks.place_labels())
        self.plot_widget.viewport().installEventFilter(self)
        self.set_pixel_size(None)

    def set_look(self, look: Look) -> None:
        """Take on the colours of the window."""
        self.plot_widget.setBackground(look.background)
        dress(self.plot, look)
        self.plot.getAxis("bottom").setHeight(AXIS)

    def set_pixel_size(self, pixel_size: float | None) -> None:
        """Axes in 1/nm, or in cycles per pixel where the pixel size is unknown."""
        self._pixel_size = pixel_size
        # What the axes show of one cycle per pixel.
        self._unit = 1.0 if pixel_size is None else 10 / pixel_size
        unit = "cycles/px" if pixel_size is None else "1/nm"
        self.plot.setLabel("bottom", unit)
        # Below the axis it would take from the picture, which is square and never large enough.
        self.plot.getAxis("bottom").showLabel(False)
        self._axis_unit.setText(unit)
        self._place_unit()

    def set_band(self, band: float) -> None:
        """Look at frequencies up to `band` cycles per pixel along x and y."""
        half = band * self._unit
        self.set_sight(QRectF(-half, -half, 2 * half, 2 * half))

    def set_sight(self, sight: QRectF) -> None:
        """Look at a part of the plane, in the units of the axes."""
        self._sight = sight
        self.plot.getViewBox().setRange(sight, padding=0.0, disableAutoRange=True)

    def show_picture(self, picture: Picture | None) -> None:
        """Draw a spectrum in place of the last."""
        self.picture = picture
        if picture is None:
            self.image.clear()
            return
        # Grey levels are ready: with levels of its own the image is drawn without a copy.
        self.image.setImage(picture.pixels, autoLevels=False, levels=(0, 255))
        self.image.setRect(QRectF(*(self._unit * side for side in picture.box)))

    def set_spots(self, spots: pd.DataFrame) -> None:
        """Mark spots, both of each Friedel pair, and label the strongest with their spacing."""
        self._spots = spots
        self._show_marks()

    def set_selected(self, selected: Collection[int]) -> None:
        """Let some spots stand out and dim the others; none: all are alike."""
        if frozenset(selected) != self._selected:
            self._selected = frozenset(selected)
            self._show_marks()

    def set_expected(self, frequencies: Sequence[tuple[float, float]]) -> None:
        """Mark where spots, gy and gx in cycles per pixel, are expected but not found."""
        self._expected = tuple(frequencies)
        self.marks.show_expected(self._expected, self._unit)

    def set_rings(self, phases: Iterable[PhaseRings]) -> None:
        """Draw the powder rings of phases; spacings in Å need a pixel size."""
        self.marks.show_rings([] if self._pixel_size is None else list(phases))
        self.marks.place_labels()

    def reading(self, gy: float, gx: float) -> str:
        """What stands at a frequency (cycles per pixel): spacing, angle and power, or the spot."""
        row = self._spot_near(gy, gx)
        if row is not None:
            error = f" ± {row.d_se_A:.3f}" if row.d_A == row.d_A and row.d_se_A > 0 else ""
            words = [f"spot {row.spot + 1}: d {spacing(row)}{error} {self._length}"]
            words += [f"{row.angle_deg:.1f}°", f"SNR {row.snr:.0f}"]
            return " · ".join(words)
        g = math.hypot(gy, gx)
        if g == 0:
            return ""
        d = 1 / g if self._pixel_size is None else self._pixel_size / g
        digits = 2 if self._pixel_size is None else 3
        words = [f"d {d:.{digits}f} {self._length}", f"{angle_of(gy, gx):.1f}°"]
        if self.picture is not None:
            power = nearest_power(self.picture.spectrum, gy, gx)
            words += [f"{power:.1f} × noise"] if power == power else []
        return " · ".join(words)

    @property
    def _length(self) -> str:
        return "px" if self._pixel_size is None else "Å"

    @property
    def _reach(self) -> float:
        """How far the pointer may be off, in cycles per pixel."""
        return float(REACH * self.plot.getViewBox().viewPixelSize()[0] / self._unit)

    def _place_unit(self) -> None:
        """Write the unit of the axes into the lower right corner of the picture."""
        box, size = self.plot.getViewBox(), self._axis_unit.boundingRect()
        self._axis_unit.setPos(box.width() - size.width() - 3, box.height() - size.height() - 1)
        self.marks.corner = (size.width() + 6, size.height() + 2)

    def _show_marks(self) -> None:
        self.marks.show_spots(self._spots, self._selected, self._unit)
        self.marks.place_labels()

    def _spot_near(self, gy: float, gx: float) -> Any:
        """The row of the spot that the pointer is at, or None."""
        nearest = self._nearest(self._spots[["gy_per_px", "gx_per_px"]].to_numpy(float), gy, gx)
        return None if nearest is None else next(self._spots.iloc[[nearest]].itertuples())

    def _nearest(self, g: Any, gy: float, gx: float) -> int | None:
        """Which of some frequencies, or their Friedel mates, the pointer is at."""
        if not len(g):
            return None
        y, x = np.asarray(g, float).T
        off = np.minimum(np.hypot(y - gy, x - gx), np.hypot(y + gy, x + gx))
        nearest = int(off.argmin())
        return nearest if off[nearest] <= self._reach else None

    def _frequency(self, position: Any) -> tuple[float, float] | None:
        """The frequency at a position of the scene, or None outside the axes."""
        box = self.plot.getViewBox()
        if not box.sceneBoundingRect().contains(position):
            return None
        point = box.mapSceneToView(position)
        return -point.y() / self._unit, point.x() / self._unit

    def _on_move(self, position: Any) -> None:
        at = self._frequency(position)
        self.read.emit("" if at is None else self.reading(*at))

    def _on_click(self, event: Any) -> None:
        at = self._frequency(event.scenePos())
        if at is None or event.double():
            return
        row, expected = self._spot_near(*at), self._nearest(self._expected, *at)
        if event.button() == Qt.MouseButton.RightButton:
            if row is not None:
                self.unwanted.emit(row.gy_per_px, row.gx_per_px)
            elif expected is not None:
                self.unwanted.emit(*self._expected[expected])
        elif event.button() == Qt.MouseButton.LeftButton and row is not None:
            several = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
            self.pointed.emit(int(row.spot), bool(event.modifiers() & several))
        elif event.button() == Qt.MouseButton.LeftButton and expected is None:
            gy, gx = at
            # The table keeps one of each Friedel pair: that with gx of 0 or more.
            sign = -1.0 if gx < 0 else 1.0
            self.clicked.emit(sign * gy, sign * gx, self._reach)

    def _on_zoom(self, *_: object) -> None:
        self._sight = QRectF(self.plot.getViewBox().viewRect())
        (left, right), (bottom, top) = self.plot.getViewBox().viewRange()
        # The longer side shows more than was asked for, since the scale is the same along both.
        furthest = min(max(abs(left), abs(right)), max(abs(bottom), abs(top)))
        self.zoomed.emit(min(0.5, furthest / self._unit), self._sight)

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802 - Qt's name
        """Keep the same part of the plane in sight."""
        super().resizeEvent(event)
        self.set_sight(self._sight)

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802 - Qt's name
        """Forget what was under the pointer when it leaves."""
        if event.type() == QEvent.Type.Leave:
            self.read.emit("")
        return bool(super().eventFilter(watched, event))


def angle_of(gy: float, gx: float) -> float:
    """Direction of g in degrees, counter-clockwise from +x as displayed, in (−90, 90]."""
    angle = math.degrees(math.atan2(0.0 - gy, gx))  # of -0.0 the angle would have a sign
    if angle > 90:
        return angle - 180
    return angle + 180 if angle <= -90 else angle
