"""Whether half of a lattice of many places changed, where no dose tells."""

from __future__ import annotations

import math

NEAR = 10.0
"""Percent from half within which the areas of places, told from windows, do not say which of both:
nine tenths of grains were told 0.67 to 1.24 times their part."""


def half_changed(changed: float, median: float | None, high: float | None) -> str:
    """What is to be added to "so many percent of the lattice changed by the end".

    Parameters
    ----------
    changed : float
        Percent.
    median, high : float or None
        The dose by which half had changed, and the upper end of its interval, if one is known: then
        that says it. It may be where less is known to have changed, for what cannot be told counts
        as long as it held.
    """
    if _known(high):
        return ""
    if abs(changed - 50) <= NEAR:
        return ", so half of it may or may not have"
    return ", less than half of it" if changed < 50 and not _known(median) else ""


def _known(dose: float | None) -> bool:
    return dose is not None and math.isfinite(dose)
