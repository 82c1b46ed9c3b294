"""What a detector counts wrongly is told from the movie, said and mended; the specimen is left."""

from __future__ import annotations

import numpy as np
import pytest

import napari_beamwatch as bw
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.detector import Detector
from napari_beamwatch.spectra.defects import DefectFinder, Defects, FrameCounts
from napari_beamwatch.spectra.runners import Threads
from napari_beamwatch.spectra.stack import look_for_defects
from napari_beamwatch.spectra.streaming import segment_edges

SHAPE = (256, 192)


def found(frames: np.ndarray) -> Defects:
    """Defects told from all frames."""
    finder = DefectFinder(frames.shape[1:], segment_edges(np.ones(len(frames), bool)))
    for t, frame in enumerate(frames):
        finder.add(t, FrameCounts.of(frame))
    return finder.found()


def counted(expected: np.ndarray, frames: int = 12, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.poisson(np.broadcast_to(expected, (frames, *SHAPE))).astype(np.uint8)


def uneven(texture: float = 0.05, seed: int = 1) -> np.ndarray:
    """One electron a pixel, of columns that differ by some per cent."""
    stripes = np.random.default_rng(seed).normal(size=SHAPE[1])
    return np.broadcast_to(1 + texture * stripes, SHAPE).copy()


def test_dead_columns_rows_and_hot_pixels_are_told_and_said() -> None:
    expected = uneven()
    expected[:, 100:102] = 0
    expected[7] = 0
    expected[150, 40] = 60
    expected[90:, 20] = 0  # not over the full height
    assert found(counted(expected)).notes == [
        "2 columns of the detector are dead and were mended: x = 100, 101",
        "1 row of the detector is dead and was mended: y = 7",
        "1 pixel of the detector is hot and was mended: (y, x) = (150, 40)",
    ]


def test_columns_that_count_far_too_much_or_too_little_are_told() -> None:
    expected = uneven()
    expected[:, 60] *= 0.3
    expected[:, 130] *= 4
    assert found(counted(expected)).notes == [
        "2 columns of the detector count far off those beside them and were mended: x = 60, 130"
    ]


def test_columns_without_numbers_are_dead() -> None:
    frames = counted(uneven()).astype(np.float32)
    frames[:, :, 30] = np.nan
    assert found(frames).dead_columns == (30,)


def test_columns_that_die_midway_are_dead() -> None:
    frames = counted(uneven())
    frames[7:, :, 40:104:4] = 0
    frames[7:, :, 150] = 0
    assert found(frames).dead_columns == (*range(40, 104, 4), 150)
    assert not found(frames[:7])


@pytest.mark.parametrize("seed", range(3))
def test_an_even_detector_has_no_defects(seed: int) -> None:
    assert not found(counted(uneven(seed=seed), seed=seed))
    assert not found(counted(0.02 * uneven(seed=seed), seed=seed))
    assert not found(counted(0.02 * uneven(seed=seed), frames=1, seed=seed))


def test_a_dark_line_of_a_specimen_that_drifts_is_left_alone() -> None:
    frames = []
    for t, frame in enumerate(counted(uneven(0.0))):
        x = 100 + round(4 * np.exp(-t / 2))  # a stage that settles, for most of the time still
        frame[:, x : x + 2] = 0
        frames.append(frame)
    assert not found(np.array(frames))


def test_a_dark_line_that_is_not_straight_to_the_pixel_is_left_alone() -> None:
    expected = uneven(0.0)
    for y in range(SHAPE[0]):
        x = 100 + y // 64
        expected[y, x : x + 2] = 0.0
    assert not found(counted(expected))


def test_planes_of_atoms_in_rank_and_file_are_left_alone() -> None:
    planes = 1 + 0.95 * np.cos(2 * np.pi * np.arange(SHAPE[1]) / 8)
    assert not found(counted(np.broadcast_to(4 * planes**2, SHAPE)))


def test_mended_frames_copy_from_beside_and_keep_their_type() -> None:
    frame = np.arange(60, dtype=np.uint16).reshape(6, 10)
    mended = Defects(columns=(0, 4, 5, 9), rows=(5,), pixels=((2, 7),)).mend(frame)
    assert mended.dtype == np.uint16
    assert mended[0].tolist() == [1, 1, 2, 3, 3, 6, 6, 7, 8, 8]
    assert mended[5].tolist() == mended[4].tolist()
    assert mended[2, 7] == frame[2, 6]
    assert (frame == np.arange(60).reshape(6, 10)).all()


@pytest.mark.parametrize("drift", ["auto", pytest.param("off", marks=pytest.mark.long)])
def test_dead_columns_are_no_crystals(drift: str) -> None:
    detector = Detector(dead_columns=2, gain_texture=0.05)
    filmed = simulate("survivor", frames=40, size=384, seed=0, detector=detector)
    frames = filmed.frames.compute()
    movie = bw.Movie.from_array(frames, filmed.pixel_size, 5.0)
    dead = np.flatnonzero(~frames.any(axis=(0, 1))).tolist()
    assert len(dead) == 2
    result = bw.analyze(movie, bw.Settings(drift=drift, criteria=("fading",)))
    said = f"2 columns of the detector are dead and were mended: x = {dead[0]}, {dead[1]}"
    assert said in result.notes
    spots = result.spots[result.spots.window.notna()]
    assert len(spots) > 10
    assert (np.abs(spots.gy_per_px) > 0.005).all()


def test_some_frames_of_a_long_movie_tell_too() -> None:
    expected = uneven()
    expected[:, 100:102] = 0
    movie = bw.Movie.from_array(counted(expected, frames=80), 0.5, 5.0)
    lit = np.ones(80, bool)
    told = look_for_defects(movie.recording.frames, lit, Threads())
    assert told.columns == (100, 101)
