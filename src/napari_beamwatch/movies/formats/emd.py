"""EMD files: those of Velox, and those after the specification of Berkeley.

References
----------
1. The EMD specification, https://emdatasets.com/format
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.extras import optional
from napari_beamwatch.movies.formats.hdf5_frames import frames_at, stored_array
from napari_beamwatch.movies.formats.hdf5_objects import (
    Hdf5Group,
    attribute,
    datasets,
    linked,
    member,
    opened,
)
from napari_beamwatch.movies.formats.signals import (
    DIFFRACTION,
    Opened,
    Roles,
    Said,
    Signal,
    SignalAxis,
    number,
    text,
)
from napari_beamwatch.movies.formats.stored_arrays import Index, read_small

MOST_SIGNALS = 1000
LONGEST_METADATA = 2**22
"""Bytes of what Velox says of an image."""

_BERKELEY = ("data", "counted_datacube", "datacube", "diffractionslice", "realslice")
_TEM, _DIFFRACTION = "1", "1"
"""Velox's numbers of the operating mode, and of the projector's mode."""


def emd_signals(path: Path) -> list[Signal]:
    """Images of an EMD file of either kind."""
    with opened(path) as file:
        top = Hdf5Group(file).child("Data")
        images = None if top is None else top.child("Image")
        signals = _berkeley(path, file) if images is None else _velox(path, images)
        if not signals:
            links = linked(file)
            where = f"; its links are not followed: {', '.join(links)}" if links else ""
            raise BeamwatchError(f"{path} holds no images of Velox or after Berkeley{where}")
    return signals


def _opener(path: Path, dataset: str) -> Callable[[Roles], Opened]:
    return lambda roles: frames_at(path, dataset, roles)


def _velox(path: Path, images: Hdf5Group) -> list[Signal]:
    h5py = optional("h5py", "EMD files")
    signals = []
    for name in images.names()[:MOST_SIGNALS]:
        image = images.child(name)
        data = None if image is None else member(image.group, "Data")
        if image is None or not isinstance(data, h5py.Dataset):
            continue
        said = _velox_metadata(path, member(image.group, "Metadata"))
        shape = tuple(int(n) for n in data.shape or ())
        signals.append(
            Signal(
                dataset=str(data.name),
                title=text(_dig(said, "BinaryResult.Detector")) or "untitled",
                dtype=data.dtype,
                axes=_velox_axes(said, shape),
                open=_opener(path, str(data.name)),
                shown=(2, 0, 1) if len(shape) == 3 else (),
                said=_velox_said(said),
            )
        )
    return signals


def _velox_metadata(path: Path, data: Any) -> Mapping[str, Any]:
    """What Velox says of the first frame: text in a column of bytes for each frame."""
    if data is None or len(getattr(data, "shape", None) or ()) != 2:
        return {}
    array = stored_array(path, data)
    rows = min(array.shape[0], LONGEST_METADATA)
    column = read_small(array, (0, 0), (rows, 1)).tobytes().split(b"\0", 1)[0]
    try:
        said = json.loads(column.decode("utf-8", "replace")) if column else {}
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _velox_axes(said: Mapping[str, Any], shape: Index) -> tuple[SignalAxis, ...]:
    unit = text(_dig(said, "BinaryResult.PixelUnitX")) or ""
    height, width = (
        number(_dig(said, f"BinaryResult.PixelSize.{side}")) for side in ("height", "width")
    )
    steps = [(height, unit), (width, unit), (_velox_frame_time(said), "s")]
    return tuple(
        SignalAxis(n, *(steps[i] if i < 3 else (None, "")), navigate=i == 2)
        for i, n in enumerate(shape)
    )


def _velox_detector(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """The detector that took the image."""
    named = _dig(said, "BinaryResult.Detector")
    detectors = _dig(said, "Detectors")
    for detector in detectors.values() if isinstance(detectors, Mapping) else ():
        if isinstance(detector, Mapping) and named and detector.get("DetectorName") == named:
            return detector
    found = _dig(said, f"Detectors.Detector-{_dig(said, 'BinaryResult.DetectorIndex')}")
    return found if isinstance(found, Mapping) else {}


def _velox_frame_time(said: Mapping[str, Any]) -> float | None:
    """Exposure of a camera; the time of a scan for other detectors."""
    detector = _velox_detector(said)
    scan = number(_dig(said, "Scan.FrameTime"))
    exposure = number(detector.get("ExposureTime"))
    if detector.get("DetectorType") == "ScanningDetector" or exposure is None:
        return scan
    return exposure


def _velox_said(said: Mapping[str, Any]) -> Said:
    optics = "Optics."
    mode = None
    operating = text(_dig(said, optics + "OperatingMode"))
    if operating is not None:
        mode = "TEM" if operating == _TEM else "STEM"
    if mode == "TEM" and text(_dig(said, optics + "ProjectorMode")) == _DIFFRACTION:
        mode = DIFFRACTION
    voltage = number(_dig(said, optics + "AccelerationVoltage"))
    begun = number(_dig(said, "Acquisition.AcquisitionStartDatetime.DateTime"))
    recorded = None
    if begun and 0 < begun < 2**32:
        moment = datetime.datetime.fromtimestamp(begun, datetime.UTC)
        recorded = moment.isoformat(timespec="seconds")
    return Said(
        exposure=number(_velox_detector(said).get("ExposureTime")),
        voltage=None if voltage is None else voltage / 1000,
        magnification=number(_dig(said, "CustomProperties.StemMagnification.value")),
        mode=mode,
        camera=text(_dig(said, "BinaryResult.Detector")),
        microscope=text(_dig(said, "Instrument.InstrumentClass")),
        recorded=recorded,
    )


def _dig(tree: Any, path: str) -> Any:
    for name in path.split("."):
        if not isinstance(tree, Mapping) or name not in tree:
            return None
        tree = tree[name]
    return tree


def _berkeley(path: Path, file: Any) -> list[Signal]:
    signals: list[Signal] = []
    for name, data in datasets(file):
        group = data.parent
        kind = name.rsplit("/", 1)[-1]
        if not kind.startswith(_BERKELEY) or not attribute(group, "emd_group_type"):
            continue
        if len(signals) >= MOST_SIGNALS:
            break
        shape = tuple(int(n) for n in data.shape or ())
        first = 0 if member(group, "dim0") is not None else 1
        turned = first == 1 and kind != "datacube"  # x first
        signals.append(
            Signal(
                dataset=name,
                title=str(group.name).rsplit("/", 1)[-1] or "untitled",
                dtype=data.dtype,
                axes=tuple(
                    _berkeley_axis(path, member(group, f"dim{first + i}"), n)
                    for i, n in enumerate(shape)
                ),
                open=_opener(path, name),
                shown=tuple(reversed(range(len(shape)))) if turned else (),
                said=Said(mode=DIFFRACTION if kind.startswith("diffractionslice") else None),
            )
        )
    return signals


def _berkeley_axis(path: Path, dim: Any, size: int) -> SignalAxis:
    """Step and unit from the list of an axis's values."""
    n = (getattr(dim, "shape", None) or (0,))[0]
    if dim is None or len(getattr(dim, "shape", ())) != 1 or n < 1:
        return SignalAxis(size)
    said = text(attribute(dim, "units")) or ""
    parts = re.findall(r"\[([^\[\]]{1,40})\]", said)
    unit = " * ".join(part.replace("_", "") for part in parts) if parts else said
    if n < 2 or np.dtype(dim.dtype).kind not in "uif":
        return SignalAxis(size, None, unit)
    values = stored_array(path, dim)
    first, last = (float(read_small(values, (i,), (i + 1,))[0]) for i in (0, n - 1))
    return SignalAxis(size, number((last - first) / (n - 1)), unit)
