"""The files of a Zarr store: plain files in one folder, or in one zip file, and no others."""

from __future__ import annotations

import json
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from napari_beamwatch.errors import BeamwatchError

LARGEST_METADATA = 8 * 2**20
"""Bytes of one file of metadata."""

BLOCK = 2**20
LOCAL_HEADER = 30
"""Bytes that stand before the name of an entry in a zip file."""

MOST_ENTRIES = 100_000
"""Entries of folders looked through for arrays, or of a zip file."""


class Store(Protocol):
    """Where the files of a Zarr hierarchy lie; names are paths with slashes."""

    @property
    def path(self) -> str:
        """The folder or file, as it was named."""

    def read(self, name: str, begin: int, most: int) -> bytes | None:
        """At most `most` bytes from `begin` on (from the end, if negative); None if absent."""

    def size(self, name: str) -> int | None:
        """Bytes of a file; None if it is absent."""

    def folders(self, name: str) -> list[str]:
        """Names of the folders in a folder, without those that are links."""

    def stored(self, name: str, enough: int) -> int:
        """Bytes of all files below a folder, counted up to `enough`."""


@dataclass(frozen=True)
class Folder:
    """A store in a folder.

    Attributes
    ----------
    path : str
    root : str
        The same, with every link on the way to it resolved.
    """

    path: str
    root: str

    def _path(self, name: str) -> str:
        path = os.path.join(self.root, *_parts(name))
        if not Path(os.path.realpath(path)).is_relative_to(self.root):
            raise BeamwatchError(
                f"{path} is a link out of its folder: only files inside it are read; copy the "
                "movie whole"
            )
        return path

    @contextmanager
    def _opened(self, name: str) -> Iterator[BinaryIO | None]:
        path = self._path(name)
        # A pipe without a writer would be waited for at opening.
        how = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        try:
            handle = os.open(path, how)
        except (FileNotFoundError, NotADirectoryError):
            yield None
            return
        except OSError as error:  # a socket has no reading end at all
            if os.path.lexists(path) and not os.path.isfile(path):
                raise BeamwatchError(f"{path} is no plain file") from error
            raise
        with open(handle, "rb", buffering=0) as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise BeamwatchError(f"{path} is no plain file")
            yield file

    def read(self, name: str, begin: int, most: int) -> bytes | None:
        with self._opened(name) as file:
            if file is None:
                return None
            size = os.fstat(file.fileno()).st_size
            begin = begin if begin >= 0 else max(0, size + begin)
            file.seek(begin)
            wanted = max(0, min(most, size - begin))
            pieces = []
            while wanted > 0 and (piece := file.read(wanted)):
                pieces.append(piece)
                wanted -= len(piece)
        return b"".join(pieces)

    def size(self, name: str) -> int | None:
        with self._opened(name) as file:
            return None if file is None else os.fstat(file.fileno()).st_size

    def folders(self, name: str) -> list[str]:
        with os.scandir(self._path(name)) as entries:
            found = []
            for i, entry in enumerate(entries):
                if i == MOST_ENTRIES:
                    raise BeamwatchError(f"{self.root} has too many files to look through")
                if entry.is_dir(follow_symlinks=False):
                    found.append(entry.name)
        return sorted(found)

    def stored(self, name: str, enough: int) -> int:
        found, left, waiting = 0, MOST_ENTRIES, [self._path(name)]
        while waiting and found < enough and left > 0:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    left -= 1
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        found += entry.stat(follow_symlinks=False).st_size
                    if found >= enough or left <= 0:
                        break
        return min(found, enough)


@dataclass(frozen=True, eq=False)
class Zip:
    """A store in a zip file, whose directory was read once.

    Attributes
    ----------
    path : str
    entries : dict
        For each name: where its header begins, how it is packed, packed and unpacked bytes.
    """

    path: str
    entries: dict[str, tuple[int, int, int, int]]

    @classmethod
    def of(cls, path: Path) -> Zip:
        """Read the directory of a zip file."""
        with zipfile.ZipFile(path) as file:
            infos = file.infolist()
        if len(infos) > MOST_ENTRIES:
            raise BeamwatchError(f"{path} holds {len(infos)} files: unpack it and open the folder")
        entries = {
            info.filename: (info.header_offset, info.compress_type, info.compress_size,
                            info.file_size)
            for info in infos if not info.flag_bits & 1
        }  # fmt: skip
        return cls(str(path), entries)

    def begin(self, name: str, file: BinaryIO) -> int:
        """Where the packed bytes of an entry begin in the opened file."""
        offset, *_ = self.entries["/".join(_parts(name))]
        file.seek(offset)
        head = file.read(LOCAL_HEADER)
        if head[:4] != b"PK\3\4":
            raise BeamwatchError(f"{self.path} is damaged: {name} is not where it should be")
        names = int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
        return offset + LOCAL_HEADER + names

    def read(self, name: str, begin: int, most: int) -> bytes | None:
        entry = self.entries.get("/".join(_parts(name)))
        if entry is None:
            return None
        _, how, packed_size, size = entry
        begin = begin if begin >= 0 else max(0, size + begin)
        most = max(0, min(most, size - begin))
        with open(self.path, "rb") as file:
            file.seek(self.begin(name, file))
            if how == zipfile.ZIP_STORED:
                file.seek(begin, 1)
                return file.read(min(most, max(0, packed_size - begin)))
            if how != zipfile.ZIP_DEFLATED:
                raise BeamwatchError(f"{name} in {self.path} is packed in a way that is not read")
            unzip, pieces, wanted = zlib.decompressobj(-zlib.MAX_WBITS), [b""], begin + most
            while wanted > 0 and packed_size > 0 and not unzip.eof:
                packed = file.read(min(packed_size, BLOCK))
                packed_size = packed_size - len(packed) if packed else 0
                pieces.append(unzip.decompress(packed, wanted))
                wanted -= len(pieces[-1])
        return b"".join(pieces)[begin : begin + most]

    def size(self, name: str) -> int | None:
        entry = self.entries.get("/".join(_parts(name)))
        return None if entry is None else entry[3]

    def folders(self, name: str) -> list[str]:
        above = "".join(f"{part}/" for part in _parts(name))
        below = {one[len(above) :].partition("/") for one in self.entries if one.startswith(above)}
        return sorted({first for first, slash, _ in below if slash and first})

    def stored(self, name: str, enough: int) -> int:
        above = "".join(f"{part}/" for part in _parts(name))
        return min(
            enough, sum(one[2] for path, one in self.entries.items() if path.startswith(above))
        )


def _parts(name: str) -> list[str]:
    parts = [part for part in name.split("/") if part]
    if any(part in (".", "..") or "\\" in part or "\0" in part or ":" in part for part in parts):
        raise BeamwatchError(f"{name!r} is no name inside a Zarr store")
    return parts


def open_store(path: Path) -> Store:
    """The store in a folder or in a zip file."""
    if path.is_dir():
        return Folder(str(path), os.path.realpath(path))
    if path.is_file() and zipfile.is_zipfile(path):
        return Zip.of(path)
    raise BeamwatchError(f"{path} is no folder, and no zip file either")


def read_json(store: Store, name: str) -> dict[str, Any] | None:
    """An object from a file of metadata; None if there is no such file."""
    text = store.read(name, 0, LARGEST_METADATA + 1)
    if text is None:
        return None
    if len(text) > LARGEST_METADATA:
        raise BeamwatchError(f"{name} holds more metadata than any Zarr store has")
    said = json.loads(text)
    if not isinstance(said, dict):
        raise BeamwatchError(f"{name} is no metadata of Zarr: it holds {type(said).__name__}")
    return said
