"""`beamwatch analyze` of many movies, as its users meet it."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest

import napari_beamwatch as bw
from napari_beamwatch.batch import request
from napari_beamwatch.cli import main
from napari_beamwatch.simulate.cases import simulate


@dataclass(frozen=True)
class Batch:
    """A batch that ended: two movies, one of them twice as dear, a broken one and none."""

    words: list[str]
    out: Path
    status: int
    said: str
    told: list[str]


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Batch:
    folder = tmp_path_factory.mktemp("campaign")
    for seed, name in enumerate(("lif", "other")):
        filmed = simulate(
            "lif-room-temperature", frames=12, frame_dose=50.0, size=128, drift=None, seed=seed
        )
        with mrcfile.new(folder / f"{name}.mrc") as file:
            file.set_data(np.stack([filmed.frame(i) for i in range(12)]))
            file.voxel_size = 0.125
    (folder / "broken.mrc").write_bytes(b"MAP " * 10)
    table = folder / "dewar.csv"
    table.write_text(
        "file;compound;temperature [K];frame dose;voltag;remarks\nbroken.mrc;LiF;103;50;;\n"
        "other.mrc;LiF;103;25;;fine\nnowhere.eer;LiF;103;50;;\n"
    )
    (folder / "conditions.csv").write_text("file,thicknes\nlif.mrc,9\nother.mrc,9\n")
    settings = folder / "quick.json"
    settings.write_text(bw.Settings(drift="off", criteria=("fading",)).to_json())
    out = folder / "runs"
    words = f"analyze {folder / 'lif.mrc'} --table {table} --out {out} --settings {settings}"
    said, told = io.StringIO(), io.StringIO()
    with redirect_stdout(said), redirect_stderr(told):
        status = main([*words.split(), "--jobs", "1"])
    return Batch(words.split(), out, status, said.getvalue(), told.getvalue().splitlines())


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request, "analyze", lambda *_, **__: pytest.fail("analysed"))


def test_all_are_tried_and_what_failed_is_listed_at_the_end_with_its_reason(batch: Batch) -> None:
    assert batch.status == 1
    assert sorted(path.name for path in batch.out.iterdir()) == ["lif", "other"]
    folder = batch.out.parent
    broken, nowhere = batch.told[-2:]
    assert batch.told[-3] == "beamwatch: 2 of 4 movies failed:"
    assert broken.startswith(f"  {folder / 'broken.mrc'}: ")
    assert nowhere == (
        f"  {folder / 'nowhere.eer'}: there is no file or folder {folder / 'nowhere.eer'}"
    )
    assert batch.told[2] == "1 of 4: lif: done"
    assert len(batch.told) == 9
    assert batch.said.count("  written to ") == 2


def test_columns_that_nobody_knows_are_said_once_before_the_work(batch: Batch) -> None:
    slip = "no known name, so not used:"
    assert batch.told[:2] == [
        f"beamwatch: dewar.csv: {slip} voltag (did you mean voltage?), remarks",
        f"beamwatch: conditions.csv: {slip} thicknes (did you mean thickness?)",
    ]
    assert "did you mean" not in batch.said
    record = json.loads((batch.out / "lif" / "run.json").read_text(encoding="utf-8"))
    assert "conditions.csv: thicknes is not used: did you mean thickness?" in record["notes"]


def test_a_row_of_the_table_tells_dose_and_conditions(batch: Batch) -> None:
    lif, other = (bw.load_result(batch.out / name).onsets.iloc[0] for name in ("lif", "other"))
    assert (other.compound, other.temperature_C) == ("LiF", pytest.approx(-170.15))
    assert other.last_dose_e_per_A2 == pytest.approx(300)
    assert lif.last_dose_e_per_A2 == pytest.approx(600, rel=0.01)  # as counted: no row is its
    assert bw.load_result(batch.out / "other").movie is not None


@pytest.mark.usefixtures("idle")
def test_the_same_command_goes_on_and_skips_in_words(
    batch: Batch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*batch.words, "--jobs", "1"]) == 1
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        f"{name}: done before, same settings: skipped ({batch.out / name})"
        for name in ("lif", "other")
    ]
    assert said.err.splitlines()[2:5:2] == ["1 of 4: lif: skipped", "3 of 4: other: skipped"]


@pytest.mark.usefixtures("idle")
def test_a_batch_in_which_nothing_fails_is_good(
    batch: Batch, capsys: pytest.CaptureFixture[str]
) -> None:
    word = batch.words[1]
    assert main([*batch.words[:2], "--out", str(batch.out / "lif"), *batch.words[-2:]]) == 0
    assert capsys.readouterr().err == ""  # no line of progress for one movie
    assert Path(word).stem == "lif"


@pytest.mark.usefixtures("idle")
def test_json_is_an_object_a_movie(batch: Batch, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*batch.words, "--jobs", "1", "--json", "--quiet"]) == 1
    told = capsys.readouterr()
    said = [json.loads(line) for line in told.out.splitlines()]
    assert [one["status"] for one in said] == ["skipped", "failed", "skipped", "failed"]
    assert said[0]["run"] == str(batch.out / "lif")
    assert said[0]["summary"]["answer"] in batch.said
    assert said[1]["summary"] is None
    assert told.err.splitlines()[0] == "beamwatch: 2 of 4 movies failed:"


def test_ctrl_c_says_how_many_are_done_and_how_to_go_on(
    batch: Batch, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(request, "analyze", interrupted)
    (batch.out.parent / "third.mrc").write_bytes((batch.out.parent / "lif.mrc").read_bytes())
    words = [*batch.words, str(batch.out.parent / "third.mrc"), "--jobs", "1"]
    assert main([words[0], words[-3], *words[1:-3], *words[-2:]]) == 1
    assert capsys.readouterr().err.splitlines()[2:] == [
        "beamwatch: interrupted: 0 of 5 movies are done, the same command does the others"
    ]
    assert main([*words[:2], words[-3], *words[2:-3], *words[-2:]]) == 1
    assert capsys.readouterr().err.splitlines()[2:] == [
        "1 of 5: lif: skipped",
        "beamwatch: interrupted: 1 of 5 movies are done, the same command does the others",
    ]
    assert not (batch.out / "third").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a.mrc", "deep/A.mrc.gz"], "would both be written to"),
        (["--jobs", "many", "a.mrc"], "no whole number"),
        ([], "name a movie (FILE), or a table of some (--table FILE)"),
    ],
)
def test_wrong_usage_is_status_2_and_writes_nothing(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status: Any = main(["analyze", *words, "--out", str(tmp_path / "runs")])
    except SystemExit as stop:  # of argparse
        status = stop.code
    assert status == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_table_that_is_none_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--table", str(tmp_path / "nowhere.csv"), "--out", str(tmp_path / "runs")]
    assert main(["analyze", *words]) == 1
    assert "nowhere.csv cannot be read: No such file" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
