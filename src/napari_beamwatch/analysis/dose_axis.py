"""The axis that everything is judged on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.scopes import Scope, SpotTrace, frames_after
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie

Floats = NDArray[np.float64]

DARKEST = 1e-3
"""Part of the field's dose below which no lattice is seen."""


@dataclass(frozen=True, eq=False)
class DoseAxis:
    """Doses at the start and end of each frame; counts of frames where doses are unknown."""

    start: Floats
    end: Floats
    lit: NDArray[np.bool_]
    known: bool

    @classmethod
    def of(cls, movie: Movie) -> DoseAxis:
        """The axis of a movie."""
        lit = np.asarray(movie.lit)
        if movie.dose is None or movie.dose_start is None:
            frames = np.arange(len(movie), dtype=np.float64)
            return cls(frames, frames + 1, lit, False)
        return cls(np.asarray(movie.dose_start), np.asarray(movie.dose), lit, True)

    def frame_after(self, dose: float) -> int:
        """First exposed frame whose end dose exceeds a dose; −1 if there is none."""
        return int(frames_after(self.end, self.lit, dose))

    def scope(self, name: str, traces: Sequence[SpotTrace], exposure: float = 1.0) -> Scope:
        """Traces on this axis, where the dose is `exposure` times that of the field."""
        if exposure < DARKEST:
            raise BeamwatchError(
                f"{name}: the beam profile says that hardly an electron came there, yet a lattice "
                "is seen: the profile is of another beam, too narrow, or shifted"
            )
        start, end = self.start * exposure, self.end * exposure
        return Scope(name, tuple(traces), start, end, self.lit, exposure=exposure)
