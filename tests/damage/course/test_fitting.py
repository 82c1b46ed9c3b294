"""Levels are the weighted least squares they claim to be, and likelihoods those of the law."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import optimize

from napari_beamwatch.damage.course.fitting import Models, exactly, fit_levels, weighed
from napari_beamwatch.damage.course.law import log_density, quasi_log_likelihood
from napari_beamwatch.damage.course.models import remaining
from napari_beamwatch.damage.scopes import samples_of


@pytest.mark.parametrize("residual", [0.0, 1.2, 6.0])
def test_levels_are_where_the_quasi_likelihood_is_highest(traces: Any, residual: float) -> None:
    ends = np.arange(1.0, 81)
    shape = remaining(ends - 1, ends, 30.0, 8.0, 1.0)
    signal = (4 * shape + residual * (1 - shape))[None]
    samples = samples_of(traces.scope(signal, g=traces.g[:1]))
    law = (4.0, 1.0, 1.0)

    def naive(levels: np.ndarray) -> float:
        s = levels[0] * shape + levels[1] * (1 - shape)
        return -sum(
            quasi_log_likelihood(y, max(v, 0.0), *law) for y, v in zip(samples.y[0], s, strict=True)
        )

    best = optimize.minimize(naive, [3, 1], bounds=[(0, None)] * 2).x
    mine = fit_levels(
        samples.y[0], samples.windows[0], 1.0, 1.0, samples.beam, shape, 1 - shape, 1.0, 1.0, 20
    )
    assert mine == pytest.approx(best, abs=2e-3)


@pytest.mark.parametrize("coherent", [False, True])
def test_the_likelihood_of_a_model_is_the_sum_of_the_law(traces: Any, coherent: bool) -> None:
    samples = samples_of(traces.scope(traces.fading(40, 10)))
    shapes = np.array([40.0, 0.0]), np.array([10.0, 50.0]), np.array([1.0, 2.0])
    models = Models(*shapes, coherent)
    found = weighed(samples, models, exact=True)
    for m in range(2):
        h = remaining(samples.start, samples.end, models.onset[m], models.tau[m], models.beta[m])
        naive = 0.0
        for i in range(4):
            came = (1 - h**0.5) ** 2 if coherent else 1 - h
            s = found.plateau[m, i] * h + found.residual[m, i] * came
            naive += sum(
                log_density(y, v, 4.0, 1.0, 1.0) for y, v in zip(samples.y[i], s, strict=True)
            )
        assert found.log_likelihood[m] == pytest.approx(naive, rel=1e-9)


@pytest.mark.parametrize("windows", [1, 4, 60])
def test_tables_of_the_law_stand_in_for_it(traces: Any, windows: int) -> None:
    samples = samples_of(traces.scope(traces.fading(40, 10) * 8, windows=windows))
    models = Models(np.linspace(39, 41, 60), np.linspace(11, 9, 60), np.ones(60))
    kept = np.arange(0, 60, 2)
    by_tables = exactly(samples, weighed(samples, models, exact=False), kept)
    by_law = weighed(samples, models, exact=True)
    assert by_tables.models.onset.tolist() == models.onset[kept].tolist()
    assert by_tables.log_likelihood == pytest.approx(by_law.log_likelihood[kept], abs=0.02)


def test_frames_that_were_not_measured_do_not_count(traces: Any) -> None:
    scope = traces.scope(traces.fading(40, 10))
    scope.traces[1].snr[20:30] = np.nan
    samples = samples_of(scope)
    assert (samples.windows[1, 20:30] == 0).all()
    models = Models(np.array([40.0]), np.array([10.0]), np.array([1.0]))
    before = weighed(samples, models, exact=True).log_likelihood
    samples.y[1, 20:30] = 1e6
    assert weighed(samples, models, exact=True).log_likelihood == before


def test_binned_samples_keep_sums_and_doses(traces: Any) -> None:
    samples = samples_of(traces.scope(traces.fading(40, 10, frames=101)))
    coarse = samples.binned(4)
    assert (coarse.y * coarse.windows).sum() == pytest.approx((samples.y * samples.windows).sum())
    assert coarse.start[0] == 0
    assert coarse.end[-1] == 101
    assert (coarse.start[1:] == coarse.end[:-1]).all()


def test_windows_that_leave_the_detector_count_less(traces: Any) -> None:
    scope = traces.scope(traces.steady())
    left = np.where(np.arange(100) < 50, 4.0, 2.0)
    fewer = replace(scope, traces=tuple(replace(t, windows=left) for t in scope.traces))
    samples = samples_of(fewer)
    assert (samples.windows[:, 49] == 4).all()
    assert (samples.windows[:, 50] == 2).all()
