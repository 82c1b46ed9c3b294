"""Load a run folder: the result as it was, with its movie where that is found again."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.movies.fingerprint import fingerprint
from napari_beamwatch.particles import Particles
from napari_beamwatch.results.record import (
    RECORD,
    bins_of,
    explained,
    read_record,
    regions_of,
    sentences,
    settings_of,
)
from napari_beamwatch.results.reopening import Recipe, differences, given_from_plain
from napari_beamwatch.results.result import Result
from napari_beamwatch.results.saving import PARTICLE_TABLES, TABLES, WINDOW_TRACES
from napari_beamwatch.results.table_files import read_table
from napari_beamwatch.spectra.tracking import WindowTraces

PathLike = str | os.PathLike[str]


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
        where it was as seen from the run folder.

    Returns
    -------
    Result
        Its `movie` is None where that was not found or has changed; a note says so.
    """
    folder = Path(folder).expanduser()
    record = read_record(folder)
    with explained(folder / RECORD):
        kinds = {name: dict(record["tables"][name]) for name in (*TABLES, *PARTICLE_TABLES)}
        tables = {name: read_table(folder / f"{name}.csv", kinds[name]) for name in kinds}
        settings, regions = settings_of(record), regions_of(record)
        notes = sentences(record["notes"])
        timings = {str(name): float(value) for name, value in record["timings_s"].items()}
        particles = _particles(record["particles"], tables.pop("particles"), tables.pop("outlines"))
        facts = record["movie"]
        recipe = Recipe.from_plain(facts, facts["files"])
        sentences(facts["warnings"])
    with explained(folder / WINDOW_TRACES):
        arrays = _arrays(folder / WINDOW_TRACES)
        profile = arrays.pop("beam_profile", None)
        traces = _window_traces(arrays, int(facts["frames"]), tables["spots"])
    with explained(folder / RECORD):
        given = given_from_plain(facts["given"], profile)
        if isinstance(movie, Movie):
            _check_same(movie, facts)
            found, said = movie, ""
        elif movie is not None:
            found, said = recipe.movie(_given_files(movie, facts), given), ""
            _check_same(found, facts)
        else:
            files, said = _files_now(folder, recipe, facts)
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


def _arrays(path: Path) -> dict[str, NDArray[np.float32]]:
    if not path.is_file():
        raise BeamwatchError(f"{path} is missing: the run is not complete")
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: np.asarray(file[name], np.float32) for name in file.files}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise BeamwatchError(f"{path} is damaged: {error}") from None


def _window_traces(
    arrays: Mapping[str, NDArray[np.float32]], frames: int, spots: pd.DataFrame
) -> WindowTraces:
    shape = (frames, int(spots["window"].notna().sum()))
    named = {field.name: arrays[field.name] for field in fields(WindowTraces)}
    for name, array in named.items():
        if array.shape != shape:
            raise ValueError(f"{name} is of shape {array.shape}, not {shape}")
    return WindowTraces(**named)


def _check_same(movie: Movie, facts: Mapping[str, Any]) -> None:
    other = differences(movie, facts)
    if other:
        raise BeamwatchError(f"{movie.name} is not the movie of this run: {other}")


def _given_files(movie: PathLike | Sequence[PathLike], facts: Mapping[str, Any]) -> list[Path]:
    """Files the user says are the movie."""
    several = [movie] if isinstance(movie, str | os.PathLike) else list(movie)
    files = [Path(file).expanduser().absolute() for file in several]
    if len(files) == 1 and len(facts["files"]) > 1 and files[0].is_dir():
        files = [files[0] / Path(file).name for file in facts["files"]]
    missing = [file for file in files if not _readable(file)]
    if missing or not files:
        raise BeamwatchError(f"there is no file or folder {missing[0] if missing else ''}".rstrip())
    without = _needs_gain(facts)
    if without:
        raise BeamwatchError(without)
    if fingerprint(files) != facts["hash"]:
        raise BeamwatchError(f"{files[0]} is not the movie of this run: its content is another")
    return files


def _files_now(folder: Path, recipe: Recipe, facts: Mapping[str, Any]) -> tuple[list[Path], str]:
    """Files of the movie as they lie today, or why not."""
    if not recipe.files:
        return [], (
            "the movie was analysed from memory and is not part of the run: give it with "
            "load_result(folder, movie=movie)"
        )
    without = _needs_gain(facts)
    if without:
        return [], without
    changed = False
    from_here = [folder / str(file) for file in facts["files_from_here"] if file is not None]
    for files in (list(recipe.files), from_here):
        if len(files) == len(recipe.files) and all(map(_readable, files)):
            if fingerprint(files) == facts["hash"]:
                return files, ""
            changed = True
    if changed:
        return [], (
            f"{recipe.files[0]} has changed since it was analysed: the movie is not shown with "
            "this run"
        )
    return [], (
        f"the movie is not at {recipe.files[0]} any more: give it with "
        "load_result(folder, movie=path)"
    )


def _readable(path: Path) -> bool:
    """Whether it is a file or a folder: reading a device or a pipe might never end."""
    return path.is_file() or path.is_dir()


def _needs_gain(facts: Mapping[str, Any]) -> str:
    """Why the gain reference that corrected the movie is not at hand; empty if it is."""
    if not facts["gain"]:
        return ""
    said = (
        f"the movie {facts['source']} was corrected by a gain reference ({facts['gain']}), which "
    )
    file = facts["gain_file"]
    if file is None:
        said += "the run does not hold"
    elif not Path(file).is_file():
        said += f"is not at {file} any more"
    elif fingerprint([Path(file)]) != facts["gain_hash"]:
        said += f"has changed since: {file}"
    else:
        return ""
    return said + ": give it with load_result(folder, movie=open_movie(path, gain=…))"


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
