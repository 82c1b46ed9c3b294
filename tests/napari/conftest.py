"""A window with the panel in it, and what one analysis of one movie found, for all who look."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from npe2 import PluginManifest

from napari_beamwatch import Movie, Settings, analyze
from napari_beamwatch.analysis import Step
from napari_beamwatch.simulate.cases import simulate

SETTINGS = {"window": 128, "step": 64, "drift": "off", "criteria": ("fading",)}


@pytest.fixture(scope="session")
def movie() -> Movie:
    return simulate("lif-room-temperature", frames=40, frame_dose=15.0, size=384, seed=0)


@pytest.fixture(scope="session")
def result(movie: Movie) -> Any:
    return analyze(movie, Settings(**SETTINGS))  # type: ignore[arg-type]


@pytest.fixture
def plugins(npe2pm: Any) -> Any:
    """The plugins that napari knows without a window: ours, and its own behind it."""
    for name in ("napari-beamwatch", "napari"):
        npe2pm.register(PluginManifest.from_distribution(name))
    return npe2pm


@pytest.fixture
def viewer(make_napari_viewer: Any) -> Any:
    return make_napari_viewer(show=True)


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
