"""A movie in words and numbers: what `beamwatch info` and the desk show."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_beamwatch.movies.checklist import is_low_dose, not_stated, reported
from napari_beamwatch.movies.movie import Movie


def describe(movie: Movie) -> dict[str, Any]:
    """Everything known about a movie, ready for JSON; None where nothing is known."""
    frames, height, width = movie.shape
    size = movie.pixel_size
    dose, times = movie.dose, movie.times
    lit = np.flatnonzero(movie.lit)
    counting = movie.counting
    return {
        "source": movie.source,
        "frames": frames,
        "height_px": height,
        "width_px": width,
        "dtype": str(movie.dtype),
        "bytes": frames * height * width * movie.dtype.itemsize,
        "pixel_size_A": size,
        "field_nm": None if size is None else [height * size / 10, width * size / 10],
        "first_lit_frame": int(lit[0]) if lit.size else None,
        "frame_dose_e_per_A2": _mean_lit(movie.frame_dose, movie),
        "total_dose_e_per_A2": None if dose is None else float(dose[-1]),
        "pre_exposure_e_per_A2": movie.pre_exposure,
        "dose_rate_e_per_A2_s": movie.dose_rate,
        "dose_source": movie.dose_source,
        "dose_relative_uncertainty": movie.dose_uncertainty,
        "frame_time_s": None if times is None else float(np.median(np.diff(times, prepend=0.0))),
        "duration_s": None if times is None else float(times[-1]),
        "mean_counts_per_px": _mean_lit(movie.counts, movie),
        "counting": None if counting is None else counting.kind,
        "counting_seen": None if counting is None else counting.origin,
        "conditions": movie.conditions.stated(),
        "low_dose": is_low_dose(movie.dose_rate),
        "not_stated": not_stated(reported(movie)),
        "origins": movie.origins,
        "notes": list(movie.notes),
        "warnings": list(movie.warnings),
    }


def _mean_lit(values: Any, movie: Movie) -> float | None:
    if values is None:
        return None
    lit = values[movie.lit]
    return float(lit.mean()) if lit.size else None
