"""Since when each phase was there: in the specimen as it came, or made under the beam.

A phase whose spots were verified to appear has the dose at which they began to. Any other was seen
by a dose, pre-exposure included: that by which its spots, added up from the first frame on, were
seen for sure. What it received before that may have made it. Where the dose is well below the
published limits of all that the beam could have made it of the phase is native; else, or where no
such limit is published or the pre-exposure is unknown, that cannot be told.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_beamwatch import columns
from napari_beamwatch.damage.course.estimate import NOTHING, SURE, Estimate
from napari_beamwatch.damage.field.whole import RegionVerdict
from napari_beamwatch.movies import Movie
from napari_beamwatch.phases.origin import APPEARED, NATIVE, UNKNOWN, WELL_BELOW, source_limit

MOST_SAID = 2
"""Phases of which a reason tells."""


def first_seen(
    rows: pd.DataFrame, traces: pd.DataFrame, told: RegionVerdict, movie: Movie | None = None
) -> pd.DataFrame:
    """Since when each phase of a region was there.

    Parameters
    ----------
    rows : DataFrame
        Of the table of spots, of one region, with phases.
    traces : DataFrame
        The table of traces.
    told : RegionVerdict
        On that region.
    movie : Movie, optional
        Says the temperature, and whether the pre-exposure is known; without it no phase can be
        called native.

    Returns
    -------
    DataFrame
        One row a phase, strongest first; columns as in `columns.PHASES`.
    """
    came = {
        spot: one.verdict.new_phase_onset for one in told.places for spot in one.verdict.new_spots
    }
    named = rows[rows.phase.notna()]
    order = named.groupby("phase").snr.sum().sort_values(ascending=False, kind="stable").index
    found = []
    for phase in order:
        mine = named[named.phase == phase]
        region = mine.region.iloc[0]
        old = mine.spot[~mine.spot.isin(list(came))]
        here = traces[(traces.region == region) & traces.spot.isin(old)]
        if len(old):
            dose = _seen(here)
            since = NATIVE if _native(str(phase), dose.value, movie) else UNKNOWN
        else:
            since, dose = _appeared(came[spot] for spot in mine.spot)
        found.append(
            {
                "region": region,
                "phase": phase,
                "since": since,
                "first_seen_dose_e_per_A2": dose.value,
                "first_seen_low_e_per_A2": dose.low,
                "first_seen_high_e_per_A2": dose.high,
                "n_spots": len(mine),
            }
        )
    return pd.DataFrame(found, columns=list(columns.PHASES))


def in_words(table: pd.DataFrame) -> str:
    """What the table says, for the reason of a row."""
    said = []
    first = table["first_seen_dose_e_per_A2"].to_numpy(float)
    for phase, since, dose in zip(table.phase, table.since, first[:MOST_SAID], strict=False):
        if not np.isfinite(dose):
            said.append(f"cannot tell since when {phase} was there")
        elif since == APPEARED:
            said.append(f"{phase} appeared at {dose:.4g} e/Å²")
        elif since == NATIVE:
            said.append(f"{phase} by {dose:.4g} e/Å², native")
        else:
            said.append(f"{phase} by {dose:.4g} e/Å², native or made: cannot tell")
    return "; ".join(said)


def _appeared(onsets: Iterable[Estimate]) -> tuple[str, Estimate]:
    known = [onset for onset in onsets if np.isfinite(onset.value)]
    first = min(known, key=lambda onset: onset.value, default=NOTHING)
    return (APPEARED if known else UNKNOWN), first


def _seen(traces: pd.DataFrame) -> Estimate:
    """Dose by which spots were seen that were not verified to appear."""
    value, error = (
        traces.pivot(index="frame", columns="spot", values=name).to_numpy(float)
        for name in ("intensity", "intensity_se")
    )
    dose = traces.groupby("frame").dose_e_per_A2.first().to_numpy(float)
    frame = seen_by(value, error)
    nan = float("nan")
    return NOTHING if frame < 0 else Estimate(float(dose[frame]), nan, nan)


def _native(phase: str, dose: float, movie: Movie | None) -> bool:
    """Whether no more dose was given than leaves intact all that could have become the phase."""
    if movie is None or movie.pre_exposure is None:
        return False
    return dose < WELL_BELOW * source_limit(phase, movie.conditions.temperature_C)


def seen_by(value: NDArray[np.float64], error: NDArray[np.float64]) -> int:
    """First frame with which the sum over all so far is above zero for sure; −1 if none.

    Parameters
    ----------
    value, error : array (frames, spots)
        Intensities and their standard errors; NaN where not measured.
    """
    known = np.isfinite(value) & (error > 0)
    weight = np.where(known, 1 / np.where(known, error, 1.0) ** 2, 0.0)
    total = np.cumsum((weight * np.where(known, value, 0.0)).sum(axis=1))
    spread = np.sqrt(np.maximum(np.cumsum(weight.sum(axis=1)), 1e-300))
    sure = np.flatnonzero(total > SURE * spread)
    return int(sure[0]) if len(sure) else -1
