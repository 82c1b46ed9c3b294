"""The places of a field as areas: which squares each owns, their outlines, and where to write.

Windows overlap, so each owns the square around its middle that is as wide as the step: neighbours
touch and do not overlap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_beamwatch.quantities import dose_text
from napari_beamwatch.results.findings import Findings
from napari_beamwatch.results.tables import onset_values

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

VAGUE = 0.5
"""Width of the interval of an onset, in onsets, from which on its ends are told instead."""

NOWHERE = -1
"""In place of a number: the square is of no place."""


@dataclass(frozen=True, eq=False)
class Squares:
    """The squares of a field's windows.

    Attributes
    ----------
    shape : (rows, columns)
    row, column : array of int
        Of each window, in the order of the table.
    corner : (y, x)
        Upper left corner of the first square, in pixels of the movie.
    side : float
        Of a square, in pixels.
    """

    shape: tuple[int, int]
    row: Ints
    column: Ints
    corner: tuple[float, float]
    side: float

    @classmethod
    def of(cls, result: Findings) -> Squares:
        """Of a result with windows."""
        windows, step = result.windows, result.settings.step
        rows, row = np.unique(windows["y0"], return_inverse=True)
        columns, column = np.unique(windows["x0"], return_inverse=True)
        box = windows[["y0", "x0", "y1", "x1"]].to_numpy(float)
        side = float(step if isinstance(step, int) else box[0, 2] - box[0, 0])
        y, x = (box[:, :2] + box[:, 2:]).min(axis=0) / 2 - side / 2
        return cls((len(rows), len(columns)), row, column, (float(y), float(x)), side)


@dataclass(frozen=True)
class Room:
    """The widest stretch of squares in a row of a place: there is room to write.

    Attributes
    ----------
    place : int
    y, x : float
        Its middle, in pixels of the movie.
    width, height : float
        In pixels.
    above, below : float
        How far the place reaches beyond it over all of its width, in pixels.
    """

    place: int
    y: float
    x: float
    width: float
    height: float
    above: float = 0.0
    below: float = 0.0


def place_numbers(result: Findings, squares: Squares) -> Ints | None:
    """Number of the place that owns each square; None if no window names one.

    So it is in runs that were saved when nobody knew of places.
    """
    if not len(result.places) or not result.windows["place"].notna().any():
        return None
    numbers = np.full(squares.shape, NOWHERE, np.int64)
    named = result.windows["place"].astype("Int64").fillna(NOWHERE).to_numpy(np.int64)
    numbers[squares.row, squares.column] = named
    return numbers


def drawn_places(result: Findings) -> pd.DataFrame:
    """The places that own squares: in each window the strongest one shows."""
    owned = result.places["place"].isin(result.windows["place"].dropna())
    return result.places[owned].reset_index(drop=True)


def place_at(result: Findings, y: float, x: float) -> int | None:
    """The place at a pixel of the movie, if there is one."""
    if not len(result.windows):
        return None
    squares = Squares.of(result)
    numbers = place_numbers(result, squares)
    row, column = ((at - corner) // squares.side for at, corner in zip(
        (y, x), squares.corner, strict=True
    ))  # fmt: skip
    inside = 0 <= row < squares.shape[0] and 0 <= column < squares.shape[1]
    if numbers is None or not inside:
        return None
    number = int(numbers[int(row), int(column)])
    return None if number == NOWHERE else number


def rooms_of(numbers: Ints, squares: Squares) -> list[Room]:
    """Where to write in each place, the place of the lowest number first."""
    found = []
    for place in np.unique(numbers[numbers != NOWHERE]).tolist():
        mine = numbers == place
        middle = float(np.argwhere(mine)[:, 0].mean())
        width, _, row, start = max(
            (last - first, -abs(row - middle), row, first)
            for row in np.flatnonzero(mine.any(axis=1)).tolist()
            for first, last in _stretches(mine[row])
        )
        y, x = (
            corner + at * squares.side
            for corner, at in zip(squares.corner, (row + 0.5, start + width / 2), strict=True)
        )
        whole = mine[:, start : start + width].all(axis=1)
        above, below = (
            int(np.argmin(np.append(rows, False))) for rows in (whole[:row][::-1], whole[row + 1 :])
        )
        sides = [count * squares.side for count in (width, 1, above, below)]
        found.append(Room(place, y, x, *sides))
    return found


def outlines_of(inside: NDArray[np.bool_]) -> list[Floats]:
    """Closed outlines (y, x) of a set of squares, those of holes the other way round."""
    edges: set[tuple[tuple[int, int], tuple[int, int]]] = set()
    for y, x in np.argwhere(inside).tolist():
        corners = [(y, x), (y, x + 1), (y + 1, x + 1), (y + 1, x)]
        edges.update(zip(corners, corners[1:] + corners[:1], strict=True))
    onward: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for start, end in sorted(edges):
        if (end, start) not in edges:  # else squares lie on either side
            onward.setdefault(start, []).append(end)
    found = []
    while onward:
        at = first = next(iter(onward))
        way = [first]
        while at != first or len(way) == 1:
            ends = onward[at]
            step = ends.pop()
            if not ends:
                del onward[at]
            way.append(step)
            at = step
        found.append(np.array(way, np.float64))
    return found


def place_words(places: pd.DataFrame) -> dict[int, tuple[str, ...]]:
    """What is written in each place: what may be said of it, most first.

    An onset that is hardly known is told by its interval.
    """
    values, unit = onset_values(places)
    low, high, held = (
        places[f"{name}_e_per_A2"].to_numpy(np.float64)
        for name in ("onset_low", "onset_high", "survived_dose")
    )
    vague = high - low > VAGUE * values
    words = {}
    for i, (number, status) in enumerate(zip(places["place"], places["status"], strict=True)):
        said: tuple[str, ...] = ("?",)
        if np.isfinite(values[i]) and unit == "frame":
            said = (f"frame {values[i]:.0f}", f"{values[i]:.0f}")
        elif np.isfinite(values[i]):
            ends = f"{dose_text(low[i])}–{dose_text(high[i])}"
            said = (f"{ends} {unit}", ends, f"~{dose_text(float(f'{values[i]:.2g}'))}")
            if not vague[i]:
                said = (f"{dose_text(values[i])} {unit}", dose_text(values[i]))
        elif status == "survived":
            said = ("survived", *((f"> {dose_text(held[i])}",) if np.isfinite(held[i]) else ()))
        elif status == "damaged_at_start":
            said = ("at start", "0")
        words[int(number)] = said
    return words


def _stretches(mine: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First squares of stretches in a row, and those after their last."""
    change = np.flatnonzero(np.diff(np.concatenate([[False], mine, [False]])))
    return [(int(first), int(last)) for first, last in change.reshape(-1, 2)]
