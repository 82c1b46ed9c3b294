"""Files that a user names are opened through one door: no pipe is waited for, no text misread."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_beamwatch import BeamwatchError, DoseTable, Movie, open_movie
from napari_beamwatch.cli import main
from napari_beamwatch.files import read_text
from napari_beamwatch.movies import dose_table
from napari_beamwatch.movies.dose_table import read_table

MOVIE = Movie.from_array(np.random.default_rng(0).poisson(5, (3, 8, 8)).astype(np.uint8))


pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes have names here")


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [pipe, device])
@pytest.mark.parametrize(
    "name",
    ["a.mrc", "a.mrc.gz", "a.tif", "a.npy", "a.eer", "a.ser", "a.emi", "a.dm4", "a.h5", "a.png"],
)
def test_what_is_no_regular_file_is_no_movie(
    tmp_path: Path, make: Callable[[Path], None], name: str
) -> None:
    path = tmp_path / name
    make(path)
    with pytest.raises(BeamwatchError, match=r"is a (pipe|device), not a file"):
        open_movie([path, path] if name.endswith(".png") else path)


@pytest.mark.parametrize("make", [pipe, device])
def test_nor_is_it_anything_else_that_is_named(
    tmp_path: Path, make: Callable[[Path], None], capsys: Any
) -> None:
    path = tmp_path / "a.mrc"
    make(path)
    np.save(tmp_path / "movie.npy", np.ones((2, 8, 8), np.uint8))
    with pytest.raises(BeamwatchError, match="not a file"):
        open_movie(tmp_path / "movie.npy", gain=path)
    with pytest.raises(BeamwatchError, match="not a file"):
        MOVIE.with_(dose_table=path)
    out = ["--out", str(tmp_path / "run"), "--settings", str(path)]
    assert main(["analyze", str(tmp_path / "movie.npy"), *out]) == 1
    assert "not a file" in capsys.readouterr().err


def test_a_socket_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("a.mrc")
        with pytest.raises(BeamwatchError, match="is a socket, not a file"):
            open_movie("a.mrc")


def test_pipes_in_a_folder_are_no_images(tmp_path: Path) -> None:
    for i in range(2):
        np.save(tmp_path / f"{i}.npy", np.ones((8, 8), np.uint8))
    pipe(tmp_path / "2.npy")
    pipe(tmp_path / "doses.csv")
    with pytest.raises(BeamwatchError, match=r"doses\.csv is a pipe"):
        open_movie(tmp_path)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"start;end\n0;five\n", "'five' is not understood"),
        ("Anfang é\n".encode("latin-1"), "no text in UTF-8"),
        ("start,end\n0,5\n".encode("utf-16"), "no text in UTF-8"),
        (bytes(range(256)) * 10, "no text in UTF-8"),
        (b"\0" * 100, "no table"),
        (b"", "no table"),
        (b"start,end\n", "no table"),
        (b"start,end\n1\n", "1 values for 2 columns"),
        (b"start,end\n0,5,0\n", "decimal comma"),
        (b"start,start\n0,5\n", "two columns of one name"),
        (b'start,end\n"0,5\n' * 3, "values for 2 columns|no table|must be a number"),
        (b"dose\n" + b"9" * 200_000 + b"\n", "no table|at most|infinity"),
    ],
)
def test_what_is_no_table_of_doses_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "doses.csv"
    path.write_bytes(content)
    with pytest.raises(BeamwatchError, match=why):
        DoseTable.of(path)


def test_a_table_is_read_with_a_mark_at_its_beginning_and_by_any_separator(tmp_path: Path) -> None:
    path = tmp_path / "doses.csv"
    for separator in (",", ";", "\t", "  "):
        text = f"# by hand\nStart{separator}End\n0{separator}5\n\n5{separator}10\n"
        path.write_text(text, encoding="utf-8-sig")
        assert DoseTable.of(path).end.tolist() == [5, 10]


def test_a_table_larger_than_any_movie_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "doses.csv"
    path.write_bytes(b"dose\n")
    os.truncate(path, 2**30)
    with pytest.raises(BeamwatchError, match="1024 MB"):
        read_table(path)
    monkeypatch.setattr(dose_table, "MOST_FRAMES", 100)
    path.write_bytes(b"dose\n" + b"1\n" * 101)
    with pytest.raises(BeamwatchError, match="more than a movie can have frames"):
        read_table(path)


@pytest.mark.parametrize("name", ["gone.txt", "", "a\0b"])
def test_a_text_that_is_not_there_is_said(tmp_path: Path, name: str) -> None:
    with pytest.raises(BeamwatchError):
        read_text(tmp_path / name, "a settings file", 100)


def test_names_are_harmless_in_every_sentence(tmp_path: Path) -> None:
    path = tmp_path / "\x1b[2Jgone\n.mrc"
    with pytest.raises(BeamwatchError) as refused:
        open_movie(path)
    assert "·gone·.mrc" in str(refused.value)
    np.save(path.with_suffix(".npy"), np.ones((2, 8, 8), np.uint8))
    os.truncate(path.with_suffix(".npy"), 128 + 70)
    movie = open_movie(path.with_suffix(".npy"))
    assert not any("\x1b" in said or "\n" in said for said in (*movie.warnings, *movie.notes))
