"""`beamwatch simulate` as a newcomer meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from napari_beamwatch import open_movie
from napari_beamwatch.cli import main

SMALL = ["--size", "64", "--frames", "3"]


@pytest.mark.parametrize("ending", [".eer", ".mrc", ".tif"])
def test_writes_a_movie_and_its_truth(tmp_path: Path, ending: str) -> None:
    out = tmp_path / "deep" / f"movie{ending}"
    assert main(["simulate", str(out), "--case", "survivor", *SMALL]) == 0
    assert open_movie(out).pixel_size == pytest.approx(0.125)
    truth = json.loads((out.parent / "movie.truth.json").read_text())
    assert truth["status"] == "survived"


def test_never_overwrites_unasked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "movie.mrc"
    out.write_text("precious")
    words = ["simulate", str(out), "--case", "survivor", *SMALL]
    assert main(words) == 1
    assert "--force" in capsys.readouterr().err
    assert out.read_text() == "precious"
    assert main([*words, "--force"]) == 0


def test_lists_its_cases(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--list"]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.split(maxsplit=1)[0] == "lif-room-temperature"
    assert "LiF at room temperature" in first


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["simulate"], 2),
        (["simulate", "x.eer"], 2),
        (["simulate", "x.png", "--case", "survivor"], 1),
        (["simulate", "x.eer", "--case", "unheard-of"], 1),
        (["simulate", "x.eer", "--case", "survivor", "--frame-dose", "-1"], 1),
        (["simulate", "x.eer", "--case", "survivor", "--size", "3"], 1),
        (["simulate", "x.eer", "--case", "survivor", "--pixel-size", "0"], 1),
    ],
)
def test_wrong_words_are_answered_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    status: int,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == status
    assert capsys.readouterr().err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
