"""What is closed is gone: no object, listener, key, thread, layer or widget stays behind."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from qtpy import PYSIDE6
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication, QPushButton

from napari_beamwatch import Movie
from napari_beamwatch._napari.layers import movie_layer
from napari_beamwatch._qt.keys import desk_in
from napari_beamwatch._qt.panel import Beamwatch
from tests.waiting import wait_until

pytestmark = pytest.mark.gui


@pytest.fixture
def fresh(movie: Movie) -> Callable[[], Movie]:
    """Movies that nobody else holds."""
    return lambda: Movie.from_array(movie.frames, pixel_size=0.125, frame_dose=15.0)


def settle() -> None:
    """Let Qt delete what it was told to, and Python what nobody holds."""
    for _ in range(3):
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QApplication.processEvents()
    gc.collect()


def gone(watched: dict[str, weakref.ref[Any]]) -> bool:
    """Whether nothing that is watched lives; what does is named where it fails."""
    settle()
    end = time.monotonic() + 3  # timers of napari hold what they are about for a moment
    while (alive := living(watched)) and time.monotonic() < end:
        time.sleep(0.05)
        settle()
    assert alive == []
    return True


def living(watched: dict[str, weakref.ref[Any]]) -> list[str]:
    return [name for name, one in watched.items() if one() is not None]


def open_panel(viewer: Any) -> Beamwatch:
    panel: Beamwatch = viewer.window.add_plugin_dock_widget("napari-beamwatch", "Beamwatch")[1]
    return panel


def show(viewer: Any, movie: Movie) -> None:
    frames, known, _ = movie_layer(movie)
    viewer.add_image(frames, **known)


def answer(panel: Beamwatch, result: Any) -> None:
    """As if it had been run."""
    of = replace(result, movie=panel.session.movie)
    assert panel.session.answer(panel.session.begin("analysing").generation, of)


def run(panel: Beamwatch, held: Any) -> None:
    """Get into the middle of a run."""
    button = panel.findChild(QPushButton, "run")
    assert button is not None
    button.click()
    assert held.begun.wait(10)


def let_go(panel: Beamwatch, held: Any) -> None:
    held.gate.set()
    assert panel._worker.wait(10)
    QApplication.processEvents()


def parts(panel: Beamwatch) -> dict[str, weakref.ref[Any]]:
    """All that a desk is made of, watched."""
    made = {
        "panel": panel,
        "session": panel.session,
        "canvas": panel.canvas,
        "regions": panel.canvas.regions,
        "timer of the slider": panel.canvas._paced,
        "worker": panel._worker,
        "marks": panel._marks,
        "beside": panel.beside,
        "curves": panel.beside.curves,
        "spectrum": panel.beside.spectrum,
    }
    return {name: weakref.ref(one) for name, one in made.items() if one is not None}


def threads() -> list[str]:
    """Threads of ours; those of the shared pool stay for the next who needs them."""
    return [one.name for one in threading.enumerate() if one.name.startswith("beamwatch-")]


def ours(viewer: Any) -> list[str]:
    """What of ours listens to the viewer and its parts."""
    canvas = getattr(viewer, "canvas", None)
    text = viewer.text_overlay if canvas is None else canvas.overlays.text
    told: list[Any] = []
    for part in (viewer, viewer.layers, viewer.layers.selection, viewer.dims, viewer.camera, text):
        events = part.events
        if hasattr(events, "emitters"):
            for emitter in (events, *events.emitters.values()):
                told += [_listener(one) for one in emitter.callbacks]
        else:
            told += [slot.slot_repr() for name in events for slot in events[name]._slots]
    return [name for name in told if "beamwatch" in name]


def _listener(callback: Any) -> str:
    if not isinstance(callback, tuple):
        return f"{getattr(callback, '__module__', '')}.{getattr(callback, '__qualname__', '')}"
    owner = callback[0]()
    return f"{type(owner).__module__}.{type(owner).__name__}.{callback[1]}"


@pytest.mark.long
@pytest.mark.parametrize("in_a_run", [False, True])
def test_a_window_that_is_closed_takes_all_with_it(
    make_napari_viewer: Any, fresh: Any, result: Any, held: Any, in_a_run: bool
) -> None:
    viewer = make_napari_viewer(show=True)
    panel = open_panel(viewer)
    movie = fresh()
    show(viewer, movie)
    panel.beside.open()
    panel.canvas.regions.start_drawing()
    answer(panel, result)
    if in_a_run:
        run(panel, held)
    watched = {**parts(panel), "movie": weakref.ref(movie), "viewer": weakref.ref(viewer)}
    watched |= {layer.name: weakref.ref(layer) for layer in viewer.layers}
    viewer.close()
    settle()
    assert panel._worker._stop.is_set() or not in_a_run
    let_go(panel, held)
    del panel, viewer, movie
    assert gone(watched)
    wait_until(lambda: threads() == [])


@pytest.mark.long
def test_a_desk_that_is_taken_out_of_the_window_is_gone(
    viewer: Any, fresh: Any, result: Any
) -> None:
    panel = open_panel(viewer)
    show(viewer, fresh())
    panel.canvas.regions.start_drawing()
    answer(panel, result)
    viewer.dims.set_current_step(0, 3)
    watched = parts(panel)
    viewer.window.remove_dock_widget(panel)
    del panel
    assert gone(watched)
    wait_until(lambda: threads() == [])


@pytest.mark.long
def test_a_desk_with_its_docks_that_is_taken_out_in_the_middle_of_a_run_is_gone(
    viewer: Any, fresh: Any, held: Any
) -> None:
    panel = open_panel(viewer)
    show(viewer, fresh())
    panel.beside.open()
    run(panel, held)
    watched = parts(panel)
    viewer.window.remove_dock_widget(panel)
    let_go(panel, held)
    del panel
    assert [layer.name for layer in viewer.layers] == ["movie"]
    assert gone(watched)
    wait_until(lambda: threads() == [])


@pytest.mark.long
def test_docks_beside_the_picture_go_with_the_desk(viewer: Any, fresh: Any, result: Any) -> None:
    panel = open_panel(viewer)
    show(viewer, fresh())
    answer(panel, result)
    panel.beside.open()
    watched = parts(panel)
    viewer.window.remove_dock_widget(panel)
    del panel
    assert list(viewer.window.dock_widgets) == []
    assert gone(watched)


@pytest.mark.long
def test_nothing_of_ours_listens_to_the_viewer_once_the_desk_is_closed(
    viewer: Any, fresh: Any, result: Any
) -> None:
    show(viewer, fresh())
    keys = dict(viewer.keymap)
    panel = open_panel(viewer)
    panel.beside.open()
    panel.canvas.regions.start_drawing()
    answer(panel, result)
    assert len(ours(viewer)) >= 4  # or it is looked for in the wrong places
    assert desk_in(viewer) is panel
    regions = viewer.layers["Regions"]
    panel.close_desk()
    assert ours(viewer) == []
    assert viewer.keymap == keys
    assert desk_in(viewer) is None
    told = [_listener(one) for one in regions.events.data.callbacks]
    assert not [name for name in told if "beamwatch" in name]
    viewer.window.remove_dock_widget(panel)


@pytest.mark.long
def test_a_movie_that_is_deleted_in_the_middle_of_a_run_is_gone(
    viewer: Any, fresh: Any, result: Any, held: Any
) -> None:
    panel = open_panel(viewer)
    movie = fresh()
    show(viewer, movie)
    panel.beside.open()
    answer(panel, result)
    QApplication.processEvents()
    run(panel, held)
    watched = {layer.name: weakref.ref(layer) for layer in viewer.layers}
    watched["the movie itself"] = weakref.ref(movie)
    watched["result"] = weakref.ref(panel.session.result)
    viewer.layers.remove(viewer.layers["movie"])
    let_go(panel, held)
    del movie
    assert len(viewer.layers) == 0
    assert gone(watched)
    wait_until(lambda: threads() == [])


@pytest.mark.long
@pytest.mark.skipif(PYSIDE6, reason="napari itself keeps deleted layers with PySide6")
def test_of_two_movies_in_turn_the_first_is_gone(viewer: Any, fresh: Any, result: Any) -> None:
    panel = open_panel(viewer)
    panel.beside.open()
    movie = fresh()
    show(viewer, movie)
    answer(panel, result)
    QApplication.processEvents()
    watched = {layer.name: weakref.ref(layer) for layer in viewer.layers}
    watched |= {"first": weakref.ref(movie), "result": weakref.ref(panel.session.result)}
    del movie
    viewer.layers.remove(viewer.layers["movie"])
    show(viewer, fresh())
    answer(panel, result)
    assert gone(watched)
    assert len(viewer.layers) == len(watched) - 2


def items(panel: Beamwatch) -> tuple[int, int, int]:
    """Things that are drawn in the docks, widgets, and those that are windows."""
    import pyqtgraph as pg  # type: ignore[import-untyped]

    drawn = 0
    for dock in (panel.beside.curves, panel.beside.spectrum):
        assert dock is not None
        drawn += sum(len(view.scene().items()) for view in dock.findChildren(pg.GraphicsView))
    return drawn, len(QApplication.allWidgets()), len(QApplication.topLevelWidgets())


@pytest.mark.long
def test_three_runs_and_thirty_steps_of_the_slider_leave_no_more_than_one_did(
    viewer: Any, fresh: Any, result: Any
) -> None:
    panel = open_panel(viewer)
    show(viewer, fresh())
    panel.beside.open()

    def once() -> tuple[int, ...]:
        """A run, ten steps of the slider and back."""
        answer(panel, result)
        for step in (*range(0, 10), 0):
            viewer.dims.set_current_step(0, step)
            QApplication.processEvents()
        spectrum, curves = panel.beside.spectrum, panel.beside.curves
        assert spectrum is not None
        assert curves is not None
        wait_until(lambda: spectrum._drawn == spectrum._wanted)
        wait_until(lambda: threads() == [])
        settle()
        return len(viewer.layers), *items(panel)

    once()
    expected = once()
    assert [once() for _ in range(2)] == [expected] * 2


@pytest.mark.long
def test_moving_the_thresholds_makes_nothing_new(viewer: Any, fresh: Any, result: Any) -> None:
    panel = open_panel(viewer)
    show(viewer, fresh())
    panel.beside.open()
    answer(panel, result)
    counted = set()
    for percent in (30, 70) * 2:
        panel.session.set_threshold(fraction=percent / 100)
        settle()
        counted.add(items(panel))
    assert len(counted) == 1


@pytest.mark.long
def test_a_desk_that_is_opened_again_and_again_leaves_no_widgets(
    viewer: Any, fresh: Any, result: Any
) -> None:
    show(viewer, fresh())

    def once() -> tuple[int, int, tuple[str, ...]]:
        panel = open_panel(viewer)
        answer(panel, result)
        viewer.window.remove_dock_widget(panel)
        for layer in [one for one in viewer.layers if one.name != "movie"]:
            viewer.layers.remove(layer)
        del panel, layer
        settle()
        names = tuple(viewer.window.dock_widgets)
        return len(QApplication.allWidgets()), len(QApplication.topLevelWidgets()), names

    once()
    expected = once()
    assert once() == expected
