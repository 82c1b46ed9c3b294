"""MRC and MRCS movies, also packed with gzip or bzip2.

Headers are understood with mrcfile's types; frames are read by hand, one at a time. A 3-D
file is a movie whatever its space group says. Pixels stay in the order of the file: the
format counts rows from the bottom, and nothing is flipped.

References
----------
1. Cheng A. et al. MRC2014: extensions to the MRC format header for electron cryo-microscopy
   and tomography. J. Struct. Biol. 192 (2015) 146.
2. "MRC Image File Format", FEI/Thermo Fisher: the FEI1 and FEI2 extended headers.
3. IMOD's "MRC/CCP4 file format" for mode 101, IMODSTAMP and its flags.
"""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
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
from napari_beamwatch.movies.plausible import believable, believable_pixel_size
from napari_beamwatch.movies.recording import (
    Floats,
    Recording,
    Stated,
    StatedDose,
    stated_conditions,
)

HEADER_BYTES = 1024
LABELS = 224
"""Where ten texts of 80 letters begin."""

IMOD_STAMP = 1146047817
MOST_SECTIONS = 1_000_000
"""Sections whose extended headers are looked at."""

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
        fei = _fei_sections(path, header, layout, count, size)
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


def _fei_sections(
    path: Path, header: Any, layout: _Layout, count: int, size: int
) -> NDArray[Any] | None:
    """Extended headers of the sections, as many as are there; None if they are not FEI's."""
    from mrcfile.dtypes import get_ext_header_dtype

    kind = bytes(header["exttyp"])
    if kind not in (b"FEI1", b"FEI2"):
        return None
    dtype = get_ext_header_dtype(kind, layout.order)
    there = min(layout.start, size) - HEADER_BYTES
    if there < dtype.itemsize:
        return None
    first = np.frombuffer(read_bytes(path, HEADER_BYTES, dtype.itemsize), dtype)
    # Records may be longer than the fields that are known of them.
    step = int(first["Metadata size"][0])
    if not dtype.itemsize <= step <= there:
        step = dtype.itemsize
    records = min(count, there // step, MOST_SECTIONS)
    raw = read_bytes(path, HEADER_BYTES, records * step)
    rows = np.frombuffer(raw, np.dtype((np.void, step)))
    return np.ndarray((len(rows),), dtype, raw, strides=(step,)).copy()


class _Fei:
    """Fields of FEI's extended headers, where the bit mask says that they are filled."""

    _MASKS: ClassVar[tuple[tuple[str, tuple[str, ...]], ...]] = ()

    def __init__(self, sections: NDArray[Any]) -> None:
        self.sections = sections
        names = list(sections.dtype.names or ())
        masks = [name for name in names if name.startswith("Bitmask")]
        self._bit: dict[str, tuple[str, int]] = {}
        for mask in masks[:2]:  # the two whose bits follow the fields' order are enough
            bit = 0
            for name in names[names.index(mask) + 1 :]:
                if name.startswith("Bitmask"):
                    break
                self._bit[name] = (mask, bit)
                bit += 6 if name == "Unused range" else 1

    def column(self, name: str) -> Floats | None:
        """A number of every section, or None where one section lacks it."""
        if name not in (self.sections.dtype.names or ()) or not self._filled(name):
            return None
        values: Floats = self.sections[name].astype(np.float64)
        return values if np.isfinite(values).all() else None

    def number(self, name: str, low: float, high: float) -> float | None:
        """A number of the first section within ``low…high``."""
        values = self.column(name)
        return None if values is None else believable(float(values[0]), low, high)

    def text(self, name: str) -> str | None:
        if name not in (self.sections.dtype.names or ()) or not self._filled(name):
            return None
        raw = bytes(self.sections[name][0]).split(b"\0")[0]
        said = "".join(c for c in raw.decode("ascii", "ignore") if c.isprintable()).strip()
        return said or None

    def _filled(self, name: str) -> bool:
        if name not in self._bit:
            return True
        mask, bit = self._bit[name]
        masks = self.sections[mask].astype(np.uint32)
        # Writers that fill no mask at all mean every field.
        return bool(((masks == 0) | ((masks >> np.uint32(bit)) & 1 == 1)).all())


def _with_fei(
    source: FrameSource,
    name: str,
    header: Any,
    sections: NDArray[Any],
    warnings: list[str],
    notes: list[str],
) -> Recording:
    fei = _Fei(sections)
    origin = f"{bytes(header['exttyp']).decode()} header"
    frames = source.shape[0]
    diffraction = (
        fei.number("Instrument mode", 1, 1) == 1 and fei.number("Projection mode", 1, 1) == 1
    )
    pixel_size: Stated | None = None
    if diffraction:
        notes.append("the microscope was in diffraction mode: lengths have no pixel size")
    else:
        pixel_size, said = _fei_pixel_size(fei, origin)
        if pixel_size is None:
            pixel_size, cell_said = _cell_pixel_size(header)
            said = () if pixel_size is not None else (said or cell_said)
        warnings.extend(said)
    dose, dose_said = _fei_dose(fei, frames, origin)
    warnings.extend(dose_said)
    frame_time, times = _fei_times(fei, frames, origin)
    applied = fei.number("Applied defocus", -1e-3, 1e-3)
    conditions, origins = stated_conditions(
        {
            "voltage_kV": _scaled(fei.number("HT", 1e3, 4e6), 1e-3),
            "magnification": fei.number("Magnification", 1, 1e8),
            # FEI counts underfocus negative.
            "defocus_nm": _scaled(applied or None, -1e9),
            "imaging_mode": _imaging_mode(fei, diffraction),
            "camera": fei.text("Detector commercial name") or fei.text("Camera name"),
            "microscope": fei.text("Microscope type"),
            "recorded": _timestamp(fei.number("Timestamp", 20000, 90000)),
        },
        origin,
    )
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


def _fei_pixel_size(fei: _Fei, origin: str) -> tuple[Stated | None, tuple[str, ...]]:
    x, y = fei.column("Pixel size X"), fei.column("Pixel size Y")
    if x is None or y is None or (x[0] == 0 and y[0] == 0):
        return None, ()
    if y[0] == 0 or abs(x[0] / y[0] - 1) > 0.01:
        return None, (
            f"the pixel sizes along x ({x[0] * 1e10:g} Å) and y ({y[0] * 1e10:g} Å) in the "
            f"{origin} differ: neither is used",
        )
    return believable_pixel_size(float(x[0]) * 1e10, origin)


def _fei_dose(fei: _Fei, frames: int, origin: str) -> tuple[StatedDose | None, tuple[str, ...]]:
    """Dose of each frame in e/Å² from e/m² of sections."""
    said = fei.column("Dose")
    if said is None or not ((said >= 0) & (said < 1e28)).all() or not (said > 0).any():
        return None, ()
    doses = said * 1e-20
    if len(doses) < frames or frames == 1:
        how = "" if frames == 1 else f" of {doses[0]:.4g} e/Å² shared equally among {frames} frames"
        shared = np.full(frames, doses[0] / frames)
        return StatedDose(shared, "e/A2", f"{origin}, dose{how}"), ()
    steps = np.diff(doses)
    if (steps > 0).all() and doses[-1] > 1.5 * doses[0]:
        own = np.concatenate([[doses[0]], steps])
        return StatedDose(own, "e/A2", f"{origin}, dose accumulated up to each section"), ()
    warning = (
        f"every section of the {origin} states its own dose ({doses[0]:.4g} e/Å² in the first), "
        "taken as that of one frame; if it is the dose of the whole movie, give frame_dose"
    )
    return StatedDose(doses, "e/A2", f"{origin}, dose of each section"), (warning,)


def _fei_times(fei: _Fei, frames: int, origin: str) -> tuple[Stated | None, Floats | None]:
    seconds = fei.column("Integration time")
    if seconds is None or not ((seconds > 0) & (seconds < 1e6)).all():
        return None, None
    if len(seconds) < frames or frames == 1:
        how = "integration time" if frames == 1 else f"integration time over {frames} frames"
        return Stated(float(seconds[0]) / frames, f"{origin}, {how}"), None
    where = f"{origin}, integration time of each section"
    if np.ptp(seconds) <= 1e-6 * seconds[0]:
        return Stated(float(seconds[0]), where), None
    return Stated(float(np.median(seconds)), where), np.cumsum(seconds)


def _imaging_mode(fei: _Fei, diffraction: bool) -> str | None:
    if diffraction:
        return "diffraction"
    instrument = fei.number("Instrument mode", 1, 2)
    return None if instrument is None else ("TEM" if instrument == 1 else "STEM")


def _timestamp(days: float | None) -> str | None:
    """Local time from days since 30 December 1899."""
    if days is None:
        return None
    when = datetime.datetime(1899, 12, 30) + datetime.timedelta(days=days)
    return when.isoformat(timespec="milliseconds")


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
