"""Everything can be done from the keyboard: by Tab in the order of the work, and by shortcuts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from app_model.types import KeyBinding
from napari._qt.widgets.qt_keyboard_settings import ShortcutEditor
from napari.components import ViewerModel
from napari.utils.action_manager import action_manager
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_beamwatch import Movie
from napari_beamwatch._napari.layers import movie_layer
from napari_beamwatch._qt.keys import KEYS, PLUGIN
from napari_beamwatch._qt.panel import Beamwatch

pytestmark = pytest.mark.gui

DESK = (Path(__file__).parents[2] / "docs" / "desk.md").read_text(encoding="utf-8")

ORDER = (
    "movie_layer", "open_with", "pixel_size", "frame_dose", "dose_rate", "frame_time",
    "pre_exposure", "temperature_C", "voltage_kV", "region", "window", "step", "alpha", "phases",
    "more_settings", "spots", "find_spots", "run", "criterion_fading", "fraction", "d_tolerance",
    "persistence", "docks", "averaged",
)  # fmt: skip
"""Of the work; what is folded is not walked through."""


def test_tab_walks_through_the_panel_in_the_order_of_the_work(
    viewer: Any, panel: Beamwatch, movie: Movie
) -> None:
    frames, known, _ = movie_layer(movie)
    viewer.add_image(frames, **known)
    panel._movie._layers.setFocus()
    walked: list[str] = []
    for _ in range(60):
        here = panel.window().focusWidget()  # no screen of tests has an active window
        if here is None or not panel.isAncestorOf(here) or here.objectName() in walked[:1]:
            break
        walked.append(here.objectName())
        QTest.keyClick(here, Qt.Key.Key_Tab)
    assert [name for name in walked if name in ORDER] == list(ORDER)


def test_shortcuts_stand_in_the_preferences_of_napari_and_can_be_changed_there(
    viewer: Any, panel: Beamwatch, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = ShortcutEditor()
    qtbot.addWidget(editor)
    listed = editor.key_bindings_strs[ShortcutEditor.VIEWER_KEYBINDINGS]
    for one in KEYS:
        assert listed[f"{PLUGIN}:{one.name}"].description == f"Beamwatch: {one.says}"
        assert one.key in DESK
    done: list[str] = []
    for one in KEYS:
        monkeypatch.setattr(panel, one.name, lambda one=one: done.append(one.name))
        ViewerModel.class_keymap[KeyBinding.from_str(one.key.replace("-", "+"))](viewer)
    assert done == [one.name for one in KEYS]
    name, before = f"{PLUGIN}:run", action_manager._shortcuts[f"{PLUGIN}:run"][:]
    editor.setValue({name: [KeyBinding.from_str("Shift+Y")]})
    ViewerModel.class_keymap[KeyBinding.from_str("Shift+Y")](viewer)
    editor.setValue({name: before})
    assert done[-1] == "run"


def test_without_a_desk_a_key_does_nothing(viewer: Any, panel: Beamwatch) -> None:
    panel.close_desk()
    for one in KEYS:
        ViewerModel.class_keymap[KeyBinding.from_str(one.key.replace("-", "+"))](viewer)
    assert not panel.session.running
