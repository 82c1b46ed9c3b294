"""Files of CEOS's Panta Rhei: a zip of NumPy arrays, of which one holds the pixels.

Versions before 24.03 keep their metadata as a Python pickle, which runs whatever it says and is
never opened here; later ones as JSON.

References
----------
1. RosettaSciIO's documentation of the format ``pantarhei``.
"""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.foreign_errors import LARGEST_FRAME
from napari_beamwatch.movies.formats.npy import LARGEST_HEADER, npy_header
from napari_beamwatch.movies.formats.raw_frames import RawFrames, broken_off
from napari_beamwatch.movies.formats.signals import (
    Opened,
    Roles,
    Said,
    Signal,
    SignalAxis,
    number,
    text,
)
from napari_beamwatch.movies.formats.unpacked import UnpackedFrames, unpack_deflated
from napari_beamwatch.movies.formats.zarr_store import Zip
from napari_beamwatch.movies.frames import FrameSource

DATA = "data.npy"
LARGEST_METADATA = 2**24
"""Bytes, at four a letter."""

_SCANNED = ("ScanX", "ScanY", "Index", "PlotIndex")


def prz_signals(path: Path) -> list[Signal]:
    """The one array of a file."""
    if not zipfile.is_zipfile(path):
        raise BeamwatchError(f"{path} is not a .prz file: it is no zip file")
    store = Zip.of(path)
    head = store.read(DATA, 0, LARGEST_HEADER)
    if head is None:
        raise BeamwatchError(f"{path} is not a .prz file: it holds no {DATA}")
    shape, fortran, dtype, start = npy_header(path, head)
    if fortran and len(shape) > 1:
        raise BeamwatchError(f"{path} is stored in Fortran order, which is not read")
    if any(not 0 <= n < 2**48 for n in shape):
        raise BeamwatchError(f"{path} has a broken header: an array of shape {shape}")
    said = _metadata(path, store)
    warnings: tuple[str, ...] = ()
    if said is None and "meta_data.npy" in store.entries:
        warnings = (
            f"the metadata of {path.name} are a Python pickle, which is not opened because it "
            "could run anything: give pixel_size and the conditions, or save it anew with Panta "
            "Rhei 24.03 or later",
        )
    known = said or {}
    member = _Member(path, store, dtype, shape, start)
    return [
        Signal(
            dataset="data",
            title=(text(known.get("repo_id")) or path.stem).split(".")[0],
            dtype=dtype,
            axes=_axes(known, shape),
            open=member.opened,
            said=_said(known),
            warnings=warnings,
        )
    ]


@dataclass(frozen=True, eq=False)
class _Member:
    """Where the pixels lie in the zip file."""

    path: Path
    store: Zip
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    start: int

    def opened(self, _: Roles) -> Opened:
        height, width = self.shape[-2:]
        count = math.prod(self.shape[:-2])
        step = height * width * self.dtype.itemsize
        if not 0 < step <= LARGEST_FRAME:
            raise BeamwatchError(f"{self.path} has a broken header: {height} by {width} pixels")
        how, packed, size = self.store.entries[DATA][1:]
        with self.path.open("rb") as file:
            begin = self.store.begin(DATA, file)
        if how == zipfile.ZIP_STORED:
            there = min(size, max(0, self.path.stat().st_size - begin)) - self.start
            self._check(there // step, count)
            first = begin + self.start
            starts = range(first, first + count * step, step)
            return RawFrames(str(self.path), self.dtype, starts, height, width), ()
        if how != zipfile.ZIP_DEFLATED:
            raise BeamwatchError(f"the pixels in {self.path} are packed in a way that is not read")
        copy, _whole = unpack_deflated(
            self.path, begin, packed, lambda _: self.start + count * step
        )
        there = Path(copy.path).stat().st_size - self.start
        self._check(there // step, count)
        starts = range(self.start, self.start + count * step, step)
        frames: FrameSource = RawFrames(copy.path, self.dtype, starts, height, width)
        return UnpackedFrames(frames, copy), ()

    def _check(self, there: int, count: int) -> None:
        if there < count:
            raise BeamwatchError(f"{self.path}: {broken_off(count, max(0, there))}")


def _metadata(path: Path, store: Zip) -> Mapping[str, Any] | None:
    """What the file says of its array; None if it says nothing that is read."""
    stored = store.read("meta_data_json.npy", 0, LARGEST_METADATA + LARGEST_HEADER)
    if stored is None:
        return None
    shape, _, dtype, start = npy_header(path, stored)
    if dtype.kind != "U" or math.prod(shape) != 1 or len(stored) < start + dtype.itemsize:
        raise BeamwatchError(f"{path} describes itself in a way that is not read")
    written = str(np.frombuffer(stored, dtype, 1, start)[0])
    try:
        told = json.loads(written)
    except (ValueError, RecursionError):
        raise BeamwatchError(f"{path} is damaged: its metadata are no JSON") from None
    told = told[0] if isinstance(told, list) and told else told
    return told if isinstance(told, Mapping) else None


def _axes(said: Mapping[str, Any], shape: tuple[int, ...]) -> tuple[SignalAxis, ...]:
    """Calibrations come with x first."""
    calibrations, kinds = (_list(said.get(name)) for name in ("device.calib", "content.types"))
    axes = []
    for place, size in enumerate(reversed(shape)):
        calibration = calibrations[place] if place < len(calibrations) else None
        known = calibration if isinstance(calibration, Mapping) else {}
        factor = number(known.get("pixel_factor", 1.0))
        step = number(known.get("value"))
        kind = kinds[place] if place < len(kinds) else None
        axes.append(
            SignalAxis(
                size,
                None if step is None or factor is None else step * factor,
                text(known.get("unit")) or "",
                navigate=kind in _SCANNED if kinds else place > 1,
            )
        )
    return tuple(reversed(axes))


def _said(said: Mapping[str, Any]) -> Said:
    source = said.get("source.type")
    mode = {"scan_generator": "STEM", "camera": "TEM"}.get(source) if source else None
    key = "scan_driver" if mode == "STEM" else "projector"
    voltage = number(said.get("electron_gun.voltage"))
    return Said(
        voltage=None if voltage is None else voltage / 1000,
        magnification=number(said.get(f"{key}.magnification")),
        mode=mode,
        recorded=text(said.get("acquisition.time")) or text(said.get("camera.time")),
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
