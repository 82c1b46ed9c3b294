"""`beamwatch info` as a newcomer meets it, with wrong input too."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from napari_beamwatch.cli import main
from napari_beamwatch.simulate.cases import simulate


@pytest.fixture
def mrc(tmp_path: Path) -> Path:
    path = tmp_path / "movie.mrc"
    with mrcfile.new(path) as file:
        file.set_data(np.random.default_rng(0).poisson(2, (5, 64, 64)).astype(np.uint16))
        file.voxel_size = 0.5
    return path


def test_words_say_what_is_known_from_where_and_what_is_missing(
    mrc: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", str(mrc)]) == 0
    said = capsys.readouterr().out
    assert "5 of 64 × 64 px, uint16" in said
    assert "0.5 Å" in said
    assert "[MRC header]" in said
    assert "counted events" in said
    assert "pre-exposure  unknown" in said


def test_json_holds_the_same_facts(mrc: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--json", str(mrc)]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["frames"] == 5
    assert facts["pixel_size_A"] == pytest.approx(0.5)
    assert facts["frame_dose_e_per_A2"] == pytest.approx(8, rel=0.05)
    assert facts["frame_time_s"] is None


@pytest.mark.long
def test_a_known_ring_tells_the_camera_constant_with_its_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, movie = tmp_path / "rings.mrc", simulate("steady-rings", frames=4, drift=0.0)
    with mrcfile.new(path) as file:
        file.set_data(np.asarray(movie.frames).astype(np.uint16))
    assert main(["info", str(path), "--known-ring", "Na 110"]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert re.fullmatch(
        r"camera constant (199|200)[.\d]* ± 0\.\d+ Å·px, by 110 3\.0\d+ Å at 6\d\.\d px", line
    )
    assert main(["info", str(path), "--known-ring", "Na 100"]) == 1
    assert "Na has no ring 100" in capsys.readouterr().err


def test_what_stands_beside_the_movie_is_told_unless_it_is_not_wanted(
    mrc: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "movie.yaml").write_text("dose rate: 40\nframe time: 0,1 s\ntilt: 3\n")
    assert main(["info", str(mrc)]) == 0
    said = capsys.readouterr().out
    assert "40 e/Å²/s (low dose)" in said
    assert "3 °  [movie.yaml]" in said
    assert "  not stated: compound, voltage, imaging mode" in said
    assert main(["info", str(mrc), "--no-sidecars"]) == 0
    assert "movie.yaml" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["nowhere.eer", "broken.mrc", "folder", "text.tif"])
def test_what_cannot_be_opened_is_one_line_and_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / "broken.mrc").write_bytes(b"MAP " * 10)
    (tmp_path / "text.tif").write_text("hello")
    (tmp_path / "folder").mkdir()
    assert main(["info", str(tmp_path / name)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("beamwatch: ")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("frobnicate", "beamwatch: argument COMMAND: invalid choice: 'frobnicate'"),
        ("--frobnicate", "beamwatch: unrecognized arguments: --frobnicate"),
        ("info", "beamwatch info: the following arguments are required: FILE"),
        ("info FILE --frobnicate 3", "beamwatch info: unrecognized arguments: --frobnicate 3"),
        ("analyze FILE", "beamwatch analyze: the following arguments are required: --out"),
    ],
)
def test_wrong_usage_is_status_2_and_one_line_that_names_the_help(
    words: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(words.split())
    assert stop.value.code == 2
    line = capsys.readouterr().err
    assert line.startswith(said)
    assert line.endswith(" --help\n")
    assert line.count("\n") == 1


def test_without_a_command_all_of_them_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "find the dose at which the specimen first changed" in capsys.readouterr().err


def test_help_answers_at_once_and_loads_nothing_heavy() -> None:
    code = (
        "import sys; from napari_beamwatch.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'numpy', 'numba', 'dask', 'napari', 'qtpy', 'tifffile', 'pandas', 'scipy'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 5


def test_opening_a_movie_loads_neither_napari_nor_qt(mrc: Path) -> None:
    code = (
        "import sys, napari_beamwatch as bw\n"
        "bw.open_movie(sys.argv[1]).frames[0].compute()\n"
        "sys.exit(', '.join({'napari', 'qtpy', 'zarr', 'rsciio', 'h5py'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(mrc)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
