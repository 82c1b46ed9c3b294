"""Colours of the onset map: one scale of doses, and what is no dose visibly different.

The scale is that of a table of places or of windows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from napari.utils.colormaps import Colormap, ensure_colormap
from numpy.typing import NDArray

from napari_beamwatch.results.tables import onset_values

COLOURS = "plasma"
DARKEST = 0.26
"""Where in the map of colours the scale begins."""

WITHOUT_DOSE: dict[str, tuple[float, float, float, float]] = {
    "survived": (0.92, 0.97, 1.0, 1.0),
    "damaged_at_start": (1.0, 0.25, 0.35, 1.0),
    "ambiguous": (0.72, 0.72, 0.72, 1.0),
    "no_lattice": (0.5, 0.5, 0.5, 0.45),
}
"""Colour (red, green, blue, opacity) of what has no onset, by its status."""


@dataclass(frozen=True)
class MapScale:
    """Onsets from `low` to `high` as colours.

    Attributes
    ----------
    low, high : float
    unit : str
        "e/Å²", or "frame" where the doses are unknown.
    statuses : tuple of str
        Those without an onset that occur.
    """

    low: float
    high: float
    unit: str
    statuses: tuple[str, ...] = ()

    def colours(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Colours (n, 4) of onsets."""
        width = self.high - self.low
        part = (values - self.low) / width if width > 0 else np.full(len(values), 0.5)
        return _coloured(np.clip(part, 0, 1))


def dose_colours() -> Colormap:
    """The colours of onsets as napari has them for an image."""
    return Colormap(_coloured(np.linspace(0, 1, 256)), name="onset")


def _coloured(part: NDArray[np.float64]) -> NDArray[np.float64]:
    # The darkest of the map would be lost on a dark picture.
    mapped = ensure_colormap(COLOURS).map(DARKEST + (1 - DARKEST) * part)
    return np.asarray(mapped, np.float64)


def map_scale(table: pd.DataFrame) -> MapScale:
    """The scale of a table."""
    values, unit = onset_values(table)
    known = values[np.isfinite(values)]
    there = set(table["status"].dropna())
    statuses = tuple(status for status in WITHOUT_DOSE if status in there)
    if not len(known):
        return MapScale(np.nan, np.nan, unit, statuses)
    return MapScale(float(known.min()), float(known.max()), unit, statuses)


def onset_colours(table: pd.DataFrame) -> NDArray[np.float64]:
    """Colours (n, 4) of the rows of a table."""
    values, _ = onset_values(table)
    colours = np.zeros((len(table), 4))
    for i, status in enumerate(table["status"]):
        colours[i] = WITHOUT_DOSE.get(str(status), WITHOUT_DOSE["ambiguous"])
    found = np.isfinite(values)
    if found.any():
        colours[found] = map_scale(table).colours(values[found])
    return colours
