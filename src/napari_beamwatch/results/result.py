"""`Result`: everything an analysis found."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from napari_beamwatch.movies import Movie
from napari_beamwatch.particles import Particles
from napari_beamwatch.settings import Settings


@dataclass(frozen=True, eq=False)
class Result:
    """What an analysis found.

    Attributes
    ----------
    movie : Movie
    settings : Settings
        With everything chosen that was left open.
    windows, spots, traces, field, drift : DataFrame
        Columns as documented in `columns`; `field` has the traces of the field as a whole.
    particles : Particles or None
        Their shapes over the dose; None if `mass_loss` was not among the criteria.
    notes : tuple of str
        What was chosen and what is odd, a sentence each.
    """

    movie: Movie
    settings: Settings
    windows: pd.DataFrame
    spots: pd.DataFrame
    traces: pd.DataFrame
    field: pd.DataFrame
    drift: pd.DataFrame
    particles: Particles | None
    notes: tuple[str, ...]
