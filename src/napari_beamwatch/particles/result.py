"""What is told of particles: one table, and outlines to draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.particles.bins import Bin
from napari_beamwatch.particles.outlines import Points

COLUMNS: dict[str, str] = {
    "particle": "number of the particle, largest first, from 1",
    "bin": "number of the bin of frames, 0-based",
    "frame_first": "first frame of the bin, 0-based",
    "frame_last": "last frame of the bin",
    "dose_start_e_per_A2": "accumulated dose at the start of the bin; empty if unknown",
    "dose_end_e_per_A2": "accumulated dose at its end",
    "area_px": "area inside the outline, voids included; empty where none can be seen",
    "area_se_px": "its standard error",
    "area_nm2": "the same in nm²; empty without a pixel size",
    "roundness": "4πA/P²: 1 for a disc, 0.785 for a square",
    "roundness_se": "its standard error",
    "void_area_px": "area of holes right through that would let as many electrons by",
    "void_area_se_px": "its standard error; without a void, that of the smallest looked for",
    "inside_over_outside": "mean counts in the particle over those in a ring around it",
    "inside_over_outside_se": "its standard error",
    "y_px": "middle of the outline, from above, in the frames of the bin",
    "x_px": "middle of the outline, from the left",
}


@dataclass(frozen=True, eq=False)
class Particles:
    """Particles of a movie over the dose, relative to the rest of the same picture throughout.

    Attributes
    ----------
    table : DataFrame
        One row a particle and bin, see `COLUMNS`.
    bins : tuple of Bin
        Frames, doses and displacement of each.
    reason : str
        Why there are none, in words; empty if there are.
    notes : tuple of str
        What was chosen, a sentence each.
    """

    table: pd.DataFrame = field(repr=False)
    bins: tuple[Bin, ...] = field(repr=False)
    outlines: Mapping[tuple[int, int], Points] = field(repr=False)
    reason: str = ""
    notes: tuple[str, ...] = ()

    @classmethod
    def none(cls, reason: str, bins: tuple[Bin, ...] = ()) -> Particles:
        """No particles, and why."""
        return cls(table_of([]), bins, {}, reason)

    def outline(self, particle: int, bin_number: int) -> Points:
        """Outline of a particle in a bin.

        Returns
        -------
        array (n, 2)
            (y, x) in pixels of the frames of the bin, the field's upper left corner (0, 0) as
            in `Region`; the last point is joined to the first.
        """
        found = self.outlines.get((particle, bin_number))
        if found is None:
            raise BeamwatchError(f"no outline of particle {particle} was seen in bin {bin_number}")
        return found


def table_of(rows: list[dict[str, float]]) -> pd.DataFrame:
    """Rows as a table with all columns."""
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype(np.float64)
    whole = ["particle", "bin", "frame_first", "frame_last"]
    return table.astype(dict.fromkeys(whole, "int64"))
