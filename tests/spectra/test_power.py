"""The live spectrum is 1 where there is only counting noise, whatever it is asked about."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_beamwatch import BeamwatchError, Movie, Region
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.spectra.power import (
    fill_polygon,
    power_spectrum,
    spectrum_of,
    summed_frames,
)


def noise(shape: tuple[int, int, int], rate: float = 0.7, seed: int = 0) -> Movie:
    counts = np.random.default_rng(seed).poisson(rate, shape)
    return Movie.from_array(counts.astype(np.uint8), 0.125, 5.0)


def naive(image: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """The definition, with the Fourier transform of the whole plane."""
    inside = inside & np.isfinite(image)
    hann = [0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n) for n in image.shape]
    weight = np.outer(*hann) * inside
    filled = np.where(inside, image, 0.0).astype(float)
    mean = (filled * weight).sum() / weight.sum()
    field = np.fft.fftshift(np.fft.fft2((filled - mean) * weight))
    return np.abs(field) ** 2 / (mean * (weight**2).sum())


@pytest.mark.parametrize("shape", [(64, 64), (65, 97), (80, 47)])
def test_the_spectrum_is_its_definition(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    image = rng.poisson(3.0, shape).astype(np.float32)
    image[5, 7] = np.nan
    inside = rng.random(shape) < 0.9
    power, _ = spectrum_of(image, inside)
    expected = naive(image, inside)
    np.testing.assert_allclose(power, expected, rtol=2e-3, atol=2e-4 * expected.max())


POLYGON = Region("P", ((10.0, 20.0), (30.5, 180.2), (140.0, 150.0), (150.3, 60.1)))


@pytest.mark.parametrize("region", [None, Region.rectangle("A", 3, 104, 7, 140), POLYGON])
@pytest.mark.parametrize("n", [1, 4])
def test_the_floor_of_single_counts_is_one(region: Region | None, n: int) -> None:
    spectrum = power_spectrum(noise((6, 160, 200)), region, 3, n)
    away = np.hypot(spectrum.ky[:, None], spectrum.kx) > 0.1
    assert spectrum.power[away].mean() == pytest.approx(1.0, abs=0.04)
    assert spectrum.mean == pytest.approx(0.7 * n, rel=0.05)


def test_pixels_that_are_no_numbers_leave_the_floor_where_it_is() -> None:
    frames = np.random.default_rng(2).poisson(0.7, (2, 160, 200)).astype(np.float32)
    frames[0, 50:90, 60:100] = np.nan
    frames[1, 3, 3] = np.inf
    spectrum = power_spectrum(Movie.from_array(frames, 0.125, 5.0), None, 0, 2)
    assert np.isfinite(spectrum.power).all()
    away = np.hypot(spectrum.ky[:, None], spectrum.kx) > 0.1
    assert spectrum.power[away].mean() == pytest.approx(1.0, abs=0.04)


@pytest.mark.parametrize("size", [(96, 128), (97, 129)])
def test_a_fringe_shows_at_its_frequency_and_its_mate(size: tuple[int, int]) -> None:
    rows, columns = size
    y, x = np.mgrid[:rows, :columns]
    wave = 5 * (1 + 0.5 * np.cos(2 * np.pi * (9 * y / rows - 14 * x / columns)))
    counts = np.random.default_rng(3).poisson(wave)
    movie = Movie.from_array(counts[None].astype(np.uint8), 0.25, 5.0)
    spectrum = power_spectrum(movie, None, 0, 1)
    row, column = np.unravel_index(np.argmax(spectrum.power), spectrum.power.shape)
    sign = np.sign(spectrum.kx[column])
    assert spectrum.ky[row] * sign == pytest.approx(-9 / rows)
    assert spectrum.kx[column] * sign == pytest.approx(14 / columns)
    assert spectrum.kx_per_A is not None
    assert abs(spectrum.kx_per_A[column]) == pytest.approx(14 / columns / 0.25)
    expected = 0.25 * 5.0 / 4 * rows * columns * 4 / 9
    assert spectrum.power.max() == pytest.approx(expected, rel=0.1)


def test_frequency_zero_lies_in_the_middle() -> None:
    spectrum = power_spectrum(noise((1, 65, 70)), None, 0, 1)
    assert spectrum.ky[65 // 2] == 0
    assert spectrum.kx[70 // 2] == 0


@given(st.integers(1, 40), st.integers(0, 39), st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_a_running_sum_holds_its_frame_and_as_many_as_asked_for(
    frames: int, frame: int, n: int
) -> None:
    frame = frame % frames
    first, last = summed_frames(frame, n, frames)
    assert 0 <= first <= frame < last <= frames
    assert last - first == min(n, frames)


def test_a_running_sum_lies_around_its_frame() -> None:
    assert summed_frames(10, 5, 40) == (8, 13)
    assert summed_frames(10, 4, 40) == (9, 13)
    assert summed_frames(0, 5, 40) == (0, 5)
    assert summed_frames(39, 5, 40) == (35, 40)


def test_a_polygon_holds_the_pixels_whose_middle_it_holds() -> None:
    corners = np.array([[1.2, 3.3], [4.0, 25.7], [18.9, 20.0], [9.0, 12.0], [15.6, 2.1]])
    inside = np.ones((20, 30), bool)
    fill_polygon(corners, inside)
    for y in range(20):
        for x in range(30):
            odd = False
            for (ya, xa), (yb, xb) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
                if (ya > y + 0.5) != (yb > y + 0.5):
                    odd ^= x + 0.5 < xa + (y + 0.5 - ya) * (xb - xa) / (yb - ya)
            assert inside[y, x] == odd


def test_a_rectangle_of_whole_pixels_is_whole() -> None:
    inside = np.zeros((40, 50), bool)
    fill_polygon(np.array([[0.0, 0.0], [0.0, 50.0], [40.0, 50.0], [40.0, 0.0]]), inside)
    assert inside.all()


def test_a_region_of_a_lattice_shows_it_and_one_beside_does_not() -> None:
    movie = simulate("lif-room-temperature", frames=4, frame_dose=20.0, size=512, drift=None)
    left = power_spectrum(movie, Region.rectangle("A", 0, 256, 0, 256), 1, 4)
    alone = power_spectrum(simulate("no-lattice", frames=4, frame_dose=20.0, size=512), None, 1, 4)
    far = np.hypot(left.ky[:, None], left.kx) > 0.05
    beside = np.hypot(alone.ky[:, None], alone.kx) > 0.05
    assert left.power[far].max() > 10 * alone.power[beside].max()


def test_empty_frames_have_no_power() -> None:
    movie = Movie.from_array(np.zeros((2, 64, 64), np.uint8), 0.125, 5.0)
    spectrum = power_spectrum(movie, None, 0, 1)
    assert spectrum.mean == 0
    assert not spectrum.power.any()


def test_without_a_pixel_size_there_are_no_angstroms() -> None:
    spectrum = power_spectrum(Movie.from_array(np.ones((1, 64, 64), np.uint8)), None, 0, 1)
    assert spectrum.ky_per_A is None


@pytest.mark.parametrize(
    ("region", "frame", "n", "said"),
    [
        (None, 6, 1, "no frame 6"),
        (None, -1, 1, "no frame -1"),
        (None, 0, 0, "running sum"),
        (Region.rectangle("A", 0, 20, 0, 90), 0, 1, "20 by 90"),
        (Region.rectangle("A", 0, 90, 0, 900), 0, 1, "beyond the field"),
    ],
)
def test_what_cannot_be_asked_is_said(region: Region | None, frame: int, n: int, said: str) -> None:
    with pytest.raises(BeamwatchError, match=said):
        power_spectrum(noise((6, 100, 100)), region, frame, n)


def test_a_slider_can_be_dragged() -> None:
    movie = noise((1, 1024, 1024))
    power_spectrum(movie, None, 0, 1)
    took = []
    for _ in range(5):
        began = time.perf_counter()
        power_spectrum(movie, None, 0, 1)
        took.append(time.perf_counter() - began)
    assert min(took) < 0.2  # about a tenth of it on an idle machine; others may run beside us
