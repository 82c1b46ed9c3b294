"""Intervals of the onset cover, with and without a plateau, stretched or not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from napari_beamwatch.damage.course.averaging import average
from napari_beamwatch.damage.course.interval import course
from napari_beamwatch.damage.scopes import samples_of


@pytest.mark.long
@pytest.mark.parametrize("beta", [0.8, pytest.param(1.0, marks=pytest.mark.long), 1.6])
def test_intervals_cover_as_stated(traces: Any, beta: float) -> None:
    covered = 0
    for seed in range(24):
        rng = np.random.default_rng(seed)
        onset, tau = rng.uniform(15, 70), np.exp(rng.uniform(np.log(2), np.log(15)))
        samples = samples_of(traces.scope(traces.fading(onset, tau, beta=beta), seed))
        found = course(samples, average(samples)).onset
        covered += found.low <= onset <= found.high
    assert stats.binomtest(covered, 24, 0.95, "less").pvalue > 0.01


def test_an_abrupt_loss_is_placed_within_a_frame(traces: Any) -> None:
    samples = samples_of(traces.scope(traces.fading(43.6, 0.3), 1))
    found = course(samples, average(samples))
    assert found.onset.value == pytest.approx(43.6, abs=0.7)
    assert found.no_plateau < 1e-3
    assert found.loss > 0.95


@pytest.mark.long
def test_steps_within_a_frame_are_held_by_most_intervals(traces: Any) -> None:
    held, early = 0, []
    for seed in range(24):
        onset = np.random.default_rng(seed).uniform(25, 35)
        samples = samples_of(traces.scope(traces.fading(onset, 0.0, 60), seed))
        found = course(samples, average(samples)).onset
        held += found.low <= onset <= found.high
        early.append(onset - found.value)
    assert held >= 18
    assert np.median(early) < 0.45


@pytest.mark.long
def test_doses_of_half_and_1e_cover_those_of_the_law(traces: Any) -> None:
    covered = np.zeros(3)
    for seed in range(24):
        samples = samples_of(traces.scope(traces.fading(40, 10), seed, windows=30))
        found = course(samples, average(samples))
        truth = (40 + 10 * np.log(2), 50, 10)
        for i, one in enumerate((found.half_dose, found.dose_1e, found.decay)):
            covered[i] += one.low <= truth[i] <= one.high
            assert one.value == pytest.approx(truth[i], abs=4)
    assert all(stats.binomtest(int(c), 24, 0.95, "less").pvalue > 0.01 for c in covered)


def test_decay_from_the_first_frame_shows_no_plateau(traces: Any) -> None:
    samples = samples_of(traces.scope(traces.fading(0, 15), 2))
    assert course(samples, average(samples)).no_plateau > 0.3


def test_a_loss_that_goes_on_beyond_the_record_has_no_1e_dose(traces: Any) -> None:
    samples = samples_of(traces.scope(traces.fading(60, 90), 1, windows=60))
    assert np.isnan(course(samples, average(samples)).dose_1e.value)


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_answers_do_not_depend_on_the_unit_of_the_dose(traces: Any, scale: float) -> None:
    samples = samples_of(traces.scope(traces.fading(40, 10), 1))
    scaled = replace(samples, start=samples.start * scale, end=samples.end * scale)
    plain, found = (course(each, average(each)).onset for each in (samples, scaled))
    for name in ("value", "low", "high"):
        assert getattr(found, name) == pytest.approx(scale * getattr(plain, name), rel=1e-6)


def test_power_beyond_all_electrons_has_an_answer(traces: Any) -> None:
    samples = samples_of(traces.scope(traces.fading(40, 10), 1))
    average(replace(samples, y=samples.y * 1e16))


def test_the_same_traces_give_the_same_answer(traces: Any) -> None:
    samples = samples_of(traces.scope(traces.fading(40, 10), 1))
    assert course(samples, average(samples)) == course(samples, average(samples))
