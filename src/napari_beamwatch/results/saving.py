"""Save a result as a run folder."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.particles import COLUMNS as PARTICLES
from napari_beamwatch.particles import Particles
from napari_beamwatch.results.findings import Findings
from napari_beamwatch.results.record import record_of, write_record
from napari_beamwatch.results.report import Run, report, write_page
from napari_beamwatch.results.run_folder import (
    FIGURES,
    OUTLINES,
    PICTURE,
    PROFILE,
    RECORD,
    REPORT,
    TABLES,
    WINDOW_TRACES,
    new_run,
)
from napari_beamwatch.results.table_files import write_table


def save_result(result: Findings, folder: str | os.PathLike[str], *, force: bool = False) -> Path:
    """Write a result as a run folder.

    Parameters
    ----------
    result : Findings
    folder : path
        Made with its parents where it is not there.
    force : bool
        Replace the run that is there, once the new one is written, and write beside other files,
        which stay.

    Returns
    -------
    Path
        The folder.
    """
    if not os.fspath(folder):
        raise BeamwatchError("a run needs the name of a folder; . is the current one")
    movie = result.movie
    if movie is None:
        raise BeamwatchError(
            "the movie of this result was not found, and a run is not saved without what is known "
            "of its movie: give it with load_result(folder, movie=path)"
        )
    target = Path(folder).expanduser()
    with new_run(target, force=force) as new:
        kinds = write_tables(result, movie, new)
        _draw(result, movie, new)
        record = record_of(result, movie, target, kinds)
        picture = (new / PICTURE).read_bytes()
        write_page(new / REPORT, report(Run(result, record, picture)))
        movie.recording.files.check()  # or the figure shows another movie
        write_record(record, new / RECORD)
    return target


def write_tables(result: Findings, movie: Movie, folder: Path) -> dict[str, dict[str, str]]:
    """Write all that was measured, without a record: no run yet.

    Returns
    -------
    dict
        Types of the columns of each table.
    """
    tables = {name: getattr(result, name) for name in TABLES} | _particle_tables(result.particles)
    kinds = {name: write_table(table, folder / f"{name}.csv") for name, table in tables.items()}
    arrays = {f.name: getattr(result.window_traces, f.name) for f in fields(result.window_traces)}
    if movie.given.beam_profile is not None:
        arrays[PROFILE] = movie.given.beam_profile
    np.savez(folder / WINDOW_TRACES, **arrays)
    return kinds


def _draw(result: Findings, movie: Movie, folder: Path) -> None:
    from napari_beamwatch.results.figure import write_figure  # matplotlib is slow to import

    write_figure(result, movie, *(folder / name for name in FIGURES))


def _particle_tables(particles: Particles | None) -> dict[str, pd.DataFrame]:
    if particles is None:
        shapes, outlines = pd.DataFrame(columns=list(PARTICLES)), {}
    else:
        shapes, outlines = particles.table, dict(particles.outlines)
    parts = [
        np.column_stack([np.full((len(points), 2), key), np.asarray(points, np.float64)])
        for key, points in outlines.items()
    ]
    points = np.concatenate([np.empty((0, 4)), *parts])
    table = pd.DataFrame(points, columns=list(OUTLINES))
    return {"particles": shapes, "outlines": table.astype({"particle": "int64", "bin": "int64"})}
