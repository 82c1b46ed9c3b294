"""HDF5, HSpy and EMD files that mean no good, or reach out for other files."""

from __future__ import annotations

import os
import pickle
import tracemalloc
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import open_movie
from napari_beamwatch.movies.formats import hdf5_objects
from napari_beamwatch.movies.formats.foreign import open_foreign
from napari_beamwatch.movies.formats.hdf5 import open_hdf5
from napari_beamwatch.results.reopening import Recipe

h5py = pytest.importorskip("h5py")

MIB = 2**20


def read_all(recording):
    source = recording.frames
    return np.stack([source.read(t) for t in range(source.shape[0])])


def refused(path: Path, match: str, dataset: str | None = None) -> None:
    """It is refused in words, at opening or at the first frame, and in little memory."""
    opener = open_hdf5 if path.suffix == ".h5" else open_foreign
    tracemalloc.start()
    try:
        with pytest.raises(BeamwatchError, match=match):
            opener(path, dataset).frames.read(0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20 * MIB


def hspy(file, **options):
    """A signal in an open HSpy file."""
    file.attrs["file_format_version"] = "3.3"
    group = file.require_group("Experiments/movie")
    group.require_group("metadata/General")
    for i, (name, size) in enumerate(zip("tyx", options.get("shape", (5, 12, 18)), strict=True)):
        axis = group.require_group(f"axis-{i}")
        axis.attrs.update({"name": name, "size": size, "scale": 0.1, "units": "nm"})
    return group.create_dataset("data", **options)


def berkeley(file, **options):
    """A signal in an open EMD file."""
    file.attrs.update({"version_major": "0", "version_minor": "2"})
    group = file.require_group("signals/movie")
    group.attrs["emd_group_type"] = 1
    return group.create_dataset("data", **options)


def velox(file, **options):
    """An image in an open Velox file."""
    group = file.require_group("Data/Image/0123")
    group["Metadata"] = np.frombuffer(b"{}", "u1")[:, None]
    return group.create_dataset("Data", **options)


WRITERS = {
    "a.h5": lambda file, **options: file.create_dataset("movie", **options),
    "a.hspy": hspy,
    "berkeley.emd": berkeley,
    "velox.emd": velox,
}
kinds = pytest.mark.parametrize("name", WRITERS)


@kinds
@pytest.mark.parametrize("frames", [10**8, 10**12, 10**15])
@pytest.mark.parametrize("chunks", [(1, 12, 18), (1, 1, 1), (64, 12, 18)])
def test_more_frames_than_any_file_holds_are_refused(tmp_path, name, frames, chunks):
    shape = (frames, 12, 18)
    if name.endswith(".emd"):
        shape, chunks = (18, 12, frames), chunks[::-1]
    with h5py.File(tmp_path / name, "w") as file:
        WRITERS[name](file, shape=shape, dtype="u2", chunks=chunks, compression="gzip")
    refused(tmp_path / name, "broken|more than a time axis|pieces")


@kinds
@pytest.mark.parametrize(
    ("shape", "chunks"),
    [
        ((2, 10**5, 10**5), (1, 10**4, 10**4)),
        ((2, 10**5, 10**5), (1, 1, 1)),
        ((2, 30_000, 30_000), (1, 1, 1)),
        ((2, 10**5, 10**5), None),
        ((10**9, 512, 512), None),
    ],
)
def test_frames_and_chunks_larger_than_what_is_stored_are_refused(tmp_path, name, shape, chunks):
    with h5py.File(tmp_path / name, "w") as file:
        WRITERS[name](file, shape=shape, dtype="u2", chunks=chunks)
    refused(tmp_path / name, "broken|breaks off|nothing was written|pieces")


@kinds
@pytest.mark.parametrize("compression", ["gzip", "lzf"])
def test_a_chunk_that_unpacks_to_more_than_its_pixels_is_refused(
    tmp_path, name, compression, stack
):
    pack = {"gzip": zlib.compress, "lzf": imagecodecs.lzf_encode}[compression]
    with h5py.File(tmp_path / name, "w") as file:
        data = WRITERS[name](file, shape=(5, 12, 18), dtype="u2", chunks=(5, 12, 18),
                             compression=compression)  # fmt: skip
        data.id.write_direct_chunk((0, 0, 0), pack(bytes(MIB)), 0)
    refused(tmp_path / name, "damaged")


def test_a_chunk_that_takes_more_than_its_pixels_is_not_even_read(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        data = file.create_dataset("movie", shape=(5, 12, 18), dtype="u2", chunks=(1, 12, 18),
                                   compression="gzip")  # fmt: skip
        data.id.write_direct_chunk((0, 0, 0), os.urandom(MIB), 0)
    refused(path, "takes more")


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "gzip"},
        {"compression": "gzip", "shuffle": True},
        {"compression": "gzip", "shuffle": True, "fletcher32": True},
        {"compression": "lzf", "shuffle": True},
        {"fletcher32": True},
        {},
    ],
)
@pytest.mark.parametrize("dtype", ["<u2", ">f4", "<f2", "|i1", "?", "<f8", ">i8"])
def test_known_filters_and_types_are_undone_to_the_bit(tmp_path, stack, options, dtype):
    path = tmp_path / "a.h5"
    frames = stack % 2 > 0 if dtype == "?" else stack.astype(dtype)
    with h5py.File(path, "w") as file:
        file.create_dataset("movie", data=frames, chunks=(2, 5, 7), **options)
    opened = open_hdf5(path)
    assert opened.frames.dtype.isnative
    np.testing.assert_array_equal(read_all(opened), frames)


@pytest.mark.parametrize(("number", "pack"), [
    (32001, lambda data: imagecodecs.blosc_encode(data, typesize=2)),
    (32015, imagecodecs.zstd_encode),
])  # fmt: skip
def test_filters_of_plugins_are_undone_without_them(tmp_path, stack, number, pack):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        how.set_chunk((1, 12, 18))
        how.set_filter(number, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple(stack.shape)
        data = h5py.h5d.create(file.id, b"movie", h5py.h5t.NATIVE_UINT16, space, how)
        for t, frame in enumerate(stack):
            data.write_direct_chunk((t, 0, 0), pack(frame.tobytes()), 0)
    np.testing.assert_array_equal(read_all(open_hdf5(path)), stack)


def test_a_filter_that_a_chunk_left_out_is_left_out(tmp_path, stack):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        data = file.create_dataset("movie", shape=stack.shape, dtype="<u2", chunks=(1, 12, 18),
                                   compression="gzip", shuffle=True)  # fmt: skip
        for t, frame in enumerate(stack):  # shuffle is the first filter, gzip the second
            data.id.write_direct_chunk((t, 0, 0), zlib.compress(frame.tobytes()), 1)
    np.testing.assert_array_equal(read_all(open_hdf5(path)), stack)


def test_an_unknown_filter_is_named_with_what_to_do(tmp_path, stack):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("movie", data=stack, chunks=(1, 12, 18), scaleoffset=0)
    refused(path, "filter 6 .*h5repack")


@pytest.mark.parametrize(
    "dtype",
    ["c8", np.longdouble, "S4", [("a", "u2"), ("b", "f4")], h5py.vlen_dtype(np.uint8),
     h5py.ref_dtype, h5py.string_dtype(), h5py.opaque_dtype(np.dtype("M8[s]")), "V8"],
)  # fmt: skip
@kinds
def test_what_is_no_number_is_refused_in_words(tmp_path, name, dtype):
    with h5py.File(tmp_path / name, "w") as file:
        WRITERS[name](file, shape=(5, 12, 18), dtype=dtype)
    refused(tmp_path / name, "not real numbers|complex|can be a movie|colour")


def test_numbers_of_an_unusual_layout_are_refused(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        kind = h5py.h5t.NATIVE_UINT16.copy()
        kind.set_precision(12)
        h5py.h5d.create(file.id, b"movie", kind, h5py.h5s.create_simple((5, 12, 18)))
    refused(path, "unusual layout", "movie")


class Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def test_code_in_the_metadata_of_a_signal_is_not_run(tmp_path, stack):
    marker = tmp_path / "it ran"
    code = pickle.dumps(Touch(marker))
    with h5py.File(tmp_path / "a.hspy", "w") as file:
        hspy(file, data=stack)
        metadata = file["Experiments/movie/metadata"]
        for name in ("_bs_function", "function", "_datetime_date", "title"):
            metadata["General"].attrs[name] = np.void(code)
            metadata.create_dataset(f"x{name}", data=np.void(code))
        metadata.create_group("_sig_")["data"] = np.void(code)
        file["Analysis/models/m/components/_dill"] = np.void(code)
    np.testing.assert_array_equal(read_all(open_foreign(tmp_path / "a.hspy")), stack)
    assert not marker.exists()


def test_what_is_not_asked_for_is_not_read(tmp_path, stack):
    with h5py.File(tmp_path / "a.hspy", "w") as file:
        hspy(file, data=stack)
        for below in ("metadata", "original_metadata", "learning_results", "attributes"):
            group = file.require_group(f"Experiments/movie/{below}")
            group.create_dataset("_list_many", shape=(10**12,), dtype="u1", chunks=(1,))
            group["again"] = file["/"]
    with h5py.File(tmp_path / "a.hspy", "r+") as file:
        file["Experiments/movie/metadata/General"].attrs["title"] = np.zeros(8000, "f8")
    opened = open_foreign(tmp_path / "a.hspy")
    np.testing.assert_array_equal(read_all(opened), stack)


@pytest.fixture
def other(tmp_path, stack):
    """A file with the movie beside, and the same one elsewhere."""
    folder = tmp_path / "movies"
    (tmp_path / "elsewhere").mkdir()
    folder.mkdir()
    for where in (folder, tmp_path / "elsewhere"):
        with h5py.File(where / "other.h5", "w") as file:
            file.create_dataset("g/movie", data=stack, chunks=(1, 12, 18), compression="gzip")
        (where / "other.raw").write_bytes(b"1234" + stack.tobytes())
    return folder


def elsewhere(folder: Path, ending: str) -> list[str]:
    """Names of a file that does not lie in the folder, in every disguise."""
    (folder / f"link{ending}").symlink_to(folder.parent / "elsewhere" / f"other{ending}")
    return [
        f"../elsewhere/other{ending}",
        str(folder.parent / "elsewhere" / f"other{ending}"),
        f"link{ending}",
        "/dev/zero",
        "/etc/hostname",
    ]


def test_a_link_to_a_file_beside_is_followed_and_it_is_said(other, stack):
    with h5py.File(other / "a.h5", "w") as file:
        file["movie"] = h5py.ExternalLink("other.h5", "/g/movie")
        file["group"] = h5py.ExternalLink("other.h5", "g")
        file["soft"] = h5py.SoftLink("/group/movie")
    for dataset in ("movie", "group/movie", "soft", "/soft/"):
        opened = open_hdf5(other / "a.h5", dataset)
        np.testing.assert_array_equal(read_all(opened), stack)
        assert any("other.h5" in note for note in opened.notes)
        assert opened.frames.dataset == dataset
    refused(other / "a.h5", r"has links.*other\.h5")


def test_links_to_files_elsewhere_are_refused(other):
    for i, name in enumerate(elsewhere(other, ".h5")):
        with h5py.File(other / f"{i}.h5", "w") as file:
            file["movie"] = h5py.ExternalLink(name, "/g/movie")
            file["x"] = h5py.SoftLink("movie")
        for dataset in ("movie", "x"):
            refused(other / f"{i}.h5", "does not lie beside it", dataset)


@pytest.mark.parametrize("name", ["pipe.h5", "none.h5", ".", "", "..", "a.h5"])
def test_links_to_what_is_no_file_of_pixels_are_refused(other, name):
    os.mkfifo(other / "pipe.h5")
    with h5py.File(other / "a.h5", "w") as file:
        file["movie"] = h5py.ExternalLink(name, "/movie") if name else h5py.SoftLink("movie")
    refused(other / "a.h5", "no plain file|not beside it|lie beside|circle", "movie")


@pytest.mark.timeout(30)
def test_circles_of_links_end(other, stack):
    with h5py.File(other / "a.h5", "w") as file, h5py.File(other / "b.h5", "w") as back:
        file["movie"] = stack
        file["one"], file["two"] = h5py.SoftLink("/two"), h5py.SoftLink("/one")
        file["again"] = file["/"]
        file["there"], back["there"] = (h5py.ExternalLink(f"{name}.h5", "/there") for name in "ba")
    np.testing.assert_array_equal(read_all(open_hdf5(other / "a.h5")), stack)
    long = "/".join(["again"] * 500)
    np.testing.assert_array_equal(read_all(open_hdf5(other / "a.h5", f"{long}/movie")), stack)
    for dataset in ("one", "there"):
        refused(other / "a.h5", "circle", dataset)


def test_pixels_in_a_plain_file_beside_are_read_and_it_is_said(other, stack):
    with h5py.File(other / "a.h5", "w") as file:
        file.create_dataset("movie", shape=stack.shape, dtype="<u2",
                            external=[("other.raw", 4, h5py.h5f.UNLIMITED)])  # fmt: skip
    opened = open_hdf5(other / "a.h5")
    np.testing.assert_array_equal(read_all(opened), stack)
    assert any("other.raw" in note for note in opened.notes)


def test_pixels_in_plain_files_elsewhere_are_refused(other):
    for i, name in enumerate(elsewhere(other, ".raw")):
        with h5py.File(other / f"{i}.h5", "w") as file:
            file.create_dataset("movie", shape=(5, 12, 18), dtype="<u2",
                                external=[(name, 4, h5py.h5f.UNLIMITED)])  # fmt: skip
        refused(other / f"{i}.h5", "does not lie beside it")


def virtual(path: Path, names: list[str], shape=(5, 12, 18)) -> Path:
    count = shape[0]
    layout = h5py.VirtualLayout((count * len(names), *shape[1:]), "<u2")
    for i, name in enumerate(names):
        layout[i * count : (i + 1) * count] = h5py.VirtualSource(name, "g/movie", shape)
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("movie", layout)
    return path


def test_a_stack_of_files_beside_is_read_and_it_is_said(other, stack):
    opened = open_hdf5(virtual(other / "a.h5", ["other.h5", "other.h5"]))
    np.testing.assert_array_equal(read_all(opened), np.concatenate([stack, stack]))
    np.testing.assert_array_equal(opened.frames.read_rows(7, 3, 5), stack[2, 3:5])
    assert any("other.h5" in note for note in opened.notes)
    copy = pickle.loads(pickle.dumps(opened.frames))
    np.testing.assert_array_equal(copy.read(9), stack[4])


def test_a_stack_of_files_elsewhere_is_refused(other):
    for i, name in enumerate(elsewhere(other, ".h5")):
        refused(virtual(other / f"{i}.h5", [name]), "does not lie beside it")


def test_frames_put_together_from_pieces_are_refused_in_words(other, stack):
    path = other / "a.h5"
    source = h5py.VirtualSource("other.h5", "g/movie", (5, 12, 18))
    layout = h5py.VirtualLayout((5, 12, 36), "<u2")
    layout[:, :, :18] = layout[:, :, 18:] = source
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("movie", layout)
    refused(path, "in a way that is not read")
    layout = h5py.VirtualLayout((9, 12, 18), "<u2")
    layout[2:7] = source
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("movie", layout)
    refused(path, "frames that no file holds")
    layout = h5py.VirtualLayout((10, 12, 18), "<u2")
    layout[::2] = source
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("movie", layout)
    refused(path, "in a way that is not read")


def test_a_virtual_data_set_of_itself_ends(tmp_path):
    layout = h5py.VirtualLayout((5, 12, 18), "<u2")
    layout[:] = h5py.VirtualSource(".", "movie", (5, 12, 18))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_virtual_dataset("movie", layout)
    refused(tmp_path / "a.h5", "put together")


@kinds
def test_more_objects_than_anybody_asks_for_are_not_walked(tmp_path, name, stack, monkeypatch):
    monkeypatch.setattr(hdf5_objects, "MOST_NODES", 50)
    with h5py.File(tmp_path / name, "w") as file:
        data = WRITERS[name](file, data=stack)
        where = data.parent.parent if name != "a.h5" else file
        for i in range(60):
            where.create_group(f"g{i}")
    refused(tmp_path / name, "more than 50 objects")


@pytest.mark.parametrize("name", ["a.hspy", "velox.emd"])
def test_pixels_behind_a_link_out_of_a_signal_are_not_read(other, name):
    with h5py.File(other / name, "w") as file:
        data = WRITERS[name](file, shape=(5, 12, 18), dtype="u2")
        where = data.name
        del file[where]
        file[where] = h5py.ExternalLink("../elsewhere/other.h5", "/g/movie")
    refused(other / name, "does not lie beside it|not followed")


def test_a_signal_may_have_its_pixels_beside_and_it_is_said(other, stack):
    with h5py.File(other / "a.hspy", "w") as file:
        where = hspy(file, shape=(5, 12, 18), dtype="u2").name
        del file[where]
        file[where] = h5py.ExternalLink("other.h5", "/g/movie")
    opened = open_foreign(other / "a.hspy")
    np.testing.assert_array_equal(read_all(opened), stack)
    assert any("other.h5" in note for note in opened.notes)


def test_metadata_of_velox_that_unpack_without_end_are_refused(tmp_path, stack):
    with h5py.File(tmp_path / "a.emd", "w") as file:
        velox(file, data=stack)
        group = file["Data/Image/0123"]
        del group["Metadata"]
        group.create_dataset("Metadata", shape=(10**12, 2), dtype="u1", chunks=(10**8, 1),
                             compression="gzip")  # fmt: skip
    refused(tmp_path / "a.emd", "describes itself")


@pytest.mark.parametrize("said", [b"[" * 10_000, b"\xff\xfe", b"[]", b'{"BinaryResult": 7}', b""])
def test_metadata_of_velox_that_are_none_cost_the_conditions_only(tmp_path, stack, said):
    with h5py.File(tmp_path / "a.emd", "w") as file:
        velox(file, data=stack)
        group = file["Data/Image/0123"]
        del group["Metadata"]
        group["Metadata"] = np.frombuffer(said + b"\0", "u1")[:, None]
    opened = open_foreign(tmp_path / "a.emd")
    assert opened.frames.shape == (18, 5, 12)
    assert opened.conditions.stated() == {}


@pytest.mark.parametrize("dataset", ["plain", "packed", "linked", "stacked"])
def test_a_run_finds_the_same_movie_again_in_a_file_of_several(other, stack, dataset):
    path = virtual(other / "a.h5", ["other.h5"])
    with h5py.File(path, "a") as file:
        file.move("movie", "stacked")
        file["plain"] = stack + 1
        file.create_dataset("packed", data=stack + 2, chunks=(1, 12, 18), compression="gzip")
        file["linked"] = h5py.ExternalLink("other.h5", "/g/movie")
    movie = open_movie(path, dataset=dataset)[1:4]
    recipe = Recipe.from_plain(Recipe.of(movie).to_plain(), [str(path)])
    again = recipe.movie(recipe.files, movie.given)
    np.testing.assert_array_equal(again.frame(0), movie.frame(0))
