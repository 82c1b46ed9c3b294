"""Closed outlines: even steps along them, normals, area, roundness, pixels inside."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import measure

Points = NDArray[np.float64]
"""(n, 2): (y, x) of the corners in order, the last joined to the first; area above 0."""

Mask = NDArray[np.bool_]

ARC = 4.0
"""Steps along an outline over which it is evened before its length is taken: noise makes an
outline longer, and the more so the fewer the electrons."""

SOFT = 2.0
"""Steps over which normals are taken."""


def outline_of(mask: Mask) -> Points:
    """The longest outline of what is True in a mask, between pixels."""
    lines = measure.find_contours(np.pad(mask, 1).astype(np.float32), 0.5)
    return evened(max(lines, key=len)[:-1] - 1)


def evened(points: Points) -> Points:
    """The same line in even steps of about one pixel, in the order that makes its area positive."""
    closed = np.concatenate([points, points[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    places = np.arange(max(16, round(along[-1]))) * along[-1] / max(16, round(along[-1]))
    even = np.stack([np.interp(places, along, line) for line in closed.T], axis=1)
    return even if area(even) > 0 else even[::-1]


def softened(points: Points) -> Points:
    """The line without the kinks that grow into loops when it is moved along its normals."""
    return np.asarray(ndimage.gaussian_filter1d(points, SOFT, axis=0, mode="wrap"))


def normals(points: Points) -> Points:
    """Unit vectors that point outward."""
    soft = softened(points)
    dy, dx = (np.roll(soft, -1, axis=0) - np.roll(soft, 1, axis=0)).T
    outward: Points = np.stack([dx, -dy], axis=1)
    return np.asarray(outward / np.maximum(np.hypot(dy, dx), 1e-9)[:, None])


def area(points: Points) -> float:
    """Area inside."""
    y, x = points.T
    return float(np.dot(y, np.roll(x, -1)) - np.dot(np.roll(y, -1), x)) / 2


def perimeter(points: Points) -> float:
    """Length."""
    y, x = points.T
    return float(np.hypot(np.roll(y, -1) - y, np.roll(x, -1) - x).sum())


def roundness(points: Points) -> float:
    """4πA/P² of an outline in even steps, evened: 1 for a disc, π/4 for a square."""
    even = ndimage.gaussian_filter1d(points, ARC, axis=0, mode="wrap")
    return 4 * np.pi * area(even) / perimeter(even) ** 2


def inside(points: Points, shape: tuple[int, int]) -> Mask:
    """Pixels whose middle lies inside an outline."""
    low = np.floor(points.min(axis=0)).astype(int).clip(0, shape)
    high = (np.ceil(points.max(axis=0)).astype(int) + 1).clip(0, shape)
    height, width = (high - low).tolist()
    y, x = (points - low).T
    step_y, step_x = np.roll(y, -1) - y, np.roll(x, -1) - x
    first = np.ceil(np.minimum(y, y + step_y)).astype(int).clip(0, height)
    last = np.ceil(np.maximum(y, y + step_y)).astype(int).clip(0, height)
    # Every row that a side crosses, and where; from there on to the right, inside is outside.
    side = np.repeat(np.arange(len(y)), last - first)
    row = np.arange(len(side)) - np.repeat(np.cumsum(last - first) - last, last - first)
    crossing = x[side] + (row - y[side]) * step_x[side] / step_y[side]
    column = np.ceil(crossing).astype(int).clip(0, width)
    turns = np.bincount(row * (width + 1) + column, minlength=height * (width + 1))
    odd = np.cumsum(turns.reshape(height, width + 1), axis=1)[:, :width] % 2 == 1
    mask = np.zeros(shape, bool)
    mask[low[0] : high[0], low[1] : high[1]] = odd
    return mask


def box_of(mask: Mask, margin: int) -> tuple[slice, slice]:
    """Rows and columns of what is True in a mask, and a margin."""
    y, x = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(y):
        return slice(0, 0), slice(0, 0)
    return (
        slice(max(0, int(y[0]) - margin), int(y[-1]) + 1 + margin),
        slice(max(0, int(x[0]) - margin), int(x[-1]) + 1 + margin),
    )
