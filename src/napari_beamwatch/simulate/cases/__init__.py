"""Named cases: specimens and disturbances whose answer is known, one function each.

Each takes the view it is filmed in and parameters of its own by keyword; doses are in e/Å²,
drifts in Å, focus in nm, tilts in mrad.
"""

from napari_beamwatch.simulate.cases import (  # noqa: F401 - each enters its cases in the list
    fading,
    mosaics,
    rings,
    shapes,
    transforming,
    unharmed,
)
from napari_beamwatch.simulate.cases.case import Case, View, case_names, load_case
from napari_beamwatch.simulate.cases.filming import simulate
from napari_beamwatch.simulate.cases.parts import FIRST_MOVE

__all__ = ["FIRST_MOVE", "Case", "View", "case_names", "load_case", "simulate"]
