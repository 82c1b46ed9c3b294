"""Kaplan and Meier's curve, with movies as the unit that is resampled."""

from __future__ import annotations

import numpy as np
import pytest

from napari_beamwatch.damage.survival import kaplan_meier
from napari_beamwatch.errors import BeamwatchError


def test_the_curve_of_a_textbook() -> None:
    # Freireich's 6-MP group (Kaplan-Meier as tabulated by Cox and Oakes 1984).
    weeks = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
    relapse = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
    curve = kaplan_meier(weeks, np.array(relapse, bool))
    assert curve.dose.tolist() == [0, 6, 7, 10, 13, 16, 22, 23]
    assert curve.survival[1:] == pytest.approx(
        [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448], abs=1e-3
    )
    assert curve.median == 23
    assert (curve.low <= curve.survival).all()
    assert (curve.survival <= curve.high).all()


def test_crystals_of_one_movie_are_no_independent_witnesses() -> None:
    rng = np.random.default_rng(0)
    movie = np.repeat(np.arange(8), 20)
    dose = rng.uniform(50, 400, 8)[movie] + rng.normal(0, 2, 160)
    damaged = np.ones(160, bool)
    clustered = kaplan_meier(dose, damaged, movie)
    alone = kaplan_meier(dose, damaged)
    middle = np.searchsorted(clustered.dose, np.median(dose))
    wide = clustered.high[middle] - clustered.low[middle]
    assert wide > 2 * (alone.high[middle] - alone.low[middle])


def test_nobody_damaged_survives_to_the_end() -> None:
    curve = kaplan_meier([100, 200], [False, False])
    assert curve.survival.tolist() == [1]
    assert np.isnan(curve.median)


def test_no_crystals_have_no_curve() -> None:
    with pytest.raises(BeamwatchError, match="one crystal or more"):
        kaplan_meier([], [])
