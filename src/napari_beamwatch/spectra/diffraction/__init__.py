"""Movies whose frames are diffraction patterns: their centre, their spots, and those over time."""

from napari_beamwatch.spectra.diffraction.background import Background, measure_background
from napari_beamwatch.spectra.diffraction.centre import Centre, find_centre
from napari_beamwatch.spectra.diffraction.finding import DiffractionSpots, find_spots
from napari_beamwatch.spectra.diffraction.patterns import FrameReading, SegmentPattern
from napari_beamwatch.spectra.diffraction.tracking import (
    DiffractionTraces,
    ReadSpots,
    Spacings,
    SpotReader,
    SpotTracker,
    spacings,
)

__all__ = [
    "Background",
    "Centre",
    "DiffractionSpots",
    "DiffractionTraces",
    "FrameReading",
    "ReadSpots",
    "SegmentPattern",
    "Spacings",
    "SpotReader",
    "SpotTracker",
    "find_centre",
    "find_spots",
    "measure_background",
    "spacings",
]
