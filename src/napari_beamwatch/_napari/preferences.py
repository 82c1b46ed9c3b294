"""Defaults of the panel, as chosen under File ▸ Preferences (napari 0.9 and newer)."""

from __future__ import annotations

from typing import Any

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.settings import Settings

PLUGIN, DEFAULTS, DESK = "napari-beamwatch", "defaults", "desk"

USUAL_SHARES = (42, 50)
"""Percent, where napari keeps none for plugins."""


def preferred_settings() -> Settings:
    """Settings to begin with; the usual ones where napari keeps none for plugins."""
    page = _page(DEFAULTS)
    if page is None:
        return Settings()
    try:
        return Settings(
            alpha=page.alpha_percent / 100,
            false_alarm=page.false_alarm_percent / 100,
            fraction=Settings().fraction
            if page.fraction_percent == 0
            else (page.fraction_percent / 100),
            d_tolerance=page.d_tolerance_percent,
            pixel_size_uncertainty=page.pixel_size_uncertainty_percent / 100,
        )
    except BeamwatchError:
        return Settings()  # of a file that was edited by hand


def dock_shares() -> tuple[int, int]:
    """Percent of the window's height that the docks below take, and of their width the FFT's."""
    page = _page(DESK)
    return USUAL_SHARES if page is None else (page.docks_percent, page.fft_percent)


def keep_dock_shares(docks: int, fft: int) -> None:
    """Remember the shares of the docks, in percent."""
    page = _page(DESK)
    if page is not None:
        page.docks_percent, page.fft_percent = docks, fft


def _page(name: str) -> Any:
    """What napari keeps of one of our pages, or None."""
    try:
        from napari.settings import get_plugin_settings
    except ImportError:  # napari 0.8
        return None
    try:
        return getattr(get_plugin_settings(PLUGIN), name)
    except (AttributeError, KeyError, ValueError):
        return None  # the plugin runs without its manifest being known to napari
