"""The rim that an alignment filled is told from few electrons, and left out of every mean."""

from __future__ import annotations

import numpy as np
import pytest

from napari_beamwatch.movies import Movie, rim
from napari_beamwatch.movies.rim import NO_RIM, Rim, rim_of


def counted(rate: float, seed: int = 0, size: int = 512) -> np.ndarray:
    return np.random.default_rng(seed).poisson(rate, (size, size)).astype(np.float32)


@pytest.mark.parametrize("fill", [0.0, 3.5, np.nan])
def test_lines_that_hold_one_value_are_a_rim(fill: float) -> None:
    frame = counted(1.0)
    frame[:7], frame[:, -12:] = fill, fill
    assert rim_of(frame) == Rim(top=7, right=12)
    assert rim_of(frame).inside(frame).shape == (505, 500)


def test_sides_may_be_filled_with_different_values() -> None:
    frame = counted(1.0)
    frame[:, :9] = 0
    frame[-5:] = np.nan
    assert rim_of(frame) == Rim(bottom=5, left=9)


def test_frames_without_a_rim_have_none() -> None:
    assert rim_of(counted(1.0)) == NO_RIM
    assert rim_of(np.zeros((64, 64), np.uint8)) == NO_RIM


def test_of_an_empty_frame_only_the_rows_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    # Of 32 rows of a large camera's empty frames 4096 columns took 70 ms, and the movie 40 s.
    asked, alike = [], rim._alike
    monkeypatch.setattr(rim, "_alike", lambda *one: asked.append(one) or alike(*one))
    assert rim_of(np.zeros((32, 4096), np.uint8)) == NO_RIM
    assert len(asked) == 32


@pytest.mark.parametrize("rate", [0.1, 0.01, 0.001])
def test_rows_without_an_electron_are_no_rim_where_electrons_are_few(rate: float) -> None:
    # At 0.001 electrons a pixel 60 % of all rows of 512 hold none.
    frames = [counted(rate, seed) for seed in range(50)]
    assert not any(rim_of(frame) for frame in frames)


@pytest.mark.parametrize(("rate", "lines"), [(0.1, 1), (0.01, 12)])
def test_so_many_empty_rows_are_a_rim_that_chance_does_not_make_them(
    rate: float, lines: int
) -> None:
    frame = counted(rate)
    frame[:lines] = 0
    assert rim_of(frame).top >= lines


def aligned(fill: float, size: int = 160) -> np.ndarray:
    frames = np.stack([counted(2.0, seed, size) for seed in range(12)])
    for i, frame in enumerate(frames):
        frame[: 4 * i] = fill
    return frames


@pytest.mark.parametrize("fill", [0.0, np.nan])
def test_the_flux_of_an_aligned_movie_is_that_of_what_was_recorded(fill: float) -> None:
    movie = Movie.from_array(aligned(fill), pixel_size=0.5, frame_dose=8.0)
    assert movie.counts is not None
    assert np.ptp(movie.counts) < 0.1
    assert [said for said in movie.warnings if "hold one value only" in said] == [
        "in 11 of 12 frames looked at the outermost rows or columns, up to 44 px, hold one value "
        "only: they were filled, not recorded, as when a movie is aligned, and count as off the "
        "detector"
    ]
    assert not any("depart" in said or "vary" in said for said in movie.warnings)
