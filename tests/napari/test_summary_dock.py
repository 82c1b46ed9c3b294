"""A summary in the window: its groups and movies docked, a movie's run a click away."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from napari_beamwatch import summarize
from napari_beamwatch._qt.bottom_docks import dock_around
from napari_beamwatch._qt.panel import Beamwatch
from napari_beamwatch._qt.window import furnish

pytestmark = pytest.mark.gui

COLD = "LiF, <b>cryo</b>"


@pytest.fixture(scope="module")
def saved(result: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A summary of a movie, and of a cold one whose run is nowhere."""
    there = tmp_path_factory.mktemp("campaign")
    result.save(there / "run")
    folder = summarize([there / "run"], dose_rate=8.0).save(there / "summary")
    record = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    record["groups"] += [row | {"group": COLD, "remark": ""} for row in record["groups"]]
    record["movies"].append(record["movies"][0] | {"group": COLD, "movie": "c", "source": "gone"})
    (folder / "summary.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


def words(table: Any) -> list[list[str]]:
    return [
        [table.item(i, j).text() for j in range(table.columnCount())]
        for i in range(table.rowCount())
    ]


@pytest.mark.parametrize("name", ["", "summary.json"])
def test_a_summary_that_is_dropped_is_docked_with_its_groups_and_movies(
    viewer: Any, panel: Beamwatch, saved: Path, name: str
) -> None:
    viewer.window._qt_viewer._qt_open([str(saved / name)], stack=False, plugin="napari-beamwatch")
    assert not viewer.layers
    dock = panel.docks.summary
    assert dock is not None
    assert dock_around(dock).isVisible()
    groups, movies = words(dock.groups), words(dock.movies)
    assert [row[0] for row in groups][1] == COLD
    assert groups[0][1].endswith(" s")  # at the dose rate that was asked for
    assert len(movies) == 2
    dock.groups.cellClicked.emit(0, 0)
    dock.groups.setCurrentCell(1, 0)
    dock.groups.picked.emit(1)
    assert [row[0] for row in words(dock.movies)] == ["c"]
    onset = groups[0][1]
    dock.measure.setCurrentIndex(dock.measure.findData("half_gone"))
    dock.measure.activated.emit(dock.measure.currentIndex())
    assert words(dock.groups)[0][1] != onset


def test_a_movie_that_is_clicked_opens_its_run_wherever_the_summary_was_moved(
    viewer: Any, panel: Beamwatch, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = Path(shutil.copytree(saved.parent, tmp_path / "moved"))
    record = moved / "summary" / "summary.json"
    text = record.read_text(encoding="utf-8").replace(json.dumps(str(saved.parent))[1:-1], "runs")
    record.write_text(text, encoding="utf-8")
    opened: list[Path] = []
    said: list[str] = []
    monkeypatch.setattr(panel, "open_run", opened.append)
    monkeypatch.setattr(panel.docks, "_say", said.append)
    panel.open_summary(moved / "summary")
    assert panel.docks.summary is not None
    for row in range(2):
        panel.docks.summary.movies.cellClicked.emit(row, 0)
    assert opened == [moved / "run"]
    assert said == ["the run of this movie is not where it was: gone"]


def test_the_window_of_the_command_line_shows_a_summary(viewer: Any, saved: Path) -> None:
    panel = furnish(viewer, saved / "summary.json")
    assert panel.docks.summary is not None
    assert panel.docks.summary.movies.rowCount() == 2
    panel.close_desk()


def test_it_stands_behind_the_curves_and_goes_with_the_panel(
    viewer: Any, panel: Beamwatch, saved: Path
) -> None:
    panel.open_summary(saved)
    panel.open_docks()
    assert panel.docks.summary is not None
    curves, mine = dock_around(panel.beside.curves), dock_around(panel.docks.summary)
    assert mine in viewer.window._qt_window.tabifiedDockWidgets(curves)
    panel.close_desk()
    assert [*viewer.window.dock_widgets] == ["Beamwatch (napari-beamwatch)"]


@pytest.mark.parametrize("text", ["{}", "[", '{"format": 1, "groups": 3}'])
def test_a_summary_that_is_damaged_is_refused_in_a_sentence(
    panel: Beamwatch, saved: Path, tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(panel.docks, "_say", said.append)
    (tmp_path / "summary.json").write_text(text, encoding="utf-8")
    panel.open_summary(tmp_path)
    assert len(said) == 1
    assert "summary.json" in said[0]
    assert panel.docks.summary is None
