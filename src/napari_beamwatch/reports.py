"""Write the report of a result or a campaign, or of a folder of either, as a file."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from napari_beamwatch.campaign.loading import holds_summary, page_of
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.results.loading import stored_run
from napari_beamwatch.results.record import explained, record_of
from napari_beamwatch.results.report import Run, report, write_page
from napari_beamwatch.results.report.page import read_picture
from napari_beamwatch.results.result import Result
from napari_beamwatch.results.run_folder import PICTURE, RECORD, REPORT


def write_report(
    source: Result | str | os.PathLike[str], path: str | os.PathLike[str] | None = None
) -> Path:
    """Write a page about a run or a campaign that needs no network, no script and no other file.

    Parameters
    ----------
    source : Result or path
        A result with its movie, or the folder of a run, whose movie is not needed, or of a summary.
    path : path, optional
        An ``.html`` file, with its parents; another report there is replaced, nothing else. Of a
        folder, left out, ``report.html`` in it.

    Returns
    -------
    Path
        Of the file.
    """
    if path is None and isinstance(source, Result):
        raise BeamwatchError("the report of a result needs a file: write_report(result, path)")
    target = Path(source) / REPORT if path is None else Path(path)  # type: ignore[arg-type]
    target = target.expanduser()
    said = _of_result(source, target) if isinstance(source, Result) else _of_folder(Path(source))
    write_page(target, said)
    return target


def _of_result(result: Result, target: Path) -> str:
    from napari_beamwatch.results.figure import write_figure  # matplotlib is slow to import

    if result.movie is None:
        raise BeamwatchError(
            "the movie of this result was not found: give its run folder, "
            "write_report(folder, path), or load it with load_result(folder, movie=path)"
        )
    with tempfile.TemporaryDirectory() as folder:
        drawn = Path(folder) / PICTURE
        write_figure(result, result.movie, drawn)
        picture = drawn.read_bytes()
    return report(Run(result, record_of(result, result.movie, target.parent, {}), picture))


def _of_folder(folder: Path) -> str:
    folder = folder.expanduser()
    if holds_summary(folder):
        return page_of(folder)
    stored = stored_run(folder)
    picture = read_picture(stored.folder / PICTURE)
    with explained(stored.folder / RECORD):
        return report(Run(stored.result, stored.record, picture))
