"""Images in files of other programs, which may hold several, and the movie among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.stored_arrays import MOST_LISTED, Index
from napari_beamwatch.movies.formats.units import is_reciprocal, to_angstrom, to_seconds
from napari_beamwatch.movies.frames import FrameSource
from napari_beamwatch.movies.plausible import FRAME_TIME, believable, believable_pixel_size
from napari_beamwatch.movies.recording import Recording, Stated, stated_conditions

DIFFRACTION = "diffraction"

SUCCESSIVE = "frames"
"""Unit of an axis of frames that a camera took one after the other, each for its exposure."""

Roles = tuple[int | None, ...]
"""For each axis of an array, 0 for t, 1 for y, 2 for x, None for one of length 1."""

Opened = tuple[FrameSource, tuple[str, ...]]
"""Frames, and the names of other files that hold pixels of them."""


class Node(Protocol):
    """A group of named things in a file."""

    def attribute(self, name: str) -> Any:
        """A number or text; None if there is none of that name."""

    def child(self, name: str) -> Node | None:
        """The group of that name."""


@dataclass(frozen=True)
class SignalAxis:
    """One axis: length, what a step along it is, its unit, and whether it is no image's."""

    size: int
    step: float | None = None
    unit: str = ""
    navigate: bool = False


@dataclass(frozen=True)
class Said:
    """What a file says of how a signal was recorded; None where it says nothing."""

    exposure: float | None = None
    voltage: float | None = None
    magnification: float | None = None
    mode: str | None = None
    camera: str | None = None
    microscope: str | None = None
    specimen: str | None = None
    recorded: str | None = None
    tilt: float | None = None


@dataclass(frozen=True, eq=False)
class Signal:
    """An array of a file, with what is said of it.

    Attributes
    ----------
    dataset : str
        The name to open it by again.
    title : str
    dtype : dtype
    axes : tuple of SignalAxis
        In the order of the array.
    open : callable
        Given the role of each axis, its frames.
    shown : tuple of int
        The array's axes in the order in which they are shown, x last; as they are, if empty.
    said : Said
    warnings : tuple of str
    """

    dataset: str
    title: str
    dtype: np.dtype[Any]
    axes: tuple[SignalAxis, ...]
    open: Callable[[Roles], Opened]
    shown: Index = ()
    said: Said = field(default_factory=Said)
    warnings: tuple[str, ...] = ()

    @property
    def ordered(self) -> list[SignalAxis]:
        """Axes as they are shown."""
        return [self.axes[i] for i in self.shown or range(len(self.axes))]

    @property
    def shape(self) -> Index:
        """Lengths of the axes as they are shown."""
        return tuple(axis.size for axis in self.ordered)


def recording_of(path: Path, signals: Sequence[Signal], dataset: str | None) -> Recording:
    """The movie that is meant.

    Parameters
    ----------
    path : Path
    signals : sequence of Signal
        All that the file holds.
    dataset : str, optional
        Title, number or name of one of them.
    """
    signal, notes = _chosen(path, signals, dataset)
    order = signal.shown or tuple(range(len(signal.axes)))
    roles: list[int | None] = [None if axis.size == 1 else 0 for axis in signal.axes]
    roles[order[-2]], roles[order[-1]] = 1, 2
    frames, others = signal.open(tuple(roles))
    if others:
        notes.append(f"its pixels are read from {', '.join(others)} beside it")
    axes, said = signal.ordered, signal.said
    pixel_size, mode, warnings = pixel_size_along(axes[-2], axes[-1], said.mode, notes)
    conditions, origins = stated_conditions(
        {
            "voltage_kV": believable(said.voltage, 1, 4000),
            "magnification": believable(said.magnification, 1, 1e8),
            "imaging_mode": mode,
            "camera": said.camera,
            "microscope": said.microscope,
            "specimen": said.specimen,
            "recorded": said.recorded,
            "tilt_deg": said.tilt,
        },
        "file",
    )
    return Recording(
        frames=frames,
        path=str(path),
        pixel_size=pixel_size,
        frame_time=frame_time_along(axes, said),
        conditions=conditions,
        condition_origins=origins,
        warnings=(*signal.warnings, *warnings),
        notes=tuple(notes),
    )


def _chosen(path: Path, signals: Sequence[Signal], dataset: str | None) -> tuple[Signal, list[str]]:
    """The signal that is meant, and a note if there were others."""
    if dataset is not None:
        for i, signal in enumerate(signals):
            if dataset in (str(i), signal.title, signal.dataset):
                problem = _problem(signal)
                if problem:
                    raise BeamwatchError(f"{dataset} in {path} {problem}")
                return signal, [f"signal {i} ({signal.title})"]
        raise BeamwatchError(f"{path} has no signal {dataset}; it has {_listed(signals)}")
    usable = [i for i, signal in enumerate(signals) if not _problem(signal)]
    if not usable:
        if len(signals) == 1:
            raise BeamwatchError(f"{path} {_problem(signals[0])}")
        raise BeamwatchError(f"{path} holds no images: {_listed(signals) or 'nothing at all'}")
    stacks = [i for i in usable if _long_axes(signals[i]) == 3] or usable
    if len(stacks) > 1:
        raise BeamwatchError(
            f"{path} holds several signals; say which one with dataset=: {_listed(signals)}"
        )
    chosen = signals[stacks[0]]
    if len(signals) > 1:
        return chosen, [f"signal {stacks[0]} ({chosen.title}) of {len(signals)} in the file"]
    return chosen, []


def _listed(signals: Sequence[Signal]) -> str:
    said = ", ".join(
        f"{i} ({one.title}, shape {one.shape})" for i, one in enumerate(signals[:MOST_LISTED])
    )
    more = len(signals) - MOST_LISTED
    return said + (f" and {more} more" if more > 0 else "")


def _long_axes(signal: Signal) -> int:
    """Dimensions, those of length one before the last two left out."""
    return 2 + sum(1 for n in signal.shape[:-2] if n != 1)


def _problem(signal: Signal) -> str:
    """Why a signal is no movie; empty if it is one."""
    dtype, shape, axes = signal.dtype, signal.shape, signal.ordered
    if dtype.kind == "c" or (dtype.names and len(dtype.names) == 2):
        return "holds complex numbers (a Fourier transform or a hologram), not images"
    if dtype.names:
        return "holds colour pictures; a movie has grey values only"
    if dtype.kind not in "uifb" or dtype.itemsize > 8:
        return f"holds {dtype}, not real numbers"
    if len(shape) < 2 or shape[-1] < 2 or shape[-2] < 2:
        return f"holds an array of shape {shape}, not images"
    if any(axis.unit.lower() in ("ev", "kev") for axis in axes):
        return "holds spectra, not images"
    if _long_axes(signal) > 3:
        return f"holds an array of shape {shape}; a movie has three dimensions"
    if 0 in shape:
        return f"holds no pixels: its shape is {shape}"
    if len(axes) >= 3 and axes[-1].navigate and not axes[0].navigate:
        return "has its frames along the last axis, which is not read"
    return ""


def pixel_size_along(
    y: SignalAxis, x: SignalAxis, mode: str | None, notes: list[str]
) -> tuple[Stated | None, str | None, tuple[str, ...]]:
    """Pixel size, imaging mode, warnings."""
    if is_reciprocal(x.unit):
        notes.append(f"the axes are in {x.unit}: diffraction, which has no pixel size")
        return None, DIFFRACTION, ()
    if mode == DIFFRACTION:
        notes.append("the file says that it is diffraction, which has no pixel size")
        return None, DIFFRACTION, ()
    size_y, size_x = to_angstrom(y.step or 0.0, y.unit), to_angstrom(x.step or 0.0, x.unit)
    if size_x is None or size_y is None:
        return None, mode, ()
    if size_x > 0 and size_y > 0 and abs(size_x / size_y - 1) > 0.01:
        warning = (
            f"the pixel sizes along x ({size_x:g} Å) and y ({size_y:g} Å) differ: neither is used"
        )
        return None, mode, (warning,)
    pixel_size, said = believable_pixel_size(size_x, "file")
    return pixel_size, mode, said


def frame_time_along(axes: Sequence[SignalAxis], said: Said) -> Stated | None:
    """From a time axis; of a single image, its exposure."""
    before = axes[:-2]
    long = [axis for axis in before if axis.size != 1]
    exposure = None if long else believable(said.exposure, 1e-6, 1e6)
    if exposure:
        return Stated(exposure, "exposure in the file")
    for axis in (long or before)[:1]:
        step = None if axis.step is None else to_seconds(axis.step, axis.unit)
        seconds = believable(step, *FRAME_TIME)
        if seconds:
            return Stated(seconds, "time axis of the file")
    exposure = believable(said.exposure, 1e-6, 1e6)
    if exposure and [axis.unit for axis in long] == [SUCCESSIVE]:
        return Stated(exposure, "exposure of a frame in the file")
    return None


def number(value: Any) -> float | None:
    """A finite number that a file states as one or as text."""
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if np.isfinite(found) else None


def text(value: Any) -> str | None:
    """A text without line breaks; None if nothing is said."""
    if not isinstance(value, str | int | float):
        return None
    said = " ".join(str(value).split())[:200]
    return said if said and said not in ("_None_", "[]", "<undefined>") else None
