"""The spots of a diffraction movie, in the tables of the others.

Frequencies are in cycles per Å: those of a picture with pixels of 1 Å.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_beamwatch import columns
from napari_beamwatch.damage.verdict.judging import Verdict
from napari_beamwatch.movies import Movie
from napari_beamwatch.regions import FIELD
from napari_beamwatch.results.tables import joined, said_of_spots
from napari_beamwatch.spectra.diffraction import (
    DiffractionSpots,
    DiffractionTraces,
    SpotTracker,
    spacings,
)
from napari_beamwatch.spectra.field import FieldTrace


def spot_rows(
    movie: Movie, spots: DiffractionSpots, verdict: Verdict | None, crystals: tuple[int, int]
) -> pd.DataFrame:
    """The table of spots without phases; places are those of the pattern's centre."""
    count = len(spots)
    new = () if verdict is None else verdict.new_spots
    return pd.DataFrame(
        {
            "movie": movie.name,
            "region": FIELD,
            "spot": np.arange(count),
            "crystal": np.where(np.isin(np.arange(count), new), crystals[1], crystals[0]),
            "y_px": spots.centre.y,
            "x_px": spots.centre.x,
            "gy_per_px": spots.gy,
            "gx_per_px": spots.gx,
            "d_A": spots.d,
            "d_se_A": spots.d_se,
            "angle_deg": spots.angle,
            "snr": spots.snr,
            **said_of_spots(movie, verdict),
        }
    ).reindex(columns=list(columns.SPOTS))


def trace_table(
    movie: Movie, constant: float, tracker: SpotTracker, running_sum: int
) -> pd.DataFrame:
    """The table of traces, as far as frames were read."""
    frames, nothing = np.arange(len(movie)), np.full(len(movie), np.nan)
    traces = tracker.traces(running_sum)
    # Spacings choose themselves how many frames they are told from.
    found = spacings(tracker.traces(), tracker.spots, constant)
    parts = [
        pd.DataFrame(
            {
                "region": FIELD,
                "spot": spot,
                "frame": frames,
                "dose_e_per_A2": nothing if movie.dose is None else movie.dose,
                "time_s": nothing if movie.times is None else movie.times,
                "intensity": traces.intensity[:, spot],
                "intensity_se": traces.intensity_se[:, spot],
                "snr": traces.snr[:, spot],
                "d_A": found.d[:, spot],
                "d_se_A": found.d_se[:, spot],
            }
        )
        for spot in range(len(tracker.spots))
    ]
    return joined(parts, columns.TRACES)


def field_trace(traces: DiffractionTraces, mean: NDArray[np.float64]) -> FieldTrace:
    """All spots together; those that a frame does not show are taken to be as bright as usual."""
    known = np.isfinite(traces.intensity)
    value = np.where(known, traces.intensity, 0.0)
    usual = value.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = usual.sum() / (known @ usual)
        power = np.where(known.any(axis=1), value.sum(axis=1) * scale, np.nan)
        variance = (np.where(known, traces.intensity_se, 0.0) ** 2).sum(axis=1)
        error = np.sqrt(variance) * np.where(known.any(axis=1), scale, np.nan)
    return FieldTrace(power, error, np.full(len(mean), np.nan), mean)
