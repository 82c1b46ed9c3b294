"""DM3 and DM4 files, written by hand by the description of the format."""

from __future__ import annotations

import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_beamwatch import open_movie
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.foreign import open_foreign

KINDS = {"i2": 2, "i4": 3, "u2": 4, "u4": 5, "f4": 6, "f8": 7, "u1": 8, "i1": 10}
TYPES = {"i2": 1, "f4": 2, "u1": 6, "i4": 7, "i1": 9, "u2": 10, "u4": 11, "f8": 12}


def write_dm(path: Path, tags: dict[str, Any], little: bool = True) -> Path:
    """Write nested tags; numbers are f8 or u4, texts and arrays arrays, lists have no names."""
    wide = path.suffix == ".dm4"
    word = ">Q" if wide else ">I"
    order = "<" if little else ">"

    def data(*kind: int, value: bytes) -> bytes:
        return b"%%%%" + struct.pack(f">{len(kind) + 1}{word[1]}", len(kind), *kind) + value

    def encoded(value: Any) -> tuple[int, bytes]:
        if isinstance(value, dict | list):
            return 20, group(value)
        if isinstance(value, str):
            text = value.encode("utf-16-le" if little else "utf-16-be")
            return 21, data(20, 4, len(text) // 2, value=text)
        if isinstance(value, np.ndarray):
            kind = KINDS[value.dtype.str[1:]]
            flat = value.astype(value.dtype.newbyteorder(order))
            return 21, data(20, kind, value.size, value=flat.tobytes())
        if isinstance(value, int):
            return 21, data(5, value=struct.pack(f"{order}I", value))
        return 21, data(7, value=struct.pack(f"{order}d", value))

    def group(tree: dict[str, Any] | list[Any]) -> bytes:
        items = tree.items() if isinstance(tree, dict) else [("", one) for one in tree]
        out = b"\1\0" + struct.pack(word, len(tree))
        for name, value in items:
            kind, body = encoded(value)
            label = name.encode("latin-1")
            out += struct.pack(">BH", kind, len(label)) + label
            out += (struct.pack(">Q", len(body)) if wide else b"") + body
        return out

    root = group(tags)
    path.write_bytes(struct.pack(">I", 4 if wide else 3) + struct.pack(word, len(root))
                     + struct.pack(">I", int(little)) + root)  # fmt: skip
    return path


def image(frames: np.ndarray, unit: str = "nm", scale: float = 0.0125, **tags: Any) -> dict:
    steps = [(scale, unit), (scale, unit), (0.5, "s")][: frames.ndim]
    return {
        "ImageData": {
            "Calibrations": {
                "Dimension": [{"Origin": 0.0, "Scale": step, "Units": one} for step, one in steps]
            },
            "Data": frames,
            "DataType": TYPES[frames.dtype.str[1:]],
            "Dimensions": [int(n) for n in reversed(frames.shape)],
        },
        "ImageTags": tags,
        "Name": "movie",
    }


def read_all(recording):
    source = recording.frames
    return np.stack([source.read(t) for t in range(source.shape[0])])


@pytest.mark.parametrize("ending", ["dm3", "dm4"])
@pytest.mark.parametrize("little", [True, False])
@pytest.mark.parametrize("dtype", ["u1", "u2", "i4", "f4"])
def test_stacks_are_read_to_the_bit(tmp_path, stack, ending, little, dtype):
    thumbnail = image(np.ones((8, 8), "u1"))
    tags = {
        "ApplicationBounds": np.arange(4.0),
        "ImageList": [thumbnail, image(stack.astype(dtype), Acquisition={
            "Device": {"Name": "K3"}}, **{"Microscope Info": {
                "Voltage": 200000.0, "Indicated Magnification": 8e5, "Name": "Titan",
                "Illumination Mode": "TEM", "Imaging Mode": "MAG1",
                "Stage Position": {"Stage Alpha": -2.5}}})],
        "Thumbnails": [{"ImageIndex": 0}],
    }  # fmt: skip
    opened = open_foreign(write_dm(tmp_path / f"a.{ending}", tags, little))
    np.testing.assert_array_equal(read_all(opened), stack.astype(dtype))
    assert opened.frames.dtype.isnative
    assert opened.pixel_size.value == pytest.approx(0.125)
    assert opened.frame_time.value == pytest.approx(0.5)
    assert opened.conditions.stated() == {
        "voltage_kV": 200, "magnification": 8e5, "microscope": "Titan", "camera": "K3",
        "imaging_mode": "TEM", "tilt_deg": -2.5,
    }  # fmt: skip
    copy = pickle.loads(pickle.dumps(opened.frames))
    np.testing.assert_array_equal(copy.read_rows(3, 2, 5), stack[3, 2:5].astype(dtype))


def test_the_tags_of_a_stack_calibrate_it(tmp_path, stack):
    microscope = {
        "Voltage": 300000.0, "Indicated Magnification": 4e5, "Illumination Mode": "TEM",
        "Stage Position": {"Stage Alpha": 3.5},
    }  # fmt: skip
    tags = {"ImageList": [image(stack, scale=0.0062, **{"Microscope Info": microscope})]}
    movie = open_movie(write_dm(tmp_path / "a.dm4", tags), dose_rate=20.0, pre_exposure=5.0)
    known = movie.conditions
    found = [
        movie.pixel_size, movie.times[0], movie.times[-1], movie.frame_dose[0], movie.dose[0],
        movie.dose[-1], movie.dose_rate, known.voltage_kV, known.magnification, known.tilt_deg,
    ]  # fmt: skip
    assert found == pytest.approx([0.062, 0.5, 2.5, 10, 15, 55, 20, 300, 4e5, 3.5], rel=0.01)


def scope(**said: str) -> dict[str, Any]:
    names = {name.replace("_", " "): value for name, value in said.items()}
    return {"Microscope Info": names}


@pytest.mark.parametrize(
    ("said", "mode"),
    [
        (scope(Illumination_Mode="TEM", Imaging_Mode="DIFFRACTION"), "diffraction"),
        (scope(Illumination_Mode="TEM", Operation_Mode="DIFFRACTION"), "diffraction"),
        (scope(Imaging_Mode="Diffraction"), "diffraction"),
        (scope(Illumination_Mode="TEM", Imaging_Mode="MAG1"), "TEM"),
        # The projector of a scanning microscope always shows diffraction.
        (scope(Illumination_Mode="STEM NANOPROBE", Imaging_Mode="DIFFRACTION"), "STEM"),
        (scope(Operation_Mode="SCANNING", Imaging_Mode="DIFFRACTION"), "STEM"),
        ({**scope(Imaging_Mode="DIFFRACTION"), "DigiScan": {"Flyback Time": 1.0}}, "STEM"),
        ({}, None),
    ],
)
def test_a_file_that_says_it_is_diffraction_is_believed(tmp_path, stack, said, mode):
    path = write_dm(tmp_path / "a.dm4", {"ImageList": [image(stack, **said)]})
    opened = open_foreign(path)
    assert opened.conditions.imaging_mode == mode
    assert (opened.pixel_size is None) == (mode == "diffraction")


def test_reciprocal_axes_are_diffraction(tmp_path, stack):
    path = write_dm(tmp_path / "a.dm4", {"ImageList": [image(stack, "1/nm", 0.1)]})
    opened = open_foreign(path)
    assert opened.conditions.imaging_mode == "diffraction"
    assert opened.pixel_size is None


@pytest.mark.parametrize("dimensions", [[18, 12, 10**8], [10**5, 10**5, 5], [2**31, 2**31, 2**31],
                                        [18, 12, 6], [18, 12, 0], [0, 0, 0]])  # fmt: skip
def test_more_pixels_than_the_file_holds_are_refused(tmp_path, stack, dimensions):
    one = image(stack)
    one["ImageData"]["Dimensions"] = [min(n, 2**32 - 1) for n in dimensions]
    with pytest.raises(BeamwatchError, match=r"broken|holds no pixels|not images"):
        open_foreign(write_dm(tmp_path / "a.dm4", {"ImageList": [one]}))


@pytest.mark.parametrize(("code", "said"), [(3, "complex"), (5, "complex"), (27, "complex"),
                                            (23, "colour"), (99, "not real numbers")])  # fmt: skip
def test_what_is_no_image_of_real_numbers_is_refused(tmp_path, stack, code, said):
    one = image(stack)
    one["ImageData"]["DataType"] = code
    with pytest.raises(BeamwatchError, match=said):
        open_foreign(write_dm(tmp_path / "a.dm4", {"ImageList": [one]}))


def test_spectra_are_refused(tmp_path, stack):
    with pytest.raises(BeamwatchError, match="spectra"):
        open_foreign(write_dm(tmp_path / "a.dm3", {"ImageList": [image(stack, "eV")]}))


@pytest.mark.parametrize("tags", [{}, {"ImageList": []}, {"ImageList": 7.0}, {"ImageList": [1, 2]}])
def test_tags_without_an_image_are_refused(tmp_path, tags):
    with pytest.raises(BeamwatchError, match="no images"):
        open_foreign(write_dm(tmp_path / "a.dm4", tags))
