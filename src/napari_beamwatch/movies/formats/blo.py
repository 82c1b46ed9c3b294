"""Block files of NanoMegas: patterns of a scan in precession diffraction."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.foreign_errors import explained, file_size
from napari_beamwatch.movies.formats.raw_frames import (
    RawFrames,
    broken_off,
    read_bytes,
    whole_frames,
)
from napari_beamwatch.movies.plausible import believable
from napari_beamwatch.movies.recording import Recording, stated_conditions

WHAT = "a .blo file"
MAGIC = 0x0102
BEFORE = 6
"""Bytes of a mark and a number before each pattern."""

_HEADER = np.dtype(
    [
        ("id", "S6"), ("magic", "<u2"), ("overview", "<u4"), ("patterns", "<u4"),
        ("unknown", "<u4"), ("side", "<u2"), ("turn", "<u2"), ("nx", "<u2"), ("ny", "<u2"),
        ("scan_turn", "<u2"), ("step_x", "<f8"), ("step_y", "<f8"), ("voltage", "<u4"),
    ]
)  # fmt: skip


def open_blo(path: Path) -> Recording:
    """Patterns in the order of the scan."""
    path = Path(path)
    size = file_size(path, WHAT)
    with explained(path, WHAT):
        raw = read_bytes(path, 0, _HEADER.itemsize)
        if len(raw) < _HEADER.itemsize or raw[:6] != b"IMGBLO":
            raise BeamwatchError(f"{path} is not {WHAT}: it does not begin like one")
        header = np.frombuffer(raw, _HEADER)[0]
        side, start = int(header["side"]), int(header["patterns"])
        rows, columns = int(header["ny"]), int(header["nx"])
        if int(header["magic"]) != MAGIC or side < 2 or start < _HEADER.itemsize:
            raise BeamwatchError(f"{path} has a broken header: patterns of {side} pixels a side")
        step = BEFORE + side * side
        promised = rows * columns
        count = whole_frames(str(path), promised, start, step, size)
    conditions, origins = stated_conditions(
        {
            "imaging_mode": "diffraction",
            "voltage_kV": believable(float(header["voltage"]) / 1000, 1, 4000),
        },
        "file",
    )
    first = start + BEFORE
    starts = range(first, first + count * step, step)
    warnings = [broken_off(promised, count)] if count < promised else []
    if promised > 1:
        warnings.append(
            f"these are patterns of a scan of {rows} by {columns} places, one after the other: "
            "each shows another place, so that a change between frames is no damage by itself"
        )
    return Recording(
        frames=RawFrames(str(path), np.dtype("u1"), starts, side, side),
        path=str(path),
        conditions=conditions,
        condition_origins=origins,
        warnings=tuple(warnings),
        notes=("a .blo file holds diffraction patterns, which have no pixel size",),
    )
