"""The docks below the picture take a share of the window, and keep what the user draws."""

from __future__ import annotations

import time
from collections.abc import Callable
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
    assert becomes(lambda: picture_height(panel) > 200)
    yield panel
    keep_dock_shares(*USUAL_SHARES)


def resize(viewer: Any, width: int, height: int) -> None:
    viewer.window._qt_window.resize(width, height)


def becomes(true: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether it is so before long: windows take on a size when the loop comes round."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)
    return true()


def picture_height(panel: Beamwatch) -> float:
    spectrum = panel.beside.spectrum
    assert spectrum is not None
    return float(spectrum.pair.views[0].plot.getViewBox().height())


def test_the_live_spectrum_is_no_stamp_and_grows_with_the_window(viewer: Any, desk: Any) -> None:
    small = picture_height(desk)
    resize(viewer, 1280, 1000)
    assert becomes(lambda: picture_height(desk) > small + 50)
    resize(viewer, 1280, 800)
    assert becomes(lambda: abs(picture_height(desk) - small) < 5)


def test_a_small_window_does_not_grow_for_its_docks(
    viewer: Any, panel: Beamwatch, movie: Movie
) -> None:
    frames, known, _ = movie_layer(movie)
    viewer.add_image(frames, **known)
    resize(viewer, 1100, 700)
    assert becomes(lambda: viewer.window.geometry()[2:] == (1100, 700))
    panel.beside.open()
    assert becomes(lambda: picture_height(panel) > 100)
    assert viewer.window.geometry()[2:] == (1100, 700)


@pytest.mark.long
def test_naparis_lists_stand_behind_each_other_only_in_a_low_window(viewer: Any, desk: Any) -> None:
    window = viewer.window._qt_window
    layers = window.findChild(QDockWidget, "layer list")
    assert [dock.objectName() for dock in window.tabifiedDockWidgets(layers)] == ["layer controls"]
    resize(viewer, 1280, 1040)
    assert becomes(lambda: window.tabifiedDockWidgets(layers) == [])
    resize(viewer, 1280, 800)
    assert becomes(lambda: len(window.tabifiedDockWidgets(layers)) == 1)
    desk.close_desk()
    assert window.tabifiedDockWidgets(layers) == []


@pytest.mark.long
def test_a_border_that_the_user_draws_is_remembered(
    viewer: Any, desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("napari.settings").get_plugin_settings  # noqa: B018 - napari 0.9
    window = viewer.window._qt_window
    docks = [one() for one in desk.beside._shares._dock_refs]
    monkeypatch.setattr(module, "_is_drawing", lambda: True)
    window.resizeDocks(docks, [240, 240], Qt.Orientation.Vertical)
    assert becomes(lambda: dock_shares()[0] == 30)
    monkeypatch.setattr(module, "_is_drawing", lambda: False)
    resize(viewer, 1280, 1000)
    assert becomes(lambda: abs(docks[0].height() - 300) < 15)
