"""The user's own threshold beside the statistical onset, from stored traces alone."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Literal, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_beamwatch.damage.thresholds import below_fraction, moved_spacing
from napari_beamwatch.results.findings import Findings

Floats = NDArray[np.float64]
Found = TypeVar("Found", bound=Findings)

PLATEAU_PART = 0.25
"""First part of the record that the plateau is read from where no onset ends it."""


def apply_thresholds(
    result: Found,
    fraction: float = math.exp(-1),
    d_tolerance: float = 1.0,
    persistence: int | Literal["end"] = "end",
) -> Found:
    """The result with the doses at which the user's own thresholds are passed.

    Only the columns ``threshold_dose_e_per_A2`` and ``threshold_criterion`` change.

    Parameters
    ----------
    result : Result
    fraction : float
        Part of the plateau below which the lattice of a region counts as lost.
    d_tolerance : float
        Percent by which a spacing must move.
    persistence : int or "end"
        Frames for which it must stay so, or to the end of the record.

    Returns
    -------
    Result
    """
    onsets = result.onsets.copy()
    doses, criteria = [], []
    for _, row in onsets.iterrows():
        traces = result.traces[result.traces.region == row.region]
        faded, moved = math.nan, math.nan
        if len(traces) and traces.dose_e_per_A2.notna().any():
            until = row.onset_dose_e_per_A2
            faded = _faded(traces, until, fraction, persistence)
            moved = _moved(traces, until, d_tolerance, persistence)
        first = min((d for d in (faded, moved) if not math.isnan(d)), default=math.nan)
        doses.append(first)
        named = None if math.isnan(first) else "fraction" if first == faded else "d_tolerance"
        criteria.append(named)
    onsets["threshold_dose_e_per_A2"] = doses
    onsets["threshold_criterion"] = criteria
    settings = replace(
        result.settings, fraction=fraction, d_tolerance=d_tolerance, persistence=persistence
    )
    return replace(result, onsets=onsets, settings=settings)


def window_thresholds(
    result: Findings, fraction: float = math.exp(-1), persistence: int | Literal["end"] = "end"
) -> Floats:
    """Dose from which each window's lattice stays below a fraction of its plateau; NaN if never.

    Returns
    -------
    array (windows,)
        In the order of ``result.windows``.
    """
    rows = result.spots[result.spots.window.notna()]
    window = rows.window.to_numpy(np.int64)
    count = len(result.windows)
    found = np.full(count, np.nan)
    dose = result.field.dose_e_per_A2.to_numpy(float)
    if not len(rows) or not np.isfinite(dose).all():
        return found
    intensity = result.window_traces.intensity
    early = dose <= _plateau_end(dose, math.nan)
    weight = np.maximum(_mean(intensity[early], axis=0), 0.0)
    known = np.isfinite(intensity)
    edges = np.flatnonzero(np.diff(window, prepend=-1))
    sums = np.add.reduceat(np.where(known, intensity, 0.0) * weight, edges, axis=1)
    plateau = np.add.reduceat(known * weight**2, edges, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        common = (sums / plateau).T
    there = np.isfinite(common).any(axis=1)
    doses = below_fraction(common, np.ones(len(common)), dose, fraction, persistence)
    found[window[edges]] = np.where(there, doses, np.nan)
    return found


def _mean(values: NDArray[np.floating[Any]], axis: int) -> Floats:
    """Mean of what was measured; 0 where nothing was."""
    known = np.isfinite(values)
    sums = np.where(known, values, 0.0).sum(axis=axis, dtype=np.float64)
    return np.asarray(sums / np.maximum(known.sum(axis=axis), 1), np.float64)


def _median(values: Floats) -> float:
    """Median of what was measured; 0 if nothing was."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else 0.0


def _plateau_end(dose: Floats, onset: float) -> float:
    quarter = dose[0] + PLATEAU_PART * (dose[-1] - dose[0])
    return float(quarter if math.isnan(onset) else max(onset, dose[min(2, len(dose) - 1)]))


def _faded(traces: pd.DataFrame, onset: float, fraction: float, persistence: int | str) -> float:
    """Dose from which the common trace of a region stays below a fraction of its plateau."""
    value = traces.pivot(index="spot", columns="frame", values="intensity").to_numpy(float)
    error = traces.pivot(index="spot", columns="frame", values="intensity_se").to_numpy(float)
    dose = traces.drop_duplicates("frame").dose_e_per_A2.to_numpy(float)
    early = dose <= _plateau_end(dose, onset)
    level = _mean(value[:, early], axis=1)
    usual = np.array([_median(row) for row in error])
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.where(usual > 0, np.maximum(level, 0) / usual**2, 0.0)
        known = np.isfinite(value)
        sums = (np.where(known, value, 0.0) * weight[:, None]).sum(axis=0)
        common = sums / (known * (weight * level)[:, None]).sum(axis=0)
    if not np.isfinite(common).any():
        return math.nan
    return float(below_fraction(common[None], np.ones(1), dose, fraction, persistence)[0])


def _moved(traces: pd.DataFrame, onset: float, tolerance: float, persistence: int | str) -> float:
    """Dose from which two spacings of a region stay off."""
    # Patterns of diffraction have spacings in Å alone.
    unit = "d_px" if traces.d_px.notna().any() else "d_A"
    d = traces.pivot(index="spot", columns="frame", values=unit).to_numpy(float)
    dose = traces.drop_duplicates("frame").dose_e_per_A2.to_numpy(float)
    early = dose <= _plateau_end(dose, onset)
    known = np.isfinite(d[:, early]).sum(axis=1) > 0
    if known.sum() < 2:
        return math.nan
    before = np.nanmedian(d[known][:, early], axis=1)
    doses = np.sort(moved_spacing(d[known], before, dose, tolerance, persistence))
    return float(doses[1])
