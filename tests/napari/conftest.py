"""A window with the panel in it, and what one analysis of one movie found, for all who look."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from napari.settings import get_settings
from npe2 import PluginManifest
from qtpy.QtCore import QEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget

from napari_beamwatch import Movie, Settings, analyze
from napari_beamwatch.analysis import Step
from tests.filming import filmed

SIZE = (860, 540)
"""Of the window in pixels: too few for the docks below the picture to open by themselves."""

SETTINGS = {"window": 128, "step": 64, "drift": "off", "criteria": ("fading",)}


@pytest.fixture(scope="session")
def movie() -> Movie:
    return filmed("lif-room-temperature", frames=40, frame_dose=15.0, size=384, seed=0)


@pytest.fixture(scope="session")
def result(movie: Movie) -> Any:
    return analyze(movie, Settings(**SETTINGS))  # type: ignore[arg-type]


@pytest.fixture
def plugins(npe2pm: Any) -> Any:
    """The plugins that napari knows without a window: ours, and its own behind it."""
    for name in ("napari-beamwatch", "napari"):
        npe2pm.register(PluginManifest.from_distribution(name))
    return npe2pm


@contextmanager
def opened() -> Iterator[Any]:
    """A window, made as napari's own fixture makes them."""
    from napari import Viewer
    from napari._app_model._app import NapariApplication, _napari_names
    from napari._qt._qapp_model.qactions import init_qactions
    from napari._qt.qt_viewer import QtViewer
    from napari.plugins import _initialize_plugins

    app = NapariApplication("beamwatch_test")
    app.injection_store.namespace = _napari_names
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NapariApplication, "get_app_model", lambda *_: app)
        patch.setattr("napari._qt.threads.status_checker.StatusChecker.start", lambda *_: None)
        patch.setattr("napari._qt.qt_viewer.QtViewer._get_console", lambda *_: QWidget())
        # It collects with every layer that goes, for drivers of Windows: a quarter of a second.
        patch.setattr("napari._vispy.canvas.gc", SimpleNamespace(collect=lambda: 0))
        for registered_once in (_initialize_plugins, init_qactions):
            registered_once.cache_clear()
        viewer = Viewer(show=True, show_welcome_screen=False)
        qt_window = viewer.window._qt_window
        patch.setattr(qt_window, "_save_current_window_settings", lambda: None)
        assert QTest.qWaitForWindowExposed(qt_window)
        yield viewer
        viewer.close()
        NapariApplication.destroy("beamwatch_test")
        for registered_once in (_initialize_plugins, init_qactions):
            registered_once.cache_clear()
        del viewer, qt_window
        QApplication.processEvents()
        gc.collect()
        QtViewer._instances.clear()  # a test that failed holds on to its window


class SharedWindow:
    """One window for all who need one, since each costs seconds."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._viewer: Any = None

    def viewer(self) -> Any:
        if self._viewer is None:
            self._viewer = self._open.enter_context(opened())
        return self._viewer

    def close(self) -> None:
        self._viewer = None
        self._open.close()


WINDOW = SharedWindow()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """The window is closed behind the last who needs it: others would wait for its events."""
    if nextitem is None or nextitem.path.parent != item.path.parent:
        WINDOW.close()
        gc.freeze()


@pytest.fixture
def no_shared_window(qapp: Any) -> None:
    WINDOW.close()


@pytest.fixture
def make_napari_viewer(no_shared_window: None, make_napari_viewer: Any) -> Any:
    """For those who close theirs and ask what is left of it: it wants no other window beside it."""
    return make_napari_viewer


@pytest.fixture
def viewer(qapp: Any) -> Iterator[Any]:
    """The window as it was when it was new."""
    viewer = WINDOW.viewer()
    get_settings().reset()
    viewer.window._qt_window.resize(*SIZE)
    yield viewer
    viewer.window.remove_dock_widget("all")
    viewer.layers.clear()
    viewer.dims.reset()
    viewer.theme = "dark"
    overlays = viewer.canvas.overlays if hasattr(viewer, "canvas") else viewer
    overlays.scale_bar.visible = False
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QApplication.processEvents()


@pytest.fixture
def panel(viewer: Any) -> Iterator[Any]:
    _, panel = viewer.window.add_plugin_dock_widget("napari-beamwatch", "Beamwatch")
    panel.session.choose_settings(**SETTINGS)
    yield panel
    panel.close_desk()
    assert panel._worker.wait(20)


class Held:
    """An analysis that stops in the middle until it is let go, and then has an answer."""

    def __init__(self, answer: Any) -> None:
        self.answer, self.begun, self.gate = answer, threading.Event(), threading.Event()

    def __call__(self, movie: Movie, settings: Settings, regions: Any, tell: Any) -> Any:
        self.begun.set()
        assert self.gate.wait(20)
        tell(Step(1, 2, "following spots", None))
        return replace(self.answer, movie=movie, settings=settings)


@pytest.fixture
def held(result: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    """In place of the engine; the panel's Run waits for its `gate`."""
    analysis = Held(result)
    monkeypatch.setattr("napari_beamwatch._qt.panel.analyze", analysis)
    yield analysis
    analysis.gate.set()
