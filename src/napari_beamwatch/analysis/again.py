"""Do an analysis again from the record of a run, and say whether the same comes out."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_beamwatch.analysis.progress import Progress
from napari_beamwatch.analysis.road import analyze
from napari_beamwatch.movies import Movie
from napari_beamwatch.results.comparing import Difference, first_difference
from napari_beamwatch.results.recorded import Recorded
from napari_beamwatch.results.result import Result
from napari_beamwatch.results.saving import write_tables

PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class Verification:
    """Whether a run comes out again.

    Attributes
    ----------
    identical : bool
        To the last digit that is written.
    difference : Difference or None
        The first column that differs in the first table that does.
    other_versions : tuple of str
        What another version of computed the run than is here, in words.
    """

    identical: bool
    difference: Difference | None
    other_versions: tuple[str, ...]


def rerun(
    run: PathLike,
    movie: Movie | PathLike | Sequence[PathLike] | None = None,
    *,
    progress: Progress | None = None,
    client: Any = None,
) -> Result:
    """Analyse a run's movie again as its record says.

    Parameters
    ----------
    run : path
        Its folder, of which only the record and the beam profile are read.
    movie : Movie or path or sequence of paths, optional
        Where the movie is now, or the movie itself; see `load_result`.
    progress : callable, optional
    client : distributed.Client, optional
        As of `analyze`.

    Returns
    -------
    Result
        Nothing is written: that is `Result.save`.
    """
    was = Recorded.read(Path(run).expanduser(), movie)
    return analyze(was.movie, was.settings, was.regions, progress, client)


def verify(
    run: PathLike,
    movie: Movie | PathLike | Sequence[PathLike] | None = None,
    *,
    progress: Progress | None = None,
    client: Any = None,
) -> Verification:
    """Analyse a run's movie again, and compare what is measured with the files of the run.

    Parameters are those of `rerun`. Tables are compared as text, the traces of windows bit by bit;
    what cannot be the same, times and a new name of the movie, is left out.
    """
    folder = Path(run).expanduser()
    return verified(folder, Recorded.read(folder, movie), progress=progress, client=client)


def verified(
    folder: Path, was: Recorded, *, progress: Progress | None = None, client: Any = None
) -> Verification:
    """The same of a record that was read already."""
    result = analyze(was.movie, was.settings, was.regions, progress, client)
    unequal = () if was.movie.name == was.name else ("movie",)
    with tempfile.TemporaryDirectory() as anew:
        write_tables(result, was.movie, Path(anew))
        found = first_difference(folder, Path(anew), unequal)
    return Verification(found is None, found, tuple(was.other_versions))
