"""A data set inside an HDF5 file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.extras import optional
from napari_beamwatch.movies.formats.foreign_errors import check_frame_bytes, explained, file_size
from napari_beamwatch.movies.formats.raw_frames import RawFrames
from napari_beamwatch.movies.frames import Frame, FrameSource
from napari_beamwatch.movies.recording import Recording

WHAT = "an HDF5 file"
MOST_LISTED = 12
MOST_NODES = 100_000


@dataclass(frozen=True, eq=False)
class Hdf5Frames(FrameSource):
    """Frames of a data set; each read opens the file, since handles cannot be shared.

    h5py lets one thread at a time into the library, so reads queue up but do not clash.
    """

    path: str
    dataset: str
    size: tuple[int, int, int]
    pixels: np.dtype[Any]
    planar: bool
    packed: bool

    seekable_rows: ClassVar[bool] = True

    @property
    def costly(self) -> bool:  # type: ignore[override]  # a property of the file, not the class
        """Whether frames are compressed or in chunks."""
        return self.packed

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.size

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.pixels

    def read(self, frame: int) -> Frame:
        return self.read_rows(frame, 0, self.size[1])

    def read_rows(self, frame: int, y0: int, y1: int) -> Frame:
        h5py = optional("h5py", "HDF5 files")
        with explained(self.path, WHAT), h5py.File(self.path, "r") as file:
            data = file[self.dataset]
            rows = data[y0:y1] if self.planar else data[frame, y0:y1]
        return np.asarray(rows, dtype=self.pixels)


def open_hdf5(path: Path, dataset: str | None = None) -> Recording:
    """A movie from a data set of shape (t, y, x) or (y, x).

    Parameters
    ----------
    path : Path
    dataset : str, optional
        Path inside the file. Without it, the only stack of numbers (or, if there is none, the
        only image) is taken, and it is said which.
    """
    path = Path(path)
    size = file_size(path, WHAT)
    h5py = optional("h5py", "HDF5 files")
    notes: list[str] = []
    with explained(path, WHAT), h5py.File(str(path), "r") as file:
        if dataset is None:
            dataset = _only_stack(path, file, h5py)
            notes.append(f"data set {dataset}, the only one that can be a movie")
        data = file.get(dataset)
        if data is None:
            raise BeamwatchError(
                f"{path} has no data set {dataset}; it has {_listed(_candidates(file, h5py))}"
            )
        if not isinstance(data, h5py.Dataset):
            raise BeamwatchError(
                f"{dataset} in {path} is a group; it has " + _listed(_candidates(data, h5py))
            )
        frames = _frames(path, data, size)
    return Recording(frames=frames, path=str(path), notes=tuple(notes))


def _frames(path: Path, data: Any, size: int) -> FrameSource:
    shape, dtype = tuple(int(n) for n in data.shape or ()), data.dtype
    if not _is_numeric(dtype):
        raise BeamwatchError(f"{data.name} in {path} holds {dtype}, not real numbers")
    if len(shape) not in (2, 3):
        raise BeamwatchError(
            f"{data.name} in {path} has the shape {shape}; a movie has three dimensions (t, y, x)"
        )
    if 0 in shape:
        raise BeamwatchError(f"{data.name} in {path} holds no pixels: its shape is {shape}")
    planar = len(shape) == 2
    count, height, width = (1, *shape) if planar else shape
    frame_bytes = height * width * dtype.itemsize
    stored = int(data.id.get_storage_size())
    start = data.id.get_offset()
    if data.chunks is None and start is not None and not data.external:
        # One block of plain pixels: no need of the library to read it.
        if start + count * frame_bytes > size:
            raise BeamwatchError(f"{path} breaks off inside {data.name} (an interrupted copy?)")
        starts = range(start, start + count * frame_bytes, frame_bytes)
        return RawFrames(str(path), dtype, starts, height, width)
    check_frame_bytes(path, frame_bytes, min(stored, size))
    if data.chunks is not None:
        check_frame_bytes(path, math.prod(data.chunks) * dtype.itemsize, min(stored, size))
    return Hdf5Frames(
        str(path),
        data.name,
        (count, height, width),
        dtype.newbyteorder("="),
        planar,
        data.chunks is not None,
    )


def _only_stack(path: Path, file: Any, h5py: Any) -> str:
    found = _candidates(file, h5py)
    stacks = [one for one in found if len(one[1]) == 3] or found
    if not stacks:
        raise BeamwatchError(f"{path} holds no data set that can be a movie (t, y, x)")
    if len(stacks) > 1:
        raise BeamwatchError(
            f"{path} holds several data sets; say which one with dataset=: {_listed(stacks)}"
        )
    return stacks[0][0]


def _candidates(group: Any, h5py: Any) -> list[tuple[str, tuple[int, ...]]]:
    """Names and shapes of numeric data sets with two or three dimensions."""
    found: list[tuple[str, tuple[int, ...]]] = []
    seen = 0

    def look(_: str, node: Any) -> bool | None:
        nonlocal seen
        seen += 1
        if isinstance(node, h5py.Dataset) and node.shape is not None:
            shape = tuple(int(n) for n in node.shape)
            if len(shape) in (2, 3) and 0 not in shape and _is_numeric(node.dtype):
                found.append((node.name, shape))
        return True if seen > MOST_NODES else None

    group.visititems(look)
    return found


def _is_numeric(dtype: np.dtype[Any]) -> bool:
    return dtype.kind in "uifb" and dtype.itemsize <= 8 and not dtype.names


def _listed(found: list[tuple[str, tuple[int, ...]]]) -> str:
    if not found:
        return "none that can be a movie"
    said = ", ".join(f"{name} {shape}" for name, shape in found[:MOST_LISTED])
    return said + (f" and {len(found) - MOST_LISTED} more" if len(found) > MOST_LISTED else "")
