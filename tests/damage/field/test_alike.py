"""Whether places err alike is told by what their laws leave of their traces."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_beamwatch.damage.course.averaging import average
from napari_beamwatch.damage.course.interval import Fitted, fitted
from napari_beamwatch.damage.field.alike import errors_alike
from napari_beamwatch.damage.scopes import samples_of


def courses(traces: Any, wanders: np.ndarray) -> list[Fitted]:
    """Of places whose traces go up and down, each by a row."""
    found = []
    for seed, path in enumerate(wanders):
        samples = samples_of(traces.scope(traces.fading(60, 10) * path, seed, windows=16))
        found.append(fitted(samples, average(samples)))
    return found


@pytest.fixture(scope="module")
def paths() -> np.ndarray:
    """Four slow paths about 1."""
    rng = np.random.default_rng(3)
    knots = 1 + 0.4 * rng.uniform(-1, 1, (4, 13))
    return np.array([np.interp(np.arange(100), np.arange(0, 104, 8), each) for each in knots])


def test_what_takes_all_places_along_makes_them_err_alike(traces: Any, paths: np.ndarray) -> None:
    assert errors_alike(courses(traces, np.repeat(paths[:1], 3, axis=0))) > 0.6


def test_places_that_wander_each_by_itself_do_not(traces: Any, paths: np.ndarray) -> None:
    assert errors_alike(courses(traces, paths)) < 0.3


def test_noise_is_not_alike(traces: Any) -> None:
    assert errors_alike(courses(traces, np.ones((4, 100)))) < 0.2


def test_one_place_has_nothing_to_err_with(traces: Any) -> None:
    assert errors_alike(courses(traces, np.ones((1, 100)))) == 0
