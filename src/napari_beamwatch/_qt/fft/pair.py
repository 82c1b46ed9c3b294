"""One power spectrum, or two of them side by side."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pandas as pd
from qtpy.QtCore import QRectF, Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_beamwatch._qt.curves.look import Look
from napari_beamwatch._qt.fft.picture import Picture
from napari_beamwatch._qt.fft.spot_marks import PhaseRings
from napari_beamwatch._qt.fft.view import SpectrumView

ANY_WIDTH = (1 << 24) - 1
"""Qt's own word for no limit."""


class SpectrumPair(QWidget):
    """Two spectra that show the same part of the plane; the second may be hidden.

    Attributes
    ----------
    clicked : Signal(object, float, float, float)
        The `PowerSpectrum` that was clicked, and as `SpectrumView.clicked`.
    pointed, unwanted
        As those of `SpectrumView`, of either.
    read : Signal(str)
        As `SpectrumView.read`, of either.
    zoomed : Signal(float)
        Highest frequency in sight, in cycles per pixel.
    """

    clicked = Signal(object, float, float, float)
    pointed = Signal(int, bool)
    unwanted = Signal(float, float)
    read = Signal(str)
    zoomed = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.views = (SpectrumView(self), SpectrumView(self))
        self.titles = (QLabel(self), QLabel(self))
        self._places = (QWidget(self), QWidget(self))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for place, title, view in zip(self._places, self.titles, self.views, strict=True):
            column = QVBoxLayout(place)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(0)
            title.setAlignment(Qt.AlignmentFlag.AlignCenter)
            column.addWidget(title)
            column.addWidget(view, 1)
            row.addWidget(place, 1)
            view.clicked.connect(self._on_click)
            view.pointed.connect(self.pointed)
            view.unwanted.connect(self.unwanted)
            view.read.connect(self.read)
            view.zoomed.connect(self._on_zoom)
        self.set_two(False)

    def set_two(self, two: bool) -> None:
        """Show both, with a title each, or the first alone without."""
        self._two = two
        self._places[1].setVisible(two)
        for title in self.titles:
            title.setVisible(two)

    def set_widest(self, width: int | None) -> None:
        """Limit the width of each; None is no limit."""
        count = 2 if self._two else 1
        self.setMaximumWidth(ANY_WIDTH if width is None else count * width)

    def set_look(self, look: Look) -> None:
        """Take on the colours of the window."""
        for view in self.views:
            view.set_look(look)

    def set_plane(self, pixel_size: float | None, band: float) -> None:
        """Show nothing yet, of frequencies up to `band` cycles per pixel."""
        for view in self.views:
            view.set_pixel_size(pixel_size)
            view.set_band(band)
            view.show_picture(None)

    def set_spots(self, spots: pd.DataFrame) -> None:
        """Mark rows of the table of spots in both."""
        for view in self.views:
            view.set_spots(spots)

    def set_selected(self, selected: Collection[int]) -> None:
        """Let some spots stand out in both."""
        for view in self.views:
            view.set_selected(selected)

    def set_expected(self, frequencies: Sequence[tuple[float, float]]) -> None:
        """Mark in both where spots are expected but not found."""
        for view in self.views:
            view.set_expected(frequencies)

    def set_rings(self, phases: Sequence[PhaseRings]) -> None:
        """Draw the powder rings of phases in both."""
        for view in self.views:
            view.set_rings(phases)

    def show_pictures(self, pictures: Sequence[Picture], titles: Sequence[str]) -> None:
        """Draw a spectrum in each, or nothing where there is none."""
        for i, view in enumerate(self.views):
            view.show_picture(pictures[i] if i < len(pictures) else None)
            self.titles[i].setText(titles[i] if i < len(titles) else "")

    def _on_click(self, gy: float, gx: float, reach: float) -> None:
        for view in self.views:
            if view is self.sender() and view.picture is not None:
                self.clicked.emit(view.picture.spectrum, gy, gx, reach)

    def _on_zoom(self, band: float, sight: QRectF) -> None:
        for view in self.views:
            if view is not self.sender():
                view.set_sight(sight)
        self.zoomed.emit(band)
