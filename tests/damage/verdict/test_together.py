"""Damage takes all spots alike; a tilt takes each in its own measure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import optimize

from napari_beamwatch.damage.course.averaging import average
from napari_beamwatch.damage.course.models import remaining
from napari_beamwatch.damage.scopes import samples_of
from napari_beamwatch.damage.verdict.together import Shares, fell_together, shares

ENDS = np.arange(1.0, 101)


def tilting(traces: Any, exponents: np.ndarray, seed: int) -> Any:
    """Spots that fall to a half over thirty frames, each to its own power of that."""
    course = 1 - 0.5 * np.clip((np.arange(100) - 40) / 30, 0, 1)
    return samples_of(traces.scope(traces.levels[:, None] * course ** exponents[:, None], seed))


def test_exponents_are_the_likeliest_of_each_spot(traces: Any) -> None:
    samples = tilting(traces, np.array([1.0, 0.6, 1.4, 2.0]), 3)
    found = average(samples)
    best, models = found.best, found.weighed.models
    h = remaining(
        ENDS - 1, ENDS, float(models.onset[best]), float(models.tau[best]), float(models.beta[best])
    )
    kept = found.weighed.residual[best].sum() / found.weighed.plateau[best].sum()
    course = h + kept * (1 - h)

    def naive(y: np.ndarray) -> float:
        def misfit(p: np.ndarray) -> float:
            s = np.exp(p[0]) * course ** p[1]
            # Score of the noise law's moments: a shifted Poisson count.
            return float(((s + 0.5) - (y + 0.5) * np.log(s + 0.5)).sum())

        return float(optimize.minimize(misfit, [1.0, 1.0], method="Nelder-Mead").x[1])

    mine = shares(samples, found, 1.0)
    assert mine.exponent == pytest.approx([naive(y) for y in samples.y], abs=0.01)


@pytest.mark.long
def test_errors_of_the_exponents_are_what_they_scatter_by(traces: Any) -> None:
    pulls = []
    for seed in range(30):
        samples = tilting(traces, np.ones(4), seed)
        found = shares(samples, average(samples), 1.0)
        pulls.append((found.exponent - 1) / found.se)
    assert 0.7 < np.std(pulls) < 1.3


def test_a_spot_that_was_nowhere_measured_says_nothing(traces: Any) -> None:
    samples = tilting(traces, np.ones(4), 0)
    seen = samples.windows * np.array([1.0, 1, 1, 0])[:, None]
    found = shares(replace(samples, windows=seen), average(samples), 1.0)
    assert np.isfinite(found.se).tolist() == [True, True, True, False]
    with np.errstate(all="raise", under="ignore"):
        known = Shares(found.exponent[:3], found.se[:3])
        assert fell_together(found) == pytest.approx(fell_together(known))


def test_spots_that_go_alike_speak_for_damage_and_others_for_a_tilt() -> None:
    error = np.full(3, 0.05)
    assert fell_together(Shares(np.array([1.0, 1.03, 0.98]), error)) > 10
    assert fell_together(Shares(np.array([1.0, 1.6, 0.5]), error)) < 0.01
    assert fell_together(Shares(np.array([1.0, 1.6, 0.5]), np.full(3, 2.0))) == 1
