"""Runs as a campaign reads them: the places of a movie and how it was recorded, and no more.

Neither the movie nor what its windows show is opened: hundreds of runs take seconds.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_beamwatch import columns
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.results.findings import Findings
from napari_beamwatch.results.loading import tables_of
from napari_beamwatch.results.record import explained, read_record
from napari_beamwatch.results.run_folder import RECORD, holds_run, recover

PathLike = str | os.PathLike[str]

READ = ("onsets", "places", "phases")


@dataclass(frozen=True, eq=False)
class Run:
    """A movie that was analysed.

    Attributes
    ----------
    name : str
        Of the movie.
    source : str
        Where the run lies, or which of the results that were given it is.
    field : Series
        Row of the field in the table of onsets.
    places : DataFrame
        Columns as documented in `columns.PLACES`.
    pixel_size_A : float
        NaN if nobody knows.
    version : str
        Of the software that analysed it.
    mark : str
        The same for runs of one movie.
    phases : DataFrame
        Columns as documented in `columns.PHASES`; without rows in runs from before them.
    """

    name: str
    source: str
    field: pd.Series
    places: pd.DataFrame
    pixel_size_A: float  # noqa: N815 - units are part of names
    version: str
    mark: str
    phases: pd.DataFrame = dataclasses.field(
        default_factory=lambda: pd.DataFrame(columns=list(columns.PHASES))
    )

    def number(self, column: str) -> float:
        """A number of the row of the field; NaN where there is none."""
        value = self.field[column]
        return float("nan") if pd.isna(value) else float(value)

    @property
    def first_dose(self) -> float:
        """Dose before the first frame, in e/Å²; 0 if nobody knows."""
        told = self.number("pre_exposure_e_per_A2")
        return told if np.isfinite(told) else 0.0

    @property
    def last_dose(self) -> float:
        """Dose at the end of the record, in e/Å²; NaN without doses."""
        return self.number("last_dose_e_per_A2")

    @property
    def frame_dose(self) -> float:
        """Dose of a frame on average, in e/Å²."""
        return (self.last_dose - self.first_dose) / (self.number("last_frame") + 1)


def run_of(result: Findings, source: str) -> Run:
    """A result in memory, or one that was loaded, as a campaign reads it."""
    if not len(result.onsets):
        raise BeamwatchError("a result without a row of the field tells a campaign nothing")
    field = result.onsets.iloc[0]
    movie = result.movie
    name = str(field["movie"])
    size = None if movie is None else movie.pixel_size
    return Run(
        name,
        source,
        field,
        result.places,
        np.nan if size is None else float(size),
        version("napari-beamwatch"),
        "",
        result.phases,
    )


def read_run(folder: Path) -> Run:
    """The run in a folder."""
    recover(folder)
    record = read_record(folder)
    with explained(folder / RECORD):
        facts: dict[str, Any] = record["movie"]
        name = str(facts["name"])
        names = [name, *(str(region["name"]) for region in record["regions"])]
        kinds = {str(table): dict(types) for table, types in record["tables"].items()}
        tables = tables_of(folder, kinds, names, READ)
        onsets = tables["onsets"]
        if not len(onsets):
            raise ValueError("onsets.csv has no row of the field")
        size = facts["pixel_size_A"]
        return Run(
            name, str(folder), onsets.iloc[0], tables["places"],
            np.nan if size is None else float(size),
            str(record["versions"]["napari-beamwatch"]), str(facts["hash"] or ""),
            tables["phases"],
        )  # fmt: skip


def folders_of(given: PathLike) -> list[Path]:
    """A run folder, or those right inside a folder of several movies."""
    folder = Path(given).expanduser()
    folder = folder.parent if folder.name == RECORD else folder
    if holds_run(folder):
        return [folder]
    inside = sorted(one for one in folder.iterdir() if holds_run(one)) if folder.is_dir() else []
    if not inside:
        raise BeamwatchError(
            f"{folder} holds no run, nor does a folder in it: there is no {RECORD}"
        )
    return inside


def read_runs(
    given: Findings | PathLike | Iterable[Findings | PathLike],
) -> tuple[list[Run], list[str]]:
    """Runs of results and folders, and a line on each that cannot be read."""
    several = [given] if isinstance(given, Findings | str | os.PathLike) else list(given)
    runs: list[Run] = []
    unread: list[str] = []
    for i, one in enumerate(several):
        try:
            if isinstance(one, Findings):
                runs.append(run_of(one, f"result {i + 1}"))
                continue
            folders = folders_of(one)
        except (BeamwatchError, OSError) as error:
            unread.append(f"left out: {error}")
            continue
        for folder in folders:
            try:
                runs.append(read_run(folder))
            except (BeamwatchError, OSError) as error:
                unread.append(f"left out: {error}")
    return runs, unread


def usable(runs: Sequence[Run]) -> tuple[list[Run], list[str]]:
    """Runs that can be set beside each other, each movie once, and a line on what is odd.

    Names are made to differ, for a table of places tells movies apart by them.
    """
    kept: list[Run] = []
    notes: list[str] = []
    marks: dict[str, Run] = {}
    for run in runs:
        if run.mark and run.mark in marks:
            notes.append(
                f"{run.source} is of the movie that {marks[run.mark].source} is of, and left out: "
                "a movie counts once"
            )
        elif not np.isfinite(run.last_dose):
            notes.append(
                f"{run.source} has no doses and is left out: calibrate it and analyse it again"
            )
        elif not len(run.places) or (run.places["status"] == "no_lattice").all():
            notes.append(f"{run.source} has no place with a lattice and is left out")
        else:
            marks[run.mark] = run
            kept.append(run)
    return _named_apart(kept), notes + _odd(kept)


def _odd(runs: Sequence[Run]) -> list[str]:
    """What sets the movies of a campaign apart that nobody asked about."""
    notes = []
    sizes = np.array([run.pixel_size_A for run in runs])
    known = sizes[np.isfinite(sizes)]
    if len(known) and known.max() > 1.02 * known.min():
        notes.append(
            f"pixel sizes from {known.min():.4g} to {known.max():.4g} Å: a window, and so the "
            "smallest place, is not of one size in all movies"
        )
    if len(known) < len(runs):
        notes.append(
            f"{len(runs) - len(known)} of {len(runs)} movies have no pixel size: their places "
            "count by windows"
        )
    versions = sorted({run.version for run in runs})
    if len(versions) > 1:
        notes.append(f"analysed by versions {', '.join(versions)}: analyse all again with one")
    unknown = sum(bool(np.isnan(run.number("pre_exposure_e_per_A2"))) for run in runs)
    if unknown:
        notes.append(
            f"pre-exposure unknown in {unknown} of {len(runs)} movies: their doses are lower bounds"
        )
    return notes


def _named_apart(runs: Sequence[Run]) -> list[Run]:
    names = [run.name for run in runs]
    made: list[Run] = []
    for i, run in enumerate(runs):
        earlier = names[:i].count(run.name)
        name = f"{run.name} ({earlier + 1})" if earlier else run.name
        made.append(replace(run, name=name))
    return made
