"""A lattice that becomes another in its own orientation, and the windows that part the two."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import napari_beamwatch as bw

PIXEL, FRAMES, AT = 0.35, 40, 20
ZONE = (((1, 1, 1), 0.0), ((1, -1, 1), 70.53), ((0, 0, 2), 35.26), ((2, 2, 0), -54.74))
"""Of [110]: reflections and their angles in degrees."""


def fringes(cell: float, size: int, phase: float) -> np.ndarray:
    y, x = np.mgrid[:size, :size] * PIXEL
    total = np.zeros((size, size))
    for hkl, angle in ZONE:
        g, turn = np.linalg.norm(hkl) / cell, np.radians(angle + 17)
        total += np.cos(2 * np.pi * g * (y * np.sin(turn) + x * np.cos(turn)) + phase)
    return total


@cache
def analyzed(cell: float, window: int | None = None) -> bw.Result:
    """LiF that becomes a lattice of another cell at frame 20, in the same orientation."""
    size, rng = 256, np.random.default_rng(3)
    old, new = fringes(4.026, size, 0.3), fringes(cell, size, 1.4)
    left = np.exp(-np.maximum(np.arange(FRAMES) - AT, 0) / 4)
    frames = [rng.poisson(4 * (1 + 0.1 * (a * old + (1 - a) * new))) for a in left]
    movie = bw.Movie.from_array(np.array(frames, np.uint16), PIXEL, 20.0)
    settings = bw.Settings(phases=("LiF", "Li2O"), window=window, criteria=("fading", "new_phase"))
    return bw.analyze(movie, settings)


@pytest.mark.long
def test_windows_part_the_spots_of_a_lattice_and_what_it_becomes() -> None:
    # Of 22 Å LiF 111 and Li2O 111 are 1.2 bins apart: one spot that walks.
    result = analyzed(4.614)
    row = result.onsets.iloc[0]
    assert result.settings.window == 128
    assert (row.status, row.criterion) == ("onset", "new_phase")
    assert abs(row.onset_dose_e_per_A2 - 20.0 * AT) < 20.0
    assert any("one that walks" in note for note in result.notes)


@pytest.mark.long
def test_windows_that_somebody_asked_for_stay() -> None:
    assert analyzed(4.614, 64).settings.window == 64


@pytest.mark.long
def test_a_lattice_that_strains_keeps_its_windows() -> None:
    assert analyzed(4.026 * 1.02).settings.window == 64
