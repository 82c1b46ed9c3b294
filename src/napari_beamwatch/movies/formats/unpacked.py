"""Compressed files unpacked once to a temporary file that is bounded and goes away.

Each process has a folder for its copies among the temporary files, and a lock beside it. Whoever is
killed leaves both behind; the next to open a movie finds the lock free and clears them.
"""

from __future__ import annotations

import bz2
import contextlib
import os
import platform
import re
import secrets
import shutil
import sys
import tempfile
import weakref
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, ClassVar

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.locks import NoLocksError, lock, unlock
from napari_beamwatch.movies.formats.foreign_errors import explained, file_size
from napari_beamwatch.movies.frames import DerivedFrames, Frame

LARGEST_UNPACKED = 64 * 2**30
"""Bytes a compressed movie may unpack to."""

LEAVE_FREE = 2**30
"""Bytes of the disk of temporary files that stay free."""

UNSUSPICIOUS = 2**30
LARGEST_RATIO = 1000
"""Unpacked over packed size beyond `UNSUSPICIOUS` bytes; movies of counts reach about 100."""

MOST_CRUMBS = 1000
LEAST_MEMBER = 1024
"""Members of a packed file, and bytes that those beyond so many must unpack to in the mean: each
takes its time, and a million empty ones are 20 MB. Tools that pack in members make them larger."""

HEADER = 1024
BLOCK = 2**20


MARK = f"beamwatch-{re.sub(r'[^A-Za-z0-9]', '', platform.node()) or 'here'}-"
"""Of folders of this machine: of a disk that several share, locks may tell of one only."""
LOCK = ".lock"


class TemporaryCopy:
    """A temporary file that is removed with this object, at the latest at exit.

    A pickled copy borrows the file and removes nothing.
    """

    def __init__(self, path: str, owned: bool) -> None:
        self.path = path
        if owned:
            weakref.finalize(self, _remove, path, os.getpid())

    def __reduce__(self) -> tuple[type[TemporaryCopy], tuple[str, bool]]:
        return TemporaryCopy, (self.path, False)


@cache
def clear_left_over() -> None:
    """Remove what processes that were killed have unpacked; looked for once."""
    for path in Path(tempfile.gettempdir()).glob(f"{MARK}*{LOCK}"):
        with contextlib.suppress(OSError):
            handle = lock(path, make=False) if _is_ours(path) else None
            if handle is not None:
                shutil.rmtree(path.with_suffix(""), ignore_errors=True)
                unlock(handle, path)


@cache
def _folder(among: str, process: int) -> Path:
    """Where a process keeps its copies among the temporary files."""
    folder = Path(among, f"{MARK}{process}-{secrets.token_hex(4)}")
    handle = None
    with contextlib.suppress(NoLocksError):
        handle = lock(folder.with_suffix(LOCK))
    folder.mkdir(mode=0o700)
    weakref.finalize(unpack, _give_back, folder, handle, process)  # at exit, after those of copies
    return folder


def _give_back(folder: Path, handle: int | None, process: int) -> None:
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
        if handle is not None:
            unlock(handle, folder.with_suffix(LOCK))


def _is_ours(path: Path) -> bool:
    return sys.platform == "win32" or path.stat().st_uid == os.getuid()


@dataclass(frozen=True, eq=False)
class UnpackedFrames(DerivedFrames):
    """Frames of a temporary copy, which lives as long as they do."""

    copy: TemporaryCopy

    costly: ClassVar[bool] = False
    seekable_rows: ClassVar[bool] = True

    def read(self, frame: int) -> Frame:
        return self.base.read(frame)

    def read_rows(self, frame: int, y0: int, y1: int) -> Frame:
        return self.base.read_rows(frame, y0, y1)


def unpack(path: Path, expected: Callable[[bytes], int]) -> tuple[TemporaryCopy, bool]:
    """Unpack a ``.gz`` or ``.bz2`` file to a temporary one.

    Parameters
    ----------
    path : Path
    expected : callable
        Given the first 1024 unpacked bytes, the size that the file's own header promises;
        unpacking stops there, whatever else is packed.

    Returns
    -------
    copy : TemporaryCopy
    whole : bool
        False if the packed file breaks off.
    """
    zipped = path.suffix.lower() == ".gz"
    what = "a gzip file" if zipped else "a bzip2 file"
    packed = file_size(path, what)
    with explained(path, what), open(path, "rb") as file:
        blocks = _gunzipped(file) if zipped else _bunzipped(file)
        return _copied(path, what, blocks, expected, packed, Path(path.stem).suffix)


def unpack_deflated(
    path: Path, start: int, packed: int, expected: Callable[[bytes], int]
) -> tuple[TemporaryCopy, bool]:
    """Unpack a member of a zip file to a temporary one, as `unpack` does.

    Parameters
    ----------
    path : Path
    start, packed : int
        Where its bytes begin, and how many these are.
    expected : callable
    """
    what = "a zip file"
    with explained(path, what), open(path, "rb") as file:
        file.seek(start)
        return _copied(path, what, _inflated(file, packed), expected, packed, "")


def copied_stream(path: Path, blocks: Iterator[bytes], most: int) -> TemporaryCopy:
    """What a decoder makes of a file, in a temporary one; how much that will be is not known.

    Parameters
    ----------
    path : Path
        What is decoded, for messages.
    blocks : iterator of bytes
    most : int
        Bytes that a file of this size can mean.
    """
    copy, done = _new_copy(""), 0
    with open(copy.path, "wb") as out:
        for block in blocks:
            done += len(block)
            if done > most:
                raise BeamwatchError(
                    f"{path} decodes to more than {most / 2**30:.3g} GB: broken, or not meant well"
                )
            _check_room(path, done, done, left=len(block))
            out.write(block)
    return copy


def _new_copy(ending: str) -> TemporaryCopy:
    folder = _folder(tempfile.gettempdir(), os.getpid())
    handle, name = tempfile.mkstemp(suffix=ending, dir=folder)
    os.close(handle)
    return TemporaryCopy(name, owned=True)


def _copied(
    path: Path,
    what: str,
    blocks: Iterator[bytes],
    expected: Callable[[bytes], int],
    packed: int,
    ending: str,
) -> tuple[TemporaryCopy, bool]:
    """What comes in blocks in a temporary file, up to the size that its head promises."""
    head = b""
    for block in blocks:
        head += block
        if len(head) >= HEADER:
            break
    if not head:
        raise BeamwatchError(f"{path} is not {what}, or it breaks off at once")
    size = expected(head)
    _check_room(path, size, packed)
    copy = _new_copy(ending)
    done = min(size, len(head))
    with open(copy.path, "wb") as out:
        out.write(head[:size])
        while done < size:
            block = next(blocks, b"")[: size - done]
            if not block:
                break
            done += out.write(block)
    return copy, done == size


def _inflated(file: IO[bytes], left: int) -> Iterator[bytes]:
    """What a deflated stream of so many bytes holds; it just ends where it is damaged."""
    unzip = zlib.decompressobj(wbits=-15)
    packed = b""
    while not unzip.eof and (packed or left > 0):
        if not packed:
            packed = file.read(min(BLOCK, left))
            left -= len(packed)
            if not packed:
                return
        try:
            block = unzip.decompress(packed, BLOCK)
        except zlib.error:
            return
        packed = unzip.unconsumed_tail
        if block:
            yield block


def _gunzipped(file: IO[bytes]) -> Iterator[bytes]:
    """What a gzip file holds, block by block; it just ends where the file is damaged.

    Unlike `gzip.open`, which throws away what it unpacked last before a break.
    """
    unzip = zlib.decompressobj(wbits=31)
    packed, members, done = b"", 1, 0
    while packed := packed or file.read(BLOCK):
        try:
            block = unzip.decompress(packed, BLOCK)
        except zlib.error:
            return
        done += len(block)
        if block:
            yield block
        packed = unzip.unconsumed_tail
        if unzip.eof:  # another member may follow, or padding
            packed = unzip.unused_data.lstrip(b"\0")
            unzip = zlib.decompressobj(wbits=31)
            members += 1
            _check_crumbs(members, done)
    with contextlib.suppress(zlib.error):
        yield unzip.flush()


def _bunzipped(file: IO[bytes]) -> Iterator[bytes]:
    """What a bzip2 file holds, block by block; it just ends where the file is damaged."""
    unzip = bz2.BZ2Decompressor()
    members, done = 1, 0
    while True:
        packed = b""
        if unzip.eof:
            packed = unzip.unused_data
            unzip = bz2.BZ2Decompressor()
            members += 1
            _check_crumbs(members, done)
        if not packed and unzip.needs_input and not (packed := file.read(BLOCK)):
            return
        try:
            block = unzip.decompress(packed, BLOCK)
        except OSError:
            return
        done += len(block)
        if block:
            yield block


def _check_crumbs(members: int, done: int) -> None:
    if members > MOST_CRUMBS + done // LEAST_MEMBER:
        raise BeamwatchError(
            f"the compressed file is made of {members} and more parts that hold next to nothing: "
            "broken, or not meant well. If it is a movie, unpack it yourself and open the result"
        )


def _check_room(path: Path, size: int, packed: int, left: int | None = None) -> None:
    """Refuse what is too much for a disk, of which `left` bytes are still to be written."""
    if size > LARGEST_UNPACKED:
        raise BeamwatchError(
            f"{path} would unpack to {size / 2**30:.0f} GB, more than the "
            f"{LARGEST_UNPACKED / 2**30:.0f} GB allowed: unpack it yourself and open the result"
        )
    if size > max(UNSUSPICIOUS, LARGEST_RATIO * packed):
        raise BeamwatchError(
            f"{path} says that its {packed} bytes unpack to {size / 2**30:.1f} GB: broken, or not "
            "meant well. If it is a movie, unpack it yourself and open the result"
        )
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if (size if left is None else left) > free - LEAVE_FREE:
        raise BeamwatchError(
            f"{path} unpacks to {size / 2**30:.1f} GB, but {folder} has {free / 2**30:.1f} GB "
            "free: set TMPDIR to a larger disk, or unpack it yourself"
        )


def _remove(path: str, owner: int) -> None:
    if os.getpid() == owner:  # a forked child must not take the file from its parent
        with contextlib.suppress(OSError):
            os.unlink(path)
