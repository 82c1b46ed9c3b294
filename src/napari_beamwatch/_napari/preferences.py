"""Defaults of the panel, as chosen under File ▸ Preferences (napari 0.9 and newer)."""

from __future__ import annotations

from typing import Any

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.settings import Settings

PLUGIN, PAGE = "napari-beamwatch", "defaults"


def preferred_settings() -> Settings:
    """Settings to begin with; the usual ones where napari keeps none for plugins."""
    page = _page()
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


def _page() -> Any:
    """What napari keeps of our page, or None."""
    try:
        from napari.settings import get_plugin_settings
    except ImportError:  # napari 0.8
        return None
    try:
        return getattr(get_plugin_settings(PLUGIN), PAGE)
    except (AttributeError, KeyError, ValueError):
        return None  # the plugin runs without its manifest being known to napari
