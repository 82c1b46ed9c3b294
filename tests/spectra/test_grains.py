"""Reflections are joined into crystals by lattice, place and time; grains that meet stay apart."""

from __future__ import annotations

import numpy as np
import pytest

import napari_beamwatch as bw
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.spectra.crystals import join
from napari_beamwatch.spectra.finding import Peaks
from napari_beamwatch.spectra.grains import (
    Footprints,
    best_partners,
    fragments,
    sums_and_differences,
)
from napari_beamwatch.spectra.windows import Grid

GRID = Grid(640, 640, 128, 64)
ROWS, COLUMNS = (axis.ravel() for axis in np.mgrid[:9, :9])
ALWAYS = (1, 1, 1, 1, 1)
FAINTEST = 20.0


def grain(y: float, x: float, strength: float) -> np.ndarray:
    """Signal-to-noise ratios over the windows of a round grain; what is faint is not seen."""
    power = strength * np.exp(-((ROWS - y) ** 2 + (COLUMNS - x) ** 2) / 4)
    return np.where(power >= FAINTEST, power, 0.0)


def crystals(*reflections: tuple[tuple[float, float], np.ndarray, tuple[int, ...]]) -> list[int]:
    """Crystal of each reflection: its frequency in bins, its powers, its segments."""
    rows = [(w, g, powers, seen) for g, powers, seen in reflections for w in np.flatnonzero(powers)]
    rows.sort(key=lambda row: int(row[0]))
    window = np.array([row[0] for row in rows])
    g = np.array([row[1] for row in rows]) / GRID.window
    snr = np.array([row[2][row[0]] for row in rows])
    seen = np.array([row[3] for row in rows], bool)
    at = np.where(seen[..., None], g[:, None], np.nan)
    ones = np.ones(len(rows))
    first = seen.argmax(axis=1)
    power = np.where(seen, snr[:, None], 0.0)
    none = np.full_like(power, np.nan)
    peaks = Peaks(
        window,
        g[:, 0],
        g[:, 1],
        snr,
        ones,
        first,
        ones,
        ones,
        seen,
        at,
        power,
        none,
        ~seen[:, 0] & False,
    )
    joined = join(peaks, GRID)
    found = []
    for (gy, gx), _, _ in reflections:
        away = np.hypot(joined.gy * GRID.window - gy, joined.gx * GRID.window - gx)
        found.append(int(joined.crystal[away.argmin()]))
    return found


def test_the_two_pairs_of_a_grain_seen_along_001_are_one_crystal() -> None:
    strong, weak = grain(4, 4, 400.0), grain(4, 4, 60.0)
    # Each pair is strongest in its own way, so that it finds its partner within itself.
    found = crystals(
        ((0.0, 16.0), strong, ALWAYS), ((16.0, 0.0), strong * 1.1, ALWAYS),
        ((16.1, 16.0), weak, ALWAYS), ((-16.0, 16.1), weak * 1.1, ALWAYS),
    )  # fmt: skip
    assert len(set(found)) == 1


def test_grains_that_meet_at_a_border_stay_apart() -> None:
    one, other = grain(4, 2, 400.0), grain(4, 5, 400.0)
    assert ((one > 0) & (other > 0)).sum() > 10
    found = crystals(
        ((0.0, 16.0), one, ALWAYS), ((16.0, 0.0), one, ALWAYS),
        ((6.0, 14.0), other, ALWAYS), ((-14.0, 6.0), other, ALWAYS),
    )  # fmt: skip
    assert found[0] == found[1] != found[2] == found[3]


def test_one_reflection_of_a_grain_at_the_border_of_a_larger_one_is_left_to_itself() -> None:
    large, small = grain(4, 3, 800.0), grain(4, 6, 200.0)
    assert ((small > 0) & (large > 0)).sum() > 0.5 * (small > 0).sum()
    found = crystals(
        ((0.0, 16.0), large, ALWAYS), ((16.0, 0.0), large, ALWAYS), ((6.0, 14.0), small, ALWAYS)
    )
    assert found[0] == found[1] != found[2]


def test_a_fragment_on_the_lattice_of_a_larger_crystal_belongs_to_it() -> None:
    g = np.array([[0.0, 16.0], [11.3, 8.0], [5.6, 4.1], [5.0, -7.0]])
    power = np.stack([grain(4, 4, strength) for strength in (400.0, 300.0, 60.0, 60.0)])
    footprints = Footprints(g, power, np.ones((4, 5), bool), np.zeros(4, bool))
    assert fragments(footprints, np.array([0, 0, 1, 2])) == [(2, 0)]


def test_what_comes_in_the_place_of_a_lattice_is_another_crystal() -> None:
    power = np.stack([grain(4, 4, 400.0)] * 3)
    g = np.array([[0.0, 16.0], [16.0, 0.0], [16.0, 16.0]])
    seen = np.array([(1, 1, 1, 0, 0), (1, 1, 1, 0, 0), (0, 0, 0, 1, 1)], bool)
    footprints = Footprints(g, power, seen, np.zeros(len(g), bool))
    assert {frozenset(pair) for pair in best_partners(footprints)} == {frozenset((0, 1))}
    assert sums_and_differences(footprints) == []
    seen[2] = True
    assert sums_and_differences(footprints)


def test_a_weak_reflection_that_few_windows_show_is_like_a_strong_one_of_its_crystal() -> None:
    strong, weak = grain(4, 4, 400.0), grain(4, 4, 25.0)
    beside = grain(4, 7, 200.0)
    of = Footprints(
        np.zeros((3, 2)), np.stack([strong, weak, beside]), np.ones((3, 5), bool), np.zeros(3, bool)
    )
    assert (weak > 0).sum() < 0.2 * (strong > 0).sum()
    assert of.alike(0, 1) > 0.9
    assert of.alike(1, 0) == pytest.approx(of.alike(0, 1))
    assert of.alike(0, 2) < 0.5


@pytest.mark.long
def test_a_mosaic_has_about_as_many_crystals_as_grains() -> None:
    movie = simulate("mosaic", grains=4, seed=3, frames=40, frame_dose=8.0, size=512)
    spots = bw.find_spots(movie)
    assert spots.crystal.nunique() == 4
