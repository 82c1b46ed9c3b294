"""The onset of each place as a label in it: boxes with words on a layer of their own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch._napari.layers import LayerData
from napari_beamwatch._napari.ours import OURS, PLACE_DOSES
from napari_beamwatch._napari.placement import Placement
from napari_beamwatch.results.place_map import Room, Squares, place_numbers, rooms_of
from napari_beamwatch.results.result import Result

SIZE = 9
"""Of the letters, in points."""

ROOMS = "rooms"
"""Key in the metadata: where there is room to write."""

BEHIND = (0.0, 0.0, 0.0, 0.62)
"""Colour behind the words, so that they are read on any lattice."""


def place_doses(result: Result, placement: Placement) -> LayerData | None:
    """A layer to write on; what has room depends on the zoom. None if there are no places."""
    if not len(result.windows):
        return None
    squares = Squares.of(result)
    numbers = place_numbers(result, squares)
    if numbers is None:
        return None
    rooms = tuple(rooms_of(numbers, squares))
    return (
        [box_of(room, room.width, room.height) for room in rooms],
        {
            "name": PLACE_DOSES,
            "shape_type": "rectangle",
            "face_color": "transparent",
            "edge_color": "transparent",
            "edge_width": 0.0,
            "features": {"label": np.array([""] * len(rooms), object)},
            "text": {"string": "{label}", "size": SIZE, "anchor": "center", "color": "white"},
            "opacity": 1.0,
            "metadata": {OURS: PLACE_DOSES, ROOMS: rooms},
            **placement.flat,
        },
        "shapes",
    )


def box_of(room: Room, width: float, height: float) -> NDArray[np.float64]:
    """Corners (y, x) of a box in the middle of a room, where napari puts pixels."""
    signs: Sequence[tuple[int, int]] = ((-1, -1), (-1, 1), (1, 1), (1, -1))
    half = np.array([height, width]) / 2
    return np.array([room.y - 0.5, room.x - 0.5]) + np.array(signs) * half
