"""The radial profile of a power spectrum on the screen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pyqtgraph as pg  # type: ignore[import-untyped]
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_beamwatch._qt.curves.look import ON_DARK, ON_LIGHT, Look, dress, seen_through
from napari_beamwatch._qt.fft.spot_marks import PhaseRings
from napari_beamwatch.spectra.rings import RadialProfile

HEIGHT = 92


class ProfileView(QWidget):
    """Mean power over that of single counts against the frequency, with rings of phases."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plot_widget = pg.PlotWidget(parent=self)
        self.plot_widget.setMinimumSize(120, HEIGHT)
        self.plot = self.plot_widget.getPlotItem()
        self.plot.hideButtons()
        self.plot.setMenuEnabled(False)
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.setLabel("left", "power")
        self.noise = pg.InfiniteLine(1.0, angle=0)
        self.plot.addItem(self.noise, ignoreBounds=True)
        self.curves = [self.plot.plot(), self.plot.plot()]
        self._rings: list[Any] = []
        self._phases: tuple[PhaseRings, ...] = ()
        self._dark = True
        self.set_pixel_size(None)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot_widget)
        self.plot_widget.setToolTip("Mean power by frequency; 1 is the noise of single electrons")

    def set_look(self, look: Look) -> None:
        """Take on the colours of the window."""
        self._dark = look.dark
        self.plot_widget.setBackground(look.background)
        dress(self.plot, look)
        self.noise.setPen(pg.mkPen(look.faint, style=Qt.PenStyle.DotLine))
        self.curves[0].setPen(pg.mkPen(look.text, width=1.3))
        self.curves[1].setPen(pg.mkPen(look.mark, width=1.3))
        self.set_rings(self._phases)

    def set_pixel_size(self, pixel_size: float | None) -> None:
        """Frequencies in 1/nm, or in cycles per pixel where the pixel size is unknown."""
        self._pixel_size = pixel_size
        # What the axis shows of one cycle per pixel.
        self._unit = 1.0 if pixel_size is None else 10 / pixel_size
        self.plot.setLabel("bottom", "cycles/px" if pixel_size is None else "1/nm")

    def show_profiles(self, profiles: Sequence[RadialProfile], band: float) -> None:
        """Draw one profile, or two to compare, up to a frequency in cycles per pixel."""
        for i, curve in enumerate(self.curves):
            if i < len(profiles):
                shown = profiles[i].k <= band
                curve.setData(self._unit * profiles[i].k[shown], profiles[i].power[shown])
            else:
                curve.setData([], [])
        self.plot.setXRange(0, self._unit * band, padding=0)

    def set_rings(self, phases: Iterable[PhaseRings]) -> None:
        """Mark the rings of phases; spacings in Å need a pixel size."""
        self._phases = tuple(phases)
        for ring in self._rings:
            self.plot.removeItem(ring)
        self._rings = []
        colours = ON_DARK if self._dark else ON_LIGHT
        for i, phase in enumerate(self._phases if self._pixel_size is not None else ()):
            pen = pg.mkPen(seen_through(colours[i % len(colours)], 0.7), style=Qt.PenStyle.DashLine)
            for d in phase.d_A:
                ring = pg.InfiniteLine(10 / d, angle=90, pen=pen)
                self.plot.addItem(ring, ignoreBounds=True)
                self._rings.append(ring)
