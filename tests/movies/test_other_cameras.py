"""Merlin, NanoMegas, Direct Electron and Panta Rhei: read as rosettasciio writes and reads them."""

from __future__ import annotations

import importlib
import json
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_beamwatch import open_movie
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.foreign import open_foreign

from .conftest import frames_of
from .test_foreign import signal

rsciio = pytest.importorskip("rsciio")


def theirs(kind: str, path: Path) -> Any:
    (found,) = importlib.import_module(f"rsciio.{kind}").file_reader(str(path))
    return found


def mib(path: Path, frames: np.ndarray, step: float = 0.01, kind: str | None = None) -> Path:
    """As the Merlin manual describes it: the lowest row first."""
    kind = kind or {1: "U08", 2: "U16", 4: "U32"}[frames.dtype.itemsize]
    out = b""
    for i, frame in enumerate(frames):
        stamp = f"2024-05-18T16:51:{i * step:09.6f}"
        fields = ["MQ1", f"{i + 1:06d}", "00384", "01", f"{frame.shape[1]:04d}",
                  f"{frame.shape[0]:04d}", kind, "   1x1", "01", stamp.replace("T", " "),
                  "0.009000", "0", "0", "0", "1.2E+2", "5.11E+2", "MQ1A", stamp + "Z",
                  "9000000ns", "12", ""]  # fmt: skip
        out += ",".join(fields).encode().ljust(384, b" ")
        out += frame[::-1].astype(frame.dtype.newbyteorder(">")).tobytes()
    path.write_bytes(out)
    return path


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4"])
def test_mib_is_read_to_the_bit(tmp_path: Path, stack: np.ndarray, dtype: str):
    path = mib(tmp_path / "a.mib", stack.astype(dtype))
    opened = open_foreign(path)
    np.testing.assert_array_equal(frames_of(opened), stack)
    assert opened.frames.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(opened.frames)).read_rows(3, 2, 5), stack[3, 2:5]
    )
    np.testing.assert_array_equal(theirs("quantumdetector", path)["data"], stack)


def test_time_stamps_of_mib_are_believed_before_its_exposure(tmp_path: Path, stack: np.ndarray):
    opened = open_foreign(mib(tmp_path / "a.mib", stack))
    assert opened.frame_time.value == pytest.approx(0.01)
    assert opened.conditions.recorded.startswith("2024-05-18T16:51:00")
    alone = open_foreign(mib(tmp_path / "b.mib", stack[:1]))
    assert alone.frame_time.value == pytest.approx(0.009)


def test_a_mib_file_that_breaks_off_opens_up_to_its_last_whole_frame(
    tmp_path: Path, stack: np.ndarray
):
    path = mib(tmp_path / "a.mib", stack)
    os.truncate(path, path.stat().st_size - 10)
    opened = open_foreign(path)
    np.testing.assert_array_equal(frames_of(opened), stack[:4])
    assert "breaks off" in opened.warnings[0]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"U16", b"R64", "saved raw"),
        (b"U16", b"U99", "broken header"),
        (b"MQ1,", b"MQ2,", "not a Merlin"),
        (b",0018,", b",9999,", "breaks off"),
        (b",0018,", b",0000,", "broken header"),
        (b",00384,", b",99999,", "broken header"),
        (b",0012,", b",-012,", "no number"),
    ],
)
def test_a_mib_header_that_cannot_be_is_refused(
    tmp_path: Path, stack: np.ndarray, old: bytes, new: bytes, said: str
):
    path = mib(tmp_path / "a.mib", stack)
    path.write_bytes(path.read_bytes().replace(old, new))
    with pytest.raises(BeamwatchError, match=said):
        open_foreign(path)


@pytest.fixture
def patterns() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 99, (3, 2, 16, 16), np.uint8)


@pytest.fixture
def blo(tmp_path: Path, patterns: np.ndarray) -> Path:
    path = tmp_path / "a.blo"
    written = signal(patterns.reshape(6, 16, 16), 0.1, "cm", 1.0, "nm")
    importlib.import_module("rsciio.blockfile").file_writer(
        str(path), written, show_progressbar=False
    )
    return path


def test_patterns_of_blo_are_read_to_the_bit_as_diffraction(blo: Path, patterns: np.ndarray):
    opened = open_foreign(blo)
    np.testing.assert_array_equal(frames_of(opened), patterns.reshape(6, 16, 16))
    assert opened.conditions.imaging_mode == "diffraction"
    assert opened.pixel_size is None
    assert any("another place" in warning for warning in opened.warnings)
    assert any("diffraction" in note for note in opened.notes)


def test_a_blo_file_that_breaks_off_opens_up_to_its_last_whole_pattern(blo: Path):
    os.truncate(blo, blo.stat().st_size - 10)
    opened = open_foreign(blo)
    assert opened.frames.shape == (5, 16, 16)
    assert "5 of 6" in opened.warnings[0]


@pytest.mark.parametrize("at", [0, 6, 20])
def test_a_blo_header_that_cannot_be_is_refused(blo: Path, at: int):
    data = bytearray(blo.read_bytes())
    data[at : at + 2] = b"\0\0"
    blo.write_bytes(data)
    with pytest.raises(BeamwatchError, match=r"not a \.blo|broken header"):
        open_foreign(blo)


def test_de5_is_read_as_emd_is(tmp_path: Path, stack: np.ndarray):
    pytest.importorskip("h5py")
    importlib.import_module("rsciio.emd").file_writer(str(tmp_path / "a.emd"), signal(stack))
    path = (tmp_path / "a.emd").rename(tmp_path / "a.de5")
    opened = open_foreign(path)
    np.testing.assert_array_equal(frames_of(opened), stack)
    assert opened.pixel_size.value == pytest.approx(0.125)


SAID = {
    "type": "Stack", "source.type": "camera", "electron_gun.voltage": 300e3,
    "projector.magnification": 4e5, "repo_id": "LiF.0", "content.types": [None, None, "Index"],
    "device.calib": [{"unit": "nm", "value": 0.0125, "offset": 0}] * 2
    + [{"unit": "", "value": 1, "offset": 0}],
}  # fmt: skip


def prz(path: Path, frames: np.ndarray, packed: bool, said: Any = SAID) -> Path:
    save = np.savez_compressed if packed else np.savez
    with path.open("wb") as file:
        save(file, data=frames, meta_data_json=json.dumps([said]), file_format_version=3)
    return path


@pytest.mark.parametrize("packed", [True, False])
def test_prz_is_read_to_the_bit(tmp_path: Path, stack: np.ndarray, packed: bool):
    path = prz(tmp_path / "a.prz", stack, packed)
    opened = open_foreign(path)
    np.testing.assert_array_equal(frames_of(opened), stack)
    np.testing.assert_array_equal(frames_of(opened), theirs("pantarhei", path)["data"])
    assert opened.pixel_size.value == pytest.approx(0.125)
    assert opened.conditions.voltage_kV == 300
    assert opened.conditions.imaging_mode == "TEM"
    assert opened.frame_time is None


def test_pickled_metadata_of_prz_are_never_opened_and_it_is_said(tmp_path: Path, stack: np.ndarray):
    path = tmp_path / "a.prz"
    importlib.import_module("rsciio.pantarhei").file_writer(str(path), signal(stack))
    movie = open_movie(path, pixel_size=0.125)
    np.testing.assert_array_equal(frames_of(movie.recording), stack)
    assert any("pickle" in warning for warning in movie.warnings)


@pytest.mark.parametrize("said", [3, [], {"device.calib": 3}, {"electron_gun.voltage": "much"}])
def test_metadata_of_prz_that_say_nothing_cost_the_calibration_only(
    tmp_path: Path, stack: np.ndarray, said: Any
):
    opened = open_foreign(prz(tmp_path / "a.prz", stack, True, said))
    assert opened.frames.shape == stack.shape
    assert opened.pixel_size is None


@pytest.mark.parametrize("kind", ["no zip", "no data", "cut", "no JSON", "spectrum", "4D"])
def test_what_is_no_movie_in_prz_is_refused(tmp_path: Path, stack: np.ndarray, kind: str):
    path = tmp_path / "a.prz"
    if kind == "no zip":
        path.write_bytes(b"nonsense" * 100)
    elif kind == "no data":
        np.savez(path.with_suffix(".npz"), other=stack)
        path.with_suffix(".npz").rename(path)
    elif kind == "cut":
        broken = stack.tobytes()[:-200]
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            head = np.lib.format.header_data_from_array_1_0(stack)
            with file.open("data.npy", "w") as member:
                np.lib.format.write_array_header_1_0(member, head)
                member.write(broken)
    elif kind == "no JSON":
        with path.open("wb") as file:
            np.savez(file, data=stack, meta_data_json="{")
    elif kind == "spectrum":
        prz(path, stack[0, 0], True)
    else:
        prz(path, stack[None].repeat(2, axis=0), True)
    with pytest.raises(BeamwatchError, match=r"no zip|no data|breaks off|no JSON|not images|three"):
        open_foreign(path)
