from __future__ import annotations

import bz2
import gc
import gzip
import os
import pickle
import time
from pathlib import Path

import mrcfile
import numpy as np
import psutil
import pytest
from mrcfile.dtypes import fei2_dtype_big_endian

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import open_movie
from napari_beamwatch.movies.formats import unpacked
from napari_beamwatch.movies.formats.mrc import open_mrc


def read_all(recording):
    source = recording.frames
    return np.stack([source.read(t) for t in range(source.shape[0])])


def write(path, array, voxel=(0.5, 0.5, 0.5), extended=None, kind=None):
    with mrcfile.new(path, array, overwrite=True) as mrc:
        mrc.voxel_size = voxel
        if extended is not None:
            mrc.set_extended_header(extended)
            mrc.header.exttyp = kind
    return path


def patch(path, offset, data: bytes):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


def fei2(records: int, **fields):
    header = np.zeros(records, fei2_dtype_big_endian.newbyteorder("<"))
    header["Metadata size"] = header.dtype.itemsize
    header["Metadata version"] = 2
    for mask in ("Bitmask 1", "Bitmask 2", "Bitmask 3", "Bitmask 4"):
        header[mask] = 0xFFFFFFFF
    for name, value in fields.items():
        header[name.replace("_", " ")] = value
    return header


@pytest.mark.parametrize("dtype", ["i1", "i2", "u2", "f4", "f2"])
def test_every_mode_that_mrcfile_writes_is_read_to_the_bit(tmp_path, dtype):
    frames = np.random.default_rng(1).normal(0, 30, (4, 7, 9)).astype(np.int8).astype(dtype)
    opened = open_mrc(write(tmp_path / "a.mrc", frames))
    assert opened.frames.dtype == frames.dtype
    np.testing.assert_array_equal(read_all(opened), frames)
    assert opened.pixel_size.value == pytest.approx(0.5)
    assert opened.pixel_size.origin == "MRC header"
    np.testing.assert_array_equal(opened.frames.read_rows(2, 3, 5), frames[2, 3:5])


def test_pickled_frames_read_the_same(tmp_path, stack):
    opened = open_mrc(write(tmp_path / "a.mrc", stack))
    copy = pickle.loads(pickle.dumps(opened.frames))
    np.testing.assert_array_equal(copy.read(3), stack[3])


def test_a_single_image_is_a_movie_of_one_frame(tmp_path, stack):
    opened = open_mrc(write(tmp_path / "a.mrc", stack[0]))
    assert opened.frames.shape == (1, 12, 18)


@pytest.mark.parametrize("ispg", [0, 1, 401])
def test_a_stack_is_a_movie_whatever_its_space_group_says(tmp_path, stack, ispg):
    path = write(tmp_path / "a.mrc", stack)
    patch(path, 88, np.int32(ispg).tobytes())
    np.testing.assert_array_equal(read_all(open_mrc(path)), stack)


def test_big_endian_files_are_read_to_the_bit(tmp_path, stack):
    path = tmp_path / "big.mrc"
    write(path, stack.astype(">u2"), voxel=(0.25, 0.25, 4))
    opened = open_mrc(path)
    raw = path.read_bytes()
    if raw[212] != 0x11:  # mrcfile wrote in the machine's order: turn every word by hand
        words = np.frombuffer(raw[:208], "<i4").astype(">i4").tobytes()
        pixels = np.frombuffer(raw[1024:], "<u2").astype(">u2").tobytes()
        path.write_bytes(words + raw[208:212] + b"\x11\x11\0\0" + raw[216:1024] + pixels)
        opened = open_mrc(path)
    assert opened.frames.stored.byteorder == ">"
    assert opened.frames.dtype == np.dtype("=u2")
    np.testing.assert_array_equal(read_all(opened), stack)
    assert opened.pixel_size.value == pytest.approx(0.25)


def test_a_wrong_machine_stamp_does_not_confuse(tmp_path, stack):
    path = write(tmp_path / "a.mrc", stack)
    for stamp in (b"\0\0\0\0", b"\x11\x11\0\0", b"DADA"):
        patch(path, 212, stamp)
        np.testing.assert_array_equal(read_all(open_mrc(path)), stack)


def test_four_bit_pixels_are_unpacked_low_half_first(tmp_path):
    frames = np.random.default_rng(5).integers(0, 16, (3, 4, 7)).astype(np.uint8)
    padded = np.pad(frames, ((0, 0), (0, 0), (0, 1)))
    packed = padded[..., 0::2] | (padded[..., 1::2] << 4)
    path = write(tmp_path / "a.mrc", packed.astype(np.int8))
    patch(path, 0, np.array([7, 4, 3, 101], "<i4").tobytes())
    opened = open_mrc(path)
    assert opened.frames.dtype == np.uint8
    np.testing.assert_array_equal(read_all(opened), frames)
    np.testing.assert_array_equal(opened.frames.read_rows(1, 2, 4), frames[1, 2:4])


def test_bytes_with_imods_stamp_and_no_signed_flag_are_unsigned(tmp_path):
    frames = np.arange(2 * 4 * 32, dtype=np.uint8).reshape(2, 4, 32)
    path = write(tmp_path / "a.mrc", frames.view(np.int8))
    assert open_mrc(path).frames.dtype == np.int8
    patch(path, 152, np.array([1146047817, 0], "<i4").tobytes())
    opened = open_mrc(path)
    np.testing.assert_array_equal(read_all(opened), frames)
    assert any("unsigned" in note for note in opened.notes)
    patch(path, 156, np.int32(1).tobytes())
    assert open_mrc(path).frames.dtype == np.int8


@pytest.mark.parametrize("mode", [3, 4, 5, 16, -7, 1000])
def test_modes_that_are_no_images_are_refused(tmp_path, stack, mode):
    path = write(tmp_path / "a.mrc", stack)
    patch(path, 12, np.int32(mode).tobytes())
    with pytest.raises(BeamwatchError, match="mode"):
        open_mrc(path)


@pytest.mark.parametrize(
    ("voxel", "word"),
    [
        ((1.0, 1.0, 1.0), "exactly 1"),
        ((0.0, 0.0, 0.0), "no pixel size"),
        ((-2.0, -2.0, 1.0), "nonsense"),
        ((0.5, 0.52, 1.0), "differ"),
        ((np.nan, np.nan, np.nan), "nonsense"),
        ((np.inf, np.inf, 1.0), "nonsense"),
    ],
)
def test_a_voxel_size_that_cannot_be_true_is_refused_with_a_warning(tmp_path, stack, voxel, word):
    path = write(tmp_path / "a.mrc", stack)
    cell = np.array(voxel, "<f4") * np.array([18, 12, 5], "<f4")
    patch(path, 40, cell.tobytes())
    opened = open_mrc(path)
    assert opened.pixel_size is None
    assert any(word in warning for warning in opened.warnings)


def test_voxel_z_means_nothing(tmp_path, stack):
    opened = open_mrc(write(tmp_path / "a.mrc", stack, voxel=(0.5, 0.503, 77)))
    assert opened.pixel_size.value == pytest.approx(0.5)
    assert not opened.warnings


def test_one_fei_header_shares_its_dose_and_time_among_the_frames(tmp_path, stack):
    header = fei2(
        1, HT=200e3, Dose=40e20, Pixel_size_X=1.25e-11, Pixel_size_Y=1.25e-11,
        Integration_time=2.5, Magnification=1e6, Camera_name=b"BM-Falcon",
        Microscope_type=b"TITAN", Applied_defocus=-5e-8, Timestamp=44138.5,
        Instrument_mode=1, Projection_mode=2,
    )  # fmt: skip
    opened = open_mrc(write(tmp_path / "a.mrc", stack, (1, 1, 1), header, b"FEI2"))
    assert opened.pixel_size.value == pytest.approx(0.125)
    np.testing.assert_allclose(opened.dose.per_frame, np.full(5, 8.0))
    assert opened.dose.unit == "e/A2"
    assert "shared" in opened.dose.origin
    assert opened.frame_time.value == pytest.approx(0.5)
    said = opened.conditions
    assert said.voltage_kV == pytest.approx(200)
    assert said.magnification == 1e6
    assert said.camera == "BM-Falcon"
    assert said.microscope == "TITAN"
    assert said.defocus_nm == pytest.approx(50)
    assert said.recorded.startswith("2020-11-03T12:00")
    assert opened.condition_origins["voltage_kV"] == "FEI2 header"
    np.testing.assert_array_equal(read_all(opened), stack)


def test_sections_with_their_own_dose_and_time_keep_them(tmp_path, stack):
    doses = np.array([4, 5, 4, 6, 5.0])
    seconds = np.array([0.5, 0.5, 1.0, 0.5, 0.5])
    header = fei2(5, Dose=doses * 1e20, Integration_time=seconds)
    opened = open_mrc(write(tmp_path / "a.mrc", stack, extended=header, kind=b"FEI2"))
    np.testing.assert_allclose(opened.dose.per_frame, doses)
    np.testing.assert_allclose(opened.times, np.cumsum(seconds))
    assert any("own dose" in warning for warning in opened.warnings)


def test_accumulated_doses_of_sections_are_taken_apart(tmp_path, stack):
    header = fei2(5, Dose=np.array([4, 9, 13, 19, 24]) * 1e20)
    opened = open_mrc(write(tmp_path / "a.mrc", stack, extended=header, kind=b"FEI2"))
    np.testing.assert_allclose(opened.dose.per_frame, [4, 5, 4, 6, 5])


def test_fields_that_the_bit_mask_calls_empty_are_not_believed(tmp_path, stack):
    header = fei2(1, HT=200e3, Dose=40e20)
    header["Bitmask 1"] = 0xFFFFFFFF & ~(1 << 6)
    opened = open_mrc(write(tmp_path / "a.mrc", stack, extended=header, kind=b"FEI2"))
    assert opened.dose is None
    assert opened.conditions.voltage_kV == pytest.approx(200)


def test_diffraction_has_no_pixel_size(tmp_path, stack):
    header = fei2(1, Instrument_mode=1, Projection_mode=1, Pixel_size_X=1e7, Pixel_size_Y=1e7)
    opened = open_mrc(write(tmp_path / "a.mrc", stack, extended=header, kind=b"FEI2"))
    assert opened.pixel_size is None
    assert opened.conditions.imaging_mode == "diffraction"


def test_falcon_image_of_epu_is_fully_understood(shared_data):
    path = shared_data("epu2.9_example.mrc")
    opened = open_mrc(path)
    assert opened.frames.shape == (1, 4096, 4096)
    assert opened.frames.dtype == np.uint16
    assert opened.pixel_size.value == pytest.approx(0.66655, rel=1e-5)
    assert opened.dose.per_frame.sum() == pytest.approx(41.17, abs=0.005)
    assert opened.frame_time.value == pytest.approx(12.2078, rel=1e-5)
    assert opened.conditions.voltage_kV == 300
    with mrcfile.open(path, permissive=True) as mrc:
        np.testing.assert_array_equal(opened.frames.read(0), mrc.data)


def test_custom_movie_opens_without_its_nonsense_voxel_size(shared_data):
    path = shared_data("Custom_movie.mrc")
    opened = open_mrc(path)
    assert opened.frames.shape == (30, 16, 16)
    assert opened.pixel_size is None
    assert any("-10" in warning for warning in opened.warnings)
    with mrcfile.open(path, permissive=True) as mrc:
        np.testing.assert_array_equal(read_all(opened), mrc.data)


def test_a_truncated_movie_opens_up_to_its_last_whole_frame(tmp_path, stack):
    path = write(tmp_path / "a.mrc", stack)
    os.truncate(path, 1024 + 3 * stack[0].nbytes + 17)
    opened = open_mrc(path)
    np.testing.assert_array_equal(read_all(opened), stack[:3])
    assert "3 of 5 frames are whole" in opened.warnings[0]
    os.truncate(path, 1024 + 17)
    with pytest.raises(BeamwatchError, match="breaks off"):
        open_mrc(path)


def test_a_file_that_shrinks_after_opening_says_so(tmp_path, stack):
    path = write(tmp_path / "a.mrc", stack)
    opened = open_mrc(path)
    os.truncate(path, 1200)
    with pytest.raises(BeamwatchError, match="shorter"):
        opened.frames.read(4)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_packed_movies_are_unpacked_once_and_tidied_away(tmp_path, stack, pack):
    plain = write(tmp_path / "a.mrc", stack)
    path = tmp_path / ("a.mrc.gz" if pack is gzip.compress else "a.mrc.bz2")
    path.write_bytes(pack(plain.read_bytes()))
    opened = open_mrc(path)
    copy = opened.frames.copy.path
    assert opened.path == str(path)
    np.testing.assert_array_equal(read_all(opened), stack)
    borrowed = pickle.loads(pickle.dumps(opened.frames))
    np.testing.assert_array_equal(borrowed.read(1), stack[1])
    del borrowed
    gc.collect()
    assert os.path.exists(copy)
    del opened
    gc.collect()
    assert not os.path.exists(copy)


def test_unpacking_stops_where_the_header_says_the_movie_ends(tmp_path, stack):
    plain = write(tmp_path / "a.mrc", stack)
    path = tmp_path / "bomb.mrc.gz"
    with gzip.open(path, "wb") as out:
        out.write(plain.read_bytes())
        for _ in range(50):
            out.write(bytes(2**20))
    opened = open_mrc(path)
    assert os.path.getsize(opened.frames.copy.path) == plain.stat().st_size


@pytest.mark.parametrize(("pack", "ending"), [(gzip.compress, "gz"), (bz2.compress, "bz2")])
def test_a_bomb_is_unpacked_no_further_than_its_head(tmp_path, monkeypatch, pack, ending):
    # As a gigabyte in a megabyte, both a hundredth of it.
    head = write(tmp_path / "a.mrc", np.zeros((1, 16, 16), np.uint8)).read_bytes()[:1024]
    lie = bytearray(head)
    lie[:12] = np.array([1024, 1024, 10], "<i4").tobytes()
    path = tmp_path / f"a.mrc.{ending}"
    path.write_bytes(pack(bytes(lie) + bytes(10 * 2**20)))
    assert path.stat().st_size < 12_000
    monkeypatch.setattr(unpacked, "UNSUSPICIOUS", 2**20)
    done = []
    made = unpacked.tempfile.mkstemp
    monkeypatch.setattr(unpacked.tempfile, "mkstemp", lambda **how: done.append(how) or made(**how))
    with pytest.raises(BeamwatchError, match="not meant well"):
        open_mrc(path)
    assert not done


@pytest.mark.parametrize(("pack", "ending"), [(gzip.compress, "gz"), (bz2.compress, "bz2")])
@pytest.mark.parametrize("crumb", [b"", b"\0"])
def test_a_million_crumbs_are_given_up_after_some(tmp_path, stack, pack, ending, crumb):
    plain = write(tmp_path / "a.mrc", stack)
    path = tmp_path / f"a.mrc.{ending}"
    path.write_bytes(pack(plain.read_bytes()[:1500]) + pack(crumb) * 5000)
    with pytest.raises(BeamwatchError, match="hold next to nothing"):
        open_mrc(path)


def test_a_movie_packed_in_many_members_is_no_crumbs(tmp_path):
    frames = np.random.default_rng(0).poisson(9, (20, 64, 64)).astype(np.uint8)
    raw = write(tmp_path / "a.mrc", frames).read_bytes()
    path = tmp_path / "a.mrc.gz"
    parts = range(0, len(raw), 4096)
    path.write_bytes(b"".join(gzip.compress(raw[at : at + 4096], 1) for at in parts))
    np.testing.assert_array_equal(read_all(open_mrc(path)), frames)


@pytest.mark.parametrize("order", ["<", ">"])
def test_half_floats_are_a_movie_like_any_other(tmp_path, stack, order):
    plain = write(tmp_path / "a.mrc", stack.astype(np.float16))
    data = plain.read_bytes()
    if order == ">":
        data = np.frombuffer(data[:1024], "<i4").byteswap().tobytes() + (
            np.frombuffer(data[1024:], "<f2").byteswap().tobytes()
        )
        plain.write_bytes(data)
        patch(plain, 212, b"\x11\x11\0\0")
    movie = open_movie(plain, pixel_size=0.5, frame_dose=1.0)
    assert movie.dtype == np.float32
    np.testing.assert_array_equal(movie.frames.compute(), stack)


def test_a_packed_file_that_promises_too_much_is_refused(tmp_path, stack, monkeypatch):
    plain = write(tmp_path / "a.mrc", stack)
    patch(plain, 0, np.array([30000, 30000, 100], "<i4").tobytes())
    path = tmp_path / "a.mrc.gz"
    path.write_bytes(gzip.compress(plain.read_bytes()))
    with pytest.raises(BeamwatchError, match="unpack"):
        open_mrc(path)
    monkeypatch.setattr(unpacked, "UNSUSPICIOUS", 2**60)
    with pytest.raises(BeamwatchError, match=r"allowed|free"):
        open_mrc(path)


def test_a_packed_file_that_breaks_off_gives_its_whole_frames(tmp_path):
    frames = np.random.default_rng(0).integers(0, 60000, (6, 256, 256)).astype(np.uint16)
    plain = write(tmp_path / "a.mrc", frames)
    packed = gzip.compress(plain.read_bytes())
    path = tmp_path / "a.mrc.gz"
    path.write_bytes(packed[: len(packed) * 2 // 3])
    opened = open_mrc(path)
    count = opened.frames.shape[0]
    assert 1 <= count < 6
    np.testing.assert_array_equal(read_all(opened), frames[:count])
    assert any("breaks off" in warning for warning in opened.warnings)


@pytest.mark.long
def test_a_hundred_gigabytes_open_at_once_and_stay_on_disk(tmp_path):
    path = write(tmp_path / "huge.mrc", np.zeros((2, 4, 4), np.uint16))
    frames = 100 * 2**30 // (4096 * 4096 * 2)
    patch(path, 0, np.array([4096, 4096, frames, 6], "<i4").tobytes())
    os.truncate(path, 1024 + frames * 4096 * 4096 * 2)
    process = psutil.Process()
    before = process.memory_info().rss
    begun = time.perf_counter()
    opened = open_mrc(path)
    assert time.perf_counter() - begun < 2
    assert opened.frames.shape == (frames, 4096, 4096)
    for t in range(0, frames, frames // 40):
        assert opened.frames.read(t).shape == (4096, 4096)
    assert opened.frames.read_rows(frames - 1, 4000, 4096).shape == (96, 4096)
    assert process.memory_info().rss - before < 50 * 2**20


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(BeamwatchError, match="no file"):
        open_mrc(tmp_path / "none.mrc")
    with pytest.raises(BeamwatchError, match="folder"):
        open_mrc(tmp_path)
    empty = tmp_path / "e.mrc"
    empty.write_bytes(b"")
    with pytest.raises(BeamwatchError, match="empty"):
        open_mrc(empty)
    words = Path(tmp_path / "w.mrc")
    words.write_text("this is no movie " * 100)
    with pytest.raises(BeamwatchError):
        open_mrc(words)
