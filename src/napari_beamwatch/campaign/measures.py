"""What the places of a movie tell of each measured dose, see `place_fates`."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from napari_beamwatch.campaign.runs import Run
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.results.fates import FATE, place_fates


@dataclass(frozen=True)
class Measure:
    """A dose of a place.

    Attributes
    ----------
    column : str
        Where it stands in the table of places.
    words : str
        What it is, for people.
    """

    column: str
    words: str


MEASURES: dict[str, Measure] = {
    "onset": Measure("onset_dose_e_per_A2", "change began"),
    "detected": Measure("detected_dose_e_per_A2", "change detected"),
    "half_gone": Measure("half_dose_e_per_A2", "half of the lattice gone"),
}


def known_measure(name: str) -> str:
    """The name of a measure, refused where it is none."""
    if name not in MEASURES:
        raise BeamwatchError(f"{name!r} is no measure: known are {', '.join(MEASURES)}")
    return name


TOLD: dict[str, str] = {
    "movie": "name of the movie",
    "place": "number of the place",
    "crystal": "number of its crystal in the movie",
    "measure": "onset, detected or half_gone",
    "fate": FATE,
    "low_e_per_A2": "dose to which the place is known not to have changed so far",
    "high_e_per_A2": "dose by which it had; empty if it never did",
    "share": "part of the lattice of its movie, by area",
}
"""Columns of what places tell."""


def told(run: Run, measure: str) -> pd.DataFrame:
    """What the places of a movie tell of a measure; those that tell nothing are left out."""
    rows = place_fates(run.places, MEASURES[measure].column, run.first_dose, run.last_dose)
    rows = rows.assign(movie=run.name, measure=measure, share=rows["share"] / rows["share"].sum())
    return rows[list(TOLD)]
