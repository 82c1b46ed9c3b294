"""The onset map: places outlined in the colour of their onset, or a cell for each window.

Windows overlap: what is drawn is the middle of each, as wide as the step. A layer of labels shows
it: it says what is under the pointer, outlines or fills its cells, and takes any number of them.
Places and windows are two pictures of one size, so that one is shown for the other at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from napari.utils.colormaps import DirectLabelColormap
from numpy.typing import NDArray

from napari_beamwatch._napari.layers import LayerData
from napari_beamwatch._napari.map_scale import onset_colours
from napari_beamwatch._napari.ours import ONSET_MAP, OURS, RESULT
from napari_beamwatch._napari.placement import Placement
from napari_beamwatch._napari.window_maps import on_the_grid
from napari_beamwatch.results.place_map import NOWHERE, Squares, drawn_places, place_numbers
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

PLACE_LINE = 2
"""Width of the outline of a place, in those of a window."""

OUTLINED, FILLED = 0.95, 0.35
"""Opacity: the lattice stays visible below what is filled."""

STRIPES = 3
"""Of a hatched cell."""

PLACES, WINDOWS, SHOWN = "places", "windows", "shown"
"""Keys in the metadata of the layer: its pictures (`PLACES` where there are any), and the one that
is shown."""


@dataclass(frozen=True, eq=False)
class Picture:
    """One of the pictures that the map may show.

    Attributes
    ----------
    labels : array of uint32
    colours : DirectLabelColormap
    features : DataFrame
        Of each label, told in the status bar.
    outline : int
        Width of its lines in pixels of the picture.
    """

    labels: NDArray[np.uint32]
    colours: DirectLabelColormap
    features: pd.DataFrame
    outline: int


def onset_map(result: Result, placement: Placement) -> LayerData | None:
    """Places, or windows where no place is known; None if there are none.

    Of windows what is ambiguous is hatched, what was damaged at the start is crossed out.
    """
    if not len(result.windows):
        return None
    squares = Squares.of(result)
    side = int(np.clip(MOST // max(squares.shape), COARSEST, FINEST))
    views = {WINDOWS: _windows(result, squares, side)}
    places = _places(result, squares, side)
    if places is not None:
        views[PLACES] = places
    shown = PLACES if places is not None else WINDOWS
    return (
        views[shown].labels,
        {
            "name": ONSET_MAP,
            "colormap": views[shown].colours,
            "features": views[shown].features,
            "opacity": OUTLINED,
            "metadata": {
                OURS: ONSET_MAP,
                RESULT: result,
                "unit": onset_values(result.windows)[1],
                "outline": views[shown].outline,
                SHOWN: shown,
                **views,
            },
            **on_the_grid(squares, placement, side, flat=True),
        },
        "labels",
    )


def _windows(result: Result, squares: Squares, side: int) -> Picture:
    """A cell for each window."""
    windows = result.windows
    rows, columns = squares.shape
    picture = np.zeros((rows, side, columns, side), np.uint32)
    shapes = {status: cell(status, side) for status in windows["status"].unique()}
    for i, status in enumerate(windows["status"]):
        picture[squares.row[i], :, squares.column[i], :] = (i + 1) * shapes[status]
    values, unit = onset_values(windows)
    features = pd.DataFrame(
        {
            "index": np.arange(1, len(windows) + 1),
            "window": windows["window"].to_numpy(),
            "status": windows["status"].to_numpy(),
            f"onset ({unit})": values,
        }
    )
    labels = picture.reshape(rows * side, columns * side)
    return Picture(labels, _colours(windows), features, max(1, round(LINE * side)))


def _places(result: Result, squares: Squares, side: int) -> Picture | None:
    """An area for each place."""
    numbers = place_numbers(result, squares)
    if numbers is None:
        return None
    places = drawn_places(result)
    known = places["place"].to_numpy(np.int64)
    label = np.zeros(numbers.max() + 2, np.uint32)
    label[known] = np.arange(1, len(places) + 1)
    picture = np.where(numbers == NOWHERE, 0, label[numbers])
    values, unit = onset_values(places)
    features = pd.DataFrame(
        {
            "index": np.arange(1, len(places) + 1),
            "place": known,
            "status": places["status"].to_numpy(),
            f"onset ({unit})": values,
        }
    )
    labels = np.asarray(picture, np.uint32).repeat(side, axis=0).repeat(side, axis=1)
    # Lines are drawn where labels change, so not along the edge of the picture.
    labels[[0, -1]] = labels[:, [0, -1]] = 0
    return Picture(labels, _colours(places), features, max(1, round(PLACE_LINE * LINE * side)))


def _colours(table: pd.DataFrame) -> DirectLabelColormap:
    """Colour of each label; nothing where there is none."""
    colours: dict[int | None, object] = {None: "transparent", 0: "transparent"}
    colours.update(enumerate(onset_colours(table), start=1))
    return DirectLabelColormap(color_dict=colours)


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
