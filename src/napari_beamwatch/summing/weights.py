"""What each frame is worth for the image of the specimen as it was, place by place.

In noise that does not change, a sum of frames with weights as the amplitude of the signal has the
best signal-to-noise ratio there is [1]_. The amplitude is the square root of the fitted course of
the lattice power of each place, less what the first frames lack while the specimen settles:
measured on this movie, not taken from a curve of proteins. Weights for each spatial frequency, too,
could gain 1 % beside those by place, known to perfection (docs/sum.md).

References
----------
.. [1] G. L. Turin, IRE Trans. Inf. Theory 6 (1960) 311.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_beamwatch.damage.field.thresholds import crossing
from napari_beamwatch.results.findings import Findings

Floats = NDArray[np.float64]

WORTHLESS = 0.02
"""Weight below which a frame is left out: it would bring nothing but noise."""

HALF = 0.5
"""Part of the lattice power left up to which frames tell where the plateau is."""


@dataclass(frozen=True, eq=False)
class FrameWeights:
    """Weights of frames over a grid of windows.

    Attributes
    ----------
    windows : array (frames, rows, columns)
        Of each window, as the place it is of has them; one window if all have the same.
    y, x : array
        Middles of the rows and columns of windows, in pixels.
    """

    windows: Floats
    y: Floats
    x: Floats

    @property
    def frames(self) -> list[int]:
        """Those that count anywhere."""
        return np.flatnonzero(self.windows.max(axis=(1, 2)) > 0).tolist()

    def without(self, frames: NDArray[np.bool_]) -> FrameWeights:
        """The same where those frames count nothing."""
        return replace(self, windows=self.windows * ~frames[:, None, None])


def frame_weights(result: Findings, lit: NDArray[np.bool_], survive: float | None) -> FrameWeights:
    """Weights by the courses of places.

    Parameters
    ----------
    result : Findings
    lit : array of bool (frames,)
    survive : float or None
        Part of the lattice power that must be left: frames up to there count alike, later ones
        do not. None for weights as the amplitude.
    """
    end = result.field["dose_e_per_A2"].to_numpy(float)
    start = np.append(0.0, end[:-1])
    if not np.isfinite(end).any():  # without doses courses count frames
        start, end = np.arange(len(end), dtype=float), np.arange(1.0, len(end) + 1)
    middle = (start + end) / 2
    of_place: dict[int, Floats] = {}
    courses = result.courses[result.courses["place"].notna()]
    for _, row in result.places.iterrows():
        place = int(row["place"])
        mine = courses[courses["place"] == place]
        weight = _amplitude(row, mine, middle, end) if survive is None else None
        weight = _alike(row, mine, end, survive or 1.0) if weight is None else weight
        if weight.any():
            of_place[place] = weight
    known = _of_windows(result.windows, of_place, len(end))
    if survive is None:
        known = known * _settling(result.field, known, lit)
        known[known < WORTHLESS] = 0.0
    known = known * lit
    if np.allclose(known, known[:1]):
        return FrameWeights(known[0][:, None, None], np.zeros(1), np.zeros(1))
    y, x = _middles(result.windows)
    rows, columns = np.unique(y), np.unique(x)
    return FrameWeights(known.T.reshape(len(end), len(rows), len(columns)), rows, columns)


def _amplitude(row: pd.Series, course: pd.DataFrame, middle: Floats, end: Floats) -> Floats | None:
    """What is left of a place in each frame, whatever its change is called; None if unknown."""
    if row["status"] == "survived":
        return np.ones(len(end))
    if not len(course):
        return None
    dose, level = _course(course)
    return np.sqrt(np.clip(np.interp(middle, dose, level), 0.0, 1.0))


def _alike(row: pd.Series, course: pd.DataFrame, end: Floats, survive: float) -> Floats:
    """1 for the frames of a place in which enough is left."""
    changed = row["status"] in ("onset", "damaged_at_start")
    if row["status"] == "survived":
        last = np.inf
    elif changed and len(course):
        last = crossing(*_course(course), survive)
        last = last if np.isfinite(last) else np.inf
    else:  # a change that may be none: what is not known to have held is left out
        last = float(row["onset_dose_e_per_A2" if changed else "held_until_e_per_A2"])
    return (end <= last).astype(float)


def _course(course: pd.DataFrame) -> tuple[Floats, Floats]:
    """Doses, or middles of frames where there are none, and the power left there."""
    dose = course["dose_e_per_A2"].to_numpy(float)
    if not np.isfinite(dose).any():
        dose = course["frame"].to_numpy(float) + 0.5
    return dose, course["intensity"].to_numpy(float)


def _of_windows(windows: pd.DataFrame, of_place: Mapping[int, Floats], frames: int) -> Floats:
    """Weights (windows, frames); where no lattice is known those around, the nearest most."""
    place = windows["place"].to_numpy(float, na_value=np.nan)
    known = np.isin(place, list(of_place))
    if not known.any():  # nothing is known to have held, unless there was no lattice at all
        return np.full((max(len(place), 1), frames), float(np.isnan(place).all()))
    weights = np.zeros((len(place), frames))
    weights[known] = [of_place[int(p)] for p in place[known]]
    y, x = _middles(windows)
    near = ((y[~known, None] - y[known]) ** 2 + (x[~known, None] - x[known]) ** 2) ** -2.0
    weights[~known] = near @ weights[known] / near.sum(axis=1, keepdims=True)
    return weights


def _middles(windows: pd.DataFrame) -> tuple[Floats, Floats]:
    y, x = (((windows[f"{a}0"] + windows[f"{a}1"]) / 2).to_numpy(float) for a in "yx")
    return y, x


def _settling(field: pd.DataFrame, known: Floats, lit: NDArray[np.bool_]) -> Floats:
    """Amplitude of the first frames, which move while they are exposed, over that of a course.

    Courses begin with a plateau. What the lattice of the whole field lacks of it counts until it
    is first there, within its error.
    """
    power, error = (field[f"lattice_power{end}"].to_numpy(float) for end in ("", "_se"))
    left = (known**2).mean(axis=0)
    settled = np.ones(len(power))
    shown = np.flatnonzero(lit & np.isfinite(power) & np.isfinite(error) & (left > HALF))
    if len(shown):
        ratio = power[shown] / left[shown]
        plateau = float(np.median(ratio))
        there = ratio + error[shown] / left[shown] >= plateau
        before = int(there.argmax())  # the larger half of them is
        if plateau > 0:
            settled[shown[:before]] = np.sqrt(np.clip(ratio[:before] / plateau, 0.0, 1.0))
    return settled
