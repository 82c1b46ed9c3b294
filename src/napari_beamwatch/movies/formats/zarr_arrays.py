"""Zarr arrays, version 2 and 3, and OME-Zarr with its scales and units.

Read here by hand, chunk by chunk: what a store may make a library do (see `packing`) is
then bounded by what this package knows, whichever versions are installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.foreign_errors import explained
from napari_beamwatch.movies.formats.stored_arrays import (
    StoredFrames,
    frames_of,
    is_numeric,
    listed,
)
from napari_beamwatch.movies.formats.units import is_reciprocal, to_angstrom, to_seconds
from napari_beamwatch.movies.formats.zarr_metadata import Array, Group, arrays_below, node
from napari_beamwatch.movies.formats.zarr_store import open_store
from napari_beamwatch.movies.plausible import FRAME_TIME, believable, believable_pixel_size
from napari_beamwatch.movies.recording import Recording, Stated, stated_conditions

WHAT = "a Zarr array"
DEEPEST = 4
MOST_NODES = 10_000
"""Groups and arrays that are looked through for movies."""


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
    if not path.exists():
        raise BeamwatchError(f"there is no file {path}")
    notes: list[str] = []
    with explained(path, WHAT):
        top = node(open_store(path), "")
        if top is None:
            raise BeamwatchError(f"{path} is not {WHAT}: it has no metadata of one")
        multiscale: dict[str, Any] | None = None
        array: Array | Group | None = top
        if isinstance(top, Group):
            multiscale = _multiscale(top)
            if dataset is None:
                dataset = _chosen(path, top, multiscale)
                notes.append(f"array {dataset} of the group")
            array = top.child(dataset)
        if not isinstance(array, Array):
            raise BeamwatchError(
                f"{path} has no array {dataset}; it has {listed(_candidates(top))}"
            )
        axes = _axes(array, multiscale, dataset, notes)
        frames = _frames(path, array, axes)
        named = {
            place: axis for place, axis in zip(frames.axes, axes, strict=True) if place is not None
        }
        pixel_size, mode, warnings = _pixel_size(named, notes)
        frame_time = _frame_time(named)
    conditions, origins = stated_conditions({"imaging_mode": mode}, "OME-Zarr metadata")
    return Recording(
        frames=frames,
        path=str(path),
        pixel_size=pixel_size,
        frame_time=frame_time,
        conditions=conditions,
        condition_origins=origins,
        warnings=warnings,
        notes=tuple(notes),
    )


def _multiscale(group: Group) -> dict[str, Any] | None:
    attributes = group.attributes
    ome = attributes.get("ome", attributes)  # version 0.5 keeps it one level down
    found = ome.get("multiscales") if isinstance(ome, dict) else None
    if isinstance(found, list) and found and isinstance(found[0], dict):
        return found[0]
    return None


def _chosen(path: Path, group: Group, multiscale: dict[str, Any] | None) -> str:
    if multiscale and multiscale.get("datasets"):
        return str(multiscale["datasets"][0]["path"])
    found = _candidates(group)
    stacks = [one for one in found if len(one[1]) == 3] or found
    if not stacks:
        raise BeamwatchError(f"{path} holds no array that can be a movie (t, y, x)")
    if len(stacks) > 1:
        raise BeamwatchError(
            f"{path} holds several arrays; say which one with dataset=: {listed(stacks)}"
        )
    return stacks[0][0]


def _candidates(top: Group | Array) -> list[tuple[str, tuple[int, ...]]]:
    if isinstance(top, Array):
        return [("", top.shape)]
    return [
        (name, array.shape)
        for name, array in sorted(arrays_below(top, DEEPEST, MOST_NODES), key=lambda one: one[0])
        if 2 <= len(array.shape) <= 5 and array.numeric
    ]


def _axes(
    array: Array, multiscale: dict[str, Any] | None, dataset: str | None, notes: list[str]
) -> list[_Axis]:
    """Names, steps and units of the array's axes, from OME metadata or by position."""
    ndim = len(array.shape)
    plain = [_Axis(name) for name in "tczyx"[-ndim:]] if ndim != 3 else [*map(_Axis, "tyx")]
    if ndim < 2 or ndim > 5:
        return plain
    if multiscale is None:
        if len(array.names) == ndim and set(map(_short, array.names)) >= {"y", "x"}:
            return [_Axis(_short(name)) for name in array.names]
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


def _frames(path: Path, array: Array, axes: list[_Axis]) -> StoredFrames:
    stored = array.stored()
    shape, dtype = stored.shape, stored.dtype
    names = [axis.name for axis in axes]
    if not is_numeric(dtype):
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
    return frames_of(stored, array.name, tuple(places), array.stored_bytes)


def _pixel_size(
    named: dict[int, _Axis], notes: list[str]
) -> tuple[Stated | None, str | None, tuple[str, ...]]:
    """Pixel size, imaging mode, warnings."""
    y, x = named[1], named[2]
    if is_reciprocal(x.unit):
        notes.append(f"the axes are in {x.unit}: diffraction, which has no pixel size")
        return None, "diffraction", ()
    size_y, size_x = to_angstrom(y.step, y.unit), to_angstrom(x.step, x.unit)
    if size_y is None or size_x is None:
        return None, None, ()
    if size_y > 0 and size_x > 0 and abs(size_x / size_y - 1) > 0.01:
        warning = (
            f"the pixel sizes along x ({size_x:g} Å) and y ({size_y:g} Å) differ: neither is used"
        )
        return None, None, (warning,)
    pixel_size, said = believable_pixel_size(size_x, "OME-Zarr metadata")
    return pixel_size, None, said


def _frame_time(named: dict[int, _Axis]) -> Stated | None:
    if 0 not in named:
        return None
    seconds = believable(to_seconds(named[0].step, named[0].unit), *FRAME_TIME)
    return Stated(seconds, "OME-Zarr metadata") if seconds else None
