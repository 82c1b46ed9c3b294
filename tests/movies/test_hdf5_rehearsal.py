"""A file that the HDF5 library crashes over, or loops over, is refused in words."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats import hdf5_rehearsal
from napari_beamwatch.movies.formats.hdf5 import open_hdf5

h5py = pytest.importorskip("h5py")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")


@pytest.fixture
def movie(tmp_path, stack):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["movie"] = stack
    return path


@pytest.fixture
def rehearsal(monkeypatch):
    """A new one, ended with the test."""
    made = hdf5_rehearsal._Rehearsal()
    monkeypatch.setattr(hdf5_rehearsal, "_REHEARSAL", made)
    yield made
    made.stop()


def instead(tmp_path: Path, monkeypatch, walk: str) -> None:
    """Let the other process do this in place of its walk."""
    script = hdf5_rehearsal.SCRIPT.read_text()
    changed = script.replace("walk(json.loads(line))", walk)
    assert changed != script
    path = tmp_path / "other.py"
    path.write_text(changed)
    monkeypatch.setattr(hdf5_rehearsal, "SCRIPT", path)


def test_a_crash_of_the_library_is_said_and_the_next_file_opens(
    tmp_path, monkeypatch, movie, rehearsal, stack
):
    crash = "os.kill(os.getpid(), signal.SIGSEGV) if 'a.h5' in line else walk(json.loads(line))"
    instead(tmp_path, monkeypatch, crash)
    for _ in range(2):
        with pytest.raises(BeamwatchError, match="crashes the HDF5 library"):
            open_hdf5(movie)
    movie.rename(tmp_path / "b.h5")
    np.testing.assert_array_equal(open_hdf5(tmp_path / "b.h5").frames.read(2), stack[2])


def test_an_endless_loop_in_the_library_is_ended(tmp_path, monkeypatch, movie, rehearsal):
    monkeypatch.setattr(hdf5_rehearsal, "LIMIT", 1)
    instead(tmp_path, monkeypatch, "exec('while True: pass')")
    with pytest.raises(BeamwatchError, match="busy for more than 1 s"):
        open_hdf5(movie)


def test_a_text_that_the_library_loops_over_is_found_before(monkeypatch, movie, rehearsal):
    with h5py.File(movie, "a") as file:
        file.attrs["title"] = "of the second of May"
    data = bytearray(movie.read_bytes())
    first = data.index(b"GCOL") + 16
    # The first text in the heap is endless, and what follows it, of no size at all, is free.
    data[first + 8 : first + 40] = b"\xff" * 8 + b"\0" * 24
    movie.write_bytes(data)
    monkeypatch.setattr(hdf5_rehearsal, "LIMIT", 1)
    with pytest.raises(BeamwatchError, match="busy for more than 1 s"):
        open_hdf5(movie)


def test_whoever_cancels_does_not_wait(tmp_path, monkeypatch, movie, rehearsal):
    instead(tmp_path, monkeypatch, "exec('while True: pass')")
    main = threading.main_thread().ident
    timer = threading.Timer(0.5, signal.pthread_kill, [main, signal.SIGINT])
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        open_hdf5(movie)
    timer.join()
    signal.signal(signal.SIGINT, usual)
    assert rehearsal._process is None


def test_a_file_is_walked_through_once_while_it_stays_as_it_is(movie, rehearsal, monkeypatch):
    asked = []
    ask = rehearsal._asked
    monkeypatch.setattr(rehearsal, "_asked", lambda path: asked.append(path) or ask(path))
    frames = open_hdf5(movie).frames
    frames.read(0)
    open_hdf5(movie).frames.read(1)
    assert len(asked) == 1
    with h5py.File(movie, "a") as file:
        file["more"] = np.zeros(3)
    open_hdf5(movie)
    assert len(asked) == 2


def test_without_another_process_files_open_all_the_same(movie, rehearsal, monkeypatch, stack):
    monkeypatch.setattr(hdf5_rehearsal, "SCRIPT", Path("/none.py"))
    np.testing.assert_array_equal(open_hdf5(movie).frames.read(1), stack[1])


def test_under_a_lower_limit_of_memory_files_are_walked_through_all_the_same(tmp_path, movie):
    code = (
        "import resource, sys;"
        "resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30));"
        "import runpy; sys.argv = ['it', '5'];"
        f"runpy.run_path({str(tmp_path / 'other.py')!r}, run_name='__main__')"
    )
    script = hdf5_rehearsal.SCRIPT.read_text()
    (tmp_path / "other.py").write_text(script.replace("walk(json.loads(line))", "os.abort()"))
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=f'"{movie}"\n',
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(-signal.SIGABRT)
