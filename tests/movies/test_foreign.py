from __future__ import annotations

import importlib
import json
import os
import pickle
import shutil
import struct
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pytest

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats import extras
from napari_beamwatch.movies.formats.foreign import open_foreign

rsciio = pytest.importorskip("rsciio")


def read_all(recording):
    source = recording.frames
    return np.stack([source.read(t) for t in range(source.shape[0])])


def signal(array, scale=0.0125, units="nm", step=0.5, time_units="s", **metadata):
    axes = [
        {"name": "y", "units": units, "scale": scale, "offset": 0, "navigate": False},
        {"name": "x", "units": units, "scale": scale, "offset": 0, "navigate": False},
    ]
    if array.ndim == 3:
        axes.insert(0, {"name": "time", "units": time_units, "scale": step, "offset": 0,
                        "navigate": True})  # fmt: skip
    for i, axis in enumerate(axes):
        axis |= {"size": array.shape[i], "index_in_array": i, "_type": "UniformDataAxis",
                 "is_binned": False}  # fmt: skip
    return {
        "data": array,
        "axes": axes,
        "metadata": {"General": {"title": "movie"}, "Signal": {"signal_type": ""}} | metadata,
        "original_metadata": {},
        "attributes": {"_lazy": False, "ragged": False},
        "package_info": {"package": "none", "package_version": "0"},
        "package": "none",
        "package_version": "0",
        "learning_results": {},
        "models": {},
        "tmp_parameters": {},
        "ragged": False,
    }


def write(kind, path, *args, **kwargs):
    if kind == "zspy":
        return write_zspy(path, signal(*args, **kwargs))
    importlib.import_module(f"rsciio.{kind}").file_writer(str(path), signal(*args, **kwargs))
    return path


def write_zspy(path, written):
    """Write as rosettasciio does, whose own writer needs zarr 2."""
    zarr = pytest.importorskip("zarr")

    def plant(group, tree):
        for name, value in tree.items():
            if isinstance(value, dict):
                plant(group.require_group(name), value)
            else:
                group.attrs[name] = value

    root = zarr.open_group(str(path), mode="w", zarr_format=2)
    root.attrs.update({"file_format": "ZSpy", "file_format_version": "3.3"})
    group = root.require_group("Experiments").require_group("movie")
    array = written["data"]
    chunks = (1, *array.shape[1:])
    made = group.create_array("data", shape=array.shape, dtype=array.dtype, chunks=chunks)
    made[:] = array
    for i, axis in enumerate(written["axes"]):
        group.require_group(f"axis-{i}").attrs.update(axis)
    for name in ("original_metadata", "learning_results", "attributes"):
        group.require_group(name)
    plant(group.require_group("metadata"), written["metadata"])
    return path


@pytest.mark.parametrize("kind", ["hspy", "zspy"])
def test_hspy_and_zspy_are_read_to_the_bit(tmp_path, stack, kind):
    instrument = {"TEM": {"beam_energy": 200.0, "magnification": 800000.0, "microscope": "Titan"}}
    path = write(kind, tmp_path / f"a.{kind}", stack, Acquisition_instrument=instrument)
    opened = open_foreign(path)
    assert opened.frames.dtype == np.uint16
    np.testing.assert_array_equal(read_all(opened), stack)
    assert opened.pixel_size.value == pytest.approx(0.125)
    assert opened.frame_time.value == pytest.approx(0.5)
    assert opened.conditions.voltage_kV == 200
    assert opened.conditions.magnification == 8e5
    assert opened.conditions.microscope == "Titan"
    copy = pickle.loads(pickle.dumps(opened.frames))
    np.testing.assert_array_equal(copy.read(3), stack[3])
    np.testing.assert_array_equal(copy.read_rows(3, 2, 5), stack[3, 2:5])


@pytest.mark.parametrize(
    ("units", "angstrom"),
    [("nm", 2.5), ("Å", 0.25), ("µm", 2500.0), ("um", 2500.0), ("pm", 0.0025), ("m", None)],
)
def test_lengths_come_in_every_unit(tmp_path, stack, units, angstrom):
    opened = open_foreign(write("hspy", tmp_path / "a.hspy", stack, 0.25, units))
    if angstrom is None:
        assert opened.pixel_size is None
        assert any("nonsense" in warning for warning in opened.warnings)
    else:
        assert opened.pixel_size.value == pytest.approx(angstrom)


def test_reciprocal_units_are_diffraction(tmp_path, stack):
    opened = open_foreign(write("hspy", tmp_path / "a.hspy", stack, 0.1, "1/nm"))
    assert opened.pixel_size is None
    assert opened.conditions.imaging_mode == "diffraction"
    assert any("diffraction" in note for note in opened.notes)


def test_an_axis_without_time_gives_no_frame_time(tmp_path, stack):
    opened = open_foreign(write("hspy", tmp_path / "a.hspy", stack, time_units="um"))
    assert opened.frame_time is None


def test_complex_and_many_dimensional_signals_are_refused(tmp_path, stack):
    path = write("hspy", tmp_path / "a.hspy", stack.astype(np.complex64))
    with pytest.raises(BeamwatchError, match="complex"):
        open_foreign(path)
    with pytest.raises(BeamwatchError):
        open_foreign(write("hspy", tmp_path / "b.hspy", np.zeros((1, 40))))


def test_tvips_movies_are_read_to_the_bit(tmp_path, stack):
    # Its writer takes the scale of the first axis for that of the pixels.
    path = write("tvips", tmp_path / "movie_000.tvips", stack, 2.0, "nm", step=2.0)
    opened = open_foreign(path)
    np.testing.assert_array_equal(read_all(opened), stack)
    np.testing.assert_array_equal(opened.frames.read_rows(3, 2, 5), stack[3, 2:5])
    assert opened.pixel_size.value == pytest.approx(20.0)
    copy = pickle.loads(pickle.dumps(opened.frames))
    np.testing.assert_array_equal(copy.read(4), stack[4])


def test_the_parts_of_a_tvips_stream_follow_each_other(tmp_path, stack):
    write("tvips", tmp_path / "movie_000.tvips", stack, 2.0, "nm", step=2.0)
    whole = (tmp_path / "movie_000.tvips").read_bytes()
    frame = (len(whole) - 256) // 5
    (tmp_path / "movie_000.tvips").write_bytes(whole[: 256 + 2 * frame])
    (tmp_path / "movie_001.tvips").write_bytes(whole[256 + 2 * frame : -7])
    opened = open_foreign(tmp_path / "movie_000.tvips")
    np.testing.assert_array_equal(read_all(opened), stack[:4])
    assert "breaks off" in opened.warnings[0]
    with pytest.raises(BeamwatchError, match="_000"):
        open_foreign(tmp_path / "movie_001.tvips")


def test_a_pixel_of_the_camera_is_not_that_of_the_specimen(tmp_path, stack):
    path = write("tvips", tmp_path / "movie_000.tvips", stack, 15600.0, "nm", step=15600.0)
    opened = open_foreign(path)
    assert opened.pixel_size is None
    assert any("camera" in warning for warning in opened.warnings)


def test_berkeley_emd_is_read_to_the_bit(tmp_path, stack):
    opened = open_foreign(write("emd", tmp_path / "a.emd", stack))
    np.testing.assert_array_equal(read_all(opened), stack)
    assert opened.pixel_size.value == pytest.approx(0.125)
    assert opened.frame_time.value == pytest.approx(0.5)


@pytest.mark.parametrize("ending", ["dm3", "dm4"])
def test_digitalmicrograph_stacks(shared_data, ending):
    path = shared_data(f"dmTest_3D_int16_64,65,66.{ending}")
    opened = open_foreign(path)
    assert opened.frames.shape == (66, 65, 64)
    assert opened.frame_time is None  # its z axis is a length
    module = pytest.importorskip("rsciio.digitalmicrograph")
    np.testing.assert_array_equal(read_all(opened), module.file_reader(str(path))[0]["data"])


def test_graphene_opens_without_calibration(shared_data):
    opened = open_foreign(shared_data("graphene_defect_raw.dm3"))
    assert opened.frames.shape == (1, 512, 512)
    assert opened.pixel_size is None
    assert np.isfinite(opened.frames.read(0)).all()


def test_velox_stack_and_image(shared_data):
    opened = open_foreign(shared_data("fei_example_tem_stack.emd"))
    assert opened.frames.shape == (2, 3, 3)
    assert opened.pixel_size.value == pytest.approx(0.0817, abs=1e-4)
    assert opened.frame_time.value == pytest.approx(0.8)
    assert opened.conditions.voltage_kV == 300
    assert open_foreign(shared_data("Camera Ceta Imaging Micro.emd")).frames.shape == (1, 512, 512)


def test_ser_is_read_by_ourselves_as_rosettasciio_reads_it(shared_data):
    module = pytest.importorskip("rsciio.tia")
    for name in ("16_STOimage_1.ser", "64x64x5_TEM_preview_1.ser"):
        path = shared_data(name)
        (theirs,) = module.file_reader(str(path))
        opened = open_foreign(path)
        data = theirs["data"].reshape(opened.frames.shape)
        assert opened.frames.dtype == data.dtype
        np.testing.assert_array_equal(read_all(opened), data)
        assert opened.pixel_size.value == pytest.approx(theirs["axes"][-1]["scale"] * 10)
    assert opened.conditions.voltage_kV == 200
    assert opened.conditions.magnification == 19500
    assert opened.conditions.camera == "WA-Orius"


def test_emi_leads_to_its_series(shared_data, tmp_path):
    path = shared_data("64x64x5_TEM_preview.emi")
    assert open_foreign(path).frames.shape == (5, 64, 64)
    shutil.copy(path, tmp_path / "alone.emi")
    with pytest.raises(BeamwatchError, match=r"alone_1\.ser"):
        open_foreign(tmp_path / "alone.emi")


def ser(path, frames, step=1e-11, version=0x220):
    """Write a TIA series by the description of the format."""
    wide = version >= 0x220
    kind = {"u1": 1, "u2": 2, "i2": 5, "f4": 7, "f8": 8}[frames.dtype.str[1:]]
    count = len(frames)
    head = struct.pack("<HHHIIII", 0x4949, 0x197, version, 0x4122, 0x4152, count, count)
    dimension = struct.pack("<IddII6sI", count, 0.0, 1.0, 0, 6, b"Number", 0)
    table = len(head) + (8 if wide else 4) + 4 + len(dimension)
    head += struct.pack("<QI" if wide else "<II", table, 1) + dimension
    at = table + 2 * count * (8 if wide else 4)
    offsets, body = [], b""
    for frame in frames:
        offsets.append(at + len(body))
        height, width = frame.shape
        body += struct.pack("<ddIddIHII", 0, step, 0, 0, step, 0, kind, width, height)
        body += frame.tobytes() + struct.pack("<HHI", 0x4152, 0, 0)
    tags = [offset + 50 + frames[0].nbytes for offset in offsets]
    places = np.array(offsets + tags, "<u8" if wide else "<u4").tobytes()
    path.write_bytes(head + places + body)
    return path


@pytest.mark.parametrize("version", [0x210, 0x220])
@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "f4", "f8"])
def test_series_of_both_versions_are_read_to_the_bit(tmp_path, stack, version, dtype):
    frames = stack.astype(dtype)[:, ::-1]  # TIA's first row is the lowest
    opened = open_foreign(ser(tmp_path / "a_1.ser", frames, version=version))
    np.testing.assert_array_equal(read_all(opened), stack.astype(dtype))
    np.testing.assert_array_equal(opened.frames.read_rows(2, 1, 5), stack[2, 1:5])
    assert opened.pixel_size.value == pytest.approx(0.1)


def test_a_truncated_series_opens_up_to_its_last_whole_frame(tmp_path, stack):
    path = ser(tmp_path / "a_1.ser", stack)
    os.truncate(path, path.stat().st_size - stack[0].nbytes)
    opened = open_foreign(path)
    np.testing.assert_array_equal(read_all(opened), stack[:4, ::-1])
    assert "4 of 5" in opened.warnings[0]


def test_many_threads_read_at_once(tmp_path, stack):
    source = open_foreign(write("emd", tmp_path / "a.emd", stack)).frames
    with ThreadPoolExecutor(8) as pool:
        for t, frame in enumerate(pool.map(lambda i: source.read(i % 5), range(100))):
            np.testing.assert_array_equal(frame, stack[t % 5])


def test_two_gigabytes_of_tvips_are_read_in_flat_memory(tmp_path, stack):
    path = tmp_path / "movie_000.tvips"
    write("tvips", path, np.zeros((2, 1024, 1024), np.uint16), 1.0, "nm", step=1.0)
    step = (path.stat().st_size - 256) // 2
    os.truncate(path, 256 + 1000 * step)
    process = psutil.Process()
    begun = time.perf_counter()
    opened = open_foreign(path)
    assert time.perf_counter() - begun < 2
    assert opened.frames.shape == (1000, 1024, 1024)
    before = process.memory_info().rss
    for t in range(0, 1000, 10):
        opened.frames.read(t)
    assert process.memory_info().rss - before < 50 * 2**20


def test_several_signals_are_listed(tmp_path, stack):
    path = write("hspy", tmp_path / "a.hspy", stack)
    add_signal(path, "other", stack[:3])
    with pytest.raises(BeamwatchError, match=r"0 \(movie.*1 \(other"):
        open_foreign(path)
    for name in ("other", "1", "/Experiments/other/data"):
        opened = open_foreign(path, name)
        assert opened.frames.shape == (3, 12, 18)
        assert opened.frames.dataset == "/Experiments/other/data"
    assert open_foreign(path, "0").frames.shape == (5, 12, 18)
    with pytest.raises(BeamwatchError, match="no signal third"):
        open_foreign(path, "third")


def test_the_only_stack_among_images_is_taken_and_it_is_said(tmp_path, stack):
    path = write("hspy", tmp_path / "a.hspy", stack)
    add_signal(path, "other", stack[0])
    opened = open_foreign(path)
    assert opened.frames.shape == (5, 12, 18)
    assert any("of 2" in note for note in opened.notes)


def add_signal(path, title, array):
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "a") as file:
        group = file.create_group(f"Experiments/{title}")
        group["data"] = array
        group.create_group("metadata/General").attrs["title"] = title


def test_a_missing_library_is_named_with_the_command_to_install_it(tmp_path, monkeypatch):
    path = tmp_path / "a.emd"
    path.write_bytes(b"x")

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(extras.importlib, "import_module", missing)
    with pytest.raises(BeamwatchError, match=r'h5py.*pip install "napari-beamwatch\[formats\]"'):
        open_foreign(path)


def velox(path, said, stack):
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        group = file.create_group("Data/Image/0123")
        group["Data"] = np.moveaxis(stack, 0, 2)
        text = np.frombuffer(json.dumps(said).encode() + b"\0", "u1")
        group["Metadata"] = np.repeat(text[:, None], len(stack), axis=1)
    return path


CETA = {"DetectorName": "BM-Ceta", "DetectorType": "ImagingDetector", "ExposureTime": "0.4"}


def said_by_velox(unit="m", step="1e-11", **optics):
    size = {"width": step, "height": step}
    return {
        "BinaryResult": {"Detector": "BM-Ceta", "PixelSize": size, "PixelUnitX": unit},
        "Detectors": {"Detector-0": CETA},
        "Scan": {"FrameTime": "0.66"},
        "Optics": {"AccelerationVoltage": "300000"} | optics,
    }


@pytest.mark.parametrize(
    ("said", "mode"),
    [
        (said_by_velox(OperatingMode="1", ProjectorMode="1"), "diffraction"),
        (said_by_velox("1/m", "1e8"), "diffraction"),
        (said_by_velox(OperatingMode="1", ProjectorMode="2"), "TEM"),
        (said_by_velox(OperatingMode="2", ProjectorMode="1"), "STEM"),
        (said_by_velox(), None),
    ],
)
def test_velox_tells_diffraction_from_images(tmp_path, stack, said, mode):
    opened = open_foreign(velox(tmp_path / "a.emd", said, stack))
    np.testing.assert_array_equal(read_all(opened), stack)
    assert opened.conditions.imaging_mode == mode
    assert (opened.pixel_size is None) == (mode == "diffraction")
    assert opened.conditions.voltage_kV == 300
    assert opened.frame_time.value == 0.4  # of the camera, not of the scan before


def test_a_signal_of_diffraction_is_believed(tmp_path, stack):
    metadata = {"Signal": {"signal_type": "electron_diffraction"}}
    for kind in ("hspy", "zspy"):
        opened = open_foreign(write(kind, tmp_path / f"a.{kind}", stack, **metadata))
        assert opened.conditions.imaging_mode == "diffraction"
        assert opened.pixel_size is None


def test_real_files_are_read_as_rosettasciio_reads_them(shared_data):
    for name, module in (
        ("graphene_defect_raw.dm3", "digitalmicrograph"),
        ("fei_example_tem_stack.emd", "emd"),
        ("Camera Ceta Imaging Micro.emd", "emd"),
    ):
        path = shared_data(name)
        (theirs,) = importlib.import_module(f"rsciio.{module}").file_reader(str(path))
        opened = open_foreign(path)
        np.testing.assert_array_equal(read_all(opened), theirs["data"].reshape(opened.frames.shape))
