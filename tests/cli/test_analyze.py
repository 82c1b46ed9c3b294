"""`beamwatch analyze` as its users meet it, with wrong input too."""

from __future__ import annotations

import gc
import json
import socket
from pathlib import Path

import mrcfile
import numpy as np
import pytest

import napari_beamwatch as bw
from napari_beamwatch.batch import request, scheduler
from napari_beamwatch.cli import main
from napari_beamwatch.cli.words import in_words
from napari_beamwatch.simulate.cases import simulate


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("movies") / "lif.mrc"
    filmed = simulate("lif-room-temperature", frames=16, frame_dose=40.0, size=192, drift=None)
    with mrcfile.new(path) as file:
        file.set_data(np.stack([filmed.frame(i) for i in range(16)]))
        file.voxel_size = 0.125
    return path


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file of settings that leave out what takes time here."""
    path = tmp_path_factory.mktemp("settings") / "quick.json"
    path.write_text(bw.Settings(drift="off", criteria=("fading",)).to_json())
    return str(path)


def test_the_answer_is_printed_and_the_run_is_in_the_folder(
    movie: Path, tmp_path: Path, quick: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "deep" / "run"
    assert main(["analyze", str(movie), "--out", str(out), "--settings", quick]) == 0
    said = capsys.readouterr()
    result = bw.load_result(out)
    assert said.out.startswith(f"lif: {result.summary['answer']}\n")
    assert f"written to {out}" in said.out
    assert said.err == ""  # no line of progress where nobody looks


def test_every_option_reaches_the_analysis_and_is_known_again(
    movie: Path, tmp_path: Path, quick: str, capsys: pytest.CaptureFixture[str]
) -> None:
    gain = tmp_path / "gain.npy"
    np.save(gain, np.ones((192, 192), np.float32))
    out = tmp_path / "run"
    words = (
        f"analyze {movie} --out {out} --settings {quick} --pixel-size 0.13 --dose-rate 80 "
        f"--frame-time 0.5 --pre-exposure 7 --fraction-frames 2 --gain {gain} "
        "--temperature -170 --voltage 200kV --elements Li,F,O --window 96 --step 48 "
        "--compound LiF --imaging-mode HRTEM --thickness 0,06µm --particle-size 250Å "
        "--preparation crushed --storage argon --transfer cryo --vacuum high --grid carbon "
        "--roi 0:96,0:100 --roi 90:190,80:190 --phases LiF,Li2O "
        "--fraction 0.5 --d-tolerance 2 --persist 3"
    )
    assert main(words.split()) == 0
    result = bw.load_result(
        out,
        movie=bw.open_movie(
            movie, pixel_size=0.13, dose_rate=80, frame_time=0.5, pre_exposure=7,
            fraction_frames=2, gain=gain,
        ),
    )  # fmt: skip
    settings = result.settings
    assert (settings.window, settings.step) == (96, 48)
    assert settings.phases == ("LiF", "Li2O")
    assert (settings.fraction, settings.d_tolerance, settings.persistence) == (0.5, 2.0, 3)
    assert settings.drift == "off"
    assert result.onsets.region.tolist() == ["field", "roi1", "roi2"]
    box = result.onsets.loc[2, ["y0", "x0", "y1", "x1"]]
    assert box.tolist() == [90, 80, 190, 190]
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))["movie"]
    assert record["pixel_size_A"] == 0.13
    assert record["frame_dose_e_per_A2"] == pytest.approx(40)
    assert record["pre_exposure_e_per_A2"] == 7
    assert record["frames"] == 8
    said = {
        "voltage_kV": 200, "temperature_C": -170, "elements": "Li,F,O", "compound": "LiF",
        "imaging_mode": "HRTEM", "thickness_nm": 60, "particle_size_nm": 25,
        "preparation": "crushed", "storage": "argon", "transfer": "cryo", "vacuum": "high",
        "grid": "carbon",
    }  # fmt: skip
    assert record["conditions"] == pytest.approx(said)
    row = result.onsets.iloc[0]
    assert (row.compound, row.imaging_mode, row.thickness_nm) == ("LiF", "HRTEM", 60)
    assert (row.preparation, row.transfer) == ("crushed; argon", "cryo; high")
    assert (result.summary["not_stated"], result.summary["low_dose"]) == ([], True)
    assert "gain.npy" in record["gain"]
    assert main(words.split()) == 0
    assert "done before, same settings: skipped" in capsys.readouterr().out


def test_a_frame_dose_and_a_persistence_to_the_end(
    movie: Path, tmp_path: Path, quick: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--frame-dose", "40", "--persist", "end", "--settings", quick]
    assert main(["analyze", str(movie), "--out", str(tmp_path), *words]) == 0
    missing = "compound, voltage, dose rate, imaging mode, temperature, thickness, particle size"
    assert f"  not stated: {missing}" in capsys.readouterr().out
    methods = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["methods"]
    assert f"Not stated: {missing}, preparation, transfer, pre-exposure." in methods
    result = bw.load_result(tmp_path)
    assert result.settings.persistence == "end"
    assert result.onsets.last_dose_e_per_A2[0] == pytest.approx(640)


def test_the_beam_is_told_by_current_and_size_and_by_its_profile(
    movie: Path, tmp_path: Path, quick: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (
        f"analyze {movie} --out {tmp_path} --settings {quick} --frame-time 0.5 "
        "--beam-current-nA 1.2±3% --beam-diameter-um 1.5 --beam-profile gauss:fwhm=400px,x=0"
    )
    assert main(words.split()) == 0
    record = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["movie"]
    given = record["given"]
    assert given["dose_calibration"]["dose_rate"] == pytest.approx(42.384, rel=1e-3)
    assert given["dose_calibration"]["uncertainty"] == pytest.approx(np.hypot(0.03, 0.1))
    assert record["dose_source"].startswith("beam of 1.2 nA over 1.5 µm: 42.38")
    assert given["beam_source"] == "gauss:fwhm=400px,x=0"
    result = bw.load_result(tmp_path)
    assert result.movie is not None
    profile = result.movie.given.beam_profile
    assert profile is not None
    assert profile[:, 0].mean() > 1 > profile[:, -1].mean()
    assert main(words.split()) == 0
    assert "done before, same settings: skipped" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--voltage=300000", "0.1 and 4000 kV"),
        ("--temperature=-400 °C", "-273.15 and 3000 °C"),
        ("--thickness=-5", "nm"),
        ("--pixel-size=1e-5", "Å"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    movie: Path, tmp_path: Path, option: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyze", str(movie), "--out", str(tmp_path / "run"), option]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("beamwatch: ")
    assert said in line


def test_a_run_of_other_words_is_replaced_with_force_only_and_refused_before_the_work(
    movie: Path,
    tmp_path: Path,
    quick: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["analyze", str(movie), "--out", str(tmp_path), "--settings", quick]
    assert main(words) == 0
    with monkeypatch.context() as patch:
        patch.setattr(request, "analyze", lambda *_, **__: pytest.fail("analysed"))
        assert main([*words, "--fraction", "0.25"]) == 1
    said = capsys.readouterr().err
    assert "holds a run already, with other settings (fraction): --force" in said
    assert main([*words, "--force", "--fraction", "0.25"]) == 0
    assert bw.load_result(tmp_path).settings.fraction == 0.25


def test_a_folder_without_a_name_is_wrong_usage(
    movie: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["analyze", str(movie), "--out", ""]) == 2
    assert "--out needs the name of a folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_run_beside_other_files_is_forced_and_told_of(
    movie: Path, tmp_path: Path, quick: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.docx").write_text("mine")
    words = ["analyze", str(movie), "--out", str(tmp_path), "--settings", quick]
    assert main(words) == 1
    assert "holds no run, but thesis.docx: --force" in capsys.readouterr().err
    assert main([*words, "--force"]) == 0
    said = capsys.readouterr().out
    assert f"written to {tmp_path}, beside what was there (thesis.docx)" in said


def test_what_cannot_be_written_to_is_noticed_before_the_work(
    movie: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(request, "open_movie", lambda *_, **__: pytest.fail("opened"))
    (tmp_path / "file").write_text("mine")
    assert main(["analyze", str(movie), "--out", str(tmp_path / "file" / "run")]) == 1
    assert "nothing can be written to" in capsys.readouterr().err


def test_names_with_escape_sequences_do_not_reach_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "a\x1b[2Jb\u202ec"
    assert main(["analyze", f"{name}.mrc", "--out", str(tmp_path / "run")]) == 1
    words = ["--jobs", "1", "--out", str(tmp_path / name)]
    assert main(["analyze", f"{name}.mrc", f"{name}2.mrc", *words]) == 1
    said = capsys.readouterr().err
    assert said.count("there is no file or folder a·b·c.mrc") == 3
    assert said.count("\n") == 6
    assert not {"\x1b", "\u202e"} & set(said)
    summary = {"movie": name, "answer": f"{name} survived", "regions": {}, "warnings": [name] * 2}
    assert not {"\x1b", "\u202e"} & set(in_words(summary))


def test_a_failure_leaves_the_old_run(movie: Path, tmp_path: Path, quick: str) -> None:
    words = ["analyze", str(movie), "--out", str(tmp_path), "--settings", quick]
    assert main(words) == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert main([*words, "--force", "--window", "100000"]) == 1
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("FILE", "--out"),
        ("--out OUT", "name a movie (FILE)"),
        ("FILE --out OUT --jobs 0", "less than 1"),
        ("FILE --out OUT --roi 1:2", "no rectangle: give Y0:Y1,X0:X1"),
        ("FILE --out OUT --roi a:b,c:d", "no rectangle"),
        ("FILE --out OUT --roi 20:10,0:50", "holds no pixels"),
        ("FILE --out OUT --persist long", "neither a number of frames nor 'end'"),
        ("FILE --out OUT --phases LiF,,Li", "no list of names"),
        ("FILE --out OUT --window wide", "a length, 'wide', must be a number in px"),
        ("FILE --out OUT --voltage inf", "'inf' is not understood; type a number in kV (or V)"),
        ("FILE --out OUT --frame-dose 1,000", "'1,000' can be 1000 or 1.000"),
        ("FILE --out OUT --frame-dose 5 --dose-rate 50", "not allowed with"),
        ("FILE --out OUT --fraction-frames 5 --fraction-dose 50", "not allowed with"),
        ("FILE --out OUT --beam-current-nA 1", "measure the dose rate together"),
        ("FILE --out OUT --beam-current-nA 1 --dose-rate 5", "not allowed with"),
        ("FILE --out OUT --frobnicate", "unrecognized arguments"),
    ],
)
def test_wrong_usage_is_status_2(
    movie: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: str, said: str
) -> None:
    text = words.replace("FILE", str(movie), 1).replace("OUT", str(tmp_path / "run"))
    try:
        status = main(["analyze", *text.split()])
    except SystemExit as stop:  # of argparse
        status = int(str(stop.code))
    assert status == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--roi 0:100,0:500", "reaches beyond the field of 192 by 192 px"),
        ("--roi 0:20,0:20", "at least 64 by 64"),
        ("--pixel-size 0", "pixel_size cannot be 0"),
        ("--frame-dose -5", "frame_dose cannot be -5"),
        ("--frame-time 0", "frame_time cannot be 0"),
        ("--pre-exposure -1", "pre_exposure cannot be -1"),
        ("--fraction-frames 100", "cannot add up 100 frames"),
        ("--fraction-dose 5", "not an EER movie"),
        ("--gain nowhere.gain", "nowhere.gain"),
        ("--beam-profile nowhere.npy", "nowhere.npy"),
        ("--dose-calibration 50", "'50' says no uncertainty"),
        ("--dose-table nowhere.csv", "nowhere.csv"),
        ("--vacuum-movie nowhere.mrc", "there is no file or folder nowhere.mrc"),
        ("--fraction 1.5", "the fraction cannot be 1.5: it lies between"),
        ("--d-tolerance 0", "d_tolerance cannot be 0: it lies between"),
        ("--persist 0", "the persistence, if not 'end', cannot be 0"),
        ("--window 100000", "100000"),
        ("--step 0", "step"),
        ("--settings nowhere.json", "nowhere.json cannot be read: No such file"),
        ("--settings list.json", "list.json: unknown settings"),
        ("--settings odd.json", "odd.json: unknown settings: widow"),
        ("--settings none.json", "none.json: the settings are no JSON"),
        ("--settings type.json", "type.json"),
        ("--settings deep.json", "deep.json"),
        ("--settings .", "cannot be read"),
        ("--scheduler nonsense", "no scheduler answers at nonsense"),
        ("--scheduler tcp://127.0.0.1:1", "no scheduler answers at tcp://127.0.0.1:1"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_status_1(
    movie: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: str,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(scheduler, "CONNECT_S", 0.3)
    Path("list.json").write_text("[1, 2]")
    Path("odd.json").write_text('{"widow": 128}')
    Path("none.json").write_text("window = 128")
    Path("type.json").write_text('{"pixel_size_uncertainty": "a"}')
    Path("deep.json").write_text("[" * 100_000)
    assert main(["analyze", str(movie), "--out", "run", *words.split()]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("beamwatch: ")
    assert told.err.count("\n") == 1
    assert said in told.err
    assert not Path("run").exists()


def test_a_socket_that_never_answers_is_no_scheduler(
    movie: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(scheduler, "CONNECT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"tcp://127.0.0.1:{mute.getsockname()[1]}"
        words = ["--out", str(tmp_path / "run"), "--scheduler", address]
        assert main(["analyze", str(movie), *words]) == 1
    assert f"no scheduler answers at {address}: nothing was said for 0.3 s" in (
        capsys.readouterr().err
    )


def test_no_client_is_left_behind_where_no_scheduler_answers(
    movie: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One that is collected while another starts would wait for it, and be waited for, for ever.
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(scheduler, "CONNECT_S", 0.3)
    words = ["--out", str(tmp_path / "run"), "--scheduler", "nonsense"]
    assert main(["analyze", str(movie), *words]) == 1
    # Proxies of what is gone cannot be asked for their class.
    assert not any(issubclass(type(one), distributed.Client) for one in gc.get_objects())


def test_an_out_that_is_a_file_is_refused(
    movie: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    out.write_text("mine")
    assert main(["analyze", str(movie), "--out", str(out)]) == 1
    assert "is a file; a run needs a folder" in capsys.readouterr().err
    assert out.read_text() == "mine"


@pytest.mark.long
def test_the_work_can_be_done_on_a_cluster_and_its_client_is_closed(
    movie: Path, tmp_path: Path, quick: str
) -> None:
    distributed = pytest.importorskip("distributed")
    here, there = tmp_path / "here", tmp_path / "there"
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster:
        words = ["--scheduler", cluster.scheduler_address, "--settings", quick]
        assert main(["analyze", str(movie), "--out", str(there), *words]) == 0
        assert not [c for c in cluster.scheduler.clients if c != "fire-and-forget"]
    assert main(["analyze", str(movie), "--out", str(here), "--settings", quick]) == 0
    for name in ("spots.csv", "traces.csv", "onsets.csv"):
        assert (here / name).read_bytes() == (there / name).read_bytes()
