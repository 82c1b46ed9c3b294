"""Metadata of Zarr arrays and groups, read once and believed only where it is understood.

Each node's own file is read, never the consolidated copy of all of them, which may say
something else; what is not known by name — a type, a codec, a grid — is refused before a
chunk is touched.

References
----------
1. Zarr core specification, versions 2 and 3, https://zarr-specs.readthedocs.io
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.packing import Step
from napari_beamwatch.movies.formats.stored_arrays import ChunkedArray, Index, StoredArray
from napari_beamwatch.movies.formats.zarr_chunks import Chunks, Shards
from napari_beamwatch.movies.formats.zarr_store import Store, read_json

_TYPE_2 = re.compile(r"[<>|=]?[biufc](?:1|2|4|8|16)")
_TYPES_3 = {"bool": "?", **{name: name for name in (
    "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float16", "float32", "float64", "complex64", "complex128",
)}}  # fmt: skip
_COMPRESSORS = ("zlib", "gzip", "bz2", "lzma", "zstd", "blosc", "lz4")

MOST_AXES = 8
MOST_INNER = 2**20
"""Chunks in one shard."""


@dataclass(frozen=True, eq=False)
class Group:
    """A group of a hierarchy and its attributes."""

    store: Store
    name: str
    attributes: dict[str, Any]

    def child(self, name: str) -> Group | Array | None:
        """The node of that name below, if there is one."""
        return node(self.store, f"{self.name}/{name}".strip("/"))

    def children(self) -> Iterator[tuple[str, Group | Array]]:
        """What lies directly below."""
        for name in self.store.folders(self.name):
            found = self.child(name)
            if found is not None:
                yield name, found


@dataclass(frozen=True, eq=False)
class Array:
    """An array of a hierarchy: what its metadata says, before anything of it is believed.

    Attributes
    ----------
    shape : tuple of int
    names : list
        Of its axes, where it states them.
    """

    store: Store
    name: str
    attributes: dict[str, Any]
    said: dict[str, Any]
    shape: Index
    names: Sequence[Any]

    @property
    def numeric(self) -> bool:
        """Whether it says that it holds real numbers."""
        two, three = self.said.get("dtype"), self.said.get("data_type")
        if isinstance(two, str):
            return _TYPE_2.fullmatch(two) is not None and "c" not in two
        return isinstance(three, str) and three in _TYPES_3 and not three.startswith("complex")

    def stored(self) -> StoredArray:
        """The array, if everything that it says is known."""
        where = self.name or "the array"
        return (_version_2 if self.said["zarr_format"] == 2 else _version_3)(self, where)

    def stored_bytes(self, enough: int) -> int:
        """Bytes of its chunks, counted up to `enough`."""
        return self.store.stored(self.name, enough)


def node(store: Store, name: str) -> Group | Array | None:
    """A group or an array by its path in the store."""
    at = f"{name}/" if name else ""
    said = read_json(store, f"{at}zarr.json")
    if said is not None:
        attributes = said.get("attributes") or {}
        if not isinstance(attributes, dict):
            raise BeamwatchError(f"{at}zarr.json has attributes that are none")
        if said.get("zarr_format") != 3:
            raise BeamwatchError(f"{at}zarr.json is of another version than 3")
        if said.get("node_type") == "group":
            return Group(store, name, attributes)
        names = said.get("dimension_names") or []
    else:
        said = read_json(store, f"{at}.zarray")
        if said is None and read_json(store, f"{at}.zgroup") is None:
            return None
        attributes = read_json(store, f"{at}.zattrs") or {}
        if said is None:
            return Group(store, name, attributes)
        if said.get("zarr_format") != 2:
            raise BeamwatchError(f"{at}.zarray is of another version than 2")
        names = attributes.get("_ARRAY_DIMENSIONS") or []
    shape = _whole(said.get("shape"), "shape", 0)
    return Array(store, name, attributes, said, shape, names if isinstance(names, list) else [])


def _version_2(array: Array, where: str) -> StoredArray:
    said = array.said
    dtype = said.get("dtype")
    if not isinstance(dtype, str) or not _TYPE_2.fullmatch(dtype):
        raise BeamwatchError(f"{where} holds {_short(dtype)}, not real numbers")
    stored = _dtype(dtype, where)
    packed = [said["compressor"]] if said.get("compressor") is not None else []
    filters = said.get("filters") or []
    if not isinstance(filters, list):
        raise BeamwatchError(f"{where} has filters that are none")
    steps = [_compressor(where, one, "id") for one in packed]
    steps += [_filter(where, one, stored) for one in reversed(filters)]
    order = said.get("order", "C")
    if order not in ("C", "F"):
        raise BeamwatchError(f"{where} has its pixels in the unknown order {_short(order)}")
    chunk = _whole(said.get("chunks"), "chunks", 1)
    separator = _separator(where, said.get("dimension_separator", "."))
    ndim = len(array.shape)
    axes = range(ndim) if order == "C" else range(ndim - 1, -1, -1)
    return _chunked(
        array, where, stored, chunk, tuple(axes), said.get("fill_value"),
        Chunks(array.store, array.name, "", separator, tuple(steps), _bytes(chunk, stored)),
    )  # fmt: skip


def _version_3(array: Array, where: str) -> StoredArray:
    said = array.said
    if said.get("node_type") != "array":
        raise BeamwatchError(f"{where} is neither an array nor a group")
    if said.get("storage_transformers"):
        raise BeamwatchError(f"{where} is stored in a way that is not known")
    dtype = said.get("data_type")
    if not isinstance(dtype, str) or dtype not in _TYPES_3:
        raise BeamwatchError(f"{where} holds {_short(dtype)}, not real numbers")
    grid, how = _named(where, said.get("chunk_grid"))
    if grid != "regular":
        raise BeamwatchError(f"{where} has its pixels in the unknown grid {_short(grid)}")
    outer = _whole(how.get("chunk_shape"), "chunk_shape", 1)
    keys, how = _named(where, said.get("chunk_key_encoding", {"name": "default"}))
    if keys not in ("default", "v2"):
        raise BeamwatchError(f"{where} has chunks of the unknown names {_short(keys)}")
    separator = _separator(where, how.get("separator", "/" if keys == "default" else "."))
    prefix = "c" if keys == "default" else ""
    codecs = said.get("codecs")
    shard: tuple[Index, tuple[Step, ...], bool] | None = None
    inner = outer
    if isinstance(codecs, list) and len(codecs) == 1:
        name, how = _named(where, codecs[0])
        if name == "sharding_indexed":
            inner = _whole(how.get("chunk_shape"), "chunk_shape", 1)
            if len(inner) != len(outer) or any(a % b for a, b in zip(outer, inner, strict=True)):
                raise BeamwatchError(f"{where} has shards that are no whole number of chunks")
            codecs = how.get("codecs")
            per_shard = tuple(a // b for a, b in zip(outer, inner, strict=True))
            index = _index_steps(where, how.get("index_codecs"))
            place = how.get("index_location", "end")
            if math.prod(per_shard) > MOST_INNER or place not in ("start", "end"):
                raise BeamwatchError(f"{where} has shards that are not known")
            shard = per_shard, index, place == "start"
    stored, order, steps = _codecs(where, codecs, np.dtype(_TYPES_3[dtype]), len(array.shape))
    nbytes = _bytes(inner, stored)
    chunks = Chunks(array.store, array.name, prefix, separator, steps, nbytes)
    store = chunks if shard is None else Shards(chunks, *shard)
    return _chunked(array, where, stored, inner, order, said.get("fill_value"), store)


def _chunked(
    array: Array,
    where: str,
    dtype: np.dtype[Any],
    chunk: Index,
    order: Index,
    fill: Any,
    store: Chunks | Shards,
) -> ChunkedArray:
    if len(chunk) != len(array.shape):
        raise BeamwatchError(f"{where} has {len(array.shape)} axes and chunks of {len(chunk)}")
    return ChunkedArray(
        array.store.path, array.shape, chunk, dtype, _fill(where, fill, dtype), store, order
    )


def _codecs(
    where: str, said: Any, dtype: np.dtype[Any], ndim: int
) -> tuple[np.dtype[Any], Index, tuple[Step, ...]]:
    """Type as stored, order of axes, and what is undone in which order."""
    if not isinstance(said, list) or not said:
        raise BeamwatchError(f"{where} names no codecs")
    order = tuple(range(ndim))
    steps: list[Step] = []
    serial = False
    for one in said:
        name, how = _named(where, one)
        if name == "transpose" and not serial:
            order = tuple(order[i] for i in _order(where, how.get("order"), ndim))
        elif name == "bytes" and not serial:
            serial = True
            endian = how.get("endian", "little")
            if endian not in ("little", "big"):
                raise BeamwatchError(f"{where} has the unknown byte order {_short(endian)}")
            dtype = dtype.newbyteorder("<" if endian == "little" else ">")
        elif serial:
            steps.append(Step(name) if name == "crc32c" else _compressor(where, one, "name"))
        else:
            raise _unknown(where, name)
    if not serial:
        raise BeamwatchError(f"{where} has codecs that make no bytes")
    return dtype, order, tuple(reversed(steps))


def _index_steps(where: str, said: Any) -> tuple[Step, ...]:
    """Of a shard's table, which is plain, or plain with a checksum."""
    _, _, steps = _codecs(where, said, np.dtype("<u8"), 1)
    names = [_named(where, one)[0] for one in said]
    if names not in (["bytes"], ["bytes", "crc32c"]):
        raise BeamwatchError(f"{where} has a packed table of its shards ({', '.join(names)})")
    if _named(where, said[0])[1].get("endian", "little") != "little":
        raise BeamwatchError(f"{where} has a table of its shards in the other byte order")
    return steps


def _compressor(where: str, said: Any, key: str) -> Step:
    if not isinstance(said, dict) or not isinstance(said.get(key), str):
        raise _unknown(where, said)
    name = said[key].removeprefix("numcodecs.")
    if name not in _COMPRESSORS:
        raise _unknown(where, said[key])
    return Step(name)


def _filter(where: str, said: Any, dtype: np.dtype[Any]) -> Step:
    name = said.get("id") if isinstance(said, dict) else said
    if name == "shuffle":
        size = said.get("elementsize", 4)
        if isinstance(size, int) and 1 <= size <= 64:
            return Step("shuffle", element=size)
    if name == "delta":
        kinds = {said.get("dtype"), said.get("astype", said.get("dtype"))}
        if kinds == {dtype.str}:
            return Step("delta", dtype=dtype.str)
    raise _unknown(where, name)


def _unknown(where: str, name: Any) -> BeamwatchError:
    return BeamwatchError(
        f"{where} is packed with {_short(name)}, which is not read; save it with zstd, blosc or "
        "gzip"
    )


def _named(where: str, said: Any) -> tuple[str, dict[str, Any]]:
    """Name and configuration of an extension point of version 3."""
    if isinstance(said, str):
        return said, {}
    if isinstance(said, dict) and isinstance(said.get("name"), str):
        how = said.get("configuration") or {}
        if isinstance(how, dict):
            return said["name"], how
    raise BeamwatchError(f"{where} has metadata that are not known: {_short(said)}")


def _order(where: str, said: Any, ndim: int) -> Index:
    if said in ("C", "F"):
        return tuple(range(ndim)) if said == "C" else tuple(range(ndim - 1, -1, -1))
    whole = isinstance(said, list) and all(type(i) is int for i in said)
    if whole and sorted(said) == list(range(ndim)):
        return tuple(said)
    raise BeamwatchError(f"{where} has its axes in the unknown order {_short(said)}")


def _whole(said: Any, what: str, least: int) -> Index:
    if not isinstance(said, list) or len(said) > MOST_AXES:
        raise BeamwatchError(f"the {what} of a Zarr array is {_short(said)}")
    if not all(type(n) is int and least <= n < 2**63 for n in said):
        raise BeamwatchError(f"the {what} of a Zarr array is {_short(said)}")
    return tuple(said)


def _separator(where: str, said: Any) -> str:
    if said not in ("/", "."):
        raise BeamwatchError(f"{where} has chunks of unknown names: {_short(said)}")
    return str(said)


def _dtype(text: str, where: str) -> np.dtype[Any]:
    try:
        return np.dtype(text)
    except TypeError:
        raise BeamwatchError(f"{where} holds {text}, not real numbers") from None


def _bytes(chunk: Index, dtype: np.dtype[Any]) -> int:
    return math.prod(chunk) * dtype.itemsize


def _fill(where: str, said: Any, dtype: np.dtype[Any]) -> Any:
    if said is None:
        return dtype.type(0)
    try:
        if dtype.kind == "f" and isinstance(said, str) and said.startswith("0x"):
            raw = int(said, 16).to_bytes(dtype.itemsize, "big")
            return np.frombuffer(raw, dtype.newbyteorder(">"))[0]
        if dtype.kind == "f":
            return dtype.type(float(said))
        if dtype.kind == "c":
            return dtype.type(0)  # is refused as no real number in the end
        return dtype.type(said if dtype.kind == "b" else int(said))
    except (TypeError, ValueError, OverflowError):
        raise BeamwatchError(f"{where} has the fill value {_short(said)}, no {dtype}") from None


def _short(said: Any) -> str:
    text = str(said)
    return text if len(text) <= 60 else f"{text[:60]}…"


def arrays_below(top: Group, deepest: int, most: int) -> Iterator[tuple[str, Array]]:
    """Arrays of a hierarchy with their paths.

    Raises
    ------
    BeamwatchError
        If it has more than `most` nodes.
    """
    waiting: list[tuple[str, Group, int]] = [("", top, 0)]
    seen = itertools.count(1)
    while waiting:
        path, group, depth = waiting.pop()
        for name, below in group.children():
            if next(seen) > most:
                raise BeamwatchError(f"the store holds more than {most} groups and arrays")
            if isinstance(below, Array):
                yield path + name, below
            elif depth + 1 < deepest:
                waiting.append((f"{path}{name}/", below, depth + 1))
