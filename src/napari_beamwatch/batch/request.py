"""What is asked of every movie of a batch, and how one is analysed: opened, compared, saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from napari_beamwatch.analysis import Step, analyze, said_before
from napari_beamwatch.analysis.before import differs
from napari_beamwatch.analysis.effort import Effort
from napari_beamwatch.analysis.road import chosen_grid
from napari_beamwatch.batch.outcome import SAVING, SKIPPED, MovieOutcome
from napari_beamwatch.batch.tasks import Task
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.log import why_failed
from napari_beamwatch.movies import Movie, open_movie
from napari_beamwatch.regions import Region
from napari_beamwatch.results.record import explained, read_record
from napari_beamwatch.results.run_folder import (
    RECORD,
    check_free,
    holds_run,
    recover,
    strangers,
)
from napari_beamwatch.settings import Settings


class Hearer(Protocol):
    """Whoever is told of one movie while it is analysed."""

    def step(self, step: Step) -> None:
        """How far it is."""
        ...

    def say(self, words: str) -> None:
        """What is to be known before the work."""
        ...

    def admit(self, memory: float) -> None:
        """Comes back when so many bytes may be taken."""
        ...


@dataclass(frozen=True, eq=False)
class Request:
    """What is asked of every movie.

    Attributes
    ----------
    settings : Settings
    regions : tuple of Region
    opening : mapping
        Keywords of `open_movie`.
    force : bool
        Replace runs that are not the same.
    told : set of str
        Warnings that are told of all movies, once: of each they are only noted.
    """

    settings: Settings = field(default_factory=Settings)
    regions: tuple[Region, ...] = ()
    opening: Mapping[str, Any] = field(default_factory=dict)
    force: bool = False
    told: frozenset[str] = frozenset()

    def carry_out(self, task: Task, hearer: Hearer, client: Any = None) -> MovieOutcome:
        """Analyse a movie and save its run; whatever is wrong with it is an outcome too."""
        try:
            return self._analysed(task, hearer, client)
        except Exception as error:  # whatever it is, it must not end the others
            words = why_failed(task.source, error)
        return MovieOutcome(task.name, task.source, task.folder, "failed", words, {})

    def _analysed(self, task: Task, hearer: Hearer, client: Any) -> MovieOutcome:
        hearer.step(Step(0, 0, "opening"))
        recover(task.folder)
        there = holds_run(task.folder)
        if not there:
            check_free(task.folder, force=self.force)  # before the work, not after it
        movie = self._noted(open_movie(task.source, **self.opening))
        if there:
            other = differs(task.folder, movie, self.settings, self.regions)
            if not other:
                return _outcome(task, "skipped")
            if not self.force:
                raise BeamwatchError(
                    f"{task.folder} holds a run already, {other}: --force (force=True) replaces it"
                )
            check_free(task.folder, force=True)
        for said in said_before(movie, self.settings, self.regions):
            hearer.say(f"{movie.name}: {said}")
        hearer.admit(_memory(movie, self.settings, len(self.regions)))
        result = analyze(movie, self.settings, self.regions, hearer.step, client)
        beside = strangers(task.folder)
        hearer.step(Step(1, 1, SAVING))
        result.save(task.folder, force=self.force)
        return replace(_outcome(task, "done"), beside=tuple(beside))

    def _noted(self, movie: Movie) -> Movie:
        """The movie without warnings of what is told of all."""
        recording = movie.recording
        told = [one for one in recording.warnings if one in self.told]
        left = tuple(one for one in recording.warnings if one not in self.told)
        notes = (*recording.notes, *told)
        return replace(movie, recording=replace(recording, warnings=left, notes=notes))


def _outcome(task: Task, status: Literal["done", "skipped"]) -> MovieOutcome:
    """Of a run that is in its folder, as its record tells it."""
    record = read_record(task.folder)
    with explained(task.folder / RECORD):
        summary: dict[str, Any] = dict(record["summary"])
        words = SKIPPED if status == "skipped" else str(summary["answer"])
    return MovieOutcome(task.name, task.source, task.folder, status, words, summary)


def _memory(movie: Movie, settings: Settings, regions: int) -> float:
    """Bytes that an analysis takes at most."""
    if settings.camera_constant is not None:  # a pattern has no windows
        pixels = movie.shape[1] * movie.shape[2]
        return Effort(int(movie.lit.sum()), pixels, 0, 0, 0, regions).memory
    return Effort.of(movie, settings, chosen_grid(movie, settings), regions).memory
