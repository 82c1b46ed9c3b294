from __future__ import annotations

import os
import pickle
import time

import numpy as np
import psutil
import pytest
import tifffile

from napari_beamwatch import open_movie
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.raw_frames import RawFrames
from napari_beamwatch.movies.formats.tiff import open_tiff
from napari_beamwatch.movies.formats.tiff_pages import DecodedPages


def read_all(recording):
    source = recording.frames
    return np.stack([source.read(t) for t in range(source.shape[0])])


@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "u4", "f4", "f8", "f2"])
def test_plain_stacks_are_read_to_the_bit(tmp_path, stack, bigtiff, byteorder, dtype):
    path = tmp_path / "a.tif"
    frames = stack.astype(dtype)
    tifffile.imwrite(path, frames, bigtiff=bigtiff, byteorder=byteorder, photometric="minisblack")
    opened = open_tiff(path)
    assert opened.frames.dtype == np.dtype(dtype)
    assert isinstance(opened.frames, RawFrames)
    np.testing.assert_array_equal(read_all(opened), frames)
    np.testing.assert_array_equal(opened.frames.read_rows(3, 4, 9), frames[3, 4:9])


@pytest.mark.parametrize("compression", ["zlib", "lzw", "zstd", "packbits", "lzma"])
@pytest.mark.parametrize("options", [{}, {"predictor": True}, {"tile": (16, 16)}])
def test_compressed_stacks_are_read_to_the_bit(tmp_path, stack, compression, options):
    path = tmp_path / "a.tif"
    if "predictor" in options and compression == "packbits":
        pytest.skip("no such thing")
    tifffile.imwrite(path, stack, compression=compression, photometric="minisblack", **options)
    opened = open_tiff(path)
    assert isinstance(opened.frames, DecodedPages)
    assert opened.frames.dtype == np.uint16
    np.testing.assert_array_equal(read_all(opened), stack)
    copy = pickle.loads(pickle.dumps(opened.frames))
    np.testing.assert_array_equal(copy.read(2), stack[2])


def test_tiled_and_striped_pages_are_read_to_the_bit(tmp_path, stack):
    for options in ({"tile": (16, 16)}, {"rowsperstrip": 5}):
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, stack, photometric="minisblack", **options)
        np.testing.assert_array_equal(read_all(open_tiff(path)), stack)


def test_pages_written_one_at_a_time_are_one_movie(tmp_path, stack):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as out:
        for frame in stack:
            out.write(frame, contiguous=False, metadata=None)
    np.testing.assert_array_equal(read_all(open_tiff(path)), stack)


def test_a_single_image_is_a_movie_of_one_frame(tmp_path, stack):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stack[0])
    opened = open_tiff(path)
    assert opened.frames.shape == (1, 12, 18)


@pytest.mark.parametrize(
    ("unit", "per_unit", "angstrom"),
    [
        ("nm", 8.0, 1.25),
        ("\\u00B5m", 8000.0, 1.25),
        ("micron", 8000.0, 1.25),
        ("um", 8000.0, 1.25),
        ("angstrom", 0.8, 1.25),
        ("\\u00C5", 0.8, 1.25),
        ("pm", 0.008, 1.25),
    ],
)
def test_imagej_stacks_tell_pixel_size_and_frame_time(tmp_path, stack, unit, per_unit, angstrom):
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, stack, imagej=True, resolution=(per_unit, per_unit),
        metadata={"axes": "TYX", "unit": unit, "finterval": 0.25},
    )  # fmt: skip
    opened = open_tiff(path)
    assert opened.pixel_size.value == pytest.approx(angstrom, rel=1e-5)
    assert opened.frame_time.value == pytest.approx(0.25)
    np.testing.assert_array_equal(read_all(opened), stack)


def test_pixels_counted_per_length_are_those_of_diffraction(tmp_path, stack):
    path = tmp_path / "pattern.tif"
    tifffile.imwrite(path, stack, imagej=True, resolution=(50, 50),
                     metadata={"axes": "TYX", "unit": "1/nm"})  # fmt: skip
    opened = open_tiff(path)
    assert opened.pixel_size is None
    assert opened.conditions.imaging_mode == "diffraction"
    assert any("diffraction" in note for note in opened.notes)


def test_an_imagej_file_beyond_four_gigabytes_has_one_directory(tmp_path):
    # ImageJ writes one directory and all frames after it; the real thing, only sparse.
    path = tmp_path / "a.tif"
    first = np.full((1, 256, 512), 7, np.uint16)
    tifffile.imwrite(path, first, imagej=True, metadata={"axes": "TYX"})
    with tifffile.TiffFile(path) as tif:
        start = tif.pages[0].dataoffsets[0]
        tag = tif.pages[0].tags["ImageDescription"]
    count = 30_000  # 7.9 GB
    described = b"ImageJ=1.54\nimages=%d\nframes=%d\n\0" % (count, count)
    with open(path, "r+b") as file:
        file.seek(tag.valueoffset)
        assert tag.count >= 8
    tifffile.tiffcomment(path, described)
    os.truncate(path, max(path.stat().st_size, start + count * first.nbytes))
    opened = open_tiff(path)
    assert opened.frames.shape == (count, 256, 512)
    np.testing.assert_array_equal(opened.frames.read(0), first[0])
    assert opened.frames.read(count - 1).sum() == 0


def test_hyperstacks_with_channels_are_refused_in_words(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((4, 2, 8, 8), np.uint16), imagej=True,
                     metadata={"axes": "TCYX"})  # fmt: skip
    with pytest.raises(BeamwatchError, match="2 channels"):
        open_tiff(path)


def test_colour_pictures_are_refused(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((8, 9, 3), np.uint8), photometric="rgb")
    with pytest.raises(BeamwatchError, match="colour"):
        open_tiff(path)


def test_arrays_of_four_dimensions_are_refused(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((4, 2, 8, 9), np.uint16), photometric="minisblack")
    with pytest.raises(BeamwatchError, match="three dimensions"):
        open_tiff(path)


def test_complex_pixels_are_refused(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((4, 8, 9), np.complex64), photometric="minisblack")
    with pytest.raises(BeamwatchError, match="real numbers"):
        open_tiff(path)


def test_ome_tells_pixel_size_and_the_end_of_each_frame(tmp_path, stack):
    path = tmp_path / "a.ome.tif"
    starts = [0.0, 0.5, 1.25, 1.75, 2.5]
    tifffile.imwrite(
        path, stack, photometric="minisblack",
        metadata={
            "axes": "TYX", "PhysicalSizeX": 125.0, "PhysicalSizeXUnit": "pm",
            "PhysicalSizeY": 125.0, "PhysicalSizeYUnit": "pm",
            "Plane": {"DeltaT": starts, "ExposureTime": [0.4] * 5},
        },
    )  # fmt: skip
    opened = open_tiff(path)
    assert opened.pixel_size.value == pytest.approx(1.25)
    assert opened.pixel_size.origin == "OME metadata"
    np.testing.assert_allclose(opened.times, np.array(starts) + 0.4)
    np.testing.assert_array_equal(read_all(opened), stack)


def test_ome_time_increment_is_the_frame_time(tmp_path, stack):
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(
        path, stack, photometric="minisblack", compression="zlib",
        metadata={"axes": "TYX", "TimeIncrement": 40.0, "TimeIncrementUnit": "ms",
                  "PhysicalSizeX": 0.02, "PhysicalSizeY": 0.02, "PhysicalSizeXUnit": "nm"},
    )  # fmt: skip
    opened = open_tiff(path)
    assert opened.frame_time.value == pytest.approx(0.04)
    assert opened.pixel_size.value == pytest.approx(0.2)
    np.testing.assert_array_equal(read_all(opened), stack)


def test_ome_channels_are_refused(tmp_path):
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, np.zeros((4, 3, 8, 9), np.uint16), photometric="minisblack",
                     metadata={"axes": "TCYX"})  # fmt: skip
    with pytest.raises(BeamwatchError, match="C: 3"):
        open_tiff(path)


def test_an_xml_bomb_is_not_lit(tmp_path, stack):
    path = tmp_path / "a.ome.tif"
    bomb = (
        '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><OME>&b;</OME>'
    )
    tifffile.imwrite(path, stack, description=bomb, metadata=None)
    with pytest.raises(BeamwatchError, match="entities"):
        open_tiff(path)


@pytest.mark.parametrize("dpi", [72, 96, 300, 600, 1])
def test_resolutions_for_screens_and_printers_are_no_pixel_size(tmp_path, stack, dpi):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stack, resolution=(dpi, dpi), resolutionunit="inch")
    assert open_tiff(path).pixel_size is None
    tifffile.imwrite(path, stack, resolution=(dpi, dpi), resolutionunit="none")
    assert open_tiff(path).pixel_size is None


def test_a_microscopic_resolution_is_a_pixel_size(tmp_path, stack):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stack, resolution=(8e8, 8e8), resolutionunit="centimeter")
    assert open_tiff(path).pixel_size.value == pytest.approx(0.125)
    tifffile.imwrite(path, stack, resolution=(8e8, 4e8), resolutionunit="centimeter")
    opened = open_tiff(path)
    assert opened.pixel_size is None
    assert any("differ" in warning for warning in opened.warnings)


def test_tvips_header_tells_pixel_size_and_conditions(shared_data):
    path = shared_data("TVIPS_bin4.tif")
    opened = open_tiff(path)
    assert opened.pixel_size.value == pytest.approx(14.2, abs=0.01)
    assert opened.conditions.camera == "F416"
    assert opened.frame_time.value == pytest.approx(0.4)
    np.testing.assert_array_equal(opened.frames.read(0), tifffile.imread(path))


def test_digitalmicrographs_stack_tells_its_frame_time(shared_data):
    path = shared_data("test_loading_image_saved_with_DM_stack.tif")
    opened = open_tiff(path)
    np.testing.assert_array_equal(read_all(opened), tifffile.imread(path))
    # 1.69 × 16.9 nm pixels: the file is a test of just that.
    assert opened.pixel_size is None
    assert any("differ" in warning for warning in opened.warnings)
    assert opened.frame_time.value == pytest.approx(2.5)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_truncated_movie_opens_up_to_its_last_whole_frame(tmp_path, compression):
    path = tmp_path / "a.tif"
    frames = np.random.default_rng(0).integers(0, 255, (6, 32, 32)).astype(np.uint8)
    with tifffile.TiffWriter(path) as out:
        for frame in frames:
            out.write(frame, contiguous=False, metadata=None, compression=compression)
    with tifffile.TiffFile(path) as tif:
        end = tif.pages[3].dataoffsets[0] + 5
    os.truncate(path, end)
    opened = open_tiff(path)
    count = opened.frames.shape[0]
    assert 1 <= count <= 4
    np.testing.assert_array_equal(read_all(opened)[:3], frames[: min(3, count)])
    assert opened.warnings


def test_a_truncated_contiguous_stack_opens_up_to_its_last_whole_frame(tmp_path, stack):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stack, imagej=True, metadata={"axes": "TYX"})
    with tifffile.TiffFile(path) as tif:
        start = tif.pages[0].dataoffsets[0]
    os.truncate(path, start + 3 * stack[0].nbytes + 7)
    opened = open_tiff(path)
    np.testing.assert_array_equal(read_all(opened), stack[:3])
    assert any("3 of 5" in warning for warning in opened.warnings)


def test_pages_of_another_size_are_left_out_with_a_warning(tmp_path, stack):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as out:
        for frame in stack:
            out.write(frame, contiguous=False, metadata=None)
        out.write(stack[0, :4, :4], contiguous=False, metadata=None)
    opened = open_tiff(path)
    np.testing.assert_array_equal(read_all(opened), stack)
    assert any("left out: 1" in warning for warning in opened.warnings)


def test_forty_gigabytes_open_at_once_and_stay_on_disk(tmp_path):
    path = tmp_path / "huge.tif"
    frames = 40 * 2**30 // (4096 * 4096)
    # tifffile leaves the pixels of an empty array unwritten.
    with tifffile.TiffWriter(path, bigtiff=True) as out:
        out.write(shape=(frames, 4096, 4096), dtype=np.uint8, data=None, metadata=None)
    process = psutil.Process()
    before = process.memory_info().rss
    begun = time.perf_counter()
    opened = open_tiff(path)
    assert time.perf_counter() - begun < 2
    assert opened.frames.shape == (frames, 4096, 4096)
    for t in range(0, frames, frames // 20):
        assert opened.frames.read(t).shape == (4096, 4096)
    assert process.memory_info().rss - before < 50 * 2**20


@pytest.mark.long
def test_ten_thousand_pages_open_in_seconds(tmp_path):
    path = tmp_path / "many.tif"
    frame = np.zeros((4, 4), np.uint8)
    with tifffile.TiffWriter(path) as out:
        for _ in range(10_000):
            out.write(frame, contiguous=False, metadata=None)
    begun = time.perf_counter()
    assert open_tiff(path).frames.shape == (10_000, 4, 4)
    assert time.perf_counter() - begun < 2


def test_compressions_of_faxes_and_photographs_are_refused(tmp_path, stack):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stack.astype(np.uint8), compression="jpeg", photometric="minisblack")
    with pytest.raises(BeamwatchError, match="compressed as JPEG"):
        open_tiff(path)
    tifffile.imwrite(path, stack, compression="zlib", photometric="minisblack")
    opened = open_tiff(path)
    with tifffile.TiffFile(path) as tif:
        where = tif.pages[1].tags["Compression"].valueoffset
    data = bytearray(path.read_bytes())
    data[where] = 3  # a fax
    path.write_bytes(data)
    with pytest.raises(BeamwatchError, match="CCITT"):
        opened.frames.read(1)


SERIALEM = "SerialEMCCD: Dose frac. image, scaled by {}  r/f 0"


def k3(path, scale=1, fixed=0.0):
    """Counts of a K3: at most one electron a pixel in each of ten readouts; a gain multiplies."""
    rng = np.random.default_rng(4)
    gain = rng.normal(1, fixed, (256, 256))
    counts = rng.binomial(10, 0.1, (4, 256, 256)) * gain
    with tifffile.TiffWriter(path) as out:
        for frame in np.rint(counts * scale).astype(np.uint8):
            out.write(frame, compression="lzw", contiguous=False, metadata=None,
                      description=SERIALEM.format(f"{scale:.2f}"))  # fmt: skip
    return path


def test_counts_of_a_k3_are_recognised_and_give_the_dose(tmp_path):
    movie = open_movie(k3(tmp_path / "a.tif"), pixel_size=0.5)
    assert movie.counting.kind == "single"
    assert movie.frame_dose == pytest.approx(1 / 0.25, rel=0.01)
    assert not any("SerialEM" in note for note in movie.notes)


def test_scaled_counts_of_a_k3_are_told_with_what_to_do(tmp_path):
    movie = open_movie(k3(tmp_path / "a.tif", 16, 0.03), pixel_size=0.5)
    assert movie.counting.kind == "grey"
    assert movie.frame_dose is None
    (note,) = (note for note in movie.notes if "SerialEM" in note)
    assert "counts_per_electron=16" in note
    told = movie.with_(counts_per_electron=16)
    assert told.frame_dose == pytest.approx(1 / 0.25, rel=0.01)
