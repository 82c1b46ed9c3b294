"""The hash that knows a movie again."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

import pytest

from napari_beamwatch.movies.fingerprint import MIB, fingerprint


def test_a_short_file_is_hashed_whole(tmp_path: Path) -> None:
    path = tmp_path / "movie.mrc"
    path.write_bytes(b"beam" * 1000)
    told = blake2b((4000).to_bytes(8, "little") + b"beam" * 1000, digest_size=32).hexdigest()
    assert fingerprint([path]) == told


@pytest.mark.parametrize("place", [0, MIB - 1, 80 * MIB - 1, 79 * MIB])
def test_of_a_long_file_both_ends_count(tmp_path: Path, place: int) -> None:
    path = _long(tmp_path)
    before = fingerprint([path])
    with path.open("r+b") as file:
        file.seek(place)
        file.write(b"x")
    assert fingerprint([path]) != before


def test_of_a_long_file_64_mebibytes_between_the_ends_count(tmp_path: Path) -> None:
    path = _long(tmp_path)
    size = path.stat().st_size
    told = blake2b(size.to_bytes(8, "little"), digest_size=32)
    starts = [(size - MIB) * i // 65 for i in range(66)]
    with path.open("rb") as file:
        for start in starts:
            file.seek(start)
            told.update(file.read(MIB))
    assert fingerprint([path]) == told.hexdigest()
    assert starts[-1] + MIB == size


def test_a_file_of_another_length_is_another(tmp_path: Path) -> None:
    path = _long(tmp_path)
    before = fingerprint([path])
    with path.open("r+b") as file:
        file.truncate(90 * MIB)
    assert fingerprint([path]) != before


def test_stills_are_known_by_names_order_and_content(tmp_path: Path) -> None:
    one, two = tmp_path / "1.tif", tmp_path / "2.tif"
    one.write_bytes(b"a")
    two.write_bytes(b"b")
    both = fingerprint([one, two])
    assert fingerprint([two, one]) != both
    two.write_bytes(b"c")
    assert fingerprint([one, two]) != both


def test_of_many_stills_no_more_is_read_than_of_one_long_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [tmp_path / f"{i}.tif" for i in range(100)]
    for path in paths:
        with path.open("wb") as file:
            file.truncate(MIB)
    opened = []
    read = Path.open
    monkeypatch.setattr(Path, "open", lambda path, *how: opened.append(path) or read(path, *how))
    fingerprint(paths)
    assert {paths[0], paths[-1]} <= set(opened)
    assert len(opened) <= 2 * 66  # a piece lies in two files at the most


def test_of_a_folder_every_file_counts(tmp_path: Path) -> None:
    inside = tmp_path / "movie.zarr" / "0" / "c"
    inside.parent.mkdir(parents=True)
    inside.write_bytes(b"a")
    before = fingerprint([tmp_path / "movie.zarr"])
    inside.write_bytes(b"b")
    assert fingerprint([tmp_path / "movie.zarr"]) != before


def _long(folder: Path) -> Path:
    """80 MiB of nothing, which take no room on most disks, and a little in the middle."""
    path = folder / "long.eer"
    with path.open("wb") as file:
        file.truncate(80 * MIB)
        for i in range(0, 80, 7):
            file.seek(i * MIB + 1000)
            file.write(bytes([i + 1]))
    return path
