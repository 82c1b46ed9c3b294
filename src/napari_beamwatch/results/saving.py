"""Save a result as a run folder: written aside, moved in when it is whole."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.particles import COLUMNS as PARTICLES
from napari_beamwatch.particles import Particles
from napari_beamwatch.results.findings import Findings
from napari_beamwatch.results.record import RECORD, record_of, write_record
from napari_beamwatch.results.table_files import write_table

TABLES = (
    "onsets", "windows", "spots", "traces", "events", "crystals", "courses", "phases",
    "field", "rings", "drift",
)  # fmt: skip
"""Of a result, each a CSV file of its name."""

PARTICLE_TABLES = ("particles", "outlines")
WINDOW_TRACES = "window_traces.npz"
FIGURES = ("figure.png", "figure.svg")

FILES = (
    *(f"{name}.csv" for name in (*TABLES, *PARTICLE_TABLES)),
    WINDOW_TRACES,
    *FIGURES,
    RECORD,
)
"""Everything that belongs to a run, the record last: a folder holds a run when that is there."""


def save_result(result: Findings, folder: str | os.PathLike[str], *, force: bool = False) -> Path:
    """Write a result as a run folder.

    Parameters
    ----------
    result : Findings
    folder : path
        Made with its parents where it is not there.
    force : bool
        Replace the run that is there, once the new one is written; other files stay.

    Returns
    -------
    Path
        The folder.
    """
    movie = result.movie
    if movie is None:
        raise BeamwatchError(
            "the movie of this result was not found, and a run is not saved without what is known "
            "of its movie: give it with load_result(folder, movie=path)"
        )
    target = Path(folder).expanduser()
    check_free(target, force=force)
    with _aside(target) as new:
        kinds = {name: write_table(getattr(result, name), new / f"{name}.csv") for name in TABLES}
        for name, table in _particle_tables(result.particles).items():
            kinds[name] = write_table(table, new / f"{name}.csv")
        arrays = {
            f.name: getattr(result.window_traces, f.name) for f in fields(result.window_traces)
        }
        if movie.given.beam_profile is not None:
            arrays["beam_profile"] = movie.given.beam_profile
        np.savez(new / WINDOW_TRACES, **arrays)
        _draw(result, movie, new)
        write_record(record_of(result, movie, target, kinds), new / RECORD)
        _move_in(new, target)
    return target


def holds_run(folder: Path) -> bool:
    """Whether there is a run in a folder."""
    return (folder / RECORD).is_file()


def check_free(folder: Path, *, force: bool) -> None:
    """Refuse a folder in which something would be lost."""
    if folder.exists() and not folder.is_dir():
        raise BeamwatchError(f"{folder} is a file; a run needs a folder")
    if force:
        return
    if holds_run(folder):
        raise BeamwatchError(f"{folder} holds a run already: --force (force=True) replaces it")
    there = [name for name in FILES if (folder / name).exists()]
    if there:
        raise BeamwatchError(
            f"{folder} has {', '.join(there)} already, of no whole run: --force (force=True) "
            "replaces them"
        )


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
    table = pd.DataFrame(points, columns=["particle", "bin", "y_px", "x_px"])
    return {"particles": shapes, "outlines": table.astype({"particle": "int64", "bin": "int64"})}


@contextmanager
def _aside(target: Path) -> Iterator[Path]:
    """A folder on the same disk to write in; gone afterwards."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        where = target if target.is_dir() else target.parent
        work = Path(tempfile.mkdtemp(prefix=".beamwatch-", dir=where))
    except OSError as error:
        raise BeamwatchError(f"nothing can be written to {target}: {error.strerror}") from None
    try:
        new = work / "new"
        new.mkdir()  # with the rights a folder usually has; those of `work` are its owner's only
        yield new
    except OSError as error:
        raise BeamwatchError(f"the run could not be written to {target}: {error}") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _move_in(new: Path, target: Path) -> None:
    """Put a whole run where it belongs; the old one goes only when the new one is there."""
    if not target.exists():
        new.rename(target)
        return
    old = new.parent / "old"
    old.mkdir()
    moved: list[tuple[Path, Path]] = []
    try:
        # The record first out and last in: no moment shows a run that is half another.
        for name in reversed(FILES):
            if (target / name).exists():
                moved.append((target / name, old / name))
                (target / name).replace(old / name)
        for name in FILES:
            if (new / name).exists():
                moved.append((new / name, target / name))
                (new / name).replace(target / name)
    except BaseException:
        for source, place in reversed(moved):
            if place.exists() and not source.exists():
                place.replace(source)
        raise
