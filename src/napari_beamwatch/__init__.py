"""The electron dose at which a specimen first changed for good.

Names are imported when they are first used, so that ``import napari_beamwatch`` and
``beamwatch --help`` cost nothing.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from napari_beamwatch.errors import BeamwatchError

if TYPE_CHECKING:
    from napari_beamwatch.analysis import analyze, find_spots
    from napari_beamwatch.movies import (
        Conditions,
        DoseCalibration,
        DoseTable,
        Movie,
        open_movie,
    )
    from napari_beamwatch.regions import Region
    from napari_beamwatch.results.loading import load_result
    from napari_beamwatch.results.result import Result
    from napari_beamwatch.results.survival import place_survival
    from napari_beamwatch.results.thresholds import apply_thresholds
    from napari_beamwatch.settings import Settings
    from napari_beamwatch.spectra.power import power_spectrum
    from napari_beamwatch.spectra.rings import radial_profile
    from napari_beamwatch.watching import Onset, WatchState, watch

__version__ = version("napari-beamwatch")

_HOMES = {
    "Conditions": "napari_beamwatch.movies",
    "DoseCalibration": "napari_beamwatch.movies",
    "DoseTable": "napari_beamwatch.movies",
    "Movie": "napari_beamwatch.movies",
    "Region": "napari_beamwatch.regions",
    "Result": "napari_beamwatch.results.result",
    "Settings": "napari_beamwatch.settings",
    "analyze": "napari_beamwatch.analysis",
    "apply_thresholds": "napari_beamwatch.results.thresholds",
    "place_survival": "napari_beamwatch.results.survival",
    "find_spots": "napari_beamwatch.analysis",
    "load_result": "napari_beamwatch.results.loading",
    "power_spectrum": "napari_beamwatch.spectra.power",
    "radial_profile": "napari_beamwatch.spectra.rings",
    "open_movie": "napari_beamwatch.movies",
    "Onset": "napari_beamwatch.watching",
    "WatchState": "napari_beamwatch.watching",
    "watch": "napari_beamwatch.watching",
}

__all__ = [
    "BeamwatchError",
    "Conditions",
    "DoseCalibration",
    "DoseTable",
    "Movie",
    "Onset",
    "Region",
    "Result",
    "Settings",
    "WatchState",
    "__version__",
    "analyze",
    "apply_thresholds",
    "find_spots",
    "load_result",
    "open_movie",
    "place_survival",
    "power_spectrum",
    "radial_profile",
    "watch",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
