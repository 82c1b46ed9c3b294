"""MRC and MRCS movies, also packed with gzip or bzip2.

Headers are understood with mrcfile's types; frames are read by hand, one at a time. A 3-D
file is a movie whatever its space group says. Pixels stay in the order of the file: the
format counts rows from the bottom, and nothing is flipped.

References
----------
1. Cheng A. et al. MRC2014: extensions to the MRC format header for electron cryo-microscopy
   and tomography. J. Struct. Biol. 192 (2015) 146.
2. IMOD's "MRC/CCP4 file format" for mode 101, IMODSTAMP and its flags.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.fei_header import HEADER_BYTES, FeiHeader, fei_sections
from napari_beamwatch.movies.formats.foreign_errors import LARGEST_FRAME, explained, file_size
from napari_beamwatch.movies.formats.raw_frames import (
    PackedNibbles,
    RawFrames,
    broken_off,
    read_bytes,
    whole_frames,
)
from napari_beamwatch.movies.formats.serialem import scaling_note
from napari_beamwatch.movies.formats.unpacked import UnpackedFrames, unpack
from napari_beamwatch.movies.frames import FrameSource
from napari_beamwatch.movies.names import PACKED
from napari_beamwatch.movies.plausible import believable_pixel_size
from napari_beamwatch.movies.recording import Recording, Stated

LABELS = 224
"""Where ten texts of 80 letters begin."""

IMOD_STAMP = 1146047817
_MODES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}
_REFUSED = {3: "complex numbers", 4: "complex numbers (a Fourier transform)", 16: "colours"}


@dataclass(frozen=True)
class _Layout:
    """What the main header says about where pixels lie."""

    order: str
    width: int
    height: int
    sections: int
    mode: int
    start: int
    unsigned_bytes: bool

    @property
    def frame_bytes(self) -> int:
        if self.mode == 101:
            return (self.width + 1) // 2 * self.height
        return self.width * self.height * np.dtype(_MODES[self.mode]).itemsize

    @property
    def file_bytes(self) -> int:
        return self.start + self.sections * self.frame_bytes


def open_mrc(path: Path) -> Recording:
    """A movie, or a single image as a movie of one frame.

    Parameters
    ----------
    path : Path
        ``.mrc`` or ``.mrcs``, or either with ``.gz`` or ``.bz2`` behind it.
    """
    path = Path(path)
    if path.suffix.lower() in PACKED:
        return _open_packed(path)
    return _open_plain(path, str(path))


def _open_packed(path: Path) -> Recording:
    from dataclasses import replace

    copy, whole = unpack(path, lambda head: _layout(head, str(path))[0].file_bytes)
    opened = _open_plain(Path(copy.path), str(path))
    warnings = opened.warnings
    if not whole and not any("breaks off" in said for said in warnings):
        warnings = (*warnings, "the compressed file breaks off")
    return replace(
        opened,
        frames=UnpackedFrames(opened.frames, copy),
        warnings=warnings,
        notes=(*opened.notes, "unpacked to a temporary file"),
    )


def _open_plain(path: Path, name: str) -> Recording:
    size = file_size(path, "an MRC file")
    with explained(name, "an MRC file"):
        head = read_bytes(path, 0, HEADER_BYTES)
        layout, header = _layout(head, name)
        count = whole_frames(name, layout.sections, layout.start, layout.frame_bytes, size)
        warnings: list[str] = []
        notes: list[str] = []
        if count < layout.sections:
            warnings.append(broken_off(layout.sections, count))
        elif size > layout.file_bytes:
            warnings.append(
                f"the file is {size - layout.file_bytes} bytes longer than its header says; they "
                "are not looked at"
            )
        axes = tuple(int(header[axis]) for axis in ("mapc", "mapr", "maps"))
        if axes not in ((1, 2, 3), (0, 0, 0)):
            warnings.append(f"the header's axes are in the order {axes}; they are not reordered")
        source = _source(path, layout, count)
        if layout.unsigned_bytes:
            notes.append("bytes are unsigned: the file bears IMOD's stamp without its signed flag")
        notes.append("rows in file order (MRC counts them from the bottom)")
        notes.extend(scaling_note(head[LABELS:].decode("latin-1")))
        there = min(layout.start, size)
        fei = fei_sections(path, bytes(header["exttyp"]), layout.order, there, count)
    if fei is None:
        pixel_size, said = _cell_pixel_size(header)
        return Recording(
            frames=source,
            path=name,
            pixel_size=pixel_size,
            warnings=(*warnings, *said),
            notes=tuple(notes),
        )
    return _with_fei(source, name, header, fei, warnings, notes)


def _source(path: Path, layout: _Layout, count: int) -> FrameSource:
    starts = range(layout.start, layout.start + count * layout.frame_bytes, layout.frame_bytes)
    if layout.mode == 101:
        return PackedNibbles(str(path), starts, layout.height, layout.width)
    kind = "u1" if layout.unsigned_bytes else _MODES[layout.mode]
    stored = np.dtype(kind).newbyteorder("<" if layout.order == "<" else ">")
    return RawFrames(str(path), stored, starts, layout.height, layout.width)


def _layout(head: bytes, name: str) -> tuple[_Layout, Any]:
    """Shape, mode and byte order from the first 1024 bytes, refused where they cannot be."""
    if len(head) < HEADER_BYTES:
        raise BeamwatchError(f"{name} is too short for an MRC file ({len(head)} bytes)")
    order = _byte_order(head)
    header = _header(head, order)
    mode = int(header["mode"])
    width, height, sections = (int(header[n]) for n in ("nx", "ny", "nz"))
    extended = int(header["nsymbt"])
    if mode in _REFUSED:
        raise BeamwatchError(f"{name} holds {_REFUSED[mode]} (MRC mode {mode}), not images")
    if mode not in _MODES and mode != 101:
        raise BeamwatchError(f"{name} is not an MRC movie: its header says mode {mode}")
    if min(width, height) < 1 or extended < 0:
        raise BeamwatchError(
            f"{name} has a broken MRC header: {width} by {height} pixels, {sections} frames, "
            f"{extended} bytes of extended header"
        )
    if sections < 1:
        raise BeamwatchError(f"{name} holds no frames: its header says {sections}")
    flags = int(np.frombuffer(head, order + "i4", 1, 156)[0])
    stamped = int(np.frombuffer(head, order + "i4", 1, 152)[0]) == IMOD_STAMP
    layout = _Layout(
        order=order,
        width=width,
        height=height,
        sections=sections,
        mode=mode,
        start=HEADER_BYTES + extended,
        unsigned_bytes=mode == 0 and stamped and not flags & 1,
    )
    if layout.frame_bytes > LARGEST_FRAME:
        raise BeamwatchError(
            f"{name} has a broken MRC header: frames of {width} by {height} pixels"
        )
    return layout, header


def _header(head: bytes, order: str) -> Any:
    from mrcfile.dtypes import HEADER_DTYPE

    return np.frombuffer(head, HEADER_DTYPE.newbyteorder("<" if order == "<" else ">"), 1)[0]


def _byte_order(head: bytes) -> str:
    """By the machine stamp; where that says nothing, by which order makes sense."""
    if head[212:214] in (b"\x44\x44", b"\x44\x41"):
        stamped = "<"
    elif head[212:214] == b"\x11\x11":
        stamped = ">"
    else:
        stamped = ""

    def sensible(order: str) -> bool:
        width, height, sections, mode = (int(v) for v in np.frombuffer(head, order + "i4", 4))
        known = mode in _MODES or mode in _REFUSED or mode == 101
        return known and all(0 < n < 2**24 for n in (width, height, sections))

    if stamped and sensible(stamped):
        return stamped
    # Some writers stamp wrongly or not at all.
    for order in "<>":
        if sensible(order):
            return order
    return stamped or "<"


def _cell_pixel_size(header: Any) -> tuple[Stated | None, tuple[str, ...]]:
    """Voxel size along x and y, which must agree; z of a movie means nothing."""
    sides = []
    for axis in "xy":
        intervals = int(header["m" + axis])
        length = float(header["cella"][axis])
        sides.append(length / intervals if intervals > 0 else 0.0)
    x, y = sides
    origin = "MRC header"
    if x == 1.0 and y == 1.0:
        return None, (
            "the pixel size in the file is exactly 1 Å, what programs write when they do not "
            "know it: it is not used",
        )
    if x == 0 and y == 0:
        return None, ("the file states no pixel size (0 Å)",)
    if math.isfinite(x) and math.isfinite(y) and x > 0 and y > 0 and abs(x / y - 1) > 0.01:
        return None, (
            f"the pixel sizes along x ({x:g} Å) and y ({y:g} Å) in the file differ: neither is "
            "used",
        )
    return believable_pixel_size(x, origin)


def _with_fei(
    source: FrameSource,
    name: str,
    header: Any,
    sections: NDArray[Any],
    warnings: list[str],
    notes: list[str],
) -> Recording:
    fei = FeiHeader(sections, f"{bytes(header['exttyp']).decode()} header")
    frames = source.shape[0]
    pixel_size: Stated | None = None
    if fei.is_diffraction:
        notes.append("the microscope was in diffraction mode: lengths have no pixel size")
    else:
        pixel_size, said = fei.pixel_size()
        if pixel_size is None:
            pixel_size, cell_said = _cell_pixel_size(header)
            said = () if pixel_size is not None else (said or cell_said)
        warnings.extend(said)
    dose, dose_said = fei.dose(frames)
    warnings.extend(dose_said)
    frame_time, times = fei.times(frames)
    conditions, origins = fei.conditions()
    return Recording(
        frames=source,
        path=name,
        pixel_size=pixel_size,
        dose=dose,
        frame_time=frame_time,
        times=times,
        conditions=conditions,
        condition_origins=origins,
        warnings=tuple(warnings),
        notes=tuple(notes),
    )
