from __future__ import annotations

import pickle

import numpy as np
import pytest

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.zarr_arrays import open_zarr

zarr = pytest.importorskip("zarr")


def read_all(recording):
    source = recording.frames
    return np.stack([source.read(t) for t in range(source.shape[0])])


def ome(path, array, axes, scale, version="0.4", overall=None):
    group = zarr.create_group(str(path), zarr_format=2 if version == "0.4" else 3)
    made = group.create_array(
        "0", shape=array.shape, dtype=array.dtype, chunks=(1,) * (array.ndim - 2) + array.shape[-2:]
    )
    made[:] = array
    multiscale = {
        "version": version,
        "axes": axes,
        "datasets": [
            {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}
        ],
    }
    if overall:
        multiscale["coordinateTransformations"] = [{"type": "scale", "scale": overall}]
    if version == "0.4":
        group.attrs["multiscales"] = [multiscale]
    else:
        group.attrs["ome"] = {"version": version, "multiscales": [multiscale]}
    return path


def axis(name, kind, unit=None):
    said = {"name": name, "type": kind}
    return said | ({"unit": unit} if unit else {})


SPACE = [axis("y", "space", "nanometer"), axis("x", "space", "nanometer")]


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2", "f4"])
def test_arrays_of_both_versions_are_read_to_the_bit(tmp_path, stack, version, dtype):
    path = tmp_path / "a.zarr"
    made = zarr.create_array(
        str(path), shape=stack.shape, dtype=np.dtype(dtype), chunks=(2, 5, 7), zarr_format=version
    )
    made[:] = stack
    opened = open_zarr(path)
    assert opened.frames.dtype == np.dtype(dtype).newbyteorder("=")
    np.testing.assert_array_equal(read_all(opened), stack)
    np.testing.assert_array_equal(opened.frames.read_rows(1, 4, 6), stack[1, 4:6])
    copy = pickle.loads(pickle.dumps(opened.frames))
    np.testing.assert_array_equal(copy.read(4), stack[4])


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_ome_zarr_tells_pixel_size_and_frame_time(tmp_path, stack, version):
    axes = [axis("t", "time", "millisecond"), *SPACE]
    path = ome(tmp_path / "a.zarr", stack, axes, [500, 0.0125, 0.0125], version, [0.5, 1, 1])
    opened = open_zarr(path)
    assert opened.pixel_size.value == pytest.approx(0.125)
    assert opened.frame_time.value == pytest.approx(0.25)
    np.testing.assert_array_equal(read_all(opened), stack)


def test_channels_and_slices_of_one_are_squeezed(tmp_path, stack):
    axes = [axis("t", "time", "second"), axis("c", "channel"), axis("z", "space"), *SPACE]
    path = ome(tmp_path / "a.zarr", stack[:, None, None], axes, [0.5, 1, 1, 0.02, 0.02])
    opened = open_zarr(path)
    np.testing.assert_array_equal(read_all(opened), stack)
    assert opened.pixel_size.value == pytest.approx(0.2)


def test_several_channels_are_refused_in_words(tmp_path):
    array = np.zeros((4, 2, 8, 8), np.uint16)
    axes = [axis("t", "time"), axis("c", "channel"), *SPACE]
    path = ome(tmp_path / "a.zarr", array, axes, [1, 1, 1, 1])
    with pytest.raises(BeamwatchError, match="t: 4, c: 2"):
        open_zarr(path)


def test_reciprocal_axes_are_diffraction(tmp_path, stack):
    axes = [axis("t", "time"), axis("y", "space", "1/nm"), axis("x", "space", "1/nm")]
    opened = open_zarr(ome(tmp_path / "a.zarr", stack, axes, [1, 0.1, 0.1]))
    assert opened.pixel_size is None
    assert opened.conditions.imaging_mode == "diffraction"
    assert any("diffraction" in note for note in opened.notes)


def test_a_group_names_its_arrays_where_there_are_several(tmp_path, stack):
    group = zarr.create_group(str(tmp_path / "g.zarr"))
    for name in ("a", "b"):
        made = group.create_array(name, shape=stack.shape, dtype=stack.dtype)
        made[:] = stack
    with pytest.raises(BeamwatchError, match=r"a \(5, 12, 18\), b"):
        open_zarr(tmp_path / "g.zarr")
    np.testing.assert_array_equal(read_all(open_zarr(tmp_path / "g.zarr", "b")), stack)
    with pytest.raises(BeamwatchError, match="no array c"):
        open_zarr(tmp_path / "g.zarr", "c")


def test_what_is_no_movie_is_refused(tmp_path):
    with pytest.raises(BeamwatchError, match="no file"):
        open_zarr(tmp_path / "none.zarr")
    (tmp_path / "empty.zarr").mkdir()
    with pytest.raises(BeamwatchError):
        open_zarr(tmp_path / "empty.zarr")
    zarr.create_group(str(tmp_path / "group.zarr"))
    with pytest.raises(BeamwatchError, match="no array"):
        open_zarr(tmp_path / "group.zarr")
    for i, (shape, dtype) in enumerate([((4,), "u1"), ((2, 4, 4), "c8"), ((2, 0, 4), "u1")]):
        zarr.create_array(str(tmp_path / f"{i}.zarr"), shape=shape, dtype=dtype)
        with pytest.raises(BeamwatchError):
            open_zarr(tmp_path / f"{i}.zarr")


def test_a_header_that_lies_about_the_shape_is_refused(tmp_path, stack):
    path = tmp_path / "a.zarr"
    zarr.create_array(str(path), shape=stack.shape, dtype=stack.dtype, chunks=(1, 12, 18),
                      zarr_format=2)  # fmt: skip
    where = path / ".zarray"
    text = where.read_text()
    where.write_text(text.replace("12,", "400000000,"))
    with pytest.raises(BeamwatchError, match="broken"):
        open_zarr(path)
