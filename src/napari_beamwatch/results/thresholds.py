"""The user's own threshold beside the statistical onset, from stored courses and traces alone."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal, TypeVar

import numpy as np
import pandas as pd

from napari_beamwatch.damage.course.estimate import NOTHING, Estimate
from napari_beamwatch.damage.course.spacing import its_own
from napari_beamwatch.damage.field.thresholds import check_thresholds, crossing, moved_spacing
from napari_beamwatch.results.findings import Findings

Found = TypeVar("Found", bound=Findings)

REACHED, NOT_REACHED, NOT_MEASURABLE = "reached", "not_reached", "not_measurable"


def apply_thresholds(
    result: Found,
    fraction: float = math.exp(-1),
    d_tolerance: float = 1.0,
    persistence: int | Literal["end"] = "end",
) -> Found:
    """The result with the doses at which the user's own thresholds are passed.

    Only columns that begin with ``threshold_`` change.

    Parameters
    ----------
    result : Result
    fraction : float
        Part of the plateau below which the lattice of a region counts as lost, by its fitted
        course.
    d_tolerance : float
        Percent by which the spacings of two spots must have moved, tested at the rate of false
        alarms of the analysis.
    persistence : int or "end"
        Frames for which a loss must last, or to the end of the record: a dip that recovered counts
        for the former if it lasted as long.

    Returns
    -------
    Result
    """
    check_thresholds(fraction, d_tolerance, persistence)
    onsets = result.onsets.copy()
    told = [
        _threshold(result, row, fraction, d_tolerance, persistence) for _, row in onsets.iterrows()
    ]
    onsets["threshold_dose_e_per_A2"] = [dose.value for dose, _, _ in told]
    onsets["threshold_low_e_per_A2"] = [dose.low for dose, _, _ in told]
    onsets["threshold_high_e_per_A2"] = [dose.high for dose, _, _ in told]
    onsets["threshold_criterion"] = [criterion for _, criterion, _ in told]
    onsets["threshold_status"] = [status for _, _, status in told]
    settings = replace(
        result.settings, fraction=fraction, d_tolerance=d_tolerance, persistence=persistence
    )
    return replace(result, onsets=onsets, settings=settings)


def _threshold(
    result: Findings, row: pd.Series, fraction: float, d_tolerance: float, persistence: int | str
) -> tuple[Estimate, str | None, str]:
    """Dose, criterion and status of a region."""
    courses, traces, events = (
        table[table["region"] == row["region"]]
        for table in (result.courses, result.traces, result.events)
    )
    whole = courses[courses["place"].isna()]
    faded = NOTHING
    if len(whole) and whole["dose_e_per_A2"].notna().all():
        faded = _crossing(whole, fraction, persistence)
    if persistence != "end":
        faded = min(faded, _dip(events, result, fraction, int(persistence)), key=_when)
    moved = _moved(traces, d_tolerance, result.settings.false_alarm)
    first = min(faded, moved, key=_when)
    if math.isfinite(first.value):
        return first, "fraction" if first is faded else "d_tolerance", REACHED
    dated = bool(result.field["dose_e_per_A2"].notna().any())
    measured = dated and (len(whole) > 0 or row["status"] == "survived")
    return NOTHING, None, NOT_REACHED if measured else NOT_MEASURABLE


def _when(dose: Estimate) -> float:
    return dose.value if math.isfinite(dose.value) else math.inf


def _crossing(rows: pd.DataFrame, fraction: float, persistence: int | str) -> Estimate:
    """Dose at which a fitted course passes the fraction, with its 95 % interval."""
    dose = rows["dose_e_per_A2"].to_numpy(float)
    middle, low, high = (
        crossing(dose, rows[name].to_numpy(float), fraction)
        for name in ("intensity", "intensity_low", "intensity_high")
    )
    lasts = int((dose > middle).sum())
    if not math.isfinite(middle) or (persistence != "end" and lasts < int(persistence)):
        return NOTHING
    return Estimate(middle, low, high)


def _dip(events: pd.DataFrame, result: Findings, fraction: float, lasting: int) -> Estimate:
    """Dose at which the first dip began that was as deep and lasted as many frames."""
    dose = result.field["dose_e_per_A2"].to_numpy(float)
    dips = events[(events["kind"] == "recovered") & (events["depth"] > 1 - fraction)]
    for begin, end in dips[["dose_from_e_per_A2", "dose_to_e_per_A2"]].to_numpy(float):
        if ((dose > begin) & (dose <= end)).sum() >= lasting:
            return Estimate(float(begin), math.nan, math.nan)
    return NOTHING


def _moved(traces: pd.DataFrame, tolerance: float, false_alarm: float) -> Estimate:
    """Dose from which two spacings of a region stay off."""
    if not len(traces) or not traces["dose_e_per_A2"].notna().any():
        return NOTHING
    # Without a pixel size nothing has an error; one in Å is as good.
    if not traces["d_se_A"].notna().any():
        return NOTHING
    d, error, snr = (
        traces.pivot(index="spot", columns="frame", values=name).to_numpy(float)
        for name in ("d_A", "d_se_A", "snr")
    )
    d = np.where(np.array([its_own(one) for one in snr]), d, np.nan)
    dose = traces.drop_duplicates("frame")["dose_e_per_A2"].to_numpy(float)
    return moved_spacing(d, error, dose, tolerance, false_alarm)
