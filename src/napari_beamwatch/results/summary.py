"""The answer of an analysis in one place: in a line, in numbers, and why."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from napari_beamwatch.damage.failures import Failures, warnings_among
from napari_beamwatch.movies.checklist import is_low_dose, not_stated
from napari_beamwatch.movies.dose_scale import DoseScale
from napari_beamwatch.quantities import dose_text
from napari_beamwatch.regions import FIELD
from napari_beamwatch.results.findings import Findings
from napari_beamwatch.results.half_changed import half_changed

NAMED_SPOTS = 3
"""Reflections that are named in a line, strongest first."""

NAMED_REGIONS = 3
"""Regions that are named in the line of the field."""

CHANGED = ("onset", "damaged_at_start")

NUMBERS = (
    "onset_dose_e_per_A2", "onset_low_e_per_A2", "onset_high_e_per_A2", "onset_time_s",
    "detected_dose_e_per_A2", "lost_dose_e_per_A2", "dose_10_e_per_A2", "half_dose_e_per_A2",
    "dose_1e_e_per_A2", "median_onset_e_per_A2", "changed_area_percent", "n_places",
    "survived_dose_e_per_A2", "detectable_loss_percent", "threshold_dose_e_per_A2",
    "threshold_low_e_per_A2", "threshold_high_e_per_A2", "last_dose_e_per_A2",
    "pre_exposure_e_per_A2", "dose_rate_e_per_A2_s", "dose_scale_sd_percent",
)  # fmt: skip
WORDS = (
    "status", "criterion", "evidence", "interpretation", "threshold_criterion", "threshold_status",
    "phase_before", "phase_after",
)  # fmt: skip


def summary_of(result: Findings) -> dict[str, Any]:
    """The answer for the field, a line for each region, and what to be wary of.

    Returns
    -------
    dict
        Plain values, None where there is nothing to say. ``answer`` is the line, ``course`` how
        the change went on, ``why`` the reason, ``regions`` the lines of the regions by name;
        ``onset_total_low_e_per_A2`` and ``…_high…`` are the interval of the onset with the error
        of the dose scale in it;
        ``stop_dose_e_per_A2`` is the dose up to which the specimen was as it was at first (the
        lower end of the interval of the onset, or what was survived), ``stop_time_s`` the seconds
        from beam-on that is at the movie's rate, ``stop`` both in words; ``places`` how many were
        judged, changed and survived, and the dose by which half of the lattice had changed, with
        its interval, by what survived and was censored too; ``not_stated`` what a study must
        report and nobody said; ``low_dose`` whether the rate is below 100 e/Å²/s;
        ``warnings`` those of the movie, and what could not be judged.
    """
    warnings = [] if result.movie is None else list(result.movie.warnings)
    if not len(result.onsets):
        said = f"{FIELD}: nothing was judged"
        return {"movie": _name(result), "answer": said, "regions": {}, "warnings": warnings}
    field = result.onsets.iloc[0]
    stop = _stop_dose(field)
    seconds = _seconds(field, stop)
    failed: list[str] = []
    failures = Failures(failed)
    return {
        "movie": _name(result),
        "answer": answer(result, field, failures),
        "course": course_words(field),
        "why": _word(field["reason"]),
        **{name: _word(field[name]) for name in WORDS},
        **{name: _number(field[name]) for name in NUMBERS},
        **_total_interval(field),
        "onset_frame": None if pd.isna(field["onset_frame"]) else int(field["onset_frame"]),
        "lower_bound": _is_bound(field),
        "stop_dose_e_per_A2": stop,
        "stop_time_s": seconds,
        "stop": _stop_words(field, stop, seconds),
        "places": failures.tried("counting places", lambda _: {}, _places, result),
        "regions": {str(row["region"]): answer(result, row, failures) for _, row in _rest(result)},
        "low_dose": is_low_dose(_number(field["dose_rate_e_per_A2_s"])),
        "not_stated": not_stated({str(name): value for name, value in field.items()}),
        "warnings": warnings + warnings_among((*result.notes, *failed)),
    }


def answer(result: Findings, row: pd.Series, failures: Failures | None = None) -> str:
    """The verdict of a row of the table of onsets, in a line."""
    name = row["region"]
    return (failures or Failures([])).tried(
        f"telling the answer for {name}", lambda why: f"{name}: ambiguous, {why}",
        _line, result, row,
    )  # fmt: skip


def _line(result: Findings, row: pd.Series) -> str:
    changed = regions_that_changed(result, row)
    if not changed:
        return _verdict(result, row, row["region"])
    return f"{_verdict(result, row, AS_A_WHOLE)}; {changed}"


def course_words(row: pd.Series) -> str | None:
    """How a change went on, in a line: detected, half gone, how much, and the median place."""
    if row["status"] not in CHANGED:
        return None
    said = []
    detected = _number(row["detected_dose_e_per_A2"])
    if detected is not None:
        said.append(f"detected by {dose_text(detected)} e/Å²")
    half = _with_interval(row, "half_dose")
    if half:
        said.append(f"half of the lattice gone at {half} e/Å²")
    changed, places = _number(row["changed_area_percent"]), _number(row["n_places"])
    if places is not None and places > 1:
        median = _with_interval(row, "median_onset")
        of = "" if median else f" of {places:.0f} places"
        if changed is not None:
            known = (_number(row[f"median_onset{end}_e_per_A2"]) for end in ("", "_high"))
            half = half_changed(changed, *known)
            said.append(
                f"{changed:.0f} % of the lattice{of} changed{half and ' by the end' + half}"
            )
        if median:
            said.append(f"median of {places:.0f} places {median} e/Å²")
    return " · ".join(said) or None


def _with_interval(row: pd.Series, name: str) -> str:
    value, low, high = (_number(row[f"{name}{end}_e_per_A2"]) for end in ("", "_low", "_high"))
    if value is None:
        return ""
    if low is None:
        return dose_text(value)
    ends = f"≥ {dose_text(low)}" if high is None else f"{dose_text(low)}–{dose_text(high)}"
    return f"{dose_text(value)} [{ends}]"


AS_A_WHOLE = "field as a whole"


def regions_that_changed(result: Findings, row: pd.Series) -> str:
    """Which regions changed and when, if the row is that of a field which is not said to have.

    What a region shows clearly can be lost in the field's many crystals: neither is wrong.
    """
    if row["region"] != FIELD or row["status"] in CHANGED:
        return ""
    rows = [one for _, one in _rest(result) if one["status"] in CHANGED]
    said = [f"its region {one['region']} changed {_when(one)}".rstrip() for one in rows]
    more = len(said) - NAMED_REGIONS
    return "; ".join(said[:NAMED_REGIONS] + [f"and {more} more of its regions"] * (more > 0))


def _when(row: pd.Series) -> str:
    """When a region changed, in short."""
    if row["status"] == "damaged_at_start":
        return "from the start"
    dose, frame = _number(row["onset_dose_e_per_A2"]), _number(row["onset_frame"])
    if dose is not None:
        return f"at {dose_text(dose)} e/Å²"
    return "" if frame is None else f"in frame {frame + 1:.0f}"


def _verdict(result: Findings, row: pd.Series, name: str) -> str:
    """The verdict of a row on what is called so."""
    status = row["status"]
    if status == "onset":
        parts = [f"{name} {_onset(row)}", what_changed(result, row)]
        if _word(row["evidence"]):
            parts.append(f"evidence {row['evidence']}")
        return " · ".join(parts)
    if status == "survived":
        return f"{name} {_survived(row)}"
    if status == "damaged_at_start":
        said = f"{name} was damaged from the start: no undamaged plateau"
        half = _number(row["dose_1e_e_per_A2"])
        return said if half is None else f"{said}, 1/e at {dose_text(half)} e/Å²"
    if status == "no_lattice":
        return f"{name}: no lattice"
    reason = _word(row["reason"])
    return f"{name}: ambiguous" + (f", {reason}" if reason else "")


def _onset(row: pd.Series) -> str:
    dose = _number(row["onset_dose_e_per_A2"])
    if dose is None:
        frame = _number(row["onset_frame"])
        return "changed" if frame is None else f"frame {frame + 1:.0f} (dose unknown)"
    low, high = _number(row["onset_low_e_per_A2"]), _number(row["onset_high_e_per_A2"])
    if low is not None and high is not None and low <= (_number(row["pre_exposure_e_per_A2"]) or 0):
        # No plateau is proven: it may have begun with the first electron.
        said = f"before {dose_text(high)} e/Å²"
        return said + (" of this record (pre-exposure unknown)" if _is_bound(row) else "")
    said = f"{'≥ ' if _is_bound(row) else ''}{dose_text(dose)} e/Å²"
    if low is not None and high is not None:
        said += f" [{dose_text(low)}–{dose_text(high)}]"
    scale = _number(row["dose_scale_sd_percent"])
    if scale:
        said += f", dose scale ± {scale:.2g} %"
    return said + (" (pre-exposure unknown)" if _is_bound(row) else "")


def what_changed(result: Findings, row: pd.Series) -> str:
    """What changed, in a few words: fading of which spots, which spacing, which phases."""
    criterion = _word(row["criterion"]) or "change"
    before, after = _word(row["phase_before"]), _word(row["phase_after"])
    if criterion == "fading":
        return f"fading of {_spots(result, row) or before or 'the lattice'}"
    if criterion == "spacing":
        for unit, size in (("A", "Å"), ("px", "px")):
            old, new = _number(row[f"d_before_{unit}"]), _number(row[f"d_after_{unit}"])
            if old is not None and new is not None:
                return f"spacing {old:.4g} → {new:.4g} {size}"
        return "change of spacing"
    if _word(row["interpretation"]) == "ordering":
        return f"ordering of {before or 'the lattice'}"
    if criterion == "new_phase":
        named = after if after and after != "none" else None
        if named and before:
            return f"{before} → {named}"
        return f"new phase{f' {named}' if named else ''}"
    return criterion.replace("_", " ")


def _spots(result: Findings, row: pd.Series) -> str:
    """Names of the reflections whose loss made the onset."""
    spots = result.spots
    mine = spots[(spots["region"] == row["region"]) & (spots["status"] == row["status"])]
    if not len(mine):
        return ""
    # A region's onset is that of its first crystal: the others' spots faded later.
    away = np.abs(mine["onset_dose_e_per_A2"].to_numpy(float) - float(row["onset_dose_e_per_A2"]))
    if np.isfinite(away).any():
        mine = mine[mine["crystal"] == mine["crystal"].iloc[int(np.nanargmin(away))]]
    mine = mine.sort_values("snr", ascending=False)
    named = mine[mine["phase"].notna() & mine["hkl"].notna()]
    if len(named):
        phase = named["phase"].iloc[0]
        known = named[named["phase"] == phase]
        hkl = list(dict.fromkeys(known["hkl"].astype(str)))[:NAMED_SPOTS]
        return f"{phase} {', '.join(hkl)}"
    unit = "A" if mine["d_A"].notna().any() else "px"
    d = list(dict.fromkeys(f"{value:.3g}" for value in mine[f"d_{unit}"].astype(float)))
    return f"{', '.join(d[:NAMED_SPOTS])} {'Å' if unit == 'A' else 'px'}"


def _survived(row: pd.Series) -> str:
    dose, last = _number(row["survived_dose_e_per_A2"]), _number(row["last_dose_e_per_A2"])
    if dose is None:
        said = f"survived all {int(row['last_frame']) + 1} frames (dose unknown)"
    else:
        said = f"survived {'≥ ' if _is_bound(row) else ''}{dose_text(dose)} e/Å²"
        if last is not None and dose_text(last) != dose_text(dose):
            said += f" of {dose_text(last)}"
        said += " (pre-exposure unknown)" if _is_bound(row) else ""
    loss = _number(row["detectable_loss_percent"])
    return said if loss is None else f"{said}; a loss > {loss:.0f} % would have been seen"


def _total_interval(row: pd.Series) -> dict[str, float | None]:
    """The interval of the onset with the error of the dose scale in it."""
    names = ("onset_dose", "onset_low", "onset_high")
    value, low, high = (_number(row[f"{name}_e_per_A2"]) for name in names)
    scale = _number(row["dose_scale_sd_percent"])
    ends: tuple[float | None, float | None] = (None, None)
    if value is not None and low is not None and high is not None and scale is not None:
        ends = DoseScale(calibration=scale / 100).total(value, low, high)
    return dict(zip(("onset_total_low_e_per_A2", "onset_total_high_e_per_A2"), ends, strict=True))


def _stop_dose(row: pd.Series) -> float | None:
    if row["status"] == "onset":
        return _number(row["onset_low_e_per_A2"])
    return _number(row["survived_dose_e_per_A2"]) if row["status"] == "survived" else None


def _seconds(row: pd.Series, stop: float | None) -> float | None:
    rate = _number(row["dose_rate_e_per_A2_s"])
    if stop is None or rate is None or rate <= 0:
        return None
    return max(0.0, stop - (_number(row["pre_exposure_e_per_A2"]) or 0.0)) / rate


def _stop_words(row: pd.Series, stop: float | None, seconds: float | None) -> str | None:
    if row["status"] == "damaged_at_start":
        return "no dose of this record leaves it as it was"
    if stop is None:
        return None
    said = "no need to stop before" if row["status"] == "survived" else "stop at"
    said += f" {math.floor(stop) if stop >= 10 else dose_text(stop)} e/Å²"
    if seconds is not None:
        said += f" = {seconds:.3g} s at {row['dose_rate_e_per_A2_s']:.3g} e/Å²/s"
    return said


def _is_bound(row: pd.Series) -> bool:
    """Whether doses are lower bounds, since nobody knows what came before the record."""
    return bool(pd.isna(row["pre_exposure_e_per_A2"]) and pd.notna(row["last_dose_e_per_A2"]))


def _places(result: Findings) -> dict[str, Any]:
    """How many places of the field were judged and changed, and when half of them had."""
    status = result.places.status[result.places.status != "no_lattice"]
    field = result.onsets.iloc[0]
    return {
        "number": len(status),
        "changed": int(status.isin(CHANGED).sum()),
        "survived": int((status == "survived").sum()),
        **{
            f"median_{name}_e_per_A2": _number(field[f"median_onset{end}_e_per_A2"])
            for name, end in (("dose", ""), ("low", "_low"), ("high", "_high"))
        },
    }


def _rest(result: Findings) -> list[tuple[Any, pd.Series]]:
    return list(result.onsets.iloc[1:].iterrows())


def _name(result: Findings) -> str | None:
    return _word(result.onsets["movie"].iloc[0]) if len(result.onsets) else None


def _word(value: Any) -> str | None:
    return None if pd.isna(value) or value == "" else str(value)


def _number(value: Any) -> float | None:
    if pd.isna(value):
        return None
    number = float(np.float64(value))
    return number if math.isfinite(number) else None
