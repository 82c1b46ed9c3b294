"""Radial power is 1 where counts are all there is; the kernels do what they say."""

from __future__ import annotations

import numpy as np
import pytest

from napari_beamwatch import Movie
from napari_beamwatch.spectra.power import PowerSpectrum, power_spectrum
from napari_beamwatch.spectra.rings import RadialTracker, radial_profile
from napari_beamwatch.spectra.rings.masks import LatticeSpots, fill_discs
from napari_beamwatch.spectra.rings.profile import add_rings
from napari_beamwatch.spectra.rings.radial import (
    SECTORS,
    add_cells,
    independent_windows,
    radial_bins,
    spread_windows,
    tied,
)
from napari_beamwatch.spectra.rings.tracker import add_tiles
from napari_beamwatch.spectra.windows import Grid


def test_cells_add_up_powers_of_the_sum_and_of_the_difference() -> None:
    rng = np.random.default_rng(0)
    one, two = (
        (rng.normal(size=(3, 64, 33)) + 1j * rng.normal(size=(3, 64, 33))).astype(np.complex64)
        for _ in range(2)
    )
    cell, lit = radial_bins(64).cell, np.array([True, False, True])
    out = rng.random((3, 64, 33)) < 0.1
    scale, first, second = rng.uniform(0.5, 2, (3, 3))
    sums = np.zeros((3, SECTORS * 32))
    add_cells(one, two, lit, scale, first, second, cell, out, sums)
    expected = np.zeros_like(sums)
    for i in (0, 2):
        used = (cell >= 0) & ~out[i]
        whole = np.abs(one[i] + two[i]) ** 2 * scale[i]
        apart = np.abs(first[i] * one[i] - second[i] * two[i]) ** 2
        for row, values in zip(expected, (np.ones_like(whole), whole, apart), strict=True):
            np.add.at(row, cell[used], values[used])
    assert sums == pytest.approx(expected, rel=1e-4)


def test_tiles_are_added_up() -> None:
    rng = np.random.default_rng(8)
    total = rng.random((2, 8, 9)).astype(np.float32)
    tiles = rng.integers(0, 9, (2, 8, 9)).astype(np.uint8)
    expected = total + tiles
    add_tiles(total, tiles)
    assert (total == expected).all()


def test_rings_add_up_what_lies_at_their_radius() -> None:
    power = np.random.default_rng(1).exponential(size=(48, 40)).astype(np.float32)
    ky, kx = (np.fft.fftshift(np.fft.fftfreq(n)) for n in power.shape)
    sums = np.zeros((3, 20))
    add_rings(power, ky, kx, 1 / 40, sums)
    k = np.hypot(ky[:, None], kx[None])
    for ring in range(20):
        here = np.floor(k * 40 + 0.5) == ring
        expected = [here.sum(), k[here].sum(), power[here].sum()]
        assert sums[:, ring] == pytest.approx(expected, rel=1e-5)


def test_discs_hold_the_bins_within_their_reach_and_wrap() -> None:
    out = np.zeros((2, 32, 17), bool)
    gy, gx, reach = np.array([-0.4, 9.2]), np.array([5.3, 0.5]), np.array([2.0, 3.1])
    fill_discs(np.array([0, 1]), gy, gx, reach, out)
    y, x = np.mgrid[-16:16, 0:17]
    for i in range(2):
        inside = (y - gy[i]) ** 2 + (x - gx[i]) ** 2 <= reach[i] ** 2
        assert (out[i] == np.roll(inside, 16, axis=0)).all()


def test_power_and_noise_of_counts_are_one(specimen) -> None:  # type: ignore[no-untyped-def]
    power, noise, bins = specimen.counted(0.0, 1.0, 0).around()
    used = bins > 0
    assert np.average(power[used], weights=bins[used]) == pytest.approx(1, abs=0.02)
    assert np.average(noise[used], weights=bins[used]) == pytest.approx(1, abs=0.02)


def test_power_less_noise_is_what_the_specimen_shows(specimen) -> None:  # type: ignore[no-untyped-def]
    contrast = specimen.field(lambda k, _: 0.3 * np.exp(-((k / 0.2) ** 2)), 0)
    power, noise, bins = specimen.counted(contrast, 40.0, 0).around()
    k = specimen.counted(0.0, 1.0, 0).k
    at = np.abs(k - 0.15) < 0.03
    assert noise[at].mean() == pytest.approx(1, abs=0.1)
    truth = (40 * (0.3 * np.exp(-((k[at] / 0.2) ** 2))) ** 2).mean()
    assert (power - noise)[at].mean() == pytest.approx(truth, rel=0.15)
    assert (bins[at] > 100).all()


@pytest.mark.long
def test_neighbouring_radii_share_noise_as_stated(specimen) -> None:  # type: ignore[no-untyped-def]
    draws = []
    for seed in range(24):
        power, _, bins = specimen.counted(0.0, 1.0, seed).around()
        draws.append(((power - 1) * np.sqrt(bins))[8:60])
    values = np.array(draws)
    stated = tied(np.ones(3))[0]
    found = [(values[:, lag:] * values[:, : values.shape[1] - lag]).mean() for lag in range(3)]
    assert found == pytest.approx(stated, abs=0.06)


def test_profile_of_counts_is_one_within_its_errors() -> None:
    counts = np.random.default_rng(3).poisson(0.5, (2, 256, 200)).astype(np.uint8)
    movie = Movie.from_array(counts, pixel_size=0.25, frame_dose=8.0)
    profile = radial_profile(power_spectrum(movie, None, 0, 2))
    assert np.abs((profile.power - 1) / profile.se).max() < 4
    assert profile.k[0] == pytest.approx(4 / 200, rel=0.1)
    assert profile.k_per_A is not None
    assert profile.k_per_A[-1] == pytest.approx(profile.k[-1] / 0.25)


def test_profile_of_nothing_is_zero() -> None:
    k = np.fft.fftshift(np.fft.fftfreq(64))
    empty = PowerSpectrum(np.zeros((64, 64), np.float32), k, k, 0.0, 0, 1, None)
    profile = radial_profile(empty)
    assert not profile.power.any()
    assert profile.k_per_A is None


def test_windows_are_spread_and_bounded() -> None:
    large = Grid(4096, 4096, 256, 128)
    windows = spread_windows(large)
    assert len(windows) <= 48
    rows, columns = windows // large.shape[1], windows % large.shape[1]
    assert (rows.min(), rows.max()) == (0, large.shape[0] - 1)
    assert (columns.min(), columns.max()) == (0, large.shape[1] - 1)
    assert independent_windows(large, windows) == pytest.approx(len(windows))
    assert len(spread_windows(Grid(256, 256, 256, 256))) == 1
    assert independent_windows(Grid(256, 128, 128, 64), np.arange(3)) < 3


def test_frames_shown_one_by_one_are_added_up_where_the_specimen_lies() -> None:
    grid = Grid(256, 256, 64, 32)
    wave = 1 + 0.5 * np.cos(2 * np.pi * 0.2 * np.arange(256))[None, :]
    specimen = np.broadcast_to(wave, (256, 256))
    rng = np.random.default_rng(5)
    shifts = [(0, 0), (1, 2), (2, 4), (3, 6), (4, 8)]
    frames = [rng.poisson(2 * np.roll(specimen, move, (0, 1))).astype(np.uint8) for move in shifts]
    tracker = RadialTracker(grid, np.ones(5, bool), [(0, 2), (2, 5)])
    for t, (frame, shift) in enumerate(zip(frames, shifts, strict=True)):
        tracker.add(t, tracker.reduce(t, frame, shift))
    series = tracker.series()
    assert [(s.first, s.last) for s in series.stretches] == [(0, 2), (2, 5)]
    assert [(s.first, s.last) for s in series.segments] == [(0, 2), (2, 5)]
    two, three = (s.around()[0][13] - 1 for s in series.segments)
    assert three / two == pytest.approx(1.5, rel=0.15)
    assert series.segments[1].mean == pytest.approx(6, rel=0.02)


def test_dark_frames_and_windows_off_the_detector_do_no_harm() -> None:
    grid = Grid(128, 128, 64, 64)
    tracker = RadialTracker(grid, np.array([False, True, True]), [(1, 3)])
    frame = np.random.default_rng(6).poisson(1.0, (128, 128)).astype(np.uint8)
    tracker.add(1, tracker.reduce(1, frame, (0, 0)))
    tracker.add(2, tracker.reduce(2, frame, (500, 0)))
    (stretch,) = tracker.series().stretches
    assert stretch.mean == 0
    assert not stretch.bins.any()


def test_spots_of_a_large_crystal_are_told_from_those_of_grains() -> None:
    grid = Grid(512, 512, 64, 32)
    windows = np.arange(len(grid))
    rng = np.random.default_rng(7)
    angle = rng.uniform(-1.5, 1.5, len(windows))  # a grain in each window, turned anyhow
    spots = LatticeSpots(
        np.concatenate([windows, windows]),
        np.concatenate([np.full(len(windows), 0.1), 0.2 * np.sin(angle)]),
        np.concatenate([np.full(len(windows), 0.15), 0.2 * np.cos(angle)]),
        np.full(2 * len(windows), 40.0),
    )
    large = spots.large(grid)
    crystal = (np.abs(large.gy - 0.1) < 1e-9) & (np.abs(large.gx - 0.15) < 1e-9)
    assert crystal.sum() == len(windows)
    assert (~crystal).sum() < 0.1 * len(windows)
    out = large.bins(grid, np.array([0]))[0]
    assert out[6, 10]
    assert not out[20, 3]
