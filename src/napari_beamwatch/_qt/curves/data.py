"""What the damage curves draw, taken from the tables: the part that knows no Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_beamwatch._qt.spot_words import overlined
from napari_beamwatch.results.calm import FEWEST, calm
from napari_beamwatch.results.frame_axis import Along, edges_of
from napari_beamwatch.results.named_places import course_of

Floats = NDArray[np.float64]
Key = tuple[str, int]
"""Region and number of the spot: numbers are those of a region's own list."""

COLUMNS: dict[Along, str] = {"dose": "dose_e_per_A2", "time": "time_s"}

EARLY = 0.25
"""Part of the record whose mean stands for the plateau where no onset bounds it."""

POINTS = 40
"""Points that a curve is averaged to at first: more are a cloud at the size of a dock."""

CURVES = 6
"""Curves that are drawn where nobody has chosen: more cannot be told apart."""


@dataclass(frozen=True, eq=False)
class FrameAxis:
    """Where the frames lie on the three axes.

    Attributes
    ----------
    frame : array of int
        0-based.
    ends : mapping
        Of each axis the known ends of all frames, in e/Å², s, or frames counted from 1.
    """

    frame: NDArray[np.int64]
    ends: dict[Along, Floats]

    @classmethod
    def of(cls, traces: pd.DataFrame) -> FrameAxis:
        """The axes of a table of traces."""
        rows = traces.drop_duplicates("frame").sort_values("frame")
        frame = rows["frame"].to_numpy(np.int64)
        ends: dict[Along, Floats] = {}
        for along, column in COLUMNS.items():
            values = rows[column].to_numpy(np.float64)
            if len(values) and np.isfinite(values).all():
                ends[along] = values
        ends["frame"] = frame + 1.5  # frame 1 is drawn at 1, so it ends half way to 2
        return cls(frame, ends)

    def edges(self, along: Along) -> Floats:
        """Start of the first frame and ends of all."""
        return edges_of(self.ends[along])

    def middles(self, along: Along, frames: NDArray[np.int64]) -> Floats:
        """Middle of each exposure: what a frame shows is the mean over it."""
        edges = self.edges(along)
        at = np.searchsorted(self.frame, frames)
        middles: Floats = (edges[at] + edges[at + 1]) / 2
        return middles

    def cursor(self, along: Along, frame: int) -> float:
        """Where the cursor stands: at the dose or time when the frame ends."""
        at = int(np.clip(np.searchsorted(self.frame, frame), 0, len(self.frame) - 1))
        return float(self.frame[at] + 1 if along == "frame" else self.ends[along][at])

    def frame_at(self, along: Along, value: float) -> int:
        """The frame that was being exposed at a place of an axis."""
        # Cursors stand on the ends of frames, and those belong to the frame that ends there.
        slack = 1e-9 * max(1.0, abs(value))
        at = int(np.searchsorted(self.ends[along], value - slack))
        return int(self.frame[min(at, len(self.frame) - 1)])

    def place(self, along: Along, dose: float, frame: float) -> float:
        """Where on an axis a dose lies, or without one the start of a frame; NaN if nowhere."""
        edges = self.edges(along)
        if dose == dose and "dose" in self.ends:
            known = self.edges("dose")
            outside = not known[0] <= dose <= known[-1]
            if along == "dose" or outside:
                return dose if along == "dose" else float("nan")
            return float(np.interp(dose, known, edges))
        if frame == frame:
            at = np.searchsorted(self.frame, int(frame))
            return float(edges[at]) if at < len(edges) else float("nan")
        return float("nan")


@dataclass(frozen=True, eq=False)
class Curve:
    """A trace of one spot of one region.

    Attributes
    ----------
    key : Key
    label : str
    frame : array of int
    intensity, intensity_se : array
        Relative to the mean before the onset, or where there is none to the early mean.
    plateau : float
        That mean, in the unit of the table.
    spacing, spacing_se : array
        Å, or pixels without a pixel size; NaN where too weak. The error is in Å only.
    unit : str
        Of the spacing.
    spacing_before : float
        Its mean over the same frames.
    """

    key: Key
    label: str
    frame: NDArray[np.int64]
    intensity: Floats
    intensity_se: Floats
    plateau: float
    spacing: Floats
    spacing_se: Floats
    unit: str
    spacing_before: float

    def spacing_shown(self, percent: bool) -> tuple[Floats, Floats]:
        """Spacing and its error as they are, or in percent from where they began."""
        if not percent:
            return self.spacing, self.spacing_se
        scale = 100 / self.spacing_before
        return scale * (self.spacing - self.spacing_before), scale * self.spacing_se


def curve_of(
    traces: pd.DataFrame,
    spots: pd.DataFrame,
    onsets: pd.DataFrame,
    events: pd.DataFrame,
    key: Key,
) -> Curve | None:
    """The curve of a spot; None if the tables have none or its plateau is not above zero."""
    region, spot = key
    rows = traces[(traces["region"] == region) & (traces["spot"] == spot)].sort_values("frame")
    frame = rows["frame"].to_numpy(np.int64)
    intensity = rows["intensity"].to_numpy(np.float64)
    onset = onsets.loc[onsets["region"] == region, "onset_frame"].dropna()
    until = frame[0] + EARLY * (frame[-1] - frame[0] + 1) if len(frame) else 0
    if len(onset) and (frame < onset.iloc[0]).sum() >= FEWEST:
        until = onset.iloc[0]
    before = frame < until
    before[:FEWEST] = True
    plateau = _mean(intensity[calm(rows, events, before)])
    if not plateau > 0:
        return None
    calibrated = bool(rows["d_A"].notna().any())
    spacing = rows["d_A" if calibrated else "d_px"].to_numpy(np.float64)
    error = rows["d_se_A"].to_numpy(np.float64)
    early = spacing[before & np.isfinite(spacing)]
    return Curve(
        key,
        _label(spots, key),
        frame,
        intensity / plateau,
        rows["intensity_se"].to_numpy(np.float64) / plateau,
        plateau,
        spacing,
        error if calibrated else np.full_like(error, np.nan),
        "Å" if calibrated else "px",
        _mean(early if len(early) else spacing),
    )


@dataclass(frozen=True, eq=False)
class Course:
    """The fitted course of a place, relative to its plateau.

    Attributes
    ----------
    region : str
    crystal : int
        Of which it is a piece.
    frame : array of int
    intensity, low, high : array
        The fit, and its 95 % band.
    """

    region: str
    crystal: int
    frame: NDArray[np.int64]
    intensity: Floats
    low: Floats
    high: Floats


def courses_of(courses: pd.DataFrame, spots: pd.DataFrame, curves: Sequence[Curve]) -> list[Course]:
    """Fitted courses of the crystals whose spots are drawn: of each that of its largest place."""
    drawn = pd.MultiIndex.from_tuples([c.key for c in curves], names=["region", "spot"])
    mine = spots[pd.MultiIndex.from_frame(spots[["region", "spot"]]).isin(drawn)]
    pairs = mine[["region", "crystal"]].dropna().drop_duplicates()
    found = []
    for region, crystal in pairs.itertuples(index=False):
        rows = course_of(courses, region, crystal)
        if len(rows):
            fit, low, high = (
                rows[name].to_numpy(np.float64)
                for name in ("intensity", "intensity_low", "intensity_high")
            )
            frame = rows["frame"].to_numpy(np.int64)
            found.append(Course(str(region), int(crystal), frame, fit, low, high))
    return found


def averaged(x: Floats, y: Floats, se: Floats, n: int) -> tuple[Floats, Floats, Floats]:
    """Means of each `n` points one after another and their standard errors, for the eye only.

    Points that are not known are left out; what is left of the last group counts as one.
    """
    known = np.isfinite(y)
    x, y, se = x[known], y[known], se[known]
    starts = np.arange(0, len(y), max(1, n))
    if not len(starts):
        return x, y, se
    counts = np.diff(np.append(starts, len(y)))
    mean_x, mean_y, squares = (np.add.reduceat(v, starts) / counts for v in (x, y, se**2))
    return mean_x, mean_y, np.sqrt(squares / counts)


def usual_selection(spots: pd.DataFrame) -> list[Key]:
    """The strongest spots of each region, the field only where nothing was drawn.

    Of several crystals each has its say, that which changed first before the others.
    """
    rows = spots[spots["region"].notna()]
    drawn = rows[rows["region"] != "field"]
    rows = drawn if len(drawn) else rows
    names = list(dict.fromkeys(rows["region"]))
    each = max(1, min(2, CURVES // max(1, len(names))))
    found: list[Key] = []
    for name in names[:CURVES]:
        mine = rows[rows["region"] == name].sort_values("snr", ascending=False)
        first = mine.drop_duplicates("crystal").sort_values("onset_frame", kind="stable")
        order = [*first["spot"], *mine.drop(first.index)["spot"]]
        found += [(str(name), int(spot)) for spot in order[:each]]
    return found


def strongest(traces: pd.DataFrame) -> list[Key]:
    """The strongest spots of traces whose table of spots is not known yet."""
    # Of no spots the mean would have no type to compare by.
    mean = traces.astype({"snr": float}).groupby(["region", "spot"])["snr"].mean().nlargest(2)
    return [(str(region), int(spot)) for region, spot in mean.index]


def usual_average(frames: int) -> int:
    """Frames to average so that a curve can be followed by eye."""
    return max(1, -(-frames // POINTS))


def regions_of(keys: Sequence[Key]) -> list[str]:
    """Regions of some spots, each once."""
    return list(dict.fromkeys(region for region, _ in keys))


def _label(spots: pd.DataFrame, key: Key) -> str:
    """Region and spot, as the table counts them, and its phase or else its spacing."""
    region, spot = key
    rows = spots[(spots["region"] == region) & (spots["spot"] == spot)]
    words = f"{region} {spot + 1}"
    row: Any
    for row in rows.iloc[:1].itertuples():
        best, *others = row.phase.split("|") if isinstance(row.phase, str) else ("",)
        indices = overlined(row.hkl) if isinstance(row.hkl, str) else ""
        d = f"{row.d_A:.3f} Å" if row.d_A == row.d_A else f"{row.d_px:.2f} px"
        words += f" {best}{'…' if others else ''} {indices}".rstrip() if best else f" {d}"
    return words


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
