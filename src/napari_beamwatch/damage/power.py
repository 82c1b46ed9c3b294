"""What a record could have shown: without power, "survived" means nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.detection import FEWEST_SIDE, threshold
from napari_beamwatch.damage.fitting import mean_levels
from napari_beamwatch.damage.irreversible import SMALLEST_LOSS
from napari_beamwatch.damage.scanning import running_sums
from napari_beamwatch.damage.scopes import Samples

Floats = NDArray[np.float64]

SURELY = 1.645
"""Standard errors above the threshold at which 95 % are found."""

LATE = 0.9
"""Part of the record after which a change is too late to be called."""


@dataclass(frozen=True)
class Power:
    """What would have been found with 95 % probability.

    Attributes
    ----------
    survived_dose : float
        Last dose before which a lasting loss to 1/e would have been; NaN for nowhere.
    detectable_loss_percent : float
        Smallest lasting loss in the middle of the record; NaN for none.
    """

    survived_dose: float
    detectable_loss_percent: float


def power_of(samples: Samples, false_alarm: float, dispersion: float = 1.0) -> Power:
    """Power of the detection at every place of a record that was steady.

    The root of the statistic is about Gaussian of unit spread about the root of the sum over the
    spots of the squared falls, each in its standard errors.
    """
    count = len(samples)
    levels = mean_levels(samples)
    limit = math.sqrt(threshold(len(levels), count, false_alarm)) + SURELY
    inside = np.arange(count)
    inside = inside[(inside >= FEWEST_SIDE) & (inside <= count - FEWEST_SIDE)]
    length = samples.end[-1] - samples.start[0]
    inside = inside[samples.start[inside] <= samples.start[0] + LATE * length]
    if not len(inside):
        return Power(math.nan, math.nan)
    # A place counts up to the first that has too little power behind it.
    enough = inside[_falls(samples, levels, math.exp(-1), dispersion)[inside] > limit]
    survived = float(samples.start[enough[-1]]) if len(enough) else math.nan
    middle = np.searchsorted(samples.end, samples.start[0] + length / 2)
    losses = np.arange(0.01, 1.005, 0.01)
    found = [
        loss
        for loss in losses
        if _falls(samples, levels, 1 - loss, dispersion)[min(middle, count - 1)] > limit
    ]
    least = 100 * max(float(found[0]), SMALLEST_LOSS) if found else math.nan
    return Power(survived, least)


def _falls(samples: Samples, levels: Floats, left: float, dispersion: float) -> Floats:
    """Expected fall at each place, in standard errors, if `left` of the levels is left."""
    high = running_sums(samples, levels, dispersion).weight
    # The errors are those the detection takes: of the mean level over the whole record.
    share = np.arange(high.shape[1] - 1) / (high.shape[1] - 1)
    total = np.zeros(high.shape[1] - 1)
    for i, level in enumerate(levels):
        mean = level * (share + left * (1 - share))
        variance_ratio = (2 * samples.in_phase[i] * mean + samples.own[i]) / (
            2 * samples.in_phase[i] * level + samples.own[i]
        )
        before, after = high[i, :-1], high[i, -1] - high[i, :-1]
        with np.errstate(divide="ignore"):
            error = np.sqrt(variance_ratio * (1 / before + 1 / after))
        total += (level * (1 - left) / error) ** 2
    return np.sqrt(total)
