"""`Result`: everything an analysis found."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from napari_beamwatch.movies import Movie
from napari_beamwatch.settings import Settings


@dataclass(frozen=True, eq=False)
class Result:
    """What an analysis found.

    Attributes
    ----------
    movie : Movie
    settings : Settings
        With everything chosen that was left open.
    spots, traces, drift : DataFrame
        Columns as documented in `columns`.
    notes : tuple of str
        What was chosen and what is odd, a sentence each.
    """

    movie: Movie
    settings: Settings
    spots: pd.DataFrame
    traces: pd.DataFrame
    drift: pd.DataFrame
    notes: tuple[str, ...]
