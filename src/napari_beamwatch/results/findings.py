"""`Findings`: everything an analysis found, as all rooms of `results` read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from napari_beamwatch.movies import Movie
from napari_beamwatch.particles import Particles
from napari_beamwatch.regions import Region
from napari_beamwatch.settings import Settings
from napari_beamwatch.spectra.tracking import WindowTraces


@dataclass(frozen=True, eq=False)
class Findings:
    """What an analysis found.

    Attributes
    ----------
    movie : Movie or None
        None for a result that was loaded while its movie was not found.
    settings : Settings
        With everything chosen that was left open.
    regions : tuple of Region
        Beside the whole field.
    onsets, windows, spots, traces, events, places, courses, phases, phase_area : DataFrame
        Columns as documented in `columns`, those of the next three too.
    field, rings, drift : DataFrame
        Of the whole field.
    particles : Particles or None
        Their shapes over the dose; None if `mass_loss` was not among the criteria.
    window_traces : WindowTraces
        Of the rows of `spots` that belong to windows, in their order.
    notes : tuple of str
        What was chosen and what is odd, a sentence each.
    timings : mapping of str to float
        Seconds that each part took.
    """

    movie: Movie | None
    settings: Settings
    regions: tuple[Region, ...]
    onsets: pd.DataFrame
    windows: pd.DataFrame
    spots: pd.DataFrame
    traces: pd.DataFrame
    events: pd.DataFrame
    places: pd.DataFrame
    courses: pd.DataFrame
    phases: pd.DataFrame
    phase_area: pd.DataFrame
    field: pd.DataFrame
    rings: pd.DataFrame
    drift: pd.DataFrame
    particles: Particles | None
    window_traces: WindowTraces
    notes: tuple[str, ...]
    timings: Mapping[str, float]
