"""Movies of Gatan's In-Situ: folders of an hour, a minute and a second, and raw files beside."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_beamwatch import open_movie
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.foreign import open_foreign
from napari_beamwatch.movies.formats.insitu_folders import holds_insitu, open_insitu
from napari_beamwatch.movies.opening import holds_movie
from napari_beamwatch.results.movie_files import files_now
from napari_beamwatch.results.reopening import Recipe

from .conftest import frames_of
from .test_dm import image, write_dm

RATE = 4
"""Frames a second of the movies written here."""


def picture(frame: np.ndarray, **insitu: Any) -> dict[str, Any]:
    tags = {"DataBar": {"Exposure Time (s)": 0.25}, "In-situ": insitu}
    return {"ImageList": [image(frame, **tags)]}


def shot(folder: Path, i: int, name: str = "LiF 1", number: int | None = None) -> Path:
    """Where the frame of that number goes."""
    second = i // RATE
    parts = (f"Hour_{second // 3600:02d}", f"Minute_{second // 60 % 60:02d}",
             f"Second_{second % 60:02d}")  # fmt: skip
    number = i % RATE if number is None else number
    return folder.joinpath(*parts, f"{name}_{'_'.join(parts)}_Frame_{number:04d}.dm4")


@pytest.fixture
def frames() -> np.ndarray:
    return np.random.default_rng(1).poisson(9, (13, 8, 10)).astype(np.uint16)


@pytest.fixture
def folder(tmp_path: Path, frames: np.ndarray) -> Path:
    """Thirteen frames, four a second, over the turn of a minute."""
    top = tmp_path / "LiF 1"
    for i, frame in enumerate(frames):
        path = shot(top, i + 58 * RATE)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_dm(path, picture(frame))
    return top


def test_a_folder_of_hours_is_a_movie_in_the_order_of_time(folder: Path, frames: np.ndarray):
    movie = open_movie(folder, dose_rate=8.0)
    np.testing.assert_array_equal(frames_of(movie.recording), frames)
    assert movie.pixel_size == pytest.approx(0.125)
    np.testing.assert_allclose(movie.times, np.arange(1, 14) / RATE)
    assert movie.dose[-1] == pytest.approx(26)
    assert "names of the files" in movie.origins["times"]
    assert "13 DM files, a frame each" in movie.notes


def test_its_frames_are_read_by_rows_and_elsewhere(folder: Path, frames: np.ndarray):
    source = pickle.loads(pickle.dumps(open_insitu(folder).frames))
    np.testing.assert_array_equal(source.read_rows(5, 2, 6), frames[5, 2:6])


def test_a_folder_of_one_minute_is_a_part_of_it(folder: Path, frames: np.ndarray):
    part = open_movie(folder / "Hour_00" / "Minute_00")
    np.testing.assert_array_equal(frames_of(part.recording), frames[: 2 * RATE])


def test_the_picture_beside_the_folders_stands_for_the_movie(folder: Path, frames: np.ndarray):
    beside = write_dm(folder / "LiF 1.dm4", picture(frames[0]))
    assert open_movie(beside).shape == (13, 8, 10)
    other = write_dm(folder / "overview.dm4", picture(frames[0]))
    assert open_movie(other).shape == (1, 8, 10)


def test_in_a_list_of_images_that_picture_is_one_of_them(folder: Path, frames: np.ndarray):
    images = [write_dm(folder / f"{name}.dm4", picture(frames[0])) for name in ("LiF 1", "other")]
    assert open_movie(images).shape == (2, 8, 10)


def test_frames_that_are_missing_leave_a_gap_in_time(folder: Path):
    shot(folder, 58 * RATE + 6).unlink()
    movie = open_movie(folder, dose_rate=4.0)
    assert any("1 frames are missing" in warning for warning in movie.warnings)
    np.testing.assert_allclose(movie.times, np.delete(np.arange(1, 14) / RATE, 6))
    assert movie.dose[-1] == pytest.approx(13)


def test_a_second_without_frames_leaves_a_gap_in_time(folder: Path):
    for i in range(4, 8):
        shot(folder, 58 * RATE + i).unlink()
    movie = open_movie(folder)
    assert any("4 frames are missing" in warning for warning in movie.warnings)
    np.testing.assert_allclose(movie.times, np.delete(np.arange(1, 14) / RATE, range(4, 8)))


def test_within_one_second_the_exposure_is_the_time_of_a_frame(tmp_path: Path, frames: np.ndarray):
    for i in range(3):
        path = shot(tmp_path, i)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_dm(path, picture(frames[i]))
    np.testing.assert_allclose(open_movie(tmp_path).times, [0.25, 0.5, 0.75])


def test_two_recordings_in_one_folder_are_refused(folder: Path, frames: np.ndarray):
    write_dm(shot(folder, 58 * RATE, name="LiF 2"), picture(frames[0]))
    with pytest.raises(BeamwatchError, match="several recordings"):
        open_movie(folder)


def test_a_frame_of_another_size_is_refused_when_it_is_read(folder: Path, frames: np.ndarray):
    source = open_insitu(folder).frames
    write_dm(shot(folder, 58 * RATE + 5), picture(frames[0, :6]))
    with pytest.raises(BeamwatchError, match="must be alike"):
        source.read(5)


@pytest.mark.parametrize("kind", ["empty", "text", "damaged", "link"])
def test_folders_that_hold_no_frames_are_refused(tmp_path: Path, folder: Path, kind: str):
    second = tmp_path / "other" / "Hour_00" / "Minute_00" / "Second_00"
    second.mkdir(parents=True)
    name = second / "a_Hour_00_Minute_00_Second_00_Frame_0000.dm4"
    if kind == "text":
        (second / "notes.txt").write_text("none")
    elif kind == "damaged":
        name.write_bytes(b"\0\0\0\4nonsense")
    elif kind == "link":
        name.symlink_to(shot(folder, 58 * RATE))
    with pytest.raises(BeamwatchError, match=r"no DM files|damaged|no plain file"):
        open_movie(tmp_path / "other")


def test_links_to_folders_are_not_followed(tmp_path: Path, folder: Path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "Hour_00").symlink_to(folder / "Hour_00")
    assert not holds_insitu(tmp_path / "other")


def test_a_folder_is_claimed_by_its_names(folder: Path, tmp_path: Path):
    assert holds_movie(folder)
    assert not holds_movie(tmp_path)


def test_a_run_finds_its_folder_again(folder: Path):
    movie = open_movie(folder, dose_rate=8.0)
    facts = {"files_from_here": [None], "hash": movie.recording.files.hash, "gain": "",
             "gain_file": None}  # fmt: skip
    found, why = files_now(folder.parent, Recipe.of(movie), facts)
    assert (found, why) == ([folder], "")
    shot(folder, 58 * RATE).unlink()
    assert files_now(folder.parent, Recipe.of(movie), facts)[0] == []


def director(path: Path, frames: np.ndarray, *cuts: int, **insitu: Any) -> Path:
    """A picture, and all frames beside it in files cut at these bytes."""
    write_dm(path, picture(frames[0], **insitu))
    data, ends = frames.tobytes(), [*cuts, frames.nbytes]
    for i, (begin, end) in enumerate(zip([0, *cuts], ends, strict=True)):
        path.with_suffix(f".raw_{i}" if i else ".raw").write_bytes(data[begin:end])
    return path


@pytest.mark.parametrize("cuts", [(), (320,), (321, 333)], ids=["one", "two", "within a frame"])
def test_frames_in_raw_files_beside_a_picture_are_its_movie(
    tmp_path: Path, frames: np.ndarray, cuts: tuple[int, ...]
):
    path = director(tmp_path / "a.dm4", frames, *cuts, Recorded={"# Frames": 13})
    movie = open_movie(path, dose_rate=8.0)
    np.testing.assert_array_equal(frames_of(movie.recording), frames)
    np.testing.assert_array_equal(movie.recording.frames.read_rows(2, 1, 5), frames[2, 1:5])
    assert movie.pixel_size == pytest.approx(0.125)
    assert movie.dose[-1] == pytest.approx(26)
    assert movie.origins["times"] == "exposure of a frame in the file"
    assert any("a.raw" in note for note in movie.notes)
    names = [file.name for file in movie.recording.files.states]
    assert sorted(names) == ["a.dm4", "a.raw", *(f"a.raw_{i + 1}" for i in range(len(cuts)))]


def test_a_raw_file_that_breaks_off_opens_up_to_its_last_whole_frame(
    tmp_path: Path, frames: np.ndarray
):
    path = director(tmp_path / "a.dm4", frames, Recorded={"# Frames": 13})
    os.truncate(path.with_suffix(".raw"), 12 * frames[0].nbytes + 7)
    opened = open_foreign(path)
    assert opened.frames.shape == (12, 8, 10)
    assert "12 of 13" in opened.warnings[0]


@pytest.mark.parametrize(
    ("insitu", "why"),
    [
        ({"Recorded": {"# Frames": 12}}, "not 12 frames"),
        ({"Raw File Format Info": {"Data Size (bytes)": 1}}, "pixels of 1 bytes"),
        ({"Raw File Format Info": {"Dimensions": [8, 10]}}, "10 by 8 pixels"),
    ],
)
def test_a_raw_file_that_does_not_fit_the_picture_is_left_alone_and_it_is_said(
    tmp_path: Path, frames: np.ndarray, insitu: dict[str, Any], why: str
):
    opened = open_foreign(director(tmp_path / "a.dm4", frames, **insitu))
    assert opened.frames.shape == (1, 8, 10)
    (warning,) = opened.warnings
    assert why in warning
    assert "save it as a stack" in warning


def test_a_picture_of_a_movie_that_is_not_there_says_so(tmp_path: Path, frames: np.ndarray):
    path = write_dm(tmp_path / "a.dm4", picture(frames[0], Recorded={"# Frames": 4000}))
    (warning,) = open_foreign(path).warnings
    assert "4000 frames, which do not lie beside it" in warning


def test_a_folder_with_a_picture_and_its_raw_file_is_the_movie(tmp_path: Path, frames: np.ndarray):
    director(tmp_path / "a.dm4", frames)
    assert open_movie(tmp_path).shape == (13, 8, 10)
    assert holds_movie(tmp_path)
