"""The sheet that the figure of a result is drawn on: panels laid in mm, and their letters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from napari_beamwatch.results.figure.style import WIDTH

LEFT, RIGHT = 12.5, 176.5
"""mm: what all panels keep within."""

GAP = 1.5
"""mm between pictures."""

SIDE, PATTERN_SIDE, MAP_SIDE = 35.5, 53.6, 50.5
"""mm: sides of a picture with its transform below, of a diffraction pattern, and of the map."""

INTENSITY, LOWER = 34.0, 19.0
"""mm: heights of the curves."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """A figure on which axes are laid in mm from its upper left corner."""

    made: Figure
    height: float

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """New axes."""
        bottom = self.height - top - height
        return self.made.add_axes(
            (left / WIDTH, bottom / self.height, width / WIDTH, height / self.height)
        )

    def words(self, top: float, text: str, **look: Any) -> None:
        """A line of text below `top`."""
        self.made.text(LEFT / WIDTH, 1 - top / self.height, text, va="top", ha="left", **look)

    def letter(self, name: str, left: float, top: float) -> None:
        """The letter of a panel, its upper left corner in mm."""
        at = left / WIDTH, 1 - top / self.height
        self.made.text(*at, name, fontweight="bold", fontsize=8, va="top", ha="left", zorder=6)
