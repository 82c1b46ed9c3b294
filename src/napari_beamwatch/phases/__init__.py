"""Crystal structures, their reflections, spots matched to them, and published limits."""

from napari_beamwatch.phases.confusable import confusable
from napari_beamwatch.phases.limits import (
    LIMITS,
    critical_exposure,
    published_limits,
    remaining_power,
)
from napari_beamwatch.phases.matching import Candidate, Match, SpotSet, match, match_many
from napari_beamwatch.phases.reflections import reflections
from napari_beamwatch.phases.structures import (
    Phase,
    add_phase,
    known_phases,
    phase,
    phase_from_cif,
)

__all__ = [
    "LIMITS",
    "Candidate",
    "Match",
    "Phase",
    "SpotSet",
    "add_phase",
    "confusable",
    "critical_exposure",
    "known_phases",
    "match",
    "match_many",
    "phase",
    "phase_from_cif",
    "published_limits",
    "reflections",
    "remaining_power",
]
