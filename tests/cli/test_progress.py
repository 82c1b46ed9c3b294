"""What a terminal shows while the work goes on, and what others are told."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from numba.core import event

from napari_beamwatch.analysis import Step
from napari_beamwatch.batch.outcome import AtWork, BatchStep, MovieOutcome
from napari_beamwatch.cli import progress
from napari_beamwatch.cli.loading import said_to_load
from napari_beamwatch.cli.progress import BatchTold, RunningLine, progress_line

LIF = AtWork("lif", "following spots", 45, 180)
FAILED = MovieOutcome("naf", "d/naf.mrc", Path("runs/naf"), "failed", "no frames", {})
SUMMARY = {"movie": "li", "answer": "field survived", "regions": {}}
DONE = MovieOutcome("li", "d/li.mrc", Path("runs/li"), "done", "field survived", SUMMARY)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes one of what stands for stderr while a test runs."""

    def make() -> None:
        monkeypatch.setattr("sys.stderr.isatty", lambda: True)
        monkeypatch.setenv("COLUMNS", "100")

    return make


def test_progress_is_one_line_of_a_terminal_and_is_wiped(
    terminal: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    terminal()
    with progress_line("lif") as tell:
        assert tell is not None
        tell(Step(1, 4, "finding the drift"))
        tell(Step(4, 4, "judging"))
    said = capsys.readouterr().err
    assert "\n" not in said
    shown = said.split("\r")
    assert shown[1].startswith("lif: finding the drift 25% (1 of 4 frames read)")
    assert shown[2].startswith("lif: judging 100% (4 of 4 frames read)")
    assert len(shown[2]) == len(shown[1])  # nothing of the longer one stays
    assert shown[3].strip() == ""


def test_a_line_shows_signs_of_life_while_nothing_is_told_and_is_no_wider_than_the_terminal(
    terminal: Callable[[], None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal()
    monkeypatch.setattr(progress, "BEAT", 0.01)
    with RunningLine() as line:
        line.show("x" * 300)
        time.sleep(0.2)
    shown = [one for one in capsys.readouterr().err.split("\r") if "x" in one]
    assert len(shown) > 2
    assert {len(one) for one in shown} == {99}
    with RunningLine() as line:
        line.show("lif")
        time.sleep(0.2)
    assert len(set(re.findall(r"lif .", capsys.readouterr().err))) > 1


def test_a_batch_says_files_time_left_and_what_is_at_work(
    terminal: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    terminal()
    more = (LIF, AtWork("naf", "compiling, once", 3, 9), LIF)
    with BatchTold(quiet=False, as_json=False) as told:
        told(BatchStep(9, (DONE,), more, ("lif: takes long",), 200.0))
    said = capsys.readouterr()
    assert said.err.split("\r")[0] == "beamwatch: lif: takes long\n1 of 9: li: done\n"
    line = "1 of 9 movies · 3 min left · lif: following spots 25% (45 of 180 frames read) · naf: co"
    assert said.err.split("\r")[1].startswith(line)
    assert said.out == "li: field survived\n  written to runs/li\n"


def test_elsewhere_a_batch_is_a_line_a_movie_and_what_failed_at_the_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with BatchTold(quiet=False, as_json=False) as told:
        told(BatchStep(2, (), (LIF,), (), None))
        told(BatchStep(2, (FAILED,), (LIF,), (), None))
        told(BatchStep(2, (FAILED, DONE), (), (), None))
    assert not told.ended()
    assert capsys.readouterr().err.splitlines() == [
        "1 of 2: naf: no frames",
        "2 of 2: li: done",
        "beamwatch: 1 of 2 movies failed:",
        "  d/naf.mrc: no frames",
    ]


def test_that_it_is_loaded_is_said_on_a_terminal_and_wiped(
    terminal: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    with said_to_load():
        pass
    assert capsys.readouterr().err == ""
    terminal()
    with said_to_load(wanted=False):
        pass
    assert capsys.readouterr().err == ""
    with said_to_load():
        said = capsys.readouterr().err
    assert said == "\rloading …"
    assert capsys.readouterr().err.strip() == ""


def test_quiet_is_only_what_failed(capsys: pytest.CaptureFixture[str]) -> None:
    with BatchTold(quiet=True, as_json=False) as told:
        told(BatchStep(2, (FAILED, DONE), (), ("lif: takes long",), None))
    told.ended()
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "beamwatch: 1 of 2 movies failed:\n  d/naf.mrc: no frames\n"


def test_compiling_is_said_while_it_lasts(
    terminal: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    terminal()
    ours = {"dispatcher": SimpleNamespace(py_func=progress.progress_line)}
    with progress_line("lif") as tell:
        assert tell is not None
        tell(Step(1, 4, "reading"))
        with event.trigger_event("numba:compile", data=ours):
            pass
    shown = capsys.readouterr().err.split("\r")
    assert shown[2].startswith("lif: compiling, once")
    assert shown[3].startswith("lif: reading 25%")
