"""Powder rings, halos and Thon rings: what the radial power of the field tells over the dose.

A ring has a trace of its own and is never a spot; a halo is a ring that is broad. Thon rings,
where there are any, tell the change of focus, which must not be taken for damage.
"""

from napari_beamwatch.spectra.rings.finding import Ring, find_rings
from napari_beamwatch.spectra.rings.following import RingTrace, follow_rings
from napari_beamwatch.spectra.rings.profile import RadialProfile, radial_profile
from napari_beamwatch.spectra.rings.radial import RadialPower, window_power
from napari_beamwatch.spectra.rings.standard import (
    Distortion,
    distortion_of_ring,
    pixel_size_from_standard,
)
from napari_beamwatch.spectra.rings.thon import Defocus, Lens, defocus_over_dose
from napari_beamwatch.spectra.rings.tracker import RadialSeries, RadialTracker

__all__ = [
    "Defocus",
    "Distortion",
    "Lens",
    "RadialPower",
    "RadialProfile",
    "RadialSeries",
    "RadialTracker",
    "Ring",
    "RingTrace",
    "defocus_over_dose",
    "distortion_of_ring",
    "find_rings",
    "follow_rings",
    "pixel_size_from_standard",
    "radial_profile",
    "window_power",
]
