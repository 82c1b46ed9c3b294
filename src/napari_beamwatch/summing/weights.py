"""What each frame is worth for the image of the specimen as it was, place by place.

In noise that does not change, a sum of frames with weights as the amplitude of the signal has the
best signal-to-noise ratio there is [1]_; the amplitude is measured on this movie, not taken from a
curve of proteins. Or the frames in which enough of the lattice power of a place is left, by its
fitted course, count alike.

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
from napari_beamwatch.summing.fading import LocalLattice, part_left

Floats = NDArray[np.float64]

WORTHLESS = 0.02
"""Weight below which a frame is left out: it would bring nothing but noise."""


@dataclass(frozen=True, eq=False)
class FrameWeights:
    """Weights of frames over a grid of windows.

    Attributes
    ----------
    windows : array (frames, rows, columns)
        Of each window or tile; one if all have the same.
    y, x : array
        Middles of the rows and columns of windows, in pixels.
    """

    windows: Floats
    y: Floats
    x: Floats

    @classmethod
    def alike(cls, frames: list[int]) -> FrameWeights:
        """The same for those frames, everywhere."""
        windows = np.zeros((frames[-1] + 1, 1, 1))
        windows[frames] = 1.0
        return cls(windows, np.zeros(1), np.zeros(1))

    @property
    def frames(self) -> list[int]:
        """Those that count anywhere."""
        return np.flatnonzero(self.windows.max(axis=(1, 2)) > 0).tolist()

    def without(self, frames: NDArray[np.bool_]) -> FrameWeights:
        """The same where those frames count nothing."""
        return replace(self, windows=self.windows * ~frames[:, None, None])


def weights_as_left(local: LocalLattice, frames: list[int]) -> FrameWeights:
    """What is left of the lattice's amplitude where, of those frames; others count nothing."""
    left, middle = part_left(local), local.frame
    windows = np.zeros((frames[-1] + 1, *left.shape[1:]))
    step, part = between(middle, np.array(frames))
    part = part[:, None, None]
    windows[frames] = (1 - part) * left[step] + part * left[np.minimum(step + 1, len(middle) - 1)]
    windows[windows < WORTHLESS] = 0.0
    return FrameWeights(windows, local.y, local.x)


def between(middles: Floats, at: NDArray[np.int64]) -> tuple[NDArray[np.int64], Floats]:
    """Of each place the middle before it, and how far it is from there to the next."""
    found = np.interp(at, middles, np.arange(len(middles)))
    before = np.minimum(found.astype(np.int64), max(0, len(middles) - 2))
    return before, found - before


def weights_alike(result: Findings, lit: NDArray[np.bool_], survive: float) -> FrameWeights:
    """Frames of each place count alike up to where a part of the lattice power is left.

    Parameters
    ----------
    result : Findings
    lit : array of bool (frames,)
    survive : float
    """
    end = result.field["dose_e_per_A2"].to_numpy(float)
    if not np.isfinite(end).any():  # without doses courses count frames
        end = np.arange(1.0, len(end) + 1)
    of_place: dict[int, Floats] = {}
    courses = result.courses[result.courses["place"].notna()]
    for _, row in result.places.iterrows():
        place = int(row["place"])
        weight = _alike(row, courses[courses["place"] == place], end, survive)
        if weight.any():
            of_place[place] = weight
    known = _of_windows(result.windows, of_place, len(end)) * lit
    if np.allclose(known, known[:1]):
        return FrameWeights(known[0][:, None, None], np.zeros(1), np.zeros(1))
    y, x = _middles(result.windows)
    rows, columns = np.unique(y), np.unique(x)
    return FrameWeights(known.T.reshape(len(end), len(rows), len(columns)), rows, columns)


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
