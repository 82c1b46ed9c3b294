"""Detectors: as many electrons as the dose says, with the noise that counting has."""

import numpy as np
import pytest

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.counting import judge_counting
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.detector import BLOBS, Detector, draw_blobs

SMALL = {"pixel_size": 0.25, "size": 320, "frames": 4, "frame_dose": 8.0}


def judged(movie):
    a, b = (movie.frame(t).astype(float) for t in (0, 1))
    return judge_counting(a, b, movie.dtype.kind == "u")


def test_counts_are_as_many_as_the_dose_says_with_variance_as_mean():
    movie = simulate("no-lattice", **SMALL)
    electrons = 8.0 * movie.pixel_size**2 * 320**2
    total = sum(int(movie.frame(t).sum()) for t in range(4))
    assert abs(total - 4 * electrons) < 4 * np.sqrt(4 * electrons)
    noise = movie.frame(0).astype(float) - movie.frame(1)
    assert noise.var() / 2 / movie.frame(0).mean() == pytest.approx(1, abs=0.02)
    assert judged(movie).kind == "single"


def test_pixels_are_independent_so_that_the_noise_is_white():
    frame = simulate("no-lattice", **SMALL).frame(2).astype(float)
    power = np.abs(np.fft.fft2(frame - frame.mean())) ** 2 / (frame.mean() * frame.size)
    assert power[40:280, 40:280].mean() == pytest.approx(1, abs=0.03)


def test_blobs_hold_a_hundred_levels_an_electron_and_are_judged_so():
    movie = simulate("no-lattice", **SMALL, detector=Detector("blobs"))
    assert (BLOBS.sum(axis=(1, 2)) == 100).all()
    electrons = 8.0 * movie.pixel_size**2
    assert movie.frame(0).mean() == pytest.approx(100 * electrons, rel=0.02)
    counting = judged(movie)
    assert counting.kind == "blob"
    assert counting.counts_per_electron == pytest.approx(100, rel=0.1)
    assert movie.counting.kind == "blob"


def test_an_electron_on_the_border_leaves_its_share_of_a_blob():
    counts = np.zeros((5, 6), int)
    counts[2, 2] = 1
    drawn = draw_blobs(counts, np.random.default_rng(1))
    assert drawn.shape == (3, 4)
    assert drawn.sum() == 100
    assert drawn[1, 1] == 38
    outside = np.zeros((5, 6), int)
    outside[0, 3] = 1
    assert 0 < draw_blobs(outside, np.random.default_rng(1)).sum() < 50


def test_coloured_and_textured_frames_are_not_called_counts():
    smooth = simulate("no-lattice", **SMALL, detector=Detector(smoothing=0.8))
    assert smooth.dtype == np.float32
    assert judged(smooth).kind != "single"
    corrected = simulate(
        "no-lattice", **SMALL, detector=Detector(gain_texture=0.1, gain_corrected=True)
    )
    assert judged(corrected).kind == "grey"


def test_hot_pixels_are_hot_in_every_frame():
    movie = simulate("no-lattice", **SMALL, detector=Detector(hot_pixels=5))
    hot = [set(np.flatnonzero(movie.frame(t) > 10)) for t in range(4)]
    assert len(hot[0]) == 5
    assert hot[0] == hot[1] == hot[2] == hot[3]


def test_the_mtf_damps_fine_fringes_and_leaves_the_noise():
    sharp, soft = (
        simulate("survivor", **SMALL, drift=None, detector=Detector(mtf_nyquist=m))
        for m in (1.0, 0.2)
    )
    assert soft.expected(0).std() < 0.9 * sharp.expected(0).std()
    assert soft.expected(0).mean() == pytest.approx(sharp.expected(0).mean(), rel=1e-3)


def test_pixels_are_the_smallest_that_cannot_overflow():
    assert Detector().dtype_for(0.1) == np.uint8
    assert Detector().dtype_for(300) == np.uint16
    assert Detector("blobs").dtype_for(0.1) == np.uint16


def test_a_detector_that_cannot_be_is_refused():
    with pytest.raises(BeamwatchError, match="counts or blobs"):
        Detector("lines")
    with pytest.raises(BeamwatchError, match="Nyquist"):
        Detector(mtf_nyquist=0)


def test_dead_columns_lie_side_by_side_and_count_nothing():
    movie = simulate("no-lattice", **SMALL, detector=Detector(dead_columns=2))
    dead = np.flatnonzero(sum(movie.frame(t).astype(int) for t in range(4)).sum(axis=0) == 0)
    assert len(dead) == 2
    assert dead[1] == dead[0] + 1
