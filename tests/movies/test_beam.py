"""Frames without beam are known wherever they lie, and a specimen that thins is not one of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_beamwatch import DoseCalibration, Movie, Settings, analyze, open_movie
from napari_beamwatch.movies import counting
from napari_beamwatch.movies.beam import unlit_frames
from napari_beamwatch.movies.description import describe
from napari_beamwatch.movies.display import display_range
from napari_beamwatch.movies.frames import ArrayFrames, Frame
from napari_beamwatch.movies.recording import Recording


def counts(*levels: float) -> np.ndarray:
    return np.random.default_rng(0).poisson(1e5 * np.array(levels)) / 1e5


def beam(*levels: float, side: int = 32) -> np.ndarray:
    lambdas = 20 * np.array(levels)[:, None, None]
    return np.random.default_rng(0).poisson(lambdas, (len(levels), side, side)).astype(np.uint8)


def fading(frames: int = 24) -> np.ndarray:
    y, x = np.mgrid[:96, :96]
    fringes = np.cos(2 * np.pi * (0.1 * x + 0.05 * y)) + np.cos(2 * np.pi * (0.12 * y - 0.04 * x))
    left = np.exp(-np.maximum(0, np.arange(frames) - frames // 2))
    rng = np.random.default_rng(0)
    return rng.poisson(20 * (1 + 0.25 * left[:, None, None] * fringes)).astype(np.uint8)


ON, OFF = (1.0,), (0.01,)


@pytest.mark.parametrize(
    ("levels", "unlit"),
    [
        (ON * 12, []),
        (OFF * 3 + ON * 9, [0, 1, 2]),
        (ON * 6 + OFF * 6, [6, 7, 8, 9, 10, 11]),
        (ON * 4 + OFF * 3 + ON * 5, [4, 5, 6]),
        (OFF * 2 + ON * 4 + OFF + ON * 3 + OFF * 2, [0, 1, 6, 10, 11]),
        (ON * 3 + OFF * 9, [3, 4, 5, 6, 7, 8, 9, 10, 11]),
        (ON * 5 + (0.5,) + OFF * 3 + (0.1,) + ON * 2, [6, 7, 8, 9]),  # blanked within frames
        (OFF * 12, []),  # nothing tells that these are dark
        ((0.0,) * 12, []),
    ],
)  # fmt: skip
def test_frames_without_beam_are_found(levels: tuple[float, ...], unlit: list[int]) -> None:
    assert np.flatnonzero(unlit_frames(counts(*levels))).tolist() == unlit


@pytest.mark.parametrize(
    "levels",
    [
        np.linspace(1, 0.15, 20),
        np.exp(-np.arange(40) / 10),
        0.15 + 0.85 * np.exp(-np.arange(30) / 3),
        [1.0] * 10 + [0.3] * 10,
        [0.22] * 10 + [1.0] * 10,
    ],
)
def test_counts_that_fall_slowly_or_in_part_are_the_specimens(levels: np.ndarray) -> None:
    assert not unlit_frames(counts(*levels)).any()


class TestDose:
    def test_does_not_grow_while_the_beam_is_blanked(self) -> None:
        movie = Movie.from_array(beam(*ON * 3, *OFF * 2, *ON * 2, *OFF), 1.0, 5.0)
        assert movie.dose == pytest.approx([5, 10, 15, 15, 15, 20, 25, 25])
        assert movie.lit.tolist() == [True] * 3 + [False] * 2 + [True] * 2 + [False]
        assert any("3 frames after beam-on are dark" in said for said in movie.warnings)
        assert movie.with_(frame_dose=None).dose == pytest.approx(
            np.cumsum(np.where(movie.lit, movie.counts, 0))
        )

    def test_goes_on_in_slices_and_sums(self) -> None:
        movie = Movie.from_array(beam(*ON * 3, *OFF * 3, *ON * 2), 1.0, 5.0)
        assert movie[3:].dose == pytest.approx([15, 15, 15, 20, 25])
        assert movie[3:6].lit.tolist() == [False] * 3
        assert movie.sum(2).dose == pytest.approx([10, 15, 15, 25])
        assert movie.sum(2).lit.tolist() == [True, True, False, True]
        assert movie.sum(2)[1:].with_(frame_dose=2.0).dose == pytest.approx([3, 3, 5])

    def test_rate_is_that_of_the_frames_with_beam(self) -> None:
        movie = Movie.from_array(beam(*ON * 4, *OFF * 4), 1.0, 5.0, frame_time=0.5)
        assert movie.dose_rate == pytest.approx(10)
        assert movie.times[-1] == pytest.approx(4.0)
        cup = movie.with_(frame_dose=None, dose_calibration=DoseCalibration(8.0, 0.1))
        assert cup.dose[-1] == pytest.approx(16)

    def test_of_each_frame_that_its_counts_are_in_keeping_with_lights_it(self) -> None:
        frames = beam(*ON * 3, 0.15, *OFF, *ON * 3)
        said = Movie.from_array(frames, 1.0, [5, 5, 5, 0.75, 5, 5, 5, 5])
        assert np.flatnonzero(~said.lit).tolist() == [4]
        assert any("1 frames after beam-on are dark" in words for words in said.warnings)
        assert np.flatnonzero(~Movie.from_array(frames, 1.0, 5.0).lit).tolist() == [3, 4]

    def test_of_nothing_is_that_of_a_frame_without_beam(self) -> None:
        movie = Movie.from_array(beam(*ON * 5), 1.0, [5, 5, 0, 0, 5])
        assert movie.lit.tolist() == [True, True, False, False, True]
        assert movie.dose == pytest.approx([5, 10, 10, 10, 15])
        assert any("2 frames have a dose of 0" in said for said in movie.warnings)


def test_a_beam_that_goes_is_traced_to_its_frame_in_a_movie_that_is_sampled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: set[int] = set()

    class Costly(ArrayFrames):
        def read(self, frame: int) -> Frame:
            read.add(frame)
            return np.asarray(self.array[frame])

    frames = beam(*ON * 333, *OFF * 267, side=8)
    monkeypatch.setattr(counting, "READ_WHOLE", 1000)
    seen = counting.examine(Recording(Costly(frames), path=""))
    assert np.flatnonzero(seen.lit).tolist() == list(range(333))
    assert len(read) < 30


@pytest.mark.long
def test_a_beam_blanked_for_half_the_record_answers_like_the_record_before() -> None:
    frames = fading()
    frames = np.concatenate([frames, np.zeros_like(frames)])
    settings = Settings(window=64, drift="off", criteria=("fading",))
    blanked = analyze(Movie.from_array(frames, 0.5, 5.0), settings)
    cut = analyze(Movie.from_array(frames[:24], 0.5, 5.0), settings)
    assert blanked.onsets.status[0] == "onset"
    for name in ("onset_frame", "last_frame", "last_dose_e_per_A2", "n_spots"):
        assert blanked.onsets[name][0] == cut.onsets[name][0]
    for name in ("onset_dose_e_per_A2", "onset_high_e_per_A2", "lost_dose_e_per_A2"):
        assert blanked.onsets[name][0] == pytest.approx(cut.onsets[name][0], rel=1e-4)
    assert len(blanked.field) == 48


@pytest.mark.long
def test_a_beam_blanked_in_the_middle_does_not_look_like_damage() -> None:
    frames = fading()
    blanked = np.insert(frames, [6] * 5, 0, axis=0)
    settings = Settings(window=64, drift="off", criteria=("fading",))
    whole, pieced = (
        analyze(Movie.from_array(one, 0.5, 5.0), settings).onsets.iloc[0]
        for one in (frames, blanked)
    )
    assert pieced.status == whole.status == "onset"
    assert pieced.onset_dose_e_per_A2 == pytest.approx(whole.onset_dose_e_per_A2, rel=0.05)
    assert pieced.onset_frame == whole.onset_frame + 5


def test_the_rest_of_a_file_that_is_zeroed_is_left_out(tmp_path: Path) -> None:
    frames = beam(*ON * 8)
    frames[5:] = 0
    np.save(tmp_path / "a.npy", frames)
    movie = open_movie(tmp_path / "a.npy", pixel_size=1.0)
    assert movie.lit.tolist() == [True] * 5 + [False] * 3
    assert describe(movie)["mean_counts_per_px"] == pytest.approx(20, rel=0.05)
    assert display_range(movie)[1] > 20
