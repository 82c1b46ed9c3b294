"""What is told of a batch: how each movie ended, and how far the others are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

SAVING = "saving"
SKIPPED = "done before, same settings: skipped"


@dataclass(frozen=True)
class MovieOutcome:
    """How a movie of a batch ended.

    Attributes
    ----------
    name, source : str
        What it is called, and its file as it was named.
    run : Path
        Folder of its run, which is there unless it failed.
    status : {"done", "skipped", "failed"}
        Skipped is what a run was there of, made with the same words.
    words : str
        The answer, or why there is none.
    summary : mapping
        `Result.summary`; empty if it failed.
    beside : tuple of str
        Names of files of others that lie beside the run.
    """

    name: str
    source: str
    run: Path
    status: Literal["done", "skipped", "failed"]
    words: str
    summary: Mapping[str, Any]
    beside: tuple[str, ...] = ()

    def to_plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "movie": self.name,
            "source": self.source,
            "run": str(self.run),
            "status": self.status,
            "words": self.words,
            "summary": dict(self.summary) or None,
        }


@dataclass(frozen=True)
class AtWork:
    """A movie that is being analysed.

    Attributes
    ----------
    name : str
    doing : str
        What is being done, in a word or two.
    done, total : int
        Frames read, and those that will be: each is read in several passes.
    """

    name: str
    doing: str
    done: int = 0
    total: int = 0

    @property
    def part(self) -> float:
        """How much of it is done, from 0 to 1."""
        return min(self.done / self.total, 1.0) if self.total else 0.0


@dataclass(frozen=True)
class BatchStep:
    """How far a batch is.

    Attributes
    ----------
    total : int
        Movies.
    settled : tuple of MovieOutcome
        Those that ended, in the order in which they did.
    at_work : tuple of AtWork
    said : tuple of str
        What was to be known before an analysis began, a sentence each.
    left : float or None
        Seconds until all is done, about; None while nobody can tell.
    """

    total: int
    settled: tuple[MovieOutcome, ...]
    at_work: tuple[AtWork, ...]
    said: tuple[str, ...]
    left: float | None


BatchProgress = Callable[[BatchStep], object]
"""Told several times a second; what it raises ends the batch, and what is finished stays."""
