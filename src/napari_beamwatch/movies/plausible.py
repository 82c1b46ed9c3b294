"""Numbers of file headers, refused where they cannot be true."""

from __future__ import annotations

import math

from napari_beamwatch.movies.recording import Stated

SMALLEST_PIXEL, LARGEST_PIXEL = 1e-3, 1e5
"""Å. A header beyond these holds another unit, or nothing."""


def believable_pixel_size(value: float, origin: str) -> tuple[Stated | None, tuple[str, ...]]:
    """A header's pixel size in Å, or a warning that says why it is not used."""
    if math.isfinite(value) and SMALLEST_PIXEL <= value <= LARGEST_PIXEL:
        return Stated(value, origin), ()
    return None, (f"the pixel size in the file ({value:g} Å, {origin}) is nonsense and not used",)


def believable(value: float | None, low: float, high: float) -> float | None:
    """`value` if it is finite and within ``low…high``, else None."""
    if value is None or not math.isfinite(value) or not low <= value <= high:
        return None
    return value
