"""Families of laws: with and without a plateau, exponential and stretched, and their priors.

The half dose stands in for the onset, for it is known well whatever tau and stretch are. Priors are
flat in onset, log beta and log tau, of which brief ones share a part; what a family's prior volume
costs it is what keeps the stretched models from being believed for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.course.fitting import Models
from napari_beamwatch.damage.scopes import Samples

Floats = NDArray[np.float64]

NO_PLATEAU = 0.15
"""Prior of a decay that begins with the first electron."""

STRETCHED = 2 / 3
"""Prior of a decay that is not exponential."""

SHORTEST, BRIEF, AT_ONCE = 0.005, 0.2, 0.15
"""Decays that are taken for possible and that a frame can hardly tell from a step, in frames, and
the prior of those: without them steps, which crystals take that fall or break, were dated half a
frame early and 9 of 40 intervals held them."""

LEAST_BETA, MOST_BETA = 0.5, 3.0
"""Stretches that are taken for possible, their logarithms alike: radiolysis is often exponential,
and nothing is known of what is not."""


@dataclass(frozen=True)
class Family:
    """Laws with or without a plateau, exponential or stretched.

    Attributes
    ----------
    plateau, stretched : bool
    coherent : bool
        Whether what comes instead is one crystal, whose amplitudes add.
    """

    plateau: bool
    stretched: bool
    coherent: bool

    @property
    def log_prior(self) -> float:
        """Log of the prior of the family."""
        whether = 1 - NO_PLATEAU if self.plateau else NO_PLATEAU
        return float(np.log(whether * (STRETCHED if self.stretched else 1 - STRETCHED)))

    @property
    def size(self) -> int:
        """How many parameters they have."""
        return 1 + self.plateau + self.stretched

    def points(self, models: Models) -> Floats:
        """Coordinates of models: [half dose,] log tau[, log beta]."""
        half = models.onset + models.tau * _half(models.beta)
        columns = [half] if self.plateau else []
        columns.append(np.log(models.tau))
        if self.stretched:
            columns.append(np.log(models.beta))
        return np.stack(columns, axis=1)

    def models(self, points: Floats, first: float) -> Models:
        """Models of coordinates."""
        tau = np.exp(points[:, int(self.plateau)])
        beta = np.exp(points[:, -1]) if self.stretched else np.ones(len(points))
        onset = points[:, 0] - tau * _half(beta) if self.plateau else np.full(len(points), first)
        return Models(onset, tau, beta, self.coherent)


def _half(beta: Floats) -> Floats:
    """Half dose after the onset, over tau."""
    return np.asarray(np.log(2) ** (1 / beta), np.float64)


@dataclass(frozen=True)
class Limits:
    """Between which models lie: doses of the record, and taus; of brief ones it tells little.

    Attributes
    ----------
    first, last : float
        e/Å².
    shortest, brief, longest : float
        e/Å².
    """

    first: float
    last: float
    shortest: float
    brief: float
    longest: float

    @classmethod
    def of(cls, samples: Samples) -> Limits:
        """Those of a record."""
        frame = float(np.median(samples.end - samples.start))
        first, last = float(samples.start[0]), float(samples.end[-1])
        return cls(first, last, SHORTEST * frame, BRIEF * frame, 3 * (last - first))

    def log_prior(self, family: Family, models: Models) -> Floats:
        """Density of the prior in the family's coordinates; −inf outside the limits."""
        known = (models.tau > self.shortest) & (models.tau < self.longest)
        known &= (models.beta > LEAST_BETA) & (models.beta < MOST_BETA)
        density = np.where(
            models.tau < self.brief,
            np.log(AT_ONCE / np.log(self.brief / self.shortest)),
            np.log((1 - AT_ONCE) / np.log(self.longest / self.brief)),
        )
        if family.plateau:
            known &= (models.onset > self.first) & (models.onset < self.last)
            density -= np.log(self.last - self.first)
        if family.stretched:
            density -= np.log(np.log(MOST_BETA / LEAST_BETA))
        return np.where(known, density + family.log_prior, -np.inf)
