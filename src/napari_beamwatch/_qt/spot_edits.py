"""What adding and removing spots by hand does to the settings, and which spots it is about."""

from __future__ import annotations

import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

import pandas as pd

from napari_beamwatch.analysis.road import chosen_grid
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.settings import Settings
from napari_beamwatch.spectra.finding import SNAP

Frequency = tuple[float, float]
"""gy, gx in cycles per pixel."""


def reach(movie: Movie | None, settings: Settings) -> float:
    """How near, in cycles per pixel, a search takes a spot for one that is added or removed."""
    if movie is not None:
        # Of windows that do not fit there are no spots.
        with suppress(BeamwatchError):
            return SNAP / chosen_grid(movie, settings).window
    return 0.0


def with_spot(settings: Settings, wanted: Frequency, within: float) -> Settings:
    """Settings that expect a spot, or that no longer remove it."""
    removed = _away(settings.removed_spots, wanted, within)
    if removed != settings.removed_spots:
        return replace(settings, removed_spots=removed)
    if _away(settings.added_spots, wanted, within) != settings.added_spots:
        return settings
    return replace(settings, added_spots=(*settings.added_spots, wanted))


def without_spots(
    settings: Settings, gone: Iterable[Frequency], spots: pd.DataFrame, within: float
) -> Settings:
    """Settings that remove spots of a table, or no longer expect those it has not."""
    added, removed = settings.added_spots, settings.removed_spots
    found = set(_frequencies(spots))
    for one in gone:
        kept = _away(added, one, within)
        if kept == added or one in found:
            removed = (*_away(removed, one, within), one)
        added = kept
    return replace(settings, added_spots=added, removed_spots=removed)


def spots_at(spots: pd.DataFrame, places: Iterable[Frequency], within: float) -> tuple[int, ...]:
    """Numbers of the spots of a table that are at any of some places."""
    places = tuple(places)
    if not places:
        return ()
    named = zip(spots["spot"], _frequencies(spots), strict=True)
    return tuple(int(spot) for spot, g in named if _away(places, g, within) != places)


def not_found(spots: pd.DataFrame, settings: Settings, within: float) -> tuple[Frequency, ...]:
    """Where the settings expect spots and the table has none."""
    added = settings.added_spots
    for g in _frequencies(spots) if added else ():
        added = _away(added, g, within)
    return added


def _frequencies(spots: pd.DataFrame) -> list[Frequency]:
    """Where the spots of a table are."""
    return list(zip(spots["gy_per_px"], spots["gx_per_px"], strict=True))


def _away(places: tuple[Frequency, ...], g: Frequency, within: float) -> tuple[Frequency, ...]:
    """Places but for those at a frequency or its Friedel mate."""
    return tuple(one for one in places if not _is_at(one, g, within))


def _is_at(one: Frequency, other: Frequency, within: float) -> bool:
    off = min(math.hypot(one[0] - sign * other[0], one[1] - sign * other[1]) for sign in (1, -1))
    return off == 0 or off < within
