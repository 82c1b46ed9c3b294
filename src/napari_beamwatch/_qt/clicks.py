"""Clicks on the picture, told from drags."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np

STEADY = 4
"""Pixels of the screen by which the pointer may move in a click."""


def held_still(event: Any) -> Generator[None, None, bool]:
    """Follow the press of a button to its end; True if nothing was drawn or dragged by it.

    For callbacks of napari's mouse: ``if not (yield from held_still(event)): return``.
    """
    start = np.array(event.pos, float)
    yield
    while event.type == "mouse_move":
        if np.hypot(*(np.array(event.pos, float) - start)) > STEADY:
            return False
        yield
    return True
