"""The noise law is noncentral χ² to seven digits, and what windows really do."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from napari_beamwatch.damage.course.law import log_density, log_scaled_bessel, quasi_log_likelihood


@pytest.mark.parametrize("order", [0.0, 0.3, 1.0, 2.7, 8.0, 9.0, 15.0, 400.0])
def test_bessel_function_is_that_of_scipy(order: float) -> None:
    for z in (1e-6, 0.1, 1.0, 3.74, 3.76, 10.0, 300.0, 3e4):
        scaled = special.ive(order, z)
        if scaled > 1e-290:
            naive = np.log(scaled) + z - order * np.log(z / 2)
            assert log_scaled_bessel(order, z) == pytest.approx(naive, rel=1e-7, abs=1e-6)


@pytest.mark.parametrize(("windows", "in_phase", "own"), [(1, 1, 1), (4, 2.2, 1.5), (60, 3, 2)])
@pytest.mark.parametrize("s", [0.0, 0.01, 0.5, 3.0, 40.0])
def test_density_is_that_of_scipy(windows: int, in_phase: float, own: float, s: float) -> None:
    f = (2 * s * in_phase + own) / (1 + 2 * s)
    c = f / (2 * windows)
    spread = np.sqrt((1 + 2 * s) * f / windows)
    for y in (max(-0.9, s - 2 * spread), s, s + 3 * spread):
        naive = stats.ncx2.logpdf((y + 1) / c, 2 * windows / f, max(s / c, 1e-12)) - np.log(c)
        mine = log_density(float(y), s, windows, in_phase, own)
        assert mine == pytest.approx(naive, rel=1e-6, abs=1e-6)


def test_density_stays_finite_from_nothing_to_very_strong() -> None:
    for s in (0.0, 1e-12, 1.0, 1e5):
        for y in (-1.0, 0.0, 1.0, 1e5):
            assert np.isfinite(log_density(y, s, 1.0, 1.0, 1.0))


@pytest.mark.parametrize("s", [0.0, 0.7, 12.0])
def test_phasors_in_noise_follow_the_law(s: float) -> None:
    rng = np.random.default_rng(3)
    noise = (rng.standard_normal((20_000, 3)) + 1j * rng.standard_normal((20_000, 3))) / np.sqrt(2)
    y = (np.abs(np.sqrt(s) + noise) ** 2).mean(axis=1) - 1
    grid = np.linspace(-1 + 1e-6, y.max() + 1, 4000)
    density = np.exp([log_density(v, s, 3.0, 1.0, 1.0) for v in grid])
    cumulative = np.cumsum(density) * (grid[1] - grid[0])
    assert cumulative[-1] == pytest.approx(1, abs=2e-3)
    law = np.interp(np.sort(y), grid, cumulative)
    assert np.abs(law - np.linspace(0, 1, len(y))).max() < 1.63 / np.sqrt(len(y)) + 2e-3


def test_quasi_likelihood_has_the_score_of_the_moments() -> None:
    y, s, windows, in_phase, own = 2.0, 1.3, 5.0, 2.0, 1.4
    step = 1e-5
    law = (windows, in_phase, own)
    score = quasi_log_likelihood(y, s + step, *law) - quasi_log_likelihood(y, s - step, *law)
    variance = (2 * s * in_phase + own) / windows
    assert score / (2 * step) == pytest.approx((y - s) / variance, rel=1e-6)
