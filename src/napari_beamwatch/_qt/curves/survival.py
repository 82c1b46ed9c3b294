"""Places that keep their lattice over the dose, on the screen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg  # type: ignore[import-untyped]
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_beamwatch._qt.curves.look import ON_DARK, ON_LIGHT, Look, dress, seen_through
from napari_beamwatch.damage.field.survival import Survival
from napari_beamwatch.quantities import dose_text
from napari_beamwatch.results.frame_axis import LABELS


class SurvivalView(QWidget):
    """Turnbull's curve with its 95 % band, and what it says in words."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plot_widget = pg.PlotWidget(parent=self)
        self.plot = self.plot_widget.getPlotItem()
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.setLabel("left", "undamaged lattice")
        self.plot.setLabel("bottom", LABELS["dose"])
        self.words = QLabel(self)
        self.words.setWordWrap(True)
        self._items: list[Any] = []
        self._survival: Survival | None = None
        self._last_dose: float | None = None
        self._look: Look | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot_widget, 1)
        layout.addWidget(self.words)
        self.set_survival(None, None)

    def set_look(self, look: Look) -> None:
        """Take on the colours of the window."""
        self._look = look
        self.plot_widget.setBackground(look.background)
        dress(self.plot, look)
        self._draw()

    def set_survival(self, survival: Survival | None, last_dose: float | None) -> None:
        """Show a curve, drawn on to the last dose of the record."""
        self._survival, self._last_dose = survival, last_dose
        self._draw()

    def _draw(self) -> None:
        for item in self._items:
            self.plot.removeItem(item)
        self._items = []
        found = self._survival
        if found is None:
            self.words.setText("No places yet: run the analysis.")
            return
        # Between doses at which it is known it is drawn straight; after the last it holds.
        last = max(float(found.dose[-1]), self._last_dose or 0.0)
        x = np.append(found.dose, last)
        value, low, high = (np.append(v, v[-1]) for v in (found.survival, found.low, found.high))
        colour = (ON_DARK if self._look is None or self._look.dark else ON_LIGHT)[1]
        edges = [pg.PlotCurveItem(x, v) for v in (low, high)]
        self._add(pg.FillBetweenItem(*edges, seen_through(colour, 0.22)))
        self._add(pg.PlotCurveItem(x, value, pen=pg.mkPen(colour, width=2)))
        self.plot.setXRange(0, last, padding=0.01)
        self.plot.setYRange(0, 1, padding=0.04)
        half = "half of the lattice not within the record"
        if found.median == found.median:
            half = f"half of the lattice by {dose_text(found.median)}"
            if found.median_low == found.median_low and found.median_high == found.median_high:
                half += f" [{dose_text(found.median_low)}–{dose_text(found.median_high)}]"
            half += " e/Å²"
        self.words.setText(f"{found.events} of {found.places} places damaged; {half}.")

    def _add(self, item: Any) -> None:
        self.plot.addItem(item, ignoreBounds=True)
        self._items.append(item)
