"""TVIPS streams: ``name_000.tvips`` and the parts ``name_001.tvips``, … that follow it.

Read here by hand although rosettasciio knows the format: opening a stream lazily there reads
every pixel once.
"""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Any

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.foreign_errors import LARGEST_FRAME, explained, file_size
from napari_beamwatch.movies.formats.joined import JoinedFrames
from napari_beamwatch.movies.formats.raw_frames import RawFrames, read_bytes
from napari_beamwatch.movies.frames import FrameSource
from napari_beamwatch.movies.plausible import believable, believable_pixel_size
from napari_beamwatch.movies.recording import Floats, Recording, Stated, stated_conditions

WHAT = "a TVIPS stream"
CAMERA_PIXEL = 1000
"""nm. What is larger than this is a pixel of the camera, not of the specimen."""

_HEADER = np.dtype(
    [
        ("size", "<u4"), ("version", "<u4"), ("width", "<u4"), ("height", "<u4"),
        ("bits", "<u4"), ("left", "<u4"), ("top", "<u4"), ("bin_x", "<u4"), ("bin_y", "<u4"),
        ("pixel_nm", "<u4"), ("voltage", "<u4"), ("magnification", "<u4"), ("frame_head", "<u4"),
    ]
)  # fmt: skip
_OLD_FRAME_HEAD = 12
_DIFFRACTION = 2
MOST_TIMED = 200_000
"""Frames up to which every frame's time is looked up."""


def open_tvips(path: Path) -> Recording:
    """All parts of a stream, of which `path` is the first."""
    path = Path(path)
    number = re.search(r"_(\d{3})$", path.stem)
    if number and int(number.group(1)) != 0:
        raise BeamwatchError(f"{path.name} is a later part of a stream: open the one with _000")
    size = file_size(path, WHAT)
    with explained(path, WHAT):
        raw = read_bytes(path, 0, _HEADER.itemsize)
        if len(raw) < _HEADER.itemsize:
            raise BeamwatchError(f"{path} is too short for {WHAT} ({size} bytes)")
        header = {name: int(value) for name, value in _named(raw).items()}
        stored, head = _checked(path, header)
        warnings: list[str] = []
        parts = []
        for part in _parts(path, number is not None):
            begin = header["size"] if part == path else 0
            frames, rest = _part(part, header, stored, begin + head, head)
            if frames is not None:
                parts.append(frames)
            if rest:
                warnings.append(f"{part.name} breaks off: its last frame is not whole and left out")
        if not parts:
            raise BeamwatchError(f"{path} breaks off before the end of its first frame")
        source: FrameSource = parts[0] if len(parts) == 1 else JoinedFrames(tuple(parts))
        ends, frame_time = _times(parts, head)
        begun, mode = _first_frame(parts[0], head, header["version"])
    diffraction = mode == _DIFFRACTION
    pixel_size, said = (None, ()) if diffraction else _pixel_size(header)
    voltage = believable(float(header["voltage"]), 1, 4e6)
    conditions, origins = stated_conditions(
        {
            "voltage_kV": voltage / 1000 if voltage and voltage > 4000 else voltage,
            "magnification": believable(float(header["magnification"]), 1, 1e8),
            "imaging_mode": "diffraction" if diffraction else None,
            "recorded": begun,
        },
        "TVIPS header",
    )
    return Recording(
        frames=source,
        path=str(path),
        pixel_size=pixel_size,
        frame_time=frame_time,
        times=ends,
        conditions=conditions,
        condition_origins=origins,
        warnings=(*warnings, *said),
        notes=(f"{len(parts)} parts of a stream",) if len(parts) > 1 else (),
    )


def _named(raw: bytes) -> dict[str, Any]:
    row = np.frombuffer(raw, _HEADER)[0]
    return {name: row[name] for name in _HEADER.names or ()}


def _checked(path: Path, header: dict[str, int]) -> tuple[np.dtype[Any], int]:
    """Type of pixel and bytes of each frame's header."""
    if header["version"] not in (1, 2) or header["bits"] not in (8, 16):
        raise BeamwatchError(
            f"{path} is not {WHAT} that is known (version {header['version']}, {header['bits']} "
            "bits a pixel)"
        )
    head = _OLD_FRAME_HEAD if header["version"] == 1 else header["frame_head"]
    pixels = header["width"] * header["height"]
    if pixels < 1 or pixels > LARGEST_FRAME or not _OLD_FRAME_HEAD <= head <= 2**20:
        raise BeamwatchError(
            f"{path} has a broken header: frames of {header['width']} by {header['height']} pixels "
            f"with {head} bytes before each"
        )
    if not _HEADER.itemsize <= header["size"] <= 2**20:
        raise BeamwatchError(f"{path} has a broken header: {header['size']} bytes of header")
    return np.dtype(f"<u{header['bits'] // 8}"), head


def _parts(path: Path, numbered: bool) -> list[Path]:
    parts = [path]
    while numbered and len(parts) < 1000:
        following = path.with_name(f"{path.stem[:-3]}{len(parts):03d}{path.suffix}")
        if not following.is_file():
            break
        parts.append(following)
    return parts


def _part(
    path: Path, header: dict[str, int], stored: np.dtype[Any], start: int, head: int
) -> tuple[RawFrames | None, int]:
    """Frames of one file, and how many bytes are left over behind them."""
    height, width = header["height"], header["width"]
    step = head + height * width * stored.itemsize
    count, rest = divmod(max(0, path.stat().st_size - start + head), step)
    if count < 1:
        return None, rest
    starts = range(start, start + count * step, step)
    return RawFrames(str(path), stored, starts, height, width), rest


def _times(parts: list[RawFrames], head: int) -> tuple[Floats | None, Stated | None]:
    """End of each frame from the times at which frames were stamped, where these grow."""
    total = sum(part.shape[0] for part in parts)
    if not 2 <= total <= MOST_TIMED:
        return None, None
    stamps = np.empty((total, 2), "<u4")
    at = 0
    for part in parts:
        with open(part.path, "rb", buffering=0) as file:
            for start in part.starts:
                file.seek(int(start) - head + 4)
                stamps[at] = np.frombuffer(file.read(8), "<u4")
                at += 1
    seconds = (stamps[:, 0] - float(stamps[0, 0])) + stamps[:, 1] / 1000
    seconds -= seconds[0]
    steps = np.diff(seconds)
    if not (steps > 0).all():
        return None, None
    step = float(np.median(steps))
    if believable(step, 1e-6, 1e6) is None:
        return None, None
    return seconds + step, Stated(step, "TVIPS time stamps")


def _first_frame(part: RawFrames, head: int, version: int) -> tuple[str | None, int]:
    """When the first frame was recorded, and the imaging mode (0 where unknown)."""
    raw = read_bytes(part.path, int(part.starts[0]) - head, min(head, 28))
    stamp = int.from_bytes(raw[4:8], "little")
    begun = None
    if stamp:
        moment = datetime.datetime.fromtimestamp(stamp, datetime.UTC)
        begun = moment.isoformat(timespec="seconds")
    mode = int.from_bytes(raw[24:28], "little") if version == 2 and len(raw) >= 28 else 0
    return begun, mode


def _pixel_size(header: dict[str, int]) -> tuple[Stated | None, tuple[str, ...]]:
    stated = header["pixel_nm"]
    if stated < CAMERA_PIXEL:
        return believable_pixel_size(stated * 10.0, "TVIPS header") if stated else (None, ())
    if header["magnification"] < 1:
        return None, (f"the pixel of {stated} nm in the file is that of the camera: not used",)
    guess = stated * max(1, header["bin_x"]) / header["magnification"] * 10
    return None, (
        f"the pixel of {stated} nm in the file is that of the camera: not used. Over the "
        f"magnification it would be {guess:.3g} Å; give pixel_size if that is so",
    )
