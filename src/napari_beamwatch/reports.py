"""What is made of results, of campaigns and of their folders for others to look at: files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_beamwatch.campaign.loading import holds_summary, page_of
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.results.loading import load_result, stored_run
from napari_beamwatch.results.record import explained, record_of
from napari_beamwatch.results.report import Run, report, write_page
from napari_beamwatch.results.report.page import read_picture
from napari_beamwatch.results.result import Result
from napari_beamwatch.results.run_folder import PICTURE, RECORD, REPORT

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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


def write_strip(
    sources: Sequence[Result | str | os.PathLike[str]],
    path: str | os.PathLike[str],
    doses: Sequence[float] | None = None,
) -> Path:
    """Draw movies below each other at chosen doses, with their transforms, for print.

    Parameters
    ----------
    sources : sequence of Result or path
        Results with their movies, or folders of runs whose movies are where they were.
    path : path
        A .png, .svg or .pdf file.
    doses : sequence of float, optional
        e/Å² at which pictures are shown; left open, five from the start to the end of each movie.

    Returns
    -------
    Path
        Of the file.
    """
    from napari_beamwatch.results.figure.strip import strip  # matplotlib is slow to import
    from napari_beamwatch.results.figure.style import write_drawn

    target = Path(path).expanduser()

    def draw() -> Figure:
        results = [one if isinstance(one, Result) else load_result(one) for one in sources]
        return strip(results, doses)

    try:
        write_drawn(draw, target)
    except OSError as error:
        raise BeamwatchError(f"{target} cannot be written: {error.strerror or error}") from None
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
