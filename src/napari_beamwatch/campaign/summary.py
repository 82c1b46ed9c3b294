"""`summarize`: from runs to what they say together."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import combinations

import numpy as np
import pandas as pd

from napari_beamwatch.campaign.between import Estimate, GroupCurve, dose_text, group_curve, in_words
from napari_beamwatch.campaign.comparison import difference, ratio
from napari_beamwatch.campaign.groups import Group, condition_named, grouped
from napari_beamwatch.campaign.measures import MEASURES, known_measure, told
from napari_beamwatch.campaign.native import phase_rows
from napari_beamwatch.campaign.regression import regression
from napari_beamwatch.campaign.result import Campaign
from napari_beamwatch.campaign.runs import Run, read_runs, usable
from napari_beamwatch.campaign.tables import (
    COMPARISONS,
    CURVES,
    MOVIES,
    PLACES,
    REGRESSION,
    SUMMARY,
)
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.results.findings import Findings
from napari_beamwatch.threads import one_blas_thread

FEW = 4
"""Movies below which an interval says little."""

MANY_AMBIGUOUS = 0.2

BY = ("compound", "temperature_C")


def summarize(
    runs: Findings | str | os.PathLike[str] | Iterable[Findings | str | os.PathLike[str]],
    by: Sequence[str] = BY,
    *,
    measure: str = "onset",
    dose_rate: float | None = None,
) -> Campaign:
    """What many movies say together.

    Parameters
    ----------
    runs : results or paths
        Of run folders, or of folders that hold some.
    by : sequence of str
        Conditions that movies are grouped by, with or without their units: compound, temperature,
        voltage, dose_rate, thickness, particle_size, imaging_mode, preparation, transfer.
    measure : {"onset", "detected", "half_gone"}
        What is shown first; all are in the tables.
    dose_rate : float, optional
        e/Å²/s at which doses are told in seconds.
    """
    known_measure(measure)
    if dose_rate is not None and not (np.isfinite(dose_rate) and dose_rate > 0):
        raise BeamwatchError(f"a dose rate is above 0 e/Å²/s, not {dose_rate!r}")
    columns = tuple(dict.fromkeys(condition_named(name) for name in by))
    read, unread = read_runs(runs)
    kept, notes = usable(read)
    if not kept:
        raise BeamwatchError("; ".join([*unread, *notes]) or "no runs were given")
    groups, empty = _filled(grouped(read, columns), kept, read)
    return summarized(groups, columns, measure, dose_rate, (*notes, *empty), tuple(unread))


def summarized(
    groups: Sequence[Group],
    by: tuple[str, ...],
    measure: str = "onset",
    dose_rate: float | None = None,
    notes: tuple[str, ...] = (),
    unread: tuple[str, ...] = (),
) -> Campaign:
    """What groups of movies say, see `summarize`."""
    with one_blas_thread():  # many small matrices: threads would wait for each other
        return _summarized(groups, by, measure, dose_rate, notes, unread)


def _summarized(
    groups: Sequence[Group],
    by: tuple[str, ...],
    measure: str,
    dose_rate: float | None,
    notes: tuple[str, ...],
    unread: tuple[str, ...],
) -> Campaign:
    rows: list[dict[str, object]] = []
    places: list[pd.DataFrame] = []
    curves: list[pd.DataFrame] = []
    compared: list[dict[str, object]] = []
    more: list[str] = []
    for name in MEASURES:
        found: dict[int, tuple[pd.DataFrame, GroupCurve]] = {}
        for i, group in enumerate(groups):
            parts = [part for run in group.runs if len(part := told(run, name))]
            if not parts:
                more.append(f"{group.words}: no place tells of {name}")
                continue
            mine = pd.concat(parts, ignore_index=True)
            curve = group_curve(mine, _resolution(group))
            found[i] = mine, curve
            places.append(mine.assign(group=group.words))
            curves.append(_curve_rows(group, name, curve))
            rows.append(_summary_row(group, name, curve, dose_rate))
        for i, j in combinations(found, 2):
            pair = _ordered(groups[i], groups[j])
            if pair is None:
                continue
            varied, swapped = pair
            above, below = (j, i) if swapped else (i, j)
            compared.append(
                _comparison(groups[above], groups[below], varied, name, found[above], found[below])
            )
    if not rows:
        raise BeamwatchError("; ".join(more))
    return Campaign(
        by, measure, dose_rate,
        pd.DataFrame(rows, columns=["group", *by, *[c for c in SUMMARY if c != "group"]]),
        pd.DataFrame(compared, columns=list(COMPARISONS)),
        _regressions(groups, places),
        phase_rows(groups),
        pd.concat(curves, ignore_index=True)[list(CURVES)],
        pd.concat(places, ignore_index=True)[list(PLACES)].replace(np.inf, np.nan),
        _movies(groups), (*notes, *more), unread,
    )  # fmt: skip


def _filled(
    groups: Sequence[Group], kept: Sequence[Run], read: Sequence[Run]
) -> tuple[list[Group], list[str]]:
    """Groups with the runs that can be used, and a line on each that has none."""
    by_source = {run.source: run for run in kept}
    filled, empty = [], []
    for group in groups:
        mine = tuple(by_source[run.source] for run in group.runs if run.source in by_source)
        if mine:
            filled.append(Group(group.values, mine))
        else:
            count = len(group.runs)
            empty.append(f"{group.words}: an empty group, none of its {count} movies can be used")
    return filled, empty


def _resolution(group: Group) -> float:
    doses = np.array([run.frame_dose for run in group.runs])
    return float(np.nanmedian(doses)) if np.isfinite(doses).any() else 0.0


def _summary_row(
    group: Group, measure: str, curve: GroupCurve, dose_rate: float | None
) -> dict[str, object]:
    scale = [run.number("dose_scale_sd_percent") for run in group.runs]
    changed = curve.places > sum(curve.fates.get(fate, 0) for fate in ("held", "ambiguous"))
    row: dict[str, object] = {
        "group": group.words, **group.values, "measure": measure, "movies": curve.movies,
        "crystals": curve.crystals, "places": curve.places,
        **{fate: curve.fates.get(fate, 0)
           for fate in ("dated", "before", "within", "held", "ambiguous")},
        "known_until_e_per_A2": curve.known_until,
        "dose_scale_sd_percent": np.nanmax(scale) if np.isfinite(scale).any() else np.nan,
        "remark": _remark(curve, changed),
    }  # fmt: skip
    for name, estimate in curve.estimates.items():
        told_as = _finite(estimate)
        for end, value in zip(("", "_low", "_high"), told_as, strict=True):
            row[f"{name}{end}_e_per_A2"] = value
        row[f"{name}_words"] = in_words(estimate, curve.known_until, changed)
    median = row["median_e_per_A2"]
    row["median_time_s"] = np.nan if dose_rate is None else float(str(median)) / dose_rate
    return row


def _finite(estimate: Estimate) -> tuple[float, float, float]:
    """A dose and its ends with gaps where they are not known; 0 is before anything was seen."""
    ends = (estimate.value or np.nan, estimate.low, estimate.high)
    value, low, high = (end if np.isfinite(end) else np.nan for end in ends)
    return value, low, high


def _remark(curve: GroupCurve, changed: bool) -> str:
    said = []
    if curve.movies == 1:
        said.append("one movie: no interval between movies")
    elif curve.movies < FEW:
        said.append(f"{curve.movies} movies: the interval rests on little")
    if not changed:
        said.append("all censored: nothing changed")
    elif curve.fates.get("before", 0) == curve.places:
        said.append("all changed before anything could be seen")
    unsure = curve.fates.get("ambiguous", 0)
    if unsure > MANY_AMBIGUOUS * curve.places:
        said.append(f"{unsure} of {curve.places} places ambiguous, censored where they held to; "
                    "the interval begins as if they had changed there")  # fmt: skip
    return "; ".join(said)


def _curve_rows(group: Group, measure: str, curve: GroupCurve) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "group": group.words, "measure": measure, "dose_e_per_A2": curve.dose,
            "survival": curve.survival, "survival_low": curve.low, "survival_high": curve.high,
        }
    )  # fmt: skip


def _ordered(one: Group, other: Group) -> tuple[str, bool] | None:
    """The one condition two groups differ in, and whether the second is set above the first.

    Above stands the colder one, or that of the higher number.
    """
    varied = [name for name in one.values if one.values[name] != other.values[name]]
    if len(varied) != 1:
        return None
    name = varied[0]
    try:
        first, second = one.number(name), other.number(name)
    except ValueError:  # words have no order
        return name, False
    if not (np.isfinite(first) and np.isfinite(second)):
        return name, False
    return name, (second < first) == (name == "temperature_C")


def _comparison(
    above: Group,
    below: Group,
    varied: str,
    measure: str,
    of_above: tuple[pd.DataFrame, GroupCurve],
    of_below: tuple[pd.DataFrame, GroupCurve],
) -> dict[str, object]:
    found = ratio(of_above[1], of_below[1])
    value, low, high = _finite(found)
    told_as = difference(of_above[0], of_below[0])
    return {
        "varied": varied, "above": above.words, "below": below.words, "measure": measure,
        "ratio": value, "ratio_low": low, "ratio_high": high, "words": _ratio_words(found),
        **asdict(told_as),
    }  # fmt: skip


def _ratio_words(found: Estimate) -> str:
    if np.isnan(found.value):
        return "no ratio: both medians lie beyond what is known"
    if not np.isfinite(found.value):
        return f"> {dose_text(found.low)} times"
    if found.value == 0:
        return f"< {dose_text(found.high)} times" if np.isfinite(found.high) else "no ratio"
    said = f"{dose_text(found.value)} times"
    if np.isnan(found.low):
        return f"{said}, no interval: a group has one movie"
    if not np.isfinite(found.high):
        return f"{said} [> {dose_text(found.low)}]"
    return f"{said} [{dose_text(found.low)}–{dose_text(found.high)}]"


def _regressions(groups: Sequence[Group], places: Sequence[pd.DataFrame]) -> pd.DataFrame:
    every = pd.concat(places, ignore_index=True)
    runs = {run.name: run for group in groups for run in group.runs}
    compound = {
        name: "" if pd.isna(run.field["compound"]) else str(run.field["compound"]).strip()
        for name, run in runs.items()
    }
    made = []
    for name in dict.fromkeys(compound.values()):
        mine = [run for run in runs.values() if compound[run.name] == name]
        for measure in MEASURES:
            rows = every[
                (every["measure"] == measure) & every["movie"].isin([run.name for run in mine])
            ]
            if not len(rows):
                continue
            for one in regression(rows, mine):
                as_row = asdict(one)
                as_row["coefficient"] = as_row.pop("name")
                made.append({"compound": name, "measure": measure, **as_row})
    return pd.DataFrame(made, columns=list(REGRESSION))


def _movies(groups: Sequence[Group]) -> pd.DataFrame:
    asked = [
        "last_dose_e_per_A2", "dose_rate_e_per_A2_s", "temperature_C", "voltage_kV", "compound",
        "dose_scale_sd_percent",
    ]  # fmt: skip
    rows = [
        {
            "group": group.words, "movie": run.name, "source": run.source,
            "places": len(run.places), **{name: run.field[name] for name in asked},
            "pixel_size_A": run.pixel_size_A,
        }
        for group in groups
        for run in group.runs
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(MOVIES))
