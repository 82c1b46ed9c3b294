"""One door: the ending tells the format, and whatever is odd is said in a sentence."""

from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np
import pytest
import tifffile

from napari_beamwatch import BeamwatchError, open_movie
from napari_beamwatch.movies.opening import holds_movie, movie_suffix

STACK = np.random.default_rng(0).poisson(3, (6, 16, 24)).astype(np.uint16)


@pytest.fixture
def mrc(tmp_path: Path) -> Path:
    path = tmp_path / "movie.v2.mrc"
    with mrcfile.new(path) as file:
        file.set_data(STACK)
        file.voxel_size = 0.25
    return path


def test_the_name_is_the_files_own(mrc: Path) -> None:
    assert open_movie(mrc).name == "movie.v2"


def test_paths_may_be_text(mrc: Path) -> None:
    assert (open_movie(str(mrc)).frames.compute() == STACK).all()


@pytest.mark.parametrize(
    ("name", "suffix"), [("a.MRC", ".mrc"), ("a.mrc.gz", ".mrc"), ("a.b.eer", ".eer"), ("a", "")]
)
def test_the_ending_tells_the_format(name: str, suffix: str) -> None:
    assert movie_suffix(Path(name)) == suffix


def test_frames_of_any_file_can_be_added_up_on_opening(mrc: Path) -> None:
    movie = open_movie(mrc, fraction_frames=4, frame_dose=3.0)
    assert (movie.frames.compute() == STACK[:4].sum(0)).all()
    assert movie.dose == pytest.approx([3.0])
    assert any("last 2 of 6 frames were dropped" in warning for warning in movie.warnings)
    assert any(note.startswith("fractionation: 4 frames") for note in movie.notes)


def test_a_list_of_one_is_that_file(mrc: Path) -> None:
    assert len(open_movie([mrc])) == 6


def test_a_folder_of_stills_is_a_dose_series_in_natural_order(tmp_path: Path) -> None:
    for i in range(12):
        tifffile.imwrite(tmp_path / f"shot_{i}.tif", np.full((8, 8), i, np.uint8))
    movie = open_movie(tmp_path, frame_dose=2.0)
    assert movie.frames.compute()[:, 0, 0].tolist() == list(range(12))
    assert movie.dose is not None


def test_a_gain_reference_is_applied_and_noted(mrc: Path) -> None:
    gain = np.ones((16, 24), np.float32)
    gain[:, 12:] = 2.0
    movie = open_movie(mrc, gain=gain)
    assert movie.dtype == np.float32
    assert movie.frame(2) == pytest.approx(STACK[2] * gain / gain.mean(), rel=1e-5)
    assert any(note.startswith("gain:") for note in movie.notes)


@pytest.mark.parametrize(
    "options",
    [
        {"superres": 2}, {"fraction_dose": 2.0}, {"fraction_frames": 7}, {"fraction_frames": 0},
        {"frame_dose": [1.0, 2.0]}, {"pixel_size": -1}, {"dose_table": "nowhere.csv"},
        {"gain": np.ones((3, 5))}, {"gain": "nowhere.mrc"}, {"conditions": {"mood": "good"}},
    ],
)  # fmt: skip
def test_options_that_do_not_fit_are_refused(mrc: Path, options: dict[str, object]) -> None:
    with pytest.raises(BeamwatchError):
        open_movie(mrc, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["nothing.eer", "nothing.mrc", "nothing", ""])
def test_a_path_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(BeamwatchError):
        open_movie(tmp_path / name / "deeper")


def test_an_unknown_ending_lists_the_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "movie.xyz"
    path.write_text("what")
    with pytest.raises(BeamwatchError, match=r"unknown ending.*\.eer"):
        open_movie(path)


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BeamwatchError):
        open_movie(tmp_path)


def test_only_files_with_several_frames_are_claimed_as_movies(mrc: Path, tmp_path: Path) -> None:
    still = tmp_path / "still.tif"
    tifffile.imwrite(still, STACK[0])
    colour = tmp_path / "colour.tif"
    tifffile.imwrite(colour, np.zeros((8, 8, 3), np.uint8), photometric="rgb")
    broken = tmp_path / "broken.mrc"
    broken.write_bytes(b"MAP")
    assert holds_movie(mrc)
    assert not any(holds_movie(p) for p in (still, colour, broken, tmp_path, tmp_path / "no.mrc"))
