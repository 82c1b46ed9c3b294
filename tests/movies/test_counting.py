"""What the pixels themselves say about electrons, and when they are asked about."""

from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np
import pytest
from scipy.ndimage import convolve

from napari_beamwatch import BeamwatchError, Movie, open_movie
from napari_beamwatch.movies import counting
from napari_beamwatch.movies.counting import judge_counting, measure_flux
from napari_beamwatch.movies.display import display_range
from napari_beamwatch.movies.frames import ArrayFrames, Frame

BLOB = np.array([[6, 11, 6], [11, 32, 11], [6, 11, 6]])


def electrons(mean: float, frames: int = 2, side: int = 256, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).poisson(mean, (frames, side, side))


def blobs(counts: np.ndarray) -> np.ndarray:
    drawn = [convolve(frame, BLOB, mode="wrap") for frame in counts.astype(int)]
    return np.array(drawn, np.uint16)


@pytest.mark.parametrize("mean", [0.02, 0.3, 5.0, 80.0])
def test_single_electrons_are_recognised(mean: float) -> None:
    seen = judge_counting(*electrons(mean).astype(float), whole_numbers=True)
    assert seen is not None
    assert seen.kind == "single"


@pytest.mark.parametrize("mean", [0.02, 0.5, 5.0])
def test_drawn_electrons_are_recognised_with_their_grey_levels(mean: float) -> None:
    seen = judge_counting(*blobs(electrons(mean, side=512)).astype(float), whole_numbers=True)
    assert seen is not None
    assert seen.kind == "blob"
    # Blobs on the rim of a block lose part of themselves to the next one.
    assert seen.counts_per_electron == pytest.approx(BLOB.sum(), rel=0.25)


def test_a_moving_lattice_does_not_hide_single_electrons() -> None:
    x = np.arange(256)
    fringe = 1 + 0.2 * np.cos(2 * np.pi * x / 16)
    rng = np.random.default_rng(0)
    a, b = (rng.poisson(4 * np.roll(fringe, s), (256, 256)).astype(float) for s in (0, 8))
    seen = judge_counting(a, b, whole_numbers=True)
    assert seen is not None
    assert seen.kind == "single"


def test_an_integrating_camera_is_grey() -> None:
    rng = np.random.default_rng(0)
    a, b = (3.7 * rng.poisson(50, (256, 256)) + 100 for _ in range(2))
    seen = judge_counting(a, b, whole_numbers=False)
    assert seen is not None
    assert seen.kind == "grey"


def test_drawn_electrons_are_asked_about_and_never_silently_used(tmp_path: Path) -> None:
    truth = electrons(0.8, frames=6, side=128)
    path = tmp_path / "falcon.mrc"
    with mrcfile.new(path) as mrc:
        mrc.set_data(blobs(truth))
        mrc.voxel_size = 0.5
    movie = open_movie(path)
    assert movie.dose is None
    (question,) = [warning for warning in movie.warnings if "blob" in warning]
    assert "is that so?" in question
    assert "counts per electron" in question
    answered = movie.with_(counts_per_electron=BLOB.sum())
    assert answered.frame_dose == pytest.approx(truth.mean(axis=(1, 2)) / 0.25)
    assert "grey values" in answered.dose_source
    assert not any("blob" in warning for warning in answered.warnings)


def test_the_flux_of_a_large_movie_is_sampled_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Rows(ArrayFrames):
        seekable_rows = True

        def read(self, frame: int) -> Frame:
            raise AssertionError("a whole frame was read")

        def read_rows(self, frame: int, y0: int, y1: int) -> Frame:
            return np.asarray(self.array[frame, y0:y1])

    monkeypatch.setattr(counting, "READ_WHOLE", 1000)
    flux = np.linspace(2, 4, 700)
    frames = np.random.default_rng(0).poisson(flux[:, None, None], (700, 64, 64))
    seen = measure_flux(Rows(frames.astype(np.uint8)), "the array")
    assert seen.counts is not None
    assert np.abs(seen.counts / flux - 1).max() < 0.15
    assert seen.origin == "sampled in 512 of 700 frames"
    assert seen.warnings == ()


@pytest.mark.long
def test_of_very_many_frames_some_are_read_however_small_they_are() -> None:
    frames = np.ones((counting.MOST_READ + 1, 1, 1), np.uint8)
    seen = measure_flux(ArrayFrames(frames), "the array")
    assert seen.origin == f"sampled in {counting.MOST_READ} of {len(frames)} frames"
    assert (seen.counts == 1).all()


def test_pixels_that_are_no_numbers_are_left_out_and_named() -> None:
    frames = electrons(3.0, frames=4, side=64).astype(np.float32)
    frames[2, 5:9, 5:9] = np.nan
    frames[3, 0, 0] = np.inf
    movie = Movie.from_array(frames, 1.0, 1.0)
    assert movie.counts == pytest.approx([3.0] * 4, rel=0.05)
    assert any("2 of 4 frames" in warning and "NaN" in warning for warning in movie.warnings)


def test_frames_without_any_number_are_left_out_but_their_dose_counts() -> None:
    frames = electrons(3.0, frames=5, side=64).astype(np.float32)
    frames[2] = np.nan
    movie = Movie.from_array(frames, 1.0, 1.0)
    assert movie.lit.tolist() == [True, True, False, True, True]
    assert movie.dose == pytest.approx([1, 2, 3, 4, 5])
    assert any("1 frames hold no picture" in warning for warning in movie.warnings)


@pytest.mark.parametrize(
    ("frames", "why"),
    [
        (np.full((3, 8, 8), np.nan, np.float32), "no pixel that is a grey value"),
        (np.full((3, 8, 8), -np.inf), "no pixel that is a grey value"),
        (electrons(3.0, 3, 8) * 1e30 + 1e30, "no pixel that is a grey value"),
        (np.full((3, 8, 8), 2**64 - 1, np.uint64), "no pixel that is a grey value"),
        (electrons(3.0, 3, 8) * 1e-30, "too small to compute with"),
    ],
)  # fmt: skip
def test_what_cannot_be_computed_with_is_refused_with_what_to_do(
    frames: np.ndarray, why: str
) -> None:
    with pytest.raises(BeamwatchError, match=why):
        Movie.from_array(frames)


def test_an_empty_record_is_said_to_be_empty() -> None:
    movie = Movie.from_array(np.zeros((4, 32, 32), np.uint8), 1.0)
    assert movie.dose is None or movie.dose[-1] == 0
    assert any("no frame holds any counts" in warning for warning in movie.warnings)


def test_frames_of_black_and_white_are_shown_as_such() -> None:
    assert display_range(Movie.from_array(electrons(0.2, 2, 32) > 0)) == (0.0, 1.0)
