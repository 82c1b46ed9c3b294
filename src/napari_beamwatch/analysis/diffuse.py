"""What the field shows beside spots: powder rings, halos, the focus."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_beamwatch import columns
from napari_beamwatch.damage.course.estimate import NOTHING, Estimate, quantiles
from napari_beamwatch.damage.field.cells import Courses
from napari_beamwatch.damage.likeness import SAME_G
from napari_beamwatch.damage.parts import HALF
from napari_beamwatch.movies import Movie
from napari_beamwatch.spectra.floor import QUARTILE
from napari_beamwatch.spectra.rings import Defocus, Ring, RingTrace
from napari_beamwatch.spectra.rings.finding import BROAD

Floats = NDArray[np.float64]

COURSES = 50
"""Courses of a ring that say something of their own, about."""

STAYED = 2
"""Stretches in which a ring must be seen since it came."""

EARLY = 2
"""Segments of time, the first three sixteenths of a record, in which a lattice is one that
was there before rings came; later it may have come with them."""


@dataclass(frozen=True, eq=False)
class Diffuse:
    """What the field shows beside spots.

    Attributes
    ----------
    rings : tuple of Ring
        Powder rings and halos.
    traces : tuple of RingTrace
        Of each.
    focus : Defocus
    lattice : tuple of array of float64
        |g| in cycles per pixel of the lattice spots that are found in each segment of time.
    """

    rings: tuple[Ring, ...]
    traces: tuple[RingTrace, ...]
    focus: Defocus
    lattice: tuple[Floats, ...] = ()

    @classmethod
    def unknown(cls, why: str) -> Diffuse:
        """Nothing, and why."""
        some, nothing = np.empty(0, np.int64), np.empty(0)
        return cls((), (), Defocus(some, some, nothing, nothing, nothing, nothing, 1.0, why))

    def focus_of_frames(self, frames: int) -> tuple[Floats, Floats]:
        """Change of the defocus in each frame and its standard error, in nm; NaN if unknown."""
        change, error = np.full(frames, np.nan), np.full(frames, np.nan)
        if not self.focus.reason:
            for i, (first, last) in enumerate(zip(self.focus.first, self.focus.last, strict=True)):
                change[first:last] = self.focus.change_nm[i]
                error[first:last] = self.focus.change_se_nm[i]
        return change, error

    def came(self, start: Floats, end: Floats, false_alarm: float) -> tuple[Estimate, Ring | None]:
        """When the first ring came that was not there at first, and which.

        Parameters
        ----------
        start, end : array of float64 (frames,)
            Doses of frames.
        false_alarm : float
            Chance of saying so of one that was there.
        """
        return min(
            self.coming(start, end, false_alarm),
            key=lambda one: one[0].value,
            default=(NOTHING, None),
        )

    def coming(self, start: Floats, end: Floats, false_alarm: float) -> list[tuple[Estimate, Ring]]:
        """Powder rings that were not there at first, and when each came; as `came`.

        Spacings that a lattice of the field showed before are none: its grains draw rings, too, and
        show them later than spots.
        """
        found = []
        for ring, trace in zip(self.rings, self.traces, strict=True):
            if ring.seen[0] or not any(ring.seen) or not surely_sharp(ring) or self._had(ring):
                continue
            when = _risen(trace, start, end, self._limit(false_alarm))
            if np.isfinite(when.value):
                found.append((when, ring))
        return found

    def _had(self, ring: Ring) -> bool:
        """Whether a lattice had the spacing of a ring before that was seen, and early."""
        before = self.lattice[: min(EARLY, ring.seen.index(True))]
        return any((np.abs(g / ring.k - 1) <= SAME_G).any() for g in before)

    def halo_grew(self, start: Floats, end: Floats, false_alarm: float) -> bool:
        """Whether a diffuse ring grew: what lost its lattice is amorphous then."""
        return any(
            ring.broad and np.isfinite(_risen(trace, start, end, self._limit(false_alarm)).value)
            for ring, trace in zip(self.rings, self.traces, strict=True)
        )

    def _limit(self, false_alarm: float) -> float:
        """Gain of log likelihood, twice, from which a ring has come."""
        return 2 * math.log(COURSES * max(1, len(self.rings)) / false_alarm)

    def table(self, movie: Movie) -> pd.DataFrame:
        """The table of rings."""
        size = np.nan if movie.pixel_size is None else movie.pixel_size
        parts = []
        for number, (ring, trace) in enumerate(zip(self.rings, self.traces, strict=True)):
            last = trace.last - 1
            parts.append(
                pd.DataFrame(
                    {
                        "ring": "halo" if ring.broad else str(number),
                        "frame_first": trace.first,
                        "frame_last": last,
                        "dose_start_e_per_A2": _at(movie.dose_start, trace.first),
                        "dose_end_e_per_A2": _at(movie.dose, last),
                        "intensity": trace.intensity,
                        "intensity_se": trace.intensity_se,
                        "d_A": size / trace.k,
                        "d_se_A": size * trace.k_se / trace.k**2,
                        "d_px": 1 / trace.k,
                        "width_per_px": trace.width,
                    }
                )
            )
        if not parts:
            return pd.DataFrame(columns=list(columns.RINGS))
        return pd.concat(parts, ignore_index=True).reindex(columns=list(columns.RINGS))


def surely_sharp(ring: Ring) -> bool:
    """Whether a ring is that of a powder: matter that lost its lattice grows a halo, too."""
    return ring.width + ring.width_se < BROAD * ring.k


def _at(doses: Floats | None, frames: NDArray[np.int64]) -> Floats:
    return np.full(len(frames), np.nan) if doses is None else doses[frames]


def _risen(trace: RingTrace, start: Floats, end: Floats, limit: float) -> Estimate:
    """When a ring began to rise: what is missing of its last level falls from then on."""
    known = np.isfinite(trace.intensity) & (trace.intensity_se > 0)
    if known.sum() < 4:
        return NOTHING
    value, error = trace.intensity[known], trace.intensity_se[known]
    # What scatters from one stretch to the next, as tracks of cosmic rays do, tells no more.
    jumps = np.abs(np.diff(value)) / np.hypot(error[1:], error[:-1])
    error = error * max(1.0, float(np.median(jumps)) / QUARTILE)
    top = float(np.quantile(value, 0.9))
    if top <= 0:
        return NOTHING
    first, last = trace.first[known], trace.last[known] - 1
    courses = Courses.of(start[first], end[last])
    missing, weight = 1 - value / top, (top / error) ** 2
    pull, known_of = courses.level @ (weight * missing), courses.level**2 @ weight
    told = np.maximum(pull, 0.0) ** 2 / np.maximum(known_of, 1e-300)
    if told.max() - told[-1] < limit:
        return NOTHING
    likely = np.exp((told[:-1] - told.max()) / 2)
    middle, low, high = quantiles(courses.onset[:-1], likely / likely.sum())
    since = value[start[first] >= middle]
    # What shows in a few stretches, or in the last one, did not come to stay.
    if len(since) < STAYED or np.median(since) < HALF * top:
        return NOTHING
    return Estimate(middle, low, high)
