from __future__ import annotations

import pickle

import imagecodecs
import mrcfile
import numpy as np
import pytest
import tifffile

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.stills import open_stills


def read_all(recording):
    source = recording.frames
    return np.stack([source.read(t) for t in range(source.shape[0])])


def save(path, image, pixel_size=0.125):
    if path.suffix == ".tif":
        per_cm = 1e8 / pixel_size
        tifffile.imwrite(path, image, resolution=(per_cm, per_cm), resolutionunit="centimeter")
    elif path.suffix == ".mrc":
        with mrcfile.new(path, image) as mrc:
            mrc.voxel_size = pixel_size
    elif path.suffix == ".npy":
        np.save(path, image)
    else:
        path.write_bytes(imagecodecs.png_encode(image))


@pytest.mark.parametrize("ending", [".tif", ".mrc", ".npy", ".png"])
def test_a_folder_is_read_in_natural_order(tmp_path, stack, ending):
    for i, image in zip((1, 2, 10, 11, 100), stack, strict=True):
        save(tmp_path / f"image {i}{ending}", image)
    (tmp_path / "notes.txt").write_text("not an image")
    recording, table = open_stills(tmp_path)
    assert table is None
    assert recording.path == str(tmp_path)
    assert recording.frames.dtype == np.uint16
    np.testing.assert_array_equal(read_all(recording), stack)
    np.testing.assert_array_equal(recording.frames.read_rows(3, 2, 6), stack[3, 2:6])
    copy = pickle.loads(pickle.dumps(recording.frames))
    np.testing.assert_array_equal(copy.read(2), stack[2])
    if ending in (".tif", ".mrc"):
        assert recording.pixel_size.value == pytest.approx(0.125)


def test_a_list_keeps_its_order(tmp_path, stack):
    paths = [tmp_path / f"{i}.npy" for i in (3, 1, 2)]
    for path, image in zip(paths, stack[:3], strict=True):
        save(path, image)
    recording, _ = open_stills(paths)
    np.testing.assert_array_equal(read_all(recording), stack[:3])


def test_types_that_hold_each_other_are_joined(tmp_path, stack):
    save(tmp_path / "1.npy", stack[0].astype(np.uint8))
    save(tmp_path / "2.npy", stack[1])
    recording, _ = open_stills(tmp_path)
    assert recording.frames.dtype == np.uint16
    np.testing.assert_array_equal(read_all(recording), stack[:2])
    save(tmp_path / "3.npy", stack[2].astype(np.float32))
    with pytest.raises(BeamwatchError, match=r"3\.npy holds float32"):
        open_stills(tmp_path)


def test_an_image_of_another_size_is_named(tmp_path, stack):
    save(tmp_path / "1.tif", stack[0])
    save(tmp_path / "2.tif", stack[1, :8])
    with pytest.raises(BeamwatchError, match=r"2\.tif has 8 by 18"):
        open_stills(tmp_path)


def test_a_movie_among_stills_is_named(tmp_path, stack):
    save(tmp_path / "1.npy", stack[0])
    save(tmp_path / "2.npy", stack)
    with pytest.raises(BeamwatchError, match=r"2\.npy holds 5 frames"):
        open_stills(tmp_path)


def test_pixel_sizes_that_differ_are_not_used(tmp_path, stack):
    save(tmp_path / "1.tif", stack[0], 0.125)
    save(tmp_path / "2.tif", stack[1], 0.1255)
    assert open_stills(tmp_path)[0].pixel_size.value == pytest.approx(0.125)
    save(tmp_path / "3.tif", stack[2], 0.25)
    recording, _ = open_stills(tmp_path)
    assert recording.pixel_size is None
    assert any("3.tif" in warning for warning in recording.warnings)


def test_the_only_table_in_the_folder_gives_the_doses(tmp_path, stack):
    for i in range(3):
        save(tmp_path / f"{i}.npy", stack[i])
    (tmp_path / "doses.csv").write_text("dose,unrecorded\n10,0\n10,5\n20,0\n")
    _, table = open_stills(tmp_path)
    np.testing.assert_allclose(table.start, [0, 15, 25])
    np.testing.assert_allclose(table.end, [10, 25, 45])
    (tmp_path / "other.csv").write_text("a\n")
    with pytest.raises(BeamwatchError, match="2 CSV files"):
        open_stills(tmp_path)


def test_a_table_that_names_the_images_may_have_any_order(tmp_path, stack):
    for i in range(3):
        save(tmp_path / f"{i}.npy", stack[i])
    where = tmp_path / "doses.csv"
    where.write_text("file;start;end\n2.npy;30;60\n0.npy;0;10\n1;10;25\n")
    _, table = open_stills(tmp_path)
    np.testing.assert_allclose(table.end, [10, 25, 60])
    where.write_text("file,start,end\n2.npy,30,60\n0.npy,0,10\n")
    with pytest.raises(BeamwatchError, match=r"no row for the image 1\.npy"):
        open_stills(tmp_path)


@pytest.mark.parametrize("text", ["", "dose\n1\n", "x,y\n1,2\n", "start,end\n5,1\n", "dose\na\n"])
def test_a_table_that_does_not_fit_is_refused(tmp_path, stack, text):
    for i in range(3):
        save(tmp_path / f"{i}.npy", stack[i])
    (tmp_path / "doses.csv").write_text(text)
    with pytest.raises(BeamwatchError):
        open_stills(tmp_path)


def test_what_every_image_states_is_used(tmp_path, stack):
    from mrcfile.dtypes import fei2_dtype_big_endian

    for i, image in enumerate(stack):
        header = np.zeros(1, fei2_dtype_big_endian.newbyteorder("<"))
        header["Metadata size"] = header.dtype.itemsize
        header["HT"] = 300e3
        header["Dose"] = (10 + i) * 1e20
        header["Integration time"] = 0.5
        header["Timestamp"] = 44138 + 4 * i / 86400
        header["Pixel size X"] = header["Pixel size Y"] = 1.25e-11
        with mrcfile.new(tmp_path / f"{i}.mrc", image) as mrc:
            mrc.set_extended_header(header)
            mrc.header.exttyp = b"FEI2"
    recording, _ = open_stills(tmp_path)
    np.testing.assert_allclose(recording.dose.per_frame, 10 + np.arange(5))
    np.testing.assert_allclose(recording.times, 4 * np.arange(5) + 0.5, atol=2e-3)
    assert recording.conditions.voltage_kV == 300
    assert recording.pixel_size.value == pytest.approx(0.125)
    paths = sorted(tmp_path.glob("*.mrc"), reverse=True)
    recording, _ = open_stills(paths)
    assert recording.times is None
    assert any("not in the order" in warning for warning in recording.warnings)


def test_folders_without_one_kind_of_images_are_refused(tmp_path, stack):
    with pytest.raises(BeamwatchError, match="without images"):
        open_stills(tmp_path)
    with pytest.raises(BeamwatchError, match="no file"):
        open_stills(tmp_path / "none")
    save(tmp_path / "1.npy", stack[0])
    save(tmp_path / "1.tif", stack[0])
    with pytest.raises(BeamwatchError, match=r"1 \.npy, 1 \.tif"):
        open_stills(tmp_path)
    with pytest.raises(BeamwatchError, match="folder of images"):
        open_stills(tmp_path / "1.npy")
    with pytest.raises(BeamwatchError, match="no images"):
        open_stills([])
    with pytest.raises(BeamwatchError, match="no image"):
        open_stills([tmp_path / "x.jpg"])


def test_colour_and_broken_pngs_are_refused(tmp_path, stack):
    save(tmp_path / "a.png", np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(BeamwatchError, match="grey"):
        open_stills(tmp_path)
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    with pytest.raises(BeamwatchError, match="not a PNG"):
        open_stills(tmp_path)


def test_series_of_tia_images(shared_data):
    path = shared_data("16_STOimage_1.ser")
    recording, _ = open_stills([path, path])
    assert recording.frames.shape == (2, 1024, 1024)
    assert recording.pixel_size.value == pytest.approx(0.10013, rel=1e-4)
