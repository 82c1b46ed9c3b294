"""How a field falls into places, before they are judged."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.analysis.dose_axis import DoseAxis
from napari_beamwatch.analysis.light import Light
from napari_beamwatch.damage.field.cells import Cells, cells_of
from napari_beamwatch.damage.field.partition import Partition, partition
from napari_beamwatch.movies import Movie
from napari_beamwatch.regions import Region
from napari_beamwatch.spectra.field import FieldTrace
from napari_beamwatch.spectra.following import FollowedSpots
from napari_beamwatch.spectra.overlaps import overlap_factors
from napari_beamwatch.spectra.tracking import taken_at

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Piece:
    """A place before it is judged.

    Attributes
    ----------
    number, crystal : int
    windows : array of int64
        In which it is seen, on no border.
    bearing : array of int64
        In which it is seen.
    power : array of float64
        Of its lattice there.
    worth : array of float64
        What each of these windows stands for, in squares of a step.
    scatter : float
        Of the onsets of its windows beyond their errors, e/Å².
    """

    number: int
    crystal: int
    windows: Ints
    bearing: Ints
    power: Floats
    worth: Floats
    scatter: float

    def inside(self, windows: NDArray[np.bool_], worth: Floats) -> Piece:
        """What of it lies in some of the windows, each of which stands for so much."""
        mine = windows[self.bearing]
        return replace(
            self, windows=self.windows[windows[self.windows]], bearing=self.bearing[mine],
            power=self.power[mine], worth=worth[self.bearing[mine]],
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Pieces:
    """How a field falls into places.

    Attributes
    ----------
    pieces : tuple of Piece
    cells : Cells
    of : Partition
    """

    pieces: tuple[Piece, ...]
    cells: Cells
    of: Partition

    def bearing(self, windows: int) -> list[list[int]]:
        """Numbers of the places that each window shows, the strongest first."""
        found: list[list[int]] = [[] for _ in range(windows)]
        for i in np.argsort(-self.cells.power, kind="stable").tolist():
            found[self.cells.window[i]].append(int(self.of.place[i]))
        return found

    def within(
        self, followed: FollowedSpots, region: Region | None, movie: Movie, field: FieldTrace
    ) -> tuple[Piece, ...]:
        """What of the places lies in a region; in a window of its own it has its own places."""
        if region is None:
            return self.pieces
        if len(followed.spots.grid) == 1:
            return pieces_of(movie, followed, field).pieces
        spots = followed.spots
        inside = region.holds(spots.corners, spots.grid.window)
        worth = spots.grid.worth(inside & followed.signal.seen)
        found = [piece.inside(inside, worth) for piece in self.pieces]
        return tuple(piece for piece in found if len(piece.windows))


def pieces_of(movie: Movie, followed: FollowedSpots, field: FieldTrace) -> Pieces:
    """Cut what was followed into places.

    Parameters
    ----------
    movie : Movie
    followed : FollowedSpots
    field : FieldTrace
    """
    axis, spots, peaks = DoseAxis.of(movie), followed.spots, followed.spots.peaks
    beam = relative_beam(field, axis)
    used = axis.lit & np.isfinite(beam)
    single = movie.counting is not None and movie.counting.kind == "single"
    snr, counts = followed.traces.snr, beam[:, None]
    rows = Light.of(movie, spots).frames(1.0)
    if rows is not None:
        rows = rows[:, peaks.window]
        snr, counts = taken_at(snr, rows), taken_at(np.broadcast_to(counts, snr.shape), rows)
    cells = cells_of(
        snr[used],
        np.asarray(spots.reflections.crystal[spots.reflections.of_peak], np.int64),
        peaks.window,
        spots.strongest,
        # What the floor of a sum has above that of counts is the specimen's own.
        np.maximum(peaks.floor - 1, 0.0) / spots.lengths[peaks.segment] * single,
        counts[used], axis.start[used], axis.end[used],
    )  # fmt: skip
    shared = overlap_factors(spots.grid, np.arange(len(spots.grid)))[0]
    found = partition(cells, spots.grid.shape, shared)
    worth = spots.grid.worth(followed.signal.seen)
    pieces = []
    for number in range(int(found.place.max(initial=-1)) + 1):
        mine = found.place == number
        crystal = int(cells.crystal[mine][0])
        inside = mine & found.pure
        pieces.append(
            Piece(
                number,
                crystal,
                cells.window[inside],
                cells.window[mine],
                cells.power[mine],
                worth[cells.window[mine]],
                float(found.scatter[number]),
            )
        )
    return Pieces(tuple(pieces), cells, found)


def relative_beam(field: FieldTrace, axis: DoseAxis) -> Floats:
    """Mean signal relative to its median over the exposed frames; NaN where there was none."""
    known = axis.lit & (np.nan_to_num(field.mean) > 0)
    usual = np.median(field.mean[known]) if known.any() else 1.0
    return np.where(known, field.mean / usual, np.nan)
