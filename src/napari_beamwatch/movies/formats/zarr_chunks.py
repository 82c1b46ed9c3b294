"""Chunks of Zarr arrays as they lie in files: a file each, or many in a shard."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_beamwatch.movies.formats.packing import PackingError, Step, unpacked
from napari_beamwatch.movies.formats.stored_arrays import Fetch, Index
from napari_beamwatch.movies.formats.zarr_store import Store


@dataclass(frozen=True, eq=False)
class Chunks:
    """Chunks that are a file each."""

    store: Store
    array: str
    prefix: str
    separator: str
    steps: tuple[Step, ...]
    nbytes: int

    def file(self, index: Index) -> str:
        """Name of a chunk's file."""
        parts = [self.prefix] if self.prefix else []
        parts += map(str, index)
        return f"{self.array}/{self.separator.join(parts) or '0'}"

    @contextmanager
    def opened(self) -> Iterator[Fetch]:
        yield self.fetch

    def fetch(self, index: Index) -> bytes | None:
        """Pixels of a chunk."""
        packed = self.store.read(self.file(index), 0, self.most + 1)
        return None if packed is None else self.unpacked(packed)

    @property
    def most(self) -> int:
        """Bytes that a packed chunk may have: no codec makes it much longer than its pixels."""
        return self.nbytes + self.nbytes // 8 + 2**16

    def unpacked(self, packed: bytes) -> bytes:
        """Pixels of a chunk as it is stored."""
        if len(packed) > self.most:
            raise PackingError("it takes more than the bytes of its pixels")
        return unpacked(packed, self.steps, self.nbytes)


@dataclass(frozen=True, eq=False)
class Shards:
    """Chunks of which many lie in one file, with a table of where each begins."""

    chunks: Chunks
    grid: Index
    table: tuple[Step, ...]
    first: bool

    @contextmanager
    def opened(self) -> Iterator[Fetch]:
        tables: dict[str, Any] = {}

        def fetch(index: Index) -> bytes | None:
            outer, inner = zip(
                *(divmod(i, n) for i, n in zip(index, self.grid, strict=True)), strict=True
            )
            name = self.chunks.file(outer)
            if name not in tables:
                tables.clear()  # those of a frame follow each other
                tables[name] = self._table(name)
            if tables[name] is None:
                return None
            begin, count = (int(n) for n in tables[name][np.ravel_multi_index(inner, self.grid)])
            if begin == count == 2**64 - 1:
                return None
            if begin > 2**62 or count > self.chunks.most:
                raise PackingError("its table of chunks is broken")
            packed = self.chunks.store.read(name, begin, count)
            if packed is None or len(packed) < count:
                raise PackingError("it breaks off (an interrupted copy?)")
            return self.chunks.unpacked(packed)

        yield fetch

    def _table(self, name: str) -> Any:
        plain = 16 * math.prod(self.grid)
        length = plain + 4 * len(self.table)
        packed = self.chunks.store.read(name, 0 if self.first else -length, length)
        if packed is None:
            return None
        return np.frombuffer(unpacked(packed, self.table, plain), "<u8").reshape(-1, 2)
