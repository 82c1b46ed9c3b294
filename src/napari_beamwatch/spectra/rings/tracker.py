"""Radial power over the frames: tiles of a few windows, added up over short stretches.

Windows follow the specimen, so that frames add up coherently: a ring that is k times above the
noise in one frame is n·k times above it in n of them. Of each stretch every other frame goes to
one half, and the halves' difference is the noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from napari_beamwatch.compiling import kernel
from napari_beamwatch.spectra.peaks import taper_tiles
from napari_beamwatch.spectra.rings.masks import LatticeSpots
from napari_beamwatch.spectra.rings.radial import (
    RadialPower,
    power_of_halves,
    spread_windows,
)
from napari_beamwatch.spectra.windows import Floats32, Grid
from napari_beamwatch.threads import free_threads

MOST_STRETCHES = 30

FEWEST_FRAMES = 2
"""Of a stretch: one for each half."""


@dataclass(frozen=True, eq=False)
class Tiles:
    """The windows of a frame that are looked at.

    Attributes
    ----------
    pixels : array (windows, size, size)
    inside : array of bool (windows,)
        Those wholly on the detector; others are empty.
    """

    pixels: NDArray[Any]
    inside: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class TileCutter:
    """Cuts windows out of a frame where the specimen lies.

    Attributes
    ----------
    grid : Grid
        In pixels `by` times as large as those of the frame.
    windows : array of int64
    by : int
    """

    grid: Grid
    windows: NDArray[np.int64]
    by: int = 1

    def __call__(self, frame: int, image: NDArray[Any], shift: tuple[int, int]) -> Tiles:
        """Tiles of a frame; `frame` is not asked for, every one is cut alike."""
        size = self.grid.window * self.by
        corners = self.grid.corners[self.windows] * self.by + np.asarray(shift)
        inside = ((corners >= 0) & (corners + size <= np.array(image.shape))).all(axis=1)
        kind = np.float32 if self.by > 1 else image.dtype
        pixels = np.zeros((len(self.windows), self.grid.window, self.grid.window), kind)
        for i in np.flatnonzero(inside).tolist():
            y, x = corners[i].tolist()
            tile = image[y : y + size, x : x + size]
            if self.by > 1:
                join_pixels(tile, self.by, pixels[i])
            else:
                pixels[i] = tile
        return Tiles(pixels, inside)


@dataclass(frozen=True, eq=False)
class RadialSeries:
    """Radial power over stretches of frames.

    Attributes
    ----------
    stretches : tuple of RadialPower
        One after the other, of a few frames each.
    segments : tuple of RadialPower
        The longer ones in which rings are looked for.
    """

    stretches: tuple[RadialPower, ...]
    segments: tuple[RadialPower, ...]


class _Sum:
    """Tiles of two halves of some frames, added up."""

    def __init__(self, first: int, windows: int, size: int) -> None:
        self.first = first
        self.halves = np.zeros((2, windows, size, size), np.float32)
        self.inside = np.ones(windows, bool)

    def add(self, frame: int, tiles: Tiles) -> None:
        add_tiles(self.halves[frame % 2], tiles.pixels)
        self.inside &= tiles.inside

    def join(self, other: _Sum) -> None:
        self.halves += other.halves
        self.inside &= other.inside


@kernel()
def join_pixels(tile: NDArray[Any], by: int, joined: Floats32) -> None:
    """Sums of squares of pixels."""
    for y in range(tile.shape[0]):
        to, row = joined[y // by], tile[y]
        for x in range(len(to)):
            for i in range(x * by, (x + 1) * by):
                to[x] += np.float32(row[i])


@kernel(fastmath=True)
def add_tiles(total: Floats32, tiles: NDArray[Any]) -> None:
    """Add tiles to their sums."""
    for i in range(len(total)):
        for y in range(total.shape[1]):
            to, row = total[i, y], tiles[i, y]
            for x in range(len(to)):
                to[x] += np.float32(row[x])


def stretch_ends(
    lit: NDArray[np.bool_], segments: Sequence[tuple[int, int]]
) -> tuple[set[int], set[int]]:
    """Last frames of stretches and of segments; a segment is made of whole stretches."""
    length = max(FEWEST_FRAMES, -(-int(lit.sum()) // MOST_STRETCHES))
    ends, segment_ends = set(), set()
    for first, last in segments:
        frames = first + np.flatnonzero(lit[first:last])
        if not len(frames):
            continue
        # What is left over goes to the last stretch: alone it might lack a half.
        count = max(1, len(frames) // length)
        ends |= {int(frames[i * length - 1]) for i in range(1, count)} | {int(frames[-1])}
        segment_ends.add(int(frames[-1]))
    return ends, segment_ends


class RadialTracker:
    """Keeps the radial power of a movie whose frames are shown one by one.

    Parameters
    ----------
    grid : Grid
    lit : array of bool (frames,)
        Frames that will be shown.
    segments : sequence of (first, last)
        Stretches of frames in which rings are looked for; every frame that is shown is in one.
    spots : LatticeSpots, optional
        Of lattices, of all windows; those of large crystals are left out.
    by : int
        Pixels of the frames a side that make up one of the grid's, and of all that is told.
    """

    def __init__(
        self,
        grid: Grid,
        lit: NDArray[np.bool_],
        segments: Sequence[tuple[int, int]],
        spots: LatticeSpots | None = None,
        by: int = 1,
    ) -> None:
        self.grid, self.by = grid, by
        self.windows = spread_windows(grid)
        large = (spots or LatticeSpots.none()).large(grid)
        self._left_out = large.bins(grid, self.windows)
        self._ends, self._segment_ends = stretch_ends(lit, segments)
        self._shown = 0
        self._stretch: _Sum | None = None
        self._segment: _Sum | None = None
        self._stretches: list[RadialPower] = []
        self._found: list[RadialPower] = []

    @property
    def reduce(self) -> TileCutter:
        """Cuts a frame into tiles; changes nothing, for any thread or process."""
        return TileCutter(self.grid, self.windows, self.by)

    def add(self, frame: int, reduced: Tiles) -> None:
        """Take the tiles of a frame; frames come in order of time."""
        size, windows = self.grid.window, len(self.windows)
        if self._stretch is None:
            self._stretch = _Sum(frame, windows, size)
        self._stretch.add(self._shown, reduced)
        self._shown += 1
        if frame not in self._ends:
            return
        done, self._stretch = self._stretch, None
        self._stretches.append(self._power(done, frame + 1))
        if self._segment is None:
            self._segment = done
        else:
            self._segment.join(done)
        if frame in self._segment_ends:
            self._found.append(self._power(self._segment, frame + 1))
            self._segment = None

    def series(self) -> RadialSeries:
        """What is known so far."""
        return RadialSeries(tuple(self._stretches), tuple(self._found))

    def _power(self, added: _Sum, stop: int) -> RadialPower:
        fields, means = zip(*(self._transforms(half) for half in added.halves), strict=True)
        lit = added.inside.astype(np.float64)
        return power_of_halves(
            (fields[0], fields[1]),
            (means[0] * lit, means[1] * lit),
            self.grid,
            self.windows,
            self._left_out,
            (added.first, stop),
        )

    def _transforms(self, tiles: Floats32) -> tuple[NDArray[np.complex64], NDArray[np.float64]]:
        size = self.grid.window
        tapered = np.empty_like(tiles)
        means = np.zeros(len(tiles))
        corners = np.zeros((len(tiles), 2), np.int64)
        corners[:, 0] = np.arange(len(tiles)) * size
        lying = tiles.reshape(-1, size)  # tiles below each other are an image
        taper_tiles(lying, corners, self.grid.weights, self.grid.weight_sum, tapered, means)
        workers = free_threads()
        return scipy.fft.rfft2(tapered, axes=(1, 2), overwrite_x=True, workers=workers), means
