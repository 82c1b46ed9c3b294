"""What a figure of a result shows: which answer, when, where, and which spots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_beamwatch.movies import Movie
from napari_beamwatch.regions import FIELD
from napari_beamwatch.results.findings import Findings

Box = tuple[int, int, int, int]

MOST_SUMMED = 10
"""Frames added up for a picture: fewer in short movies, where they would blur the change."""

DOSE = "onset_dose_e_per_A2"

LARGEST_TRANSFORM = 512
"""Pixels a side that are transformed where no window says how many."""


@dataclass(frozen=True)
class Shot:
    """Frames ``first:last`` added up for a picture, and what they show."""

    word: str
    first: int
    last: int


@dataclass(frozen=True)
class Place:
    """Where a transform is taken: rows and columns in the first lit frame, and whose spots.

    Attributes
    ----------
    box : tuple of int
        (y0, x0, y1, x1).
    region : str
    window : int or None
        Number of the window; None for the whole of a region.
    """

    box: Box
    region: str
    window: int | None


@dataclass(frozen=True)
class FigureSpot:
    """A spot that is circled: frequency as in the tables, strength, and its names if known."""

    gy: float
    gx: float
    snr: float
    hkl: str | None
    length: str


def subject(onsets: pd.DataFrame) -> pd.Series | None:
    """The row the pictures are of: the field's, or the first region's with an onset."""
    if not len(onsets):
        return None
    found = onsets[onsets["status"] == "onset"]
    return found.iloc[0] if len(found) else onsets.iloc[0]


def shots(movie: Movie, row: pd.Series | None) -> tuple[Shot, ...]:
    """Before, at and after the onset; start, middle and end where there is none."""
    lit = np.flatnonzero(movie.lit)
    begin, end = (int(lit[0]), int(lit[-1]) + 1) if len(lit) else (0, len(movie))
    n = summed(begin, end)
    if row is None or pd.isna(row["onset_frame"]):
        middle = max(begin, (begin + end - n) // 2)
        starts = (("start", begin), ("middle", middle), ("end", end - n))
    else:
        onset = int(row["onset_frame"])
        after = end - n
        if movie.dose is not None and pd.notna(row["lost_dose_e_per_A2"]):
            after = min(after, int(np.searchsorted(movie.dose, row["lost_dose_e_per_A2"])))
        at = min(onset, end - n)
        starts = (("before", max(begin, onset - n)), ("at onset", at), ("after", after))
    return tuple(Shot(word, first, min(first + n, end)) for word, first in starts)


def phases_of(row: pd.Series | None) -> tuple[str | None, str | None, str | None]:
    """The phase whose rings are drawn in each of the three pictures."""
    if row is None:
        return None, None, None
    before, after = (_one_phase(row[name]) for name in ("phase_before", "phase_after"))
    return before, before, before if after is None and row["criterion"] != "new_phase" else after


def track_of(result: Findings, frames: int) -> NDArray[np.int64]:
    """Whole pixels (dy, dx) by which the specimen lies below and right of its first place."""
    track = np.zeros((frames, 2), np.int64)
    known = result.drift.dropna(subset=["dy_px", "dx_px"])
    known = known[known["frame"] < frames]
    moved = known[["dy_px", "dx_px"]].to_numpy(float)
    track[known["frame"].to_numpy(np.int64)] = np.rint(moved).astype(np.int64)
    return track


def place(result: Findings, row: pd.Series | None, shape: tuple[int, int]) -> Place:
    """The square whose transform is shown: the region's, or the window that tells most."""
    height, width = shape
    if row is not None and row["region"] != FIELD:
        box = int(row["y0"]), int(row["x0"]), int(row["y1"]), int(row["x1"])
        return Place(box, str(row["region"]), None)
    windows = result.windows
    status = None if row is None else row["status"]
    alike = windows[windows["status"] == status] if len(windows) else windows
    if not len(alike) or status == "no_lattice":
        side = min(height, width, LARGEST_TRANSFORM)
        y0, x0 = (height - side) // 2, (width - side) // 2
        return Place((y0, x0, y0 + side, x0 + side), FIELD, None)
    spots = result.spots[result.spots["window"].notna()]
    strength = spots.groupby("window")["snr"].sum()
    clear = alike["window"].map(strength).fillna(0.0).to_numpy(float)
    when = "onset_frame" if row is None or pd.isna(row[DOSE]) else DOSE
    if row is not None and pd.notna(row[when]):
        # Of the windows that changed when the row says, the clearest.
        off = (alike[when] - row[when]).abs().to_numpy(float, na_value=np.nan)
        off = np.where(np.isfinite(off), off, np.inf)
        clear = np.where(off <= np.quantile(off, 0.25), clear, -1.0)
    one = alike.iloc[int(np.argmax(clear))]
    box = int(one["y0"]), int(one["x0"]), int(one["y1"]), int(one["x1"])
    return Place(box, FIELD, int(one["window"]))


def around(box: Box, shape: tuple[int, int], moved: NDArray[np.int64]) -> Box:
    """The square part of the field around a box, twice as wide where there is room.

    Parameters
    ----------
    box : tuple of int
    shape : (rows, columns)
    moved : array (frames, 2)
        Drift in pixels of the frames that are shown: the part stays in sight in all of them, or
        else the box alone is sure to be in it.
    """
    spans = []
    for axis, size in enumerate(shape):
        first = min(box[axis], max(0, -int(moved[:, axis].min())))
        last = max(box[axis + 2], size - max(0, int(moved[:, axis].max())))
        spans.append((first, last))
    largest = max(box[2] - box[0], box[3] - box[1])
    side = max(largest, min(*(last - first for first, last in spans), 2 * largest))
    y0, x0 = (
        min(max(first, (box[axis] + box[axis + 2] - side) // 2), last - side)
        for axis, (first, last) in enumerate(spans)
    )
    return y0, x0, y0 + side, x0 + side


def within(box: Box, part: Box) -> Box:
    """A box from the corner of a part of the field."""
    y0, x0, y1, x1 = box
    return y0 - part[0], x0 - part[1], y1 - part[0], x1 - part[1]


def summed(begin: int, end: int) -> int:
    """Frames that are added up for a picture of a record."""
    return max(1, min((end - begin) // 12, MOST_SUMMED))


def spots_at(result: Findings, where: Place) -> list[FigureSpot]:
    """Spots that were followed at a place, strongest first."""
    spots = result.spots
    named = spots[(spots["region"] == where.region) & spots["window"].isna()]
    named = named.drop_duplicates("spot").set_index("spot")
    rows = named.reset_index()
    if where.window is not None:
        rows = spots[spots["window"] == where.window]
    made = []
    for _, spot in rows.sort_values("snr", ascending=False).iterrows():
        # Spots of windows bear the numbers of the field's, whose spacings are the finer ones.
        known = named.loc[spot["spot"]] if spot["spot"] in named.index else spot
        g = float(spot["gy_per_px"]), float(spot["gx_per_px"])
        hkl = None if pd.isna(known["hkl"]) else str(known["hkl"])
        made.append(FigureSpot(*g, float(spot["snr"]), hkl, length_of(known)))
    return made


def length_of(spot: pd.Series) -> str:
    """The spacing of a spot as it is printed."""
    return f"{spot['d_A']:.2f} Å" if pd.notna(spot["d_A"]) else f"{spot['d_px']:.1f} px"


def _one_phase(said: Any) -> str | None:
    """The first of phases that cannot be told apart."""
    return None if pd.isna(said) or said in ("", "none") else str(said).partition("|")[0]
