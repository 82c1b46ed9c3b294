"""Signals that HyperSpy saved: ``.hspy`` (HDF5) and ``.zspy`` (Zarr).

References
----------
1. HyperSpy's HDF5 and zspy specifications, https://hyperspy.org/rosettasciio
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.hdf5_frames import frames_at
from napari_beamwatch.movies.formats.hdf5_objects import Hdf5Group, opened, place_of
from napari_beamwatch.movies.formats.signals import (
    DIFFRACTION,
    Node,
    Opened,
    Roles,
    Said,
    Signal,
    SignalAxis,
    number,
    text,
)
from napari_beamwatch.movies.formats.stored_arrays import Index, frames_of
from napari_beamwatch.movies.formats.zarr_metadata import Array, Group, node
from napari_beamwatch.movies.formats.zarr_store import open_store

MOST_SIGNALS = 1000


def hspy_signals(path: Path) -> list[Signal]:
    """Signals of an HSpy file."""
    signals = []
    with opened(path) as file:
        top = Hdf5Group(file).child("Experiments")
        if top is None:
            raise BeamwatchError(f"{path} is not an HSpy file: it holds no Experiments")
        for name in top.names()[:MOST_SIGNALS]:
            group = top.child(name)
            dataset = f"/Experiments/{name}/data"
            place = None if group is None else place_of(path, dataset)
            if group is None or place is None:
                continue
            with opened(place.path) as other:
                data = other[place.name]
                shape = tuple(int(n) for n in getattr(data, "shape", None) or ())
                dtype = getattr(data, "dtype", np.dtype("V1"))
            signals.append(_signal(dataset, name, group, shape, dtype, _in_hdf5(path, dataset)))
    return signals


def _in_hdf5(path: Path, dataset: str) -> Callable[[Roles], Opened]:
    return lambda roles: frames_at(path, dataset, roles)


def zspy_signals(path: Path) -> list[Signal]:
    """Signals of a zspy folder or zip file."""
    top = node(open_store(path), "Experiments")
    if not isinstance(top, Group):
        raise BeamwatchError(f"{path} is not a zspy file: it holds no Experiments")
    signals = []
    for name, group in _groups(top):
        array = group.child("data")
        if isinstance(array, Array):
            dtype = array.stored().dtype if array.numeric else np.dtype("V1")
            signals.append(
                _signal(array.name, name, _ZarrNode(group), array.shape, dtype, _in_zarr(array))
            )
    return signals


def _groups(top: Group) -> Iterator[tuple[str, Group]]:
    for i, (name, group) in enumerate(top.children()):
        if i < MOST_SIGNALS and isinstance(group, Group):
            yield name, group


def _in_zarr(array: Array) -> Callable[[Roles], Opened]:
    return lambda roles: (
        frames_of(array.stored(), array.name, roles, array.stored_bytes),
        (),
    )


@dataclass(frozen=True, eq=False)
class _ZarrNode:
    group: Group

    def attribute(self, name: str) -> Any:
        return self.group.attributes.get(name)

    def child(self, name: str) -> Node | None:
        below = self.group.child(name)
        return _ZarrNode(below) if isinstance(below, Group) else None


def _signal(
    dataset: str,
    name: str,
    group: Node,
    shape: Index,
    dtype: np.dtype[Any],
    opener: Callable[[Roles], Opened],
) -> Signal:
    metadata = group.child("metadata") or group.child("mapped_parameters")
    return Signal(
        dataset=dataset,
        title=_text(metadata, "General.title") or name,
        dtype=dtype,
        axes=_axes(group, shape),
        open=opener,
        said=_said(metadata, group.child("original_metadata")),
    )


def _axes(group: Node, shape: Index) -> tuple[SignalAxis, ...]:
    # Older files keep them one level down.
    below = group.child(f"_list_{len(shape)}_axes")
    axes = []
    for i, size in enumerate(shape):
        axis = group.child(f"axis-{i}") or (below.child(str(i)) if below is not None else None)
        if axis is None:
            axes.append(SignalAxis(size))
            continue
        axes.append(
            SignalAxis(
                size,
                number(axis.attribute("scale")),
                _text(axis, "units") or "",
                axis.attribute("navigate") is not None and bool(axis.attribute("navigate")),
            )
        )
    return tuple(axes)


def _said(metadata: Node | None, original: Node | None) -> Said:
    tem = "Acquisition_instrument.TEM."
    mode = _text(metadata, tem + "acquisition_mode")
    if "diffraction" in (_text(metadata, "Signal.signal_type") or "").lower():
        mode = DIFFRACTION
    date, time = (_text(metadata, f"General.{part}") for part in ("date", "time"))
    camera = _text(original, "ImageList.TagGroup0.ImageTags.Acquisition.Device.Name")
    exposure = _number(metadata, tem + "Detector.Camera.exposure")
    return Said(
        exposure=_number(metadata, tem + "Camera.exposure") if exposure is None else exposure,
        voltage=_number(metadata, tem + "beam_energy"),
        magnification=_number(metadata, tem + "magnification"),
        mode=mode,
        camera=camera
        or _text(original, "BinaryResult.Detector")
        or _text(metadata, tem + "Detector.Camera.Name"),
        microscope=_text(metadata, tem + "microscope"),
        specimen=_text(metadata, "Sample.description"),
        recorded=f"{date}T{time}" if date and time else date,
    )


def _value(top: Node | None, path: str) -> Any:
    *groups, name = path.split(".")
    for group in groups:
        top = None if top is None else top.child(group)
    return None if top is None else top.attribute(name)


def _text(top: Node | None, path: str) -> str | None:
    return text(_value(top, path))


def _number(top: Node | None, path: str) -> float | None:
    return number(_value(top, path))
