"""Which layers are movies, and the movie of a layer."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image

from napari_beamwatch._napari.ours import OURS
from napari_beamwatch._napari.placement import SQUARE
from napari_beamwatch.movies import Movie

ANGSTROM = 1e-10


def is_movie_layer(layer: Any) -> bool:
    """Whether a layer is a stack of grey frames (t, y, x) that is not ours."""
    return (
        isinstance(layer, Image)
        and not layer.rgb
        and not layer.multiscale
        and layer.ndim == 3
        and OURS not in layer.metadata
        and np.dtype(layer.data.dtype).kind in "uifb"
        and layer.data.shape[0] > 1
    )


def movie_of(layer: Any) -> Movie:
    """The movie of a layer: the one it was opened from, or one of its array and its units."""
    movie = layer.metadata.get("movie")
    if isinstance(movie, Movie):
        return movie
    time, height, width = layer.units
    pixel = _in(width, "meter", layer.scale[2])
    same = np.isclose(layer.scale[1], layer.scale[2], rtol=SQUARE) and height == width
    return Movie.from_array(
        layer.data,
        pixel_size=pixel / ANGSTROM if pixel and same else None,
        frame_time=_in(time, "second", layer.scale[0]),
    )


def _in(unit: Any, base: str, value: float) -> float | None:
    """A value in the base unit; None where the layer's unit is another kind."""
    try:
        return float((value * unit).to(base).magnitude)
    except Exception:  # pint's own errors are of several families
        return None
