"""A writer of small DigitalMicrograph files, since no library writes them."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHORT, LONG, USHORT, ULONG, FLOAT, DOUBLE, BOOL = 2, 3, 4, 5, 6, 7, 8
ARRAY = 20
_LETTERS = {SHORT: "h", LONG: "i", USHORT: "H", ULONG: "I", FLOAT: "f", DOUBLE: "d", BOOL: "B"}
_OF_PIXELS = {"uint16": (USHORT, 10), "float32": (FLOAT, 2)}

Tag = tuple[int, Any] | str | NDArray[Any] | Mapping[str, Any]


def write_dm(path: Path, array: NDArray[Any], version: int) -> None:
    """Frames (t, y, x) or (y, x) as a DM3 or DM4 file."""
    kind = _OF_PIXELS[array.dtype.name][1]
    sizes = array.shape[::-1]
    steps = [(0.05, "nm"), (0.05, "nm"), (0.5, "s")][: array.ndim]
    image = {
        "ImageData": {
            "Calibrations": {
                "Brightness": {"Origin": (FLOAT, 0.0), "Scale": (FLOAT, 1.0), "Units": ""},
                "Dimension": {
                    f"#{i}": {"Origin": (FLOAT, 0.0), "Scale": (FLOAT, step), "Units": unit}
                    for i, (step, unit) in enumerate(steps)
                },
            },
            "Data": array,
            "DataType": (ULONG, kind),
            "Dimensions": {f"#{i}": (ULONG, n) for i, n in enumerate(sizes)},
            "PixelDepth": (ULONG, array.itemsize),
        },
        "ImageTags": {
            "Microscope Info": {
                "Voltage": (DOUBLE, 300000.0),
                "Indicated Magnification": (DOUBLE, 800000.0),
                "Operation Mode": "IMAGING",
            },
            "Acquisition": {"Device": {"Name": "K3"}, "Parameters": {}},
            "DataBar": {"Acquisition Date": "5/1/2024", "Exposure Time (s)": (DOUBLE, 0.5)},
        },
        "Name": "movie",
    }
    tags = {
        "DocumentObjectList": {"#0": {"ImageSource": (ULONG, 0)}},
        "ImageList": {"#0": image},
        "ImageSourceList": {"#0": {"ClassName": "ImageSource:Simple", "ImageRef": (ULONG, 0)}},
        "InImageMode": (ULONG, 1),
    }
    wide = version == 4
    body = _group(tags, wide) + b"\0" * 8
    size = struct.pack(">Q" if wide else ">I", len(body))
    path.write_bytes(struct.pack(">I", version) + size + struct.pack(">I", 1) + body)


def _group(tags: Mapping[str, Any], wide: bool) -> bytes:
    body = b"".join(_tag("" if name[0] == "#" else name, tag, wide) for name, tag in tags.items())
    return b"\0\1" + _word(len(tags), wide) + body


def _tag(name: str, tag: Tag, wide: bool) -> bytes:
    if isinstance(tag, Mapping):
        kind, body = 20, _group(tag, wide)
    else:
        kind, body = 21, _data(tag, wide)
    size = struct.pack(">Q", len(body)) if wide else b""
    return struct.pack(">BH", kind, len(name)) + name.encode() + size + body


def _data(tag: Any, wide: bool) -> bytes:
    if isinstance(tag, str):
        tag = np.frombuffer(tag.encode("utf-16-le"), np.uint16)
    if isinstance(tag, np.ndarray):
        words = [ARRAY, _OF_PIXELS[tag.dtype.name][0], tag.size]
        raw = tag.tobytes()
    else:
        kind, value = tag
        words, raw = [kind], struct.pack("<" + _LETTERS[kind], value)
    said = b"".join(_word(word, wide) for word in words)
    return b"%%%%" + _word(len(words), wide) + said + raw


def _word(value: int, wide: bool) -> bytes:
    return struct.pack(">Q" if wide else ">I", value)
