"""What size, time and dose can be, whoever states them."""

from __future__ import annotations

import math

from napari_beamwatch.movies.recording import Stated

PIXEL_SIZE = (1e-3, 1e5)
"""Å. Beyond these it is in another unit, or nothing."""

FRAME_DOSE = (1e-6, 1e8)
"""e/Å². The least is a tenth of a thousandth of what a raw detector frame holds."""

ACCUMULATED_DOSE = (0.0, 1e10)
DOSE_RATE = (1e-6, 1e12)
"""e/Å²/s."""

FRAME_TIME = (1e-9, 1e6)
"""s."""

COUNTS_PER_ELECTRON = (1e-6, 1e9)


def believable_pixel_size(value: float, origin: str) -> tuple[Stated | None, tuple[str, ...]]:
    """A header's pixel size in Å, or a warning that says why it is not used."""
    if believable(value, *PIXEL_SIZE) is not None:
        return Stated(value, origin), ()
    return None, (f"the pixel size in the file ({value:g} Å, {origin}) is nonsense and not used",)


def believable(value: float | None, low: float, high: float) -> float | None:
    """`value` if it is finite and within ``low…high``, else None."""
    if value is None or not math.isfinite(value) or not low <= value <= high:
        return None
    return value
