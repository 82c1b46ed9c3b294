"""Compressed videos of papers: every frame, and said what they cannot tell."""

from __future__ import annotations

import os
import pickle
import stat
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from napari_beamwatch import open_movie
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats import extras, video
from napari_beamwatch.movies.formats.video import open_video
from napari_beamwatch.movies.opening import holds_movie

from .conftest import frames_of

CODECS = {".avi": ["-c:v", "ffv1"], ".mp4": ["-c:v", "libx264", "-crf", "4", "-pix_fmt", "yuv420p"]}


@pytest.fixture(scope="module")
def program() -> str:
    return str(pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe())


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """Smooth, as a codec with losses keeps it, and all different."""
    y, x = np.mgrid[:48, :64]
    return np.stack([128 + 60 * np.sin((x + 4 * t) / 9) * np.cos(y / 7) for t in range(30)]).astype(
        np.uint8
    )


@pytest.fixture
def made(tmp_path: Path, program: str, pictures: np.ndarray):
    def write(name: str) -> Path:
        path = tmp_path / name
        words = [program, "-v", "error", "-f", "rawvideo", "-pix_fmt", "gray", "-s", "64x48", "-r",
                 "12", "-i", "-", *CODECS[path.suffix], str(path)]  # fmt: skip
        subprocess.run(words, input=pictures.tobytes(), check=True)
        return path

    return write


def test_frames_of_a_codec_without_losses_are_read_to_the_bit(made, pictures: np.ndarray):
    source = open_video(made("a.avi")).frames
    assert source.dtype == np.uint8
    np.testing.assert_array_equal(np.stack([source.read(t) for t in range(30)]), pictures)
    copy = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(copy.read_rows(7, 3, 9), pictures[7, 3:9])


def test_a_video_of_a_paper_is_a_movie_that_says_what_it_cannot_tell(made, pictures: np.ndarray):
    movie = open_movie(made("a.mp4"), pixel_size=0.5)
    assert movie.shape == (30, 48, 64)
    assert np.abs(frames_of(movie.recording) - pictures.astype(float)).mean() < 3
    assert any("noise is coloured" in warning for warning in movie.warnings)
    assert any("plays 12 frames a second" in note for note in movie.notes)
    assert movie.times is None
    assert movie.frame_dose is None
    assert movie.counting.kind == "grey"


def test_a_video_is_claimed_without_decoding_it(made, monkeypatch: pytest.MonkeyPatch):
    path = made("a.mp4")
    monkeypatch.setattr(video, "optional", lambda *_, **__: pytest.fail("decoded"))
    assert holds_movie(path)


def test_a_video_that_breaks_off_is_refused_or_opened_as_far_as_it_goes(made):
    path = made("a.avi")
    os.truncate(path, path.stat().st_size // 2)
    assert 5 < open_video(path).frames.shape[0] < 25


@pytest.mark.parametrize("data", [b"hello" * 99, b"\0\0\0\x20ftypisom" + bytes(99)])
def test_what_is_no_video_is_refused(tmp_path: Path, program: str, data: bytes):
    path = tmp_path / "a.mp4"
    path.write_bytes(data)
    with pytest.raises(BeamwatchError, match=r"no video|not a video"):
        open_video(path)


def test_a_list_of_other_files_is_not_followed(tmp_path: Path, made):
    made("a.avi")
    path = tmp_path / "list.avi"
    path.write_text(f"ffconcat version 1.0\nfile '{tmp_path / 'a.avi'}'\n")
    with pytest.raises(BeamwatchError, match="not a video"):
        open_video(path)


@pytest.fixture
def decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A script in the place of the decoder, and a file that looks like a video."""

    def written(script: str) -> Path:
        program = tmp_path / "decoder"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        module = SimpleNamespace(get_ffmpeg_exe=lambda: str(program))
        monkeypatch.setattr(video, "optional", lambda *_, **__: module)
        path = tmp_path / "b.mp4"
        path.write_bytes(b"\0\0\0\x20ftypisom")
        return path

    return written


def test_a_decoder_that_does_not_come_to_an_end_is_ended(decoder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(video, "PATIENCE", 0.2)
    with pytest.raises(BeamwatchError, match="busy"):
        open_video(decoder("exec sleep 20"))


def test_a_decoder_that_writes_without_end_is_ended(decoder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(video, "UNSUSPICIOUS", 2**23)
    with pytest.raises(BeamwatchError, match="decodes to more than"):
        open_video(decoder("exec yes"))


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("", "no video"),
        ("YUV4MPEG2 W4 H4 F1:1 C420", "something unknown"),
        ("YUV4MPEG2 W4 Hx F1:1 Cmono", "something unknown"),
        ("YUV4MPEG2 W400000 H400000 F1:1 Cmono", "header is broken"),
        ("YUV4MPEG2 W4 H4 F1:1 Cmono", "no whole frame"),
    ],
)
def test_what_a_decoder_says_is_not_believed(decoder, head: str, said: str):
    with pytest.raises(BeamwatchError, match=said):
        open_video(decoder(f"echo '{head}'"))


def test_a_missing_decoder_is_named_with_the_command_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def missing(name: str):
        raise ImportError(name)

    monkeypatch.setattr(extras.importlib, "import_module", missing)
    path = tmp_path / "a.mp4"
    path.write_bytes(b"\0\0\0\x20ftypisom")
    with pytest.raises(BeamwatchError, match=r'pip install "napari-beamwatch\[video\]"'):
        open_video(path)
