"""Load a run folder: the result as it was, with its movie where that is found again."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_beamwatch import columns
from napari_beamwatch.damage.failures import WARNING, warnings_among
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.particles import COLUMNS as PARTICLES
from napari_beamwatch.particles import Particles
from napari_beamwatch.regions import FIELD
from napari_beamwatch.results.array_files import read_arrays
from napari_beamwatch.results.older import (
    is_older,
    needed_of,
    read_older,
    with_columns,
    without_table,
)
from napari_beamwatch.results.record import (
    bins_of,
    explained,
    read_record,
    regions_of,
    sentences,
    settings_of,
)
from napari_beamwatch.results.recorded_movie import movie_of_record
from napari_beamwatch.results.result import Result
from napari_beamwatch.results.run_folder import (
    OUTLINES,
    PROFILE,
    RECORD,
    TABLES,
    WINDOW_TRACES,
    recover,
)
from napari_beamwatch.results.table_files import read_table
from napari_beamwatch.spectra.tracking import WindowTraces

PathLike = str | os.PathLike[str]

COLUMNS = {
    **{name: tuple(getattr(columns, name.upper())) for name in TABLES},
    "particles": tuple(PARTICLES),
    "outlines": OUTLINES,
}
"""What each table must have."""


def load_result(
    folder: PathLike, movie: Movie | PathLike | Sequence[PathLike] | None = None
) -> Result:
    """The result that `Result.save` wrote.

    Parameters
    ----------
    folder : path
        Of the run.
    movie : Movie or path or sequence of paths, optional
        Where the movie is now, or the movie itself; otherwise it is looked for where it was, and
        where it was as seen from the run folder. There it is opened only if it has the ending of
        a movie (or is a Zarr folder) and the hash that it had when it was analysed.

    Returns
    -------
    Result
        Its `movie` is None where that was not found or has changed; a note says so.
    """
    stored = stored_run(Path(folder).expanduser())
    found, said = movie_of_record(stored.folder, stored.record, stored.profile, movie)
    notes = (*stored.result.notes, said) if said else stored.result.notes
    known = (*warnings_among(notes), *(() if found is None else found.warnings))
    # What stood beside the movie is not read again, nor is a movie that is not there.
    left = (f"{WARNING}{one}" for one in stored.warnings if one not in known)
    return replace(stored.result, movie=found, notes=(*notes, *left))


@dataclass(frozen=True, eq=False)
class StoredRun:
    """What a run folder holds.

    Attributes
    ----------
    folder : Path
    record : mapping
    result : Result
        Without its movie, which nobody has looked for.
    warnings : tuple of str
        Of the movie and the analysis, as they were said.
    profile : array or None
        Of the beam.
    """

    folder: Path
    record: Mapping[str, Any]
    result: Result
    warnings: tuple[str, ...]
    profile: NDArray[np.float32] | None


def stored_run(folder: Path) -> StoredRun:
    """All that a run folder holds, wherever the movie is."""
    recover(folder)
    record = read_record(folder)
    with explained(folder / RECORD):
        regions = regions_of(record)
        facts = record["movie"]
        names = [str(facts["name"]), *(region.name for region in regions)]
        kinds = {str(name): dict(types) for name, types in record["tables"].items()}
        tables = tables_of(folder, kinds, names)
        _check_rows(tables, names[1:])
        settings = settings_of(record)
        notes = sentences(record["notes"])
        timings = {str(name): float(value) for name, value in record["timings_s"].items()}
        particles = _particles(record["particles"], tables.pop("particles"), tables.pop("outlines"))
        warnings = sentences(record["summary"]["warnings"])
        frames, image = int(facts["frames"]), (int(facts["height_px"]), int(facts["width_px"]))
    with explained(folder / WINDOW_TRACES):
        followed = (frames, int(tables["spots"]["window"].notna().sum()))
        shapes = {field.name: followed for field in fields(WindowTraces)}
        arrays = read_arrays(folder / WINDOW_TRACES, {**shapes, PROFILE: image})
        profile = arrays.pop(PROFILE, None)
        traces = WindowTraces(**arrays)
    if read_record(folder) != record:
        raise BeamwatchError(f"the run in {folder} was replaced while it was read: load it again")
    result = Result(
        movie=None,
        settings=settings,
        regions=regions,
        particles=particles,
        window_traces=traces,
        notes=notes,
        timings=timings,
        **tables,
    )
    return StoredRun(folder, record, result, warnings, profile)


def tables_of(
    folder: Path,
    kinds: Mapping[str, Mapping[str, str]],
    names: Sequence[str],
    wanted: Sequence[str] = tuple(COLUMNS),
) -> dict[str, pd.DataFrame]:
    """Tables of a run, in the columns of today whenever it was written.

    Parameters
    ----------
    folder : Path
    kinds : mapping
        Type of each column of each table, as the record has them.
    names : sequence of str
        Of the movie and of regions: words of others.
    wanted : sequence of str
        Tables that are asked for, that of onsets among them.
    """
    needed = {name: COLUMNS[name] for name in wanted}
    if is_older(kinds):
        return read_older(folder, kinds, names, needed)
    tables = {
        name: pd.DataFrame(columns=list(now))
        if without_table(name, kinds)
        else read_table(folder / f"{name}.csv", kinds[name], names, needed_of(kinds[name], now))
        for name, now in needed.items()
    }
    return {**tables, "onsets": with_columns(tables["onsets"], COLUMNS["onsets"])}


def _check_rows(tables: Mapping[str, pd.DataFrame], regions: Sequence[str]) -> None:
    """Refuse rows that are there twice, or of regions that the run has not."""
    if tables["onsets"]["region"].tolist() != [FIELD, *regions]:
        raise ValueError("onsets.csv has other rows than the field and the regions of the run")
    if tables["traces"].duplicated(["region", "spot", "frame"]).any():
        raise ValueError("traces.csv has two rows of one spot and frame")


def _particles(
    said: Mapping[str, Any] | None, table: pd.DataFrame, points: pd.DataFrame
) -> Particles | None:
    if said is None:
        return None
    keys = points[["particle", "bin"]].to_numpy(np.int64)
    corners = points[["y_px", "x_px"]].to_numpy(np.float64)
    cuts = np.flatnonzero((keys[1:] != keys[:-1]).any(axis=1)) + 1
    outlines = {
        (int(key[0, 0]), int(key[0, 1])): outline
        for key, outline in zip(np.split(keys, cuts), np.split(corners, cuts), strict=True)
        if len(key)
    }
    return Particles(table, bins_of(said), outlines, str(said["reason"]), sentences(said["notes"]))
