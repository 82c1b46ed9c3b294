"""`analyze_many`: a batch of movies, each with a run of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from napari_beamwatch.analysis import Step
from napari_beamwatch.analysis.effort import free_memory
from napari_beamwatch.batch.ledger import Ledger
from napari_beamwatch.batch.outcome import BatchProgress, MovieOutcome
from napari_beamwatch.batch.request import Request
from napari_beamwatch.batch.scheduler import connected
from napari_beamwatch.batch.tasks import PathLike, Task, tasks_of
from napari_beamwatch.batch.workers import PROCESS, work_through
from napari_beamwatch.compiling import told_of_compiling
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.sidecars.finding import campaigns_beside
from napari_beamwatch.movies.sidecars.own import slips_of, unused_columns
from napari_beamwatch.quantities import whole
from napari_beamwatch.regions import Region
from napari_beamwatch.results.run_folder import holds_run
from napari_beamwatch.settings import Settings
from napari_beamwatch.threads import processor_count

MOST_JOBS = 1024


def analyze_many(
    movies: Sequence[PathLike],
    out: PathLike,
    settings: Settings | None = None,
    regions: Sequence[Region] = (),
    *,
    table: PathLike | None = None,
    jobs: int | None = 1,
    scheduler: str | None = None,
    force: bool = False,
    progress: BatchProgress | None = None,
    **opening: Any,
) -> tuple[MovieOutcome, ...]:
    """Analyse many movies and save the run of each; what is done already is skipped.

    Parameters
    ----------
    movies : sequence of path
    out : path
        Of the runs: a folder in it for each movie, called as the movie is. The run of a single
        movie, without a table, is written to `out` itself.
    settings : Settings, optional
    regions : sequence of Region
        Reported beside the whole field, of each movie.
    table : path, optional
        A table as ``conditions.csv``, a row a movie: those are analysed, too.
    jobs : int or None
        Movies side by side, each in a process of its own; None for as many as this computer has
        processors and memory for. What comes out is the same. With more than one, scripts need
        the guard ``if __name__ == "__main__":``.
    scheduler : str, optional
        Address of a dask cluster that does the work on frames.
    force : bool
        Replace runs of other movies or with other words that are there.
    progress : callable, optional
        Told of a `BatchStep` several times a second; what it raises ends the batch.
    **opening
        As `open_movie` takes it, for all movies: ``pixel_size``, ``frame_dose``, ….

    Returns
    -------
    tuple of MovieOutcome
        One for each movie, those that failed too, in the order of the files and then of the table.

    Raises
    ------
    BeamwatchError
        If nothing can be begun: the table is none, two movies would be written to one folder, or
        no scheduler answers.
    """
    where = None if table is None else Path(table).expanduser()
    tasks = tasks_of(movies, Path(out).expanduser(), where)
    if jobs is None:
        jobs = fitting_jobs(sum(force or not holds_run(task.folder) for task in tasks))
    jobs = min(whole(jobs, "the number of movies side by side", 1, MOST_JOBS), len(tasks))
    said = {**opening, "table": where}
    unused, slips = _not_understood(tasks, where, beside=opening.get("sidecars", True))
    request = Request(settings or Settings(), tuple(regions), said, force, slips)
    ledger = Ledger(tasks, progress)
    for words in unused:
        ledger.say(words)
    if jobs == 1:
        _one_by_one(tasks, request, ledger, scheduler)
    else:
        work_through(tasks, request, ledger, jobs, scheduler)
    return ledger.outcomes


def fitting_jobs(movies: int) -> int:
    """Movies that are analysed side by side where nobody says how many, of so many to do.

    A process a processor: of a small movie most is done by one thread, judging and drawing.
    """
    memory = free_memory() / (2 * PROCESS)
    return int(max(1, min(movies, processor_count(), memory)))


def _not_understood(
    tasks: Sequence[Task], table: Path | None, *, beside: bool
) -> tuple[list[str], frozenset[str]]:
    """What tables of these movies say to nobody, and what each movie would warn of for that."""
    tables = [] if table is None else [table]
    if beside and len(tasks) > 1:  # of a single movie its own warning tells
        tables += campaigns_beside((Path(task.source).expanduser() for task in tasks), table)
    unused, slips = [], set()
    for path in tables:
        try:
            unused.append(unused_columns(path))
            slips |= set(slips_of(path))
        except BeamwatchError:
            continue  # every movie fails for it, and says why
    return list(dict.fromkeys(filter(None, unused))), frozenset(slips)


class _StoppedError(BaseException):
    """What the progress of a batch raised: of no movie, and so no outcome of one."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


@contextmanager
def _stopping() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise _StoppedError(error) from None


class _Here:
    """Hears of a movie that this process analyses."""

    def __init__(self, ledger: Ledger, index: int) -> None:
        self._ledger, self._index = ledger, index

    def step(self, step: Step) -> None:
        with _stopping():
            self._ledger.step(self._index, step)

    def say(self, words: str) -> None:
        with _stopping():
            self._ledger.say(words)

    def compiling(self, now: bool) -> None:
        with _stopping():
            self._ledger.compiling(self._index, now)

    def admit(self, memory: float) -> None:
        """Nothing else is at work."""


def _one_by_one(
    tasks: Sequence[Task], request: Request, ledger: Ledger, scheduler: str | None
) -> None:
    with connected(scheduler) as client:
        for index, task in enumerate(tasks):
            hearer = _Here(ledger, index)
            try:
                with told_of_compiling(hearer.compiling):
                    outcome = request.carry_out(task, hearer, client)
            except _StoppedError as stopped:
                raise stopped.error from None
            ledger.end(index, outcome)
