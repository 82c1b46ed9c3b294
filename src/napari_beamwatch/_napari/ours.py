"""Names of the layers that a result makes, and how they are told from the user's."""

from __future__ import annotations

OURS = "beamwatch_overlay"
"""Key in the metadata of the layers that are ours to replace; its value is the name."""

RESULT = "beamwatch_result"
"""Key in the metadata of the onset map, and of a movie's layer that came with a result: the panel
shows that one."""

ONSET_MAP = "Onset map"
PLACE_DOSES = "Onset doses"
LATTICE = "Lattice over dose"
PHASES = "Phase over dose"
PARTICLES = "Particles"
DRIFT = "Drift"
SUM = "Undamaged sum"
"""Not of a result: the user's to keep."""

NAMES = (DRIFT, PARTICLES, LATTICE, PHASES, ONSET_MAP, PLACE_DOSES)
"""Of the layers that a result makes, from below."""
