"""Pages of a TIFF file as frames: in one block, each by itself, or decoded by tifffile."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.foreign_errors import check_frame_bytes, explained
from napari_beamwatch.movies.formats.raw_frames import RawFrames, broken_off
from napari_beamwatch.movies.frames import Frame, FrameSource

WHAT = "a TIFF file"

# None, LZW, both deflates, PackBits, LZMA, both Zstandards. Others are for photographs and
# faxes, and the more decoders a damaged tag can choose from, the more there is to go wrong.
COMPRESSIONS = frozenset({1, 5, 8, 32946, 32773, 34925, 34926, 50000})


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

        with explained(self.path, WHAT), quiet(), TiffFile(self.path) as tif:
            tif.filehandle.seek(int(self.directories[frame]))
            page = TiffPage(tif, index=frame)
            if page.shape != (self.height, self.width) or page.dtype != self.pixels:
                raise BeamwatchError(
                    f"{self.path}: frame {frame} has another size or type of pixel than the first"
                )
            check_compression(self.path, page)
            check_frame_bytes(self.path, page.nbytes, sum(page.databytecounts))
            _check_segments(self.path, page)
            # The caller has threads of its own.
            decoded = page.asarray(maxworkers=1)
        if decoded.shape != (self.height, self.width):
            raise BeamwatchError(f"{self.path}: frame {frame} is incomplete")
        return np.ascontiguousarray(decoded, dtype=self.pixels)


@contextmanager
def quiet() -> Iterator[None]:
    """What tifffile logs about broken files is said in our own warnings."""
    log = logging.getLogger("tifffile")
    if not any(isinstance(kept, logging.NullHandler) for kept in log.handlers):
        log.addHandler(logging.NullHandler())
    yield


def check_compression(name: str, page: Any) -> None:
    """Refuse what is compressed in a way that is not for movies."""
    kind = int(page.compression)
    if kind not in COMPRESSIONS:
        said = getattr(page.compression, "name", str(kind))
        raise BeamwatchError(
            f"{name} is compressed as {said}, which is not read for movies: save it uncompressed, "
            "or with LZW, deflate or zstd"
        )


def frames_of(
    path: Path, tif: Any, page: Any, size: int
) -> tuple[FrameSource, list[str], list[str]]:
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
