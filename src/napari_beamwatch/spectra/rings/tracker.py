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

from napari_beamwatch.spectra.peaks import taper_tiles
from napari_beamwatch.spectra.rings.masks import LatticeSpots
from napari_beamwatch.spectra.rings.radial import (
    RadialPower,
    power_of_halves,
    spread_windows,
)
from napari_beamwatch.spectra.windows import Floats32, Grid, windows_inside
from napari_beamwatch.threads import free_threads

MOST_STRETCHES = 40

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
    """Cuts windows out of a frame where the specimen lies."""

    grid: Grid
    windows: NDArray[np.int64]

    def __call__(self, frame: int, image: NDArray[Any], shift: tuple[int, int]) -> Tiles:
        """Tiles of a frame; `frame` is not asked for, every one is cut alike."""
        size = self.grid.window
        inside = windows_inside(self.grid, shift)[self.windows]
        pixels = np.zeros((len(self.windows), size, size), image.dtype)
        corners = self.grid.corners[self.windows] + np.asarray(shift)
        for i in np.flatnonzero(inside).tolist():
            y, x = corners[i].tolist()
            pixels[i] = image[y : y + size, x : x + size]
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
        self.first, self.frames = first, 0
        self.halves = np.zeros((2, windows, size, size), np.float32)
        self.inside = np.ones(windows, bool)

    def add(self, tiles: Tiles) -> None:
        self.halves[self.frames % 2] += tiles.pixels
        self.inside &= tiles.inside
        self.frames += 1


class RadialTracker:
    """Keeps the radial power of a movie whose frames are shown one by one.

    Parameters
    ----------
    grid : Grid
    lit : array of bool (frames,)
        Frames that will be shown.
    segments : sequence of (first, last)
        Stretches of frames in which rings are looked for; they do not overlap.
    spots : LatticeSpots, optional
        Of lattices, of all windows; those of large crystals are left out.
    """

    def __init__(
        self,
        grid: Grid,
        lit: NDArray[np.bool_],
        segments: Sequence[tuple[int, int]],
        spots: LatticeSpots | None = None,
    ) -> None:
        self.grid = grid
        self.windows = spread_windows(grid)
        large = (spots or LatticeSpots.none()).large(grid)
        self._left_out = large.bins(grid, self.windows)
        frames = np.flatnonzero(lit)
        count = len(frames)
        length = max(FEWEST_FRAMES, -(-count // MOST_STRETCHES))
        # What is left over goes to the last stretch: alone it might lack a half.
        starts = range(0, max(1, count - length + 1), length)
        self._ends = {int(frames[start - 1]) for start in starts if start} | {
            int(t) for t in frames[-1:]
        }
        self._segments = list(segments)
        self._segment_ends = {int(frames[frames < last].max(initial=-1)) for _, last in segments}
        self._stretch: _Sum | None = None
        self._segment: _Sum | None = None
        self._stretches: list[RadialPower] = []
        self._found: list[RadialPower] = []

    @property
    def reduce(self) -> TileCutter:
        """Cuts a frame into tiles; changes nothing, for any thread or process."""
        return TileCutter(self.grid, self.windows)

    def add(self, frame: int, reduced: Tiles) -> None:
        """Take the tiles of a frame; frames come in order of time."""
        size, windows = self.grid.window, len(self.windows)
        if self._stretch is None:
            self._stretch = _Sum(frame, windows, size)
        self._stretch.add(reduced)
        if frame in self._ends:
            self._stretches.append(self._power(self._stretch, frame + 1))
            self._stretch = None
        if not any(first <= frame < last for first, last in self._segments):
            return
        if self._segment is None:
            self._segment = _Sum(frame, windows, size)
        self._segment.add(reduced)
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
