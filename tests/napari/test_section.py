"""Words of files are shown as they are written, whatever they look like."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt

from napari_beamwatch._qt.sections.section import as_written, eliding, faint

NAME = "<img src='/etc/hostname'> & co.eer"


def test_labels_take_no_word_for_a_command(qtbot: Any) -> None:
    for label in (faint(NAME), eliding(NAME)):
        qtbot.addWidget(label)
        assert label.textFormat() == Qt.TextFormat.PlainText
        assert label.text() == NAME


def test_nor_do_tool_tips() -> None:
    assert as_written(NAME) == "<qt>&lt;img src=&#x27;/etc/hostname&#x27;&gt; &amp; co.eer</qt>"
    assert as_written("counted electrons & co") == "counted electrons & co"
