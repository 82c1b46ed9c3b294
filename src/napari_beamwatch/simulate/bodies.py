"""How thick the particles of the stages are, for the shade they throw.

The stages are pure phase contrast: their mean is 1 on a particle and beside it. In a
microscope an aperture and the loss of electrons by inelastic scattering make thick places
darker, which is what a particle's outline is seen by.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from napari_beamwatch.simulate.shapes import Floats, Oval

MEAN_FREE_PATH = 450.0
"""Å of material that take 1/e of the electrons out of the picture."""


@dataclass(frozen=True)
class Body:
    """A particle in the middle of its stage, as ``tools/make_stages.py`` cuts it.

    Parameters
    ----------
    half : (float, float)
        Half axes (Å) along and across.
    roundness : float
        Exponent of the outline, see `Oval`.
    height : float
        Thickness (Å).
    frame : float
        Degrees in the field's own axes (x right, y down) by which the axes are turned.
    void : (float, float, float), optional
        Place along and across from the centre, and radius (Å), of a hollow ball.
    """

    half: tuple[float, float]
    roundness: float
    height: float
    frame: float
    void: tuple[float, float, float] | None = None

    def thickness(self, y: Floats, x: Floats) -> Floats:
        """Thickness (Å) at offsets from the stage's centre (Å)."""
        outline = Oval(0, 0, self.half[1], self.half[0], self.roundness, -self.frame)
        thick: Floats = self.height * outline.mask(y, x, soft=2.0).astype(np.float64)
        if self.void is not None:
            along, across, radius = self.void
            c, s = math.cos(math.radians(self.frame)), math.sin(math.radians(self.frame))
            gone = (x - (along * c - across * s)) ** 2 + (y - (along * s + across * c)) ** 2
            thick -= 2 * np.sqrt((radius**2 - gone).clip(0))
        return thick

    def transmission(self, y: Floats, x: Floats) -> Floats:
        """Part of the electrons that reaches the picture at offsets from the centre (Å)."""
        passed: Floats = np.exp(-self.thickness(y, x) / MEAN_FREE_PATH)
        return passed


_SWOLLEN = Body((50, 50), 3, 60, 23)

BODIES: dict[str, Body] = {
    "lif-swollen-0.0": _SWOLLEN,
    "lif-swollen-0.5": _SWOLLEN,
    "lif-swollen-1.0": _SWOLLEN,
    "lif-swollen-1.5": _SWOLLEN,
    "lif-particle-0": Body((46, 46), 12, 60, 17),
    "lif-particle-1": Body((42, 42), 6, 58, 17),
    "lif-particle-2": Body((38, 38), 4, 54, 17),
    "lif-particle-3": Body((33, 33), 2.8, 48, 17),
    "lif-particle-4": Body((30, 30), 2.2, 42, 17, void=(6, -5, 14)),
    "li2co3-grain": Body((50, 43), 3, 60, 33),
    "naf-grain": Body((46, 42), 5, 60, -28),
}
"""By name of the stage; the sheets of crystal are as thick everywhere and throw none."""
