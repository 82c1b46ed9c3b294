"""Zarr arrays, version 2 and 3, and OME-Zarr with its scales and units."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.extras import optional
from napari_beamwatch.movies.formats.foreign_errors import LARGEST_FRAME, explained
from napari_beamwatch.movies.formats.hdf5 import _is_numeric, _listed
from napari_beamwatch.movies.formats.units import is_reciprocal, to_angstrom, to_seconds
from napari_beamwatch.movies.frames import Frame, FrameSource
from napari_beamwatch.movies.plausible import believable, believable_pixel_size
from napari_beamwatch.movies.recording import Recording, Stated

WHAT = "a Zarr array"
LARGEST_CHUNK = 2**30
"""Bytes of a chunk in memory; a whole one is decoded for every frame in it."""


@dataclass(frozen=True, eq=False)
class ZarrFrames(FrameSource):
    """Frames of a Zarr array, whose store holds paths and no open files.

    Attributes
    ----------
    array : zarr.Array
    path : str
    axes : tuple of int or None
        For each axis of the array, 0 for t, 1 for y, 2 for x, None for one of length 1.
    size : tuple of int
        Frames, rows, columns.
    """

    array: Any
    path: str
    axes: tuple[int | None, ...]
    size: tuple[int, int, int]

    costly: ClassVar[bool] = True

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.size

    @property
    def dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = np.dtype(self.array.dtype).newbyteorder("=")
        return dtype

    def read(self, frame: int) -> Frame:
        return self.read_rows(frame, 0, self.size[1])

    def read_rows(self, frame: int, y0: int, y1: int) -> Frame:
        chosen = {None: 0, 0: frame, 1: slice(y0, y1), 2: slice(None)}
        with explained(self.path, WHAT):
            rows = np.asarray(self.array[tuple(chosen[axis] for axis in self.axes)])
            return rows.astype(self.dtype, copy=False)


@dataclass(frozen=True)
class _Axis:
    """One axis: its name, what a step along it is, and in which unit."""

    name: str
    step: float = 1.0
    unit: str = ""


def open_zarr(path: Path, dataset: str | None = None) -> Recording:
    """A movie from a Zarr array, or from a group that holds one.

    Parameters
    ----------
    path : Path
        The folder.
    dataset : str, optional
        Path of the array inside the group. Without it: the full resolution of an OME-Zarr
        image, or the only array that can be a movie.
    """
    path = Path(path)
    zarr = optional("zarr", "Zarr arrays")
    if not path.exists():
        raise BeamwatchError(f"there is no file {path}")
    notes: list[str] = []
    with explained(path, WHAT):
        node = zarr.open(str(path), mode="r")
        multiscale: dict[str, Any] | None = None
        if not isinstance(node, zarr.Array):
            multiscale = _multiscale(node)
            if dataset is None:
                dataset = _chosen(path, node, multiscale, zarr)
                notes.append(f"array {dataset} of the group")
            array = node.get(dataset)
        else:
            array = node
        if not isinstance(array, zarr.Array):
            raise BeamwatchError(
                f"{path} has no array {dataset}; it has {_listed(_candidates(node, zarr))}"
            )
        axes = _axes(array, multiscale, dataset, notes)
        frames = _frames(path, array, axes)
        named = {
            place: axis for place, axis in zip(frames.axes, axes, strict=True) if place is not None
        }
        pixel_size, warnings = _pixel_size(named, notes)
        frame_time = _frame_time(named)
    return Recording(
        frames=frames,
        path=str(path),
        pixel_size=pixel_size,
        frame_time=frame_time,
        warnings=warnings,
        notes=tuple(notes),
    )


def _multiscale(group: Any) -> dict[str, Any] | None:
    attributes = dict(group.attrs)
    ome = attributes.get("ome", attributes)  # version 0.5 keeps it one level down
    found = ome.get("multiscales") if isinstance(ome, dict) else None
    if isinstance(found, list) and found and isinstance(found[0], dict):
        return found[0]
    return None


def _chosen(path: Path, group: Any, multiscale: dict[str, Any] | None, zarr: Any) -> str:
    if multiscale and multiscale.get("datasets"):
        return str(multiscale["datasets"][0]["path"])
    found = _candidates(group, zarr)
    stacks = [one for one in found if len(one[1]) == 3] or found
    if not stacks:
        raise BeamwatchError(f"{path} holds no array that can be a movie (t, y, x)")
    if len(stacks) > 1:
        raise BeamwatchError(
            f"{path} holds several arrays; say which one with dataset=: {_listed(stacks)}"
        )
    return stacks[0][0]


def _candidates(node: Any, zarr: Any) -> list[tuple[str, tuple[int, ...]]]:
    if isinstance(node, zarr.Array):
        return [("", tuple(node.shape))]
    found = []
    for name, member in sorted(node.members(max_depth=4)):
        if not isinstance(member, zarr.Array) or not 2 <= len(member.shape) <= 5:
            continue
        if _is_numeric(np.dtype(member.dtype)):
            found.append((name, tuple(member.shape)))
    return found


def _axes(
    array: Any, multiscale: dict[str, Any] | None, dataset: str | None, notes: list[str]
) -> list[_Axis]:
    """Names, steps and units of the array's axes, from OME metadata or by position."""
    ndim = len(array.shape)
    plain = [_Axis(name) for name in "tczyx"[-ndim:]] if ndim != 3 else [*map(_Axis, "tyx")]
    if ndim < 2 or ndim > 5:
        return plain
    if multiscale is None:
        names = getattr(array.metadata, "dimension_names", None) or array.attrs.get(
            "_ARRAY_DIMENSIONS"
        )
        if names and len(names) == ndim and set(map(_short, names)) >= {"y", "x"}:
            return [_Axis(_short(name)) for name in names]
        return plain
    described = multiscale.get("axes") or []
    if len(described) != ndim:
        return plain
    scale = np.ones(ndim)
    level: list[Any] = [
        one for one in multiscale.get("datasets", []) if str(one.get("path")) == dataset
    ]
    for where in (multiscale, *level):
        for transform in where.get("coordinateTransformations") or []:
            factors = transform.get("scale")
            if transform.get("type") == "scale" and factors and len(factors) == ndim:
                scale = scale * np.asarray(factors, float)
    axes = []
    for axis, step in zip(described, scale, strict=True):
        said = axis if isinstance(axis, dict) else {"name": str(axis)}
        axes.append(_Axis(_short(said.get("name")), float(step), str(said.get("unit") or "")))
    return axes


def _short(name: Any) -> str:
    text = str(name or "").lower()
    return {"time": "t", "frame": "t", "frames": "t", "height": "y", "width": "x"}.get(text, text)


def _frames(path: Path, array: Any, axes: list[_Axis]) -> ZarrFrames:
    shape = tuple(int(n) for n in array.shape)
    dtype = np.dtype(array.dtype)
    names = [axis.name for axis in axes]
    if not _is_numeric(dtype):
        raise BeamwatchError(f"{path} holds {dtype}, not real numbers")
    if len(shape) != len(names) or "y" not in names or "x" not in names or names[-1] != "x":
        raise BeamwatchError(f"{path} has axes {shape} without y and x in the last places")
    if names.index("y") > names.index("x"):
        raise BeamwatchError(f"{path} has its x axis before its y axis")
    if 0 in shape:
        raise BeamwatchError(f"{path} holds no pixels: its shape is {shape}")
    places: list[int | None] = []
    long = []
    for name, n in zip(names, shape, strict=True):
        if name in "yx":
            places.append("tyx".index(name))
        elif n == 1:
            places.append(None)
        else:
            long.append(f"{name}: {n}")
            places.append(0)
    if len(long) > 1:
        raise BeamwatchError(
            f"{path} has more than a time axis ({', '.join(long)}); save one channel and one slice"
        )
    if any(name == "c" and n > 1 for name, n in zip(names, shape, strict=True)):
        raise BeamwatchError(f"{path} has several channels ({long[0]}); save one of them")
    count = shape[places.index(0)] if 0 in places else 1
    height, width = shape[names.index("y")], shape[names.index("x")]
    chunk = math.prod(getattr(array, "shards", None) or array.chunks) * dtype.itemsize
    if height * width * dtype.itemsize > LARGEST_FRAME or chunk > LARGEST_CHUNK:
        raise BeamwatchError(
            f"{path} promises frames of {height} by {width} pixels in chunks of "
            f"{chunk / 2**20:.0f} MB: broken, or not stored frame by frame"
        )
    return ZarrFrames(array, str(path), tuple(places), (count, height, width))


def _pixel_size(named: dict[int, _Axis], notes: list[str]) -> tuple[Stated | None, tuple[str, ...]]:
    y, x = named[1], named[2]
    if is_reciprocal(x.unit):
        notes.append(f"the axes are in {x.unit}: diffraction, which has no pixel size")
        return None, ()
    size_y, size_x = to_angstrom(y.step, y.unit), to_angstrom(x.step, x.unit)
    if size_y is None or size_x is None:
        return None, ()
    if size_y > 0 and size_x > 0 and abs(size_x / size_y - 1) > 0.01:
        return None, (
            f"the pixel sizes along x ({size_x:g} Å) and y ({size_y:g} Å) differ: neither is used",
        )
    return believable_pixel_size(size_x, "OME-Zarr metadata")


def _frame_time(named: dict[int, _Axis]) -> Stated | None:
    if 0 not in named:
        return None
    seconds = believable(to_seconds(named[0].step, named[0].unit), 1e-9, 1e6)
    return Stated(seconds, "OME-Zarr metadata") if seconds else None
