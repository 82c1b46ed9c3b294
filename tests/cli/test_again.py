"""`beamwatch report`, `rerun` and `verify` as their users meet them, with wrong input too."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import napari_beamwatch as bw
from napari_beamwatch.cli import main
from napari_beamwatch.results.comparing import first_difference
from napari_beamwatch.simulate.cases import simulate

Said = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A movie and its run beside it, with all that a record must remember."""
    home = tmp_path_factory.mktemp("home")
    filmed = simulate("lif-room-temperature", frames=24, frame_dose=20.0, size=128, drift=None)
    np.save(home / "lif.npy", np.stack([filmed.frame(i) for i in range(24)]))
    y = np.linspace(0.9, 1.1, 128, dtype=np.float32)
    movie = bw.open_movie(
        home / "lif.npy", pixel_size=0.125, frame_dose=20.0, pre_exposure=12.0, fraction_frames=2,
        conditions={"compound": "LiF"},
    )  # fmt: skip
    profile = np.tile(y[:, None], 128)
    movie = movie.with_(beam_profile=profile).crop(0, 126, 0, 128)[1:]
    region = bw.Region.rectangle("A", 0, 100, 0, 100)
    settings = bw.Settings(window=64, drift="off", criteria=("fading",))
    bw.analyze(movie, settings, regions=[region]).save(home / "run")
    return home


@pytest.fixture
def moved(home: Path, tmp_path: Path) -> Path:
    """Both elsewhere, with the same way from one to the other; the first home is not there."""
    new = Path(shutil.copytree(home, tmp_path / "moved"))
    _edit(new / "run", lambda record: record["movie"].update(files=["/nowhere/lif.npy"]))
    return new


def _edit(run: Path, change: Any) -> None:
    path = run / "run.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    change(record)
    path.write_text(json.dumps(record), encoding="utf-8")


def test_a_run_comes_out_again(home: Path, capsys: Said) -> None:
    assert main(["verify", str(home / "run")]) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("identical\n", "")


@pytest.mark.long
def test_so_it_does_on_a_cluster(home: Path, capsys: Said) -> None:
    distributed = pytest.importorskip("distributed")
    how = {"threads_per_worker": 1, "protocol": "tcp://", "dashboard_address": None}
    with distributed.LocalCluster(n_workers=1, processes=False, **how) as cluster:
        said = ["verify", str(home / "run"), "--scheduler", cluster.scheduler_address]
        assert main(said) == 0
    assert capsys.readouterr().out == "identical\n"


def test_a_movie_that_moved_with_its_run_is_found(moved: Path, capsys: Said) -> None:
    assert main(["verify", str(moved / "run")]) == 0
    assert capsys.readouterr().out == "identical\n"


def test_a_movie_of_another_name_is_given(moved: Path, capsys: Said) -> None:
    other = (moved / "lif.npy").rename(moved / "other.npy")
    assert main(["verify", str(moved / "run")]) == 1
    assert "not at /nowhere/lif.npy any more: give it with --movie FILE" in capsys.readouterr().err
    assert main(["verify", str(moved / "run"), "--movie", str(other)]) == 0


def test_the_first_column_that_differs_is_named(moved: Path, capsys: Said) -> None:
    path = moved / "run" / "onsets.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table.loc[0, "last_dose_e_per_A2"] = "1"
    table.loc[1, "n_windows"] = "17"
    table.to_csv(path, index=False)
    assert main(["verify", str(moved / "run")]) == 1
    said = capsys.readouterr()
    assert said.out.startswith("different: onsets.csv, column last_dose_e_per_A2: '1' in row 1")
    assert said.err == ""


def test_other_versions_are_said_first(moved: Path, capsys: Said) -> None:
    _edit(moved / "run", lambda record: record["versions"].update({"napari-beamwatch": "0.0.1"}))
    assert main(["verify", str(moved / "run")]) == 0
    first, last = capsys.readouterr().out.splitlines()
    assert first == f"other version: napari-beamwatch 0.0.1 then, {bw.__version__} here"
    assert last == "identical"


def test_a_movie_that_changed_is_not_analysed(moved: Path, capsys: Said) -> None:
    frames = np.load(moved / "lif.npy")
    np.save(moved / "lif.npy", frames[::-1])
    assert main(["verify", str(moved / "run")]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "has changed since it was analysed: it cannot be analysed again" in said.err


def test_the_tables_of_the_run_are_not_needed_to_do_it_again(moved: Path, capsys: Said) -> None:
    for path in (moved / "run").glob("*.csv"):
        path.unlink()
    out = moved / "deep" / "again"
    assert main(["rerun", str(moved / "run"), "--out", str(out)]) == 0
    assert f"written to {out}" in capsys.readouterr().out
    assert (out / "report.html").is_file()
    shutil.copytree(out, moved / "copy")
    assert first_difference(moved / "copy", out) is None


def test_a_run_is_replaced_only_if_one_says_so(
    moved: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = moved / "run"
    before = (run / "run.json").read_bytes()
    assert main(["rerun", str(run)]) == 1
    assert "holds a run already: --force" in capsys.readouterr().err
    assert (run / "run.json").read_bytes() == before
    assert main(["rerun", str(run), "--force"]) == 0
    assert (run / "run.json").read_bytes() != before


@pytest.mark.long
def test_in_python_the_result_and_the_verdict(home: Path) -> None:
    result = bw.rerun(home / "run")
    assert result.onsets.region.tolist() == ["field", "A"]
    assert result.settings == bw.load_result(home / "run").settings
    assert bw.verify(home / "run").identical


def test_a_movie_from_memory_must_be_given(moved: Path, capsys: Said) -> None:
    _edit(moved / "run", lambda record: record["movie"].update(files=[], hash=None))
    assert main(["rerun", str(moved / "run"), "--out", str(moved / "out")]) == 1
    assert "from memory" in capsys.readouterr().err
    assert not (moved / "out").exists()


@pytest.mark.parametrize("command", ["verify", "rerun", "report"])
def test_a_folder_that_is_no_run_is_one_line(command: str, tmp_path: Path, capsys: Said) -> None:
    assert main([command, str(tmp_path)]) == 1
    assert capsys.readouterr().err == (
        f"beamwatch: {tmp_path} holds no run: there is no run.json\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["verify", "rerun", "report"])
def test_a_run_of_another_format_is_one_line(command: str, moved: Path, capsys: Said) -> None:
    _edit(moved / "run", lambda record: record.update(format=2))
    assert main([command, str(moved / "run")]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "is of format 2; this napari-beamwatch" in said


def test_a_record_is_taken_as_settings(home: Path, tmp_path: Path, capsys: Said) -> None:
    words = ["--pixel-size", "0.125", "--frame-dose", "20", "--settings"]
    movie, out = str(home / "lif.npy"), tmp_path / "run"
    assert main(["analyze", movie, "--out", str(out), *words, str(home / "run" / "run.json")]) == 0
    used = bw.load_result(out).settings
    assert (used.window, used.drift, used.criteria) == (64, "off", ("fading",))
    capsys.readouterr()
    record = tmp_path / "old.json"
    record.write_text('{"format": 7, "settings": {}}')
    assert main(["analyze", movie, "--out", str(tmp_path / "no"), *words, str(record)]) == 1
    assert capsys.readouterr().err == (f"beamwatch: {record}: a record of format 7; this reads 1\n")


def test_reports_of_several_runs_are_in_their_folders(
    home: Path, moved: Path, tmp_path: Path, capsys: Said
) -> None:
    other = moved / "run"
    (other / "report.html").unlink()
    assert main(["report", str(tmp_path), str(home / "run"), str(other)]) == 1
    said = capsys.readouterr()
    assert said.out.splitlines() == [str(run / "report.html") for run in (home / "run", other)]
    assert said.err.count("\n") == 1
    assert (other / "report.html").read_bytes() == (home / "run" / "report.html").read_bytes()


def test_one_report_goes_to_a_file(home: Path, tmp_path: Path, capsys: Said) -> None:
    out = tmp_path / "lif.html"
    assert main(["report", str(home / "run"), "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert out.read_bytes() == (home / "run" / "report.html").read_bytes()
    assert main(["report", str(home / "run"), str(home / "run"), "--out", str(out)]) == 2
    assert "--out FILE is for one run" in capsys.readouterr().err
