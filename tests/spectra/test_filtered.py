"""Frames that were filtered are known by the noise of their electrons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from napari_beamwatch.spectra.filtered import left_by_filters, noise_of

SIDE = 1024
GY, GX = np.array([0.125, 0.3125, 0.4375, 0.0]), np.array([0.3125, 0.125, -0.25, 0.4375])


def electrons(seed: int, mean: Any = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).poisson(mean, (SIDE, SIDE)).astype(np.float64)


def left(frames: list[np.ndarray]) -> np.ndarray:
    return left_by_filters(np.array([noise_of(frame, np.inf) for frame in frames]), GY, GX)


def moved(by: tuple[float, float]) -> Callable[[np.ndarray], np.ndarray]:
    return lambda frame: ndimage.shift(frame, by, order=1, mode="grid-wrap")


def weighted(frame: np.ndarray) -> np.ndarray:
    """Less of what is fine, and of nothing all."""
    k = np.hypot(*np.meshgrid(*[np.fft.fftfreq(SIDE)] * 2))
    return np.fft.ifft2(np.fft.fft2(frame) * np.exp(-np.minimum(2 * k, 0.3))).real


def as_it_is(frame: np.ndarray) -> np.ndarray:
    return frame


@pytest.mark.parametrize(
    ("way", "off"),
    [(moved(by), 0.03) for by in ((0.5, 0.0), (0.2, 0.4), (0.0, 0.3))] + [(weighted, 0.1)],
)
def test_what_a_filter_leaves_is_what_the_noise_shows(
    way: Callable[[np.ndarray], np.ndarray], off: float
) -> None:
    frames = [as_it_is(electrons(0)), way(electrons(0))]
    power = np.abs(np.fft.fft2(frames)) ** 2
    at = (GY * SIDE).astype(int), (GX * SIDE).astype(int)
    assert left(frames) == pytest.approx((power / power[0])[:, at[0], at[1]].T, abs=off)
    assert left(frames).min() < 0.7


def test_what_all_frames_have_is_the_cameras() -> None:
    assert left([weighted(electrons(seed)) for seed in range(3)]) == pytest.approx(1, abs=0.05)


def test_a_beam_that_changes_is_no_filter() -> None:
    assert left([electrons(0), electrons(1, 0.4), electrons(2, 3.0)]) == pytest.approx(1, abs=0.05)


def test_a_strong_lattice_that_fades_is_no_filter() -> None:
    y, x = np.mgrid[:SIDE, :SIDE]
    fringes = 0.25 * (np.cos(2 * np.pi * (0.12 * y + 0.13 * x)) + np.cos(2 * np.pi * 0.18 * y))
    frames = [electrons(t, 15 * (1 + part * fringes)) for t, part in enumerate((1.0, 0.5, 0.0))]
    variance = [noise_of(frame, np.inf)[0, 0] for frame in frames]
    assert variance[0] > 1.7 * variance[2]
    assert left(frames).min() > 0.75


def test_a_frame_without_light_tells_nothing() -> None:
    none = noise_of(np.zeros((64, 64), np.uint16), np.inf)
    assert np.isnan(none).all()
    mixed, plain = np.zeros((2, 2, 5))
    plain[:, 0], mixed[0, :2], mixed[1, 0] = 1.0, (0.5, 0.25), 0.5
    found = left_by_filters(np.array([plain, none, mixed]), np.array([0.5]), np.array([0.0]))
    assert found[0] == pytest.approx([1.0, 1.0, 0.0], abs=1e-9)
