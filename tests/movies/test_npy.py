from __future__ import annotations

import os
import pickle

import numpy as np
import pytest

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats import npy
from napari_beamwatch.movies.formats.npy import open_npy


def read_all(recording):
    source = recording.frames
    return np.stack([source.read(t) for t in range(source.shape[0])])


@pytest.mark.parametrize("dtype", ["<u1", "<u2", ">u2", "<i4", ">f4", "<f8", "?"])
def test_stacks_are_read_to_the_bit(tmp_path, stack, dtype):
    path = tmp_path / "a.npy"
    np.save(path, stack.astype(dtype))
    opened = open_npy(path)
    assert opened.frames.dtype == np.dtype(dtype).newbyteorder("=")
    np.testing.assert_array_equal(read_all(opened), stack.astype(dtype))
    np.testing.assert_array_equal(opened.frames.read_rows(4, 2, 5), stack.astype(dtype)[4, 2:5])
    assert pickle.loads(pickle.dumps(opened.frames)).read(1).shape == (12, 18)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_the_format_is_read(tmp_path, stack, version):
    path = tmp_path / "a.npy"
    with open(path, "wb") as file:
        np.lib.format.write_array(file, stack, version=version)
    np.testing.assert_array_equal(read_all(open_npy(path)), stack)


def test_fortran_order_is_read_where_it_is_small(tmp_path, stack, monkeypatch):
    path = tmp_path / "a.npy"
    np.save(path, np.asfortranarray(stack))
    np.testing.assert_array_equal(read_all(open_npy(path)), stack)
    np.save(path, np.asfortranarray(stack[0]))
    np.testing.assert_array_equal(read_all(open_npy(path)), stack[:1])
    np.save(path, np.asfortranarray(stack))
    monkeypatch.setattr(npy, "READ_TRANSPOSED", 10)
    with pytest.raises(BeamwatchError, match="ascontiguousarray"):
        open_npy(path)


def test_pickles_are_never_opened(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.array([[object()] * 3] * 3), allow_pickle=True)
    with pytest.raises(BeamwatchError, match="real numbers"):
        open_npy(path)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((3, 4, 4), np.complex64),
        np.zeros((3, 4, 4), [("a", "u1"), ("b", "u1")]),
        np.zeros((3, 4, 4), "S3"),
        np.zeros(4),
        np.zeros((2, 3, 4, 4)),
        np.zeros((0, 4, 4)),
        np.zeros((3, 0, 4)),
    ],
)
def test_what_is_no_movie_is_refused(tmp_path, array):
    path = tmp_path / "a.npy"
    np.save(path, array)
    with pytest.raises(BeamwatchError):
        open_npy(path)


def test_a_truncated_movie_opens_up_to_its_last_whole_frame(tmp_path, stack):
    path = tmp_path / "a.npy"
    np.save(path, stack)
    os.truncate(path, 128 + 3 * stack[0].nbytes + 17)
    opened = open_npy(path)
    np.testing.assert_array_equal(read_all(opened), stack[:3])
    assert "3 of 5" in opened.warnings[0]
