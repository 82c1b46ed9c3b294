"""Frames on their way into bins of dose: reduced, laid where the specimen is, added up.

A bin is looked at as one picture. What is kept of a frame are the sums of its blocks of pixels,
counted from where the specimen lies, so that memory does not depend on the length of the movie.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.compiling import kernel
from napari_beamwatch.movies import Movie
from napari_beamwatch.movies.frames import Frame

Floats32 = NDArray[np.float32]

SIDE = 512
"""Blocks along the longer side of a reduced frame, at the most."""

MOST_BINS = 16
"""With 512 blocks a side they take 17 MB."""


@dataclass(frozen=True)
class Bin:
    """Frames that are looked at as one picture.

    Attributes
    ----------
    first, last : int
        Frames ``first:last``.
    dose_start, dose_end : float
        e/Å², NaN if unknown.
    dy, dx : float
        Where the specimen lies in them on average relative to the first lit frame, in pixels.
    """

    first: int
    last: int
    dose_start: float
    dose_end: float
    dy: float = 0.0
    dx: float = 0.0


@dataclass(frozen=True, eq=False)
class Reduced:
    """Sums of the blocks of a frame; the blocks go with the specimen.

    Attributes
    ----------
    sums : array of float32 (rows, columns)
    shift : (dy, dx)
        Whole pixels down and right.
    """

    sums: Floats32
    shift: tuple[int, int]


class ParticleBins:
    """Takes the lit frames of a movie one after the other.

    `reduce` touches nothing and may run in any thread; `add` takes what it returns in order.
    What comes of it is `napari_beamwatch.particles.finding.solve`'s.

    Parameters
    ----------
    movie : Movie
        Its frames are not read; those that are given to `reduce` may come from anywhere.
    """

    def __init__(self, movie: Movie) -> None:
        self.shape = movie.shape[1:]
        self.pixel_size = movie.pixel_size
        self.block = -(-max(self.shape) // SIDE)
        self._edges = bin_edges(movie)
        self._starts = np.array([first for first, _ in self._edges], np.int64)
        self._doses = [_doses(movie, first, last) for first, last in self._edges]
        rows, columns = (n // self.block for n in self.shape)
        self._sums = np.zeros((len(self._edges), rows, columns), np.float32)
        self._moved = np.zeros((len(self._edges), 2))
        self._frames = np.zeros(len(self._edges), np.int64)
        self._low = np.zeros(2, np.int64)
        self._high = np.zeros(2, np.int64)

    def reduce(self, image: Frame, shift: tuple[int, int] = (0, 0)) -> Reduced:
        """Sums of the blocks of a frame.

        Parameters
        ----------
        image : array
        shift : (dy, dx)
            Whole pixels that the specimen lies below and right of where it was at first.
        """
        dy, dx = (int(step) for step in shift)
        sums = np.empty(self._sums.shape[1:], np.float32)
        _block_sums(image, self.block, dy, dx, sums)
        if not np.isfinite(sums).all():
            good = np.isfinite(image)
            filler = image[good].mean() if good.any() else 0.0
            _block_sums(np.where(good, image, filler), self.block, dy, dx, sums)
        return Reduced(sums, (dy, dx))

    def add(self, frame_index: int, reduced: Reduced) -> None:
        """Take a reduced frame into its bin; one before beam-on is left out."""
        number = int(np.searchsorted(self._starts, frame_index, side="right")) - 1
        if number < 0:
            return
        self._sums[number] += reduced.sums
        self._moved[number] += reduced.shift
        self._frames[number] += 1
        self._low = np.minimum(self._low, reduced.shift)
        self._high = np.maximum(self._high, reduced.shift)

    def bins(self) -> tuple[Bin, ...]:
        """Bins that frames were added to."""
        return tuple(
            Bin(*self._edges[i], *self._doses[i], *(self._moved[i] / self._frames[i]).tolist())
            for i in np.flatnonzero(self._frames)
        )

    def pictures(self) -> tuple[Floats32, tuple[int, int]]:
        """Sums of each bin over what all frames show, and the block that those begin at."""
        first = np.ceil(np.maximum(-self._low, 0) / self.block).astype(int)
        last = (np.array(self.shape) - np.maximum(self._high, 0)) // self.block
        (top, left), (bottom, right) = first.tolist(), last.tolist()
        used = np.flatnonzero(self._frames)
        return self._sums[used, top : max(top, bottom), left : max(left, right)], (top, left)


def bin_edges(movie: Movie, most: int = MOST_BINS) -> list[tuple[int, int]]:
    """First and last frames of bins of about equal dose, each with a lit frame at least."""
    lit = np.flatnonzero(movie.lit)
    count = min(len(lit), most)
    if count == 0:
        return []
    each = np.ones(len(lit)) if movie.frame_dose is None else movie.frame_dose[lit]
    total = np.cumsum(each) if each.sum() > 0 else np.arange(1.0, len(lit) + 1)
    cuts = np.searchsorted(total, total[-1] * np.arange(1, count) / count * (1 - 1e-9)) + 1
    # A few long exposures may hold most of the dose: every bin has a frame all the same.
    for i in range(len(cuts)):
        cuts[i] = min(max(cuts[i], (cuts[i - 1] if i else 0) + 1), len(lit) - count + 1 + i)
    return list(pairwise([int(lit[0]), *lit[cuts].tolist(), int(lit[-1]) + 1]))


def _doses(movie: Movie, first: int, last: int) -> tuple[float, float]:
    if movie.dose is None or movie.dose_start is None:
        return float("nan"), float("nan")
    return float(movie.dose_start[first]), float(movie.dose[last - 1])


def _add_blocks(image: Frame, block: int, dy: int, dx: int, sums: Floats32) -> None:
    height, width = image.shape
    rows, columns = sums.shape
    line = np.zeros(columns * block, np.float32)
    left = min(max(0, -dx), len(line))
    right = max(left, min(len(line), width - dx))
    for i in range(rows):
        line[:] = 0
        # Slices of equal length: with an offset in the index the loop is not vectorised.
        part = line[left:right]
        for y in range(max(0, i * block + dy), min(height, (i + 1) * block + dy)):
            row = image[y, left + dx : right + dx]
            for x in range(len(part)):
                part[x] += row[x]
        for j in range(columns):
            total = np.float32(0)
            for x in range(j * block, (j + 1) * block):
                total += line[x]
            sums[i, j] = total


_block_sums: Any = kernel()(_add_blocks)
