"""Regions: what the user asks about, the whole field or something that was drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.quantities import number

FIELD = "field"
SMALLEST = 64
"""Side in pixels of the smallest window that a region may have of its own."""

FARTHEST = 1e9
"""Pixels from the corner of any field."""


@dataclass(frozen=True)
class Region:
    """A polygon in the field, in pixels; a rectangle is one.

    Attributes
    ----------
    name : str
    vertices : tuple of (y, x)
        In order around it; the field's upper left corner is (0, 0).
    """

    name: str
    vertices: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise BeamwatchError(f"a region needs a name in words, not {self.name!r}")
        try:
            points = np.asarray(self.vertices, float)
        except (TypeError, ValueError):
            raise BeamwatchError(f"region {self.name!r}: corners are numbers (y, x)") from None
        if points.ndim != 2 or points.shape[0] < 3 or points.shape[1] != 2:
            raise BeamwatchError(f"region {self.name!r} needs three or more corners (y, x)")
        if not (np.abs(points) <= FARTHEST).all():
            raise BeamwatchError(f"region {self.name!r} has a corner that is nowhere")
        y, x = points[:, 0], points[:, 1]
        if abs((y * np.roll(x, -1) - x * np.roll(y, -1)).sum()) == 0:
            raise BeamwatchError(f"region {self.name!r} has no area")

    @classmethod
    def rectangle(cls, name: str, y0: float, y1: float, x0: float, x1: float) -> Region:
        """Rows ``y0:y1`` and columns ``x0:x1``, half-open."""
        y0, y1, x0, x1 = (
            number(side, f"a side of region {name!r}", -FARTHEST, FARTHEST, "px")
            for side in (y0, y1, x0, x1)
        )
        if not (y0 < y1 and x0 < x1):
            raise BeamwatchError(
                f"region {name!r} is empty: rows {y0:g}:{y1:g}, columns {x0:g}:{x1:g}"
            )
        return cls(name, ((y0, x0), (y0, x1), (y1, x1), (y1, x0)))

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Smallest rectangle of whole pixels around it: y0, x0, y1, x1."""
        points = np.asarray(self.vertices)
        low, high = np.floor(points.min(axis=0)), np.ceil(points.max(axis=0))
        return int(low[0]), int(low[1]), int(high[0]), int(high[1])

    def check_inside(self, height: int, width: int) -> None:
        """Refuse a region that is not wholly in the field."""
        y0, x0, y1, x1 = self.box
        if y0 < 0 or x0 < 0 or y1 > height or x1 > width:
            raise BeamwatchError(
                f"region {self.name!r} (rows {y0}:{y1}, columns {x0}:{x1}) reaches beyond the "
                f"field of {height} by {width} px"
            )

    def check_size(self) -> None:
        """Refuse a region in which no window of its own finds room."""
        y0, x0, y1, x1 = self.box
        if min(y1 - y0, x1 - x0) < SMALLEST:
            raise BeamwatchError(
                f"region {self.name!r} is {y1 - y0} by {x1 - x0} px; at least {SMALLEST} by "
                f"{SMALLEST} are needed to see a lattice"
            )

    def holds(self, corners: NDArray[np.int64], size: int) -> NDArray[np.bool_]:
        """Which squares of `size` pixels, given by their upper left corners, lie wholly inside."""
        inside = np.ones(len(corners), bool)
        for dy in (0, size):
            for dx in (0, size):
                inside &= self._contains(corners + np.array([dy, dx]))
        return inside & ~self._cuts(corners, size)

    def _contains(self, points: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which points lie inside or on the border."""
        corner = np.asarray(self.vertices, float)
        inside = np.zeros(len(points), bool)
        border = np.zeros(len(points), bool)
        y, x = points[:, 0].astype(float), points[:, 1].astype(float)
        for (ya, xa), (yb, xb) in zip(corner, np.roll(corner, -1, axis=0), strict=True):
            crosses = (ya > y) != (yb > y)
            with np.errstate(divide="ignore", invalid="ignore"):
                at = xa + (y - ya) * (xb - xa) / (yb - ya)
            inside ^= crosses & (x < at)
            cross = (yb - ya) * (x - xa) - (xb - xa) * (y - ya)
            between = (
                (np.minimum(ya, yb) <= y) & (y <= np.maximum(ya, yb))
                & (np.minimum(xa, xb) <= x) & (x <= np.maximum(xa, xb))
            )  # fmt: skip
            border |= between & (np.abs(cross) < 1e-9)
        return inside | border

    def _cuts(self, corners: NDArray[np.int64], size: int) -> NDArray[np.bool_]:
        """Squares that a corner of the region pokes into: it is not convex there."""
        cut = np.zeros(len(corners), bool)
        for y, x in self.vertices:
            cut |= (
                (corners[:, 0] < y) & (y < corners[:, 0] + size)
                & (corners[:, 1] < x) & (x < corners[:, 1] + size)
            )  # fmt: skip
        return cut
