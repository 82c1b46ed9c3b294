"""The answers of regions as labels above them that leave each other readable. No Qt.

napari writes all labels of a layer at the same corner of their shapes, so that of the right one of
two neighbours lies on the end of the left one's. Labels that have no room are raised by a line, or
say less.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch._qt.fft.label_places import Box, free_places

SIZE = 11
"""Of the letters, in points."""

CHARACTER, LINE = 0.95 * SIZE, 2.35 * SIZE
"""Width that no mean character of a label exceeds and height of a line, in pixels of the screen."""

LIFTS = (0, 1)
"""Lines by which a label may be raised before it says less."""

MOST_LIFTED = 16
"""Lines by which a label may be raised that says nothing but the name."""

DOT = 4.0
"""Pixels of the screen of which an outline is made."""

EVERYWHERE = Box(0, 0, math.inf, math.inf)


def labels_beside(
    said: Sequence[Sequence[str]],
    corners: NDArray[np.float64],
    zoom: float,
    right: float = math.inf,
    taken: Sequence[Box] = (),
) -> list[str]:
    """What is written at the upper left corner of each region.

    Parameters
    ----------
    said : sequence of sequence of str
        What may be said of each region, most first; the last is its name.
    corners : array
        y, x of each region's upper left corner, in the unit of the picture.
    zoom : float
        Pixels of the screen in this unit.
    right : float
        Where the picture ends: what would reach beyond it is said more shortly.
    taken : sequence of Box
        What must not be covered, in pixels of the screen.
    """
    choices = []
    for texts, (_, x) in zip(said, np.asarray(corners, float), strict=True):
        beyond = len(texts) > 2 and CHARACTER * len(texts[0]) > zoom * (right - x)
        known = [(text, lift) for text in (texts[1:] if beyond else texts) for lift in LIFTS]
        named = [(texts[-1], lift) for lift in range(len(LIFTS), MOST_LIFTED)]
        choices.append([*known, *named])
    wishes = [
        [_box(text, lift, *(zoom * corner)) for text, lift in choice]
        for choice, corner in zip(choices, np.asarray(corners, float), strict=True)
    ]
    places = free_places(wishes, taken, EVERYWHERE)
    return [_lifted(*choice[place]) for choice, place in zip(choices, places, strict=True)]


def label_boxes(labels: Sequence[str], corners: NDArray[np.float64], zoom: float) -> list[Box]:
    """What these labels cover, in pixels of the screen."""
    return [
        _box(label.strip(), label.count("\n"), *(zoom * corner))
        for label, corner in zip(labels, np.asarray(corners, float), strict=True)
    ]


def outline_boxes(vertices: NDArray[np.float64], zoom: float) -> list[Box]:
    """What the outline of a region covers, as dots in pixels of the screen."""
    ends = zoom * np.asarray(vertices, float)
    dots = []
    for start, end in zip(ends, np.roll(ends, -1, axis=0), strict=True):
        count = max(2, math.ceil(float(np.hypot(*(end - start))) / DOT))
        dots += [Box(x, y, DOT, DOT) for y, x in np.linspace(start, end, count)]
    return dots


def _box(text: str, lift: int, y: float, x: float) -> Box:
    width = CHARACTER * (len(text) + 1)  # with a space to the next one
    return Box(x + width / 2, y - (lift + 0.5) * LINE, width, LINE)


def _lifted(text: str, lift: int) -> str:
    """A text with empty lines below it; those without a blank would be dropped."""
    return text + lift * "\n" + (" " if lift else "")
