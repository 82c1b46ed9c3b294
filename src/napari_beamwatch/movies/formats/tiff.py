"""TIFF and BigTIFF stacks: plain, ImageJ, OME, DigitalMicrograph's and TVIPS's, compressed.

Uncompressed pages are read straight from the file, also single rows; compressed ones are
decoded by tifffile, page by page. Pixels stay in the order of the file.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar
from xml.etree.ElementTree import Element

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.foreign_errors import (
    LARGEST_FRAME,
    check_frame_bytes,
    explained,
    file_size,
)
from napari_beamwatch.movies.formats.raw_frames import RawFrames, broken_off, read_bytes
from napari_beamwatch.movies.formats.serialem import scaling_note
from napari_beamwatch.movies.formats.units import is_reciprocal, to_angstrom, to_seconds
from napari_beamwatch.movies.frames import Frame, FrameSource
from napari_beamwatch.movies.plausible import FRAME_TIME, believable, believable_pixel_size
from napari_beamwatch.movies.recording import (
    Floats,
    Recording,
    Stated,
    stated_conditions,
)

WHAT = "a TIFF file"
# None, LZW, both deflates, PackBits, LZMA, both Zstandards. Others are for photographs and
# faxes, and the more decoders a damaged tag can choose from, the more there is to go wrong.
COMPRESSIONS = frozenset({1, 5, 8, 32946, 32773, 34925, 34926, 50000})
COARSEST_RESOLUTION = 1e4
"""Å. Pixels larger than 1 µm are those of a screen or a printer, not of a microscope."""


@dataclass(frozen=True, eq=False)
class DecodedPages(FrameSource):
    """Pages that tifffile decodes, found by where their directories lie.

    Attributes
    ----------
    path : str
    directories : array of int
        Offset of each page's directory.
    pixels : dtype
    height, width : int
    """

    path: str
    directories: NDArray[np.int64]
    pixels: np.dtype[Any]
    height: int
    width: int

    costly: ClassVar[bool] = True

    @property
    def shape(self) -> tuple[int, int, int]:
        return len(self.directories), self.height, self.width

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.pixels

    def read(self, frame: int) -> Frame:
        from tifffile import TiffFile, TiffPage

        with explained(self.path, WHAT), _quiet(), TiffFile(self.path) as tif:
            tif.filehandle.seek(int(self.directories[frame]))
            page = TiffPage(tif, index=frame)
            if page.shape != (self.height, self.width) or page.dtype != self.pixels:
                raise BeamwatchError(
                    f"{self.path}: frame {frame} has another size or type of pixel than the first"
                )
            _check_compression(self.path, page)
            check_frame_bytes(self.path, page.nbytes, sum(page.databytecounts))
            _check_segments(self.path, page)
            # The caller has threads of its own.
            decoded = page.asarray(maxworkers=1)
        if decoded.shape != (self.height, self.width):
            raise BeamwatchError(f"{self.path}: frame {frame} is incomplete")
        return np.ascontiguousarray(decoded, dtype=self.pixels)


def open_tiff(path: Path) -> Recording:
    """A movie, or a single image as a movie of one frame."""
    path = Path(path)
    size = file_size(path, WHAT)
    _refuse_entities(path, size)
    from tifffile import TiffFile

    with explained(path, WHAT), _quiet(), TiffFile(str(path)) as tif:
        page = tif.pages.first
        _check_page(path, page)
        frames, warnings, notes = _frames(path, tif, page, size)
        notes.extend(scaling_note(page.description))
        pixel_size, said = _pixel_size(tif, page)
        warnings.extend(said)
        frame_time, times, said = _times(tif, frames.shape[0])
        warnings.extend(said)
        conditions, origins = _conditions(tif)
        patterns = _says_diffraction(tif, page)
    if patterns:
        notes.append(f"{patterns}, so this is diffraction and has no pixel size")
        pixel_size = None
        conditions = replace(conditions, imaging_mode="diffraction")
        origins = {**origins, "imaging_mode": patterns}
    return Recording(
        frames=frames,
        path=str(path),
        pixel_size=pixel_size,
        frame_time=frame_time,
        times=times,
        conditions=conditions,
        condition_origins=origins,
        warnings=tuple(warnings),
        notes=tuple(notes),
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """What tifffile logs about broken files is said in our own warnings."""
    log = logging.getLogger("tifffile")
    if not any(isinstance(kept, logging.NullHandler) for kept in log.handlers):
        log.addHandler(logging.NullHandler())
    yield


def _refuse_entities(path: Path, size: int) -> None:
    """XML in a TIFF has no business declaring entities (they can be made to explode)."""
    with explained(path, WHAT):
        for start in {0, max(0, size - 2**20)}:
            part = read_bytes(path, start, 2**20)
            if b"<!ENTITY" in part and (b"<OME" in part or b"<?xml" in part):
                raise BeamwatchError(f"{path} has XML with entities inside: it is not opened")


def _check_page(path: Path, page: Any) -> None:
    if 65000 <= int(page.compression) <= 65002:
        raise BeamwatchError(f"{path} is an EER movie: give it the ending .eer")
    _check_compression(str(path), page)
    if page.samplesperpixel > 1 or int(page.photometric) in (2, 3, 6):
        raise BeamwatchError(f"{path} is a colour picture; a movie has grey values only")
    if page.dtype is None or page.dtype.kind not in "uifb" or page.dtype.itemsize > 8:
        raise BeamwatchError(f"{path} holds {page.dtype or 'unknown'} pixels, not real numbers")
    if len(page.shape) != 2 or min(page.shape) < 1:
        raise BeamwatchError(f"{path} holds pages of shape {page.shape}, not images")
    if page.nbytes > LARGEST_FRAME:
        raise BeamwatchError(
            f"{path} has a broken header: frames of {page.shape[0]} by {page.shape[1]} pixels"
        )


def _check_compression(name: str, page: Any) -> None:
    kind = int(page.compression)
    if kind not in COMPRESSIONS:
        said = getattr(page.compression, "name", str(kind))
        raise BeamwatchError(
            f"{name} is compressed as {said}, which is not read for movies: save it uncompressed, "
            "or with LZW, deflate or zstd"
        )


def _frames(path: Path, tif: Any, page: Any, size: int) -> tuple[FrameSource, list[str], list[str]]:
    """Where the frames lie, warnings and notes."""
    warnings: list[str] = []
    notes: list[str] = []
    if int(page.photometric) == 0:
        warnings.append("the file says that 0 is white; grey values are taken as they stand")
    name = str(path)
    height, width = page.shape
    plain = _is_plain(page)
    promised = 0
    if tif.is_imagej:
        promised = _imagej_frames(path, tif, notes)
    elif tif.is_shaped:
        promised = _shaped_frames(path, tif)
    # A single directory for all frames, which follow each other without gaps.
    if promised > 1 and len(tif.pages) < promised and plain:
        start = int(page.dataoffsets[0])
        count = min(promised, max(0, size - start) // page.nbytes)
        if count < 1:
            raise BeamwatchError(f"{path} breaks off before the end of its first frame")
        if count < promised:
            warnings.append(broken_off(promised, count))
        stored = np.dtype(page.dtype).newbyteorder(tif.byteorder)
        starts = range(start, start + count * page.nbytes, page.nbytes)
        return RawFrames(name, stored, starts, height, width), warnings, notes
    pages = _pages(path, tif, page, warnings, notes)
    if promised > len(pages):
        warnings.append(broken_off(promised, len(pages)))
    return _paged(name, tif, page, pages, size, warnings), warnings, notes


def _is_plain(page: Any) -> bool:
    """Whether pixels are stored as they are, row after row, in one piece."""
    if int(page.compression) != 1 or int(page.predictor) != 1 or page.is_tiled:
        return False
    if page.fillorder != 1 or page.bitspersample != page.dtype.itemsize * 8:
        return False
    offsets, counts = page.dataoffsets, page.databytecounts
    if len(offsets) == 0 or len(offsets) != len(counts):
        return False
    if len(offsets) > 1:
        ends = np.asarray(offsets[:-1], np.int64) + np.asarray(counts[:-1], np.int64)
        if not np.array_equal(ends, np.asarray(offsets[1:], np.int64)):
            return False
    return int(offsets[0]) > 0 and sum(counts) == page.nbytes


def _check_segments(name: str, page: Any) -> None:
    """Refuse a page whose strips or tiles do not cover it; tifffile would fill in millions."""
    promised, there = math.prod(page.chunked), len(page.dataoffsets)
    if promised != there:
        raise BeamwatchError(
            f"{name} has a broken header: a page of {promised} strips or tiles has {there}"
        )
    segment = math.prod(page.chunks) * page.dtype.itemsize
    check_frame_bytes(name, segment, sum(page.databytecounts))


def _paged(
    name: str, tif: Any, page: Any, pages: Sequence[Any], size: int, warnings: list[str]
) -> FrameSource:
    """Frames with a directory each, up to the last whole one."""
    height, width = page.shape
    plain = _is_plain(page)
    starts, directories = [], []
    for one in pages:
        offsets, counts = one.dataoffsets, one.databytecounts
        if not len(offsets) or len(offsets) != len(counts):
            break
        if max(map(int.__add__, offsets, counts)) > size or min(offsets) < 0:
            break
        if plain and len(offsets) > 1:
            ends = [int(o) + int(n) for o, n in zip(offsets[:-1], counts[:-1], strict=True)]
            plain = ends == list(offsets[1:])
        plain = plain and sum(counts) == page.nbytes
        starts.append(offsets[0])
        directories.append(one.offset)
    if not starts:
        raise BeamwatchError(
            f"{name} breaks off before the end of its first frame (an interrupted copy?)"
        )
    if len(starts) < len(pages):
        warnings.append(broken_off(len(pages), len(starts)))
    if plain:
        stored = np.dtype(page.dtype).newbyteorder(tif.byteorder)
        return RawFrames(name, stored, np.array(starts, np.int64), height, width)
    check_frame_bytes(name, page.nbytes, sum(page.databytecounts))
    _check_segments(name, page)
    return DecodedPages(
        name, np.array(directories, np.int64), np.dtype(page.dtype).newbyteorder("="), height, width
    )


def _pages(path: Path, tif: Any, page: Any, warnings: list[str], notes: list[str]) -> Sequence[Any]:
    """The pages of the movie in order, all of the first one's shape and type."""
    if tif.is_ome:
        return _ome_pages(path, tif, page, notes)
    return _chain(path, tif, page, warnings)


def _chain(path: Path, tif: Any, page: Any, warnings: list[str]) -> Sequence[Any]:
    """Pages one after another, as far as the chain is whole."""
    pages: list[Any] = [page]
    others = 0
    try:
        total = len(tif.pages)
        tif.pages.useframes = _uniform(tif, total)
        for i in range(1, total):
            one = tif.pages[i]
            if one.shape != page.shape or one.dtype != page.dtype:
                others += 1
                continue
            pages.append(one)
    except Exception as error:
        warnings.append(f"the chain of pages breaks after {len(pages)}: {error}")
    if others:
        warnings.append(f"pages of another size or type of pixel are left out: {others}")
    return pages


def _uniform(tif: Any, total: int) -> bool:
    """Whether pages may be read as frames, which take the first one's shape for granted.

    Only long movies gain from it; there, some pages are compared in full.
    """
    if total < 64:
        return False
    first = tif.pages.first
    for i in {1, total // 3, total // 2, total - 1}:
        one = tif.pages[i]
        if getattr(one, "hash", None) != first.hash:
            return False
    return True


def _imagej_frames(path: Path, tif: Any, notes: list[str]) -> int:
    said = tif.imagej_metadata or {}
    sizes = {name: int(said.get(name, 1) or 1) for name in ("channels", "slices", "frames")}
    long = {name: n for name, n in sizes.items() if n > 1}
    if len(long) > 1 or "channels" in long:
        listed = " × ".join(f"{n} {name}" for name, n in long.items())
        raise BeamwatchError(
            f"{path} is a hyperstack of {listed}; save one channel and one slice of it as a movie "
            "(in ImageJ: Image > Hyperstacks > Make Subset…)"
        )
    if "slices" in long:
        notes.append("ImageJ calls the frames slices; they are taken as a series in time")
    return max([int(said.get("images", 1) or 1), *long.values()])


def _shaped_frames(path: Path, tif: Any) -> int:
    """Frames that tifffile's own description promises."""
    described = tif.shaped_metadata
    shape = tuple(described[0].get("shape", ())) if described else ()
    long = [int(n) for n in shape[:-2] if n != 1]
    if len(long) > 1:
        raise BeamwatchError(
            f"{path} holds an array of shape {shape}; a movie has three dimensions (t, y, x)"
        )
    return long[0] if long else 1


def _ome_pages(path: Path, tif: Any, page: Any, notes: list[str]) -> Sequence[Any]:
    series = tif.series[0]
    if len(tif.series) > 1:
        notes.append(f"the first of {len(tif.series)} images in the file")
    kept = {axis: n for axis, n in zip(series.axes, series.shape, strict=True) if n > 1}
    long = {axis: n for axis, n in kept.items() if axis not in "YX"}
    if len(long) > 1 or set(long) & {"C", "S"}:
        listed = ", ".join(f"{axis}: {n}" for axis, n in long.items())
        raise BeamwatchError(
            f"{path} has more than a time axis ({listed}); save one channel and one slice of it"
        )
    if long and "T" not in long:
        notes.append(f"the file's {next(iter(long))} axis is taken as time")
    pages = list(series.pages)
    if any(one is None for one in pages):
        raise BeamwatchError(f"{path} describes frames that are not in it (other files missing?)")
    home = tif.filehandle.path
    if any(one.parent.filehandle.path != home for one in pages if hasattr(one, "parent")):
        raise BeamwatchError(
            f"{path} is one of several files of a movie: open them as a list of stills"
        )
    promised = math.prod(long.values())
    if len(pages) == 1 and promised > 1 and series.dataoffset is not None:
        return [_Piece(page, series.dataoffset + i * page.nbytes) for i in range(promised)]
    return pages


@dataclass(frozen=True)
class _Piece:
    """A frame within one long contiguous block of an OME series."""

    page: Any
    start: int

    @property
    def dataoffsets(self) -> tuple[int, ...]:
        return (self.start,)

    @property
    def databytecounts(self) -> tuple[int, ...]:
        return (self.page.nbytes,)

    @property
    def offset(self) -> int:
        return int(self.page.offset)


Said = tuple[str, ...]


def _says_diffraction(tif: Any, page: Any) -> str:
    """Who counts pixels per length, as of diffraction patterns; nothing if nobody does."""
    said: list[tuple[str, Any]] = [(origin, unit) for _, unit, origin in _stated_sizes(tif, page)]
    if tif.is_imagej:
        said.append(("ImageJ metadata", (tif.imagej_metadata or {}).get("unit")))
    return next((f"{origin}: in {unit}" for origin, unit in said if is_reciprocal(unit)), "")


def _pixel_size(tif: Any, page: Any) -> tuple[Stated | None, Said]:
    """Å from whoever states it best."""
    for sides, unit, origin in _stated_sizes(tif, page):
        x, y = (to_angstrom(side, unit) for side in sides)
        if x is None or y is None:
            continue
        if x > 0 and y > 0 and abs(x / y - 1) > 0.01:
            return None, (
                f"the pixel sizes along x ({x:g} Å) and y ({y:g} Å) in the file ({origin}) differ: "
                "neither is used",
            )
        return believable_pixel_size(x, origin)
    return _resolution(tif, page)


def _stated_sizes(tif: Any, page: Any) -> Iterator[tuple[tuple[float, float], str, str]]:
    if tif.is_ome:
        pixels = _ome_pixels(tif)
        if pixels is not None:
            x, y = (_float(pixels.get(f"PhysicalSize{axis}")) for axis in "XY")
            unit = pixels.get("PhysicalSizeXUnit", "µm")
            if x is not None:
                yield (x, x if y is None else y), unit, "OME metadata"
    # DigitalMicrograph: scale of x and y, and their units.
    x, y, unit = (_tag(page, code) for code in (65009, 65010, 65003))
    if isinstance(x, float) and isinstance(y, float) and isinstance(unit, str):
        yield (x, y), unit, "DigitalMicrograph tags"
    tvips = tif.tvips_metadata if tif.is_tvips else None
    if tvips and tvips.get("PixelSizeX"):
        yield (tvips["PixelSizeX"], tvips.get("PixelSizeY", 0.0)), "nm", "TVIPS header"


def _resolution(tif: Any, page: Any) -> tuple[Stated | None, Said]:
    """Pixels per unit in the resolution tags, unless they are for screens and printers."""
    per_unit = [_ratio(_tag(page, code)) for code in (282, 283)]
    x, y = per_unit
    if x is None or y is None or x <= 0 or y <= 0:
        return None, ()
    unit: str | None
    if tif.is_imagej:
        unit, origin = (tif.imagej_metadata or {}).get("unit"), "ImageJ metadata"
    else:
        unit = {2: "inch", 3: "cm"}.get(int(_tag(page, 296) or 2))
        origin = "TIFF resolution"
    size_x, size_y = to_angstrom(1 / x, unit), to_angstrom(1 / y, unit)
    if size_x is None or size_y is None:
        return None, ()
    if unit in ("inch", "cm") and min(size_x, size_y) > COARSEST_RESOLUTION:
        return None, ()  # 72 or 300 dots per inch: for a screen or a printer
    if abs(size_x / size_y - 1) > 0.01:
        return None, (
            f"the pixel sizes along x ({size_x:g} Å) and y ({size_y:g} Å) in the file ({origin}) "
            "differ: neither is used",
        )
    return believable_pixel_size(size_x, origin)


def _times(tif: Any, frames: int) -> tuple[Stated | None, Floats | None, Said]:
    if tif.is_ome:
        return _ome_times(tif, frames)
    if tif.is_imagej:
        said = tif.imagej_metadata or {}
        step = said.get("finterval")
        if not isinstance(step, int | float):
            rate = said.get("fps")
            step = 1 / rate if isinstance(rate, int | float) and rate > 0 else None
        seconds = to_seconds(step, said.get("tunit", "s")) if step else None
        seconds = believable(seconds, *FRAME_TIME)
        if seconds:
            return Stated(seconds, "ImageJ frame interval"), None, ()
    page = tif.pages.first
    step, unit = _tag(page, 65011), _tag(page, 65005)
    if isinstance(step, float) and frames > 1:
        seconds = believable(to_seconds(step, unit), *FRAME_TIME)
        if seconds:
            return Stated(seconds, "DigitalMicrograph tags"), None, ()
    if tif.is_tvips and frames == 1:
        exposure = believable((tif.tvips_metadata or {}).get("ExposureTime"), 1e-3, 1e8)
        if exposure:
            return Stated(exposure / 1000, "TVIPS header, exposure"), None, ()
    return None, None, ()


def _ome_times(tif: Any, frames: int) -> tuple[Stated | None, Floats | None, Said]:
    pixels = _ome_pixels(tif)
    if pixels is None:
        return None, None, ()
    step = _float(pixels.get("TimeIncrement"))
    seconds = to_seconds(step, pixels.get("TimeIncrementUnit", "s")) if step else None
    seconds = believable(seconds, *FRAME_TIME)
    frame_time = Stated(seconds, "OME time increment") if seconds else None
    starts = np.full(frames, np.nan)
    exposures = np.full(frames, np.nan)
    axes = [axis for axis in "TZC" if (_float(pixels.get(f"Size{axis}")) or 1) > 1]
    axis = axes[0] if axes else "T"
    for plane in pixels:
        if not plane.tag.endswith("Plane"):
            continue
        at = plane.get(f"The{axis}", "")
        if not at.isdigit() or int(at) >= frames:
            continue
        delta, exposure = _float(plane.get("DeltaT")), _float(plane.get("ExposureTime"))
        if delta is not None:
            start = to_seconds(delta, plane.get("DeltaTUnit", "s"))
            starts[int(at)] = np.nan if start is None else start
        if exposure is not None:
            length = to_seconds(exposure, plane.get("ExposureTimeUnit", "s"))
            exposures[int(at)] = np.nan if length is None else length
    if not np.isfinite(starts).all():
        return frame_time, None, ()
    if frames > 1 and not (np.diff(starts) > 0).all():
        return frame_time, None, ("the times of the frames in the OME metadata do not grow",)
    starts -= starts[0]
    if frame_time is None and frames > 1:
        frame_time = Stated(float(np.median(np.diff(starts))), "OME DeltaT of each frame")
    # DeltaT is when a frame began; ends follow from exposures, or from the next beginning.
    if np.isfinite(exposures).all() and (exposures > 0).all():
        ends = starts + exposures
    elif frame_time is not None:
        ends = np.append(starts[1:], starts[-1] + frame_time.value)
    else:
        return None, None, ()
    if frames > 1 and not (np.diff(ends) > 0).all():
        return frame_time, None, ()
    if frame_time is None:
        frame_time = Stated(float(ends[0]), "OME exposure time")
    return frame_time, ends, ()


def _conditions(tif: Any) -> tuple[Any, dict[str, str]]:
    said = (tif.tvips_metadata or {}) if tif.is_tvips else {}
    voltage = believable(_float(said.get("TemHighTension")), 1e3, 4e6)
    return stated_conditions(
        {
            "voltage_kV": voltage / 1000 if voltage else None,
            "magnification": believable(_float(said.get("TemMagnification")), 1, 1e8),
            "camera": _text(said.get("CameraType")),
            "microscope": _text(said.get("TemType")),
        },
        "TVIPS header",
    )


def _ome_pixels(tif: Any) -> Element | None:
    """The ``Pixels`` element of the first image."""
    text = tif.ome_metadata
    if not text:
        return None
    try:
        found: Element | None = fromstring(text, forbid_dtd=True).find(".//{*}Image/{*}Pixels")
    except (DefusedXmlException, ParseError, ValueError):
        return None
    return found


def _tag(page: Any, code: int) -> Any:
    tag = page.tags.get(code)
    return None if tag is None else tag.value


def _ratio(value: Any) -> float | None:
    if not isinstance(value, tuple) or len(value) != 2 or not value[1]:
        return None
    return float(value[0]) / float(value[1])


def _float(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _text(value: Any) -> str | None:
    text = str(value or "").strip("\0 ")
    return text or None
