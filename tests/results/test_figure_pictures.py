"""Pictures of a figure follow the specimen; transforms are over their noise, spots named once."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

import napari_beamwatch as bw
from napari_beamwatch.results.figure.choices import FigureSpot, Shot
from napari_beamwatch.results.figure.pictures import draw_scale, followed, limits_of, smoothed
from napari_beamwatch.results.figure.spectra import (
    SEEN,
    draw_spectrum,
    named,
    reach_of,
    spectrum_of_pattern,
    spectrum_of_tile,
    strongest,
)

SPOT = FigureSpot(0.0, 0.0625, 100.0, "200", "2.00 Å")
WEAK = FigureSpot(0.05, -0.02, 20.0, "-111", "2.32 Å")


def fringes(contrast: float, size: int = 256, seed: int = 0) -> np.ndarray:
    x = np.arange(size)
    level = 4 * (1 + contrast * np.cos(2 * np.pi * SPOT.gx * x))
    return np.random.default_rng(seed).poisson(level, (size, size)).astype(np.float32)


def test_the_mean_of_a_specimen_that_moves_is_sharp() -> None:
    specimen = np.random.default_rng(0).uniform(0, 9, (40, 40)).astype(np.float32)
    track = np.array([(0, 0), (1, -2), (3, -4)])
    frames = np.stack([np.roll(specimen, tuple(moved), (0, 1)) for moved in track])
    movie = bw.Movie.from_array(frames)
    mean = followed(movie, Shot("before", 0, 3), [(5, 8, 25, 28)], track)[0]
    assert mean == pytest.approx(specimen[5:25, 8:28])


def test_what_no_frame_saw_is_left_open() -> None:
    movie = bw.Movie.from_array(np.ones((2, 10, 10), np.float32))
    track = np.array([(0, 0), (2, 0)])
    mean = followed(movie, Shot("before", 0, 2), [(-1, 4, 10, 12)], track)[0]
    assert np.isnan(mean[:, -2:]).all()  # right of all frames
    assert (mean[:, :-2] == 1).all()  # the row above was seen by the second frame alone


def test_dead_pixels_do_not_darken_a_mean() -> None:
    frames = np.full((2, 8, 8), 3, np.float32)
    frames[0, 4, 4] = np.nan
    movie = bw.Movie.from_array(frames)
    still = np.zeros((2, 2), np.int64)
    assert (followed(movie, Shot("before", 0, 2), [(0, 0, 8, 8)], still)[0] == 3).all()


def test_smoothing_leaves_the_fringes_and_takes_the_noise() -> None:
    image = fringes(0.2)
    picture = smoothed(image, 0.2 / SPOT.gx)
    wave = np.cos(2 * np.pi * SPOT.gx * np.arange(256))
    seen = 2 * (picture * wave).mean(axis=0).mean()
    rest = picture - 1 - seen * wave
    assert seen == pytest.approx(0.2 * np.exp(-2 * (np.pi * 0.2) ** 2), abs=0.01)
    assert rest.std() < 0.1 * image.std() / image.mean()


def test_pictures_are_of_no_more_pixels_than_are_printed() -> None:
    assert max(smoothed(np.ones((1300, 900), np.float32), 2.0).shape) <= 512
    assert limits_of(np.full((4, 4), np.nan, np.float32)) == (0.0, 1.0)


def test_a_scale_bar_is_of_a_round_length_near_a_quarter_of_the_width() -> None:
    for across, said in ((8.4, "2 nm"), (3.0, "0.5 nm"), (130.0, "20 nm")):
        axes = Figure().add_subplot()
        draw_scale(axes, across, "nm")
        assert axes.texts[0].get_text() == said
        bar = axes.patches[-1].get_width() * across
        assert f"{bar:g} nm" == said


def test_noise_is_one_in_the_middle_whatever_its_colour() -> None:
    white = fringes(0.0)
    coloured = (white + np.roll(white, 1, 0) + np.roll(white, 1, 1)).astype(np.float32)
    for image in (white, 50 * coloured):
        values = spectrum_of_tile(image, 0.12).values
        assert np.median(values) == pytest.approx(1, abs=0.15)
        assert np.median(values[:80]) == pytest.approx(1, abs=0.25)


def test_a_spot_stands_out_at_its_place_and_fades_on_one_scale() -> None:
    spectra = [spectrum_of_tile(fringes(contrast), 0.08) for contrast in (0.2, 0.1, 0.0)]
    peaks = [spectrum.peak(SPOT) for spectrum in spectra]
    assert peaks[0][1:] == pytest.approx((SPOT.gy, SPOT.gx), abs=1e-3)
    assert peaks[0][0] == pytest.approx(4 * peaks[1][0], rel=0.3)
    assert peaks[1][0] > SEEN > peaks[2][0]
    assert strongest(spectra, [SPOT]) == peaks[0][0]


def test_a_large_region_is_averaged_over_tiles() -> None:
    small, large = (spectrum_of_tile(fringes(0.0, size), 0.25) for size in (160, 640))
    assert large.bin == small.bin
    assert large.values.std() < 0.5 * small.values.std()


def test_pixels_that_nobody_saw_make_no_spots() -> None:
    image = fringes(0.0)
    image[:40] = np.nan
    assert spectrum_of_tile(image, 0.12).values.max() < 2 * SEEN


def test_the_picture_ends_a_quarter_beyond_the_outermost_spot_or_ring() -> None:
    assert reach_of([SPOT, WEAK], [None], None, 0.5) == pytest.approx(1.25 * 0.0625)
    ring = 0.125 / 1.4242  # LiF 220
    assert reach_of([SPOT], ["LiF"], 0.125, 0.5) == pytest.approx(1.25 * ring, rel=2e-3)
    assert reach_of([], [None], None, 0.5) == 0.5


def test_a_spot_is_named_in_the_first_picture_that_shows_it() -> None:
    spectra = [spectrum_of_tile(fringes(contrast), 0.08) for contrast in (0.0, 0.2, 0.2)]
    assert named(spectra, [SPOT, WEAK]) == [[], [SPOT], []]


def test_a_spot_is_not_named_for_its_neighbour() -> None:
    beside = FigureSpot(0.004, 0.0625, 50.0, None, "1.90 Å")
    assert named([spectrum_of_tile(fringes(0.2), 0.08)], [beside, SPOT]) == [[SPOT]]


def test_names_do_not_cover_each_other() -> None:
    axes = Figure(figsize=(1.4, 1.4)).add_axes((0, 0, 1, 1))
    near = FigureSpot(0.003, 0.0625, 90.0, "111", "2.01 Å")
    spectrum = spectrum_of_tile(fringes(0.2), 0.08)
    draw_spectrum(axes, spectrum, 50.0, [SPOT, near], [SPOT, near], None, 0.0)
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) == 2
    assert not boxes[0].overlaps(boxes[1])


def test_rings_leave_the_spots_alone() -> None:
    axes = Figure(figsize=(1.4, 1.4)).add_axes((0, 0, 1, 1))
    spectrum = spectrum_of_tile(fringes(0.2), 0.08)
    draw_spectrum(axes, spectrum, 50.0, [SPOT], [], "LiF", 10 / 0.125)
    ring = axes.lines[1].get_xydata()  # 200, on which the spot lies
    assert 10 / (np.nanmax(ring) * 10 / 0.125) == pytest.approx(2.013, abs=0.01)
    circle = axes.patches[0]
    assert circle.center == (SPOT.gx, SPOT.gy)
    away = np.hypot(*(ring - circle.center).T)
    assert np.nanmin(away) >= circle.radius


def test_a_name_at_the_mate_of_a_spot_bears_the_mates_signs() -> None:
    axes = Figure(figsize=(1.4, 1.4)).add_axes((0, 0, 1, 1))
    crowd = [FigureSpot(0.001 * i, 0.05, 90.0, "111", "2.01 Å") for i in range(3)]
    draw_spectrum(axes, spectrum_of_tile(fringes(0.2), 0.08), 50.0, crowd, crowd, None, 0.0)
    assert len(axes.texts) == 3
    for text in axes.texts:
        at_mate = text.get_position()[0] < 0
        assert (r"\overline{1}" in text.get_text()) == at_mate
    assert at_mate


def test_a_pattern_is_centred_on_the_direct_beam() -> None:
    pattern = np.ones((60, 80), np.float32)
    pattern[20, 50 + 11] = 99  # 11 px right of the beam
    spectrum = spectrum_of_pattern(pattern, (20.0, 50.0), 55.0, 0.3)
    value, gy, gx = spectrum.peak(FigureSpot(0.0, 0.2, 9.0, None, "5 Å"))
    assert value == pytest.approx(99, rel=0.05)
    assert (gy, gx) == pytest.approx((0.0, 0.2), abs=1e-6)
