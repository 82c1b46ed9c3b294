"""What each frame is worth for the image of the specimen as it was, place by place.

In noise that does not change, a sum of frames with weights as the amplitude of the signal has the
best signal-to-noise ratio there is [1]_. The amplitude is the square root of the fitted course of
the lattice power of each place: measured on this movie, not taken from a curve of proteins.

References
----------
.. [1] G. L. Turin, IRE Trans. Inf. Theory 6 (1960) 311.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_beamwatch.damage.thresholds import crossing
from napari_beamwatch.results.findings import Findings

Floats = NDArray[np.float64]

WORTHLESS = 0.02
"""Weight below which a frame is left out: it would bring nothing but noise."""


@dataclass(frozen=True, eq=False)
class FrameWeights:
    """Weights of frames over a grid of windows.

    Attributes
    ----------
    windows : array (frames, rows, columns)
        Of each window, as the place it is of has them; one window if all have the same.
    y, x : array
        Middles of the rows and columns of windows, in pixels.
    until : mapping of int to float
        Dose up to which each place counts.
    """

    windows: Floats
    y: Floats
    x: Floats
    until: Mapping[int, float]

    @property
    def frames(self) -> list[int]:
        """Those that count anywhere."""
        return np.flatnonzero(self.windows.max(axis=(1, 2)) > 0).tolist()


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
    of_place, until = {}, {}
    courses = result.courses[result.courses["place"].notna()]
    for _, row in result.places.iterrows():
        place = int(row["place"])
        mine = courses[courses["place"] == place]
        of_place[place], until[place] = _of_place(row, mine, middle, end, survive)
    rest = _least(of_place, result.places, len(end))
    place_of = result.windows["place"].to_numpy(float, na_value=np.nan)
    known = np.array([of_place.get(int(p), rest) if np.isfinite(p) else rest for p in place_of])
    known = (known * lit).reshape(len(place_of), -1).T
    if not len(place_of) or (known == known[:, :1]).all():
        alone = known[:, :1] if known.size else (rest * lit)[:, None]
        return FrameWeights(alone[:, :, None], np.zeros(1), np.zeros(1), until)
    y, x = ((result.windows[f"{axis}0"] + result.windows[f"{axis}1"]) / 2 for axis in "yx")
    rows, columns = np.unique(y), np.unique(x)
    grid = known.reshape(len(known), len(rows), len(columns))
    return FrameWeights(grid, rows.astype(float), columns.astype(float), until)


def _of_place(
    row: pd.Series, course: pd.DataFrame, middle: Floats, end: Floats, survive: float | None
) -> tuple[Floats, float]:
    """Weight of each frame of a place, and the dose up to which it counts."""
    changed = row["status"] in ("onset", "damaged_at_start")
    if changed and len(course):
        dose = course["dose_e_per_A2"].to_numpy(float)
        if not np.isfinite(dose).any():
            dose = course["frame"].to_numpy(float) + 0.5
        level = course["intensity"].to_numpy(float)
        if survive is None:
            amplitude = np.sqrt(np.clip(np.interp(middle, dose, level), 0.0, 1.0))
            weight = np.where(amplitude >= WORTHLESS, amplitude, 0.0)
            return weight, float(end[weight > 0].max(initial=0.0))
        last = crossing(dose, level, survive)
        return _up_to(last if np.isfinite(last) else np.inf, end)
    if row["status"] == "survived":
        return _up_to(np.inf, end)
    # A change of another kind, or one that may be none: what is not known to have held is left out.
    held = row["onset_dose_e_per_A2"] if changed else row["held_until_e_per_A2"]
    return _up_to(float(held) if pd.notna(held) else 0.0, end)


def _up_to(dose: float, end: Floats) -> tuple[Floats, float]:
    weight = (end <= dose).astype(float)
    return weight, float(end[weight > 0].max(initial=0.0))


def _least(of_place: Mapping[int, Floats], places: pd.DataFrame, frames: int) -> Floats:
    """For where no lattice was: as the first that went, since its time is known best."""
    seen = places.loc[places["status"] != "no_lattice", "place"]
    known = [of_place[int(place)] for place in seen if of_place[int(place)].any()]
    return min(known, key=lambda one: float(one.sum()), default=np.ones(frames))
