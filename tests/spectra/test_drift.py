"""Drift of the specimen: kernels against naive twins, movies with a known drift, and refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.simulate.cases import FIRST_MOVE, View, load_case, simulate
from napari_beamwatch.simulate.scene import Drift as Motion
from napari_beamwatch.spectra.drift import (
    Drift,
    DriftEstimator,
    estimate_drift,
    kernels,
    low_frequencies,
    velocity,
)
from napari_beamwatch.spectra.drift import estimator as estimating
from napari_beamwatch.spectra.drift.low_frequencies import Band
from napari_beamwatch.spectra.drift.whitening import Cells

BASE = np.random.default_rng(1).standard_normal((768, 768))


def speckle(size=512, lattice=0.0, contrast=0.25):
    """A function (dy, dx) -> picture of mean 1 that shows speckle and a lattice, moved."""
    spectrum = np.fft.rfft2(BASE)
    ky, kx = np.fft.fftfreq(768)[:, None], np.fft.rfftfreq(768)[None]
    k = np.hypot(ky, kx)
    spectrum = spectrum * ((k > 0.015) & (k < 0.09))
    unit = np.fft.irfft2(spectrum).std()

    def picture(dy, dx):
        moved = np.fft.irfft2(spectrum * np.exp(-2j * np.pi * (ky * dy + kx * dx))) / unit
        y, x = np.mgrid[:size, :size]
        fringes = np.cos(2 * np.pi * ((y - dy) / 16 + (x - dx) / 40))
        fringes += np.cos(2 * np.pi * ((y - dy) / -40 + (x - dx) / 16))
        return 1 + contrast * moved[128 : 128 + size, 128 : 128 + size] + lattice * fringes

    return picture


def settling(frames=48, far=(40.0, -26.0), tau=7.0):
    t = np.arange(frames)
    return (1 - np.exp(-t / tau))[:, None] * np.array(far) + 0.1 * t[:, None]


def film(picture, path, dose=0.3, seed=0, pattern=1.0, flux=None):
    rng = np.random.default_rng(seed)
    flux = np.ones(len(path)) if flux is None else flux
    return np.stack(
        [
            rng.poisson((dose * f * pattern * picture(*d)).clip(0)).astype(np.uint8)
            for d, f in zip(path, flux, strict=True)
        ]
    )


def errors(found: Drift, path):
    assert found.reason == ""
    return np.stack([found.dy_px, found.dx_px], 1) - (path - path[0])


# --- Kernels and their naive twins -----------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_binning_leaves_hot_pixels_and_no_numbers_out(dtype):
    rng = np.random.default_rng(0)
    frame = rng.poisson(2, (26, 35)).astype(dtype)
    frame[3, 4] = 200
    if dtype is np.float32:
        frame[7, 8], frame[9, 1] = np.nan, np.inf
    out = np.empty((6, 8), np.float32)
    low_frequencies._bin(frame, 4, np.float32(2.5), np.float32(20), out)
    plain = frame[:24, :32].astype(float)
    plain[~(plain <= 20)] = 2.5
    np.testing.assert_allclose(out, plain.reshape(6, 4, 8, 4).sum((1, 3)), rtol=1e-6)


def test_moments_of_finite_pixels():
    frame = np.random.default_rng(0).normal(3, 1, (40, 30)).astype(np.float32)
    frame[16, 3] = np.nan
    count, total, squares = low_frequencies._moments(frame, 8)
    rows = frame[::8].astype(float)
    assert count == np.isfinite(rows).sum()
    assert total == pytest.approx(np.nansum(rows), rel=1e-5)
    assert squares == pytest.approx(np.nansum(rows**2), rel=1e-5)


def random_complex(rng, *shape):
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)


def test_sums_products_and_slopes():
    rng = np.random.default_rng(2)
    y, moving, other, fixed = (random_complex(rng, 6, 4) for _ in range(4))
    own = rng.normal(size=(6, 4)).astype(np.float32)
    ky, kx = rng.normal(size=6).astype(np.float32), rng.normal(size=4).astype(np.float32)
    py = np.exp(2j * np.pi * ky * 0.3).astype(np.complex64)
    px = np.exp(2j * np.pi * kx * -0.2).astype(np.complex64)
    phase, a = py[:, None] * px, np.float32(0.8)

    sums = [np.zeros((6, 4), np.complex64) for _ in range(3)]
    kernels.lay_frame(y, a, py, px, *sums)
    for got, want in zip(sums, (a * y * phase, a * y, a * a * phase), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5)

    frames = random_complex(rng, 5, 6, 4)
    pairs = np.zeros((6, 4), np.complex64)
    velocity.add_pairs(frames, 2, pairs)
    np.testing.assert_allclose(pairs, (frames[2:] * frames[:-2].conj()).sum(axis=0), rtol=1e-5)

    product = np.empty((6, 4), np.complex64)
    kernels.frame_against(y, np.float32(0.5), py, px, moving, own, other, fixed, a, product)
    image = moving - own * 0.5 * y * phase - other * 0.5 * y
    np.testing.assert_allclose(product, (y - a * fixed) * image.conj(), rtol=1e-4, atol=1e-5)

    def value(d):
        turned = np.exp(2j * np.pi * (ky[:, None] * d[0] + kx * d[1]).astype(float))
        return (product * turned).real.sum()

    gy, gx, hy, hx = kernels.frame_slope(product, moving, a, py, px, ky, kx)
    d = np.array([0.3, -0.2])
    for got, step in ((gy, np.array([1e-4, 0])), (gx, np.array([0, 1e-4]))):
        assert got == pytest.approx((value(d + step) - value(d - step)) / 2e-4, rel=1e-3, abs=1e-2)
    power = a**2 * np.abs(moving) ** 2
    assert hy == pytest.approx(((2 * np.pi * ky[:, None]) ** 2 * power).sum(), rel=1e-4)
    assert hx == pytest.approx(((2 * np.pi * kx) ** 2 * power).sum(), rel=1e-4)


def test_a_frame_is_reduced_to_the_transform_of_its_tapered_contrast():
    frame = np.random.default_rng(0).poisson(3, (70, 64)).astype(np.uint8)
    band = Band.of(frame.shape)
    got = band.reduce(frame)
    contrast = (frame / frame.mean() - 1) * band.taper_y[:, None] * band.taper_x
    whole = np.fft.rfft2(contrast)
    rows = np.r_[0 : band.ry, 70 - band.ry : 70]
    np.testing.assert_allclose(got, whole[rows][:, : band.rx], rtol=1e-3, atol=1e-3)


def test_a_map_is_the_sum_of_waves():
    band = Band.of((64, 80))
    cells = Cells.of(band)
    product = random_complex(np.random.default_rng(3), 2 * band.ry, band.rx)
    product[:, 0] = 0
    got = cells.cut(cells.correlation(product))
    y, x = cells.axes
    for i, j in ((0, 0), (3, 1), (len(y) - 1, 2)):
        wave = np.exp(2j * np.pi * (band.ky[:, None] * y[i] + band.kx * x[j]))
        assert got[i, j] == pytest.approx((product * wave).real.sum(), rel=1e-3, abs=1e-2)


# --- Movies whose drift is known -------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("lattice", [0.0, 0.3])
def test_a_settling_stage_is_followed_without_hops(lattice):
    path = settling()
    found = estimate_drift(film(speckle(lattice=lattice), path))
    off = errors(found, path)
    assert np.abs(off).max() < 3
    assert np.sqrt((off**2).mean()) < 1
    assert found.se_px[0] == 0
    assert (np.abs(off[1:]) < 3 * found.se_px[1:, None]).mean() > 0.95


@pytest.mark.long
def test_a_stage_that_runs_is_followed_in_frames_too_faint_to_find_themselves():
    path = np.arange(48)[:, None] * np.array([-2.6, 1.5])
    assert (
        np.sqrt((errors(estimate_drift(film(speckle(), path, dose=0.012)), path) ** 2).mean()) < 1
    )


@pytest.mark.long
def test_pattern_hot_pixels_flicker_and_shading_do_not_hold_it():
    path = settling()
    rng = np.random.default_rng(4)
    pattern = 1 + 0.1 * rng.standard_normal((512, 512)) + 0.05 * rng.standard_normal(512)
    pattern = pattern.clip(0.1)
    pattern[rng.integers(0, 512, 60), rng.integers(0, 512, 60)] = 40
    y, x = np.mgrid[-1:1:512j, -1:1:512j]
    pattern *= 1 - 0.3 * (y**2 + x**2) / 2
    flux = rng.uniform(0.6, 1.4, len(path))
    frames = film(speckle(), path, pattern=pattern, flux=flux)
    assert np.sqrt((errors(estimate_drift(frames), path) ** 2).mean()) < 1


@pytest.mark.long
def test_a_lattice_may_fade():
    path = settling(40)
    full, bare = speckle(lattice=0.4), speckle()
    rng = np.random.default_rng(0)
    frames = [
        rng.poisson(0.3 * (full if t < 15 else bare)(*d).clip(0)).astype(np.uint8)
        for t, d in enumerate(path)
    ]
    assert np.sqrt((errors(estimate_drift(frames), path) ** 2).mean()) < 1


@pytest.mark.long
def test_frames_that_need_not_be_square_and_begin_in_the_dark():
    path = settling(30)
    frames = film(speckle(), path, dose=0.5)[:, :320]
    dark = np.zeros((3, 320, 512), np.uint8)
    found = estimate_drift(np.concatenate([dark, frames]))
    assert (found.dy_px[:4] == 0).all()
    off = errors(replace(found, dy_px=found.dy_px[3:], dx_px=found.dx_px[3:]), path)
    assert np.sqrt((off**2).mean()) < 1


def test_a_simulated_movie_of_lif():
    case = load_case("lif-room-temperature")
    scene = replace(case.build(View(64.0, 64.0, 360.0, 3)), drift=FIRST_MOVE)
    movie = simulate(scene, size=512, frames=24, frame_dose=15.0, pixel_size=0.125, seed=3)
    # The first frames are smeared over more than the lattice; from the third on it is sharp.
    path = np.array(movie.truth.drift_px)[2:]
    found = estimate_drift(movie.recording.frames, lit=np.arange(24) >= 2)
    off = np.stack([found.dy_px, found.dx_px], 1)[2:] - (path - path[0])
    assert found.measured
    assert np.sqrt((off**2).mean()) < 1.5
    assert (np.abs(off[1:]) < 3 * found.se_px[3:, None]).mean() > 0.9


@pytest.mark.long
def test_a_still_lattice_stands_still():
    case = load_case("survivor")
    scene = replace(case.build(View(64.0, 64.0, 360.0, 0)), drift=Motion())
    movie = simulate(scene, size=512, frames=20, frame_dose=15.0, pixel_size=0.125)
    found = estimate_drift(movie.recording.frames)
    assert found.measured
    assert np.abs(found.dy_px).max() < 1
    assert np.abs(found.dx_px).max() < 1


# --- What cannot be measured -------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize(("frames", "size"), [(40, 256), (12, 512)])
def test_noise_has_no_drift(frames, size):
    rng = np.random.default_rng(frames)
    found = estimate_drift(rng.poisson(0.08, (frames, size, size)).astype(np.uint8))
    assert "too few electrons" in found.reason
    assert not found.dy_px.any()
    assert not found.dx_px.any()
    assert np.isnan(found.se_px).all()


@pytest.mark.long
def test_a_detector_pattern_alone_is_not_a_specimen():
    rng = np.random.default_rng(0)
    pattern = 1 + 0.2 * rng.standard_normal((256, 256)).clip(-3, 3)
    found = estimate_drift(rng.poisson(5 * pattern, (40, 256, 256)).astype(np.uint8))
    assert found.reason
    assert not found.dy_px.any()


def test_too_little_to_work_with():
    one = np.ones((1, 64, 64), np.uint8)
    assert "fewer than two" in estimate_drift(one).reason
    assert "fewer than two" in estimate_drift(np.zeros((5, 64, 64), np.uint8)).reason
    with pytest.raises(BeamwatchError, match="too small"):
        estimate_drift(np.ones((3, 12, 200)))
    with pytest.raises(BeamwatchError, match="no frames"):
        estimate_drift([])
    with pytest.raises(BeamwatchError, match="shape"):
        estimate_drift([np.ones((64, 64)), np.ones((60, 64))])
    with pytest.raises(BeamwatchError, match="lit"):
        estimate_drift(np.ones((3, 64, 64)), lit=[True, True])


def test_constant_frames_and_two_frames_are_no_trouble():
    assert estimate_drift(np.ones((6, 64, 64), np.uint8)).reason
    noise = np.random.default_rng(0).poisson(1, (2, 64, 64)).astype(np.uint8)
    assert estimate_drift(noise).reason


@pytest.mark.parametrize("blank", [slice(None), slice(12, None), slice(1, None, 2)])
def test_saturated_frames_are_no_trouble(blank):
    frames = np.random.default_rng(0).poisson(20, (24, 64, 64)).astype(np.uint8)
    frames[blank] = 255
    assert estimate_drift(frames).reason


# --- The streaming estimator -------------------------------------------------------------------


@pytest.mark.long
def test_it_does_not_matter_who_reduces_or_how_many_threads(monkeypatch):
    path = settling(24)
    frames = film(speckle(), path, dose=0.5)
    whole = estimate_drift(Movie.from_array(frames).recording.frames)
    estimator = DriftEstimator(frames.shape[1:])
    monkeypatch.setattr(kernels, "spread", map)
    reduced = [estimator.reduce(frame) for frame in frames[::-1]][::-1]
    for t, kept in enumerate(reduced):
        estimator.add_reduced(t, kept)
    alone = estimator.solve()
    np.testing.assert_array_equal(whole.dy_px, alone.dy_px)
    np.testing.assert_array_equal(whole.se_px, alone.se_px)


@pytest.mark.long
def test_long_movies_are_kept_in_bounded_memory(monkeypatch):
    monkeypatch.setattr(estimating, "MOST_GROUPS", 40)
    monkeypatch.setattr(estimating, "FIRST_FRAMES", 16)
    path = settling(90)
    frames = film(speckle(), path, dose=0.3)
    estimator = DriftEstimator(frames.shape[1:])
    for t, frame in enumerate(frames):
        estimator.add(t, frame)
        assert len(estimator._kept) <= 40
    assert estimator._last[-1] == 89
    off = errors(estimator.solve(), path)
    assert np.sqrt((off**2).mean()) < 1


def test_frames_come_in_order():
    estimator = DriftEstimator((64, 64))
    estimator.add(3, np.ones((64, 64)))
    with pytest.raises(BeamwatchError, match="order"):
        estimator.add(3, np.ones((64, 64)))


@pytest.mark.long
@pytest.mark.parametrize("case", ["lif-to-li2o", "reorientation", "stretched"])
def test_a_specimen_that_changes_where_it_stands_does_not_seem_to_move(case):
    movie = simulate(case, frames=40, frame_dose=15.0, size=512)
    drift = estimate_drift(movie.recording.frames)
    assert np.ptp(movie.truth.drift_px) == 0
    assert np.hypot(drift.dy_px, drift.dx_px).max() < 2.5


@pytest.mark.long
def test_a_lattice_that_swells_in_many_electrons_does_not_seem_to_move():
    movie = simulate(
        "swelling", frames=40, frame_dose=78.0, pixel_size=0.2, size=512, onset=830.0, tau=200.0
    )
    drift = estimate_drift(movie.recording.frames)
    assert np.hypot(drift.dy_px, drift.dx_px).max() < 2.5
