"""Axes and default data of NeXus files: a group of class NXdata says what its signal is along.

References
----------
1. NeXus: NXdata, https://manual.nexusformat.org/classes/base_classes/NXdata.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_beamwatch.movies.formats.extras import optional
from napari_beamwatch.movies.formats.hdf5_objects import LARGEST_ATTRIBUTE, attribute, member
from napari_beamwatch.movies.formats.signals import SignalAxis, number, text
from napari_beamwatch.movies.formats.stored_arrays import StoredArray, is_numeric, read_small

EVEN = 0.01
"""Relative departure of an axis's steps from their mean up to which they are one."""

DEEPEST = 8
"""Groups that ``default`` may lead down."""


def default_signal(file: Any) -> str | None:
    """Name of the data set that a file calls its default; None if it calls none so."""
    h5py = optional("h5py", "HDF5 files")
    group = file
    for _ in range(DEEPEST):
        name = attribute(group, "default")
        below = member(group, name) if isinstance(name, str) else None
        if not isinstance(below, h5py.Group):
            break
        group = below
    name = attribute(group, "signal")
    data = member(group, name) if isinstance(name, str) else None
    return str(data.name) if isinstance(data, h5py.Dataset) else None


def axis_names(data: Any) -> list[str]:
    """Names of a data set's axes by the group it lies in, or by itself; empty if none is said."""
    found = _texts(data.parent, "axes") or _texts(data, "axes")
    if len(found) == 1 and len(data.shape) > 1:  # older files: one text
        separator = ":" if ":" in found[0] else ","
        found = [name.strip() for name in found[0].strip("[]").split(separator)]
    return found if len(found) == len(data.shape) else []


def axis_data(data: Any, name: str) -> Any:
    """The list of values along an axis; None if there is none."""
    h5py = optional("h5py", "HDF5 files")
    values: Any = None if name in ("", ".") else member(data.parent, name)
    if not isinstance(values, h5py.Dataset) or not is_numeric(values.dtype):
        return None
    return None if values.is_virtual or values.external or len(values.shape) != 1 else values


def axis_of(size: int, values: StoredArray, unit: Any) -> SignalAxis:
    """An axis from the list of its values and its unit; without a step where these are uneven."""
    said = text(unit) or ""
    (count,) = values.shape
    if count != size or size < 2:
        return SignalAxis(size, unit=said)
    where = read_small(values, (0,), (count,)).astype(np.float64)
    steps = np.diff(where)
    mean = float((where[-1] - where[0]) / (count - 1))
    even = bool(np.isfinite(where).all() and (np.abs(steps - mean) <= EVEN * abs(mean)).all())
    return SignalAxis(size, number(abs(mean)) if even else None, said)


def _texts(node: Any, name: str) -> list[str]:
    """An attribute that is a text or a short list of them."""
    if name not in node.attrs:
        return []
    h5py = optional("h5py", "HDF5 files")
    which = node.attrs.get_id(name)
    if which.get_type().get_class() != h5py.h5t.STRING:
        return []
    if which.get_storage_size() > LARGEST_ATTRIBUTE:
        return []
    values = np.atleast_1d(node.attrs[name])
    return [
        value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        for value in values.ravel()[:DEEPEST].tolist()
    ]
