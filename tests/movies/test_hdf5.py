from __future__ import annotations

import os
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats import extras
from napari_beamwatch.movies.formats.hdf5 import open_hdf5

h5py = pytest.importorskip("h5py")


def read_all(recording):
    source = recording.frames
    return np.stack([source.read(t) for t in range(source.shape[0])])


@pytest.mark.parametrize(
    "options",
    [{}, {"chunks": (1, 12, 18)}, {"chunks": (2, 5, 7), "compression": "gzip"}],
)
@pytest.mark.parametrize("dtype", ["<u2", ">u2", "<f4"])
def test_the_only_stack_is_read_to_the_bit_and_named(tmp_path, stack, options, dtype):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("entry/data/movie", data=stack.astype(dtype), **options)
        file["entry/notes"] = "hello"
        file["entry/temperature"] = np.arange(5.0)
        file["entry/gain"] = np.ones((12, 18))
    opened = open_hdf5(path)
    assert any("/entry/data/movie" in note for note in opened.notes)
    assert opened.frames.dtype == np.dtype(dtype).newbyteorder("=")
    np.testing.assert_array_equal(read_all(opened), stack)
    np.testing.assert_array_equal(opened.frames.read_rows(2, 3, 7), stack[2, 3:7])
    copy = pickle.loads(pickle.dumps(opened.frames))
    np.testing.assert_array_equal(copy.read(4), stack[4])


def test_a_data_set_is_chosen_by_its_path(tmp_path, stack):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["a"] = stack
        file["g/b"] = stack[:2] * 2
    np.testing.assert_array_equal(read_all(open_hdf5(path, "g/b")), stack[:2] * 2)
    with pytest.raises(BeamwatchError, match=r"/a \(5, 12, 18\).*/g/b \(2, 12, 18\)"):
        open_hdf5(path)
    with pytest.raises(BeamwatchError, match="no data set nothing"):
        open_hdf5(path, "nothing")
    with pytest.raises(BeamwatchError, match="group"):
        open_hdf5(path, "g")


def test_an_image_is_a_movie_of_one_frame(tmp_path, stack):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("image", data=stack[0], chunks=(4, 4))
    opened = open_hdf5(path)
    np.testing.assert_array_equal(read_all(opened), stack[:1])
    np.testing.assert_array_equal(opened.frames.read_rows(0, 3, 7), stack[0, 3:7])


def test_many_threads_read_at_once(tmp_path, stack):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("movie", data=stack, chunks=(1, 12, 18), compression="gzip")
    source = open_hdf5(path).frames
    with ThreadPoolExecutor(8) as pool:
        for t, frame in enumerate(pool.map(lambda i: source.read(i % 5), range(200))):
            np.testing.assert_array_equal(frame, stack[t % 5])


def test_what_is_no_movie_is_refused(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["complex"] = np.zeros((3, 4, 4), np.complex64)
        file["empty"] = h5py.Empty("f4")
        file["flat"] = np.zeros(4)
        file["none"] = np.zeros((0, 4, 4))
    for dataset in (None, "complex", "empty", "flat", "none"):
        with pytest.raises(BeamwatchError):
            open_hdf5(path, dataset)


def test_a_truncated_file_is_refused(tmp_path, stack):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["movie"] = stack
    os.truncate(path, path.stat().st_size - 500)
    with pytest.raises(BeamwatchError, match="HDF5"):
        open_hdf5(path)


def test_a_missing_library_is_named_with_the_command_to_install_it(tmp_path, monkeypatch, stack):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["movie"] = stack

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(extras.importlib, "import_module", missing)
    with pytest.raises(BeamwatchError, match=r'pip install "napari-beamwatch\[formats\]"'):
        open_hdf5(path)
