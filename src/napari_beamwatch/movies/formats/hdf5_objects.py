"""Objects of an HDF5 file, found link by link, and their attributes.

The library follows links into other files, wherever these lie, and without end in circles.
Here each link is looked at before it is followed.
"""

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
from napari_beamwatch.movies.formats.hdf5_rehearsal import rehearse

MOST_LINKS = 32
"""Links followed on the way to one object."""

MOST_NODES = 20_000
"""Objects looked at in a search."""

LARGEST_ATTRIBUTE = 2**16
"""Bytes."""


@dataclass(frozen=True, eq=False)
class Place:
    """Where an object really lies, reached without another link.

    Attributes
    ----------
    path : Path
    name : str
        Path inside the file.
    through : tuple of str
        Names of other files that links led to.
    """

    path: Path
    name: str
    through: tuple[str, ...] = ()


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """The file, to be read, once it is known that the library survives it."""
    h5py = optional("h5py", "HDF5 files")
    rehearse(path)
    with h5py.File(str(path), "r") as file:
        yield file


def place_of(path: Path, name: str, links: int = 0, through: tuple[str, ...] = ()) -> Place | None:
    """Where the object `name` lies; None if there is none.

    Raises
    ------
    BeamwatchError
        If links lead in a circle, or to a file that does not lie beside `path`.
    """
    h5py = optional("h5py", "HDF5 files")
    with opened(path) as file:
        at, parts, done = file, _parts(name), []
        while parts:
            part = parts.pop(0)
            if not isinstance(at, h5py.Group):
                return None
            link = at.get(part, getlink=True)
            if link is None:
                return None
            if isinstance(link, h5py.HardLink):
                at = at[part]
                done.append(part)
                continue
            links += 1
            if links > MOST_LINKS:
                raise BeamwatchError(f"links in {path} lead in a circle: {name} is nowhere")
            if isinstance(link, h5py.SoftLink):
                parts = _parts(link.path) + parts
                if link.path.startswith("/"):
                    at, done = file, []
            else:
                other = beside(path, str(link.filename))
                rest = "/".join([*_parts(link.path), *parts])
                return place_of(other, rest, links, (*through, other.name))
    return Place(path, "/" + "/".join(done), through)


def _parts(name: str) -> list[str]:
    return [part for part in name.split("/") if part not in ("", ".")]


def datasets(group: Any) -> Iterator[tuple[str, Any]]:
    """Data sets below a group, each once, by hard links only.

    Raises
    ------
    BeamwatchError
        If there are more than `MOST_NODES` objects.
    """
    h5py = optional("h5py", "HDF5 files")
    seen: set[int] = set()
    looked = 0
    waiting = [group]
    while waiting:
        here = waiting.pop()
        for name in here:
            looked += 1
            if looked > MOST_NODES:
                raise BeamwatchError(
                    f"{group.file.filename} holds more than {MOST_NODES} objects; say which data "
                    "set with dataset="
                )
            node = member(here, name)
            if node is None or (address := h5py.h5o.get_info(node.id).addr) in seen:
                continue
            seen.add(address)
            if isinstance(node, h5py.Dataset):
                yield str(node.name), node
            elif isinstance(node, h5py.Group):
                waiting.append(node)


def linked(group: Any) -> list[str]:
    """Names of links to other files below a group, with where they lead."""
    h5py = optional("h5py", "HDF5 files")
    found: list[str] = []

    def look(name: str, link: Any) -> bool | None:
        if isinstance(link, h5py.ExternalLink):
            found.append(f"{name} (in {link.filename})")
        return True if len(found) > MOST_LINKS else None

    group.visititems_links(look)
    return found


@dataclass(frozen=True, eq=False)
class Hdf5Group:
    """A group as `signals` looks at it: what hard links lead to, and small attributes."""

    group: Any

    def attribute(self, name: str) -> Any:
        """A number or text; None if there is none of that name."""
        return attribute(self.group, name)

    def child(self, name: str) -> Hdf5Group | None:
        """The group of that name."""
        h5py = optional("h5py", "HDF5 files")
        below = member(self.group, name)
        return Hdf5Group(below) if isinstance(below, h5py.Group) else None

    def names(self) -> list[str]:
        """Of what lies directly below."""
        if len(self.group) > MOST_NODES:
            raise BeamwatchError(f"{self.group.name} holds more than {MOST_NODES} objects")
        return sorted(self.group)


def member(group: Any, name: str) -> Any:
    """What a hard link of that name leads to; None if there is none."""
    h5py = optional("h5py", "HDF5 files")
    if "/" in name or not isinstance(group.get(name, getlink=True), h5py.HardLink):
        return None
    return group[name]


def attribute(node: Any, name: str) -> Any:
    """A number or text that an object has as an attribute, or None."""
    h5py = optional("h5py", "HDF5 files")
    if name not in node.attrs:
        return None
    which = node.attrs.get_id(name)
    kinds = (h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.STRING, h5py.h5t.ENUM)
    if which.get_type().get_class() not in kinds or which.get_storage_size() > LARGEST_ATTRIBUTE:
        return None
    value = node.attrs[name]
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, np.generic):
        value = value.item()
    return value if isinstance(value, str | int | float) else None
