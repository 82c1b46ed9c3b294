"""TIA's ``.ser`` series, and the ``.emi`` file beside them that knows the microscope.

Read here by hand although rosettasciio knows the format: that reads a whole series at
opening, and again for every frame.

References
----------
1. Boothroyd C. "The TIA (Emispec) file format", description of ``.ser`` files.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np
from defusedxml.ElementTree import fromstring
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.foreign_errors import explained, file_size
from napari_beamwatch.movies.formats.raw_frames import RawFrames, UpsideDown, broken_off, read_bytes
from napari_beamwatch.movies.plausible import believable, believable_pixel_size
from napari_beamwatch.movies.recording import Recording, Stated, stated_conditions

_SERIES = 0x0197
_IMAGES, _SPECTRA = 0x4122, 0x4120
_TYPES = {1: "u1", 2: "u2", 3: "u4", 4: "i1", 5: "i2", 6: "i4", 7: "f4", 8: "f8"}
_ELEMENT = np.dtype(
    [
        ("offset_x", "<f8"), ("step_x", "<f8"), ("at_x", "<i4"),
        ("offset_y", "<f8"), ("step_y", "<f8"), ("at_y", "<i4"),
        ("type", "<i2"), ("width", "<i4"), ("height", "<i4"),
    ]
)  # fmt: skip
LARGEST_EMI = 2**28


@dataclass(frozen=True)
class _Series:
    starts: NDArray[np.int64]
    promised: int
    element: Any


def open_ser(path: Path) -> Recording:
    """Frames of a ``.ser`` file; its ``.emi`` file is read for conditions if it is there."""
    path = Path(path)
    size = file_size(path, "a SER file")
    name = str(path)
    with explained(path, "a SER file"):
        series = _series(path, size)
        element = series.element
        width, height = int(element["width"]), int(element["height"])
        stored = np.dtype("<" + _TYPES[int(element["type"])])
        warnings: list[str] = []
        if len(series.starts) < series.promised:
            warnings.append(broken_off(series.promised, len(series.starts)))
        frames = UpsideDown(RawFrames(name, stored, series.starts, height, width))
        x, y = float(element["step_x"]) * 1e10, float(element["step_y"]) * 1e10
        pixel_size, said = believable_pixel_size(x, "SER header")
        if pixel_size is not None and (not np.isfinite(y) or abs(y / x - 1) > 0.01):
            pixel_size = None
            said = (f"the pixel sizes along x ({x:g} Å) and y ({y:g} Å) differ: neither is used",)
        recording = Recording(
            frames=frames,
            path=name,
            pixel_size=pixel_size,
            warnings=(*warnings, *said),
            notes=("shown as TIA shows it: the first row in the file is the lowest",),
        )
    emi = path.with_name(re.sub(r"_\d+$", "", path.stem) + ".emi")
    return _with_emi(recording, emi, path) if emi.is_file() else recording


def open_emi(path: Path) -> Recording:
    """The series beside an ``.emi`` file; the pixels are in the ``.ser`` file."""
    path = Path(path)
    file_size(path, "an EMI file")
    series = sorted(path.parent.glob(f"{_escaped(path.stem)}_*.ser"))
    if not series:
        raise BeamwatchError(
            f"{path} holds no pixels itself: they are in {path.stem}_1.ser, which is not beside it"
        )
    if len(series) > 1:
        raise BeamwatchError(
            f"{path} has {len(series)} series: open one of them, "
            + ", ".join(one.name for one in series)
        )
    return open_ser(series[0])


def _escaped(name: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", name)


def _series(path: Path, size: int) -> _Series:
    head = read_bytes(path, 0, 34)
    if len(head) < 30 or head[:2] != b"II" or int.from_bytes(head[2:4], "little") != _SERIES:
        raise BeamwatchError(f"{path} is not a SER file: it does not begin like one")
    version = int.from_bytes(head[4:6], "little")
    kind, _, total, valid = (int(n) for n in np.frombuffer(head, "<i4", 4, 6))
    if kind == _SPECTRA:
        raise BeamwatchError(f"{path} holds spectra, not images")
    if kind != _IMAGES:
        raise BeamwatchError(f"{path} is not a SER file of images (data type {kind:#x})")
    wide = version >= 0x220
    table = int.from_bytes(head[22 : 30 if wide else 26], "little")
    step = 8 if wide else 4
    count = min(valid, total) if total > 0 else valid
    if count < 1:
        raise BeamwatchError(f"{path} holds no frames: its header says {count}")
    if table + step > size or count * step > size:
        raise BeamwatchError(f"{path} is broken: its table of frames lies beyond its end")
    raw = read_bytes(path, table, count * step)
    offsets = np.frombuffer(raw[: len(raw) // step * step], f"<u{step}")
    if len(offsets) == 0 or int(offsets[0]) + _ELEMENT.itemsize > size:
        raise BeamwatchError(f"{path} is broken: its first frame lies beyond its end")
    element = np.frombuffer(read_bytes(path, int(offsets[0]), _ELEMENT.itemsize), _ELEMENT)[0]
    kind_of_pixel = int(element["type"])
    if kind_of_pixel in (9, 10):
        raise BeamwatchError(f"{path} holds complex numbers, not images")
    width, height = int(element["width"]), int(element["height"])
    if kind_of_pixel not in _TYPES or width < 1 or height < 1:
        raise BeamwatchError(
            f"{path} is broken: frames of {width} by {height} pixels of type {kind_of_pixel}"
        )
    nbytes = width * height * np.dtype(_TYPES[kind_of_pixel]).itemsize
    starts = offsets.astype(np.float64) + _ELEMENT.itemsize  # u8 beyond i8 must not wrap
    bad = np.flatnonzero(starts + nbytes > size)
    whole = int(bad[0]) if len(bad) else len(starts)
    if whole == 0:
        raise BeamwatchError(
            f"{path} breaks off before the end of its first frame (an interrupted copy?)"
        )
    _check_alike(path, offsets[:whole], element)
    return _Series(offsets[:whole].astype(np.int64) + _ELEMENT.itemsize, count, element)


def _check_alike(path: Path, offsets: NDArray[Any], element: Any) -> None:
    """Frames of another size or type further on would be read as noise."""
    looked_at = np.unique(np.linspace(0, len(offsets) - 1, min(len(offsets), 512)).astype(int))
    with open(path, "rb") as file:
        for i in looked_at:
            file.seek(int(offsets[i]))
            other = np.frombuffer(file.read(_ELEMENT.itemsize), _ELEMENT)[0]
            if any(other[field] != element[field] for field in ("type", "width", "height")):
                raise BeamwatchError(
                    f"{path}: frame {i} has another size or type of pixel than the first"
                )


def _with_emi(recording: Recording, emi: Path, ser: Path) -> Recording:
    """Conditions out of the XML inside an ``.emi`` file; a broken one only costs a warning."""
    try:
        with explained(emi, "an EMI file"):
            info = _object_info(emi, ser)
    except BeamwatchError as error:
        return replace(recording, warnings=(*recording.warnings, str(error)))
    if info is None:
        return recording
    said = {}
    for data in info.iterfind("ExperimentalDescription/Root/Data"):
        said[(data.findtext("Label") or "").strip()] = data.findtext("Value")
    mode = (said.get("Mode") or "").strip()
    diffraction = "Diffraction" in mode
    conditions, origins = stated_conditions(
        {
            "voltage_kV": believable(_number(said.get("High tension")), 1, 4000),
            "magnification": believable(_number(said.get("Magnification")), 1, 1e8),
            "imaging_mode": "diffraction" if diffraction else _first_word(mode),
            "camera": _text(info.findtext("AcquireInfo/CameraNamePath")),
            "microscope": _text((said.get("Microscope") or "").replace("Microscope ", "", 1)),
            "recorded": _date(info.findtext("AcquireDate")),
        },
        "EMI file",
    )
    exposure = believable(_number(info.findtext("AcquireInfo/DwellTimePath")), 1e-6, 1e5)
    one = recording.frames.shape[0] == 1
    return replace(
        recording,
        pixel_size=None if diffraction else recording.pixel_size,
        frame_time=Stated(exposure, "EMI file, exposure") if exposure and one else None,
        conditions=conditions,
        condition_origins=origins,
        notes=(*recording.notes, "diffraction: no pixel size") if diffraction else recording.notes,
    )


def _object_info(emi: Path, ser: Path) -> Element | None:
    if file_size(emi, "an EMI file") > LARGEST_EMI:
        raise BeamwatchError(f"{emi} is too large to be searched for conditions")
    found = re.findall(rb"<ObjectInfo>.*?</ObjectInfo>", emi.read_bytes(), re.DOTALL)
    number = re.search(r"_(\d+)$", ser.stem)
    which = int(number.group(1)) - 1 if number else 0
    if not 0 <= which < len(found):
        return None
    info: Element = fromstring(found[which].decode("utf-8"), forbid_dtd=True)
    return info


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _text(text: str | None) -> str | None:
    return (text or "").strip() or None


def _first_word(mode: str) -> str | None:
    return mode.split()[0] if mode else None


def _date(text: str | None) -> str | None:
    try:
        return datetime.datetime.strptime(text or "", "%a %b %d %H:%M:%S %Y").isoformat()
    except ValueError:
        return None
