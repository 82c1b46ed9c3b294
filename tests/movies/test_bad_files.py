"""Broken files of every format: they open, or are refused in words; nothing else happens."""

from __future__ import annotations

import bz2
import gzip
import importlib
import struct
import time
import tracemalloc
from functools import partial
from pathlib import Path

import imagecodecs
import mrcfile
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.foreign import open_foreign
from napari_beamwatch.movies.formats.hdf5 import open_hdf5
from napari_beamwatch.movies.formats.mrc import open_mrc
from napari_beamwatch.movies.formats.npy import open_npy
from napari_beamwatch.movies.formats.stills import open_stills
from napari_beamwatch.movies.formats.tiff import open_tiff
from napari_beamwatch.movies.formats.zarr_arrays import open_zarr
from napari_beamwatch.movies.gain import load_gain

STACK = np.random.default_rng(11).poisson(5, (4, 16, 20)).astype(np.uint16)
LONGEST = 2.0
LARGEST = 400 * 2**20
MOST_READ = 50


def write_mrc(path: Path) -> None:
    from mrcfile.dtypes import fei2_dtype_big_endian

    header = np.zeros(4, fei2_dtype_big_endian.newbyteorder("<"))
    header["Metadata size"] = header.dtype.itemsize
    header["Dose"], header["HT"], header["Integration time"] = 1e21, 3e5, 1.0
    with mrcfile.new(path, STACK, overwrite=True) as mrc:
        mrc.voxel_size = 0.5
        mrc.set_extended_header(header)
        mrc.header.exttyp = b"FEI2"


def write_packed(path: Path) -> None:
    plain = path.with_name("plain.mrc")
    write_mrc(plain)
    pack = gzip.compress if path.suffix == ".gz" else bz2.compress
    path.write_bytes(pack(plain.read_bytes()))


def write_ome(path: Path) -> None:
    tifffile.imwrite(
        path, STACK, photometric="minisblack", compression="zlib",
        metadata={"axes": "TYX", "PhysicalSizeX": 1.0, "PhysicalSizeY": 1.0,
                  "Plane": {"DeltaT": [0.0, 1.0, 2.0, 3.0]}},
    )  # fmt: skip


def write_pages(path: Path) -> None:
    with tifffile.TiffWriter(path) as out:
        for frame in STACK:
            out.write(frame, contiguous=False, metadata=None, compression="lzw", rowsperstrip=4)


def write_hdf5(path: Path, **options: object) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        file.create_dataset("entry/movie", data=STACK, **options)


def write_tvips(path: Path) -> None:
    head = np.zeros(64, "<u4")
    head[:13] = [256, 2, 20, 16, 16, 0, 0, 1, 1, 5, 200, 1000, 64]
    body = b"".join(struct.pack("<16I", t, 1000 + t, *[0] * 14) + f.tobytes()
                    for t, f in enumerate(STACK))  # fmt: skip
    path.write_bytes(head.tobytes() + body)


def write_ser(path: Path) -> None:
    head = struct.pack("<HHHIIIIQI", 0x4949, 0x197, 0x220, 0x4122, 0x4152, 4, 4, 68, 1)
    head = head.ljust(68, b"\0")
    size = 50 + STACK[0].nbytes
    offsets = np.array([68 + 64 + t * size for t in range(4)] * 2, "<u8").tobytes()
    element = struct.pack("<ddIddIHII", 0, 1e-11, 0, 0, 1e-11, 0, 2, 20, 16)
    path.write_bytes(head + offsets + b"".join(element + frame.tobytes() for frame in STACK))


def write_hspy(path: Path) -> None:
    module = pytest.importorskip("rsciio.hspy")
    axes = [
        {"name": n, "units": u, "scale": 0.5, "offset": 0.0, "navigate": n == "t", "size": s,
         "index_in_array": i, "_type": "UniformDataAxis", "is_binned": False}
        for i, (n, u, s) in enumerate(zip("tyx", ("s", "nm", "nm"), STACK.shape, strict=True))
    ]  # fmt: skip
    written = {
        "data": STACK,
        "axes": axes,
        "metadata": {"General": {"title": "movie"}, "Signal": {"signal_type": ""}},
        "original_metadata": {},
        "attributes": {"_lazy": False, "ragged": False},
        "learning_results": {},
        "models": {},
        "tmp_parameters": {},
        "package_info": {},
    }
    for name in ("package", "package_version"):
        written[name] = "none"
    if path.suffix == ".emd":
        module = importlib.import_module("rsciio.emd")
    module.file_writer(str(path), written)


def open_folder_of_png(path: Path):
    return open_stills([path])[0]


def open_gain(path: Path):
    load_gain(path, (16, 20), counting_events=True)
    return open_tiff(path)


FORMATS = {
    "a.mrc": (write_mrc, open_mrc),
    "a.mrc.gz": (write_packed, open_mrc),
    "a.mrc.bz2": (write_packed, open_mrc),
    "plain.tif": (partial(tifffile.imwrite, data=STACK, photometric="minisblack"), open_tiff),
    "big.tif": (
        partial(tifffile.imwrite, data=STACK, photometric="minisblack", bigtiff=True,
                compression="zstd", tile=(16, 16)),
        open_tiff,
    ),
    "imagej.tif": (
        partial(tifffile.imwrite, data=STACK, imagej=True, resolution=(8, 8),
                metadata={"axes": "TYX", "unit": "nm", "finterval": 0.5}),
        open_tiff,
    ),
    "pages.tif": (write_pages, open_tiff),
    "a.ome.tif": (write_ome, open_tiff),
    "a.gain": (partial(tifffile.imwrite, data=np.ones((16, 20), np.float32)), open_gain),
    "a.npy": (partial(np.save, arr=STACK), open_npy),
    "plain.h5": (write_hdf5, open_hdf5),
    "chunked.h5": (
        partial(write_hdf5, chunks=(1, 16, 20), compression="gzip"),
        open_hdf5,
    ),
    "a.ser": (write_ser, open_foreign),
    "a_000.tvips": (write_tvips, open_foreign),
    "a.hspy": (write_hspy, open_foreign),
    "a.emd": (write_hspy, open_foreign),
    "a.png": (lambda path: path.write_bytes(imagecodecs.png_encode(STACK[0])), open_folder_of_png),
}  # fmt: skip


REAL = (
    ("dmTest_3D_int16_64,65,66.dm3", open_foreign),
    ("dmTest_3D_int16_64,65,66.dm4", open_foreign),
    ("fei_example_tem_stack.emd", open_foreign),
    ("64x64x5_TEM_preview_1.ser", open_foreign),
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of a good file of a format, made once."""
    made: dict[str, bytes] = {}
    folder = tmp_path_factory.mktemp("whole")

    def of(name: str) -> bytes:
        if name not in made:
            FORMATS[name][0](folder / name)
            made[name] = (folder / name).read_bytes()
        return made[name]

    return of


def check(opener, path: Path) -> str:
    """Open and read as a user would, and watch time and memory."""
    begun = time.process_time()  # others may be busy on this machine
    tracemalloc.start()
    try:
        try:
            source = opener(path).frames
        except BeamwatchError:
            outcome = "refused"
        else:
            count, height, width = source.shape
            outcome = "opened"
            for t in np.unique(np.linspace(0, count - 1, min(count, MOST_READ)).astype(int)):
                try:
                    frame = source.read(int(t))
                except BeamwatchError:
                    outcome = "broken"
                    continue
                assert frame.shape == (height, width)
                assert frame.dtype == source.dtype
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < LARGEST, f"{peak / 2**20:.0f} MB"
    assert time.process_time() - begun < LONGEST
    return outcome


@st.composite
def damages(draw):
    """How to break a file: bits flipped, mostly near its ends, bytes overwritten, cut, grown."""
    at = st.one_of(st.floats(0, 1), st.integers(0, 1500), st.integers(-400, -1))
    flips = draw(st.lists(st.tuples(at, st.integers(0, 7)), max_size=6))
    words = draw(
        st.lists(
            st.tuples(
                at,
                st.sampled_from([b"\0" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f"]),
            ),
            max_size=2,
        )
    )
    cut = draw(st.one_of(st.none(), st.floats(0, 1)))
    return flips, words, cut


def broken(data: bytes, damage) -> bytes:
    flips, words, cut = damage
    changed = bytearray(data)

    def place(at) -> int:
        where = int(at * (len(data) - 1)) if isinstance(at, float) else at
        return where % len(data)

    for at, bit in flips:
        changed[place(at)] ^= 1 << bit
    for at, word in words:
        where = place(at)
        changed[where : where + 4] = word[: len(changed[where : where + 4])]
    return bytes(changed if cut is None else changed[: int(cut * len(changed))])


SETTINGS = settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize("name", FORMATS)
def test_a_damaged_file_opens_or_is_refused_in_words(whole, tmp_path, name):
    opener = FORMATS[name][1]
    data = whole(name)
    path = tmp_path / name
    path.write_bytes(data)
    opener(path)  # imports what it needs
    assert check(opener, path) == "opened"

    @SETTINGS
    @given(damages())
    def attempt(damage):
        path.write_bytes(broken(data, damage))
        check(opener, path)

    attempt()


@pytest.mark.parametrize(("name", "opener"), REAL)
def test_a_damaged_real_file_opens_or_is_refused_in_words(shared_data, tmp_path, name, opener):
    pytest.importorskip("rsciio")
    data = shared_data(name).read_bytes()
    path = tmp_path / name
    path.write_bytes(data)
    opener(path)  # imports what it needs

    @settings(SETTINGS, max_examples=25)
    @given(damages())
    def attempt(damage):
        path.write_bytes(broken(data, damage))
        check(opener, path)

    attempt()


@pytest.mark.parametrize("length", [0, 1, 3, 4, 8, 16, 100, 1023, 1024, 1025])
@pytest.mark.parametrize("name", FORMATS)
def test_the_first_bytes_alone_are_no_movie(whole, tmp_path, name, length):
    path = tmp_path / name
    data = whole(name)
    path.write_bytes(data[: min(length, len(data) // 8)])
    assert check(FORMATS[name][1], path) != "opened"


@pytest.mark.parametrize("content", [b"", b"hello", b"\0" * 5000, b"\xff" * 5000, b"II*\0" * 900])
@pytest.mark.parametrize("name", [*FORMATS, "a.dm3", "a.dm4", "a.emi"])
def test_something_else_altogether_is_refused(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    opener = FORMATS[name][1] if name in FORMATS else open_foreign
    assert check(opener, path) == "refused"


@pytest.mark.parametrize("name", [*FORMATS, "a.dm3", "a.dm4", "a.emi", "a.zspy"])
def test_a_path_that_is_not_there_or_is_a_folder_is_said(tmp_path, name):
    opener = FORMATS[name][1] if name in FORMATS else open_foreign
    with pytest.raises(BeamwatchError, match=r"no file|not there"):
        opener(tmp_path / name)
    (tmp_path / name).mkdir()
    with pytest.raises(BeamwatchError):
        opener(tmp_path / name)


@pytest.mark.parametrize(("version", "file"), [(2, ".zarray"), (3, "zarr.json")])
def test_damaged_zarr_metadata_is_refused_in_words(tmp_path, version, file):
    path = tmp_path / "a.zarr"
    zarr = pytest.importorskip("zarr")
    made = zarr.create_array(
        str(path), shape=STACK.shape, dtype=STACK.dtype, chunks=(1, 16, 20), zarr_format=version
    )
    made[:] = STACK
    data = (path / file).read_bytes()
    assert check(open_zarr, path) == "opened"

    @settings(SETTINGS, max_examples=40)
    @given(damages())
    def attempt(damage):
        (path / file).write_bytes(broken(data, damage))
        check(open_zarr, path)

    attempt()


def test_damaged_zarr_chunks_are_refused_in_words(tmp_path):
    zarr = pytest.importorskip("zarr")
    path = tmp_path / "a.zarr"
    made = zarr.create_array(str(path), shape=STACK.shape, dtype=STACK.dtype, chunks=(1, 16, 20))
    made[:] = STACK
    chunk = next(p for p in sorted(path.rglob("*")) if p.is_file() and p.name != "zarr.json")
    chunk.write_bytes(chunk.read_bytes()[:10])
    assert check(open_zarr, path) == "broken"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_pixels_that_are_not_finite_are_handed_on(tmp_path, value):
    frames = STACK.astype(np.float32)
    frames[1, 2, 3] = value
    np.save(tmp_path / "a.npy", frames)
    np.testing.assert_array_equal(open_npy(tmp_path / "a.npy").frames.read(1), frames[1])


def test_a_chain_of_pages_that_bites_its_tail_ends(tmp_path):
    path = tmp_path / "a.tif"
    write_pages(path)
    with tifffile.TiffFile(path) as tif:
        last = tif.pages[-1]
        first, end = tif.pages[0].offset, last.offset + 2 + 12 * len(last.tags)
    data = bytearray(path.read_bytes())
    data[end : end + 4] = struct.pack("<I", first)
    path.write_bytes(data)
    assert check(open_tiff, path) in ("opened", "refused")
    assert open_tiff(path).frames.shape[0] == 4


def test_pixels_are_not_taken_for_tags_of_a_damaged_dm3(shared_data, tmp_path):
    data = bytearray(shared_data("dmTest_3D_int16_64,65,66.dm3").read_bytes())
    data[480] ^= 1 << 4  # rosettasciio would follow this for seconds, or for hours
    path = tmp_path / "a.dm3"
    path.write_bytes(data)
    assert check(open_foreign, path) == "refused"
