"""Unpacked movies go away with whoever unpacked them, at the latest when the next movie opens."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from napari_beamwatch.movies.formats import unpacked
from napari_beamwatch.movies.formats.unpacked import clear_left_over, unpack

ENDS = """
import os, sys, tempfile
from pathlib import Path
from napari_beamwatch.movies.formats.unpacked import unpack
for how in ("killed", "ended"):
    tempfile.tempdir = str(Path(sys.argv[2], how))
    child = os.fork()
    if child == 0:
        copy, _ = unpack(Path(sys.argv[1]), lambda head: 2000)
        how == "ended" or os.kill(os.getpid(), 9)
        sys.exit()
    os.waitpid(child, 0)
"""


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Temporary files of a process that was killed, and of one that ended."""
    if not hasattr(os, "fork"):
        pytest.skip("processes cannot be forked here")
    where = tmp_path_factory.mktemp("ends")
    for how in ("killed", "ended"):
        (where / how).mkdir()
    movie = where / "movie.mrc.gz"
    movie.write_bytes(gzip.compress(bytes(2000)))
    subprocess.run([sys.executable, "-c", ENDS, str(movie), str(where)], check=True)
    return where


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    path = tmp_path / "movie.mrc.gz"
    path.write_bytes(gzip.compress(bytes(2000)))
    return path


@pytest.fixture
def among(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of temporary files of this test."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    clear_left_over.cache_clear()
    return folder


def test_what_a_killed_process_unpacked_is_cleared_when_a_movie_is_opened(
    ends: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [path.stat().st_size for path in (ends / "killed").glob("*/*")] == [2000]
    monkeypatch.setattr(tempfile, "tempdir", str(ends / "killed"))
    clear_left_over.cache_clear()
    clear_left_over()
    assert list((ends / "killed").iterdir()) == []


def test_a_process_that_ends_leaves_nothing(ends: Path) -> None:
    assert list((ends / "ended").iterdir()) == []


def test_copies_of_others_who_live_are_left_alone(packed: Path, among: Path) -> None:
    copy, whole = unpack(packed, lambda _: 2000)
    clear_left_over()
    assert whole
    assert Path(copy.path).stat().st_size == 2000


def test_what_only_looks_like_ours_is_left_alone(among: Path) -> None:
    mine = among / "beamwatch-notes.txt"
    mine.write_text("mine")
    other = among / "beamwatch-elsewhere-1-0a.lock"  # of another machine that has the same disk
    other.touch()
    clear_left_over()
    assert mine.read_text() == "mine"
    assert other.exists()


def test_where_disks_know_no_locks_nobody_clears_what_another_may_use(
    packed: Path, among: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(_: int) -> bool:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("napari_beamwatch.locks._taken", none)
    copy, _ = unpack(packed, lambda _: 2000)
    clear_left_over()
    assert Path(copy.path).stat().st_size == 2000
    assert unpacked.LOCK not in {path.suffix for path in among.iterdir()}
