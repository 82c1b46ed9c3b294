"""Axes that curves over the frames are drawn against."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Along = Literal["dose", "time", "frame"]

LABELS: dict[Along, str] = {
    "dose": "accumulated dose (e/Å²)",
    "time": "time (s)",
    "frame": "frame",
}


def edges_of(ends: NDArray[np.float64]) -> NDArray[np.float64]:
    """Start of the first frame, as long as the second, and ends of all."""
    if not len(ends):
        return ends
    own = ends[1] - ends[0] if len(ends) > 1 else ends[0]
    return np.append(max(ends[0] - own, 0.0), ends)
