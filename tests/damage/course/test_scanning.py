"""One pass finds what trying everything finds."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest

from napari_beamwatch.damage.course.fitting import mean_levels
from napari_beamwatch.damage.course.scanning import best_cuts, falls
from napari_beamwatch.damage.scopes import samples_of
from napari_beamwatch.damage.verdict.focus import focus_misfit


def test_cuts_are_the_best_of_all() -> None:
    rng = np.random.default_rng(1)
    value = np.concatenate([np.ones(4), np.zeros(3), np.full(4, 0.7)]) + 0.1 * rng.normal(size=11)
    variance = rng.uniform(0.005, 0.02, 11)

    def cost(starts: tuple[int, ...]) -> float:
        edges = [0, *starts, 11]
        total = 8.0 * len(starts)
        for a, b in pairwise(edges):
            w = 1 / variance[a:b]
            mean = w @ value[a:b] / w.sum()
            total += w @ (value[a:b] - mean) ** 2
        return float(total)

    every = [c for n in range(5) for c in combinations(range(1, 11), n)]
    best = min(every, key=cost)
    assert best_cuts(value, variance, 8.0).tolist() == [0, *best]


def test_falls_are_differences_of_means_in_standard_errors(traces: Any) -> None:
    samples = samples_of(traces.scope(traces.fading(30, 5, frames=60)))
    z = falls(samples)
    level = mean_levels(samples)[2]
    variance = (2 * level + 1) / 4
    for c in (5, 30, 55):
        before, after = samples.y[2, :c], samples.y[2, c:]
        error = np.sqrt(variance * (1 / len(before) + 1 / len(after)))
        assert z[2, c] == pytest.approx((before.mean() - after.mean()) / error)


def test_a_drifting_focus_is_fitted_as_by_least_squares() -> None:
    rng = np.random.default_rng(2)
    end = np.arange(1.0, 13)
    y, weight = rng.uniform(0, 3, (2, 12)), rng.uniform(0.5, 2, (2, 12))
    g, amounts = np.array([0.05, 0.08]), np.array([1.0, 4.0])
    least = np.inf
    for a in range(3):
        for b in range(a + 1, 4):
            path = np.clip((end - 0.5 - 4 * a) / (4 * (b - a)), 0, 1)
            for amount in amounts:
                total = 0.0
                for i in range(2):
                    phase = amount * (g[i] / 0.08) ** 2 * path
                    rows = np.stack([np.ones(12), np.cos(phase), np.sin(phase)], axis=1)
                    root = np.sqrt(weight[i])
                    terms = np.linalg.lstsq(rows * root[:, None], y[i] * root)[0]
                    total += weight[i] @ (y[i] - np.maximum(rows @ terms, 0)) ** 2
                least = min(least, total)
    mine = focus_misfit(y, weight, g, end - 1, end, amounts, 3)
    assert mine == pytest.approx(least, rel=2e-2)
