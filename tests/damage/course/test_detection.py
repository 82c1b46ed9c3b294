"""A lasting loss is found at the stated rate of false alarms, and what recovers is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from napari_beamwatch.damage.course import power
from napari_beamwatch.damage.course.averaging import average
from napari_beamwatch.damage.course.detection import (
    detect,
    dispersion_of,
    first_detected,
    lost_from,
    threshold,
)
from napari_beamwatch.damage.course.dips import find_dips
from napari_beamwatch.damage.course.interval import course
from napari_beamwatch.damage.course.power import power_of
from napari_beamwatch.damage.scopes import samples_of


@pytest.mark.parametrize(("windows", "spots"), [(1, 1), (1, 4), (16, 4)])
def test_steady_records_alarm_no_more_often_than_stated(
    traces: Any, windows: int, spots: int
) -> None:
    alarms = 0
    for seed in range(400):
        signal = traces.steady(80)[:spots] / np.sqrt(windows)
        samples = samples_of(traces.scope(signal, seed, windows=windows))
        alarms += detect(samples, 0.05).found
    assert stats.binomtest(alarms, 400, 0.05, "greater").pvalue > 0.01


def test_a_threshold_rises_with_what_is_looked_at() -> None:
    assert threshold(4, 100, 0.001) > threshold(4, 100, 0.01) > threshold(1, 100, 0.01)
    assert threshold(4, 200, 0.01) > threshold(4, 50, 0.01)


def test_as_many_spots_as_a_crystal_may_have_and_any_rate_have_a_threshold() -> None:
    for spots in (1, 60, 400, 3000):
        assert 0 < power._needed(spots, threshold(spots, 100, 0.01)) < 10
    assert threshold(3, 100, 1e-12) > threshold(3, 100, 1e-6)


def test_power_is_what_simulated_losses_show(traces: Any) -> None:
    signal = traces.steady(80) / 3
    power = power_of(samples_of(traces.scope(signal, 1)), 0.01)
    loss = power.detectable_loss_percent / 100
    found = 0
    for seed in range(300):
        left = np.where(np.arange(80) < 40, 1, 1 - loss)
        found += detect(samples_of(traces.scope(signal * left, seed)), 0.01).found
    # The best of all places does better than the true one alone.
    assert found / 300 >= 0.91


def test_survived_dose_is_the_last_place_with_power(traces: Any) -> None:
    signal = traces.steady(80) / 3
    power = power_of(samples_of(traces.scope(signal, 1)), 0.01)
    place = int(power.survived_dose)
    rates = []
    for later in (0, 15):
        found = 0
        for seed in range(200):
            left = np.where(np.arange(80) < place + later, 1, np.exp(-1))
            found += detect(samples_of(traces.scope(signal * left, seed)), 0.01).found
        rates.append(found / 200)
    assert rates[0] >= 0.88
    assert rates[1] < 0.9 * rates[0]


def test_too_few_electrons_have_no_power(traces: Any) -> None:
    power = power_of(samples_of(traces.scope(traces.steady() * 0.005, 1)), 0.01)
    assert np.isnan(power.survived_dose)
    assert np.isnan(power.detectable_loss_percent)


def test_a_dip_that_recovers_is_an_event_and_no_alarm(traces: Any) -> None:
    left = np.ones(100)
    left[40:55] = 0.2
    samples = samples_of(traces.scope(traces.steady() * left, 3))
    dips = find_dips(samples)
    assert [event.kind for event in dips.events] == ["recovered"]
    assert dips.events[0].dose_from == pytest.approx(40, abs=1)
    assert dips.events[0].dose_to == pytest.approx(55, abs=1)
    assert dips.events[0].depth == pytest.approx(0.8, abs=0.1)
    assert not detect(samples.without(dips.masked), 0.01).found


def test_a_specimen_that_comes_to_rest_is_settling(traces: Any) -> None:
    left = 1 - 0.8 * np.exp(-np.arange(100) / 6)
    dips = find_dips(samples_of(traces.scope(traces.steady() * left, 3)))
    assert [event.kind for event in dips.events] == ["settling"]


@pytest.mark.long
def test_what_is_left_of_a_settling_does_not_make_the_onset_late(traces: Any) -> None:
    comes = 1 - np.exp(-np.arange(40) / 2)
    covered = 0
    for seed in range(10):
        signal = traces.fading(8, 6, frames=40) * comes
        samples = samples_of(traces.scope(signal, seed, windows=40))
        still = samples.without(find_dips(samples).masked)
        found = course(still, average(still)).onset
        covered += found.low <= 8 <= found.high
    assert covered >= 9


def test_a_plateau_is_left_beside_a_settling(traces: Any) -> None:
    left = np.where(np.arange(60) < 15, 0.3, 1.0)
    samples = samples_of(traces.scope(traces.fading(22, 6, frames=60) * left, 3, windows=16))
    masked = find_dips(samples).masked
    assert masked[:15].all()
    assert not masked[18:].any()  # of seven, and a quarter of them


def test_a_lasting_loss_is_no_dip(traces: Any) -> None:
    dips = find_dips(samples_of(traces.scope(traces.fading(40, 10), 3)))
    assert not dips.masked[35:].any()


def test_a_plateau_before_a_fade_does_not_dip_by_its_own_noise(traces: Any) -> None:
    # Its noise is five times that of the mean signal of the record.
    signal = traces.fading(25, 2, frames=120) * 5
    dips = [find_dips(samples_of(traces.scope(signal, seed))).events for seed in range(200)]
    assert sum(map(bool, dips)) <= 2


def test_detection_comes_after_the_change_and_loss_after_that(traces: Any) -> None:
    samples = samples_of(traces.scope(traces.fading(40, 10), 3))
    detected, lost = first_detected(samples, 0.01), lost_from(samples, 0.01)
    assert 40 < detected < 60
    # 15 windows' worth of signal falls to one: 10·ln 46 frames.
    assert 60 < lost < 90


def test_a_lattice_that_is_there_at_the_end_is_not_lost(traces: Any) -> None:
    assert np.isnan(lost_from(samples_of(traces.scope(traces.steady(), 3)), 0.01))


def test_a_flickering_lattice_scatters_wider_than_the_law(traces: Any) -> None:
    rng = np.random.default_rng(5)
    signal = 20 * traces.steady(200)
    assert dispersion_of(samples_of(traces.scope(signal))) == 1
    flicker = rng.normal(1, 0.3, 200) ** 2
    assert dispersion_of(samples_of(traces.scope(signal * flicker))) > 3
