"""Load a run folder: the result as it was, with its movie where that is found again."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_beamwatch import columns
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.particles import COLUMNS as PARTICLES
from napari_beamwatch.particles import Particles
from napari_beamwatch.regions import FIELD
from napari_beamwatch.results.movie_files import files_given, files_now
from napari_beamwatch.results.older import is_older, needed_of, read_older, with_columns
from napari_beamwatch.results.record import (
    bins_of,
    explained,
    read_record,
    regions_of,
    sentences,
    settings_of,
)
from napari_beamwatch.results.reopening import Recipe, differences, given_from_plain
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

FLOAT_BYTES = 4
LONGEST_HEADER = 2**16


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
    folder = Path(folder).expanduser()
    recover(folder)
    record = read_record(folder)
    with explained(folder / RECORD):
        regions = regions_of(record)
        facts = record["movie"]
        names = [str(facts["name"]), *(region.name for region in regions)]
        kinds = {str(name): dict(types) for name, types in record["tables"].items()}
        if is_older(kinds):
            tables = read_older(folder, kinds, names, COLUMNS)
        else:
            tables = {
                name: read_table(
                    folder / f"{name}.csv", kinds[name], names, needed_of(kinds[name], needed)
                )
                for name, needed in COLUMNS.items()
            }
            tables["onsets"] = with_columns(tables["onsets"], COLUMNS["onsets"])
        _check_rows(tables, names[1:])
        settings = settings_of(record)
        notes = sentences(record["notes"])
        timings = {str(name): float(value) for name, value in record["timings_s"].items()}
        particles = _particles(record["particles"], tables.pop("particles"), tables.pop("outlines"))
        recipe = Recipe.from_plain(facts, facts["files"])
        sentences(facts["warnings"])
        frames, image = int(facts["frames"]), (int(facts["height_px"]), int(facts["width_px"]))
    with explained(folder / WINDOW_TRACES):
        followed = (frames, int(tables["spots"]["window"].notna().sum()))
        shapes = {field.name: followed for field in fields(WindowTraces)}
        arrays = _arrays(folder / WINDOW_TRACES, {**shapes, PROFILE: image})
        profile = arrays.pop(PROFILE, None)
        traces = WindowTraces(**arrays)
    if read_record(folder) != record:
        raise BeamwatchError(f"the run in {folder} was replaced while it was read: load it again")
    with explained(folder / RECORD):
        given = given_from_plain(facts["given"], profile)
        if isinstance(movie, Movie):
            _check_same(movie, facts)
            found, said = movie, ""
        elif movie is not None:
            found, said = recipe.movie(files_given(movie, facts), given), ""
            _check_same(found, facts)
        else:
            files, said = files_now(folder, recipe, facts)
            found = None
            if not said:
                found, said = _reopened(recipe, files, given, facts)
        if said:
            notes = (*notes, said, *sentences(facts["warnings"]))
    return Result(
        movie=found,
        settings=settings,
        regions=regions,
        particles=particles,
        window_traces=traces,
        notes=notes,
        timings=timings,
        **tables,
    )


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


def _arrays(path: Path, shapes: Mapping[str, tuple[int, int]]) -> dict[str, NDArray[np.float32]]:
    """Arrays by name, once the file says that they are as large as they must be."""
    if not path.is_file():
        raise BeamwatchError(f"{path} is missing: the run is not complete")
    try:
        with zipfile.ZipFile(path) as packed:
            for member in packed.infolist():
                height, width = shapes[member.filename.removesuffix(".npy")]
                if member.file_size > height * width * FLOAT_BYTES + LONGEST_HEADER:
                    raise ValueError(f"{member.filename} holds {member.file_size} bytes")
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: np.asarray(file[name], np.float32) for name in file.files}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, TokenError) as error:
        raise BeamwatchError(f"{path} is damaged: {error}") from None
    for name, array in arrays.items():
        if array.shape != shapes[name]:
            raise ValueError(f"{name} is of shape {array.shape}, not {shapes[name]}")
    return arrays


def _check_same(movie: Movie, facts: Mapping[str, Any]) -> None:
    other = differences(movie, facts)
    if other:
        raise BeamwatchError(f"{movie.name} is not the movie of this run: {other}")


def _reopened(
    recipe: Recipe, files: Sequence[Path], given: Any, facts: Mapping[str, Any]
) -> tuple[Movie | None, str]:
    try:
        movie = recipe.movie(files, given)
    except BeamwatchError as error:
        return None, f"the movie could not be opened again: {error}"
    other = differences(movie, facts)
    if other:
        return None, f"the movie {files[0]} cannot be opened as it was analysed: {other}"
    return movie, ""
