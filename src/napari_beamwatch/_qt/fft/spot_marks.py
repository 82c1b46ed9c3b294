"""The marks on a power spectrum: spots with their spacing, expected ones, rings of phases."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyqtgraph as pg  # type: ignore[import-untyped]
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QGraphicsEllipseItem

from napari_beamwatch._qt.curves.look import ON_DARK, seen_through
from napari_beamwatch._qt.fft.label_places import Box, free_places

SPOT, SELECTED = "#ffd166", "#fff3d1"
UNDER_LABELS = (0, 0, 0, 150)
LABELS = 8
"""Most spots that are labelled: more would cover the picture."""

ACROSS, ACROSS_SELECTED = 13, 17
"""Pixels of the screen across a mark."""

DIM = 0.45
"""Opacity of marks while others are selected."""

TURN = 10
"""Degrees between the places along a ring where its label may stand."""


class PhaseRings(NamedTuple):
    """Powder rings of a phase: its name, spacings in Å and, if wanted, what to call each."""

    name: str
    d_A: Sequence[float]  # noqa: N815 - the unit's own letter
    labels: Sequence[str] = ()


class SpectrumMarks:
    """Marks and labels of one plot. Items are kept: most changes only move and recolour them.

    Attributes
    ----------
    corner : tuple of float
        Width and height in pixels of what stands in the lower right corner; no label covers it.
    """

    def __init__(self, plot: Any) -> None:
        self._plot = plot
        self.corner = (0.0, 0.0)
        self.spots = pg.ScatterPlotItem(symbol="o", brush=None)
        self.expected = pg.ScatterPlotItem(
            symbol="o", size=ACROSS, brush=None, pen=pg.mkPen(SPOT, style=Qt.PenStyle.DotLine)
        )
        self.rings: list[QGraphicsEllipseItem] = []
        self._labels: list[Any] = []
        self._names: list[Any] = []
        self._x, self._y = np.empty(0), np.empty(0)
        self._radii: list[float] = []
        self._labelled: list[int] = []
        for item in (self.spots, self.expected):
            plot.addItem(item)

    def show_spots(self, spots: pd.DataFrame, selected: Collection[int], unit: float) -> None:
        """Mark both of each Friedel pair, and label the strongest with their spacing.

        Parameters
        ----------
        spots : DataFrame
        selected : collection of int
            Spots that stand out; the others are dimmed. All are alike where it is empty.
        unit : float
            What the axes show of one cycle per pixel.
        """
        out = spots["spot"].isin(list(selected)).to_numpy(bool)
        dim = bool(out.any()) & ~out
        self._x = unit * spots["gx_per_px"].to_numpy(float)
        self._y = -unit * spots["gy_per_px"].to_numpy(float)
        usual, dimmed, strong = (
            pg.mkPen(SPOT, width=1.5),
            pg.mkPen(seen_through(SPOT, DIM), width=1.5),
            pg.mkPen(SELECTED, width=2.6),
        )
        pens = [strong if o else dimmed if d else usual for o, d in zip(out, dim, strict=True)]
        sizes = np.where(out, ACROSS_SELECTED, ACROSS)
        self.spots.setData(
            x=np.append(self._x, -self._x), y=np.append(self._y, -self._y),
            pen=pens * 2, size=np.tile(sizes, 2),
        )  # fmt: skip
        snr = spots["snr"].to_numpy(float)
        self._labelled = [int(i) for i in np.lexsort((-snr, ~out))[:LABELS]]
        self._have(self._labels, len(self._labelled))
        rows: Any = spots.iloc[self._labelled].itertuples()
        for i, row, label in zip(self._labelled, rows, self._labels, strict=True):
            label.setText(spacing(row))
            label.setColor(
                QColor(SELECTED) if out[i] else seen_through(SPOT, 1.4 * DIM if dim[i] else 1.0)
            )

    def show_expected(self, frequencies: Sequence[tuple[float, float]], unit: float) -> None:
        """Mark where spots (gy, gx) are expected that have not been found."""
        g = unit * np.array(frequencies, float).reshape(-1, 2)
        self.expected.setData(x=np.append(g[:, 1], -g[:, 1]), y=np.append(-g[:, 0], g[:, 0]))

    def show_rings(self, phases: Sequence[PhaseRings]) -> None:
        """Draw rings in 1/nm, and name them."""
        drawn = [(i, j, d) for i, phase in enumerate(phases) for j, d in enumerate(phase.d_A)]
        while len(self.rings) > len(drawn):
            self._plot.removeItem(self.rings.pop())
        while len(self.rings) < len(drawn):
            self.rings.append(QGraphicsEllipseItem())
            self._plot.addItem(self.rings[-1], ignoreBounds=True)
        self._have(self._names, len(drawn))
        self._radii = [10 / d for _, _, d in drawn]
        for (i, j, d), ring, radius, name in zip(
            drawn, self.rings, self._radii, self._names, strict=True
        ):
            colour = ON_DARK[i % len(ON_DARK)]
            ring.setRect(-radius, -radius, 2 * radius, 2 * radius)
            ring.setPen(pg.mkPen(colour, width=1.2, style=Qt.PenStyle.DashLine))
            labels = phases[i].labels
            name.setText(labels[j] if j < len(labels) else f"{d:.2f}")
            name.setColor(colour)

    def place_labels(self) -> None:
        """Put labels where they cover nothing at the scale the plot has now; else leave them out.

        What is left out can still be read with the pointer.
        """
        view = self._plot.getViewBox()
        across, up = view.viewPixelSize()
        if not (across > 0 and up > 0):
            return
        (left, right), (bottom, top) = view.viewRange()
        sight = Box(
            (left + right) / 2 / across, (bottom + top) / 2 / up,
            (right - left) / across, (top - bottom) / up,
        )  # fmt: skip
        x, y = self._x / across, self._y / up
        pairs = zip(np.append(x, -x), np.append(y, -y), strict=True)
        marks = [Box(a, b, ACROSS, ACROSS) for a, b in pairs]
        wide, high = self.corner
        marks.append(Box(right / across - wide / 2, bottom / up + high / 2, wide, high))
        wishes = [
            _beside(x[i], y[i], *_size(label))
            for i, label in zip(self._labelled, self._labels, strict=True)
        ]
        wishes += [
            _along(r / across, *_size(name))
            for r, name in zip(self._radii, self._names, strict=True)
        ]
        found = free_places(wishes, marks, sight)
        for label, places, at in zip([*self._labels, *self._names], wishes, found, strict=True):
            label.setVisible(at >= 0)
            if at >= 0:
                label.setPos(places[at].x * across, places[at].y * up)

    def _have(self, labels: list[Any], count: int) -> None:
        """Make so many labels of what there are."""
        while len(labels) > count:
            self._plot.removeItem(labels.pop())
        while len(labels) < count:
            labels.append(pg.TextItem("", anchor=(0.5, 0.5), fill=UNDER_LABELS))
            self._plot.addItem(labels[-1], ignoreBounds=True)


def spacing(row: Any) -> str:
    """Spacing of a row of the table of spots, in Å or else in pixels."""
    return f"{row.d_A:.3f}" if row.d_A == row.d_A else f"{row.d_px:.2f}"


def _size(label: Any) -> tuple[float, float]:
    """Width and height on the screen; the margin that Qt leaves around text may overlap."""
    rect = label.textItem.boundingRect()
    return rect.width() - 2, rect.height() - 6


def _beside(x: float, y: float, width: float, height: float) -> list[Box]:
    """Places right, left, above and below of a spot, then of its Friedel mate."""
    off_x, off_y = (ACROSS + width) / 2 + 1, (ACROSS + height) / 2 + 1
    steps = ((off_x, 0.0), (-off_x, 0.0), (0.0, off_y), (0.0, -off_y))
    return [Box(s * x + dx, s * y + dy, width, height) for s in (1, -1) for dx, dy in steps]


def _along(radius: float, width: float, height: float) -> list[Box]:
    """Places along a ring, from a little left of its top."""
    angles = [math.radians(100 + turn) for turn in range(0, 360, TURN)]
    return [Box(radius * math.cos(a), radius * math.sin(a), width, height) for a in angles]
