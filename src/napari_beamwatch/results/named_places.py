"""The places that speak for a field, and their curves beside those of the regions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_beamwatch.damage.field.first import SPEAKS
from napari_beamwatch.regions import FIELD
from napari_beamwatch.results.findings import Findings
from napari_beamwatch.results.tables import onset_values

Found = TypeVar("Found", bound=Findings)

FIRST, MEDIAN = "first", "median"


THERE = 3.0
"""Standard errors above nothing that a spot must have before the onset to be of what was there."""


def place_name(place: int) -> str:
    """What a place is called, by its number in the tables; no region has a name with this space."""
    return f"place\u00a0{place}"


def speaking_places(result: Findings) -> dict[str, int]:
    """The place that changed first and the median one, by name; what is not known is left out.

    The first is the one whose onset the field's row gives, or, where that has none, the earliest
    of those that carry enough of the lattice to speak for it. Of two places the median lies
    between: the nearest is called median where its interval holds that dose, else by its number.
    """
    places = result.places
    share = places["area_nm2"].to_numpy(float)
    share = share if np.isfinite(share).all() else places["n_windows"].to_numpy(float)
    values, _ = onset_values(places)
    changed = (places["status"] == "onset").to_numpy(bool) & np.isfinite(values)
    mapped = result.windows["place"].notna().any()  # which runs from before places are not
    if not changed.any() or not len(result.onsets) or not mapped:
        return {}
    number = places["place"].to_numpy(np.int64)
    loud = changed & (share >= SPEAKS * np.nansum(share))
    loud = loud if loud.any() else changed
    field, _ = onset_values(result.onsets.iloc[:1])
    aim = float(field[0]) if np.isfinite(field[0]) else -np.inf
    found = {FIRST: _nearest(number, values, loud, aim)}
    median = float(result.onsets["median_onset_e_per_A2"].iloc[0])
    if not np.isfinite(median):
        return found
    nearest = _nearest(number, values, changed, median)
    row = places[places["place"] == nearest].iloc[0]
    holds = bool(row["onset_low_e_per_A2"] <= median <= row["onset_high_e_per_A2"])
    if nearest != found[FIRST]:
        return {**found, MEDIAN if holds else place_name(nearest): nearest}
    return {f"{FIRST} and {MEDIAN}" if holds and len(places) > 1 else FIRST: nearest}


def with_chosen(named: Mapping[str, int], chosen: int | None) -> dict[str, int]:
    """Named places and the one that was chosen, if it is not among them."""
    more = {} if chosen is None or chosen in named.values() else {place_name(chosen): chosen}
    return {**named, **more}


def with_places(result: Found, named: Mapping[str, int]) -> Found:
    """The result as if places were regions of these names: what curves are drawn from.

    Their intensity is that of all spots of the place's windows, their spacing that of the
    strongest spot of its crystal in the field.
    """
    traces, spots, courses = [result.traces], [result.spots], [result.courses]
    for name, place in named.items():
        row = result.places[result.places["place"] == place].iloc[0]
        of_field = result.spots[result.spots["region"] == FIELD]
        mine = of_field[of_field["crystal"] == row["crystal"]].nlargest(1, "snr")
        if not len(mine):
            continue
        traces.append(_trace(result, row, int(mine["spot"].iloc[0])).assign(region=name))
        spots.append(mine.assign(region=name, onset_frame=row["onset_frame"]))
        courses.append(course_of(result.courses, FIELD, row["crystal"], place).assign(region=name))
    return replace(
        result,
        traces=_joined(traces),
        spots=_joined(spots),
        courses=_joined(courses),
        onsets=onsets_with(result, named),
    )


def onsets_with(result: Findings, named: Mapping[str, int]) -> pd.DataFrame:
    """The table of onsets with rows of places under their names.

    Of these the status and the doses are told, the rest is the field's; places have no threshold of
    the user's.
    """
    if not named:
        return result.onsets
    places = result.places.set_index("place").loc[list(named.values())]
    rows = result.onsets.iloc[[0] * len(named)].reset_index(drop=True)
    for name in ["status", "onset_frame", *places.filter(regex=r"_e_per_A2$")]:
        if name not in rows:
            continue
        rows[name] = places[name].astype(rows[name].dtype).array
    rows["threshold_dose_e_per_A2"] = np.nan
    return _joined([result.onsets, rows.assign(region=list(named))])


def of_chosen(courses: pd.DataFrame, place: int | None) -> pd.DataFrame:
    """Courses without those of the other places of the crystal that a place of the field is of."""
    if place is None:
        return courses
    field, its = (courses["region"] == FIELD), (courses["place"] == place).fillna(False)
    crystal = courses["crystal"][field & its]
    if not len(crystal):
        return courses
    others = field & ~its & (courses["crystal"] == crystal.iloc[0]).fillna(False)
    return pd.DataFrame(courses[~others])


def course_of(
    courses: pd.DataFrame, region: str, crystal: object, place: int | None = None
) -> pd.DataFrame:
    """The fitted course of a place of a crystal, of its largest where none is named.

    Places are numbered from the largest on. In runs that know none a crystal has one course.
    """
    rows = courses[(courses["region"] == region) & (courses["crystal"] == crystal)]
    known = rows["place"].dropna()
    if len(known):
        rows = rows[rows["place"] == (known.min() if place is None else place)]
    return rows.sort_values("frame")


def _nearest(
    number: NDArray[np.int64], values: NDArray[np.float64], among: NDArray[np.bool_], aim: float
) -> int:
    """Number of the place whose onset is nearest to a dose; to none at all, of the earliest."""
    away = np.abs(values - aim) if np.isfinite(aim) else values
    return int(number[int(np.argmin(np.where(among, away, np.inf)))])


def _trace(result: Findings, row: pd.Series, spot: int) -> pd.DataFrame:
    """The trace of a place, where windows were followed; else that of its crystal's spot.

    What came with the change is not of the lattice whose course it is.
    """
    traces = result.traces
    mine = traces[(traces["region"] == FIELD) & (traces["spot"] == spot)].sort_values("frame")
    windows = result.windows["window"][result.windows["place"] == row["place"]]
    of_windows = result.spots[result.spots["window"].notna()]
    measured = result.window_traces
    if measured.intensity.shape[1] != len(of_windows):
        return mine
    frame = mine["frame"].to_numpy(np.int64)
    box, step = result.windows.iloc[0], result.settings.step
    # What overlaps tells the same: at worst as if each pixel was seen by one window alone.
    shared = (box["y1"] - box["y0"]) / step if isinstance(step, int) else 1.0
    before = frame < row["onset_frame"] if pd.notna(row["onset_frame"]) else frame >= 0
    its = of_windows["window"].isin(windows) & (of_windows["crystal"] == row["crystal"])
    numbers = of_windows["spot"].to_numpy(np.int64)
    total, variance = np.full(len(frame), np.nan), np.zeros(len(frame))
    for number in np.unique(numbers[its]):
        used = np.flatnonzero(its & (numbers == number))
        level = measured.intensity[:, used][frame].astype(np.float64)
        error = shared * measured.intensity_se[:, used][frame].astype(np.float64)
        seen = np.isfinite(level).any(axis=1)
        level, spread = np.nansum(level, axis=1), np.nansum(error**2, axis=1)
        early = before & seen
        if level[early].sum() > THERE * np.sqrt(spread[early].sum()):
            total[seen] = np.nan_to_num(total[seen]) + level[seen]
            variance += spread
    if not np.isfinite(total).any():
        return mine
    spread = np.where(np.isfinite(total), np.sqrt(variance), np.nan)
    return mine.assign(intensity=total / len(windows), intensity_se=spread / len(windows))


def _joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Tables below each other, each column of the type that the first has."""
    first, *more = tables
    return pd.concat(
        [first, *(one.astype(first.dtypes.to_dict()) for one in more if len(one))],
        ignore_index=True,
    )
