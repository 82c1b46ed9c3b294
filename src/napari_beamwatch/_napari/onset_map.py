"""The onset map: a cell for each window, outlined in the colour of its onset.

Windows overlap: what is drawn is the middle of each, as wide as the step. A layer of labels shows
it: it says what is under the pointer, outlines or fills its cells, and takes any number of them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from napari.utils.colormaps import DirectLabelColormap
from numpy.typing import NDArray

from napari_beamwatch._napari.layers import LayerData
from napari_beamwatch._napari.map_scale import window_colours
from napari_beamwatch._napari.ours import ONSET_MAP, OURS, RESULT
from napari_beamwatch._napari.placement import Placement
from napari_beamwatch._napari.window_maps import cells_of, on_the_grid
from napari_beamwatch.results.result import Result
from napari_beamwatch.results.tables import onset_values

MOST = 640
"""Pixels along a side of the map, where the cells allow it: more would only slow napari down."""

FINEST, COARSEST = 32, 6
"""Pixels along a side of a cell."""

GAP = 0.06
"""Part of a cell that is left free along each edge, so that neighbours do not touch."""

LINE = 0.03
"""Width of an outline in cells."""

OUTLINED, FILLED = 0.95, 0.35
"""Opacity: the lattice stays visible below filled windows."""

STRIPES = 3
"""Of a hatched cell."""


def onset_map(result: Result, placement: Placement) -> LayerData | None:
    """Cells of the windows; None if there are none.

    What is ambiguous is hatched, what was damaged at the start is crossed out.
    """
    windows = result.windows
    if not len(windows):
        return None
    rows, row, columns, column = cells_of(windows)
    side = int(np.clip(MOST // max(rows, columns), COARSEST, FINEST))
    picture = np.zeros((rows, side, columns, side), np.uint32)
    shapes = {status: cell(status, side) for status in windows["status"].unique()}
    for i, status in enumerate(windows["status"]):
        picture[row[i], :, column[i], :] = (i + 1) * shapes[status]
    values, unit = onset_values(windows)
    colours: dict[int | None, object] = {None: "transparent", 0: "transparent"}
    colours.update(enumerate(window_colours(windows), start=1))
    features = pd.DataFrame(
        {
            "index": np.arange(1, len(windows) + 1),
            "window": windows["window"].to_numpy(),
            "status": windows["status"].to_numpy(),
            f"onset ({unit})": values,
        }
    )
    return (
        picture.reshape(rows * side, columns * side),
        {
            "name": ONSET_MAP,
            "colormap": DirectLabelColormap(color_dict=colours),
            "features": features,
            "opacity": OUTLINED,
            "metadata": {
                OURS: ONSET_MAP,
                RESULT: result,
                "unit": unit,
                "outline": max(1, round(LINE * side)),
            },
            **on_the_grid(result, placement, side, flat=True),
        },
        "labels",
    )


def cell(status: str, side: int) -> NDArray[np.bool_]:
    """How a cell of a status is drawn, on so many pixels a side."""
    across = (np.arange(side) + 0.5) / side
    gap = max(GAP, 1 / side)
    free = (across > gap) & (across < 1 - gap)
    whole = free[:, None] & free[None, :]
    rising, falling = across[:, None] + across[None, :], across[:, None] - across[None, :]
    if status == "ambiguous":
        return np.asarray(whole & ((rising * STRIPES) % 1 < 0.5))
    if status == "damaged_at_start":
        return np.asarray(whole & (np.minimum(abs(rising - 1), abs(falling)) > gap))
    return whole
