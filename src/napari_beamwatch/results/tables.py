"""Tables of spots, traces and drift, in the documented columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_beamwatch import columns
from napari_beamwatch.damage.course.estimate import NOTHING
from napari_beamwatch.damage.course.interval import Fitted
from napari_beamwatch.damage.field.by_window import WindowVerdicts
from napari_beamwatch.damage.field.whole import RegionVerdict
from napari_beamwatch.damage.verdict.judging import Verdict
from napari_beamwatch.movies import Movie
from napari_beamwatch.regions import FIELD, Region
from napari_beamwatch.results.onsets import said
from napari_beamwatch.spectra.drift import Drift
from napari_beamwatch.spectra.field import FieldTrace
from napari_beamwatch.spectra.following import FollowedReflection
from napari_beamwatch.spectra.overlaps import overlap_factors
from napari_beamwatch.spectra.spots import Spots

Floats = NDArray[np.float64]


def region_spots(
    movie: Movie,
    spots: Spots,
    region: Region | None,
    followed: Sequence[FollowedReflection],
    told: RegionVerdict,
) -> pd.DataFrame:
    """Rows of the table of spots for a region, or for the field."""
    height, width = movie.shape[1:]
    y0, x0, y1, x1 = (0, 0, height, width) if region is None else region.box
    rows = []
    for reflection in followed:
        mine = reflection.spots
        snr = spots.peaks.snr[mine]
        gy, gx, se = reflection.mean_frequency(spots)
        rows.append(
            {
                "region": FIELD if region is None else region.name,
                "spot": reflection.number,
                "crystal": int(spots.reflections.crystal[reflection.number]),
                "y_px": (y0 + y1) / 2,
                "x_px": (x0 + x1) / 2,
                "gy_per_px": gy,
                "gx_per_px": gx,
                "g_se": se,
                "width_px": float(snr @ spots.peaks.width[mine] / snr.sum()),
                "snr": float(snr.sum()) / overlap_factors(spots.grid, spots.peaks.window[mine])[0],
                **said_of_spots(
                    movie, told.crystals.get(int(spots.reflections.crystal[reflection.number]))
                ),
            }
        )
    return _spots(movie, pd.DataFrame(rows, columns=list(_SOURCES)))


def said_of_spots(movie: Movie, verdict: Verdict | None) -> dict[str, object]:
    """What the verdict on a crystal says of its spots."""
    if verdict is None:
        return {}
    # Without a dose axis verdicts count frames.
    onset = NOTHING if movie.dose is None else verdict.onset
    return {
        "status": verdict.status,
        "criterion": verdict.criterion or None,
        "onset_frame": verdict.onset_frame if verdict.onset_frame >= 0 else None,
        "onset_dose_e_per_A2": onset.value,
        "onset_low_e_per_A2": onset.low,
        "onset_high_e_per_A2": onset.high,
    }


def _window_verdicts(
    movie: Movie, told: WindowVerdicts, windows: NDArray[np.int64]
) -> dict[str, object]:
    """What verdicts say of some windows."""
    none = np.full(len(windows), np.nan)
    known = movie.dose is not None
    frame = pd.array(told.onset_frame[windows], dtype="Int64")
    frame[told.onset_frame[windows] < 0] = pd.NA
    return {
        "status": [told.status[w] for w in windows],
        "criterion": [told.criterion[w] or None for w in windows],
        "onset_frame": frame,
        "onset_dose_e_per_A2": told.onset[windows] if known else none,
        "onset_low_e_per_A2": told.low[windows] if known else none,
        "onset_high_e_per_A2": told.high[windows] if known else none,
    }


def window_spots(movie: Movie, spots: Spots, told: WindowVerdicts | None = None) -> pd.DataFrame:
    """Rows of the table of spots for every window."""
    peaks, grid = spots.peaks, spots.grid
    corner = spots.corners[peaks.window] + grid.window / 2
    of = spots.reflections.of_peak
    rows = pd.DataFrame(
        {
            "window": peaks.window,
            "spot": of,
            "crystal": spots.reflections.crystal[of],
            "y_px": corner[:, 0],
            "x_px": corner[:, 1],
            "gy_per_px": peaks.gy,
            "gx_per_px": peaks.gx,
            "g_se": peaks.g_se,
            "width_px": peaks.width,
            "snr": peaks.snr,
            **({} if told is None else _window_verdicts(movie, told, peaks.window)),
        }
    )
    return _spots(movie, rows)


_SOURCES = (
    "region", "spot", "crystal", "y_px", "x_px", "gy_per_px", "gx_per_px", "g_se", "width_px",
    "snr", "status", "criterion", "onset_frame", "onset_dose_e_per_A2", "onset_low_e_per_A2",
    "onset_high_e_per_A2",
)  # fmt: skip


def _spots(movie: Movie, rows: pd.DataFrame) -> pd.DataFrame:
    """All columns, from those that say where a spot is and how sure that is."""
    gy, gx = rows["gy_per_px"].astype(float), rows["gx_per_px"].astype(float)
    g = np.hypot(gy, gx)
    size = np.nan if movie.pixel_size is None else movie.pixel_size
    angle = np.degrees(np.arctan2(-gy, gx))
    table = rows.assign(
        movie=movie.name,
        d_px=1 / g,
        d_A=size / g,
        d_se_A=size * rows["g_se"].astype(float) / g**2,
        angle_deg=np.where(angle <= -90, angle + 180, np.where(angle > 90, angle - 180, angle)),
    )
    return table.reindex(columns=list(columns.SPOTS))


def region_traces(
    movie: Movie, region: Region | None, followed: Sequence[FollowedReflection]
) -> pd.DataFrame:
    """Rows of the table of traces for a region, or for the field."""
    frames = np.arange(len(movie))
    size = np.nan if movie.pixel_size is None else movie.pixel_size
    y0, x0, y1, x1 = (0, 0, *movie.shape[1:]) if region is None else region.box
    dose = movie.local_dose(y0, y1, x0, x1)
    parts = []
    for reflection in followed:
        trace = reflection.trace
        g = np.hypot(trace.gy, trace.gx)
        parts.append(
            pd.DataFrame(
                {
                    "region": FIELD if region is None else region.name,
                    "spot": reflection.number,
                    "frame": frames,
                    "dose_e_per_A2": _or_empty(dose, len(frames)),
                    "time_s": _or_empty(movie.times, len(frames)),
                    "intensity": trace.intensity,
                    "intensity_se": trace.intensity_se,
                    "snr": trace.snr,
                    "d_A": size / g,
                    "d_se_A": size * trace.g_se / g**2,
                    "d_px": 1 / g,
                }
            )
        )
    return joined(parts, columns.TRACES)


def window_table(movie: Movie, spots: Spots, told: WindowVerdicts) -> pd.DataFrame:
    """The table of windows."""
    grid = spots.grid
    count = np.bincount(spots.peaks.window, minlength=len(grid))
    y0, x0 = grid.corners.T
    rows = pd.DataFrame(
        {
            "movie": movie.name,
            "window": np.arange(len(grid)),
            "y0": y0,
            "x0": x0,
            "y1": y0 + grid.window,
            "x1": x0 + grid.window,
            **_window_verdicts(movie, told, np.arange(len(grid))),
            "lost_dose_e_per_A2": told.lost if movie.dose is not None else np.nan,
            "n_spots": count,
            "place": pd.array(told.place, dtype="Int64"),
        }
    )
    rows.loc[told.place < 0, "place"] = pd.NA
    return rows.reindex(columns=list(columns.WINDOWS))


def place_table(movie: Movie, told: RegionVerdict, spots: Spots) -> pd.DataFrame:
    """The table of places of the field, without names of phases."""
    grid = spots.grid
    of_peak = spots.reflections.crystal[spots.reflections.of_peak]
    square = np.nan if movie.pixel_size is None else (grid.step * movie.pixel_size / 10) ** 2
    rows = []
    for one in told.places:
        middle = grid.corners[one.windows].mean(axis=0) + np.array(spots.origin) + grid.window / 2
        mine = np.isin(spots.peaks.window, one.windows) & (of_peak == one.crystal)
        rows.append(
            {
                "movie": movie.name,
                "place": one.number,
                "crystal": one.crystal,
                "y_px": middle[0],
                "x_px": middle[1],
                "n_windows": len(one.windows),
                "area_nm2": one.share * square,
                **said(movie, one.verdict),
                "held_until_e_per_A2": np.nan if movie.dose is None else one.verdict.held_until,
                "n_spots": len(np.unique(spots.reflections.of_peak[mine])),
            }
        )
    table = pd.DataFrame(rows, columns=list(columns.PLACES))
    return table.astype({"onset_frame": "Int64"})


def course_table(movie: Movie, region: str, told: RegionVerdict) -> pd.DataFrame:
    """Rows of the table of fitted courses: of the places that faded, and of all of a region."""
    parts = [
        _course(movie, region, one.crystal, one.number, fit)
        for one in told.places
        if (fit := one.verdict.fitted) is not None
    ]
    whole = told.summed.course
    if whole is not None:
        parts.insert(0, _course(movie, region, None, None, whole))
    return joined(parts, columns.COURSES)


def _course(
    movie: Movie, region: str, crystal: int | None, place: int | None, fit: Fitted
) -> pd.DataFrame:
    count = len(fit.frame)
    return pd.DataFrame(
        {
            "region": region,
            "crystal": pd.array([crystal] * count, dtype="Int64"),
            "place": pd.array([place] * count, dtype="Int64"),
            "frame": fit.frame,
            "dose_e_per_A2": np.nan if movie.dose is None else fit.dose,
            "intensity": fit.level,
            "intensity_low": fit.low,
            "intensity_high": fit.high,
        }
    )


def field_table(movie: Movie, trace: FieldTrace, focus: tuple[Floats, Floats]) -> pd.DataFrame:
    """The table of the field's own traces."""
    frames = len(movie)
    values = {
        "frame": np.arange(frames),
        "dose_e_per_A2": _or_empty(movie.dose, frames),
        "time_s": _or_empty(movie.times, frames),
        "lattice_power": trace.lattice_power,
        "lattice_power_se": trace.lattice_power_se,
        "lattice_windows": trace.lattice_windows,
        "mean_signal": trace.mean,
        "defocus_change_nm": focus[0],
        "defocus_change_se_nm": focus[1],
    }
    return pd.DataFrame(values, columns=list(columns.FIELD))


def drift_table(drift: Drift | None, frames: int) -> pd.DataFrame:
    """Rows of the table of drift; empty values where it was not looked for."""
    values = {
        "frame": np.arange(frames),
        "dy_px": np.nan if drift is None else drift.dy_px,
        "dx_px": np.nan if drift is None else drift.dx_px,
        "se_px": np.nan if drift is None else drift.se_px,
    }
    return pd.DataFrame(values, columns=list(columns.DRIFT))


def joined(parts: Sequence[pd.DataFrame], names: dict[str, str]) -> pd.DataFrame:
    """Tables one below the other, those without rows left out."""
    filled = [part for part in parts if len(part)]
    if not filled:
        return pd.DataFrame(columns=list(names))
    # A column without any value has no type that the others should take.
    told = [part.dropna(axis=1, how="all") for part in filled]
    return pd.concat(told, ignore_index=True).reindex(columns=list(names))


def onset_values(windows: pd.DataFrame) -> tuple[Floats, str]:
    """Onset of each window and its unit: the dose, or the frame (from 1) where that is unknown."""
    dose = windows["onset_dose_e_per_A2"].to_numpy(np.float64, na_value=np.nan)
    frame = windows["onset_frame"].astype("Float64").to_numpy(np.float64, na_value=np.nan) + 1
    in_frames = np.isfinite(frame).any() and not np.isfinite(dose).any()
    return (np.asarray(frame), "frame") if in_frames else (np.asarray(dose), "e/Å²")


def _or_empty(values: Floats | None, count: int) -> Floats:
    return np.full(count, np.nan) if values is None else values
