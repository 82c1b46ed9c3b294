"""Merlin Image Binary: frames of Quantum Detectors' Medipix cameras, a text before each.

References
----------
1. Quantum Detectors, "Merlin Detector System User Manual", data format MQ1.
"""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.foreign_errors import check_frame_bytes, explained, file_size
from napari_beamwatch.movies.formats.raw_frames import (
    RawFrames,
    UpsideDown,
    broken_off,
    read_bytes,
    whole_frames,
)
from napari_beamwatch.movies.plausible import FRAME_TIME, believable
from napari_beamwatch.movies.recording import Recording, Stated, stated_conditions

WHAT = "a Merlin .mib file"
SHORTEST_HEADER, LONGEST_HEADER = 384, 2**16
LEAST_FIELDS = 11
_TYPES = {"U08": "u1", "U16": ">u2", "U32": ">u4"}
_NANOSECONDS = re.compile(r"(\d{1,15})ns")


def open_mib(path: Path) -> Recording:
    """All frames of a file, the first row of the file lowest."""
    path = Path(path)
    size = file_size(path, WHAT)
    with explained(path, WHAT):
        fields = _fields(path, 0, SHORTEST_HEADER)
        if fields[0] != "MQ1":
            raise BeamwatchError(f"{path} is not {WHAT}: it does not begin like one")
        head, width, height = (_number(path, fields, i) for i in (2, 4, 5))
        fields = _fields(path, 0, head)
        kind = fields[6].strip()
        if kind == "R64":
            raise BeamwatchError(
                f"{path} was saved raw (R64), in the order of the chip's registers: save it "
                "processed (U08, U16 or U32)"
            )
        if kind not in _TYPES or not SHORTEST_HEADER <= head <= LONGEST_HEADER:
            raise BeamwatchError(f"{path} has a broken header: pixels of {kind!r}, {head} bytes")
        stored = np.dtype(_TYPES[kind])
        pixels = height * width * stored.itemsize
        check_frame_bytes(path, pixels, size)
        if pixels == 0:
            raise BeamwatchError(f"{path} has a broken header: {width} by {height} pixels")
        step = head + pixels
        there = -(-size // step)  # how many there should be is not said
        count = whole_frames(str(path), there, 0, step, size)
        last = _fields(path, (count - 1) * step, head)
    starts = range(head, head + count * step, step)
    exposure = _exposure(fields)
    begun, ended = _moment(fields), _moment(last)
    conditions, origins = stated_conditions(
        {
            "camera": f"Merlin, {fields[3].lstrip('0') or '?'} chips",
            "recorded": None if begun is None else begun.isoformat(timespec="seconds"),
        },
        "Merlin header",
    )
    return Recording(
        frames=UpsideDown(RawFrames(str(path), stored, starts, height, width)),
        path=str(path),
        frame_time=_frame_time(begun, ended, count, exposure),
        conditions=conditions,
        condition_origins=origins,
        warnings=(broken_off(there, count),) if count < there else (),
        notes=("rows are shown from the last to the first, as other programs show them",),
    )


def _fields(path: Path, start: int, most: int) -> list[str]:
    text = read_bytes(path, start, min(most, LONGEST_HEADER)).decode("latin-1")
    fields = text.split(",")
    if len(fields) < LEAST_FIELDS:
        raise BeamwatchError(f"{path} is not {WHAT}: its header has {len(fields)} fields")
    return fields


def _number(path: Path, fields: list[str], which: int) -> int:
    text = fields[which].strip()
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise BeamwatchError(f"{path} has a broken header: {text[:20]!r} is no number")
    return int(text)


def _exposure(fields: list[str]) -> float | None:
    """Seconds; newer headers repeat them in ns, with more digits."""
    for field in fields[LEAST_FIELDS:]:
        if found := _NANOSECONDS.fullmatch(field.strip()):
            return believable(int(found.group(1)) * 1e-9, *FRAME_TIME)
    try:
        return believable(float(fields[10]), *FRAME_TIME)
    except ValueError:
        return None


def _moment(fields: list[str]) -> datetime.datetime | None:
    """When a frame was taken, by its last time stamp that can be read."""
    for field in (*reversed(fields[LEAST_FIELDS:]), fields[9]):
        if len(field) >= len("2020-01-01T00:00:00"):
            try:
                return datetime.datetime.fromisoformat(field.strip())
            except ValueError:
                continue
    return None


def _frame_time(
    begun: datetime.datetime | None,
    ended: datetime.datetime | None,
    count: int,
    exposure: float | None,
) -> Stated | None:
    """By the stamps of the first and the last frame, which the readout between frames lengthens."""
    if begun is not None and ended is not None and count > 1:
        try:
            step = (ended - begun).total_seconds() / (count - 1)
        except TypeError:  # one with a time zone, one without
            step = 0.0
        if believable(step, *FRAME_TIME) and (exposure is None or step > 0.9 * exposure):
            return Stated(step, "time stamps of the frames")
    return None if exposure is None else Stated(exposure, "exposure in the Merlin header")
