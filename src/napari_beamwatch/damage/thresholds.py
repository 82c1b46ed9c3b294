"""The user's own criterion, on stored traces: a fraction of the plateau, kept below for so long."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.compiling import kernel
from napari_beamwatch.errors import BeamwatchError

Floats = NDArray[np.float64]

SMOOTHING = 3
"""Neighbouring frames averaged before a threshold is asked, for one frame is noise."""


def below_fraction(
    intensity: NDArray[np.floating],
    plateau: Floats,
    dose_end: Floats,
    fraction: float = math.exp(-1),
    persistence: int | str = "end",
) -> Floats:
    """Dose from which each trace stays below a fraction of its plateau; NaN where it never does.

    Parameters
    ----------
    intensity : array (traces, frames)
        NaN where not measured.
    plateau : array (traces,)
        Fitted level before any change.
    dose_end : array (frames,)
    fraction : float
    persistence : int or "end"
        Frames it must stay below, or to the end of the record.

    Returns
    -------
    array (traces,)
        Interpolated between the middles of the frames around the crossing.
    """
    if not 0 < fraction < 1:
        raise BeamwatchError(f"the fraction lies between 0 and 1, not {fraction!r}")
    if persistence != "end" and (not isinstance(persistence, int) or persistence < 1):
        raise BeamwatchError(f"the persistence is a number of frames or 'end', not {persistence!r}")
    relative = np.ascontiguousarray(intensity, np.float32)
    level = np.asarray(plateau, np.float64) * fraction
    lasts = -1 if persistence == "end" else int(persistence)
    return np.asarray(_crossings(relative, level, np.asarray(dose_end, np.float64), lasts))


def moved_spacing(
    d_px: NDArray[np.floating],
    d_before: Floats,
    dose_end: Floats,
    tolerance: float = 1.0,
    persistence: int | str = "end",
) -> Floats:
    """Dose from which each spacing stays more than `tolerance` percent off; NaN where never.

    What was not measured neither keeps nor breaks the run.
    """
    if not tolerance > 0:
        raise BeamwatchError(f"the tolerance is above 0 %, not {tolerance!r}")
    off = 1 - np.abs(np.asarray(d_px, np.float64) / np.asarray(d_before)[:, None] - 1)
    return below_fraction(off, np.ones(len(off)), dose_end, 1 - tolerance / 100, persistence)


@kernel()
def _crossings(
    intensity: NDArray[np.float32], level: Floats, dose_end: Floats, lasts: int
) -> Floats:
    count, frames = intensity.shape
    found = np.full(count, np.nan)
    smooth = np.empty(frames)
    reach = SMOOTHING // 2
    for i in range(count):
        for t in range(frames):
            total, number = 0.0, 0
            for k in range(max(0, t - reach), min(frames, t + reach + 1)):
                if np.isfinite(intensity[i, k]):
                    total += intensity[i, k]
                    number += 1
            smooth[t] = total / number if number > 0 else np.nan
        start, run, above = -1, 0, -1
        for t in range(frames):
            if np.isnan(smooth[t]):
                continue
            if smooth[t] < level[i]:
                if run == 0:
                    start = t
                run += 1
                if lasts > 0 and run >= lasts:
                    break
            else:
                start, run, above = -1, 0, t
        if start < 0 or (lasts > 0 and run < lasts):
            continue
        if above < 0:
            found[i] = dose_end[start]
        else:
            part = (smooth[above] - level[i]) / (smooth[above] - smooth[start])
            found[i] = dose_end[above] + part * (dose_end[start] - dose_end[above])
    return found
