"""``beamwatch rerun`` and ``beamwatch verify``: a run once more, from its record."""

from __future__ import annotations

import sys
from pathlib import Path

from napari_beamwatch.analysis import analyze
from napari_beamwatch.analysis.again import verified
from napari_beamwatch.batch.scheduler import connected
from napari_beamwatch.cli.ending import in_order
from napari_beamwatch.cli.progress import progress_line
from napari_beamwatch.cli.words import print_answer
from napari_beamwatch.harmless import printable
from napari_beamwatch.results.recorded import Recorded
from napari_beamwatch.results.run_folder import check_free


def rerun(
    run: str, out: str | None, movie: str | None, scheduler: str | None, *, force: bool
) -> None:
    """Analyse a run's movie again and write the new run.

    Parameters
    ----------
    run : str
        Its folder.
    out : str or None
        Folder of the new one; None for the same, which needs `force`.
    movie : str or None
        Where the movie is now.
    scheduler : str or None
        Address of a dask cluster that does the work.
    force : bool
        Replace the run that is there.
    """
    was = Recorded.read(Path(run).expanduser(), movie)
    folder = Path(run if out is None else out).expanduser()
    check_free(folder, force=force)
    _tell_versions(was)
    with in_order(), progress_line(was.movie.name) as progress, connected(scheduler) as client:
        result = analyze(was.movie, was.settings, was.regions, progress, client)
    result.save(folder, force=force)
    print_answer(result.summary)
    print(printable(f"  written to {folder}"))


def verify(run: str, movie: str | None, scheduler: str | None) -> bool:
    """Say whether a run comes out again, to the last digit.

    Parameters
    ----------
    run : str
        Its folder.
    movie : str or None
        Where the movie is now.
    scheduler : str or None
        Address of a dask cluster that does the work.
    """
    folder = Path(run).expanduser()
    was = Recorded.read(folder, movie)
    _tell_versions(was)
    with in_order(), progress_line(was.movie.name) as progress, connected(scheduler) as client:
        found = verified(folder, was, progress=progress, client=client)
    print(printable("identical" if found.identical else f"different: {found.difference}"))
    return found.identical


def _tell_versions(was: Recorded) -> None:
    """Say first what is another version here: that may be why something differs."""
    for said in was.other_versions:
        print(printable(f"other version: {said}"))
    sys.stdout.flush()  # before the work
