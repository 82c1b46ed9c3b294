"""Colours of plots: they follow the window's theme and can be told apart by the colour-blind.

Regions have the colours of Okabe and Ito [1]_, lighter on dark and darker on light.

References
----------
.. [1] M. Okabe, K. Ito, Color Universal Design, J*Fly, 2002.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyqtgraph as pg  # type: ignore[import-untyped]
from qtpy.QtGui import QColor, QPalette
from qtpy.QtWidgets import QApplication, QWidget

from napari_beamwatch.regions import FIELD

ON_DARK = ("#1fd1a0", "#56b4e9", "#e69f00", "#d98cba", "#f0e442", "#e8743b")
ON_LIGHT = ("#00795a", "#0072b2", "#a86a00", "#a64d85", "#7a6f00", "#b84300")


@dataclass(frozen=True)
class Look:
    """Colours of a plot.

    Attributes
    ----------
    dark : bool
    background, text, faint : str
        Of the window; `faint` is between the two.
    mark : str
        What a reader brings: published limits, thresholds of their own.
    """

    dark: bool
    background: str
    text: str
    faint: str
    mark: str


def look_of(widget: QWidget) -> Look:
    """Colours of a widget as its window's theme has set them."""
    widget.ensurePolished()
    palette = widget.palette()
    background = palette.color(QPalette.ColorRole.Window)
    dark = background.lightness() < 128
    text = QColor("#f0f1f2") if dark else QColor("#3b3a39")
    return Look(
        dark,
        background.name(),
        text.name(),
        _between(background, text, 0.45).name(),
        "#ffc14d" if dark else "#9a5b00",
    )


def region_colours(names: Iterable[str], dark: bool = True) -> dict[str, str]:
    """Colour of each region, in their order; the field's is neutral."""
    colours = ON_DARK if dark else ON_LIGHT
    others = [name for name in dict.fromkeys(names) if name != FIELD]
    found = {name: colours[i % len(colours)] for i, name in enumerate(others)}
    return {FIELD: "#d7dae0" if dark else "#4a4d55", **found}


def dress(plot: Any, look: Look, size: int = 8) -> None:
    """Give the axes of a `pyqtgraph.PlotItem` the colours of the theme and a small font."""
    font = QApplication.font()
    font.setPointSize(size)
    for side in ("left", "bottom"):
        axis = plot.getAxis(side)
        axis.setPen(pg.mkPen(look.faint))
        axis.setTextPen(pg.mkPen(look.text))
        axis.setTickFont(font)
        axis.setStyle(tickLength=-4, tickTextOffset=3, hideOverlappingLabels=True)
        axis.enableAutoSIPrefix(False)
        axis.label.setFont(font)
        axis.label.setDefaultTextColor(QColor(look.text))
    plot.getAxis("bottom").setHeight(34)
    plot.getAxis("left").setWidth(44 if plot.getAxis("left").label.isVisible() else 28)


def seen_through(colour: str, opacity: float) -> QColor:
    """A colour with some opacity between 0 and 1."""
    found = QColor(colour)
    found.setAlphaF(opacity)
    return found


def _between(one: QColor, other: QColor, part: float) -> QColor:
    return QColor(
        *(
            round(a + part * (b - a))
            for a, b in zip(one.getRgb()[:3], other.getRgb()[:3], strict=True)
        )
    )
