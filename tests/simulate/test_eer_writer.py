"""A counted movie written as EER is the same movie, spread over raw frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_beamwatch import BeamwatchError, Movie, open_movie
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.eer_writer import RawFrame, raw_frames, write_eer, write_eer_movie
from napari_beamwatch.simulate.writing import write_movie


@pytest.fixture
def counted() -> Movie:
    counts = np.random.default_rng(0).poisson(0.08, (5, 64, 96)).astype(np.uint8)
    return Movie.from_array(counts, 0.125, 5.0, frame_time=0.1)


def test_adding_the_raw_frames_up_gives_the_frames_again(counted: Movie, tmp_path: Path) -> None:
    path = tmp_path / "movie.eer"
    write_eer_movie(path, counted, raw_per_frame=200)
    again = open_movie(path, fraction_frames=200)
    # Of two electrons in one pixel and raw frame the camera sees one; here that is rare.
    assert again.frames.compute().sum() == pytest.approx(counted.frames.compute().sum(), rel=2e-3)
    assert (again.frames.compute() <= counted.frames.compute()).all()
    assert again.pixel_size == pytest.approx(0.125)
    assert again.dose == pytest.approx(counted.dose, rel=0.05)
    assert again.times == pytest.approx(counted.times)


def test_a_pixel_holds_at_most_one_event_a_raw_frame() -> None:
    bright = np.full((4, 4), 9)
    raw = list(raw_frames(bright, 3, np.random.default_rng(0)))
    assert len(raw) == 3
    for frame in raw:
        assert len(frame.pixels) == len(set(frame.pixels.tolist())) <= 16


def test_the_same_seed_writes_the_same_bytes(counted: Movie, tmp_path: Path) -> None:
    a, b, c = (tmp_path / f"{name}.eer" for name in "abc")
    for path, seed in ((a, 1), (b, 1), (c, 2)):
        write_eer_movie(path, counted, raw_per_frame=4, seed=seed)
    assert a.read_bytes() == b.read_bytes()
    assert a.read_bytes() != c.read_bytes()


def test_a_simulated_case_survives_the_way_through_a_file(tmp_path: Path) -> None:
    movie = simulate("survivor", size=128, frames=6)
    truth = write_movie(movie, tmp_path / "survivor.eer")
    again = open_movie(tmp_path / "survivor.eer", fraction_frames=32)
    assert truth.exists()
    assert len(again) == 6
    assert again.dose == pytest.approx(movie.dose, rel=0.05)
    assert again.warnings == ()


def test_events_out_of_order_are_refused(tmp_path: Path) -> None:
    wrong = RawFrame(np.array([5, 3]), np.zeros(2, np.uint8))
    with pytest.raises(BeamwatchError, match="ascending"):
        write_eer(tmp_path / "wrong.eer", [wrong], (4, 4))


def test_grey_values_are_refused(tmp_path: Path) -> None:
    grey = Movie.from_array(np.ones((2, 8, 8), np.float32), 1.0, 1.0)
    with pytest.raises(BeamwatchError, match="counted electrons"):
        write_eer_movie(tmp_path / "grey.eer", grey, raw_per_frame=4)
