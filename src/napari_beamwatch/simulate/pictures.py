"""Pictures of stages laid into a field: turned, in focus or not, kept for the next frame."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_beamwatch.simulate import stages
from napari_beamwatch.simulate.bodies import BODIES
from napari_beamwatch.simulate.scene import Picture
from napari_beamwatch.simulate.shapes import Floats, turned_back

Image = NDArray[np.float32]
Box = tuple[int, int, int, int]
"""Rows and columns ``y0, y1, x0, x1`` of the specimen's plane; they may be negative."""

KEPT_BYTES = 768 * 2**20
FINE = 0.2
"""Å: pictures are interpolated, when they are turned, from pixels no larger than this."""

ROWS = 256
"""Rows that are turned at a time, which bounds the memory for their coordinates."""


class Kept:
    """Arrays kept by least recent use, bounded in bytes, safe between threads."""

    def __init__(self, max_bytes: int = KEPT_BYTES) -> None:
        self.max_bytes = max_bytes
        self.nbytes = 0
        self._kept: OrderedDict[Hashable, NDArray[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """The array of `key`, made if it is not there; not to be written to."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        made = make()  # outside the lock: two threads may make the same once each
        made.flags.writeable = False
        with self._lock:
            if key not in self._kept and made.nbytes <= self.max_bytes:
                self._kept[key] = made
                self.nbytes += made.nbytes
                while self.nbytes > self.max_bytes:
                    _, dropped = self._kept.popitem(last=False)
                    self.nbytes -= dropped.nbytes
        return made


KEPT = Kept()


def realised(pixel_size: float) -> float:
    """The pixel size (Å) nearest to the wanted one that divides the stages' field."""
    return stages.load_stage("carbon").pixel_size_for(pixel_size)


def laid(
    picture: Picture,
    optics: stages.Optics,
    pixel_size: float,
    centre: tuple[float, float],
    turn: float,
    box: Box,
) -> Image:
    """A picture over a box of the specimen's plane.

    Parameters
    ----------
    picture : Picture
    optics : Optics
    pixel_size : float
        Å, as `realised`.
    centre : (y, x)
        Å: where the middle of the stage lies.
    turn : float
        Degrees counter-clockwise, beside the picture's own.
    box : (y0, y1, x0, x1)
        Pixels.
    """
    whole = (picture.turn + turn) % 360
    key = (replace(picture, turn=whole), optics, pixel_size, centre, box)

    def make() -> Image:
        if whole % 90 == 0:
            image = _tiled(_tile(picture, optics, pixel_size), pixel_size, centre, whole, box)
        else:
            image = _turned(picture, optics, pixel_size, centre, whole, box)
        image *= np.float32(picture.transmission)
        return image

    return KEPT.get(key, make)


def in_focus(optics: stages.Optics, focus: float) -> stages.Optics:
    """The optics with the focus `focus` nm off."""
    return replace(optics, defocus_nm=optics.defocus_nm + focus)


def throws_shade(picture: Picture) -> bool:
    """Whether its mean is not 1 everywhere."""
    return picture.transmission != 1 or (picture.cut_as or picture.stage) in BODIES


def shade_of(picture: Picture, turn: float, dy: Floats, dx: Floats) -> Floats:
    """Local mean of a picture at offsets (Å) from its middle, tiled as the picture is."""
    body = BODIES.get(picture.cut_as or picture.stage)
    if body is None:
        return np.full(np.broadcast_shapes(dy.shape, dx.shape), picture.transmission)
    extent = stages.load_stage(picture.stage).extent
    u, v = turned_back(dy, dx, picture.turn + turn)
    u, v = ((w + extent / 2) % extent - extent / 2 for w in (u, v))
    return picture.transmission * body.transmission(v, u)


def _tile(picture: Picture, optics: stages.Optics, pixel_size: float) -> Image:
    """The whole periodic picture, not turned."""

    def make() -> Image:
        image = stages.load_stage(picture.stage).image(pixel_size, optics)
        body = BODIES.get(picture.cut_as or picture.stage)
        if body is None:
            return image
        n = image.shape[0]
        offset = (np.arange(n) - n // 2) * pixel_size
        y, x = offset[:, None], offset[None, :]
        if picture.cut_as:
            film = stages.load_stage("carbon").image(pixel_size, optics)
            inside = (body.thickness(y, x) / body.height).astype(np.float32)
            image = film + inside * (image - film)
        return image * body.transmission(y, x).astype(np.float32)

    return KEPT.get((picture.stage, picture.cut_as, optics, pixel_size), make)


def _tiled(
    tile: Image, pixel_size: float, centre: tuple[float, float], turn: float, box: Box
) -> Image:
    n = tile.shape[0]
    turned = np.rot90(tile, round(turn / 90))
    y0, y1, x0, x1 = box
    rows = (np.arange(y0, y1) - round(centre[0] / pixel_size) + n // 2) % n
    columns = (np.arange(x0, x1) - round(centre[1] / pixel_size) + n // 2) % n
    laid: Image = np.take(np.take(turned, rows, axis=0), columns, axis=1)
    return laid


def _turned(
    picture: Picture,
    optics: stages.Optics,
    pixel_size: float,
    centre: tuple[float, float],
    turn: float,
    box: Box,
) -> Image:
    stage = stages.load_stage(picture.stage)
    fine = stage.pixel_size_for(pixel_size / math.ceil(pixel_size / FINE))
    key = (picture.stage, picture.cut_as, optics, fine, "spline")
    spline = KEPT.get(
        key,
        lambda: ndimage.spline_filter(
            _tile(picture, optics, fine), order=3, output=np.float32, mode="grid-wrap"
        ),
    )
    y0, y1, x0, x1 = box
    laid = np.empty((y1 - y0, x1 - x0), np.float32)
    x = (np.arange(x0, x1) * pixel_size - centre[1])[None, :]
    for row in range(y0, y1, ROWS):
        end = min(row + ROWS, y1)
        y = (np.arange(row, end) * pixel_size - centre[0])[:, None]
        u, v = turned_back(y, x, turn)
        places = np.stack([v, u]).astype(np.float32) / np.float32(fine) + spline.shape[0] // 2
        laid[row - y0 : end - y0] = ndimage.map_coordinates(
            spline, places, order=3, mode="grid-wrap", prefilter=False, output=np.float32
        )
    return laid
