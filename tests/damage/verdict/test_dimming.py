"""What dims a lattice that holds: a drift that sets in with a loss, an interpolation that does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_beamwatch.damage.course.examining import examine
from napari_beamwatch.damage.scopes import Witnesses
from napari_beamwatch.damage.verdict.dimming import moved_within
from napari_beamwatch.damage.verdict.judging import judge


def drift(slow: float, fast: float, sets_in: int = 40) -> np.ndarray:
    """Pixels along both axes, faster from some frame on."""
    step = np.where(np.arange(100) < sets_in, slow, fast)
    return np.stack([np.cumsum(step), 0.3 * np.cumsum(step)], axis=1)


@pytest.mark.parametrize(
    ("slow", "fast", "sets_in", "status"),
    [
        (0.2, 9.0, 40, "ambiguous"),
        (0.2, 0.6, 40, "onset"),
        (3.0, 3.0, 40, "onset"),
        (0.2, 9.0, 80, "onset"),
    ],
)
def test_a_drift_that_sets_in_with_a_loss_may_have_made_it(
    traces: Any, slow: float, fast: float, sets_in: int, status: str
) -> None:
    moved = moved_within(drift(slow, fast, sets_in), np.full(100, 0.1))
    verdict = judge(examine(traces.scope(traces.fading(40, 5), 1), None), (),
                    Witnesses(moved_px=moved))  # fmt: skip
    assert verdict.status == status
    assert ("a drift that set in with it" in verdict.reason) is (status == "ambiguous")


def test_a_drift_that_is_not_known_says_nothing(traces: Any) -> None:
    moved = moved_within(drift(0.2, 9.0), np.full(100, np.nan))
    assert not moved.any()
    moved = moved_within(drift(0.2, 0.25), np.full(100, 0.5))
    assert not moved.any()


def test_a_stage_that_jumped_between_two_frames_moved_within_neither() -> None:
    jumped = drift(0.5, 0.5) + np.where(np.arange(100) < 40, 0, 64)[:, None]
    assert moved_within(jumped, np.full(100, 0.01)) == pytest.approx(np.tile([0.5, 0.15], (100, 1)))


@pytest.mark.parametrize(
    ("low", "high", "fine", "status"),
    [
        (0.0, 0.5, 5.0, "ambiguous"),
        (0.5, 0.5, 5.0, "onset"),
        (0.0, 0.05, 5.0, "onset"),
        (0.0, 0.5, 1.0, "onset"),
    ],
)
def test_pixels_that_become_alike_take_fine_spots_along(
    traces: Any, low: float, high: float, fine: float, status: str
) -> None:
    mixed = np.where(np.arange(100) < 40, low, high)[:, None] / 2  # of two neighbours
    noise = np.zeros((100, 2, 5))
    noise[..., 0], noise[..., 1] = (1 - 2 * mixed) ** 2, mixed * (1 - 2 * mixed)
    scope = traces.scope(traces.fading(40, 5), 1, fine * traces.g)
    verdict = judge(examine(scope, None), (), Witnesses(noise=noise))
    assert verdict.status == status
    assert ("the noise of the electrons fell" in verdict.reason) is (status == "ambiguous")
