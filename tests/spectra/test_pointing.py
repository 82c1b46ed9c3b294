"""A click means a peak of the spectrum that is shown, or nothing."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.ndimage import gaussian_filter

from napari_beamwatch import BeamwatchError, Movie, Region, power_spectrum
from napari_beamwatch.spectra.pointing import Click, nearest_peak

INSIDE, OUTSIDE = (-0.031, 0.0523), (-0.075, 0.0523)
"""gy, gx of two fringes in cycles per pixel: on either side of the diagonal of the field."""


def counted(contrast: float = 0.6, dose: float = 3.0, shape: tuple[int, int] = (200, 240)) -> Movie:
    y, x = np.indices(shape)
    upper = x / shape[1] > y / shape[0]
    rate = np.full(shape, dose)
    for (gy, gx), here in ((INSIDE, upper), (OUTSIDE, ~upper)):
        rate += dose * contrast * here * np.cos(2 * np.pi * (gy * y + gx * x))
    frame = np.random.default_rng(4).poisson(rate).astype(np.uint16)
    return Movie.from_array(frame[None], pixel_size=0.125, frame_dose=10.0)


@pytest.mark.parametrize(
    "region",
    [
        None,
        Region.rectangle("A", 0, 100, 20, 230),
        Region("A", ((0, 4), (0, 240), (196, 240))),
    ],
    ids=["field", "oblong", "triangle"],
)
def test_a_click_snaps_between_the_bins_of_the_spectrum_of_any_outline(
    region: Region | None,
) -> None:
    spectrum = power_spectrum(counted(), region, 0)
    found = nearest_peak(Click(spectrum, INSIDE[0] + 0.003, INSIDE[1] - 0.003, 0.002))
    assert_allclose(found, INSIDE, atol=0.15 / min(spectrum.power.shape))


def test_what_lies_beside_a_polygon_in_its_box_cannot_be_pointed_at() -> None:
    movie = counted(contrast=0.3, dose=1.0)
    triangle = Region("A", ((0, 4), (0, 240), (196, 240)))
    nearest_peak(Click(power_spectrum(movie, None, 0), *OUTSIDE, 0.002))
    with pytest.raises(BeamwatchError, match=r"nothing stands above the noise at 1\.367 Å"):
        nearest_peak(Click(power_spectrum(movie, triangle, 0), *OUTSIDE, 0.002))


def test_either_of_a_friedel_pair_gives_the_one_of_the_table() -> None:
    spectrum = power_spectrum(counted(), None, 0)
    one = nearest_peak(Click(spectrum, *INSIDE, 0.002))
    mate = nearest_peak(Click(spectrum, -INSIDE[0], -INSIDE[1], 0.002))
    assert_allclose(one, mate, atol=1e-6)


def test_of_two_peaks_within_reach_the_nearer_is_meant() -> None:
    movie = counted()
    field = power_spectrum(movie, None, 0)
    for peak in (INSIDE, OUTSIDE):
        assert_allclose(nearest_peak(Click(field, *peak, 0.06)), peak, atol=0.3 / 200)


@pytest.mark.long
@pytest.mark.parametrize("blurred", [False, True], ids=["single counts", "noise that is coloured"])
def test_noise_is_taken_for_a_peak_once_in_a_hundred_clicks(blurred: bool) -> None:
    rng = np.random.default_rng(0)
    taken = clicks = 0
    for _ in range(4):
        frame = rng.poisson(2.0, (1, 256, 256)).astype(np.float32)
        if blurred:
            frame[0] = gaussian_filter(frame[0], 1.0, mode="wrap")
        spectrum = power_spectrum(Movie.from_array(frame, 0.125, 10.0), None, 0)
        for gy, gx in rng.uniform((-0.25, 0.03), (0.25, 0.25), (150, 2)):
            clicks += 1
            try:
                nearest_peak(Click(spectrum, gy, gx, 0.002))
            except BeamwatchError:
                continue
            taken += 1
    assert taken <= 2.5 * 0.01 * clicks


@pytest.mark.parametrize("g", [(0.0, 0.0), (0.499, 0.4999), (-0.5, 0.0)])
def test_the_middle_and_the_edges_hold_nothing(g: tuple[float, float]) -> None:
    frames = np.full((1, 64, 64), 3, np.uint8)
    frames[0, ::2] = 4
    with pytest.raises(BeamwatchError, match="nothing stands above"):
        nearest_peak(Click(power_spectrum(Movie.from_array(frames), None, 0), 0.1, 0.2, 0.002))
    noise = np.random.default_rng(1).poisson(2.0, (1, 64, 64)).astype(np.uint8)
    with pytest.raises(BeamwatchError, match="nothing stands above"):
        nearest_peak(Click(power_spectrum(Movie.from_array(noise), None, 0), *g, 0.002))


def test_a_movie_without_electrons_holds_nothing() -> None:
    empty = Movie.from_array(np.zeros((1, 64, 64), np.uint8))
    with pytest.raises(BeamwatchError, match="nothing stands above"):
        nearest_peak(Click(power_spectrum(empty, None, 0), 0.1, 0.1, 0.002))
