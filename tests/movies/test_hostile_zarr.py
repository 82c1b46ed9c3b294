"""Zarr stores that mean no good: nothing of theirs is run, none takes memory or time."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import pickle
import socket
import struct
import sys
import tracemalloc
import zipfile
import zlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.foreign import open_foreign
from napari_beamwatch.movies.formats.packing import crc32c
from napari_beamwatch.movies.formats.zarr_arrays import open_zarr

MIB = 2**20
LITTLE = {"name": "bytes", "configuration": {"endian": "little"}}
STACK = np.random.default_rng(3).poisson(7, (5, 12, 18)).astype(np.uint16)
PICKLE_2 = {"id": "pickle", "protocol": 5}
PICKLE_3 = {"name": "numcodecs.pickle", "configuration": {"protocol": 5}}


def array_2(path: Path, chunk: bytes | None = None, **changes: Any) -> Path:
    """A version 2 array with a chunk a frame; each holds `chunk`, or its pixels."""
    said = {
        "zarr_format": 2, "shape": list(STACK.shape), "chunks": [1, *STACK.shape[1:]],
        "dtype": "<u2", "compressor": None, "fill_value": 0, "order": "C", "filters": None,
    }  # fmt: skip
    path.mkdir(parents=True)
    (path / ".zarray").write_text(json.dumps(said | changes))
    for t, frame in enumerate(STACK):
        (path / f"{t}.0.0").write_bytes(frame.tobytes() if chunk is None else chunk)
    return path


def array_3(path: Path, chunk: bytes | None = None, **changes: Any) -> Path:
    """The same in version 3."""
    said = {
        "zarr_format": 3, "node_type": "array", "shape": list(STACK.shape), "data_type": "uint16",
        "chunk_grid": {"name": "regular",
                       "configuration": {"chunk_shape": [1, *STACK.shape[1:]]}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0, "codecs": [LITTLE], "attributes": {},
    }  # fmt: skip
    path.mkdir(parents=True)
    (path / "zarr.json").write_text(json.dumps(said | changes))
    for t, frame in enumerate(STACK):
        name = path / "c" / str(t) / "0" / "0"
        name.parent.mkdir(parents=True)
        name.write_bytes(frame.tobytes() if chunk is None else chunk)
    return path


def group_2(path: Path, **attributes: Any) -> Path:
    """A version 2 group."""
    path.mkdir(parents=True, exist_ok=True)
    (path / ".zgroup").write_text('{"zarr_format": 2}')
    if attributes:
        (path / ".zattrs").write_text(json.dumps(attributes))
    return path


def group_3(path: Path, **more: Any) -> Path:
    """A version 3 group."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "zarr.json").write_text(
        json.dumps({"zarr_format": 3, "node_type": "group", "attributes": {}} | more)
    )
    return path


def read_all(recording):
    source = recording.frames
    return np.stack([source.read(t) for t in range(source.shape[0])])


class Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def refused(path: Path, match: str, dataset: str | None = None) -> None:
    """It is refused in words, at opening or at the first frame, and in little memory."""
    opener = open_foreign if path.suffix == ".zspy" else open_zarr
    tracemalloc.start()
    try:
        with pytest.raises(BeamwatchError, match=match):
            opener(path, dataset).frames.read(0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20 * MIB


def sharded(codecs, index_codecs):
    return [{"name": "sharding_indexed", "configuration": {
        "chunk_shape": [1, 12, 18], "codecs": codecs, "index_codecs": index_codecs}}]  # fmt: skip


CODE = {
    "compressor": (array_2, {"compressor": PICKLE_2}),
    "compressor of objects": (array_2, {"compressor": PICKLE_2, "dtype": "|O"}),
    "filter": (array_2, {"filters": [PICKLE_2]}),
    "filter of objects": (array_2, {"filters": [PICKLE_2], "dtype": "|O"}),
    "second filter": (array_2, {"filters": [{"id": "shuffle", "elementsize": 2}, PICKLE_2]}),
    "json of objects": (array_2, {"filters": [{"id": "json2"}], "dtype": "|O"}),
    "text": (array_2, {"filters": [{"id": "vlen-utf8"}], "dtype": "|O"}),
    "fields": (array_2, {"compressor": PICKLE_2, "dtype": [["a", "|O"]]}),
    "codec": (array_3, {"codecs": [LITTLE, PICKLE_3]}),
    "codec in place of bytes": (array_3, {"codecs": [PICKLE_3]}),
    "codec without prefix": (array_3, {"codecs": [LITTLE, {"name": "pickle"}]}),
    "codec as a name": (array_3, {"codecs": [LITTLE, "numcodecs.pickle"]}),
    "type": (array_3, {"data_type": {"name": "numpy.object", "configuration": {}}}),
    "in shards": (array_3, {"codecs": sharded([LITTLE, PICKLE_3], [LITTLE])}),
    "table of shards": (array_3, {"codecs": sharded([LITTLE], [LITTLE, PICKLE_3])}),
    "names of chunks": (array_3, {"chunk_key_encoding": {"name": "pickle"}}),
    "grid": (array_3, {"chunk_grid": {"name": "pickle"}}),
    "transformer": (array_3, {"storage_transformers": [{"name": "pickle"}]}),
}


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("name", CODE)
def test_code_in_a_store_is_refused_before_anything_is_decoded(tmp_path, name, nested):
    make, changes = CODE[name]
    marker = tmp_path / "it ran"
    path = tmp_path / "a.zarr"
    if nested:
        (group_2 if make is array_2 else group_3)(path)
    make(path / "inner" if nested else path, pickle.dumps(Touch(marker)), **changes)
    refused(path, "not read|not real numbers|not known|unknown", "inner" if nested else None)
    assert not marker.exists()


def test_code_in_a_zspy_is_refused(tmp_path):
    marker = tmp_path / "it ran"
    path = group_2(tmp_path / "a.zspy", file_format_version="3.3")
    group_2(path / "Experiments")
    group_2(path / "Experiments" / "movie")
    array_2(path / "Experiments/movie/data", pickle.dumps(Touch(marker)), compressor=PICKLE_2)
    refused(path, "pickle.*not read")
    group_2(path / "Experiments/movie/metadata/General")
    array_2(path / "Experiments/movie/metadata/title", pickle.dumps(Touch(marker)),
            dtype="|O", filters=[PICKLE_2])  # fmt: skip
    refused(path, "pickle.*not read")
    assert not marker.exists()


@pytest.mark.parametrize("lie", ["own", "consolidated"])
@pytest.mark.parametrize("version", [2, 3])
def test_what_a_store_says_twice_is_read_once(tmp_path, version, lie):
    marker = tmp_path / "it ran"
    path = tmp_path / "a.zarr"
    bad = {"compressor": PICKLE_2} if version == 2 else {"codecs": [LITTLE, PICKLE_3]}
    make = array_2 if version == 2 else array_3
    chunk = pickle.dumps(Touch(marker)) if lie == "own" else None
    make(path / "x", chunk, **bad)
    make(tmp_path / "good", chunk)
    name = ".zarray" if version == 2 else "zarr.json"
    said = {"own": path / "x" / name, "consolidated": tmp_path / "good" / name}
    texts = {kind: json.loads(file.read_text()) for kind, file in said.items()}
    if lie == "consolidated":  # the copy says pickle, the array itself does not
        texts = {"own": texts["consolidated"], "consolidated": texts["own"]}
        (path / "x" / name).write_text(json.dumps(texts["own"]))
    if version == 2:
        group_2(path)
        (path / ".zmetadata").write_text(json.dumps({
            "zarr_consolidated_format": 1,
            "metadata": {".zgroup": {"zarr_format": 2}, "x/.zarray": texts["consolidated"]},
        }))  # fmt: skip
    else:
        group_3(path, consolidated_metadata={
            "kind": "inline", "must_understand": False, "metadata": {"x": texts["consolidated"]},
        })  # fmt: skip
    if lie == "own":
        refused(path, "pickle.*not read")
    else:
        np.testing.assert_array_equal(read_all(open_zarr(path)), STACK)
    assert not marker.exists()


def test_no_library_for_zarr_is_asked(tmp_path, monkeypatch):
    for module in ("zarr", "numcodecs", "rsciio"):
        monkeypatch.setitem(sys.modules, module, None)
    np.testing.assert_array_equal(read_all(open_zarr(array_2(tmp_path / "a.zarr"))), STACK)


@pytest.mark.parametrize("frames", [10**8, 10**12, 2**62, 10**20])
@pytest.mark.parametrize("version", [2, 3])
def test_more_frames_than_any_store_holds_are_refused(tmp_path, version, frames):
    make = array_2 if version == 2 else array_3
    refused(make(tmp_path / "a.zarr", shape=[frames, 12, 18]), "broken|shape")


@pytest.mark.parametrize(
    ("shape", "chunk"),
    [
        ([1, 100_000, 100_000], [1, 100_000, 100_000]),
        ([5, 12, 18], [1, 100_000, 100_000]),
        ([5, 12, 18], [2**31, 2**31, 2**31]),
        ([5, 30_000, 30_000], [1, 1, 1]),
        ([5, 2**40, 2**40], [1, 12, 18]),
    ],
)
def test_frames_and_chunks_larger_than_memory_are_refused(tmp_path, shape, chunk):
    refused(array_2(tmp_path / "a.zarr", shape=shape, chunks=chunk), "broken")


def blosc_that_lies(data: bytes) -> bytes:
    packed = bytearray(imagecodecs.blosc_encode(data))
    packed[4:8] = struct.pack("<I", STACK[0].nbytes)  # says it is one frame
    return bytes(packed)


def lz4(data: bytes) -> bytes:
    return struct.pack("<I", len(data)) + imagecodecs.lz4_encode(data)


ENDLESS = {
    "zlib": zlib.compress,
    "gzip": gzip.compress,
    "gzip in pieces": lambda data: gzip.compress(data[: MIB // 4]) * 16,
    "bz2": bz2.compress,
    "lzma": lzma.compress,
    "zstd": imagecodecs.zstd_encode,
    "zstd in pieces": lambda data: imagecodecs.zstd_encode(data[: MIB // 4]) * 16,
    "blosc": imagecodecs.blosc_encode,
    "blosc that lies": blosc_that_lies,
    "lz4": lz4,
    "lz4 that lies": lambda data: struct.pack("<I", 432) + lz4(data)[4:],
}


@pytest.mark.parametrize("name", ENDLESS)
def test_a_chunk_that_unpacks_to_more_than_its_pixels_is_refused(tmp_path, name):
    chunk = ENDLESS[name](bytes(16 * MIB))
    path = array_2(tmp_path / "a.zarr", chunk, compressor={"id": name.split()[0]})
    refused(path, "a.zarr is damaged: chunk 0, 0, 0")


def test_a_chunk_of_a_thousand_wrappings_is_bounded_at_each(tmp_path):
    chunk = gzip.compress(gzip.compress(bytes(16 * MIB)))
    gzips = [{"name": "gzip", "configuration": {"level": 5}}] * 2
    refused(array_3(tmp_path / "a.zarr", chunk, codecs=[LITTLE, *gzips]), "damaged")


@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "link out", "folder link out"])
def test_a_chunk_that_is_no_plain_file_is_refused_at_once(tmp_path, kind, monkeypatch):
    path = array_3(tmp_path / "a.zarr")
    chunk = path / "c" / "0" / "0" / "0"
    outside = tmp_path / "outside"
    outside.mkdir()
    chunk.rename(outside / "0")
    if kind == "pipe":
        os.mkfifo(chunk)
    elif kind == "socket":
        monkeypatch.chdir(chunk.parent)  # names of sockets are short
        socket.socket(socket.AF_UNIX).bind(chunk.name)
    elif kind == "device":
        chunk.symlink_to("/dev/zero")
    elif kind == "link out":
        chunk.symlink_to(outside / "0")
    else:
        chunk.parent.rmdir()
        chunk.parent.symlink_to(outside)
    refused(path, "plain file|link out")


@pytest.mark.parametrize("name", ["zarr.json", ".zarray", ".zattrs"])
def test_metadata_that_are_a_pipe_are_refused_at_once(tmp_path, name):
    path = (array_3 if name == "zarr.json" else array_2)(tmp_path / "a.zarr")
    (path / name).unlink(missing_ok=True)
    os.mkfifo(path / name)
    refused(path, "plain file")


def test_links_within_a_store_are_followed_and_its_own_name_may_be_one(tmp_path):
    path = array_3(tmp_path / "real")
    chunk = path / "c" / "0" / "0" / "0"
    chunk.rename(path / "moved")
    chunk.symlink_to("../../../moved")
    (tmp_path / "a.zarr").symlink_to(path)
    np.testing.assert_array_equal(read_all(open_zarr(tmp_path / "a.zarr")), STACK)


@pytest.mark.parametrize("dataset", ["../outside", "/../outside", "a/../../outside", "a\\b", "C:x"])
def test_a_name_that_leads_out_of_the_store_is_refused(tmp_path, dataset):
    array_2(tmp_path / "outside")
    refused(group_2(tmp_path / "a.zarr"), "no name inside|no array", dataset)


def test_a_group_that_is_a_link_to_a_folder_above_ends(tmp_path):
    path = group_2(tmp_path / "a.zarr")
    array_2(path / "movie")
    (path / "again").symlink_to(path)
    np.testing.assert_array_equal(read_all(open_zarr(path)), STACK)


@pytest.mark.parametrize("text", ["[" * 100_000, "[]", "1e999", '{"zarr_format": ' + "9" * 5000])
def test_metadata_that_are_none_are_refused_in_words(tmp_path, text):
    path = array_3(tmp_path / "a.zarr")
    (path / "zarr.json").write_text(text)
    refused(path, "a.zarr|zarr.json")


def test_metadata_larger_than_any_are_refused(tmp_path):
    path = array_3(tmp_path / "a.zarr")
    with open(path / "zarr.json", "ab") as file:
        file.truncate(10**9)
    refused(path, "more metadata")


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("checked", [False, True])
def test_shards_are_read_to_the_bit(tmp_path, first, checked):
    index_codecs = [LITTLE, {"name": "crc32c"}] if checked else [LITTLE]
    codecs = sharded([LITTLE, {"name": "zstd", "configuration": {}}], index_codecs)
    codecs[0]["configuration"]["index_location"] = "start" if first else "end"
    path = array_3(tmp_path / "a.zarr", codecs=codecs, chunk_grid={
        "name": "regular", "configuration": {"chunk_shape": [4, 12, 18]}})  # fmt: skip
    pieces = [imagecodecs.zstd_encode(frame.tobytes()) for frame in STACK]
    for shard in (0, 1):
        here = pieces[4 * shard : 4 * shard + 4]
        length = 4 * 16 + 4 * checked
        at = np.cumsum([length if first else 0, *map(len, here)])
        table = [(int(a), len(one)) for a, one in zip(at, here, strict=False)]
        table += [(2**64 - 1, 2**64 - 1)] * (4 - len(table))
        packed = b"".join(struct.pack("<QQ", *row) for row in table)
        packed += struct.pack("<I", crc32c(packed)) if checked else b""
        body = b"".join(here)
        (path / "c" / str(shard) / "0" / "0").write_bytes(packed + body if first else body + packed)
    np.testing.assert_array_equal(read_all(open_zarr(path)), STACK)
    damaged = bytearray((path / "c/0/0/0").read_bytes())
    damaged[3 if first else -5 - 4 * checked] ^= 0x7F
    (path / "c/0/0/0").write_bytes(damaged)
    with pytest.raises(
        BeamwatchError, match="checksum" if checked else "table|breaks off|takes more"
    ):
        read_all(open_zarr(path))


def test_checksums_are_those_of_castagnoli():
    assert crc32c(b"123456789") == 0xE3069283


@pytest.mark.parametrize(
    "compressor",
    [
        {"id": "zlib"}, {"id": "gzip"}, {"id": "bz2"}, {"id": "lzma"}, {"id": "zstd"},
        {"id": "lz4"}, {"id": "blosc", "cname": "lz4", "shuffle": 2},
        {"id": "blosc", "cname": "zstd", "shuffle": 1}, {"id": "blosc", "cname": "blosclz"},
        {"id": "blosc", "cname": "zlib"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("filters", [None, [{"id": "shuffle", "elementsize": 2}],
                                     [{"id": "delta", "dtype": "<u2"}]])  # fmt: skip
@pytest.mark.parametrize("order", ["C", "F"])
def test_known_codecs_are_undone_to_the_bit(tmp_path, compressor, filters, order):
    numcodecs = pytest.importorskip("numcodecs")
    zarr = pytest.importorskip("zarr")
    path = tmp_path / "a.zarr"
    made = zarr.create_array(
        str(path), shape=STACK.shape, dtype="<u2", chunks=(2, 5, 18), zarr_format=2, order=order,
        compressors=numcodecs.get_codec(compressor),
        filters=[numcodecs.get_codec(one) for one in filters or ()],
    )  # fmt: skip
    made[:] = STACK
    np.testing.assert_array_equal(read_all(open_zarr(path)), STACK)


@pytest.mark.parametrize("dtype", ["<f2", ">f4", "<f8", "|b1", ">i2", "<i8", "|i1"])
@pytest.mark.parametrize("version", [2, 3])
def test_types_of_numbers_are_read_in_the_machines_order(tmp_path, dtype, version):
    zarr = pytest.importorskip("zarr")
    path = tmp_path / "a.zarr"
    frames = (STACK % 7 > 3).astype(dtype) if dtype == "|b1" else STACK.astype(dtype)
    made = zarr.create_array(str(path), shape=STACK.shape, dtype=np.dtype(dtype),
                             chunks=(1, 12, 18), zarr_format=version)  # fmt: skip
    made[:] = frames
    opened = open_zarr(path)
    assert opened.frames.dtype.isnative
    np.testing.assert_array_equal(read_all(opened), frames)


@pytest.mark.parametrize(
    "dtype", ["<f16", "<c8", "<c16", "|O", "|S4", "<U3", "<M8[ns]", "|V8", [["a", "<u2"]], None, 7]
)
def test_other_types_are_refused_in_words(tmp_path, dtype):
    refused(array_2(tmp_path / "a.zarr", dtype=dtype), "not real numbers")


@pytest.mark.parametrize(
    ("fill", "value"), [(3, 3), (None, 0), ("NaN", np.nan), ("-Infinity", -np.inf)]
)
def test_what_is_not_stored_has_the_value_that_is_said(tmp_path, fill, value):
    path = array_2(tmp_path / "a.zarr", fill_value=fill, dtype="<f4", chunks=[1, 6, 18])
    for chunk in path.glob("1.*"):
        chunk.unlink()
    np.testing.assert_array_equal(open_zarr(path).frames.read(1), np.full((12, 18), value))


@pytest.mark.parametrize("fill", ["pickle", -1, 1e9, [1], "NaN"])
def test_a_value_that_does_not_fit_is_refused(tmp_path, fill):
    refused(array_2(tmp_path / "a.zarr", fill_value=fill, dtype="|u1"), "fill value")


@pytest.mark.parametrize("packed", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zspy_may_be_a_zip_file(tmp_path, packed):
    folder = group_2(tmp_path / "folder")
    group_2(folder / "Experiments")
    group_2(folder / "Experiments" / "movie")
    array_2(folder / "Experiments" / "movie" / "data")
    with zipfile.ZipFile(tmp_path / "a.zspy", "w", packed) as file:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                file.write(path, path.relative_to(folder))
    opened = open_foreign(tmp_path / "a.zspy")
    np.testing.assert_array_equal(read_all(opened), STACK)
    copy = pickle.loads(pickle.dumps(opened.frames))
    np.testing.assert_array_equal(copy.read(4), STACK[4])


def test_a_zip_file_that_unpacks_without_end_is_bounded(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zspy", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("Experiments/.zgroup", bytes(64 * MIB))
    refused(tmp_path / "a.zspy", "more metadata")
