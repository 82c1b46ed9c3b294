"""What is said of a movie that is being written, after every frame."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

Status = Literal["waiting", "holding", "falling", "ambiguous", "stop", "finished", "failed"]

CALLS: tuple[Status, ...] = ("ambiguous", "stop")
"""A loss that lasts, and one that is damage: what somebody is called for."""


@dataclass(frozen=True)
class Onset:
    """When damage began, with its 95 % interval.

    Attributes
    ----------
    dose, low, high : float
        e/Å², pre-exposure included; frames where doses are unknown.
    analysed : bool
        By the analysis of all that was recorded, not by the alarm alone.
    """

    dose: float
    low: float
    high: float
    analysed: bool


@dataclass(frozen=True)
class WatchState:
    """A movie after a frame.

    Attributes
    ----------
    path : Path
    status : str
        ``waiting`` for the file, for beam or for spots; ``holding``; ``falling``, a loss that has
        not lasted yet; ``ambiguous``, one that lasts, but that something else than damage explains
        as well, or that is being analysed; ``stop``, one that the analysis of what was recorded
        so far takes for damage; ``finished``, with the analysis of all of it; ``failed``.
    frame : int
        Number of the newest frame, from 0; −1 before there is one.
    dose : float or None
        e/Å² at its end, pre-exposure included.
    left : float or None
        Part of the lattice that is left, where most was lost.
    onset : Onset or None
    why : str
        What the analysis of what was recorded said of a loss that lasts; empty before there is one.
    words : str
        All of it for a person, on one line.
    run : Path or None
        Folder of the run, once it is finished.
    note : str
        What is odd about the newest frame, where it was not said before; it stands in `words`, too.
    """

    path: Path
    status: Status
    frame: int = -1
    dose: float | None = None
    left: float | None = None
    onset: Onset | None = None
    why: str = ""
    words: str = ""
    run: Path | None = None
    note: str = ""

    def calls(self, before: WatchState | None) -> bool:
        """Whether somebody is called: a loss lasts that did not, or is damage now."""
        was = -1 if before is None or before.status not in CALLS else CALLS.index(before.status)
        return self.status in CALLS and CALLS.index(self.status) > was

    def to_plain(self) -> dict[str, Any]:
        """As JSON can hold it."""
        plain = asdict(self)
        return {**plain, "path": str(self.path), "run": None if self.run is None else str(self.run)}
