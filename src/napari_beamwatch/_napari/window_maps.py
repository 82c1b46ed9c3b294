"""Tables and traces of windows as pictures of one pixel a window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_beamwatch._napari.placement import Placement
from napari_beamwatch.results.result import Result

Ints = NDArray[np.intp]

START = 0.1
"""Part of the record whose mean is the start."""

SMOOTH = 5
"""Frames whose mean is shown: one alone is mostly noise."""

CLEAR = 3.0
"""Standard errors that the start must be above nothing for a window to be shown."""


def cells_of(windows: pd.DataFrame) -> tuple[int, Ints, int, Ints]:
    """Number of rows, row of each window, number of columns, column of each window."""
    rows, row = np.unique(windows["y0"], return_inverse=True)
    columns, column = np.unique(windows["x0"], return_inverse=True)
    return len(rows), row, len(columns), column


def on_the_grid(
    result: Result, placement: Placement, side: int = 1, *, flat: bool = False
) -> dict[str, Any]:
    """Where a picture of the windows lies: over all frames, or flat for all of them.

    Parameters
    ----------
    result : Result
        With windows.
    placement : Placement
        Of the movie.
    side : int
        Pixels of the picture along a window's cell, which is as wide as the step.
    flat : bool
    """
    windows, step = result.windows, result.settings.step
    box = windows[["y0", "x0", "y1", "x1"]].to_numpy(float)
    wide = float(step if isinstance(step, int) else box[0, 2] - box[0, 0])
    # napari puts the middle of the first pixel at 0, tables its corner.
    middle = (box[:, :2] + box[:, 2:]).min(axis=0) / 2 - 0.5
    y, x = middle - wide / 2 + wide / side / 2
    placed = placement.stacked(pixel=(wide / side, wide / side), corner=(float(y), float(x)))
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
    rows, row, columns, column = cells_of(windows)
    picture = np.full((len(relative), rows, columns), np.nan, np.float32)
    picture[:, row, column] = relative
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
    rows, row, columns, column = cells_of(windows)
    frames = len(result.movie)
    picture = np.zeros((frames, rows, columns), np.uint8)
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
