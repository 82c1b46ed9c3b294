"""Tables of onsets and events: verdicts in the documented columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from napari_beamwatch import columns
from napari_beamwatch.damage.course.estimate import NOTHING, Estimate
from napari_beamwatch.damage.field.summed import Summed
from napari_beamwatch.damage.verdict.judging import Verdict
from napari_beamwatch.movies import Movie
from napari_beamwatch.movies.checklist import reported_conditions
from napari_beamwatch.movies.dose_scale import dose_scale
from napari_beamwatch.regions import FIELD, Region
from napari_beamwatch.settings import Settings


def onset_row(
    movie: Movie,
    region: Region | None,
    verdict: Verdict,
    more: dict[str, Any],
    mass_loss: Estimate = NOTHING,
    summed: Summed | None = None,
) -> dict[str, Any]:
    """One row of the table of onsets.

    Parameters
    ----------
    movie : Movie
    region : Region or None
        None for the field.
    verdict : Verdict
        Doses in e/Å², or in frames if the movie has no dose.
    more : dict
        Columns that are known from elsewhere.
    mass_loss : Estimate
        Onset of the change of particles alone.
    summed : Summed, optional
        Numbers of its places.
    """
    height, width = movie.shape[1:]
    y0, x0, y1, x1 = (0, 0, height, width) if region is None else region.box
    last = int(np.flatnonzero(movie.lit)[-1])
    size = np.nan if movie.pixel_size is None else movie.pixel_size
    numbers = summed or Summed()
    row: dict[str, Any] = {
        "movie": movie.name,
        "region": FIELD if region is None else region.name,
        "y0": y0,
        "x0": x0,
        "y1": y1,
        "x1": x1,
        **said(movie, verdict),
        "last_frame": last,
        "detectable_loss_percent": verdict.detectable_loss_percent,
        "d_before_A": size * verdict.d_before_px,
        "d_after_A": size * verdict.d_after_px,
        "d_before_px": verdict.d_before_px,
        "d_after_px": verdict.d_after_px,
        "recovered_events": sum(event.kind == "recovered" for event in verdict.events),
        "onset_time_s": _time_of(movie, verdict),
        "dose_rate_e_per_A2_s": movie.dose_rate,
        "pre_exposure_e_per_A2": movie.pre_exposure,
        "dose_source": movie.dose_source,
        "n_places": numbers.places,
        "changed_area_percent": 100 * numbers.changed,
        **reported_conditions(movie.conditions),
    }
    if movie.dose is not None:
        row |= {
            "mass_loss_onset_e_per_A2": mass_loss.value,
            "last_dose_e_per_A2": float(movie.dose[last]) * movie.exposure((y0, x0, y1, x1)),
            **estimate_columns("median_onset", verdict.onset),  # of the one place that it may be
        }
    return row | more


def scale_column(movie: Movie, settings: Settings) -> dict[str, Any]:
    """How well the dose scale is known, which all rows share."""
    scale = dose_scale(movie, settings.specimen_pixel_uncertainty)
    return {"dose_scale_sd_percent": np.nan if scale is None else 100 * scale.sd}


def said(movie: Movie, verdict: Verdict) -> dict[str, Any]:
    """What a verdict says, in the columns that tables of onsets and places share."""
    frame = verdict.onset_frame
    row: dict[str, Any] = {
        "status": verdict.status,
        "criterion": verdict.criterion or None,
        "evidence": verdict.evidence or None,
        "reason": verdict.reason,
        "onset_frame": frame if frame >= 0 else None,
    }
    if movie.dose is None:
        return row
    survived = verdict.survived_dose if verdict.status == "survived" else np.nan
    return row | {
        **estimate_columns("onset", verdict.onset, ("_dose", "_low", "_high")),
        "detected_dose_e_per_A2": verdict.detected,
        "lost_dose_e_per_A2": verdict.lost,
        **estimate_columns("decay_after_onset", verdict.decay),
        **estimate_columns("dose_10", verdict.dose_10),
        **estimate_columns("half_dose", verdict.half_dose),
        **estimate_columns("dose_1e", verdict.dose_1e),
        "fading_onset_e_per_A2": verdict.fading_onset.value,
        "spacing_onset_e_per_A2": verdict.spacing_onset.value,
        "new_phase_onset_e_per_A2": verdict.new_phase_onset.value,
        "survived_dose_e_per_A2": survived,
    }


def estimate_columns(
    name: str, estimate: Estimate, ends: tuple[str, str, str] = ("", "_low", "_high")
) -> dict[str, float]:
    """A dose and its interval in columns of a name."""
    values = (estimate.value, estimate.low, estimate.high)
    return {f"{name}{end}_e_per_A2": float(value) for end, value in zip(ends, values, strict=True)}


def _time_of(movie: Movie, verdict: Verdict) -> float:
    """Seconds from the first frame to the onset."""
    frame = verdict.onset_frame
    if movie.times is None or frame < 0:
        return float("nan")
    start = float(movie.times[frame - 1]) if frame else 0.0
    if movie.dose is None or movie.dose_start is None:
        return start
    length = float(movie.dose[frame] - movie.dose_start[frame])
    part = (verdict.onset.value - float(movie.dose_start[frame])) / length if length > 0 else 0.0
    return start + float(np.clip(part, 0, 1)) * (float(movie.times[frame]) - start)


def onset_table(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Rows as a table with all columns."""
    table = pd.DataFrame(rows, columns=list(columns.ONSETS))
    return table.astype({"onset_frame": "Int64", "last_frame": "Int64"})


def event_rows(region: str, verdict: Verdict, known_dose: bool) -> list[dict[str, Any]]:
    """Rows of the table of events for a region."""
    return [
        {
            "region": region,
            "kind": event.kind,
            "dose_from_e_per_A2": event.dose_from if known_dose else np.nan,
            "dose_to_e_per_A2": event.dose_to if known_dose else np.nan,
            "depth": event.depth,
        }
        for event in verdict.events
    ]


def event_table(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Rows as a table with all columns."""
    return pd.DataFrame(rows, columns=list(columns.EVENTS))
