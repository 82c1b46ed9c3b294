"""The examples run as they are shown, on a small movie that they share."""

from __future__ import annotations

import re
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import napari_beamwatch as bw
from napari_beamwatch.phases.structures import _ADDED
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.writing import write_movie

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"

Run = Callable[..., str]


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("movie") / "lif.mrc"
    write_movie(simulate("lif-room-temperature", frames=16, frame_dose=40.0, size=256), path)
    return path


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs an example with words of the command line, and says what it printed."""

    def running(name: str, *words: object) -> str:
        path = EXAMPLES / f"{name}.py"
        monkeypatch.setattr(sys, "argv", [str(path), *map(str, words)])
        runpy.run_path(str(path), run_name="__main__")
        return capsys.readouterr().out

    return running


def test_one_movie(run: Run, movie: Path) -> None:
    assert "against dose" in run("one_movie", movie)


@pytest.mark.long
def test_regions_and_thresholds(run: Run, movie: Path) -> None:
    said = run("regions_and_thresholds", movie)
    assert said.count("corner") == said.count("left") == 2


@pytest.mark.long
def test_a_campaign(run: Run, movie: Path, tmp_path: Path) -> None:
    for i, temperature in enumerate((20.0, -170.0)):
        opened = bw.open_movie(
            movie, pre_exposure=0.0, conditions={"compound": "LiF", "temperature_C": temperature}
        )
        cut = opened.crop(0, 256 - 64 * i, 0, 256)  # two names, or a movie would count once
        bw.analyze(cut, bw.Settings(criteria=("fading",))).save(tmp_path / str(i))
    said = run("a_campaign", tmp_path / "0", tmp_path / "1")
    assert "LiF, RT (20 °C): half of the lattice changed by" in said


def test_plan_the_next_movie(run: Run) -> None:
    said = run("plan_the_next_movie")
    assert said.count("stop at") == 2


@pytest.mark.long
def test_best_image(run: Run, movie: Path, tmp_path: Path) -> None:
    said = run("best_image", movie, tmp_path / "best.ome.tif")
    assert re.search(r"weighted: \d+ of 16 frames", said)
    assert (tmp_path / "best.ome.tif").is_file()


@pytest.mark.long
def test_your_own_phase(run: Run, movie: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_beamwatch.phases.structures._ADDED", dict(_ADDED))
    said = run("your_own_phase", movie)
    assert "MgO: 3.5" in said
    assert re.search(r"\bLiF\b", said)


@pytest.mark.long
def test_from_arrays(run: Run, movie: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "frames.npy", bw.open_movie(movie).frames.compute())
    assert "field" in run("from_arrays", tmp_path / "frames.npy")


@pytest.mark.long
def test_on_a_cluster(run: Run, movie: Path) -> None:
    pytest.importorskip("distributed")
    assert "2 workers: field" in run("on_a_cluster", movie)


def test_every_example_is_run_here_and_shown_in_the_docs() -> None:
    names = sorted(path.stem for path in EXAMPLES.glob("*.py"))
    tests = Path(__file__).read_text(encoding="utf-8")
    page = (ROOT / "docs" / "examples.md").read_text(encoding="utf-8")
    assert len(names) == 8
    assert [name for name in names if f'run("{name}"' not in tests] == []
    assert [name for name in names if f"(../examples/{name}.py)" not in page] == []
