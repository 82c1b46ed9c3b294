"""Tables and traces of windows as pictures of one pixel a window."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch._napari.placement import Placement
from napari_beamwatch.results.place_map import Squares
from napari_beamwatch.results.result import Result

START = 0.1
"""Part of the record whose mean is the start."""

SMOOTH = 5
"""Frames whose mean is shown: one alone is mostly noise."""

CLEAR = 3.0
"""Standard errors that the start must be above nothing for a window to be shown."""


def on_the_grid(
    squares: Squares, placement: Placement, side: int = 1, *, flat: bool = False
) -> dict[str, Any]:
    """Where a picture of the windows lies: over all frames, or flat for all of them.

    Parameters
    ----------
    squares : Squares
        Of the windows.
    placement : Placement
        Of the movie.
    side : int
        Pixels of the picture along a square.
    flat : bool
    """
    pixel = squares.side / side
    # napari puts the middle of the first pixel at 0, tables its corner.
    y, x = (at - 0.5 + pixel / 2 for at in squares.corner)
    placed = placement.stacked(pixel=(pixel, pixel), corner=(y, x))
    return {name: value[1:] for name, value in placed.items()} if flat else placed


def lattice_map(result: Result) -> NDArray[np.float32] | None:
    """Intensity of each window's spots relative to the start: (frame, row, column).

    NaN where a window has no lattice to begin with, or was not measured. None if there are no
    spots.
    """
    traces, spots = result.window_traces, result.spots
    mine = spots[spots["window"].notna()]
    if not len(mine) or traces.intensity.shape[1] != len(mine) or not len(result.windows):
        return None
    windows = result.windows
    known = np.isfinite(traces.intensity)
    of = np.searchsorted(windows["window"].to_numpy(), mine["window"].to_numpy(np.int64))
    value = _per_window(np.where(known, traces.intensity, 0), of, len(windows))
    variance = _per_window(np.where(known, traces.intensity_se, 0) ** 2, of, len(windows))
    there = _per_window(known.astype(float), of, len(windows)) > 0
    lit = np.flatnonzero(there.any(axis=1))
    if not len(lit):
        return None
    first = lit[: max(3, round(START * len(lit)))]
    count = there[first].sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        start = value[first].sum(axis=0) / count
        error = np.sqrt(variance[first].sum(axis=0)) / count
        relative = _smooth(np.where(there, value, np.nan)) / start
    relative[:, ~(start > CLEAR * error)] = np.nan
    squares = Squares.of(result)
    picture = np.full((len(relative), *squares.shape), np.nan, np.float32)
    picture[:, squares.row, squares.column] = relative
    return picture


def _per_window(
    values: NDArray[np.floating], of: NDArray[np.int64], count: int
) -> NDArray[np.float64]:
    """Sum over the spots of each window: (frame, window)."""
    sums = np.zeros((count, len(values)))
    np.add.at(sums, of, np.asarray(values, np.float64).T)
    return sums.T


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over neighbouring frames; NaN where a frame itself was not measured."""
    known = np.isfinite(values)
    reach = SMOOTH // 2
    total = np.cumsum(np.pad(np.where(known, values, 0.0), ((1, 0), (0, 0))), axis=0)
    number = np.cumsum(np.pad(known.astype(float), ((1, 0), (0, 0))), axis=0)
    last = np.minimum(np.arange(len(values)) + reach + 1, len(values))
    first = np.maximum(np.arange(len(values)) - reach, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (total[last] - total[first]) / (number[last] - number[first])
    return np.asarray(np.where(known, mean, np.nan))


def phase_map(result: Result) -> tuple[NDArray[np.uint8], tuple[str, ...]] | None:
    """Phase of each window at each frame, as numbers (frame, row, column), and their names.

    0 is nothing known, 1 the first name. A window has the phase before its onset up to the frame
    of the onset and the one after it from there on. None if no window has a phase.
    """
    windows = result.windows
    if result.movie is None or not len(windows):
        return None
    before, after = (
        [_phase_name(said) for said in windows[column]]
        for column in ("phase_before", "phase_after")
    )
    names = tuple(dict.fromkeys(name for name in (*before, *after) if name))
    if not names:
        return None
    numbers = {"": 0, **{name: i for i, name in enumerate(names, start=1)}}
    squares, frames = Squares.of(result), len(result.movie)
    row, column = squares.row, squares.column
    picture = np.zeros((frames, *squares.shape), np.uint8)
    picture[:, row, column] = [numbers[name] for name in before]
    onsets = windows["onset_frame"].astype("Int64").fillna(frames).to_numpy(np.int64)
    for i, onset in enumerate(onsets):
        if after[i]:
            picture[onset:, row[i], column[i]] = numbers[after[i]]
    return picture, names


LOST = "lattice lost"


def _phase_name(said: object) -> str:
    """What a phase is called on the picture: the likeliest of those that fit."""
    if not isinstance(said, str) or not said:
        return ""
    return LOST if said == "none" else said.partition("|")[0]
