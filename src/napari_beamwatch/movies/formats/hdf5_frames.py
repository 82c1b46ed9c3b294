"""Frames of data sets inside HDF5 files: plain, in chunks, or put together from others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.beside import beside
from napari_beamwatch.movies.formats.extras import optional
from napari_beamwatch.movies.formats.foreign_errors import explained
from napari_beamwatch.movies.formats.hdf5_objects import Place, opened, place_of
from napari_beamwatch.movies.formats.joined import JoinedFrames
from napari_beamwatch.movies.formats.packing import CODECS, PackingError, Step, unpacked
from napari_beamwatch.movies.formats.raw_frames import RawFrames
from napari_beamwatch.movies.formats.stored_arrays import (
    ChunkedArray,
    Fetch,
    Index,
    StoredArray,
    frames_of,
    is_numeric,
)
from napari_beamwatch.movies.frames import Frame, FrameSource, SlicedFrames

WHAT = "an HDF5 file"

_FILTERS = {
    1: "zlib", 2: "shuffle", 3: "fletcher32", 32000: "lzf", 32001: "blosc", 32004: "lz4_blocks",
    32008: "bitshuffle", 32015: "zstd",
}  # fmt: skip
"""Filters by their registered numbers. Others are not read: the library would load plugins
for them, and its own deflate unpacks a chunk without end."""

SHUFFLE, BITSHUFFLE = 2, 32008
_UNSET = (0, 0, 0, 0, 0)
_PACKED = {0: "", 2: "_lz4", 3: "_zstd"}
"""How shuffled blocks are packed, by bitshuffle's numbers."""

MOST_PIECES = 10_000
"""Pieces of a virtual data set."""


@dataclass(frozen=True, eq=False)
class Hdf5Chunks:
    """Chunks of a data set; each use opens the file, since handles cannot be shared.

    h5py lets one thread at a time into the library, so reads queue up but do not clash.
    """

    path: str
    dataset: str
    chunk: Index
    steps: tuple[Step, ...]
    nbytes: int

    @contextmanager
    def opened(self) -> Iterator[Fetch]:
        with opened(Path(self.path)) as file:
            data = file[self.dataset]
            if data.chunks != self.chunk:
                raise BeamwatchError(f"{self.path} has changed since it was opened")

            def fetch(index: Index) -> bytes | None:
                corner = tuple(i * n for i, n in zip(index, self.chunk, strict=True))
                about = data.id.get_chunk_info_by_coord(corner)
                if about.byte_offset is None or about.size == 0:
                    return None
                if about.size > self.nbytes + self.nbytes // 8 + 2**16:
                    raise PackingError("it takes more than the bytes of its pixels")
                skipped, packed = data.id.read_direct_chunk(corner)
                count = len(self.steps)  # the last is undone first; bit 0 stands for the first
                steps = [
                    step for i, step in enumerate(self.steps) if not skipped >> (count - 1 - i) & 1
                ]
                return unpacked(packed, steps, self.nbytes)

            yield fetch


@dataclass(frozen=True, eq=False)
class PlainArray:
    """A data set whose pixels are not packed, in an order of axes that is not that of frames."""

    path: str
    dataset: str
    shape: Index
    dtype: np.dtype[Any]
    chunk: Index = ()

    def read(self, begin: Index, end: Index) -> Frame:
        with explained(self.path, WHAT), opened(Path(self.path)) as file:
            data = file[self.dataset]
            if data.shape != self.shape or data.chunks is not None or data.is_virtual:
                raise BeamwatchError(f"{self.path} has changed since it was opened")
            pixels: Frame = data[tuple(map(slice, begin, end))]
            return pixels.astype(self.dtype.newbyteorder("="), copy=False)


@dataclass(frozen=True, eq=False)
class PlainFrames(RawFrames):
    """Frames that lie in a file as one block of plain pixels, no need of the library to read it.

    Attributes
    ----------
    dataset : str
        Under which name they were asked for.
    """

    dataset: str = ""


def frames_at(
    path: Path, dataset: str, axes: tuple[int | None, ...]
) -> tuple[FrameSource, tuple[str, ...]]:
    """Frames of the data set of that name, and the names of other files that hold pixels of it.

    Parameters
    ----------
    path : Path
    dataset : str
    axes : tuple of int or None
        For each axis, 0 for t, 1 for y, 2 for x, None for one of length 1.
    """
    place = place_of(path, dataset)
    if place is None:
        raise BeamwatchError(f"{path} has no data set {dataset}")
    with opened(place.path) as file:
        frames, others = dataset_frames(place.path, file[place.name], axes, dataset)
    return frames, (*place.through, *others)


def dataset_frames(
    path: Path, data: Any, axes: tuple[int | None, ...], asked: str
) -> tuple[FrameSource, tuple[str, ...]]:
    """Frames of an open data set, and the names of other files that hold its pixels.

    Parameters
    ----------
    path : Path
        Of its file.
    data : h5py.Dataset
    axes : tuple of int or None
        For each axis, 0 for t, 1 for y, 2 for x, None for one of length 1.
    asked : str
        The name to open it by again.
    """
    array = stored_array(path, data)
    name = str(data.name)
    if array.chunk:
        stored = min(int(data.id.get_storage_size()), path.stat().st_size)
        return frames_of(array, asked, axes, lambda enough: min(stored, enough)), ()
    others: tuple[str, ...] = ()
    start = data.id.get_offset()
    if data.external:
        if len(data.external) > 1:
            raise BeamwatchError(
                f"{name} in {path} has its pixels in {len(data.external)} other files: write it "
                "into one"
            )
        other, start, _ = data.external[0]
        path = beside(path, str(other))
        others = (path.name,)
    frames = frames_of(array, asked, axes, lambda enough: enough)
    count, height, width = frames.shape
    total = count * height * width * array.dtype.itemsize
    if start is None:  # a few pixels within the header, or none that were written
        if total > data.id.get_storage_size():
            raise BeamwatchError(f"{path} holds no pixels of {name}: nothing was written")
        return frames, others
    if start + total > path.stat().st_size:
        raise BeamwatchError(f"{path} breaks off inside {name} (an interrupted copy?)")
    if [axis for axis in axes if axis is not None] != [0, 1, 2][-min(3, len(axes)) :]:
        if others:
            raise BeamwatchError(f"{name} has its pixels in {path}, in an order that is not read")
        return frames, ()
    step = height * width * array.dtype.itemsize
    starts = range(start, start + total, step)
    return PlainFrames(str(path), array.dtype, starts, height, width, asked), others


def stored_array(path: Path, data: Any) -> StoredArray:
    """An open data set, if its pixels are plain numbers and its filters are known."""
    name = data.name
    shape = tuple(int(n) for n in data.shape or ())
    dtype = _plain_type(path, data)
    if 0 in shape or not shape:
        raise BeamwatchError(f"{name} in {path} holds no pixels: its shape is {shape}")
    if data.is_virtual:
        raise BeamwatchError(f"{name} in {path} is put together from others: open those")
    if data.chunks is None:
        return PlainArray(str(path), str(name), shape, dtype)
    how = data.id.get_create_plist()
    steps = []
    for i in range(how.get_nfilters()):
        number, _, values, said = how.get_filter(i)
        if number not in _FILTERS:
            raise BeamwatchError(
                f"{name} in {path} is packed with filter {number} "
                f"({said.decode('ascii', 'replace')[:40]}), which is not read; repack it with gzip "
                "(h5repack -f GZIP=4)"
            )
        step = _step(number, [int(value) for value in values], dtype.itemsize)
        if step.codec not in CODECS or not (1 <= step.element <= 64 and step.block % 8 == 0):
            raise BeamwatchError(f"{name} in {path} is packed in a way that cannot be")
        steps.append(step)
    chunk = tuple(int(n) for n in data.chunks)
    nbytes = int(np.prod(chunk, dtype=object)) * dtype.itemsize
    store = Hdf5Chunks(str(path), str(name), chunk, tuple(reversed(steps)), nbytes)
    fill = np.asarray(data.fillvalue).astype(dtype.newbyteorder("="))[()]
    return ChunkedArray(str(path), shape, chunk, dtype, fill, store, tuple(range(len(shape))))


def _step(number: int, values: list[int], itemsize: int) -> Step:
    """A filter with what was set for it."""
    codec = _FILTERS[number]
    if number == BITSHUFFLE:  # version (2 words), bytes of an element, elements of a block, packing
        _, _, element, block, packing = (*values, *_UNSET[len(values) :])[:5]
        return Step(codec + _PACKED.get(packing, "?"), element=element or itemsize, block=block)
    return Step(codec, element=values[0] if number == SHUFFLE and values else itemsize)


def _plain_type(path: Path, data: Any) -> np.dtype[Any]:
    """The type of a data set's pixels, if these are stored as NumPy would store them."""
    h5py = optional("h5py", "HDF5 files")
    dtype: np.dtype[Any] = np.dtype(data.dtype.str) if data.dtype.names is None else data.dtype
    if not is_numeric(dtype):
        raise BeamwatchError(f"{data.name} in {path} holds {data.dtype}, not real numbers")
    stored = data.id.get_type()
    if stored.get_class() == h5py.h5t.ENUM:
        stored = stored.get_super()
    alike = np.dtype(f"{dtype.byteorder}i{dtype.itemsize}") if dtype.kind == "b" else dtype
    if not (stored.equal(h5py.h5t.py_create(alike)) or dtype.kind == "b"):
        raise BeamwatchError(f"{data.name} in {path} holds numbers of an unusual layout: not read")
    return dtype


def virtual_frames(path: Path, data: Any, asked: str) -> tuple[FrameSource, tuple[str, ...]]:
    """Frames of a virtual data set: a stack of whole frames of other data sets."""
    unknown = BeamwatchError(
        f"{data.name} in {path} is put together from others in a way that is not read: open those, "
        "or write it into one (h5repack)"
    )
    shape = tuple(int(n) for n in data.shape)
    pieces = data.virtual_sources()
    if len(shape) != 3 or not 1 <= len(pieces) <= MOST_PIECES:
        raise unknown
    found: list[tuple[int, FrameSource]] = []
    others: list[str] = []
    for piece in pieces:
        begin, count = _whole_frames(piece.vspace, shape)
        place = _source_of(path, piece)
        with opened(place.path) as file:
            source = file[place.name]
            whole = tuple(int(n) for n in source.shape or ())
            if len(whole) not in (2, 3) or whole[-2:] != shape[-2:]:
                raise unknown
            first, there = _whole_frames(piece.src_space, whole)
            if there != count or count < 1:
                raise unknown
            frames, more = dataset_frames(place.path, source, (0, 1, 2)[-len(whole) :], asked)
        if place.path != path and place.path.name not in others:
            others.append(place.path.name)
        others += [name for name in more if name not in others]
        if frames.shape[0] < first + count:
            raise unknown
        found.append((begin, SlicedFrames(frames, first, first + count)))
    found.sort(key=lambda one: one[0])
    ends = np.cumsum([0, *(frames.shape[0] for _, frames in found)])
    if [begin for begin, _ in found] != list(ends[:-1]) or ends[-1] != shape[0]:
        raise BeamwatchError(f"{data.name} in {path} has frames that no file holds, or two")
    if len({frames.dtype for _, frames in found}) > 1:
        raise unknown
    return JoinedFrames(tuple(frames for _, frames in found), asked), tuple(others)


def _source_of(path: Path, piece: Any) -> Place:
    where = path if piece.file_name == "." else beside(path, str(piece.file_name))
    place = place_of(where, str(piece.dset_name))
    if place is None or place.through:
        raise BeamwatchError(f"{path} takes pixels from {where.name}, which has no such data set")
    return place


def _whole_frames(space: Any, shape: Index) -> tuple[int, int]:
    """First frame and number of frames of a selection of whole frames; 0 if it is another."""
    h5py = optional("h5py", "HDF5 files")
    if space.get_select_type() == h5py.h5s.SEL_ALL:
        return 0, shape[0] if len(shape) == 3 else 1
    if tuple(int(n) for n in space.get_simple_extent_dims()) != shape:
        return 0, 0
    low, high = ([int(n) for n in side] for side in space.get_select_bounds())
    if len(shape) == 2:
        low, high, shape = [0, *low], [0, *high], (1, *shape)
    box = [b - a + 1 for a, b in zip(low, high, strict=True)]
    if low[1:] != [0, 0] or tuple(box[1:]) != shape[1:]:
        return 0, 0
    if int(space.get_select_npoints()) != box[0] * box[1] * box[2]:
        return 0, 0
    return low[0], box[0]
