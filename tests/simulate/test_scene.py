"""Scenes: the picture follows the laws, the drift and the promises of the stages."""

import numpy as np
import pytest

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.simulate.bodies import BODIES
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.detector import Detector
from napari_beamwatch.simulate.laws import Decay, Knots, Saturating, Steady
from napari_beamwatch.simulate.pictures import laid, realised
from napari_beamwatch.simulate.scene import (
    Change,
    Drift,
    Patch,
    Picture,
    Scene,
    Series,
    disorder_series,
    shrinking_series,
    swelling_series,
    thickness_series,
    tilt_series,
)
from napari_beamwatch.simulate.shapes import Cell, Everywhere, scattered_seeds
from napari_beamwatch.simulate.stages import Optics, load_stage, read_reflection, stage_names

SHARP = Detector(mtf_nyquist=1.0)
FAST = {"pixel_size": 0.25, "size": 480, "frames": 24, "frame_dose": 20.0}


def of(patch, **rest):
    return Scene("test", "a test", (patch,), **rest)


def powers(movie, frame, reflections):
    image = movie.expected(frame)
    image = image / image.mean()
    return np.array([read_reflection(image, movie.pixel_size, r).power for r in reflections])


def test_every_picture_of_every_series_is_a_stage():
    path = Steady(0)
    series = [tilt_series(path), swelling_series(path), shrinking_series(path)]
    series += [disorder_series("110", path), disorder_series("100", path)]
    series += [thickness_series(path)]
    named = {picture.stage for s in series for picture in s.pictures}
    assert named | set(BODIES) <= set(stage_names())


def test_a_series_falls_as_well_as_it_rises():
    pictures = (Picture("lif-110-12nm"), Picture("lif-110-3nm"), Picture("lif-110-0nm"))
    falling = Series(pictures, (12.0, 3.0, 0.0), Knots((0.0, 120.0), (12.0, 0.0)))
    shares = falling.shares(np.array([0.0, 45.0, 105.0, 130.0]))
    np.testing.assert_allclose(shares, [[1, 0, 0], [0.5, 0.5, 0], [0, 0.5, 0.5], [0, 0, 1]])
    with pytest.raises(BeamwatchError, match="rise or fall"):
        Series(pictures, (12.0, 0.0, 3.0), Steady(0))


def test_the_power_of_every_spot_follows_the_law():
    law = Decay(onset=130, tau=60, residual=0.05)
    patch = Patch("field", Picture("lif-110"), (Change(law, Picture("lif-amorphous")),))
    movie = simulate(of(patch), **FAST, detector=SHARP)
    region = movie.truth.regions[0]
    before = powers(movie, 0, region.spots_before)
    for frame in (5, 7, 9, 12, 20):
        relative = powers(movie, frame, region.spots_before) / before
        # The diffuse background under a spot is what departs from the law.
        np.testing.assert_allclose(relative, region.lattice_power[frame], rtol=0.1, atol=0.01)


def test_a_fading_lattice_shows_its_law_in_the_counts():
    movie = simulate("stretched", **FAST, onset=160, tau=80)
    spot = movie.truth.regions[0].spots_before[0]
    n = movie.shape[1]
    taper = np.hanning(n)[:, None] * np.hanning(n)
    y, x = np.indices((n, n))
    angle, periods = np.radians(spot.angle_deg), movie.pixel_size / spot.d_A
    wave = np.exp(2j * np.pi * periods * (y * np.sin(angle) - x * np.cos(angle))) * taper
    seen = []
    for frame in range(len(movie)):
        counts = movie.frame(frame) - movie.frame(frame).mean()
        noise = (movie.frame(frame).mean() * taper**2).sum()
        seen.append(abs((counts * wave).sum()) ** 2 / noise)
    seen, law = np.array(seen), np.array(movie.truth.regions[0].lattice_power)
    scale = seen[:7].mean()
    # Power on a floor of 1 has variance 1 + 2 SNR.
    pulls = (seen - scale * law - 1) / np.sqrt(1 + 2 * scale * law)
    assert scale > 30
    assert abs(pulls.mean()) < 1
    assert pulls.std() < 2


def test_a_turned_picture_shows_its_spots_at_the_turned_angle():
    pixel = realised(0.25)
    for turn in (90.0, 33.0):
        picture = Picture("lif-110", turn)
        image = laid(picture, Optics(), pixel, (60.0, 60.0), 0.0, (0, 480, 0, 480))
        straight = load_stage("lif-110").image(pixel)
        for here, there in zip(
            picture.reflections(), load_stage("lif-110").reflections, strict=True
        ):
            assert -90 < here.angle_deg <= 90
            found = read_reflection(image, pixel, here)
            assert found.d_A == pytest.approx(here.d_A, rel=0.01)
            assert found.power == pytest.approx(
                read_reflection(straight, pixel, there).power, rel=0.15
            )


def test_pictures_tile_without_a_seam():
    pixel = realised(0.25)
    image = laid(Picture("lif-110"), Optics(), pixel, (0, 0), 0.0, (-100, 860, -100, 860))
    np.testing.assert_array_equal(image[:480, :480], image[480:, 480:])
    step = np.abs(np.diff(image, axis=0)).mean(axis=1)
    assert step.max() < 2 * np.median(step)


def test_the_drift_is_found_by_cross_correlation():
    drift = Drift(dy=Saturating(9.0, 60.0), dx=Saturating(-5.0, 60.0, rate=0.01))
    movie = simulate(of(Patch("field", Picture("carbon")), drift=drift), **FAST)
    truth = np.array(movie.truth.drift_px)
    assert (np.diff(np.abs(np.diff(truth[:, 0]))) < 0).all()
    first = np.fft.fft2(movie.expected(4) - movie.expected(4).mean())
    for frame in (6, 12, 23):
        image = movie.expected(frame) - movie.expected(frame).mean()
        peak = np.fft.ifft2(np.fft.fft2(image) * first.conj()).real
        at = np.unravel_index(peak.argmax(), peak.shape)
        moved = [(a + 240) % 480 - 240 for a in at]
        np.testing.assert_allclose(moved, truth[frame] - truth[4], atol=0.75)


def test_an_early_blur_makes_the_spots_rise():
    blurred = of(Patch("field", Picture("lif-110")), blur=Saturating(0.0, 20.0, start=0.4))
    movie = simulate(blurred, **FAST)
    spots = movie.truth.regions[0].spots_before
    assert (powers(movie, 0, spots) < 0.7 * powers(movie, 12, spots)).all()


def test_swelling_moves_d_by_as_much_as_it_says():
    movie = simulate("swelling", **FAST, onset=100, tau=60)
    region = movie.truth.regions[0]
    for before, after in zip(region.spots_before, region.spots_after, strict=True):
        assert after.d_A == pytest.approx(1.015 * before.d_A, rel=1e-3)
        first = read_reflection(movie.expected(0) / movie.expected(0).mean(), 0.25, before)
        last = read_reflection(movie.expected(23) / movie.expected(23).mean(), 0.25, after)
        assert last.d_A / first.d_A == pytest.approx(1.015, abs=0.002)


def test_half_orders_come_at_the_onset_of_ordering_and_the_lattice_holds():
    movie = simulate("ordering", **FAST, onset=130, tau=60)
    region = movie.truth.regions[0]
    halves = [spot for spot in region.spots_after if spot not in region.spots_before]
    assert len(halves) == 2
    rising = np.array([powers(movie, frame, halves) for frame in (0, 5, 9, 14, 23)])
    # Up to the onset there is what the film and thermal motion scatter that way.
    np.testing.assert_allclose(rising[1], rising[0], rtol=1e-3)
    assert (np.diff(rising[1:], axis=0) > 0).all()
    assert (rising[-1] > 100 * rising[0]).all()
    held = powers(movie, 23, region.spots_before) / powers(movie, 0, region.spots_before)
    np.testing.assert_allclose(held, 1, atol=0.1)
    assert set(region.lattice_power) == {1.0}
    assert region.half_dose_e_per_A2 is None


def test_a_change_of_focus_moves_power_between_spots_and_comes_back():
    path = Knots((100, 200, 300), (0, 6, 0))
    movie = simulate(of(Patch("field", Picture("lif-110")), focus=path), **FAST)
    spots = movie.truth.regions[0].spots_before
    first, away, back = (powers(movie, frame, spots) for frame in (0, 9, 20))
    ratios = away / first
    assert ratios.max() > 2 * ratios.min()
    np.testing.assert_allclose(back, first, rtol=1e-3)


def test_a_shrinking_particle_loses_area_and_lets_more_electrons_through():
    movie = simulate("void", **FAST, onset=100, span=200)
    sums = [movie.expected(frame) for frame in (0, 23)]
    dark = [int((image < 0.95 * np.median(image[:20])).sum()) for image in sums]
    assert dark[1] < 0.6 * dark[0]
    assert sums[1].mean() > 1.02 * sums[0].mean()


def test_bodies_lie_where_their_stages_have_crystal():
    film = load_stage("carbon").image(0.5)
    offset = (np.arange(240) - 120) * 0.5
    for name, body in BODIES.items():
        added = (load_stage(name).image(0.5) - film) ** 2
        thick = body.thickness(offset[:, None], offset[None, :])
        inside = thick > 0.8 * body.height
        outside = body.thickness(offset[:, None] * 0.88, offset[None, :] * 0.88) <= 0
        assert added[inside].mean() > 8 * added[outside].mean(), name


def test_an_uneven_beam_damages_its_middle_first():
    movie = simulate("uneven-beam", **FAST, onset=200, tau=20, fall=0.5)
    region = movie.truth.regions[0]
    assert region.onset_dose_e_per_A2 == pytest.approx(200 / region.illumination)
    assert region.illumination > 1.1
    image = movie.expected(11)
    middle, corner = image[176:304, 176:304], image[:128, :128]
    assert middle.mean() > 1.3 * corner.mean()
    assert middle.std() / middle.mean() < 0.7 * corner.std() / corner.mean()
    profile = movie.given.beam_profile
    assert profile.mean() == pytest.approx(1, abs=1e-5)


def test_grains_fill_the_field_and_each_point_has_one():
    seeds = scattered_seeds(100, 120, 9, seed=1)
    y, x = np.mgrid[0:100:2.0, 0:120:2.0]
    inside = [Cell(seeds, i).depth(y, x) > 0 for i in range(9)]
    assert (np.sum(inside, axis=0) == 1).all()
    assert Everywhere().mask(y, x, 4).min() == 1
