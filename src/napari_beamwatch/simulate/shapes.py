"""Where a patch of the specimen is: shapes in Å that know how deep inside them a point lies."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

FAR = 1e6
"""Å: deeper than any field."""


class Shape(ABC):
    """A part of the specimen's plane; y runs down, x to the right."""

    covers_all: ClassVar[bool] = False

    @abstractmethod
    def depth(self, y: Floats, x: Floats) -> Floats:
        """Distance (Å) from the outline, positive inside; `y` and `x` broadcast."""

    def mask(self, y: Floats, x: Floats, soft: float) -> NDArray[np.float32]:
        """1 inside, 0 outside, with an edge that is `soft` Å wide."""
        return (0.5 + self.depth(y, x) / soft).clip(0, 1).astype(np.float32)


@dataclass(frozen=True)
class Everywhere(Shape):
    """The whole plane."""

    covers_all: ClassVar[bool] = True

    def depth(self, y: Floats, x: Floats) -> Floats:
        return np.full(np.broadcast_shapes(np.shape(y), np.shape(x)), FAR)


@dataclass(frozen=True)
class Box(Shape):
    """A rectangle."""

    y0: float
    y1: float
    x0: float
    x1: float

    def depth(self, y: Floats, x: Floats) -> Floats:
        inside: Floats = np.minimum(
            np.minimum(y - self.y0, self.y1 - y), np.minimum(x - self.x0, self.x1 - x)
        )
        return inside


@dataclass(frozen=True)
class Oval(Shape):
    """|u/a|^r + |v/b|^r < 1 about a centre: an ellipse (r = 2) up to a rectangle (r large).

    Parameters
    ----------
    y, x : float
        Centre (Å).
    half_v, half_u : float
        Half axes (Å) across and along.
    roundness : float
        The exponent r.
    turn : float
        Degrees by which the axes are turned, counter-clockwise as displayed.
    """

    y: float
    x: float
    half_v: float
    half_u: float
    roundness: float = 2.0
    turn: float = 0.0

    def depth(self, y: Floats, x: Floats) -> Floats:
        u, v = turned_back(y - self.y, x - self.x, self.turn)
        r = self.roundness
        rho = (np.abs(u / self.half_u) ** r + np.abs(v / self.half_v) ** r) ** (1 / r)
        # Exact on the outline and along the shorter axis; good enough for a soft edge.
        inside: Floats = (1 - rho) * min(self.half_u, self.half_v)
        return inside


@dataclass(frozen=True)
class Cell(Shape):
    """The points nearer to one seed than to all others (a Voronoi cell): a grain.

    Parameters
    ----------
    seeds : tuple of (y, x)
        In Å.
    index : int
        Which seed's cell this is.
    """

    seeds: tuple[tuple[float, float], ...]
    index: int

    def depth(self, y: Floats, x: Floats) -> Floats:
        own_y, own_x = self.seeds[self.index]
        own = (y - own_y) ** 2 + (x - own_x) ** 2
        deep = np.full(own.shape, FAR)
        for other, (seed_y, seed_x) in enumerate(self.seeds):
            if other != self.index:
                apart = math.hypot(seed_y - own_y, seed_x - own_x)
                further = (y - seed_y) ** 2 + (x - seed_x) ** 2
                deep = np.minimum(deep, (further - own) / (2 * apart))
        return deep


def turned_back(dy: Floats, dx: Floats, turn: float) -> tuple[Floats, Floats]:
    """Coordinates (u right, v down) of an offset in axes turned counter-clockwise by `turn`°."""
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    return dx * c - dy * s, dx * s + dy * c


def scattered_seeds(
    height: float, width: float, count: int, seed: int
) -> tuple[tuple[float, float], ...]:
    """Seeds of `count` grains spread evenly but at random over a field (Å)."""
    rng = np.random.default_rng([seed, 77])
    tried = rng.uniform(0, 1, (max(200, 40 * count), 2)) * (height, width)
    chosen = [tried[0]]
    for _ in range(1, count):
        gaps = np.min([np.hypot(*(tried - c).T) for c in chosen], axis=0)
        # Among the widest gaps, any: farthest-point sampling alone would make a lattice.
        best = np.argsort(gaps)[-max(2, len(tried) // 12) :]
        chosen.append(tried[rng.choice(best)])
    return tuple((float(y), float(x)) for y, x in chosen)
