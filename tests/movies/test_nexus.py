"""HDF5 files that say what their axes are, and masters of Dectris cameras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest

from napari_beamwatch import open_movie
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.hdf5 import open_hdf5
from napari_beamwatch.movies.formats.packing import PackingError, Step, unpacked

from .conftest import frames_of

h5py = pytest.importorskip("h5py")


def nexus(path: Path, stack: np.ndarray, unit: str = "nm", **axes: Any) -> Path:
    """A default NXdata group, and another stack beside it."""
    t, y, x = stack.shape
    along = {"time": np.arange(t) * 0.5, "y": np.arange(y) * 0.0125, "x": np.arange(x) * 0.0125}
    with h5py.File(path, "w") as file:
        file.attrs["default"] = "entry"
        entry = file.create_group("entry")
        entry.attrs["default"] = "frames"
        file["entry/dark"] = stack
        group = entry.create_group("frames")
        group.attrs.update({"NX_class": "NXdata", "signal": "counts"})
        group.attrs["axes"] = ["time", "y", "x"]
        group["counts"] = stack
        for name, values in (along | axes).items():
            group[name] = values
            group[name].attrs["units"] = "s" if name == "time" else unit
    return path


def test_axes_of_nexus_calibrate_the_signal_that_is_the_default(tmp_path: Path, stack: np.ndarray):
    opened = open_hdf5(nexus(tmp_path / "a.nxs", stack))
    np.testing.assert_array_equal(frames_of(opened), stack)
    assert opened.pixel_size.value == pytest.approx(0.125)
    assert opened.frame_time.value == pytest.approx(0.5)
    assert any("/entry/frames/counts, which the file calls its default" in n for n in opened.notes)


def test_uneven_axes_have_no_step(tmp_path: Path, stack: np.ndarray):
    uneven = {"time": np.array([0, 1, 3, 4, 5.0]), "x": np.arange(18) ** 2 * 1.0}
    opened = open_hdf5(nexus(tmp_path / "a.nxs", stack, **uneven))
    assert opened.frame_time is None
    assert opened.pixel_size is None


def test_reciprocal_axes_of_nexus_are_diffraction(tmp_path: Path, stack: np.ndarray):
    opened = open_hdf5(nexus(tmp_path / "a.nxs", stack, "1/nm"))
    assert opened.pixel_size is None
    assert opened.conditions.imaging_mode == "diffraction"


@pytest.mark.parametrize("values", [np.zeros((2, 9)), np.zeros(3), [b"a"] * 18, 1.0])
def test_axes_that_are_none_are_left_out(tmp_path: Path, stack: np.ndarray, values: Any):
    assert open_hdf5(nexus(tmp_path / "a.nxs", stack, x=values)).pixel_size is None


def bitshuffled(frame: np.ndarray) -> bytes:
    """As HDF5's filter 32008 packs with LZ4, in blocks of 64 elements."""
    data, block = frame.tobytes(), 64 * frame.itemsize
    out = len(data).to_bytes(8, "big") + block.to_bytes(4, "big")
    whole = len(data) // (8 * frame.itemsize) * 8 * frame.itemsize
    for start in range(0, whole, block):
        piece = data[start : min(start + block, whole)]
        packed = imagecodecs.lz4_encode(
            bytes(imagecodecs.bitshuffle_encode(piece, itemsize=frame.itemsize))
        )
        out += len(packed).to_bytes(4, "big") + packed
    return out + data[whole:]


def lz4_blocks(frame: np.ndarray) -> bytes:
    """As HDF5's filter 32004 does, in blocks of 100 bytes."""
    data = frame.tobytes()
    out = len(data).to_bytes(8, "big") + (100).to_bytes(4, "big")
    for start in range(0, len(data), 100):
        piece = data[start : start + 100]
        packed = imagecodecs.lz4_encode(piece)
        packed = packed if len(packed) < len(piece) else piece
        out += len(packed).to_bytes(4, "big") + packed
    return out


PACKS = {
    "bitshuffle": (32008, (0, 4, 2, 64, 2), bitshuffled),
    "lz4": (32004, (100,), lz4_blocks),
}


def packed_file(path: Path, frames: np.ndarray, how: str) -> None:
    number, values, pack = PACKS[how]
    with h5py.File(path, "w") as file:
        create = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        create.set_chunk((1, *frames.shape[1:]))
        create.set_filter(number, h5py.h5z.FLAG_OPTIONAL, values)
        group = file.create_group("entry/data")
        space = h5py.h5s.create_simple(frames.shape)
        data = h5py.h5d.create(group.id, b"data", h5py.h5t.NATIVE_UINT16, space, create)
        for t, frame in enumerate(frames):
            data.write_direct_chunk((t, 0, 0), pack(frame), 0)


@pytest.fixture
def frames() -> np.ndarray:
    """Of a number of pixels that no block divides."""
    return np.random.default_rng(2).poisson(2, (5, 13, 17)).astype(np.uint16)


@pytest.fixture
def dectris(tmp_path: Path, frames: np.ndarray) -> Path:
    """A master that links to two files of frames."""
    path = tmp_path / "a_master.h5"
    for i, part in enumerate((frames[:3], frames[3:]), 1):
        packed_file(tmp_path / f"a_data_{i:06d}.h5", part, "bitshuffle" if i == 1 else "lz4")
    with h5py.File(path, "w") as file:
        data = file.create_group("entry/data")
        for i in (1, 2):
            data[f"data_{i:06d}"] = h5py.ExternalLink(f"a_data_{i:06d}.h5", "/entry/data/data")
        detector = file.create_group("entry/instrument/detector")
        detector["frame_time"] = 0.02
        detector["description"] = np.bytes_("Dectris ELA")
        mask = np.zeros((13, 17), np.uint32)
        mask[3, 4:6] = 1
        detector["detectorSpecific/pixel_mask"] = mask
    return path


def test_a_dectris_master_is_the_movie_of_all_files_it_links_to(dectris: Path, frames: np.ndarray):
    movie = open_movie(dectris, pixel_size=0.2, dose_rate=5.0)
    np.testing.assert_array_equal(frames_of(movie.recording), frames)
    assert movie.dose[-1] == pytest.approx(0.5)
    assert movie.conditions.camera == "Dectris ELA"
    assert any("2 pixels that the mask" in warning for warning in movie.warnings)
    (note,) = (note for note in movie.notes if "Dectris" in note)
    assert "a_data_000001.h5, a_data_000002.h5" in note
    assert open_hdf5(dectris, "entry/data").frames.shape == (5, 13, 17)


def test_one_of_its_files_is_opened_by_its_link(dectris: Path, frames: np.ndarray):
    one = open_hdf5(dectris, "/entry/data/data_000002")
    np.testing.assert_array_equal(frames_of(one), frames[3:])


def test_a_file_of_frames_that_is_not_there_is_named(dectris: Path):
    dectris.with_name("a_data_000002.h5").unlink()
    with pytest.raises(BeamwatchError, match=r"a_data_000002\.h5.*copy it there"):
        open_hdf5(dectris)


def test_files_of_frames_that_differ_in_size_are_refused(dectris: Path, frames: np.ndarray):
    packed_file(dectris.with_name("a_data_000002.h5"), frames[:, :12], "lz4")
    with pytest.raises(BeamwatchError, match="of another size"):
        open_hdf5(dectris)


BLOCKS = {
    "promises too much": (10**9).to_bytes(8, "big") + (8192).to_bytes(4, "big") + b"\0" * 8,
    "no size of a block": (64).to_bytes(8, "big") + (0).to_bytes(4, "big") + b"\0" * 8,
    "odd blocks": (64).to_bytes(8, "big") + (7).to_bytes(4, "big") + b"\0" * 64,
    "a block beyond the end": (64).to_bytes(8, "big") + (64).to_bytes(4, "big") + b"\xff" * 8,
    "too short": b"\0" * 5,
}


@pytest.mark.parametrize("kind", BLOCKS)
@pytest.mark.parametrize("codec", ["bitshuffle_lz4", "bitshuffle_zstd", "lz4_blocks"])
def test_blocks_that_cannot_be_are_refused(kind: str, codec: str):
    with pytest.raises(PackingError):
        unpacked(BLOCKS[kind], [Step(codec, element=2)], 64)
