"""Where the edge of a particle lies: half way between the levels on either side of it.

Profiles of the smoothed picture are taken across the outline so far. All that is connected, near
it and below the mean of the levels just inside and just outside makes the next outline [1]_. Then
each profile tells, with the levels nearby, where between the pixels the edge is. Half levels stay
where they are when contrast fades, when the beam changes, or when a film grows over everything.

Standard errors come from the same fit under noise laid over the picture, drawn with the variance
that the pictures were measured to have: what area and roundness do is what they are uncertain by.

References
----------
.. [1] S. Lankton, A. Tannenbaum, Localizing region-based active contours, IEEE Trans. Image
   Process. 17 (2008) 2029.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import measure

from napari_beamwatch.particles.bins import Floats32
from napari_beamwatch.particles.outlines import (
    Mask,
    Points,
    area,
    box_of,
    normals,
    outline_of,
    perimeter,
    roundness,
    softened,
)
from napari_beamwatch.particles.pictures import SHARED, SIGMA

Floats = NDArray[np.float64]

CLEAR = 2.0 * SIGMA
"""Pixels from the edge from which a profile shows the level of its side."""

REACH = 5.0 * SIGMA
"""Pixels from the edge to which it is taken."""

DEEP = 3.5 * SIGMA
"""The same inside, where voids may be further in."""

NEARBY = 8.0
"""Steps along the outline over which levels are averaged."""

ALONG = 2.0
"""The same for the profiles themselves, and for the places where they pass half way."""

SEEN = 3.0
"""Contrast of an edge that can be followed, in standard deviations of a smoothed pixel."""

SMALLEST = 8.0
"""Pixels (of equivalent diameter, in SIGMA) of the smallest particle that is followed."""

DRAWS = 2
"""Of noise for each picture; those of neighbouring bins are pooled."""

TILE = 512

_DISC = np.hypot(*np.mgrid[-2:3, -2:3]) <= SIGMA

_OFFSETS = np.arange(-REACH, REACH + 1)


@dataclass(frozen=True, eq=False)
class Edge:
    """An outline at rest.

    Attributes
    ----------
    points : array (n, 2)
    inside, outside : float
        Mean levels beside it.
    far : float
        Contrast in the outer halves of both sides over that in the inner halves: 1 at an edge,
        above it on a slope.
    """

    points: Points
    inside: float
    outside: float
    far: float

    @property
    def contrast(self) -> float:
        return self.outside - self.inside

    @cached_property
    def shape(self) -> Floats:
        """Area and roundness."""
        # A curved edge retreats under the Gaussian by σ²κ/2, κ its curvature, to where the picture
        # is at half level: all around πσ², whatever the shape. The twelfth is the pixel's own.
        taken = np.pi * (SIGMA**2 + 1 / 12)
        return np.array([area(self.points) + taken, roundness(self.points)])


def fit_edge(smooth: Floats32, start: Mask, others: Mask, noise: float) -> Edge | None:
    """The edge about that of a mask, or None if none is seen there.

    Parameters
    ----------
    smooth : array
        Picture under the Gaussian.
    start : array of bool
    others : array of bool
        Other particles: no surroundings.
    noise : float
        Standard deviation of a pixel of mean 1 of the picture before the Gaussian.
    """
    box = box_of(start, int(4 * REACH))
    corner = np.array([box[0].start, box[1].start])
    edge = _at_rest(smooth[box], start[box], others[box])
    if edge is None:
        return None
    edge = replace(edge, points=edge.points + corner)
    made_up = (edge.points < SIGMA) | (edge.points > np.array(smooth.shape) - 1 - SIGMA)
    weak = edge.contrast < SEEN * noise * np.sqrt(edge.outside / SHARED)
    return None if made_up.any() or weak else edge


def errors(
    smooth: Floats32, edge: Edge, start: Mask, others: Mask, noise: float, number: int
) -> Floats:
    """What area and roundness (columns) are off by under some more noise, a row a draw.

    Parameters
    ----------
    smooth, start, others, noise
        As of `fit_edge`.
    edge : Edge
    number : int
        Which noise to draw.
    """
    box = box_of(start, int(4 * REACH))
    image, start, others = smooth[box], start[box], others[box]
    spread = np.float32(noise * np.sqrt((edge.inside + edge.outside) / 2))
    off = []
    for draw in range(DRAWS * number, DRAWS * number + DRAWS):
        y, x = (np.arange(n) + step * draw for n, step in zip(image.shape, (97, 41), strict=True))
        drawn = _at_rest(image + spread * _noise()[np.ix_(y % TILE, x % TILE)], start, others)
        if drawn is not None:
            off.append(drawn.shape - edge.shape)
    return np.array(off).reshape(-1, 2)


def _at_rest(smooth: Floats32, start: Mask, others: Mask) -> Edge | None:
    # Surroundings do not begin in the shade of the next particle.
    others = (ndimage.maximum_filter(others, int(2 * CLEAR) + 1) > 0) & ~start
    mask = _below_half(smooth, start, others)
    if mask is None:
        return None
    across = _Across.of(smooth, softened(outline_of(mask)), others)
    low, high = across.levels()
    return Edge(across.passed(), float(low.mean()), float(high.mean()), across.far_over_near())


def _below_half(smooth: Floats32, mask: Mask, others: Mask) -> Mask | None:
    """What is connected and darker than half way between the levels on both sides of a mask."""
    box = box_of(mask, int(2 * REACH))
    own = mask[box].astype(np.uint8)
    core = ndimage.minimum_filter(own, int(2 * CLEAR) + 1) > 0
    near = (ndimage.maximum_filter(own, int(2 * REACH) + 1) > 0) & ~others[box]
    ring = near & (ndimage.maximum_filter(own, int(2 * CLEAR) + 1) == 0)
    if not ring.any():
        return None
    image = smooth[box]
    half = (image[core if core.any() else mask[box]].mean() + image[ring].mean()) / 2
    lower = (image < half) & near
    opened = ndimage.binary_opening(lower, _DISC)
    labels = measure.label(opened, connectivity=1)
    shared = np.bincount(labels[mask[box]], minlength=1)
    shared[0] = 0
    if not shared.any():
        return None
    part = labels == int(shared.argmax())
    outside = measure.label(np.pad(~part, 1, constant_values=True), connectivity=1)
    filled = (outside != outside[0, 0])[1:-1, 1:-1]  # voids are looked for later
    if np.count_nonzero(filled) < np.pi / 4 * (SMALLEST * SIGMA) ** 2:
        return None
    found = np.zeros_like(mask)
    found[box] = filled
    return found


@dataclass(frozen=True, eq=False)
class _Across:
    """Profiles across an outline; arrays (point, offset), the first offsets inside."""

    points: Points
    normals: Points
    profiles: Floats
    used: Mask
    thin: float

    @classmethod
    def of(cls, smooth: Floats32, points: Points, others: Mask) -> _Across:
        outward = normals(points)
        places = points[:, None] + _OFFSETS[:, None] * outward[:, None]
        y, x = places[..., 0], places[..., 1]
        profiles = ndimage.map_coordinates(smooth, [y, x], order=1, mode="nearest")
        height, width = smooth.shape
        used = (y >= 0) & (y <= height - 1) & (x >= 0) & (x <= width - 1)
        near_y = np.rint(y).astype(int).clip(0, height - 1)
        near_x = np.rint(x).astype(int).clip(0, width - 1)
        used &= ~others[near_y, near_x]
        # A thin particle has no level far inside: its middle must do.
        thin = min(DEEP, 1.6 * float(area(points) / perimeter(points)))
        return cls(points, outward, profiles.astype(np.float64), used, thin)

    def levels(self) -> tuple[Floats, Floats]:
        """Levels inside and outside at each point."""
        inner, outer = self._bands()
        return self._level(inner), self._level(outer)

    def passed(self) -> Points:
        """Where each profile passes half way, nearest to the outline."""
        low, high = self.levels()
        even = ndimage.gaussian_filter1d(self.profiles, ALONG, axis=0, mode="wrap")
        over = even - ((low + high) / 2)[:, None]
        before, after = over[:, :-1], over[:, 1:]
        with np.errstate(divide="ignore", invalid="ignore"):
            place = _OFFSETS[:-1] + before / (before - after)
        rises = (before <= 0) & (after > 0) & self.used[:, :-1]
        distance = np.where(rises, np.abs(place), np.inf)
        point, nearest = np.arange(len(place)), distance.argmin(axis=1)
        found = np.isfinite(distance[point, nearest])
        moved = _along(np.where(found, place[point, nearest], 0.0), found, ALONG)
        return self.points + moved[:, None] * self.normals

    def far_over_near(self) -> float:
        """Contrast in the outer halves of both sides over that in the inner halves."""
        mean = (self.profiles * self.used).sum(axis=0) / np.maximum(self.used.sum(axis=0), 1)
        low, high = (mean[band] for band in self._bands())

        def step(near: int, far: int) -> float:
            return float(high[near:far].mean() - low[::-1][near:far].mean())

        half = max(1, min(len(low), len(high)) // 2)
        near = step(0, half)
        return step(half, 2 * half) / near if near > 0 else np.inf

    def _bands(self) -> tuple[Mask, Mask]:
        """Offsets that show the levels inside and outside."""
        clear = min(CLEAR, self.thin / 2)
        depth = -_OFFSETS
        return (depth >= clear) & (depth <= self.thin), _OFFSETS >= CLEAR

    def _level(self, band: Mask) -> Floats:
        used = self.used[:, band]
        means = (self.profiles[:, band] * used).sum(axis=1) / np.maximum(used.sum(axis=1), 1)
        return _along(means, np.asarray(used.any(axis=1)), NEARBY)


def _along(values: Floats, known: Mask, sigma: float) -> Floats:
    """Values averaged along the outline over those that are known."""
    if known.all():
        return np.asarray(ndimage.gaussian_filter1d(values, sigma, mode="wrap"))
    total = ndimage.gaussian_filter1d(np.where(known, values, 0.0), sigma, mode="wrap")
    weight = ndimage.gaussian_filter1d(known.astype(float), sigma, mode="wrap")
    return np.asarray(total / np.maximum(weight, 1e-9))


@lru_cache(1)
def _noise() -> Floats32:
    """Noise of unit variance in a pixel, under the Gaussian; it goes on periodically."""
    white = np.random.default_rng(0).standard_normal((TILE, TILE), np.float32)
    tile: Floats32 = ndimage.gaussian_filter(white, SIGMA, mode="wrap")
    return tile
