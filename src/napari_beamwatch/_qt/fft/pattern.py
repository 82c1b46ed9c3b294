"""The radial profile of diffraction patterns on the screen, with rings that were found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyqtgraph as pg  # type: ignore[import-untyped]
from qtpy.QtCore import QEvent, Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_beamwatch._qt.curves.look import ON_DARK, ON_LIGHT, Look, dress
from napari_beamwatch.spectra.diffraction import PatternProfile

APART = 14
"""Pixels of the screen between labels of rings: they are written upwards."""

ROOM = 0.35
"""Part of the height of the curve that is left above it for labels."""


class PatternView(QWidget):
    """Counts per pixel against the distance from the centre.

    Attributes
    ----------
    read : Signal(str)
        What is under the pointer; empty when it leaves.
    """

    read = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plot_widget = pg.PlotWidget(parent=self)
        self.plot = self.plot_widget.getPlotItem()
        self.plot.hideButtons()
        self.plot.setMenuEnabled(False)
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.setLabel("left", "counts/px")
        self.plot.setLogMode(y=True)
        self.curves = [self.plot.plot(), self.plot.plot()]
        self.labels: list[Any] = []
        self._lines: list[Any] = []
        self._rings = pd.DataFrame(columns=["d_A", "phase"])
        self._profiles: tuple[PatternProfile, ...] = ()
        self._dark, self._plain = True, "w"
        self.set_camera_constant(None)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot_widget)
        self.plot_widget.scene().sigMouseMoved.connect(self._on_move)
        self.plot_widget.viewport().installEventFilter(self)
        self.plot.getViewBox().sigResized.connect(lambda *_: self._place_labels())

    @property
    def names(self) -> list[str]:
        """Phases of the rings, in the order of their colours."""
        by_spacing = self._rings.sort_values("d_A", ascending=False)["phase"]
        return [str(name) for name in dict.fromkeys(by_spacing.dropna())]

    def set_look(self, look: Look) -> None:
        """Take on the colours of the window."""
        self._dark, self._plain = look.dark, look.text
        self.plot_widget.setBackground(look.background)
        dress(self.plot, look)
        self.curves[0].setPen(pg.mkPen(look.text, width=1.5))
        self.curves[1].setPen(pg.mkPen(look.mark, width=1.5))
        self._show_rings()

    def set_camera_constant(self, constant: float | None) -> None:
        """Distances in 1/nm, or in pixels where the camera constant (Å·px) is unknown."""
        self._constant = constant
        # What the axis shows of a pixel.
        self._unit = 1.0 if constant is None else 10 / constant
        self.plot.setLabel("bottom", "px" if constant is None else "1/nm")
        self._show_profiles()
        self._show_rings()

    def set_rings(self, rings: pd.DataFrame) -> None:
        """Mark rings: a row each, with `d_A` and `phase`, which may be unknown."""
        self._rings = rings
        self._show_rings()

    def show_profiles(self, profiles: Sequence[PatternProfile]) -> None:
        """Draw one profile, or two to compare."""
        self._profiles = tuple(profiles)
        self._show_profiles()

    def reading(self, radius: float) -> str:
        """What stands at a distance in pixels: its spacing and the counts there."""
        words = [f"{radius:.1f} px"]
        if self._constant is not None and radius > 0:
            words.insert(0, f"d {self._constant / radius:.3f} Å")
        for profile in self._profiles:
            if len(profile.radius) and profile.radius[0] <= radius <= profile.radius[-1]:
                mean = float(np.interp(radius, profile.radius, profile.mean))
                words.append(f"{mean:.3g} counts/px")
        return " · ".join(words)

    def _show_profiles(self) -> None:
        lowest, highest, far = np.inf, -np.inf, 0.0
        for i, curve in enumerate(self.curves):
            if i >= len(self._profiles) or not (self._profiles[i].mean > 0).any():
                curve.setData([], [])
                continue
            profile = self._profiles[i]
            some = profile.mean > 0
            curve.setData(self._unit * profile.radius[some], profile.mean[some])
            level = np.log10(profile.mean[some])
            lowest, highest = min(lowest, level.min()), max(highest, level.max())
            far = max(far, float(profile.radius[-1]))
        if far:
            self.plot.setXRange(0, self._unit * far, padding=0)
            tall = max(highest - lowest, 0.1)
            self.plot.setYRange(lowest - 0.05 * tall, highest + ROOM * tall, padding=0)
        self._place_labels()

    def _show_rings(self) -> None:
        for item in (*self._lines, *self.labels):
            self.plot.removeItem(item)
        self._lines, self.labels = [], []
        if self._constant is None:
            return
        colours = ON_DARK if self._dark else ON_LIGHT
        rings = self._rings.sort_values("d_A", ascending=False)
        phases = [name if isinstance(name, str) else "" for name in rings["phase"]]
        names = self.names
        for d, phase in zip(rings["d_A"].to_numpy(float).tolist(), phases, strict=True):
            colour = colours[names.index(phase) % len(colours)] if phase else self._plain
            pen = pg.mkPen(colour, style=Qt.PenStyle.SolidLine if phase else Qt.PenStyle.DotLine)
            line = pg.InfiniteLine(10 / d, angle=90, pen=pen)
            line.setOpacity(0.55)
            label = pg.TextItem(f"{d:.2f} Å", color=colour, angle=90, anchor=(1, 0.5))
            for item in (line, label):
                self.plot.addItem(item, ignoreBounds=True)
            self._lines.append(line)
            self.labels.append(label)
        self._place_labels()

    def _place_labels(self) -> None:
        """Write at the top beside each ring, where the one before leaves room."""
        box = self.plot.getViewBox()
        per_pixel = box.viewPixelSize()[0]
        (left, right), (_, top) = box.viewRange()
        last = -np.inf
        for line, label in zip(self._lines, self.labels, strict=True):
            at = line.value()
            shown = left < at < right and at - last > APART * per_pixel
            label.setVisible(shown)
            if shown:
                label.setPos(at + 0.5 * APART * per_pixel, top)
                last = at

    def _on_move(self, position: Any) -> None:
        box = self.plot.getViewBox()
        inside = box.sceneBoundingRect().contains(position)
        at = box.mapSceneToView(position).x() / self._unit if inside else 0.0
        self.read.emit(self.reading(at) if at > 0 else "")

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802 - Qt's name
        """Forget what was under the pointer when it leaves."""
        if event.type() == QEvent.Type.Leave:
            self.read.emit("")
        return bool(super().eventFilter(watched, event))
