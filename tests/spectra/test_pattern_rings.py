"""Powder rings of diffraction patterns: found where they are, followed with true errors."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import napari_beamwatch as bw
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.movie import SimulatedMovie
from napari_beamwatch.spectra.diffraction import (
    CoarsePattern,
    Geometry,
    PatternRings,
    RingTraces,
    RingTracker,
    centre_drift,
    find_pattern_rings,
    grown_halo,
    pattern_profile,
    stretches,
)
from napari_beamwatch.spectra.diffraction.drifting import pulled
from napari_beamwatch.spectra.diffraction.polar import add_polar
from napari_beamwatch.spectra.diffraction.reading import laid

STILL = {"drift": 0.0, "frames": 40}


def composer_of(movie: SimulatedMovie):
    return movie.recording.frames.composer


def frames_of(movie: SimulatedMovie) -> np.ndarray:
    return np.array([movie.frame(t) for t in range(len(movie))], float)


def found_in(movie: SimulatedMovie, frames: np.ndarray, off: float = 0.6) -> PatternRings:
    """Rings from two halves of a movie, with a first centre that is off."""
    y, x = composer_of(movie).middle
    half = len(frames) // 2
    sums = [frames[:half].sum(axis=0), frames[half:].sum(axis=0)]
    hidden = np.zeros(frames.shape[1:], bool)
    return find_pattern_rings(sums, Geometry(y + off, x - off), hidden, np.ones(2))


def traced(rings: PatternRings, frames: np.ndarray) -> tuple[RingTracker, RingTraces]:
    tracker, reader = RingTracker(rings, len(frames)), rings.reader()
    for number, frame in enumerate(frames):
        tracker.keep(number, reader(frame), float(frame.sum()))
    return tracker, tracker.traces()


@pytest.fixture(scope="module")
def steady() -> tuple[SimulatedMovie, np.ndarray, PatternRings]:
    movie = simulate("steady-rings", **STILL)
    frames = frames_of(movie)
    return movie, frames, found_in(movie, frames)


def test_rings_are_found_at_their_radii_and_nowhere_else(steady) -> None:
    movie, _, rings = steady
    true = np.array([ring.radius_px for ring in movie.truth.rings])
    off = rings.radius[:, None] - true
    assert np.abs(off).min(axis=1).max() < 0.25
    assert {round(r) for r in rings.radius} >= {66, 93, 114, 132}


def test_their_centre_and_ellipse_are_found_with_them(steady) -> None:
    movie, _, rings = steady
    y, x = composer_of(movie).middle
    assert (rings.geometry.y, rings.geometry.x) == pytest.approx((y, x), abs=0.05)
    assert rings.geometry.ratio == pytest.approx(1.01, abs=0.001)
    assert rings.geometry.angle == pytest.approx(25, abs=4)


def test_a_pattern_without_rings_has_none(steady) -> None:
    movie = steady[0]
    scene = dataclasses.replace(composer_of(movie).scene, powders=())
    for seed in range(6):
        bare = simulate(scene, frames=10, frame_dose=2.0, seed=seed)
        assert len(found_in(bare, frames_of(bare))) == 0


@pytest.mark.long
def test_the_spots_of_few_grains_make_no_ring() -> None:
    scene = composer_of(simulate("rings-of-few-grains", frames=10)).scene
    alone = dataclasses.replace(scene, powders=(dataclasses.replace(scene.powders[1], grains=4),))
    movie = simulate(alone, frames=10, frame_dose=2.0)
    assert len(found_in(movie, frames_of(movie))) <= 1


@pytest.mark.long
def test_rings_a_width_apart_are_told_apart() -> None:
    movie = simulate("rings-a-width-apart", frames=40, onset=1.0, tau=1.0)
    rings = found_in(movie, frames_of(movie))
    for true in (109.8, 114.2, 126.8, 131.8):
        assert np.abs(rings.radius - true).min() < 0.4


def test_nothing_is_looked_for_beyond_an_aperture() -> None:
    movie = simulate("rings-in-an-aperture", frames=20)
    rings = found_in(movie, frames_of(movie))
    assert rings.radius.max() < 100


def test_a_ring_has_its_share_of_all_electrons_within_true_errors(steady) -> None:
    movie, frames, rings = steady
    _, traces = traced(rings, frames)
    seen = float(composer_of(movie).frame(0).sum())
    ring = int(np.argmin(np.abs(rings.radius - 65.9)))
    true = movie.truth.rings[0].share[0] / seen
    assert np.nanmean(traces.intensity[:, ring]) == pytest.approx(true, rel=0.05)
    clear = rings.significance > 30
    off = traces.intensity - traces.intensity.mean(axis=0)
    ratio = (off / traces.intensity_se)[:, clear].std(axis=0)
    assert ratio == pytest.approx(1.0, abs=0.35)
    assert ratio.mean() == pytest.approx(1.0, abs=0.15)


@pytest.mark.long
def test_a_rising_background_is_not_the_rings() -> None:
    movie = simulate("dim-rings-in-rising-background", frames=40)
    frames = frames_of(movie)
    rings = found_in(movie, frames)
    _, traces = traced(rings, frames)
    ring = int(np.argmin(np.abs(rings.radius - 65.9)))
    value, error = traces.intensity[:, ring], traces.intensity_se[:, ring]
    change = value[-10:].mean() - value[:10].mean()
    assert abs(change) < 3.5 * np.sqrt((error[-10:] ** 2).mean() / 5)


def test_spacings_are_those_of_the_rings(steady) -> None:
    movie, frames, rings = steady
    _, traces = traced(rings, frames)
    ring = int(np.argmin(np.abs(rings.radius - 65.9)))
    off = (traces.radius[:, ring] - movie.truth.rings[0].radius_px) / traces.radius_se[:, ring]
    assert np.sqrt(np.nanmean(off**2)) < 1.6


def test_a_halo_that_grew_is_found_and_nothing_where_none_did(steady) -> None:
    _, frames, rings = steady
    tracker, _ = traced(rings, frames)
    assert grown_halo(tracker, 0.00125) is None
    movie = simulate("fading-rings", halo=0.05, onset=20.0, tau=10.0, **STILL)
    grown = grown_halo(traced(found_in(movie, frames_of(movie)), frames_of(movie))[0], 0.00125)
    assert grown is not None
    assert 200 / grown.radius == pytest.approx(2.6, abs=0.1)
    assert grown.intensity[-5:].mean() > 10 * np.abs(grown.intensity[:5].mean())


@pytest.mark.long
def test_a_thicker_background_is_no_halo() -> None:
    movie = simulate("dim-rings-in-rising-background", frames=40)
    frames = frames_of(movie)
    assert grown_halo(traced(found_in(movie, frames), frames)[0], 0.00125) is None


@pytest.mark.long
@pytest.mark.parametrize("case", ["rings-that-wander", "rings-and-beam-stop"])
def test_the_centre_is_followed_where_it_drifts(case: str) -> None:
    movie = simulate(case, frames=40)
    frames = movie.recording.frames
    lit = np.ones(len(movie), bool)
    work, edges = CoarsePattern.of(frames, lit), stretches(lit)
    sums = [work(edge, lambda _: None) for edge in edges]
    drift = centre_drift(sums, edges, movie.shape, work.by)
    true = np.array(movie.truth.drift_px)
    assert drift.moved
    off = drift.shifts - (true - true.mean(axis=0))
    assert np.sqrt((off**2).mean()) < 0.25


def test_a_centre_that_stays_is_left_alone(steady) -> None:
    movie, _, _ = steady
    lit = np.ones(len(movie), bool)
    work, edges = CoarsePattern.of(movie.recording.frames, lit), stretches(lit)
    sums = [work(edge, lambda _: None) for edge in edges]
    drift = centre_drift(sums, edges, movie.shape, work.by)
    assert not drift.moved
    assert drift.shifts is None


def test_the_kernel_of_the_radius_is_its_definition() -> None:
    rng = np.random.default_rng(3)
    counts = rng.poisson(3.0, (21, 26)).astype(float)
    counts[4, 5] = np.nan
    out = rng.uniform(size=counts.shape) < 0.1
    sums = np.zeros((2, 6, 9))
    add_polar(counts, out, 1, -2, 9.3, 12.8, 0.03, -0.02, 2.0, sums)
    expected = np.zeros_like(sums)
    for i, j in np.ndindex(*counts.shape):
        v, u = i - 9.3, j - 12.8
        k, n = i - 1, j + 2
        left_out = 0 <= k < 21 and 0 <= n < 26 and out[k, n]
        if np.isnan(counts[i, j]) or left_out:
            continue
        theta = np.arctan2(v, u)
        r = np.hypot(v, u) / (1 + 0.03 * np.cos(2 * theta) - 0.02 * np.sin(2 * theta))
        radius, sector = int(r / 2 + 0.5), int((theta / (2 * np.pi) + 1) * 6) % 6
        if radius < 9:
            expected[:, sector, radius] += (counts[i, j], 1)
    np.testing.assert_allclose(sums, expected)


def test_the_kernel_of_the_drift_is_its_definition() -> None:
    rng = np.random.default_rng(5)
    image, weighed = rng.uniform(size=(12, 14)), rng.normal(size=(2, 12, 14))
    inside = np.zeros(image.shape, bool)
    inside[3:9, 3:10] = True
    sums = np.zeros(3)
    pulled(image, weighed, inside, 1.3, -0.6, sums)
    y, x = np.nonzero(inside)
    v, u = y + 1.3, x - 0.6
    k, n = np.floor(v).astype(int), np.floor(u).astype(int)
    a, b = v - k, u - n
    here = (1 - a) * ((1 - b) * image[k, n] + b * image[k, n + 1])
    here += a * ((1 - b) * image[k + 1, n] + b * image[k + 1, n + 1])
    expected = [here.sum(), *((here * weighed[i][inside]).sum() for i in (0, 1))]
    np.testing.assert_allclose(sums, expected)


def test_laying_an_image_elsewhere_leaves_nothing_behind() -> None:
    image = np.arange(12).reshape(3, 4)
    np.testing.assert_array_equal(
        laid(image, np.array([1, -2])), [[0, 0, 0, 0], [2, 3, 0, 0], [6, 7, 0, 0]]
    )


@pytest.mark.parametrize("size", [256, 600])
def test_a_glance_at_a_frame_has_its_centre_and_rings_at_their_radii(size: int) -> None:
    movie = simulate("steady-rings", frames=2, size=size, drift=0.0)
    middle = movie.recording.frames.composer.middle
    seen = pattern_profile(movie, 0, 2)
    assert (seen.y, seen.x) == pytest.approx(middle, abs=0.7)
    assert (seen.first, seen.last) == (0, 2)
    near = np.abs(seen.radius - 200 / 3.034) < 12
    assert seen.radius[near][seen.mean[near].argmax()] == pytest.approx(200 / 3.034, abs=2)


def test_a_glance_at_dark_frames_is_refused_in_a_sentence() -> None:
    dark = bw.Movie.from_array(np.zeros((3, 64, 64), np.uint8), frame_dose=1.0)
    with pytest.raises(bw.BeamwatchError, match="shows nothing in these frames"):
        pattern_profile(dark, 1)
