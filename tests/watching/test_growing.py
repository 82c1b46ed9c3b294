"""How many frames of a file that is being written are whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.simulate.eer_writer import EerMetadata, RawFrame, write_eer
from napari_beamwatch.watching.growing import Growing

from .conftest import SIDE, Camera, filmed


@pytest.fixture
def camera(tmp_path: Path) -> Camera:
    return Camera(tmp_path / "live.mrc", filmed(np.ones(6)))


def whole(file: Growing) -> int:
    return file.again().frames.shape[0]


def test_a_frame_counts_when_all_its_bytes_are_there(camera: Camera) -> None:
    camera.write(1)
    file = Growing.of(camera.path, {})
    camera.write(2.5)
    assert whole(file) == 2
    camera.write(3)
    assert whole(file) == 3


def test_a_file_without_a_whole_frame_is_not_opened_yet(camera: Camera) -> None:
    camera.write(0.4)
    with pytest.raises(BeamwatchError, match="first frame"):
        Growing.of(camera.path, {})


@pytest.mark.parametrize("promised", [1, 1000])
def test_a_header_that_promises_less_or_more_is_not_believed(tmp_path: Path, promised: int) -> None:
    camera = Camera(tmp_path / "live.mrc", filmed(np.ones(6)), promised)
    camera.write(4)
    assert whole(Growing.of(camera.path, {})) == 4


def test_frames_of_a_file_made_in_full_length_count_when_they_are_filled(camera: Camera) -> None:
    data = bytearray(camera.data)
    data[1024 + 2 * camera.frame + camera.frame // 2 :] = bytes(
        3 * camera.frame + camera.frame // 2
    )
    camera.path.write_bytes(data)
    assert whole(Growing.of(camera.path, {})) == 2
    camera.path.write_bytes(camera.data)
    assert whole(Growing.of(camera.path, {})) == 6


def test_dark_frames_count_once_light_comes_behind_them(tmp_path: Path) -> None:
    frames = filmed(np.ones(5))
    frames[:3] = 0
    camera = Camera(tmp_path / "late.mrc", frames)
    camera.write(2)
    file = Growing.of(camera.path, {})
    assert whole(file) == 0
    camera.write(4)
    assert whole(file) == 4


def test_frames_are_added_up_as_asked(camera: Camera) -> None:
    camera.write(5)
    file = Growing.of(camera.path, {"fraction_frames": 2})
    assert whole(file) == 2
    assert file.movie(np.array([2.0, 2.0])).shape == (2, SIDE, SIDE)


def test_the_last_raw_frame_of_electron_events_waits_for_the_next(tmp_path: Path) -> None:
    path = tmp_path / "live.eer"
    rng = np.random.default_rng(0)
    raw = [RawFrame.of_image(rng.random((32, 32)) < 0.1) for _ in range(8)]
    write_eer(path, raw, (32, 32), metadata=EerMetadata(exposure_time=1.0, pixel_size=0.25))
    data = path.read_bytes()
    seen = []
    for part in (0.75, 0.9, 1.0):
        path.write_bytes(data[: int(part * len(data))])
        seen.append(Growing.of(path, {"fraction_frames": 1}).frames.shape[0])
    assert seen == sorted(seen)
    assert seen[0] < seen[-1] == 7
