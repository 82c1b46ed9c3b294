"""Particles over the dose: area, rounding, voids. Traces only; `damage` decides."""

from napari_beamwatch.particles.bins import Bin, ParticleBins
from napari_beamwatch.particles.finding import find_particles, solve
from napari_beamwatch.particles.result import COLUMNS, Particles

__all__ = ["COLUMNS", "Bin", "ParticleBins", "Particles", "find_particles", "solve"]
