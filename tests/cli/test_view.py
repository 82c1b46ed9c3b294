"""`beamwatch view`: the window is asked for with the panel and the movie or run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from napari_beamwatch.cli import main


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    calls: list[list[str]] = []

    def run(words: list[str], **_: Any) -> SimpleNamespace:
        calls.append(words)
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setitem(sys.modules, "qtpy.QtWidgets", SimpleNamespace())  # no matter which
    return calls


@pytest.fixture
def movie(tmp_path: Path) -> Path:
    path = tmp_path / "movie.npy"
    np.save(path, np.random.default_rng(0).poisson(3, (4, 64, 64)).astype(np.uint8))
    return path


def test_a_movie_is_opened_with_the_panel(asked: list[list[str]], movie: Path) -> None:
    assert main(["view", str(movie)]) == 0
    assert asked == [[sys.executable, "-m", "napari_beamwatch._qt.window", str(movie)]]


def test_the_window_is_told_to_be_verbose_where_the_command_was(
    asked: list[list[str]], movie: Path
) -> None:
    assert main(["view", "-v", str(movie)]) == 0
    assert asked[0][-1] == "--verbose"


@pytest.mark.parametrize("record", ["run.json", "summary.json"])
def test_of_a_folder_of_a_run_or_a_summary_its_record_is_opened(
    asked: list[list[str]], tmp_path: Path, record: str
) -> None:
    (tmp_path / record).write_text("{}")
    for named in (tmp_path, tmp_path / record):
        assert main(["view", str(named)]) == 0
        assert str(tmp_path / record) in asked.pop()


def test_what_cannot_be_opened_is_said_without_a_window(
    asked: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["view", str(tmp_path / "absent.eer")]) == 1
    assert "absent.eer" in capsys.readouterr().err
    assert asked == []


def test_without_a_display_a_sentence_says_so(
    asked: list[list[str]],
    movie: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert main(["view", str(movie)]) == 1
    assert "display" in capsys.readouterr().err
    assert asked == []


def test_without_a_binding_of_qt_a_sentence_says_how_to_get_one(
    asked: list[list[str]],
    movie: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "qtpy.QtWidgets", None)
    assert main(["view", str(movie)]) == 1
    said = capsys.readouterr().err
    assert said.endswith('pip install "napari-beamwatch[qt]"\n')
    assert said.count("\n") == 1
    assert asked == []


def test_a_window_that_qt_ends_for_want_of_a_screen_is_a_failure_in_words(
    asked: list[list[str]],
    movie: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=-6))
    assert main(["view", str(movie)]) == 1
    assert "display" in capsys.readouterr().err
