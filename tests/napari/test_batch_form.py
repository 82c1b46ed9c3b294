"""Many movies analysed from the window, one after the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qtpy.QtWidgets import QLabel, QPushButton

from napari_beamwatch._qt.batch_form import BatchForm
from napari_beamwatch._qt.panel import Beamwatch
from napari_beamwatch.batch.outcome import BatchStep
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.writing import write_movie
from tests.waiting import wait_until

pytestmark = pytest.mark.gui


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("movies")
    small = simulate("lif-room-temperature", frames=8, frame_dose=40.0, size=192)
    paths = [folder / name for name in ("first.mrc", "broken.mrc", "second.mrc")]
    for path in paths:
        write_movie(small, path)
    paths[1].write_bytes(b"no movie")
    return paths


@pytest.fixture
def form(panel: Beamwatch) -> Any:
    panel.findChild(QPushButton, "batch").click()
    form = panel.windows.batch
    assert form is not None
    yield form
    form.worker.stop()
    assert form.worker.wait(20)


def fill(form: BatchForm, files: list[Path], out: Path) -> None:
    form.movies.line_edit.value = ", ".join(map(str, files))
    form.out.line_edit.value = str(out)


def told(form: BatchForm) -> str:
    return str(form.findChild(QLabel, "told").text())


def cells(form: BatchForm, column: int) -> list[str]:
    table = form._table
    return [table.item(i, column).text() for i in range(table.rowCount())]


@pytest.mark.long
def test_every_movie_gets_a_run_and_one_that_fails_says_why(
    panel: Beamwatch, form: BatchForm, files: list[Path], tmp_path: Path
) -> None:
    fill(form, files, tmp_path / "runs")
    form.findChild(QPushButton, "analyse").click()
    assert not form.findChild(QPushButton, "analyse").isEnabled()
    wait_until(form.findChild(QPushButton, "analyse").isEnabled)
    assert told(form) == "3 movies, 1 of them failed"
    assert cells(form, 0) == ["first", "broken", "second"]
    assert cells(form, 1) == ["analysed", "failed", "analysed"]
    assert (tmp_path / "runs" / "second" / "run.json").is_file()
    form.begin()
    wait_until(form.findChild(QPushButton, "analyse").isEnabled)
    assert cells(form, 1) == ["was there", "failed", "was there"]
    form._table.picked.emit(0)
    wait_until(lambda: panel.session.result is not None and not panel.session.running)
    assert panel.session.movie.name == "first"


def test_what_is_to_be_known_before_the_work_stays_told(form: BatchForm) -> None:
    form._on_step(BatchStep(2, (), (), ("dewar.csv: remarks not used",), None))
    assert told(form) == "0 of 2 movies\ndewar.csv: remarks not used"
    form._on_end("")
    assert told(form).endswith("\ndewar.csv: remarks not used")


@pytest.mark.long
def test_a_batch_that_is_stopped_says_how_it_goes_on(
    form: BatchForm, files: list[Path], tmp_path: Path
) -> None:
    fill(form, files, tmp_path / "runs")
    form.begin()
    form.findChild(QPushButton, "stop").click()
    wait_until(form.findChild(QPushButton, "analyse").isEnabled)
    assert "goes on from there" in told(form)


@pytest.mark.parametrize(
    ("movies", "out", "said"),
    [("", "runs", "choose movies"), ("a.mrc", "", "choose the folder")],
)
def test_what_is_missing_is_asked_for(
    form: BatchForm, monkeypatch: pytest.MonkeyPatch, movies: str, out: str, said: str
) -> None:
    heard: list[str] = []
    monkeypatch.setattr(form, "_say", heard.append)
    form.movies.line_edit.value, form.out.line_edit.value = movies, out
    form.begin()
    assert said in heard[0]
    assert form.findChild(QPushButton, "analyse").isEnabled()
