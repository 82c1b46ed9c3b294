"""A data set inside an HDF5 file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.dectris import (
    DATA,
    Master,
    mask_of,
    mask_warning,
    masked_pixels,
    master,
)
from napari_beamwatch.movies.formats.extras import optional
from napari_beamwatch.movies.formats.foreign_errors import explained, file_size
from napari_beamwatch.movies.formats.hdf5_frames import (
    WHAT,
    dataset_frames,
    stored_array,
    virtual_frames,
)
from napari_beamwatch.movies.formats.hdf5_objects import (
    Place,
    attribute,
    datasets,
    linked,
    opened,
    place_of,
)
from napari_beamwatch.movies.formats.joined import JoinedFrames
from napari_beamwatch.movies.formats.nexus import axis_data, axis_names, axis_of, default_signal
from napari_beamwatch.movies.formats.signals import (
    Said,
    SignalAxis,
    frame_time_along,
    pixel_size_along,
)
from napari_beamwatch.movies.formats.stored_arrays import Index, is_numeric, listed
from napari_beamwatch.movies.frames import FrameSource
from napari_beamwatch.movies.recording import Recording, Stated, stated_conditions


def open_hdf5(path: Path, dataset: str | None = None) -> Recording:
    """A movie from a data set of shape (t, y, x) or (y, x), or from a Dectris master.

    Parameters
    ----------
    path : Path
    dataset : str, optional
        Path inside the file. Without it, the only stack of numbers (or, if there is none, the
        only image, or among several the one that the file calls its default) is taken, and it is
        said which.
    """
    path = Path(path)
    file_size(path, WHAT)
    notes: list[str] = []
    with explained(path, WHAT):
        if dataset is None or dataset.strip("/") == DATA.strip("/"):
            known = master(path)
            if known is not None:
                return _of_master(path, known)
        if dataset is None:
            dataset, why = _only_stack(path)
            notes.append(f"data set {dataset}, {why}")
        place = place_of(path, dataset)
        if place is None:
            raise BeamwatchError(f"{path} has no data set {dataset}; it has {_listed(path)}")
        notes += [f"read from {name}, to which a link leads" for name in place.through]
        frames, others = _frames(place, dataset)
        if others:
            notes.append(f"its pixels are read from {', '.join(others)} beside it")
        axes = _axes(place)
        pixel_size, mode, warnings = pixel_size_along(axes[-2], axes[-1], None, notes)
    conditions, origins = stated_conditions({"imaging_mode": mode}, "file")
    return Recording(
        frames=frames,
        path=str(path),
        pixel_size=pixel_size,
        frame_time=frame_time_along(axes, Said()),
        conditions=conditions,
        condition_origins=origins,
        warnings=warnings,
        notes=tuple(notes),
    )


def _of_master(path: Path, known: Master) -> Recording:
    """All frames of the files that a Dectris master links to."""
    parts: list[FrameSource] = []
    others: dict[str, None] = {}
    for name in known.pieces:
        place = place_of(path, name)
        if place is None:
            raise BeamwatchError(f"{path} links to {name}, which is not there")
        frames, more = _frames(place, DATA)
        if parts and (frames.shape[1:], frames.dtype) != (parts[0].shape[1:], parts[0].dtype):
            raise BeamwatchError(f"{path}: the frames in {name} are of another size or type")
        parts.append(frames)
        others.update(dict.fromkeys((*place.through, *more)))
    listed_names = [*others][:3] + (["…"] if len(others) > 3 else [])
    said = f", from {', '.join(listed_names)}" if others else ""
    masked = 0
    with opened(path) as file:
        mask = mask_of(file)
        if mask is not None:
            masked = masked_pixels(stored_array(path, mask), parts[0].shape[1:])
    conditions, origins = stated_conditions({"camera": known.camera}, "file")
    return Recording(
        frames=JoinedFrames(tuple(parts), DATA),
        path=str(path),
        frame_time=None if known.frame_time is None else Stated(known.frame_time, "frame_time"),
        conditions=conditions,
        condition_origins=origins,
        warnings=(mask_warning(path, masked),) if masked else (),
        notes=(f"{len(parts)} data sets of a Dectris master one after the other{said}",),
    )


def _axes(place: Place) -> list[SignalAxis]:
    """Axes of a data set as NeXus describes them."""
    with opened(place.path) as file:
        data = file[place.name]
        axes = [SignalAxis(int(n)) for n in data.shape]
        for i, name in enumerate(axis_names(data)):
            values = axis_data(data, name)
            if values is not None:
                stored = stored_array(place.path, values)
                axes[i] = axis_of(axes[i].size, stored, attribute(values, "units"))
    return axes


def _frames(place: Place, asked: str) -> tuple[FrameSource, tuple[str, ...]]:
    """Frames of the data set that was asked for, and other files that hold pixels of it."""
    path, name = place.path, place.name
    h5py = optional("h5py", "HDF5 files")
    with opened(path) as file:
        data = file[name]
        if not isinstance(data, h5py.Dataset):
            found = listed(_candidates(data))
            raise BeamwatchError(f"{name} in {path} is a group; it has {found}")
        shape = tuple(int(n) for n in data.shape or ())
        if len(shape) not in (2, 3):
            raise BeamwatchError(
                f"{name} in {path} has the shape {shape}; a movie has three dimensions (t, y, x)"
            )
        if data.is_virtual:
            return virtual_frames(path, data, asked)
        return dataset_frames(path, data, (0, 1, 2)[-len(shape) :], asked)


def _only_stack(path: Path) -> tuple[str, str]:
    """Name of the data set that can be a movie, and why it is this one."""
    with opened(path) as file:
        found = _candidates(file)
        stacks = [one for one in found if len(one[1]) == 3] or found
        if not stacks:
            links = linked(file)
            hint = f"; it has links: say which with dataset=: {', '.join(links)}" if links else ""
            raise BeamwatchError(f"{path} holds no data set that can be a movie (t, y, x){hint}")
        if len(stacks) == 1:
            return stacks[0][0], "the only one that can be a movie"
        default = default_signal(file)
    if default not in dict(stacks):
        raise BeamwatchError(
            f"{path} holds several data sets; say which one with dataset=: {listed(stacks)}"
        )
    return default, "which the file calls its default"


def _listed(path: Path) -> str:
    with opened(path) as file:
        return listed(_candidates(file))


def _candidates(group: Any) -> list[tuple[str, Index]]:
    """Names and shapes of numeric data sets with two or three dimensions."""
    found = []
    for name, data in datasets(group):
        shape = tuple(int(n) for n in data.shape or ())
        if len(shape) in (2, 3) and 0 not in shape and is_numeric(data.dtype):
            found.append((name, shape))
    return found
