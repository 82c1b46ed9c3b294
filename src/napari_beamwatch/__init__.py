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
    from napari_beamwatch.analysis.again import rerun, verify
    from napari_beamwatch.analysis.patterns.calibrating import camera_constant_from_ring
    from napari_beamwatch.batch import BatchStep, MovieOutcome, analyze_many
    from napari_beamwatch.campaign.planning import Plan, plan
    from napari_beamwatch.campaign.result import Campaign
    from napari_beamwatch.campaign.summary import summarize
    from napari_beamwatch.movies import (
        Conditions,
        DoseCalibration,
        DoseTable,
        Movie,
        open_movie,
    )
    from napari_beamwatch.regions import Region
    from napari_beamwatch.reports import write_report, write_strip
    from napari_beamwatch.results.loading import load_result
    from napari_beamwatch.results.result import Result
    from napari_beamwatch.results.survival import place_survival
    from napari_beamwatch.results.thresholds import apply_thresholds
    from napari_beamwatch.settings import Settings
    from napari_beamwatch.spectra.power import power_spectrum
    from napari_beamwatch.spectra.rings import radial_profile
    from napari_beamwatch.summing import UndamagedImage, sum_undamaged
    from napari_beamwatch.watching import Onset, WatchState, watch

__version__ = version("napari-beamwatch")

_HOMES = {
    "BatchStep": "napari_beamwatch.batch",
    "Campaign": "napari_beamwatch.campaign.result",
    "Conditions": "napari_beamwatch.movies",
    "DoseCalibration": "napari_beamwatch.movies",
    "DoseTable": "napari_beamwatch.movies",
    "Movie": "napari_beamwatch.movies",
    "MovieOutcome": "napari_beamwatch.batch",
    "Plan": "napari_beamwatch.campaign.planning",
    "Region": "napari_beamwatch.regions",
    "Result": "napari_beamwatch.results.result",
    "Settings": "napari_beamwatch.settings",
    "analyze": "napari_beamwatch.analysis",
    "analyze_many": "napari_beamwatch.batch",
    "apply_thresholds": "napari_beamwatch.results.thresholds",
    "camera_constant_from_ring": "napari_beamwatch.analysis.patterns.calibrating",
    "place_survival": "napari_beamwatch.results.survival",
    "find_spots": "napari_beamwatch.analysis",
    "load_result": "napari_beamwatch.results.loading",
    "power_spectrum": "napari_beamwatch.spectra.power",
    "radial_profile": "napari_beamwatch.spectra.rings",
    "plan": "napari_beamwatch.campaign.planning",
    "summarize": "napari_beamwatch.campaign.summary",
    "open_movie": "napari_beamwatch.movies",
    "UndamagedImage": "napari_beamwatch.summing",
    "sum_undamaged": "napari_beamwatch.summing",
    "rerun": "napari_beamwatch.analysis.again",
    "verify": "napari_beamwatch.analysis.again",
    "write_report": "napari_beamwatch.reports",
    "write_strip": "napari_beamwatch.reports",
    "Onset": "napari_beamwatch.watching",
    "WatchState": "napari_beamwatch.watching",
    "watch": "napari_beamwatch.watching",
}

__all__ = [
    "BatchStep",
    "BeamwatchError",
    "Campaign",
    "Conditions",
    "DoseCalibration",
    "DoseTable",
    "Movie",
    "MovieOutcome",
    "Onset",
    "Plan",
    "Region",
    "Result",
    "Settings",
    "UndamagedImage",
    "WatchState",
    "__version__",
    "analyze",
    "analyze_many",
    "apply_thresholds",
    "camera_constant_from_ring",
    "find_spots",
    "load_result",
    "open_movie",
    "place_survival",
    "plan",
    "power_spectrum",
    "radial_profile",
    "rerun",
    "sum_undamaged",
    "summarize",
    "verify",
    "watch",
    "write_report",
    "write_strip",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
