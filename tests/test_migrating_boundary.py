"""A grain that grows at the cost of its neighbour is no loss of lattice."""

from __future__ import annotations

import numpy as np
import pytest

import napari_beamwatch as bw

SIZE, FRAMES, DOSE = 256, 32, 25.0


def fringes(degrees: float) -> np.ndarray:
    """Two spacings of a grain, at an angle, of amplitude 0.1 each."""
    y, x = np.mgrid[:SIZE, :SIZE]
    turns = np.radians(degrees + np.array([0.0, 55.0]))
    waves = [np.cos(2 * np.pi * (y * np.sin(t) + x * np.cos(t)) / d)
             for t, d in zip(turns, (6.6, 5.7), strict=True)]  # fmt: skip
    return 0.1 * np.sum(waves, axis=0)


@pytest.mark.long
def test_a_boundary_that_migrates_turns_crystals_and_loses_none() -> None:
    rng = np.random.default_rng(1)
    left, right, x = fringes(10), fringes(45), np.arange(SIZE)
    grown = np.clip((np.arange(FRAMES) - 10) / 10, 0, 1)
    share = 1 / (1 + np.exp((x - 80 - 110 * grown[:, None]) / 3))
    pictures = 1 + share[:, None] * left + (1 - share[:, None]) * right
    frames = rng.poisson(pictures * DOSE * 0.35**2).astype(np.float32)
    found = bw.analyze(bw.Movie.from_array(frames, pixel_size=0.35, frame_dose=DOSE))
    assert found.onsets["status"].iloc[0] in ("survived", "ambiguous")
    assert not (found.places["status"] == "onset").any()
    assert found.places["reason"].str.contains("the crystal turned").any()
