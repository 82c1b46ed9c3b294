"""The counts and pulls of the spots of a pattern in one frame.

Counts of a spot and of its mate are read with Gaussian weights, less the background of a ring
around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.compiling import kernel
from napari_beamwatch.spectra.diffraction.placing import WEIGHT
from napari_beamwatch.spectra.diffraction.spots import DiffractionSpots

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

DISC = 4.0
"""Pixels: radius of the disc that is read; the weights have fallen to 3 % there."""

RING = (5.0, 9.0)
"""Pixels: inner and outer radius of the ring that tells the background."""

FEWEST_RING_PIXELS = 20

WHOLE_DISC = 0.98
"""Part of the disc that must be seen in a frame: less of a spot would look like fading."""

(COUNTS, LEVEL, PLAIN, OWN, PULL_Y, PULL_X, WEIGHED, FAR, FAR_OWN) = range(9)
"""What `read_spots` tells of a place."""


@dataclass(frozen=True, eq=False)
class ReadSpots:
    """What was read in a frame.

    Attributes
    ----------
    values : array of float64 (spot, mate, 9)
        As `read_spots` tells them.
    total : float
        All counts of the frame that are seen; what pixels that are no numbers would have held is
        in it, by the share of the pattern that falls on them.
    """

    values: Floats
    total: float


@dataclass(frozen=True, eq=False)
class SpotReader:
    """Reads the spots of frames; keeps nothing, and can be sent to another process.

    Attributes
    ----------
    pattern : array of float64
        Sum of all patterns, 0 where nothing is seen.
    seen, near : array of bool
        Pixels that are not hidden; those that belong to spots.
    places : array of float64 (spot, mate, 2)
    mates : array of bool (spot, mate)
        Those that are read.
    hidden : array of bool, optional
        Pixels of the camera that show nothing, wherever the pattern lies. Without it, those that
        are not seen stand still when it is shifted.
    """

    pattern: Floats
    seen: Mask
    near: Mask
    places: Floats
    mates: Mask
    hidden: Mask | None = None

    @classmethod
    def of(cls, spots: DiffractionSpots, hidden: Mask | None = None) -> SpotReader:
        """The reader of some spots."""
        vector = np.stack([spots.ry, spots.rx], axis=1)
        middle = np.array([spots.centre.y, spots.centre.x])
        places = np.stack([middle + vector, middle - vector], axis=1)
        seen = spots.centre.seen
        near = _near_spots(seen.shape, places[spots.mates])
        return cls(spots.pattern, seen, near, places, spots.mates, hidden)

    def __call__(self, image: NDArray[Any], shift: tuple[float, float] = (0, 0)) -> ReadSpots:
        """What a frame shows; a shift as for `SpotTracker.add`."""
        pattern, known = self.pattern, self.seen & np.isfinite(image)
        if self.hidden is not None:
            at = np.rint(shift).astype(np.int64)
            known = laid(self.seen, at) & np.isfinite(image) & ~self.hidden
            pattern = laid(pattern, at)
        counts = np.where(known, image, np.nan).astype(np.float64)
        total = float(counts[known].sum())
        missing = 1 - pattern[known].sum() / self.pattern.sum()
        if missing > 0:
            total = total / (1 - missing) if missing < 1 else 0.0
        values = np.full((len(self.places), 2, 9), np.nan)
        if total > 0:
            read_spots(counts, self.near, self.places, self.mates, *shift, values)
        return ReadSpots(values, total)


def laid(values: NDArray[Any], at: NDArray[np.int64]) -> NDArray[Any]:
    """An image laid so many whole pixels further down and right; 0 where nothing comes to lie."""
    moved = np.zeros_like(values)
    to, of = (
        tuple(
            slice(max(0, sign * n), values.shape[axis] + min(0, sign * n))
            for axis, n in enumerate(at.tolist())
        )
        for sign in (1, -1)
    )
    moved[to] = values[of]
    return moved


def _near_spots(shape: tuple[int, ...], places: Floats) -> Mask:
    """Pixels that belong to some spot, not to the background of another."""
    near = np.zeros(shape, bool)
    reach = int(np.ceil(DISC)) + 1
    for y, x in places:
        top, left = max(0, round(y) - reach), max(0, round(x) - reach)
        part = near[top : round(y) + reach + 1, left : round(x) + reach + 1]
        rows, columns = np.indices(part.shape)
        part |= np.hypot(rows + top - y, columns + left - x) <= DISC
    return near


@kernel()
def read_spots(
    counts: Floats,
    near: NDArray[np.bool_],
    places: Floats,
    mates: NDArray[np.bool_],
    shift_y: float,
    shift_x: float,
    read: Floats,
) -> None:
    """Counts and pulls of spots in a frame; places that are not wholly seen are left alone.

    Parameters
    ----------
    counts : array
        NaN where nothing is seen.
    near : array of bool
        Pixels that belong to spots, in the unshifted pattern.
    places : array (spot, mate, 2)
    mates : array of bool (spot, mate)
        Those to be read.
    shift_y, shift_x : float
        Of the pattern.
    read : array (spot, mate, 9)
        Counts, background of a pixel, its factor in the variance of the counts, the spot's own
        part of that variance, pulls along y and x, the weighted counts, factor of the background
        in the variance of the pulls, own part of it.
    """
    rows, columns = counts.shape
    reach = int(np.ceil(RING[1]))
    off_y, off_x = int(np.rint(shift_y)), int(np.rint(shift_x))
    square = WEIGHT * WEIGHT
    for s in range(len(places)):
        for m in range(2):
            if not mates[s, m]:
                continue
            y, x = places[s, m, 0] + shift_y, places[s, m, 1] + shift_x
            top, left = int(np.rint(y)) - reach, int(np.rint(x)) - reach
            around = 0.0
            ring = 0
            for i in range(max(0, top), min(rows, top + 2 * reach + 1)):
                for j in range(max(0, left), min(columns, left + 2 * reach + 1)):
                    r = np.hypot(i - y, j - x)
                    if r < RING[0] or r > RING[1] or np.isnan(counts[i, j]):
                        continue
                    k, n = i - off_y, j - off_x
                    if 0 <= k < rows and 0 <= n < columns and near[k, n]:
                        continue
                    around += counts[i, j]
                    ring += 1
            if ring < FEWEST_RING_PIXELS:
                continue
            level = around / ring
            norm = total = weights = squares = own = 0.0
            pull_y = pull_x = far = far_own = 0.0
            pixels = whole = 0
            for i in range(int(np.ceil(y - DISC)), int(np.floor(y + DISC)) + 1):
                for j in range(int(np.ceil(x - DISC)), int(np.floor(x + DISC)) + 1):
                    v, u = i - y, j - x
                    away = v * v + u * u
                    if away > DISC * DISC:
                        continue
                    whole += 1
                    if not (0 <= i < rows and 0 <= j < columns) or np.isnan(counts[i, j]):
                        continue
                    pixels += 1
                    weight = np.exp(-away / (2 * square))
                    signal = counts[i, j] - level
                    norm += weight * weight / (2 * np.pi * square)
                    weights += weight
                    squares += weight * weight
                    total += weight * signal
                    own += weight * weight * signal
                    pull_y += weight * v * signal
                    pull_x += weight * u * signal
                    far += weight * weight * away / 2
                    far_own += weight * weight * away / 2 * signal
            if pixels < WHOLE_DISC * whole:
                continue
            read[s, m, COUNTS] = total / norm
            read[s, m, LEVEL] = level
            read[s, m, PLAIN] = (squares + weights * weights / ring) / norm**2
            read[s, m, OWN] = own / norm**2
            read[s, m, PULL_Y] = pull_y
            read[s, m, PULL_X] = pull_x
            read[s, m, WEIGHED] = total
            read[s, m, FAR] = far
            read[s, m, FAR_OWN] = far_own
