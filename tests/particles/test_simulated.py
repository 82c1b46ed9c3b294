"""Simulated specimens whose particles shrink, open voids, get coated, or are not there."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from napari_beamwatch.particles import Particles, find_particles
from napari_beamwatch.simulate.bodies import BODIES
from napari_beamwatch.simulate.cases import simulate

PIXEL = 0.5
FILMED = {"size": 256, "pixel_size": PIXEL, "frames": 24, "frame_dose": 25.0}


def thick(stage: str) -> np.ndarray:
    """Thickness over the tallest, on a grid of 0.25 Å."""
    y, x = np.mgrid[-64:64:0.25, -64:64:0.25]
    return BODIES[stage].thickness(y, x) / BODIES[stage].height


def area_of(stage: str) -> float:
    """Pixels that are thicker than half the particle, voids filled."""
    filled = ndimage.binary_fill_holes(thick(stage) > 0.5)
    return float(np.count_nonzero(filled)) * (0.25 / PIXEL) ** 2


def found_in(case: str, **parameters: object) -> Particles:
    movie = simulate(case, **FILMED, **parameters)
    return find_particles(movie, drift=movie.truth.drift_px)


@pytest.fixture(scope="module")
def voided() -> pd.DataFrame:
    return found_in("void").table


@pytest.mark.long
def test_a_shrinking_particle_is_as_large_as_it_is(voided: pd.DataFrame) -> None:
    first = voided[voided["dose_end_e_per_A2"] <= 150]
    last = voided[voided["dose_start_e_per_A2"] >= 400]
    assert first["area_px"].to_numpy() == pytest.approx(area_of("lif-particle-0"), rel=0.05)
    assert last["area_px"].mean() == pytest.approx(area_of("lif-particle-4"), rel=0.06)
    lost = first["area_px"].mean() - last["area_px"].mean()
    assert lost > 20 * last["area_se_px"].max()
    assert last["roundness"].mean() > first["roundness"].mean() + 0.05


def test_its_void_is_seen_once_it_is_there(voided: pd.DataFrame) -> None:
    before = voided[voided["dose_end_e_per_A2"] <= 325]
    after = voided[voided["dose_start_e_per_A2"] >= 425]
    assert (before["void_area_px"].abs() / before["void_area_se_px"]).max() < 3.5
    body = thick("lif-particle-4")
    missing = (ndimage.binary_fill_holes(body > 0.5) * (1 - body)).sum() * (0.25 / PIXEL) ** 2
    assert 0.6 * missing < after["void_area_px"].mean() < 1.1 * missing


@pytest.mark.long
def test_rounding_comes_with_shrinking() -> None:
    table = found_in("shrinking-particle").table
    assert table["roundness"].iloc[-3:].mean() > table["roundness"].iloc[:3].mean() + 0.05
    assert table["area_px"].iloc[-3:].mean() == pytest.approx(area_of("lif-particle-3"), rel=0.06)
    assert (table["void_area_px"] == 0).all()


@pytest.mark.parametrize("case", ["carbonate", "swelling"])
@pytest.mark.long
def test_a_grain_that_loses_or_strains_its_lattice_keeps_its_area(case: str) -> None:
    table = found_in(case).table
    off = (table["area_px"] - table["area_px"].mean()) / table["area_se_px"]
    assert off.abs().max() < 3.5
    assert (table["void_area_px"] == 0).all()


@pytest.mark.long
def test_contamination_makes_it_grow() -> None:
    table = found_in("contamination").table
    grown = table["area_px"].iloc[-4:].mean() - table["area_px"].iloc[:2].mean()
    assert grown > 5 * table["area_se_px"].mean()


@pytest.mark.parametrize("case", ["no-lattice", "lif-room-temperature", "survivor", "uneven-beam"])
def test_a_film_and_sheets_of_crystal_are_no_particles(case: str) -> None:
    found = found_in(case)
    assert found.table.empty
    assert "no particle" in found.reason
