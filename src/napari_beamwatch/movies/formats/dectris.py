"""Masters of Dectris cameras: HDF5 files that link to the files of their frames, in order.

References
----------
1. Dectris, "NeXus/HDF5 master file" in the SIMPLON API reference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_beamwatch.movies.formats.extras import optional
from napari_beamwatch.movies.formats.hdf5_objects import member, opened
from napari_beamwatch.movies.formats.signals import number, text
from napari_beamwatch.movies.formats.stored_arrays import StoredArray, is_numeric, read_small
from napari_beamwatch.movies.plausible import FRAME_TIME, believable

DATA = "/entry/data"
MOST_FILES = 10_000
LONGEST_TEXT = 1024
"""Bytes."""

_PIECE = re.compile(r"data_\d{6}")


@dataclass(frozen=True)
class Master:
    """What a master says.

    Attributes
    ----------
    pieces : tuple of str
        Names of the data sets whose frames follow each other.
    frame_time : float or None
        Seconds.
    camera : str or None
    """

    pieces: tuple[str, ...]
    frame_time: float | None = None
    camera: str | None = None


def master(path: Path) -> Master | None:
    """What a file says if it is a master; else None."""
    with opened(path) as file:
        data = _below(file, "entry", "data")
        if data is None or len(data) > MOST_FILES:
            return None
        pieces = tuple(f"{DATA}/{name}" for name in sorted(data) if _PIECE.fullmatch(name))
        if not pieces:
            return None
        detector = _below(file, "entry", "instrument", "detector")
        seconds = number(_scalar(detector, "frame_time"))
        return Master(
            pieces,
            believable(seconds, *FRAME_TIME),
            text(_scalar(detector, "description")),
        )


def masked_pixels(mask: StoredArray, size: tuple[int, int]) -> int:
    """Pixels without a detector behind them, or left out by it."""
    if mask.shape != size or mask.dtype.kind not in "ui":
        return 0
    return int(np.count_nonzero(read_small(mask, (0, 0), size)))


def mask_of(file: Any) -> Any:
    """The data set that says which pixels are none; None if there is none that is plain numbers."""
    h5py = optional("h5py", "HDF5 files")
    specific = _below(file, "entry", "instrument", "detector", "detectorSpecific")
    mask: Any = None if specific is None else member(specific, "pixel_mask")
    if not isinstance(mask, h5py.Dataset) or not is_numeric(mask.dtype):
        return None
    return None if mask.is_virtual or mask.external else mask


def mask_warning(path: Path, count: int) -> str:
    """What to do about them."""
    return (
        f"{count} pixels that the mask of {path.name} leaves out hold the largest number of their "
        "type, which adds to the counts: open with gain= and a reference that is 0 there, 1 "
        "elsewhere"
    )


def _below(group: Any, *names: str) -> Any:
    """The group at the end of a path of hard links; None where there is none."""
    h5py = optional("h5py", "HDF5 files")
    for name in names:
        group = member(group, name)
        if not isinstance(group, h5py.Group):
            return None
    return group


def _scalar(group: Any, name: str) -> Any:
    """A number or text that is a data set of its own; None if there is none."""
    h5py = optional("h5py", "HDF5 files")
    data = None if group is None else member(group, name)
    if not isinstance(data, h5py.Dataset) or data.shape not in ((), (1,)):
        return None
    plain = not (data.chunks or data.external or data.is_virtual)
    # Texts of any length lie in heaps, over which the library may loop.
    if not plain or data.dtype.kind not in "uifS" or data.dtype.itemsize > LONGEST_TEXT:
        return None
    value = data[()]
    value = value[0] if isinstance(value, np.ndarray) and value.size else value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
