"""The watch in the window: a word, a colour and a curve, and an end that loses nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication, QLabel, QPushButton

from napari_beamwatch import Settings
from napari_beamwatch._qt.bottom_docks import dock_around
from napari_beamwatch._qt.live.dock import COLOURS, LiveDock
from napari_beamwatch._qt.live.watcher import Order
from napari_beamwatch._qt.panel import Beamwatch
from napari_beamwatch.watching import Onset, WatchState
from tests.waiting import wait_until

pytestmark = pytest.mark.gui


@pytest.fixture
def dock(qtbot: Any) -> LiveDock:
    made = LiveDock()
    qtbot.addWidget(made)
    made.show()
    return made


def state(status: Any, frame: int, name: str = "a.eer", **more: Any) -> WatchState:
    told = {"dose": 8.0 * (frame + 1), "left": 1.0, "words": f"{status} at {frame}"} | more
    return WatchState(Path(name), status, frame, **told)


def words(dock: LiveDock) -> tuple[str, str]:
    return dock.findChild(QLabel, "status").text(), dock.findChild(QLabel, "said").text()


def test_a_curve_grows_and_a_word_and_a_colour_say_how_things_stand(
    dock: LiveDock, monkeypatch: pytest.MonkeyPatch
) -> None:
    beeps: list[int] = []
    monkeypatch.setattr(QApplication, "beep", lambda: beeps.append(1))
    dock._order = Order(Path("day"), sound=True)
    for frame in range(4):
        dock.show_state(state("holding", frame))
    assert words(dock) == ("HOLDING", "holding at 3")
    assert COLOURS["holding"][0] in dock._band.styleSheet()
    wait_until(lambda: dock.curve.xData is not None and len(dock.curve.xData) == 4)
    np.testing.assert_array_equal(dock.curve.xData, [8, 16, 24, 32])
    assert not dock.onset.isVisible()
    since = Onset(24.0, 20.0, 28.0, analysed=False)
    for _ in range(2):  # said twice it is one stop
        dock.show_state(state("stop", 4, left=0.4, onset=since))
    assert words(dock) == ("STOP", "stop at 4")
    assert COLOURS["stop"][0] in dock._band.styleSheet()
    wait_until(lambda: bool(dock.onset.isVisible()))
    assert dock.onset.getRegion() == (20.0, 28.0)
    assert beeps == [1]
    for status in ("ambiguous", "holding", "falling", "ambiguous", "stop"):
        dock.show_state(state(status, 5))
    assert len(beeps) == 3  # a stop that is not sure any more calls nobody; a new loss does, twice


def test_a_stop_is_not_covered_by_another_movie_and_names_are_shown_as_they_are(
    dock: LiveDock,
) -> None:
    dock.show_state(state("stop", 9, "<b>a.mrc"))
    dock.show_state(state("holding", 3, "b.mrc"))
    assert words(dock) == ("STOP", "<b>a.mrc: stop at 9")
    dock.show_state(state("finished", 9, "<b>a.mrc"))
    dock.show_state(state("holding", 4, "b.mrc"))
    assert words(dock) == ("HOLDING", "b.mrc: holding at 4")
    wait_until(lambda: dock.table.rowCount() == 2)


def test_a_movie_that_begins_anew_has_a_new_curve(dock: LiveDock) -> None:
    for frame in (0, 1, 2, 0):
        dock.show_state(state("holding", frame, dose=None))
    dock._show_lists()
    np.testing.assert_array_equal(dock.curve.xData, [1])
    assert dock._plot.getAxis("bottom").labelText == "frame"


def test_the_onset_of_a_movie_that_was_whole_when_it_came_lies_on_an_axis_from_zero(
    dock: LiveDock,
) -> None:
    onset = Onset(135.0, 80.0, 168.0, analysed=True)
    dock.show_state(state("finished", 19, left=None, dose=None, onset=onset))
    dock._show_lists()
    low, high = dock._plot.getViewBox().viewRange()[0]
    assert (low, high) == (0, pytest.approx(1.03 * 169))


def test_what_cannot_be_watched_is_said_on_the_band(dock: LiveDock, tmp_path: Path) -> None:
    dock.watch(Order(tmp_path, Settings(camera_constant=100.0)))
    dock.show_state(WatchState(tmp_path, "waiting", words="nothing there yet"))
    assert not dock.states  # a folder is no movie
    wait_until(lambda: words(dock)[0] == "ENDED")
    assert "diffraction movies cannot be watched yet" in words(dock)[1]
    assert not dock.findChild(QPushButton, "end").isEnabled()


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A watch that goes on until somebody ends it; the event tells that it was closed."""
    closed = threading.Event()

    def states(*_: Any, until: Callable[[], bool], **__: Any) -> Iterator[WatchState]:
        try:
            frame = 0
            while not until():
                yield state("holding", frame)
                frame += 1
                time.sleep(0.01)
        finally:
            closed.set()

    monkeypatch.setattr("napari_beamwatch._qt.live.watcher.watch", states)
    return closed


@pytest.mark.long
def test_the_form_begins_a_watch_with_what_was_said_of_the_open_movie(
    viewer: Any, panel: Beamwatch, movie: Any, endless: threading.Event, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    said: list[str] = []
    panel.session.take(movie.with_(pixel_size=0.13))
    panel.findChild(QPushButton, "show_live").click()
    form = panel.windows.live
    assert form is not None
    monkeypatch.setattr(form, "_say", said.append)
    form.findChild(QPushButton, "watch").click()
    assert said == ["choose what is to be watched first"]
    form.path.line_edit.value = str(tmp_path)
    form.lines["dose_rate"].value = "20"
    order = form.order()
    assert order.opening["pixel_size"] == 0.13
    assert order.opening["dose_rate"] == 20.0
    assert (order.path, order.out, order.sound) == (tmp_path, None, False)
    form.findChild(QPushButton, "watch").click()
    live = panel.docks.live
    assert live is not None
    wait_until(lambda: words(live)[0] == "HOLDING")
    assert dock_around(live).isVisible()
    panel.close_desk()
    assert endless.wait(20)
    assert live.wait(20)


def test_closing_the_dock_ends_the_watch(
    viewer: Any, panel: Beamwatch, endless: threading.Event, tmp_path: Path
) -> None:
    panel.watch(Order(tmp_path))
    live = panel.docks.live
    assert live is not None
    wait_until(lambda: words(live)[0] == "HOLDING")
    viewer.window.remove_dock_widget(dock_around(live))
    assert endless.wait(20)
    panel.watch(Order(tmp_path))  # and another may begin
    wait_until(lambda: words(live)[0] == "HOLDING")
    live.findChild(QPushButton, "end").click()
    assert words(live)[0] == "ENDED"
    assert live.wait(20)


@pytest.mark.long
def test_a_movie_that_is_finished_opens_its_run_by_a_click(
    viewer: Any, panel: Beamwatch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    monkeypatch.setattr(panel, "open_run", opened.append)
    monkeypatch.setattr(
        "napari_beamwatch._qt.live.watcher.watch",
        lambda *_, out, **__: iter([state("holding", 7), state("finished", 7, run=out / "a")]),
    )
    panel.watch(Order(tmp_path / "a.eer", out=tmp_path))
    live = panel.docks.live
    assert live is not None
    wait_until(lambda: words(live)[0] == "FINISHED" and live.table.rowCount() == 1)
    live.table.cellClicked.emit(0, 0)
    assert opened == [tmp_path / "a"]
