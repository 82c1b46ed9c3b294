"""Frames that were aligned by interpolation are known by their noise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_beamwatch.spectra.blending import left_by_blending, neighbours_alike

SIDE = 1024


def test_what_is_left_is_what_the_noise_shows() -> None:
    counts = np.random.default_rng(0).poisson(1.0, (SIDE, SIDE)) - 1.0
    moves = [(0.0, 0.0), (0.5, 0.0), (0.2, 0.4), (0.0, 0.3)]
    frames = [ndimage.shift(counts, move, order=1, mode="grid-wrap") for move in moves]
    alike = np.array([neighbours_alike(frame, np.inf) for frame in frames])
    gy, gx = np.array([0.125, 0.3125, 0.4375, 0.0]), np.array([0.3125, 0.125, -0.25, 0.4375])
    found = left_by_blending(alike, gy, gx)
    power = np.abs(np.fft.fft2(frames)) ** 2
    at = (gy * SIDE).astype(int), (gx * SIDE).astype(int)
    expected = (power / power[0])[:, at[0], at[1]].T
    assert found == pytest.approx(expected, abs=0.03)
    assert found.min() < 0.2


def test_pixels_that_are_alike_in_all_frames_are_the_cameras() -> None:
    alike = np.tile([0.4, 0.2], (5, 1))
    assert (left_by_blending(alike, np.array([0.3]), np.array([0.2])) == 1).all()


def test_a_frame_without_light_tells_nothing() -> None:
    assert np.isnan(neighbours_alike(np.zeros((64, 64), np.uint16), np.inf)).all()
    alike = np.array([[0.0, 0.0], [np.nan, np.nan], [0.5, 0.0]])
    found = left_by_blending(alike, np.array([0.5]), np.array([0.0]))
    assert found[0] == pytest.approx([1.0, 1.0, 0.0], abs=1e-9)
