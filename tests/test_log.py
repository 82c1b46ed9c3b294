"""The one logger: silent in a library, told on the terminal with ``--verbose``."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from napari_beamwatch import Movie, Settings, analyze, open_movie
from napari_beamwatch.cli import main
from napari_beamwatch.log import LOG, told_on_terminal


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "movie.npy"
    np.save(path, np.random.default_rng(0).poisson(3, (4, 64, 64)).astype(np.uint8))
    return path


def everybody() -> dict[str, tuple[int, bool, list[logging.Handler]]]:
    """How every logger stands."""
    names = ["", *logging.root.manager.loggerDict]
    loggers = [logging.getLogger(name) for name in names]
    return {one.name: (one.level, one.propagate, [*one.handlers]) for one in loggers}


def test_a_failure_is_told_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    with told_on_terminal(True):
        try:
            raise ZeroDivisionError("of no help\x1b[2J")
        except ZeroDivisionError:
            LOG.exception("judging failed")
    said = capsys.readouterr().err.splitlines()
    assert said[0].endswith(" s  judging failed")
    assert said[1].startswith("Traceback")
    assert said[-1] == "ZeroDivisionError: of no help·"


def test_a_library_says_nothing(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    open_movie(file)
    assert capfd.readouterr() == ("", "")
    assert LOG.level == logging.NOTSET
    assert {type(handler) for handler in LOG.handlers} == {logging.NullHandler}


@pytest.mark.parametrize("words", [["-v", "info"], ["info", "--verbose"]])
def test_what_is_opened_is_told_whether_asked_before_or_behind_the_command(
    words: list[str], file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", str(file)]) == 0
    silent = capsys.readouterr()
    assert silent.err == ""
    assert main([*words, str(file)]) == 0
    told = capsys.readouterr()
    assert told.out == silent.out
    assert f"opened {file}: 4 frames of 64 × 64 px" in told.err


def test_every_logger_is_left_as_it_was(file: Path) -> None:
    before = everybody()
    with told_on_terminal(True):
        within = everybody()
    assert everybody() == before
    assert within.pop(LOG.name) != before.pop(LOG.name)
    assert within == before


def test_a_file_that_is_named_like_a_command_to_the_terminal_is_told_harmlessly(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = file.rename(file.with_name("a\x1b[2Jb.npy"))
    main(["-v", "info", str(odd)])
    assert "a·b.npy" in capsys.readouterr().err


def test_parts_of_an_analysis_are_told_with_their_seconds_and_what_was_chosen(
    caplog: pytest.LogCaptureFixture,
) -> None:
    counts = np.random.default_rng(0).poisson(3, (3, 64, 64)).astype(np.uint8)
    movie = Movie.from_array(counts, pixel_size=0.5, frame_dose=5.0)
    with caplog.at_level(logging.INFO, LOG.name):
        result = analyze(movie, Settings(window=64, drift="off", criteria=("fading",)))
    told = [record.getMessage() for record in caplog.records if record.name == LOG.name]
    for part, seconds in result.timings.items():
        assert f"{part}: {seconds:.2f} s" in told
    assert set(result.notes) <= set(told)
