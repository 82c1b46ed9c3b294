"""One rate of false alarms for a movie, shared by everything that may call a change."""

from __future__ import annotations

from typing import Literal

Sign = Literal["lattice", "spacing", "particles", "rings"]

SHARES: dict[Sign, float] = {"lattice": 0.5, "spacing": 0.125, "particles": 0.25, "rings": 0.125}
"""Add up to 1: half is for the lattice, which has the most places to look at."""


def rate(false_alarm: float, sign: Sign, looks: int = 1) -> float:
    """Rate of false alarms of one of so many looks for a sign.

    Parameters
    ----------
    false_alarm : float
        Chance of any in the movie.
    sign : str
    looks : int
    """
    return false_alarm * SHARES[sign] / max(1, looks)
