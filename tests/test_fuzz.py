"""Damaged inputs, some dozens of each format: they are read, or refused in words; nothing else.

``make fuzz`` tries a hundred thousand, in processes that may hang and die.
"""

from __future__ import annotations

import os
import pickle
from functools import cache
from pathlib import Path

import pytest

from napari_beamwatch.errors import BeamwatchError
from tools.fuzz import watching
from tools.fuzz.damage import CODE
from tools.fuzz.inputs import Files, Made, Odd, lay, lifted
from tools.fuzz.watching import Outcome, attempt

# Its seeds are written by the libraries of the extra `formats`.
formats = pytest.importorskip("tools.fuzz.formats", exc_type=ImportError)

SEED = 5
INPUTS = 20
LARGEST = 400
"""Megabytes of one input."""

FAST = [name for name in formats.FORMATS if name not in ("numbers", "run")]
"""Seeds of runs need an analysis, and numbers are one."""

ONE_FILE = [name for name in FAST if formats.FORMATS[name].door == "movie" and name not in
            ("stills", "zarr", "zspy")]  # fmt: skip


@cache
def seeds(name: str) -> list[Made]:
    if name in ("emd", "hspy"):
        pytest.importorskip("rsciio")
    return formats.made(name, None)


def tried(folder: Path, files: Files, opened: str, door: str = "movie") -> Outcome:
    """What comes of files in a folder of their own."""
    inside = folder / "inside"
    inside.mkdir(parents=True)
    lay(files, inside)
    return attempt(door, inside / opened, whole=False, outside=folder.parent / "outside")


def one_file(name: str) -> Made:
    return next(seed for seed in seeds(name) if len(seed.files) == 1 and seed.whole)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", FAST)
def test_damaged_inputs_are_read_or_refused_in_words(tmp_path, name):
    count = len(seeds(name)) + INPUTS
    for index in range(count):
        one = formats.an_input(name, seeds(name), SEED, index)
        came = tried(tmp_path / str(index), one.files, one.opened, formats.FORMATS[name].door)
        what = f"input {index}: {came.what}\n{came.said}"
        assert came.kind == "read" if one.whole else came.kind in watching.GOOD, what
        assert came.megabytes < LARGEST, what


@pytest.mark.parametrize("name", ONE_FILE)
def test_the_first_bytes_alone_are_no_movie(tmp_path, name):
    seed = one_file(name)
    for length in (0, 1, 3, 4, 8, 16, 100, 1023, 1024, 1025):
        cut = {file: data[: min(length, len(data) // 8)] for file, data in seed.files.items()}
        assert tried(tmp_path / str(length), cut, seed.opened).kind == "refused"


@pytest.mark.parametrize("name", ONE_FILE)
def test_something_else_altogether_is_refused(tmp_path, name):
    opened = one_file(name).opened
    for i, data in enumerate((b"hello", b"\0" * 5000, b"\xff" * 5000, b"II*\0" * 900, CODE)):
        assert tried(tmp_path / str(i), {opened: data}, opened).kind == "refused"


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", [*ONE_FILE, "gain", "dose-table", "settings", "cif"])
def test_what_is_no_file_is_refused(tmp_path, name):
    opened, door = seeds(name)[0].opened, formats.FORMATS[name].door
    assert tried(tmp_path / "nothing", {}, opened, door).kind == "refused"
    for odd in Odd:
        assert tried(tmp_path / odd.name, {opened: odd}, opened, door).kind == "refused"


# The harness itself


def test_a_seed_makes_the_same_inputs_again():
    again = [formats.an_input("zarr", seeds("zarr"), SEED, index) for index in range(30)]
    assert again == [formats.an_input("zarr", seeds("zarr"), SEED, index) for index in range(30)]
    assert again[25:] != [
        formats.an_input("zarr", seeds("zarr"), SEED + 1, i) for i in range(25, 30)
    ]


def test_an_input_is_kept_as_it_was(tmp_path):
    files = {"a/b.npy": b"\0x", "empty": b"", **{odd.name: odd for odd in Odd}}
    lay(files, tmp_path)
    assert lifted(tmp_path) == files


def raises_another(path: Path) -> None:
    raise ValueError("of a library")


def wants_memory(path: Path) -> None:
    try:
        raise MemoryError
    except MemoryError as error:
        raise BeamwatchError(f"{path} is too large") from error


def says_nothing(path: Path) -> None:
    raise BeamwatchError(" ")


def writes(path: Path) -> None:
    Path(path.anchor, "there-is-no-such-folder", "file").write_bytes(b"")


def looks_outside(path: Path) -> None:
    (path.parents[2] / "outside" / "x").read_bytes()


def runs_code(path: Path) -> None:
    pickle.loads(path.read_bytes())


def starts_a_program(path: Path) -> None:
    os.system("true")


@pytest.mark.parametrize(
    ("door", "kind"),
    [
        (raises_another, "foreign"),
        (says_nothing, "foreign"),
        (wants_memory, "memory"),
        (writes, "reached"),
        (looks_outside, "reached"),
        (runs_code, "reached"),
        (starts_a_program, "reached"),
        (Path.read_bytes, "read"),
    ],
)
def test_what_must_not_happen_is_noticed(monkeypatch, tmp_path, door, kind):
    monkeypatch.setattr(watching, "open_door", lambda _, path: door(path))
    came = tried(tmp_path / "0", {"a": CODE}, "a")
    assert came.kind == kind
    assert bool(came.what) == (kind != "read")
