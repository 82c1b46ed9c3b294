"""Areas of lattices from the powers that windows show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_beamwatch.damage.field.areas import Lattices, areas_of

STRETCHES = 12
WINDOWS = 60
NOISE = 0.01
ALL, HALF = np.ones(WINDOWS, bool), np.arange(WINDOWS) < WINDOWS // 2
FALLING = np.clip(1.5 - np.arange(STRETCHES) / 6, 0, 1)


def shown(*parts: np.ndarray, found: tuple[np.ndarray, ...] = (), seed: int = 0) -> Lattices:
    """Lattices that have parts (windows, stretches) of each window."""
    rng = np.random.default_rng(seed)
    film = rng.lognormal(0.0, 0.1, (len(parts), WINDOWS, 1))
    there = np.array(found or [part.any(axis=1) for part in parts])
    power = np.array(parts) ** 2 * film + rng.normal(0, NOISE, (len(parts), WINDOWS, STRETCHES))
    power[~there] = 0.0
    return Lattices(
        power, np.full_like(power, NOISE) * there[:, :, None], there,
        100.0 * power.max(axis=2), np.ones((WINDOWS, STRETCHES), bool),
        np.zeros(WINDOWS, np.int64), 1.0, 18.0,
    )  # fmt: skip


def over(course: np.ndarray, windows: np.ndarray) -> np.ndarray:
    return np.where(windows[:, None], course[None], 0.0)


def test_the_area_of_a_lattice_goes_with_its_amplitude() -> None:
    found = areas_of(shown(over(FALLING, ALL)))
    assert found.share[0] == pytest.approx(FALLING, abs=0.03)


def test_noise_where_a_lattice_has_gone_is_no_area() -> None:
    gone = np.where(np.arange(STRETCHES) < 4, 1.0, 0.0)
    found = areas_of(shown(over(gone, ALL)))
    assert found.share[0, 5:].mean() < 0.01


def test_windows_without_a_lattice_are_area_without_one() -> None:
    found = areas_of(shown(over(np.ones(STRETCHES), HALF)))
    assert found.share[0] == pytest.approx(0.5, abs=0.02)


def test_an_edge_is_where_half_of_the_window_shows_a_lattice() -> None:
    edge = np.clip(np.linspace(-0.5, 1.5, WINDOWS), 0, 1)[:, None] * np.ones(STRETCHES)
    assert areas_of(shown(edge)).share[0] == pytest.approx(0.5, abs=0.05)


def test_what_comes_fills_the_room_though_the_change_does_not_end() -> None:
    staying = np.clip(1.3 - np.arange(STRETCHES) / 15, 0, 1)
    came = 0.5 * (1 - staying)  # a phase of weaker spots
    found = areas_of(shown(over(staying, ALL), over(came, ALL)))
    assert found.share[1] == pytest.approx(1 - staying, abs=0.06)


def test_where_nothing_comes_although_it_would_have_been_seen_there_is_nothing() -> None:
    step = np.where(np.arange(STRETCHES) < 6, 1.0, 0.0)
    found = areas_of(shown(over(step, ALL), over(1 - step, HALF)))
    assert found.share[1, 8:] == pytest.approx(0.5, abs=0.03)
    assert found.hidden.max() < 0.01


def test_windows_too_faint_to_show_it_are_like_those_of_their_place() -> None:
    step = np.where(np.arange(STRETCHES) < 6, 1.0, 0.5)
    lattices = shown(over(step, ALL), over(1 - step, ALL), found=(ALL, HALF))
    faint = replace(lattices, snr=np.where(lattices.found, 20.0, 0.0))
    assert areas_of(faint).share[1, 8:] == pytest.approx(0.5, abs=0.04)
    apart = replace(faint, place=np.where(HALF, 0, 1))
    found = areas_of(apart)
    assert found.share[1, 8:] == pytest.approx(0.25, abs=0.04)
    assert found.hidden[8:] == pytest.approx(0.25, abs=0.04)


def test_windows_that_left_the_detector_are_no_part_of_the_field() -> None:
    lattices = shown(over(np.ones(STRETCHES), HALF))
    gone = replace(lattices, seen=np.broadcast_to(HALF[:, None], lattices.seen.shape).copy())
    assert areas_of(gone).share[0] == pytest.approx(1.0, abs=0.02)


def test_a_crystal_whose_first_frames_were_blurred_was_whole_then() -> None:
    settling = np.where(np.arange(STRETCHES) == 0, 0.65, 1.0)
    assert areas_of(shown(over(settling, ALL))).share[0, 0] > 0.97


def test_the_counting_error_is_that_of_repetition() -> None:
    parts = over(FALLING, ALL)
    many = [areas_of(shown(parts, seed=seed)) for seed in range(60)]
    at = 5  # two thirds are left
    spread = np.std([one.share[0, at] for one in many])
    told = np.mean([one.error[0, at] for one in many])
    assert told == pytest.approx(spread, rel=0.5)
