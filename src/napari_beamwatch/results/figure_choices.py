"""What a figure of a result shows: which answer, when, where, and which spots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_beamwatch.movies import Movie
from napari_beamwatch.regions import FIELD
from napari_beamwatch.results.result import Result

Floats = NDArray[np.float64]
Box = tuple[int, int, int, int]

MOST_SUMMED = 10
"""Frames added up for a picture: fewer in short movies, where they would blur the change."""

CURVES = 4
"""Spots whose curves are drawn: more cannot be told apart in grey."""

POINTS = 40
"""Points of a curve; frames are averaged down to them."""

EARLY = 0.1
"""Part of the record whose mean is the start where no onset ends the plateau."""

FEWEST = 3
"""Frames that make a plateau."""

APPEARED = 4.0
"""Times its plateau a spot must have at the end to be one that appeared: it is told by its end."""


@dataclass(frozen=True)
class Shot:
    """Frames ``first:last`` added up for a picture, and what they show."""

    word: str
    first: int
    last: int


@dataclass(frozen=True, eq=False)
class FigureCurve:
    """Intensity and spacing of a spot, averaged for the eye.

    Attributes
    ----------
    region, label : str
    x : array
        Dose in the middle of the frames in e/Å², or their number from 1.
    intensity, intensity_se : array
        Relative to the plateau before the onset, of spots that appeared to the end.
    change_x, change, change_se : array
        Change of the spacing in percent, and where it is known.
    fit_x, fit, fit_low, fit_high : array
        Fitted course of its crystal and the 95 % band; empty if it did not fade.
    """

    region: str
    label: str
    x: Floats
    intensity: Floats
    intensity_se: Floats
    change_x: Floats
    change: Floats
    change_se: Floats
    fit_x: Floats
    fit: Floats
    fit_low: Floats
    fit_high: Floats


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
    n = max(1, min((end - begin) // 12, MOST_SUMMED))
    if row is None or pd.isna(row["onset_frame"]):
        middle = max(begin, (begin + end - n) // 2)
        starts = (("start", begin), ("middle", middle), ("end", end - n))
    else:
        onset = int(row["onset_frame"])
        after = end - n
        if movie.dose is not None and pd.notna(row["lost_dose_e_per_A2"]):
            after = min(after, int(np.searchsorted(movie.dose, row["lost_dose_e_per_A2"])))
        at = min(onset, end - n)
        starts = (("before", max(begin, onset - n)), ("at the onset", at), ("after", after))
    return tuple(Shot(word, first, min(first + n, end)) for word, first in starts)


def phases_of(row: pd.Series | None) -> tuple[str | None, str | None, str | None]:
    """The phase whose rings are drawn in each of the three pictures."""
    if row is None:
        return None, None, None
    before, after = (_one_phase(row[name]) for name in ("phase_before", "phase_after"))
    return before, before, before if row["criterion"] != "new_phase" else after


def _one_phase(said: Any) -> str | None:
    """The first of phases that cannot be told apart."""
    return None if pd.isna(said) or said in ("", "none") else str(said).partition("|")[0]


def place(result: Result, row: pd.Series | None, shape: tuple[int, int]) -> Box:
    """The square whose transform is shown: the region's, or the window that tells most."""
    height, width = shape
    if row is not None and row["region"] != FIELD:
        return int(row["y0"]), int(row["x0"]), int(row["y1"]), int(row["x1"])
    windows = result.windows
    status = None if row is None else row["status"]
    alike = windows[windows["status"] == status] if len(windows) else windows
    if not len(alike):
        side = min(height, width, 512)
        y0, x0 = (height - side) // 2, (width - side) // 2
        return y0, x0, y0 + side, x0 + side
    spots = result.spots[result.spots["window"].notna()]
    strength = spots.groupby("window")["snr"].sum()
    clear = alike["window"].map(strength).fillna(0.0).to_numpy(float)
    if row is not None and pd.notna(row["onset_dose_e_per_A2"]):
        # Of the windows that changed when the row says, the clearest.
        off = (alike["onset_dose_e_per_A2"] - row["onset_dose_e_per_A2"]).abs().to_numpy(float)
        off = np.where(np.isfinite(off), off, np.inf)
        clear = np.where(off <= np.quantile(off, 0.25), clear, -1.0)
    one = alike.iloc[int(np.argmax(clear))]
    return int(one["y0"]), int(one["x0"]), int(one["y1"]), int(one["x1"])


def around(box: Box, shape: tuple[int, int]) -> Box:
    """The square part of the field around a box, twice as wide where there is room."""
    side = min(*shape, 2 * max(box[2] - box[0], box[3] - box[1]))
    y0 = min(max(0, (box[0] + box[2] - side) // 2), shape[0] - side)
    x0 = min(max(0, (box[1] + box[3] - side) // 2), shape[1] - side)
    return y0, x0, y0 + side, x0 + side


def curves(result: Result) -> list[FigureCurve]:
    """Curves of the strongest spot of each region, or of the strongest ones of the field."""
    spots = result.spots[result.spots["region"].notna()]
    drawn = spots[spots["region"] != FIELD]
    if len(drawn):
        chosen = drawn.sort_values("snr", ascending=False).drop_duplicates("region")
        chosen = chosen.sort_values("region")[:CURVES]
    else:
        chosen = spots.sort_values("snr", ascending=False)[:CURVES]
    made = [_curve(result, row) for _, row in chosen.iterrows()]
    return [curve for curve in made if curve is not None]


def along(result: Result) -> str:
    """What the curves are drawn against: "dose", or "frame" where no dose is known."""
    return "dose" if result.traces["dose_e_per_A2"].notna().any() else "frame"


def _curve(result: Result, spot: pd.Series) -> FigureCurve | None:
    traces = result.traces
    rows = traces[(traces["region"] == spot["region"]) & (traces["spot"] == spot["spot"])]
    rows = rows.sort_values("frame")
    if not len(rows):
        return None
    frame = rows["frame"].to_numpy(float)
    x = frame + 1
    if along(result) == "dose":
        ends = rows["dose_e_per_A2"].to_numpy(float)
        x = (ends + np.append(2 * ends[0] - ends[1] if len(ends) > 1 else 0.0, ends[:-1])) / 2
    before = _plateau(result, str(spot["region"]), frame)
    intensity = rows["intensity"].to_numpy(float)
    plateau, end = _mean(intensity[before]), _mean(intensity[round(-EARLY * len(frame)) - 1 :])
    if end > APPEARED * max(plateau, 0.0):
        plateau, before = end, np.isfinite(intensity)
    unit = "d_A" if rows["d_A"].notna().any() else "d_px"
    d = rows[unit].to_numpy(float)
    usual = _mean(d[before])
    if not plateau > 0:
        return None
    error = rows["d_se_A"].to_numpy(float) if unit == "d_A" else np.zeros(len(d))
    n = max(1, -(-len(x) // POINTS))
    mid, level, level_se = _averaged(
        x, intensity / plateau, rows["intensity_se"].to_numpy(float) / plateau, n
    )
    change = 100 * (d / usual - 1) if usual > 0 else np.full_like(d, np.nan)
    at, moved, moved_se = _averaged(x, change, 100 * error / usual, n)
    fitted = _fitted(result, spot, frame, x) if plateau != end else (np.empty(0),) * 4
    return FigureCurve(
        str(spot["region"]), _label(spot), mid, level, level_se, at, moved, moved_se, *fitted
    )


def _fitted(
    result: Result, spot: pd.Series, frame: Floats, x: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Course of the spot's crystal, where it faded."""
    rows = result.courses
    rows = rows[(rows["region"] == spot["region"]) & (rows["crystal"] == spot["crystal"])]
    at = np.interp(rows["frame"].to_numpy(float), frame, x) if len(rows) else np.empty(0)
    level, low, high = (
        rows[name].to_numpy(float) for name in ("intensity", "intensity_low", "intensity_high")
    )
    return at, level, low, high


def _plateau(result: Result, region: str, frame: Floats) -> NDArray[np.bool_]:
    """Frames that a spot is compared with: those before the onset, all of a record that held."""
    row = result.onsets[result.onsets["region"] == region]
    onset = row["onset_frame"].dropna()
    if len(onset):
        before = frame < float(onset.iloc[0])
    elif (row["status"] == "survived").any():
        before = np.ones(len(frame), bool)
    else:
        before = frame < frame[0] + EARLY * len(frame)
    before[:FEWEST] = True
    return before


def _averaged(x: Floats, y: Floats, se: Floats, n: int) -> tuple[Floats, Floats, Floats]:
    known = np.isfinite(y) & np.isfinite(se)
    x, y, se = x[known], y[known], se[known]
    starts = np.arange(0, len(y), n)
    if not len(starts):
        return x, y, se
    counts = np.diff(np.append(starts, len(y)))
    sums = [np.add.reduceat(values, starts) / counts for values in (x, y, se**2)]
    return sums[0], sums[1], np.sqrt(sums[2] / counts)


def _label(spot: pd.Series) -> str:
    words = [] if spot["region"] == FIELD else [str(spot["region"])]
    if pd.notna(spot["phase"]):
        name = str(spot["phase"]).partition("|")[0]
        words.append(name if pd.isna(spot["hkl"]) else f"{name} {spot['hkl']}")
    words.append(f"{spot['d_A']:.3f} Å" if pd.notna(spot["d_A"]) else f"{spot['d_px']:.1f} px")
    return " · ".join(words)


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
