"""What is said of the field or of a region, and its rows in the tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from napari_beamwatch import columns
from napari_beamwatch.analysis.first_seen import first_seen, in_words
from napari_beamwatch.analysis.naming import Phases
from napari_beamwatch.damage.field.whole import RegionVerdict
from napari_beamwatch.damage.verdict.judging import unclear
from napari_beamwatch.movies import Movie
from napari_beamwatch.regions import FIELD, Region
from napari_beamwatch.results.onsets import estimate_columns, event_rows, onset_row
from napari_beamwatch.results.result import Result
from napari_beamwatch.results.survival import median_place
from napari_beamwatch.results.tables import course_table, place_table, region_spots, region_traces
from napari_beamwatch.results.thresholds import apply_thresholds
from napari_beamwatch.settings import Settings
from napari_beamwatch.spectra.following import FollowedReflection, FollowedSpots
from napari_beamwatch.spectra.rings import Ring


@dataclass(frozen=True, eq=False)
class Part:
    """The field or a region, with what was followed there."""

    region: Region | None
    followed: FollowedSpots
    reflections: list[FollowedReflection]

    @property
    def name(self) -> str:
        """Of the region."""
        return FIELD if self.region is None else self.region.name


@dataclass(frozen=True, eq=False)
class Rows:
    """What stands of a part in the tables."""

    onset: dict[str, Any]
    events: list[dict[str, Any]]
    courses: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Answer:
    """A part with the verdict on it.

    Attributes
    ----------
    movie : Movie
    part : Part
    told : RegionVerdict
    phases : Phases
    spots, traces : DataFrame
        Its rows of these tables.
    since : DataFrame
        Since when each phase was there; without rows where doses are unknown.
    """

    movie: Movie
    part: Part
    told: RegionVerdict
    phases: Phases
    spots: pd.DataFrame
    traces: pd.DataFrame
    since: pd.DataFrame

    @classmethod
    def of(cls, movie: Movie, part: Part, told: RegionVerdict) -> Answer:
        """The answer that a verdict makes, without names of phases."""
        rows = region_spots(movie, part.followed.spots, part.region, part.reflections, told)
        phases = Phases({})
        traces = region_traces(movie, part.region, part.reflections)
        since = pd.DataFrame(columns=list(columns.PHASES))
        return cls(movie, part, told, phases, phases.label(rows), traces, since)

    def named(self, settings: Settings, rings: Sequence[Ring] = ()) -> Answer:
        """The same with names of phases.

        Parameters
        ----------
        settings : Settings
        rings : sequence of Ring
            That came.
        """
        seen = self.part.followed.spots.first_seen
        phases = Phases.of(self.movie, settings, self.spots, self.told, rings, seen)
        spots, since = phases.label(self.spots), self.since
        if self.movie.dose is not None:
            since = first_seen(spots, self.traces, self.told, self.movie)
        return replace(self, phases=phases, spots=spots, since=since)

    def rows(self) -> Rows:
        """Its rows of the tables."""
        return Rows(self.onset_row(), self.event_rows(), self.courses())

    def unclear(self, why: str) -> Answer:
        """The same spots and traces, of which nothing is said."""
        return Answer.of(self.movie, self.part, self.told.unclear(why))

    def unclear_rows(self, why: str) -> Rows:
        """Rows that say no more than why there are no others."""
        row = onset_row(self.movie, self.part.region, unclear(why), {})
        return Rows(row, [], pd.DataFrame(columns=list(columns.COURSES)))

    def onset_row(self) -> dict[str, Any]:
        """Its row of the table of onsets."""
        verdict, spots = self.told.verdict, self.part.followed.spots
        mine = [one.spots for one in self.part.reflections]
        windows = spots.peaks.window[np.concatenate([np.empty(0, np.int64), *mine])]
        why = (verdict.reason, in_words(self.since))
        row = onset_row(
            self.movie,
            self.part.region,
            verdict,
            {
                "reason": "; ".join(part for part in why if part),
                "n_windows": len(np.unique(windows)),
                "n_spots": len(self.part.reflections),
                "n_crystals": self.spots.crystal.nunique(),
            },
            self.told.mass_loss_onset,
            self.told.summed,
        )
        if self.movie.dose is not None:
            row |= estimate_columns("median_onset", median_place(self._places, row))
        row |= self.phases.before_and_after(verdict, self.spots)
        if self.told.grown and not verdict.changed:
            row["interpretation"] = "environment"
        return row

    def event_rows(self) -> list[dict[str, Any]]:
        """Its rows of the table of events."""
        return event_rows(self.part.name, self.told.verdict, self.movie.dose is not None)

    def places(self) -> pd.DataFrame:
        """The table of its places, with names of phases."""
        return self.phases.of_places(self._places, self.told)

    @cached_property
    def _places(self) -> pd.DataFrame:
        return place_table(self.movie, self.told, self.part.followed.spots)

    def courses(self) -> pd.DataFrame:
        """Its rows of the table of fitted courses."""
        return course_table(self.movie, self.part.name, self.told)


def with_thresholds(result: Result) -> Result:
    """The result with the doses at which the thresholds of its own settings are passed."""
    own = result.settings
    return apply_thresholds(result, own.fraction, own.d_tolerance, own.persistence)
