"""Walks through HDF5 files in processes that may die; a script of its own, see `hdf5_rehearsal`.

Of each path that a line of the input names it is said how the walk ended: 0, or minus the
signal that ended it. What is wrong with a file is of no interest here: whoever opens it next
finds out and says it.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
from typing import Any

import h5py

LIMIT = int(sys.argv[1]) if len(sys.argv) > 1 else 8
"""Seconds."""

MEMORY = 2 * 2**30
MOST_NODES = 20_000
MOST_CHUNKS = 1000
LARGEST_ATTRIBUTE = 2**16
"""Bytes; as of `hdf5_objects`, which this script cannot import."""


def walk(path: str) -> None:
    """Touch in a file whatever opening and reading it touches."""
    with h5py.File(path, "r") as file:
        touch(file["/"])
        seen = set()
        looked = 0
        waiting = [file]
        while waiting:
            here = waiting.pop()
            for name in here:
                looked += 1
                if looked > MOST_NODES:
                    return
                with contextlib.suppress(Exception):
                    if not isinstance(here.get(name, getlink=True), h5py.HardLink):
                        continue
                    node = here[name]
                    address = h5py.h5o.get_info(node.id).addr
                    if address not in seen:
                        seen.add(address)
                        touch(node)
                        if isinstance(node, h5py.Group):
                            waiting.append(node)


def touch(node: Any) -> None:
    """Attributes, and of a data set where its chunks lie."""
    for name in list(node.attrs)[:MOST_CHUNKS]:
        with contextlib.suppress(Exception):
            # Texts of any length lie in heaps, over which the library may loop.
            if node.attrs.get_id(name).get_storage_size() <= LARGEST_ATTRIBUTE:
                _ = node.attrs[name]
    if not isinstance(node, h5py.Dataset):
        return
    with contextlib.suppress(Exception):
        _ = node.dtype, node.shape, node.fillvalue, node.external, node.is_virtual
        _ = node.id.get_create_plist().get_nfilters(), node.id.get_storage_size()
    with contextlib.suppress(Exception):
        _ = node.virtual_sources()
    shape, chunks = node.shape or (), node.chunks
    if chunks:
        for i in range(min(MOST_CHUNKS, -(-max(shape) // min(chunks)))):
            corner = tuple(min(i, (n - 1) // c) * c for n, c in zip(shape, chunks, strict=True))
            with contextlib.suppress(Exception):
                about = node.id.get_chunk_info_by_coord(corner)
                if i < 3 and about.size < 2**24:
                    node.id.read_direct_chunk(corner)


def main() -> None:
    """Answer lines until there are none."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            signal.alarm(LIMIT)  # ends a loop within the library, too
            with contextlib.suppress(ValueError, OSError):  # a lower limit stands already
                resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            with contextlib.suppress(Exception):
                walk(json.loads(line))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(-os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, flush=True)


if __name__ == "__main__":
    main()
