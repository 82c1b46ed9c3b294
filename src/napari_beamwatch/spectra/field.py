"""The field as a whole over the frames: its lattice power, where there is any, its counts.

These are witnesses: what happens to all of the lattice at once, or to the mean signal, is read
from them before one crystal is said to have changed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from napari_beamwatch.spectra.following import FollowedSpots
from napari_beamwatch.spectra.overlaps import overlap_factors
from napari_beamwatch.spectra.tracking import running_mean

Floats = NDArray[np.float64]

AROUND = 5
"""Frames over which a window is judged to bear a lattice."""

MISTAKEN = 1e-3
"""Chance that a window without a lattice is taken for one with."""


@dataclass(frozen=True, eq=False)
class FieldTrace:
    """Arrays over the frames; NaN where nothing was measured.

    Attributes
    ----------
    lattice_power, lattice_power_se : array of float64
        Contrast-normalised intensity of all spots, mean over all windows.
    lattice_windows : array of float64
        Windows that bear a lattice, judged over `AROUND` frames.
    mean : array of float64
        Counts or grey values per pixel.
    """

    lattice_power: Floats
    lattice_power_se: Floats
    lattice_windows: Floats
    mean: Floats


def field_trace(followed: FollowedSpots) -> FieldTrace:
    """The field's own trace from those of its windows."""
    peaks, grid, traces = followed.spots.peaks, followed.spots.grid, followed.traces
    if not len(peaks):
        nothing = np.where(np.isfinite(followed.signal.field), 0.0, np.nan)
        return FieldTrace(nothing, nothing, nothing, followed.signal.field)
    windows, first, count = np.unique(peaks.window, return_index=True, return_counts=True)
    known = np.isfinite(traces.intensity)
    seen = np.add.reduceat(known, first, axis=1) == count
    share = len(grid) * np.maximum(known.mean(axis=1), 1e-9)
    in_phase = overlap_factors(grid, windows)[0]
    power = np.where(known, traces.intensity, 0).sum(axis=1, dtype=np.float64) / share
    variance = np.where(known, traces.intensity_se, 0).astype(np.float64) ** 2
    error = np.sqrt(variance.sum(axis=1) * in_phase) / share
    # Of k spots of noise over n frames the summed power is Gamma(n k).
    snr = np.add.reduceat(np.where(known, traces.snr, 0.0), first, axis=1, dtype=np.float64)
    around = running_mean(np.where(seen, snr, np.nan), AROUND)
    shape = count * AROUND
    limit = gammaincinv(shape, 1 - MISTAKEN) / AROUND - count
    bearing = np.where(seen, around > limit, False).sum(axis=1).astype(np.float64)
    dark = ~known.any(axis=1)
    for values in (power, error, bearing):
        values[dark] = np.nan
    return FieldTrace(power, error, bearing, followed.signal.field)
