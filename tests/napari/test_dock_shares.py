"""The docks below the picture take a share of the window, and keep what the user draws."""

from __future__ import annotations

import time
from typing import Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QDockWidget

from napari_beamwatch import Movie
from napari_beamwatch._napari.layers import movie_layer
from napari_beamwatch._napari.preferences import USUAL_SHARES, dock_shares, keep_dock_shares
from napari_beamwatch._qt import dock_shares as module
from napari_beamwatch._qt.panel import Beamwatch

pytestmark = pytest.mark.gui


@pytest.fixture
def desk(viewer: Any, panel: Beamwatch, movie: Movie) -> Any:
    frames, known, _ = movie_layer(movie)
    viewer.add_image(frames, **known)
    resize(viewer, 1280, 800)
    panel.beside.open()
    settle()
    yield panel
    keep_dock_shares(*USUAL_SHARES)


def resize(viewer: Any, width: int, height: int) -> None:
    viewer.window._qt_window.resize(width, height)
    settle()


def settle(seconds: float = 0.3) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)


def picture_height(panel: Beamwatch) -> float:
    spectrum = panel.beside.spectrum
    assert spectrum is not None
    return float(spectrum.pair.views[0].plot.getViewBox().height())


def test_the_live_spectrum_is_no_stamp_and_grows_with_the_window(viewer: Any, desk: Any) -> None:
    small = picture_height(desk)
    assert small > 200
    resize(viewer, 1280, 1000)
    assert picture_height(desk) > small + 50
    resize(viewer, 1280, 800)
    assert picture_height(desk) == pytest.approx(small, abs=4)


def test_naparis_lists_stand_behind_each_other_only_in_a_low_window(viewer: Any, desk: Any) -> None:
    window = viewer.window._qt_window
    layers = window.findChild(QDockWidget, "layer list")
    assert [dock.objectName() for dock in window.tabifiedDockWidgets(layers)] == ["layer controls"]
    resize(viewer, 1280, 1040)
    assert window.tabifiedDockWidgets(layers) == []
    resize(viewer, 1280, 800)
    assert len(window.tabifiedDockWidgets(layers)) == 1
    desk.close_desk()
    assert window.tabifiedDockWidgets(layers) == []


def test_a_border_that_the_user_draws_is_remembered(
    viewer: Any, desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("napari.settings").get_plugin_settings  # noqa: B018 - napari 0.9
    window = viewer.window._qt_window
    docks = [desk.beside._shares._docks[i] for i in (0, 1)]
    monkeypatch.setattr(module, "_is_drawing", lambda: True)
    window.resizeDocks(docks, [240, 240], Qt.Orientation.Vertical)
    settle(1.0)
    monkeypatch.setattr(module, "_is_drawing", lambda: False)
    share, _ = dock_shares()
    assert share == 30
    resize(viewer, 1280, 1000)
    assert docks[0].height() == pytest.approx(300, abs=15)
