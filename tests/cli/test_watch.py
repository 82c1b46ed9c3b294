"""`beamwatch watch` as it is seen on a terminal."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

import napari_beamwatch as bw
from napari_beamwatch.cli import main
from napari_beamwatch.cli import watch as command


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the watch is asked, which then tells of a movie that is lost, until Ctrl-C."""
    how: dict[str, Any] = {}
    onset = bw.Onset(152.0, 140.0, 158.0, analysed=False)

    def watched(path: str, settings: bw.Settings, **said: Any) -> Generator[bw.WatchState]:
        how.update(said, path=path, settings=settings)
        file = Path("lif.eer")
        yield bw.WatchState(file, "holding", 1, 10.0, 1.0, words="10 e/Å² · holding")
        yield bw.WatchState(file, "holding", 2, 15.0, 0.99, words="15 e/Å² · holding")
        yield bw.WatchState(file, "holding", 3, 20.0, 0.99, words="holding · twice", note="twice")
        yield bw.WatchState(file, "stop", 40, 205.0, 0.3, onset, words="damage began at 152: stop")
        yield bw.WatchState(file, "stop", 41, 210.0, 0.2, onset, words="210 e/Å² · stop")
        how["closed"] = False
        try:
            raise KeyboardInterrupt
        finally:
            how["closed"] = True

    monkeypatch.setattr(command, "watch_movies", watched)
    return how


def test_a_line_is_printed_for_each_change_and_ctrl_c_is_a_good_end(
    asked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["watch", "day"]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "lif.eer: holding: 10 e/Å² · holding",
        "lif.eer: holding: holding · twice",
        "lif.eer: stop: damage began at 152: stop",
    ]
    assert said.err == "beamwatch: the watch has ended\n"
    assert asked["closed"]


def test_json_is_an_object_a_line_for_every_frame(
    asked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["watch", "day", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["frame"] for row in rows] == [1, 2, 3, 40, 41]
    assert rows[3]["onset"] == {"dose": 152.0, "low": 140.0, "high": 158.0, "analysed": False}


def test_the_bell_rings_once(asked: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", "day", "--sound"]) == 0
    assert capsys.readouterr().err.count("\a") == 1


def test_half_of_what_measures_the_beam_is_wrong_usage(
    asked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["watch", "day", "--beam-current-nA", "1"]) == 2
    assert "measure the dose rate together" in capsys.readouterr().err
    assert "path" not in asked


def test_what_is_said_of_the_movies_reaches_the_watch(asked: dict[str, Any]) -> None:
    words = "watch day --out runs --pixel-size 0.25 --dose-rate 20 --settle 3 --once"
    assert main(words.split()) == 0
    assert (asked["path"], asked["out"], asked["settle"]) == ("day", "runs", 3.0)
    assert (asked["pixel_size"], asked["dose_rate"], asked["once"]) == (0.25, 20.0, True)


def test_a_movie_that_failed_is_an_end_that_is_not_good(monkeypatch: pytest.MonkeyPatch) -> None:
    def watched(*_: Any, **__: Any) -> Generator[bw.WatchState]:
        for name, status in (("a.mrc", "failed"), ("b.mrc", "finished")):
            yield bw.WatchState(Path(name), status, words=status)  # type: ignore[arg-type]

    monkeypatch.setattr(command, "watch_movies", watched)
    assert main(["watch", "day", "--once"]) == 1
