"""The curves of a figure of a result: traces averaged for the eye, along dose, time or frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.regions import FIELD
from napari_beamwatch.results.calm import FEWEST, calm
from napari_beamwatch.results.figure.choices import length_of
from napari_beamwatch.results.figure.style import hkl_text, plain
from napari_beamwatch.results.findings import Findings
from napari_beamwatch.results.frame_axis import Along, edges_of
from napari_beamwatch.results.named_places import course_of, speaking_places, with_places
from napari_beamwatch.results.place_map import place_words

Floats = NDArray[np.float64]
CURVES = 4
"""Spots whose curves are drawn: more cannot be told apart in grey."""

OF_ONE_CRYSTAL = 2
"""Of these, so that the strongest crystal leaves room for others."""

POINTS = 40
"""Points of a curve; frames are averaged down to them."""

EARLY = 0.1
"""Part of the record whose mean is the start where no onset ends the plateau."""

APPEARED = 4.0
"""Times its plateau a spot must have at the end to be one that appeared: it is told by its end."""

COARSEST = 0.5
"""Percent: a spacing with a larger standard error tells nothing of changes that matter."""

PARTICLES = 3
"""Largest ones, whose areas are drawn."""


@dataclass(frozen=True, eq=False)
class FigureAxis:
    """Where frames and doses lie along the axis that curves are drawn against.

    Attributes
    ----------
    along : {"dose", "time", "frame"}
    edges : array (frames + 1,)
        Start of the first frame and ends of all, in e/Å², s, or frames, the first of which is
        drawn at 1.
    doses : array (frames + 1,) or None
        The same in e/Å²; None if no dose is known.
    """

    along: Along
    edges: Floats
    doses: Floats | None

    @classmethod
    def of(cls, result: Findings, along: Along | None = None) -> FigureAxis:
        """The axis asked for; left open, dose if it is known, else frames."""
        rows = result.field.sort_values("frame")
        doses, times = (_edges(rows[name].to_numpy(float)) for name in ("dose_e_per_A2", "time_s"))
        frames = np.arange(0.5, len(rows) + 1)
        known: dict[Along, Floats | None] = {
            "dose": doses,
            "time": times,
            "frame": np.asarray(frames),
        }
        if along is None:
            along = "frame" if doses is None else "dose"
        if along not in known:
            raise BeamwatchError(f"curves are drawn along dose, time or frame, not {along!r}")
        edges = known[along]
        if edges is None:
            raise BeamwatchError(f"curves cannot be drawn along the {along}: it is not known")
        return cls(along, edges, doses)

    def middles(self, frames: NDArray[np.int64]) -> Floats:
        """Middle of each exposure: what a frame shows is the mean over it."""
        middles: Floats = (self.edges[frames] + self.edges[frames + 1]) / 2
        return middles

    def place(self, dose: float, frame: float = float("nan")) -> float:
        """Where a dose lies, or where that is not known the start of a frame; NaN if nowhere."""
        if np.isfinite(dose) and self.doses is not None:
            return dose if self.along == "dose" else float(np.interp(dose, self.doses, self.edges))
        return float(self.edges[int(frame)]) if np.isfinite(frame) else float("nan")


@dataclass(frozen=True, eq=False)
class FigureCurve:
    """Intensity and spacing of a spot, averaged for the eye.

    Attributes
    ----------
    region, label : str
    x : array
        Middle of the frames, in the unit of the axis.
    intensity, intensity_se : array
        Relative to the plateau before the onset, of spots that appeared to the end.
    change_x, change, change_se : array
        Change of the spacing in percent, where it is known well enough to be drawn.
    fit_x, fit, fit_low, fit_high : array
        Fitted course of its place and the 95 % band; empty if it did not fade.
    came : bool
        It was not there at first.
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
    came: bool


@dataclass(frozen=True, eq=False)
class AreaCurve:
    """Area of a particle relative to that before the onset, along the axis."""

    label: str
    x: Floats
    area: Floats
    area_se: Floats


def curves(result: Findings, axis: FigureAxis) -> list[FigureCurve]:
    """Curves of the strongest spot of each region, or of the places of the field that speak.

    These are the first and the median one, with the strongest spots that came; where no place is
    known to have changed, the field's strongest spots.
    """
    named = {} if result.regions else speaking_places(result)
    if named:
        return [*_of_places(with_places(result, named), axis, named), *_that_came(result, axis)]
    spots = result.spots[result.spots["region"].notna()].sort_values("snr", ascending=False)
    drawn = spots[spots["region"] != FIELD]
    if len(drawn):
        chosen = drawn.drop_duplicates("region").sort_values("region")[:CURVES]
        names = chosen["region"].astype(str)
    else:
        chosen = spots.groupby("crystal", dropna=False).head(OF_ONE_CRYSTAL)[:CURVES]
        names = pd.Series("", chosen.index)
        if chosen["crystal"].nunique() > 1:
            names = "crystal " + chosen["crystal"].astype(str)
    made = [
        _curve(result, axis, row, name)
        for (_, row), name in zip(chosen.iterrows(), names, strict=True)
    ]
    return [curve for curve in made if curve is not None]


def _of_places(result: Findings, axis: FigureAxis, named: Mapping[str, int]) -> list[FigureCurve]:
    """Curves of places that are regions of the result, each called as it is, and its onset."""
    words, made = place_words(result.places), []
    for name, place in named.items():
        for _, spot in result.spots[result.spots["region"] == name].iterrows():
            curve = _curve(result, axis, spot, "")
            if curve is not None:
                made.append(replace(curve, label=f"{name} · {words[place][0]}"))
    return made


def _that_came(result: Findings, axis: FigureAxis) -> list[FigureCurve]:
    """Curves of the strongest spots of the field that are of a phase, or an order, which came."""
    row = result.onsets.iloc[0]
    orders = row["interpretation"] == "ordering"
    before, after = (
        set() if pd.isna(row[name]) else set(str(row[name]).split("|")) - {"none"}
        for name in ("phase_before", "phase_after")
    )
    spots = result.spots[result.spots["region"] == FIELD].sort_values("snr", ascending=False)
    made: list[FigureCurve] = []
    for _, spot in spots.iterrows():
        phases = set() if pd.isna(spot["phase"]) else set(str(spot["phase"]).split("|"))
        if phases if orders else phases & before or not phases & after:
            continue
        curve = _curve(result, axis, spot, "") if len(made) < OF_ONE_CRYSTAL else None
        if curve is not None and curve.came:
            made.append(curve)
    return made


def areas(result: Findings, axis: FigureAxis) -> list[AreaCurve]:
    """Curves of the largest particles; none if none were followed."""
    if result.particles is None:
        return []
    made: list[AreaCurve] = []
    onset = result.onsets["onset_frame"].dropna()
    for number, rows in result.particles.table.groupby("particle"):
        rows = rows[rows["area_px"].notna()].sort_values("frame_first")
        first, last = (rows[name].to_numpy(np.int64) for name in ("frame_first", "frame_last"))
        if not len(rows) or len(made) == PARTICLES:
            continue
        before = last < (float(onset.iloc[0]) if len(onset) else EARLY * len(axis.edges))
        before[0] = True
        area, error = (rows[name].to_numpy(float) for name in ("area_px", "area_se_px"))
        unit = float(area[before].mean())
        x = (axis.edges[first] + axis.edges[last + 1]) / 2
        made.append(AreaCurve(f"particle {int(str(number))}", x, area / unit, error / unit))
    return made


def _edges(ends: Floats) -> Floats | None:
    """Start of the first frame and ends of all; None if an end is not known."""
    if not len(ends) or not np.isfinite(ends).all():
        return None
    return edges_of(ends)


def _curve(result: Findings, axis: FigureAxis, spot: pd.Series, of: str) -> FigureCurve | None:
    traces = result.traces
    rows = traces[(traces["region"] == spot["region"]) & (traces["spot"] == spot["spot"])]
    rows = rows.sort_values("frame")
    if not len(rows):
        return None
    frame = rows["frame"].to_numpy(np.int64)
    x = axis.middles(frame)
    before = _plateau(result, str(spot["region"]), frame.astype(float))
    intensity = rows["intensity"].to_numpy(float)
    plateau = _mean(intensity[calm(rows, result.events, before)])
    end = _mean(intensity[round(-EARLY * len(frame)) - 1 :])
    came = end > APPEARED * max(plateau, 0.0)
    if came:
        plateau, before = end, np.isfinite(intensity)
    if not plateau > 0:
        return None
    stretch = np.arange(len(x)) // max(1, -(-len(x) // POINTS))
    error = rows["intensity_se"].to_numpy(float)
    level = _averaged(stretch, x, intensity / plateau, error / plateau, np.ones(len(x)))
    moved = _change(rows, before, stretch, x)
    fitted = (np.empty(0),) * 4 if came else _fitted(result, axis, spot)
    return FigureCurve(str(spot["region"]), _label(spot, of), *level, *moved, *fitted, came)


def _change(
    rows: pd.DataFrame, before: NDArray[np.bool_], stretch: NDArray[np.int64], x: Floats
) -> tuple[Floats, Floats, Floats]:
    """Change of the spacing in percent: means that weigh what was measured well the most."""
    unit = "d_A" if rows["d_A"].notna().any() else "d_px"
    d = rows[unit].to_numpy(float)
    error = rows["d_se_A"].to_numpy(float) if unit == "d_A" else np.full(len(d), np.nan)
    weight = 1 / error**2 if np.isfinite(error).any() else np.ones(len(d))
    used = before & np.isfinite(d) & np.isfinite(weight)
    if not used.any():
        return (np.empty(0),) * 3
    usual = float(np.average(d[used], weights=weight[used]))
    if unit == "d_px":
        error = np.zeros(len(d))  # nobody measured it
    at, moved, se = _averaged(stretch, x, 100 * (d / usual - 1), 100 * error / usual, weight)
    fine = se <= COARSEST
    return at[fine], moved[fine], se[fine]


def _fitted(
    result: Findings, axis: FigureAxis, spot: pd.Series
) -> tuple[Floats, Floats, Floats, Floats]:
    """Course of the largest place of the spot's crystal, where it faded."""
    rows = course_of(result.courses, str(spot["region"]), spot["crystal"])
    level, low, high = (
        rows[name].to_numpy(float) for name in ("intensity", "intensity_low", "intensity_high")
    )
    return axis.middles(rows["frame"].to_numpy(np.int64)), level, low, high


def _plateau(result: Findings, region: str, frame: Floats) -> NDArray[np.bool_]:
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


def _averaged(
    stretch: NDArray[np.int64], x: Floats, y: Floats, se: Floats, weight: Floats
) -> tuple[Floats, Floats, Floats]:
    """Weighted means over stretches of frames, of those that are known."""
    known = np.isfinite(y) & np.isfinite(se) & np.isfinite(weight)
    if not known.any():
        return (np.empty(0),) * 3
    _, which = np.unique(stretch[known], return_inverse=True)
    w = weight[known]
    total = np.bincount(which, w)
    mean_x, mean_y = (np.bincount(which, w * values[known]) / total for values in (x, y))
    return mean_x, mean_y, np.sqrt(np.bincount(which, (w * se[known]) ** 2)) / total


def _label(spot: pd.Series, of: str) -> str:
    words = [plain(of)] if of else []
    if pd.notna(spot["phase"]):
        name = str(spot["phase"]).partition("|")[0]
        words.append(name if pd.isna(spot["hkl"]) else f"{name} {hkl_text(str(spot['hkl']))}")
    words.append(length_of(spot))
    return " · ".join(words)


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
