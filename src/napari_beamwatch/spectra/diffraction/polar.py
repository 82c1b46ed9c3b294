"""Counts of a pattern by their distance from its centre, in sectors around it.

Distances are those on an ellipse where the projector makes one of every ring [1]_: a ring is
narrowest, and its mean radius is told, if it is read along that.

References
----------
.. [1] Capitani, G. C. et al. Ultramicroscopy 106, 66-74 (2006).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.compiling import kernel

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

SECTORS = 24
"""15° each."""

MOST_RADII = 256
"""Steps of the radius up to which one is a pixel: rings of a larger camera are as much wider."""


@dataclass(frozen=True)
class Geometry:
    """The centre of a pattern, and the ellipse that its rings are.

    A ring of the mean radius r lies at ``r (1 + even·cos 2θ + odd·sin 2θ)``, θ going from +x to +y,
    which is down.

    Attributes
    ----------
    y, x : float
        In pixels.
    even, odd : float
    """

    y: float
    x: float
    even: float = 0.0
    odd: float = 0.0

    @property
    def ratio(self) -> float:
        """Longest over shortest diameter of a ring."""
        size = math.hypot(self.even, self.odd)
        return (1 + size) / (1 - size)

    @property
    def angle(self) -> float:
        """Of the longest in degrees, counter-clockwise from +x as displayed, in (-90, 90]."""
        return -math.degrees(math.atan2(self.odd, self.even)) / 2


@dataclass(frozen=True, eq=False)
class Polar:
    """Counts and pixels of a pattern; arrays (sector, radius), or (1, radius).

    Attributes
    ----------
    counts, pixels : array of float64
    step : int
        Pixels of a step of the radius: entry n is of those within half a step of n·step.
    """

    counts: Floats
    pixels: Floats
    step: int

    def around(self, but: int | None = None) -> tuple[Floats, Floats]:
        """Counts and pixels of all sectors together, or of all but one."""
        kept = np.arange(len(self.counts)) != (-1 if but is None else but)
        return self.counts[kept].sum(axis=0), self.pixels[kept].sum(axis=0)


@dataclass(frozen=True, eq=False)
class PolarReader:
    """Reads patterns by their radius; keeps nothing, and can be sent to another process.

    Attributes
    ----------
    geometry : Geometry
    left_out : array of bool
        Pixels of the pattern that are hidden or belong to spots; they move with it.
    hidden : array of bool, optional
        Pixels of the camera that show nothing, wherever the pattern is.
    sectors : int
    """

    geometry: Geometry
    left_out: Mask
    hidden: Mask | None = None
    sectors: int = 1

    @property
    def step(self) -> int:
        """Pixels of a step of the radius."""
        return step_of(self.left_out.shape)

    def __call__(self, image: NDArray[Any], shift: tuple[float, float] = (0.0, 0.0)) -> Polar:
        """Counts of a pattern whose centre lies `shift` further down and right."""
        counts = np.asarray(image, np.float64)
        if self.hidden is not None:
            counts = np.where(self.hidden, np.nan, counts)
        radii = radii_of(counts.shape, self.step)
        sums = np.zeros((2, self.sectors, radii))
        at = self.geometry
        add_polar(
            counts, self.left_out, round(shift[0]), round(shift[1]),
            at.y + shift[0], at.x + shift[1], at.even, at.odd, float(self.step), sums,
        )  # fmt: skip
        return Polar(sums[0], sums[1], self.step)


def step_of(shape: tuple[int, ...]) -> int:
    """Pixels of a step of the radius in patterns of a size."""
    return max(1, round(max(shape) / 2 / MOST_RADII))


def radii_of(shape: tuple[int, ...], step: int) -> int:
    """Steps of the radius, up to the middle of the longer side and some more."""
    return int(0.75 * max(shape) / step) + 1


@kernel()
def add_polar(
    counts: Floats,
    left_out: NDArray[np.bool_],
    off_y: int,
    off_x: int,
    y: float,
    x: float,
    even: float,
    odd: float,
    step: float,
    sums: Floats,
) -> None:
    """Add the pixels of a pattern to the sums of their radius and sector.

    Parameters
    ----------
    counts : array
        NaN where nothing is seen.
    left_out : array of bool
        Of the pattern where it is not shifted.
    off_y, off_x : int
        Of the pattern.
    y, x, even, odd : float
        Its centre and ellipse, as `Geometry`.
    step : float
    sums : array (2, sector, radius)
        Counts and pixels; added to.
    """
    rows, columns = counts.shape
    sectors, radii = sums.shape[1], sums.shape[2]
    for i in range(rows):
        down = i - y
        for j in range(columns):
            if np.isnan(counts[i, j]):
                continue
            k, n = i - off_y, j - off_x
            if 0 <= k < rows and 0 <= n < columns and left_out[k, n]:
                continue
            right = j - x
            square = down * down + right * right
            if square == 0.0:
                continue
            away = np.sqrt(square) / (
                1 + (even * (right * right - down * down) + odd * 2 * right * down) / square
            )
            radius = int(away / step + 0.5)
            if radius >= radii:
                continue
            sector = 0
            if sectors > 1:
                turn = np.arctan2(down, right) / (2 * np.pi)
                sector = int((turn + 1.0) * sectors) % sectors
            sums[0, sector, radius] += counts[i, j]
            sums[1, sector, radius] += 1.0
