"""The beam on each window: where it is uneven, every place has a dose axis of its own.

Windows that are taken together must agree in dose, not in time. So in each row of their traces
stands that frame of each window in whose middle it had the dose of the row; nothing is
interpolated, and no frame stands in two rows, so that the noise of rows stays independent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_beamwatch.analysis.dose_axis import DoseAxis
from napari_beamwatch.damage.course.estimate import SURE
from napari_beamwatch.movies import Movie
from napari_beamwatch.spectra.following import FollowedSpots
from napari_beamwatch.spectra.overlaps import overlap_factors
from napari_beamwatch.spectra.spots import Spots

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STEPS = 1000
"""To which ratios of doses are rounded: a tenth of a frame in a hundred."""

UNEVEN = 0.05
"""Part by which the smooth mean signal must vary over the field to be looked at."""

SLOPES = (-2.0, -0.5)
"""Of the logarithms of onsets and mean signal between which the beam may be why they differ: −1 if
it is, 0 if not."""

FEWEST = 12
"""Cells that changed from which on they tell."""


SHADED, AROUND = 0.25, 5
"""Part by which the mean signal of a place must fall beside that of the field, and over how many
frames, for its own to be the light that it has: an edge of the beam that creeps in."""


@dataclass(frozen=True, eq=False)
class Light:
    """How strong the beam is.

    Attributes
    ----------
    axis : DoseAxis
        Of the field.
    windows : array of float64
        Dose of each window of a grid over that of the field.
    """

    axis: DoseAxis
    windows: Floats

    @classmethod
    def of(cls, movie: Movie, spots: Spots) -> Light:
        """On the windows of a grid: 1 where no profile says otherwise, or doses are unknown."""
        axis, grid = DoseAxis.of(movie), spots.grid
        windows = np.ones(len(grid))
        if axis.known and movie.given.beam_profile is not None:
            # The taper leaves the middle half.
            quarter = grid.window // 4
            first = spots.corners + quarter
            last = first + grid.window - 2 * quarter
            windows = np.array(
                [movie.exposure((*a, *b))
                 for a, b in zip(first.tolist(), last.tolist(), strict=True)]
            )  # fmt: skip
        return cls(axis, windows)

    def on(self, windows: Ints, weight: Floats) -> float:
        """Mean over some windows."""
        return float(np.average(self.windows[windows], weights=weight))

    def frames(self, exposure: float) -> Ints | None:
        """The frame of each window that stands in each row, (frames, windows); −1 for none.

        None where all windows have the same dose.

        Parameters
        ----------
        exposure : float
            Dose of the rows over that of the field.
        """
        ratio = np.rint(self.windows / exposure * STEPS).astype(np.int64)
        if (ratio == STEPS).all():
            return None
        found: Ints = np.full((len(self.axis.lit), len(ratio)), -1, np.int64)
        for each in np.unique(ratio):
            found[:, ratio == each] = self._at(float(each) / STEPS)[:, None]
        return found

    def _at(self, ratio: float) -> Ints:
        """The frame in each row of a window that has so many times its dose."""
        lit = np.flatnonzero(self.axis.lit)
        start, end = self.axis.start[lit], self.axis.end[lit]
        middle = (start + end) / 2
        row = np.searchsorted(end, ratio * middle, side="right")
        inside = row < len(lit)
        inside[inside] &= ratio * middle[inside] >= start[row[inside]]
        frame, row = np.flatnonzero(inside), row[inside]
        away = np.abs(ratio * middle[frame] - middle[row])
        order = np.argsort(-away, kind="stable")  # the nearest is written last
        found: Ints = np.full(len(self.axis.lit), -1, np.int64)
        found[lit[row[order]]] = lit[frame[order]]
        return found


def shaded(field: Floats, own: Floats) -> Floats | None:
    """The mean signal that the power of a place goes with, if it is not that of the field.

    What a specimen does to its own signal is little, and is judged as such; where the beam leaves
    it, or a shadow falls on it, its own counts are all that it has.

    Parameters
    ----------
    field, own : array (frames,)
        Mean signal of all windows, and of those of the place.
    """
    known = np.isfinite(own) & (np.nan_to_num(field) > 0)
    if known.sum() < AROUND:
        return None
    ratio = ndimage.median_filter(own[known] / field[known], AROUND, mode="nearest")
    if (ratio > (1 - SHADED) * np.maximum.accumulate(ratio)).all():
        return None
    shade = np.interp(np.arange(len(field)), np.flatnonzero(known), ratio)
    return np.asarray(field * shade, np.float64)


def known_mean(values: Floats) -> Floats:
    """Mean of what is known in each row; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=1)
    sums = np.where(known, values, 0.0).sum(axis=1)
    return np.where(count > 0, sums / np.maximum(count, 1), np.nan)


def uneven(followed: FollowedSpots, window: Ints, onset: Floats) -> str:
    """What is to be said where onsets follow the smooth mean signal; nothing where they do not.

    Parameters
    ----------
    followed : FollowedSpots
    window : array of int64 (cells,)
    onset : array (cells,)
        Of each alone; NaN where it did not change.
    """
    grid = followed.spots.grid
    shared = overlap_factors(grid, np.arange(len(grid)))[0]
    light = _smooth_signal(followed)
    dated = np.isfinite(onset) & (onset > 0) & np.isfinite(light[window])
    if dated.sum() < FEWEST * shared or np.ptp(light[window[dated]]) < UNEVEN:
        return ""
    x, y = np.log(light[window[dated]]), np.log(onset[dated])
    x, y = x - x.mean(), y - y.mean()
    slope = float(x @ y / (x @ x))
    error = float(np.sqrt(((y - slope * x) ** 2).sum() / (len(x) - 2) / (x @ x) * shared))
    if not SLOPES[0] < slope < min(SLOPES[1], -SURE * error):
        return ""
    return (
        "onsets follow the smooth mean signal, which varies by "
        f"{100 * float(np.ptp(light[window[dated]])):.0f} %: the beam is uneven; give its profile, "
        "or doses are those of the field's mean"
    )


def _smooth_signal(followed: FollowedSpots) -> Floats:
    """Mean signal of each window over that of all, as a surface of second order."""
    grid, window = followed.spots.grid, followed.spots.peaks.window
    known, first = np.unique(window, return_index=True)
    seen = followed.signal.of_spots[:, first].astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = seen / followed.signal.field[:, None]
    mean = known_mean(ratio.T)
    y, x = (grid.corners / max(grid.height, grid.width) - 0.5).T
    terms = np.stack([np.ones_like(y), y, x, y * y, x * y, x * x], axis=1)
    told = np.isfinite(mean)
    if told.sum() < 2 * terms.shape[1]:
        return np.full(len(grid), np.nan)
    fit = np.linalg.lstsq(terms[known[told]], mean[told], rcond=None)[0]
    surface = np.full(len(grid), np.nan)
    surface[known] = terms[known] @ fit
    return np.where(surface > 0, surface, np.nan)
