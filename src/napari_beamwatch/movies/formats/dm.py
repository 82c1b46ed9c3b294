"""DM3 and DM4 files of Gatan's DigitalMicrograph."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.dm_tags import Extent, Tags, below, read_tags
from napari_beamwatch.movies.formats.foreign_errors import check_frame_bytes
from napari_beamwatch.movies.formats.gatan_director import director
from napari_beamwatch.movies.formats.raw_frames import RawFrames
from napari_beamwatch.movies.formats.signals import (
    DIFFRACTION,
    SUCCESSIVE,
    Opened,
    Roles,
    Said,
    Signal,
    SignalAxis,
    number,
    text,
)

_TYPES = {
    1: "i2", 2: "f4", 3: "c8", 6: "u1", 7: "i4", 9: "i1", 10: "u2", 11: "u4", 12: "f8", 13: "c16",
    14: "u1", 39: "i8", 40: "u8",
}  # fmt: skip
_COLOUR = (8, 23)
_PACKED_COMPLEX = (5, 27, 28)
MOST_AXES = 8


def dm_signals(path: Path, size: int) -> list[Signal]:
    """Images of a DM file of `size` bytes, without its thumbnails."""
    tags, order = read_tags(path, size)
    thumbnails = {
        str(one.get("ImageIndex")) for one in below(tags, "Thumbnails").values()
        if isinstance(one, Mapping)
    }  # fmt: skip
    signals: list[Signal] = []
    for name, image in below(tags, "ImageList").items():
        if name in thumbnails or not isinstance(image, Mapping):
            continue
        signal = _signal(path, size, len(signals), image, order)
        if signal is not None:
            signals.append(signal)
    if not signals:
        raise BeamwatchError(f"{path} holds no images")
    return signals


def _signal(
    path: Path, size: int, which: int, image: Mapping[str, Any], order: str
) -> Signal | None:
    data = below(image, "ImageData")
    where = data.get("Data")
    lengths = [n for n in below(data, "Dimensions").values() if isinstance(n, int)]
    if not isinstance(where, Extent) or not 1 <= len(lengths) <= MOST_AXES:
        return None
    shape = tuple(reversed(lengths))  # x comes first in the file
    dtype = _dtype(data.get("DataType"), order)
    calibrations = list(below(data, "Calibrations", "Dimension").values())
    axes = []
    for i, n in enumerate(lengths):
        said = calibrations[i] if i < len(calibrations) else {}
        said = said if isinstance(said, Mapping) else {}
        axes.append(SignalAxis(n, number(said.get("Scale")), _text(said.get("Units")) or ""))
    tags = below(image, "ImageTags")
    if isinstance(source := tags.get("source"), Mapping):  # made by the stack builder
        tags = below(source, "Tags at creation") or tags
    signal = Signal(
        dataset=str(which),
        title=_text(image.get("Name")) or "untitled",
        dtype=dtype,
        axes=tuple(reversed(axes)),
        open=_opener(path, size, where, dtype, shape),
        said=_said(tags),
    )
    if len(shape) != 2 or dtype.kind not in "uif":
        return signal
    movie = director(path, dtype, shape, below(tags, "In-situ"))
    signal = replace(signal, warnings=movie.warnings)
    if movie.frames is None:
        return signal
    opened = movie.frames, movie.others
    time = SignalAxis(movie.frames.shape[0], unit=SUCCESSIVE, navigate=True)
    return replace(signal, axes=(time, *signal.axes), open=lambda _: opened)


def _opener(
    path: Path, size: int, where: Extent, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> Callable[[Roles], Opened]:
    def opened(_: Roles) -> Opened:
        height, width = shape[-2:]
        count = math.prod(shape[:-2])
        step = height * width * dtype.itemsize
        check_frame_bytes(path, step, size)
        if count * step > where.nbytes:
            raise BeamwatchError(
                f"{path} has a broken header: {count} frames of {height} by {width} pixels do not "
                f"fit into the {where.nbytes} bytes of its pixels"
            )
        starts = range(where.start, where.start + count * step, step)
        return RawFrames(str(path), dtype, starts, height, width), ()

    return opened


def _dtype(code: Any, order: str) -> np.dtype[Any]:
    if code in _COLOUR:
        return np.dtype([(colour, "u1") for colour in "bgra"])
    if code in _PACKED_COMPLEX:
        return np.dtype("c8")
    return np.dtype(order + _TYPES[code]) if code in _TYPES else np.dtype("V1")


def _said(tags: Tags) -> Said:
    scope = below(tags, "Microscope Info")
    illumination = (_text(scope.get("Illumination Mode")) or "").upper()
    operation = (_text(scope.get("Operation Mode")) or "").upper()
    imaging = (_text(scope.get("Imaging Mode")) or "").upper()
    # The projector of a scanning microscope always shows diffraction.
    scanning = "STEM" in illumination or "SCAN" in operation or "DigiScan" in tags
    mode = "STEM" if scanning else "TEM" if illumination else None
    magnification = number(scope.get("Indicated Magnification"))
    if not scanning and ("DIFF" in imaging or "DIFF" in operation):
        mode, magnification = DIFFRACTION, None  # that number is the camera length
    voltage = number(scope.get("Voltage"))
    bar = below(tags, "DataBar")
    date, time = _text(bar.get("Acquisition Date")), _text(bar.get("Acquisition Time"))
    names = (
        below(tags, "Session Info").get("Microscope"),
        scope.get("Name"),
        scope.get("Microscope"),
    )
    exposures = (
        bar.get("Exposure Time (s)"),
        below(tags, "Acquisition", "Parameters", "High Level").get("Exposure (s)"),
    )
    return Said(
        exposure=next((number(one) for one in exposures if number(one) is not None), None),
        voltage=None if voltage is None else voltage / 1000,
        magnification=magnification,
        mode=mode,
        camera=_text(below(tags, "Acquisition", "Device").get("Name")),
        microscope=next((_text(name) for name in names if _text(name)), None),
        specimen=_text(below(tags, "Session Info").get("Specimen")),
        recorded=f"{date} {time}" if date and time else date,
        tilt=number(below(scope, "Stage Position").get("Stage Alpha")),
    )


def _text(value: Any) -> str | None:
    return text(value.text if isinstance(value, Extent) else value)
