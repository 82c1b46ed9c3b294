"""A movie whose file is another by now is noticed, whatever it was opened from."""

from __future__ import annotations

import bz2
import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import mrcfile
import numpy as np
import pytest
import tifffile
import zarr

import napari_beamwatch as bw
from napari_beamwatch.analysis import passes
from napari_beamwatch.movies.fingerprint import fingerprint
from napari_beamwatch.movies.formats import unpacked
from napari_beamwatch.simulate.eer_writer import RawFrame, write_eer
from napari_beamwatch.spectra.runners import Threads

SIZE = 64
SETTINGS = bw.Settings(window=64, step=64, drift="off", criteria=("fading",))


def _images(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).poisson(2.0, (4, SIZE, SIZE)).astype(np.uint8)


def _mrc(path: Path, images: np.ndarray) -> None:
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(images)


def _eer(path: Path, images: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    frames = [RawFrame.of_image(image > 2, rng) for image in images]
    write_eer(path, frames, (SIZE, SIZE))


def _packed(path: Path, images: np.ndarray) -> None:
    plain = path.with_suffix("")
    _mrc(plain, images)
    pack = gzip.compress if path.suffix == ".gz" else bz2.compress
    path.write_bytes(pack(plain.read_bytes()))
    plain.unlink()


def _stills(path: Path, images: np.ndarray) -> None:
    path.mkdir()
    for i, image in enumerate(images):
        tifffile.imwrite(path / f"{i}.tif", image)


def _chunks(path: Path, images: np.ndarray) -> None:
    array = zarr.create_array(str(path), shape=images.shape, chunks=(1, SIZE, SIZE), dtype="u1")
    array[:] = images


def _external(path: Path, images: np.ndarray) -> None:
    raw = path.with_name("pixels.raw")
    with h5py.File(path, "w") as file:
        file.create_dataset("a", data=images, external=[(raw.name, 0, images.nbytes)])
    images.tofile(raw)  # where the library put it depends on the folder one is in


WRITERS: dict[str, Callable[[Path, np.ndarray], None]] = {
    "a.mrc": _mrc,
    "a.tif": lambda path, images: tifffile.imwrite(path, images, photometric="minisblack"),
    "a.npy": lambda path, images: np.save(path, images),
    "a.eer": _eer,
    "a.mrc.gz": _packed,
    "a.mrc.bz2": _packed,
    "stills": _stills,
    "a.zarr": _chunks,
}


def _written(folder: Path, name: str, seed: int) -> Path:
    folder.mkdir()
    WRITERS[name](folder / name, _images(seed))
    return folder / name


def _replace(path: Path, other: Path) -> None:
    """As a program does that writes the next movie under the name of the last."""
    if not path.is_dir():
        os.replace(other, path)
        return
    for file in [one for one in other.rglob("*") if one.is_file()]:
        os.replace(file, path / file.relative_to(other))


@pytest.mark.parametrize("name", WRITERS)
def test_a_movie_replaced_while_it_is_read_gives_no_result(tmp_path: Path, name: str) -> None:
    path, other = (_written(tmp_path / str(seed), name, seed) for seed in (1, 2))
    movie = bw.open_movie(path, pixel_size=0.5, frame_dose=5.0)
    steps = 0

    def replace_it(_: object) -> None:
        nonlocal steps
        steps += 1
        if steps == 2:
            _replace(path, other)

    with pytest.raises(bw.BeamwatchError, match="has changed since it was opened"):
        bw.find_spots(movie, SETTINGS, progress=replace_it)


def test_so_does_one_that_the_workers_of_a_cluster_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, other = (_written(tmp_path / str(seed), "a.mrc", seed) for seed in (1, 2))
    movie = bw.open_movie(path, pixel_size=0.5, frame_dose=5.0)
    monkeypatch.setattr(passes, "Cluster", lambda *_: Threads())  # workers, but quick ones
    os.replace(other, path)
    with pytest.raises(bw.BeamwatchError, match="has changed since it was opened"):
        bw.find_spots(movie, SETTINGS, client="workers")


@pytest.mark.parametrize("name", WRITERS)
def test_a_movie_that_stays_is_certified_by_its_hash(tmp_path: Path, name: str) -> None:
    path = _written(tmp_path / "1", name, 1)
    movie = bw.open_movie(path)
    bw.find_spots(movie, SETTINGS)
    images = sorted(path.iterdir()) if name == "stills" else [path]
    assert movie.recording.files.hash == fingerprint(images)
    assert movie[1:].sum(2).recording.files is movie.recording.files


def test_what_holds_pixels_beside_a_movie_is_watched_and_certified_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path, raw = tmp_path / "a.h5", tmp_path / "pixels.raw"
    _external(path, _images(1))
    files = bw.open_movie(path).recording.files
    assert files.hash == fingerprint([path, raw])
    _images(2).tofile(raw)
    with pytest.raises(bw.BeamwatchError, match=r"pixels\.raw has changed since it was opened"):
        files.certify()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda path: path.unlink(), "it is gone"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "bytes, it had"),
        (lambda path: path.write_bytes(path.read_bytes() + b"!"), "bytes, it had"),
        (lambda path: os.utime(path, ns=(0, path.stat().st_mtime_ns + 1)), "it was written at"),
    ],
)
def test_what_happened_to_the_file_is_said(
    tmp_path: Path, change: Callable[[Path], object], said: str
) -> None:
    path = _written(tmp_path / "1", "a.mrc", 1)
    movie = bw.open_movie(path)
    change(path)
    with pytest.raises(bw.BeamwatchError, match=said):
        movie.recording.files.certify()


def test_a_movie_replaced_while_it_is_unpacked_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, other = (_written(tmp_path / str(seed), "a.mrc.gz", seed) for seed in (1, 2))
    check = unpacked._check_room

    def replaced(*args: Any) -> None:
        check(*args)
        os.replace(other, path)

    monkeypatch.setattr(unpacked, "_check_room", replaced)
    movie = bw.open_movie(path)
    with pytest.raises(bw.BeamwatchError, match="has changed since it was opened"):
        movie.recording.files.certify()


def test_what_else_happens_in_a_folder_of_stills_is_nobodys_concern(tmp_path: Path) -> None:
    path = _written(tmp_path / "1", "stills", 1)
    movie = bw.open_movie(path)
    (path / "run").mkdir()
    (path / "run" / "notes.txt").write_text("mine")
    movie.recording.files.certify()


def test_a_movie_in_memory_has_no_files() -> None:
    files = bw.Movie.from_array(_images(1)).recording.files
    files.certify()
    assert files.hash is None


def test_the_hash_stays_that_of_what_was_read(tmp_path: Path) -> None:
    path, other = (_written(tmp_path / str(seed), "a.mrc", seed) for seed in (1, 2))
    movie = bw.open_movie(path)
    before = fingerprint([path])
    movie.recording.files.certify()
    os.replace(other, path)
    assert movie.recording.files.hash == before
