"""Arrays in memory that know their axes: signals of HyperSpy, and DataArrays of xarray.

Neither package is imported: what is needed is told from the attributes alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import dask.array as da
import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.signals import (
    Opened,
    Roles,
    Said,
    Signal,
    SignalAxis,
    number,
    recording_of,
    text,
)
from napari_beamwatch.movies.frames import ArrayFrames, DaskBlocks, DaskFrames
from napari_beamwatch.movies.recording import Recording, StatedDose

DOSE, DOSE_START = "dose_e_per_A2", "dose_start_e_per_A2"
"""Coordinates along the frames: accumulated dose at the end and at the start of each."""

EVEN = 1e-3
"""Relative difference of the steps of a coordinate that is rounding."""

TEM = "Acquisition_instrument.TEM."


@runtime_checkable
class HyperspySignal(Protocol):
    """What we know of a signal."""

    data: Any
    axes_manager: Any
    metadata: Any


@runtime_checkable
class DataArray(Protocol):
    """What we know of a DataArray."""

    data: Any
    dims: Any
    coords: Any
    attrs: Any


Labelled = HyperspySignal | DataArray
"""An array with axes."""


def open_labelled(source: Labelled) -> Recording:
    """The movie in an array that knows its axes: frames first, then rows and columns."""
    if isinstance(source, HyperspySignal):
        array, axes, said = source.data, _hyperspy_axes(source), _hyperspy_said(source)
    else:
        array = source.data
        dims = tuple(map(str, source.dims))
        if {"y", "x"} <= set(dims) and dims[-2:] != ("y", "x"):
            raise BeamwatchError(
                f"the dimensions are {', '.join(dims)}; a movie has t, y, x: transpose does that"
            )
        axes = tuple(
            _coordinate_axis(source, dim, n) for dim, n in zip(dims, array.shape, strict=True)
        )
        said = Said()
    name = "the signal" if isinstance(source, HyperspySignal) else "the DataArray"
    if len(axes) != array.ndim:
        raise BeamwatchError(f"{name} has {len(axes)} axes for {array.ndim} dimensions")
    signal = Signal("", name, np.dtype(array.dtype), axes, _opener(array), said=said)
    recording = replace(recording_of(Path(name), [signal], None), path="")
    return recording if isinstance(source, HyperspySignal) else _with_dose(recording, source)


def _opener(array: Any) -> Callable[[Roles], Opened]:
    def opened(roles: Roles) -> Opened:
        # Axes of length one come first: then rows and columns are the last two, as they must be.
        stack = array.reshape((-1, *array.shape[-2:])) if array.ndim != 3 else array
        if isinstance(stack, da.Array):
            return DaskFrames(DaskBlocks(stack)), ()
        return ArrayFrames(np.asarray(stack)), ()

    return opened


def _hyperspy_axes(signal: HyperspySignal) -> tuple[SignalAxis, ...]:
    manager = signal.axes_manager
    if len(manager.signal_axes) != 2:
        raise BeamwatchError(
            f"the signal has {len(manager.signal_axes)} signal axes; images have two: "
            "as_signal2D says which"
        )
    axes = [*manager.navigation_axes, *manager.signal_axes]
    return tuple(
        SignalAxis(
            int(axis.size),
            number(getattr(axis, "scale", None)),  # an axis that is not uniform has none
            text(getattr(axis, "units", None)) or "",
            bool(axis.navigate),
        )
        for axis in sorted(axes, key=lambda one: int(one.index_in_array))
    )


def _hyperspy_said(signal: HyperspySignal) -> Said:
    def told(path: str) -> Any:
        return signal.metadata.get_item(TEM + path, default=None)

    return Said(
        exposure=number(told("Detector.Camera.exposure")),
        voltage=number(told("beam_energy")),
        magnification=number(told("magnification")),
        mode=text(told("acquisition_mode")),
        microscope=text(told("microscope")),
    )


def _coordinate_axis(array: DataArray, dim: str, size: int) -> SignalAxis:
    """An axis by the coordinate of its name; without a step if that is missing or uneven."""
    if dim not in array.coords or size < 2:
        return SignalAxis(size)
    coordinate = array.coords[dim]
    unit = text(coordinate.attrs.get("units")) or ""
    try:
        steps = np.diff(np.asarray(coordinate.data, np.float64))
    except (TypeError, ValueError):  # names, or days
        return SignalAxis(size, None, unit)
    step = float(steps.mean())
    even = step > 0 and float(np.abs(steps - step).max()) <= EVEN * step
    return SignalAxis(size, step if even else None, unit)


def _with_dose(recording: Recording, array: DataArray) -> Recording:
    """With the dose of each frame, where the array has both ends of it."""
    if DOSE not in array.coords or DOSE_START not in array.coords:
        return recording
    start, end = (np.asarray(array.coords[name].data, np.float64) for name in (DOSE_START, DOSE))
    if start.shape != (recording.frames.shape[0],) or start.shape != end.shape:
        raise BeamwatchError(
            f"the coordinates {DOSE_START} and {DOSE} need a number for each frame"
        )
    per_frame = end - start
    if not np.isfinite(per_frame).all() or (per_frame < 0).any():
        raise BeamwatchError(f"the coordinate {DOSE} must be {DOSE_START} or more everywhere")
    return replace(recording, dose=StatedDose(per_frame, "e/A2", f"coordinate {DOSE}"))
