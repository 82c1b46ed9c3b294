"""What is left of the lattice in each frame, tile by tile."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from napari_beamwatch.summing.fading import (
    DEPARTS,
    LocalLattice,
    lattice_frequencies,
    local_lattice,
    part_left,
)

SHAPE, WINDOW = (96, 128), 64
G = np.array([[0.2, 0.11], [-0.07, 0.0]])
DRIFT = np.array([[0.0, 0.0], [3.25, -2.5], [40.0, -6.0]])


def grainy(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).poisson(3.0, SHAPE).astype(np.float32)


def lattice(seed: int = 0, steps: int = 40, side: int = 8, noise: float = 1.0) -> LocalLattice:
    """Noise alone, of two spots."""
    normal = np.random.default_rng(seed).normal(size=(2, steps, 2, side, side))
    amplitude = (normal[0] + 1j * normal[1]) * np.sqrt(noise / 2)
    middle = np.arange(side) * 32 + 16.0
    seen = np.ones((steps, side, side), bool)
    return LocalLattice(
        amplitude.astype(np.complex64), seen, np.arange(steps) + 0.0, middle, middle
    )


def showing(
    of: LocalLattice, course: np.ndarray, spot: int = 0, power: float = 25.0
) -> LocalLattice:
    """The same with a lattice whose amplitude (steps, rows, columns) is that of the course."""
    phase = np.exp(2j * np.pi * np.random.default_rng(9).random(course.shape[1:]))
    amplitude = of.amplitude.copy()
    amplitude[:, spot] += (np.sqrt(power) * course * phase).astype(np.complex64)
    return replace(of, amplitude=amplitude)


def until(step: float, steps: int = 40, side: int = 8) -> np.ndarray:
    return np.broadcast_to((np.arange(steps) < step)[:, None, None], (steps, side, side)).astype(
        float
    )


def test_amplitudes_are_those_of_fringes_under_a_gaussian_in_frames_moved_back() -> None:
    frames = [grainy(t) for t in range(3)]
    found = local_lattice(
        lambda t: frames[t], SHAPE, [0, 1, 2], DRIFT, G, WINDOW, lambda done: None
    )
    assert found.amplitude.shape == (3, 2, 6, 8)
    breadth = WINDOW / 8
    y, x = np.arange(SHAPE[0]), np.arange(SHAPE[1])
    for t, frame in enumerate(frames):
        for s, g in enumerate(G):
            # All waves that are cut out, as the naive sum has them.
            ky = (round(g[0] * SHAPE[0]) + np.fft.fftfreq(6, 1 / 6)) / SHAPE[0]
            kx = (round(g[1] * SHAPE[1]) + np.fft.fftfreq(8, 1 / 8)) / SHAPE[1]
            waves_y = np.exp(-2j * np.pi * np.outer(ky, y - DRIFT[t, 0]))
            waves_x = np.exp(-2j * np.pi * np.outer(kx, x - DRIFT[t, 1]))
            part = waves_y @ (frame / frame.mean() - 1) @ waves_x.T
            part *= np.exp(-2 * (np.pi * breadth * (ky - g[0])) ** 2)[:, None]
            part *= np.exp(-2 * (np.pi * breadth * (kx - g[1])) ** 2)
            turn_y = np.exp(2j * np.pi * np.outer(found.y, ky - round(g[0] * SHAPE[0]) / SHAPE[0]))
            turn_x = np.exp(2j * np.pi * np.outer(found.x, kx - round(g[1] * SHAPE[1]) / SHAPE[1]))
            expected = turn_y @ part @ turn_x.T / (SHAPE[0] * SHAPE[1])
            assert found.amplitude[t, s] == pytest.approx(expected, abs=1e-5)
    assert found.seen[0].all()
    assert not found.seen[2, -3:].any()  # 40 px further down they are out of the frame


def test_steps_of_long_records_are_means_of_frames() -> None:
    frames = [grainy(t) for t in range(4)]
    still = np.zeros((400, 2))
    long = local_lattice(
        lambda t: frames[t // 100], SHAPE, list(range(400)), still, G, WINDOW, lambda done: None
    )
    short = local_lattice(
        lambda t: frames[t], SHAPE, [0, 1, 2, 3], still, G, WINDOW, lambda done: None
    )
    assert len(long.amplitude) == 96
    assert long.frame[[0, -1]] == pytest.approx([1.5, 397.5], abs=0.6)
    assert long.amplitude[[0, -1]] == pytest.approx(short.amplitude[[0, -1]], abs=1e-6)


def test_each_tile_counts_as_long_as_its_own_lattice_stands() -> None:
    course = until(10)
    course[:30, :, 4:] = 1
    left = part_left(showing(lattice(), course))
    assert left[:8].mean() > 0.9
    assert left[14:, :, :3].mean() < 0.1
    assert left[14:28, :, 5:].mean() > 0.85
    assert left[33:].mean() < 0.1


def test_a_lattice_that_comes_later_is_not_what_is_summed() -> None:
    made = showing(lattice(), until(12))
    made = showing(made, 1 - until(12), spot=1, power=60.0)
    left = part_left(made)
    assert left[:10].mean() > 0.9
    assert left[15:].mean() < 0.1


def test_what_comes_where_no_lattice_was_is_not_summed_either() -> None:
    was, came = until(12), 1 - until(12)
    was[:, :, 3:] = came[:, :, :5] = 0
    left = part_left(showing(showing(lattice(), was), came, spot=1, power=60.0))
    assert left[:10].mean() > 0.9
    assert left[15:].mean() < 0.1


def test_a_specimen_that_fades_slowly_counts_as_its_amplitude() -> None:
    course = np.broadcast_to(np.exp(-np.arange(40) / 15)[:, None, None], (40, 8, 8))
    left = part_left(showing(lattice(), course))
    assert left.mean(axis=(1, 2)) == pytest.approx(course[:, 0, 0], abs=0.06)


def test_first_frames_in_which_a_specimen_moves_count_less() -> None:
    course = np.ones((40, 8, 8))
    course[:3] = 0.4
    left = part_left(showing(lattice(), course)).mean(axis=(1, 2))
    assert left[:3] == pytest.approx(0.4, abs=0.05)
    assert left[3:].min() > 0.8


def test_a_tile_that_leaves_the_frames_counts_as_those_around_it() -> None:
    made = showing(lattice(), until(20))
    made.seen[2:, 0] = False
    left = part_left(made)
    assert left[:18, 0].mean() > 0.9
    assert left[24:, 0].mean() < 0.2


def test_where_nothing_stands_out_of_the_noise_tiles_count_as_the_field() -> None:
    course = until(20)
    course[:, :, 6:] = 0  # no lattice there
    left = part_left(showing(lattice(noise=1.0), course))
    assert np.abs(left[:, :, 7] - left[:, :, :5].mean(axis=2)).mean() < DEPARTS


def test_one_frame_counts_once() -> None:
    one = lattice(steps=1)
    assert (part_left(one) == 1).all()


def test_spots_that_windows_do_not_tell_apart_are_followed_once() -> None:
    g = np.array([[0.1, 0.2], [0.1, 0.205], [-0.1, -0.2], [0.2, 0.1], [0.3, 0.3]])
    spots = pd.DataFrame(
        {
            "window": [0, 1, 2, 0, None],
            "gy_per_px": g[:, 0],
            "gx_per_px": g[:, 1],
            "snr": [5.0, 9.0, 3.0, 7.0, 99.0],
        }
    )
    found = lattice_frequencies(spots, 256)
    assert found == pytest.approx(g[[1, 3]])
    assert lattice_frequencies(spots.iloc[:0], 256).shape == (0, 2)
