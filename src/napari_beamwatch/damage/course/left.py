"""What is left of each spot at the end of a record."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.course.averaging import Average
from napari_beamwatch.damage.course.estimate import ONE_SIDED
from napari_beamwatch.damage.course.models import remaining
from napari_beamwatch.damage.course.scanning import running_sums
from napari_beamwatch.damage.parts import FIFTH, HALF
from napari_beamwatch.damage.scopes import Samples

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Left:
    """What is left of each spot at the end, relative to before.

    Attributes
    ----------
    ratio, se : array (spots,)
    highest, highest_se : array (spots,)
        Of the highest tenth of the record after the onset.
    total, total_se : float
        Of all spots together.
    """

    ratio: Floats
    se: Floats
    highest: Floats
    highest_se: Floats
    total: float
    total_se: float

    @property
    def lost(self) -> bool:
        """Whether most of all spots together is lost."""
        return self.total < HALF

    @property
    def lost_of_most(self) -> bool:
        """Whether it is of most spots, whatever became of the others."""
        return float(np.median(self.ratio)) < HALF

    @property
    def complete(self) -> bool:
        """Whether surely next to nothing of all spots together is left."""
        return self.total + ONE_SIDED * self.total_se < FIFTH

    @property
    def in_part(self) -> bool:
        """Whether surely more is."""
        return self.total - ONE_SIDED * self.total_se > FIFTH

    @property
    def fell(self) -> NDArray[np.bool_]:
        """Spots that surely fell."""
        return self.measured & (self.ratio + ONE_SIDED * self.se < HALF)

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Spots of which a loss by half would be seen."""
        return self.se < 0.3


def what_is_left(samples: Samples, found: Average, dispersion: float) -> Left:
    """Levels in the last part of the record over those before the onset."""
    best = found.best
    plateau = found.weighed.plateau[best]
    models = found.weighed.models
    onset, tau, beta = (float(a[best]) for a in (models.onset, models.tau, models.beta))
    shape = remaining(samples.start, samples.end, onset, tau, beta)
    after = np.flatnonzero(samples.end > onset)
    settled = after[shape[after] < 0.03]
    last = after[-max(3, len(after) // 4) :]
    final = settled if len(settled) > len(last) else last
    sums = running_sums(samples, plateau, dispersion)
    # A plateau that was never seen is known as well as the models agree on it.
    spread = np.sqrt(found.weight @ (found.weighed.plateau - plateau) ** 2)
    half = int(np.searchsorted(-shape, -0.5))
    before = np.maximum(sums.weight[:, max(half, 1)], 1e-300)
    safe = np.maximum(plateau, 1e-12)
    known_to = np.hypot(before**-0.5, spread)
    plateau_se = np.minimum(known_to, safe)
    low = running_sums(samples, found.weighed.residual[best], dispersion)
    level, error = _mean(low.weight, low.moment, int(final[0]), int(final[-1]) + 1)
    ratio = level / safe
    se = np.hypot(error, ratio * plateau_se) / safe
    block = max(3, len(samples) // 10)
    highest, highest_se = ratio.copy(), se.copy()
    for a in range(int(after[0]), len(samples) - block + 1, max(1, block // 2)):
        part, part_error = _mean(sums.weight, sums.moment, a, a + block)
        higher = part / safe > highest
        highest = np.where(higher, part / safe, highest)
        highest_se = np.where(
            higher, np.hypot(part_error, part / safe * plateau_se) / safe, highest_se
        )
    # Spots count by what would be known of them had they held: the less is left the less it
    # scatters, and of one whose windows have left the detector nothing is known.
    _, unknown = _mean(sums.weight, sums.moment, int(final[0]), int(final[-1]) + 1)
    weight = (safe / np.hypot(known_to, unknown)) ** 2
    weight /= weight.sum()
    total = float(weight @ ratio)
    total_se = float(np.hypot.reduce(weight * np.minimum(se, 1e9)))
    return Left(ratio, se, highest, highest_se, total, total_se)


def _mean(weight: Floats, moment: Floats, a: int, b: int) -> tuple[Floats, Floats]:
    known = np.maximum(weight[:, b] - weight[:, a], 1e-300)
    return (moment[:, b] - moment[:, a]) / known, known**-0.5
