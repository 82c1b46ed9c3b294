"""What is told while an analysis runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True, eq=False)
class Step:
    """How far an analysis is.

    Attributes
    ----------
    done, total : int
        Frames looked at, and those in all: each comes in several passes.
    doing : str
        What is being done, in a word or two.
    partial : callable, optional
        Gives the table of traces of the field as far as it is known; empty values beyond.
    """

    done: int
    total: int
    doing: str
    partial: Callable[[], pd.DataFrame] | None = None


Progress = Callable[[Step], object]
"""Told of every frame and in between, several times a second; what it raises stops the analysis."""

OFTEN = 0.05
"""Seconds between calls while nothing is done that counts."""
