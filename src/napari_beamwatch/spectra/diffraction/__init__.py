"""Movies whose frames are diffraction patterns: their centre, spots and rings over time."""

from napari_beamwatch.spectra.diffraction.background import Background, measure_background
from napari_beamwatch.spectra.diffraction.centre import Centre, find_centre
from napari_beamwatch.spectra.diffraction.drifting import (
    CentreDrift,
    CoarsePattern,
    centre_drift,
    stretches,
)
from napari_beamwatch.spectra.diffraction.finding import find_spots
from napari_beamwatch.spectra.diffraction.following import RingTraces, RingTracker
from napari_beamwatch.spectra.diffraction.glance import PatternProfile, pattern_profile
from napari_beamwatch.spectra.diffraction.halos import GrownHalo, grown_halo
from napari_beamwatch.spectra.diffraction.patterns import FrameReading, ReadPattern, SegmentPattern
from napari_beamwatch.spectra.diffraction.polar import Geometry
from napari_beamwatch.spectra.diffraction.reading import ReadSpots, SpotReader
from napari_beamwatch.spectra.diffraction.rings import PatternRings, find_pattern_rings
from napari_beamwatch.spectra.diffraction.spacings import Spacings, spacings
from napari_beamwatch.spectra.diffraction.spots import DiffractionSpots
from napari_beamwatch.spectra.diffraction.tracking import DiffractionTraces, SpotTracker

__all__ = [
    "Background",
    "Centre",
    "CentreDrift",
    "CoarsePattern",
    "DiffractionSpots",
    "DiffractionTraces",
    "FrameReading",
    "Geometry",
    "GrownHalo",
    "PatternProfile",
    "PatternRings",
    "ReadPattern",
    "ReadSpots",
    "RingTraces",
    "RingTracker",
    "SegmentPattern",
    "Spacings",
    "SpotReader",
    "SpotTracker",
    "centre_drift",
    "find_centre",
    "find_pattern_rings",
    "find_spots",
    "grown_halo",
    "measure_background",
    "pattern_profile",
    "spacings",
    "stretches",
]
