"""Turnbull's curve: what began before, within and after what was seen."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from napari_beamwatch.damage.field.survival import Survival, turnbull
from napari_beamwatch.damage.field.turnbull import Fates
from napari_beamwatch.errors import BeamwatchError


def test_without_intervals_it_is_the_curve_of_a_textbook() -> None:
    # Freireich's 6-MP group (Kaplan-Meier as tabulated by Cox and Oakes 1984).
    weeks = np.array(
        [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35], float
    )
    relapse = np.array([1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0], bool)
    curve = turnbull(weeks, np.where(relapse, weeks, np.inf), np.ones(21), np.arange(21))
    after = np.searchsorted(curve.dose, [6, 7, 10, 13, 16, 22, 23], "right") - 1
    before = np.searchsorted(curve.dose, [6, 7, 10, 13, 16, 22, 23])
    assert curve.survival[before][1:] == pytest.approx(curve.survival[after][:-1])
    assert curve.survival[after] == pytest.approx(
        [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448], abs=1e-3
    )
    assert curve.events == 9
    assert (curve.low <= curve.survival).all()
    assert (curve.survival <= curve.high).all()


def test_an_interval_holds_its_mass_where_nothing_says_where() -> None:
    curve = turnbull([10.0, 20.0], [20.0, 30.0], [1, 1], [0, 1])
    assert np.interp([10, 20, 30], curve.dose, curve.survival) == pytest.approx([1, 0.5, 0])
    assert curve.median == pytest.approx(20)


def test_what_had_begun_before_does_not_make_the_median_zero() -> None:
    rng = np.random.default_rng(2)
    true = rng.exponential(17.0, 60)  # median 11.8
    seen = np.maximum(true, 4.0)  # the first frame ends there
    low = np.where(true < 4, 0.0, seen - 2)
    curve = turnbull(low, seen + (true >= 4) * 2, np.ones(60), np.arange(60))
    assert curve.median_low < 11.8 < curve.median_high
    assert curve.median > 5


def simulated(seed: int, crystals: int, places: int) -> Survival:
    """Places of crystals with onsets told within an interval, some not within the record."""
    rng = np.random.default_rng(seed)
    crystal = np.repeat(np.arange(crystals), places // crystals)
    true = (
        100
        * np.exp(0.4 * rng.standard_normal(crystals)[crystal])
        * np.exp(0.2 * rng.standard_normal(places))
    )
    error = rng.uniform(2, 8, places)
    told = true + error * rng.standard_normal(places)
    low, high = told - 1.96 * error, told + 1.96 * error
    ended = rng.uniform(80, 300, places)
    held = high > ended
    return turnbull(
        np.where(held, np.minimum(np.maximum(low, 0), ended), np.maximum(low, 0)),
        np.where(held, np.inf, high), np.ones(places), crystal,
    )  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize(("crystals", "places"), [(3, 12), (20, 40)])
def test_intervals_of_the_median_hold_it(crystals: int, places: int) -> None:
    found = [simulated(seed, crystals, places) for seed in range(60)]
    low = np.array([one.median_low for one in found])
    high = np.nan_to_num([one.median_high for one in found], nan=np.inf)
    held = int(((low <= 100) & (high >= 100)).sum())
    assert held >= binom.ppf(0.01, 60, 0.95)


def test_places_of_one_movie_are_no_independent_witnesses() -> None:
    rng = np.random.default_rng(0)
    movie = np.repeat(np.arange(8), 20)
    dose = rng.uniform(50, 400, 8)[movie] + rng.normal(0, 2, 160)
    clustered = turnbull(dose, dose, np.ones(160), movie)
    alone = turnbull(dose, dose, np.ones(160), np.arange(160))
    assert (clustered.median_high - clustered.median_low) > 2 * (
        alone.median_high - alone.median_low
    )


def test_places_count_by_their_area() -> None:
    curve = turnbull([10.0, 20.0], [10.0, 20.0], [3, 1], [0, 1])
    assert np.interp(15, curve.dose, curve.survival) < 0.3


def test_of_two_crystals_nobody_tells_how_crystals_scatter() -> None:
    for cluster, known in (([0, 0, 1, 1], False), ([0, 0, 1, 2], True), ([0, 0, 0, 0], True)):
        curve = turnbull([10, 12, 20, 24], [10, 12, 20, 24], [1, 1, 1, 1], cluster)
        assert np.isfinite([curve.median_low, curve.median_high]).all() == known


def test_nobody_damaged_survives_to_the_end() -> None:
    curve = turnbull([100.0, 200.0], [np.inf, np.inf], [1, 1], [0, 1])
    assert (curve.survival == 1).all()
    assert np.isnan(curve.median)


def test_no_places_have_no_curve() -> None:
    with pytest.raises(BeamwatchError, match="one or more"):
        turnbull([], [], [], [])


def test_where_it_begins_does_not_change_the_curve() -> None:
    # Turnbull's own beginning, all intervals alike, and as many rounds as it takes.
    rng = np.random.default_rng(9)
    low = rng.uniform(0, 50, 40)
    kind = rng.integers(0, 4, 40)
    high = np.select([kind == 0, kind == 1], [low, np.inf], low + rng.uniform(1, 60, 40))
    low = np.where(kind == 3, 0.0, low)
    fates = Fates.of(low, high)
    held = fates.inside.astype(float)
    mass = np.full(held.shape[1], 1 / held.shape[1])
    for _ in range(20000):
        mass = mass * ((1 / (held @ mass)) @ held) / len(low)
    begins = np.searchsorted(fates.dose, fates.support[:, 0])
    at_begin = 1 - np.array([mass[begins < i].sum() for i in begins])
    found = fates.curves(np.ones((1, 40)))[0]
    step = fates.support[:, 0] == fates.support[:, 1]
    assert found[begins] + np.where(step, mass, 0) == pytest.approx(at_begin, abs=2e-3)


def test_a_place_that_changed_at_a_dose_changed_at_that_dose() -> None:
    assert turnbull([10.0], [10.0], [1.0], [0]).median == 10
    assert turnbull([10.0, 20.0], [10.0, 20.0], [1, 1], [0, 1]).median == 15
