"""Fields for what a movie can be told, a row each: its name, its value, who said it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QToolButton,
    QWidget,
)

from napari_beamwatch._qt.calibrations import (
    changes_for,
    needed,
    origin_of,
    read,
    shown,
    value_of,
)
from napari_beamwatch._qt.sections.section import as_written, eliding, restyle
from napari_beamwatch._qt.session import Session
from napari_beamwatch.asked import ROW, Asked
from napari_beamwatch.errors import BeamwatchError

FILES = frozenset(("dose_table", "beam_profile"))
"""Told by the name of a file, which is read off the main thread."""

TICKED = "dead_time_correction"
"""Yes or no."""

LABEL, NARROWEST = 112, 72
"""Pixels of what stands before a field, so that grids below one another line up, and of the field,
at least."""

Read = Callable[[Mapping[str, Any]], None]
"""Tells the movie what must be read from a file first."""


class FieldGrid(QGridLayout):
    """Columns for what stands before a field, for the field, and for what is said of it."""

    def __init__(self) -> None:
        super().__init__()
        self.setHorizontalSpacing(8)
        self.setVerticalSpacing(3)
        self.setColumnMinimumWidth(0, LABEL)
        self.setColumnStretch(1, 3)
        self.setColumnStretch(2, 3)


class ToldFields(FieldGrid):
    """A grid of fields that shows and changes the movie of a session."""

    def __init__(
        self,
        every: Sequence[Asked],
        session: Session,
        say: Callable[[str], None],
        read_files: Read,
    ) -> None:
        super().__init__()
        self._session, self._say, self._read_files = session, say, read_files
        self._lines: dict[Asked, tuple[QLineEdit, QLabel]] = {}
        self._ticks: dict[Asked, QCheckBox] = {}
        for i, one in enumerate(every):
            if one.name == TICKED:
                self._add_tick(i, one)
            else:
                self._add_line(i, one)

    def show_movie(self) -> None:
        """Fill the fields from the movie."""
        movie = self._session.movie
        for one, (line, origin) in self._lines.items():
            value = None if movie is None else value_of(movie, one.name)
            line.setEnabled(movie is not None)
            line.setText(shown(value, one))
            line.setCursorPosition(0)  # of long words the beginning is seen
            unit = "" if one.kind is None else one.kind.unit
            line.setPlaceholderText("" if movie is None else f"? {unit}".strip())
            said = "" if movie is None else origin_of(movie, one.name)
            absent = movie is not None and value is None
            lacking = movie is not None and needed(movie, one)
            asked = absent and lacking
            unknown = "unknown" if one.group == ROW else ""
            origin.setText(("missing" if lacking else unknown) if absent else said)
            origin.setToolTip(as_written(said))
            restyle(origin, "role", "asked" if asked else "faint")
            restyle(line, "missing", "true" if asked else "false")
        for one, box in self._ticks.items():
            with QSignalBlocker(box):
                box.setChecked(movie is not None and bool(value_of(movie, one.name)))
            box.setEnabled(movie is not None and movie.recording.dead_time)

    def _add_line(self, row: int, one: Asked) -> None:
        line, origin = QLineEdit(), eliding()
        line.setObjectName(one.name)
        line.setToolTip(as_written(one.tip))
        line.setMinimumWidth(NARROWEST)
        line.editingFinished.connect(partial(self._on_edited, one))
        label = QLabel(one.label)
        label.setToolTip(as_written(one.tip))
        self.addWidget(label, row, 0)
        if one.name in FILES:
            self.addLayout(self._with_button(one, line), row, 1, 1, 2)
        else:
            self.addWidget(line, row, 1)
            self.addWidget(origin, row, 2)
        self._lines[one] = (line, origin)

    def _add_tick(self, row: int, one: Asked) -> None:
        box = QCheckBox(one.label)
        box.setObjectName(one.name)
        box.setToolTip(as_written(one.tip))
        box.toggled.connect(partial(self._tell, one))
        self.addWidget(box, row, 1, 1, 2)
        self._ticks[one] = box

    def _with_button(self, one: Asked, line: QLineEdit) -> QHBoxLayout:
        button = QToolButton()
        button.setText("…")
        button.setObjectName(f"{one.name}_file")
        button.setToolTip("Choose a file.")
        button.clicked.connect(partial(self._choose, one))
        row = QHBoxLayout()
        row.setSpacing(2)
        row.addWidget(line, 1)
        row.addWidget(button)
        return row

    def _choose(self, one: Asked, _: bool = False) -> None:
        parent = self.parentWidget()
        path, _chosen = QFileDialog.getOpenFileName(parent or QWidget(), one.label.capitalize())
        if path:
            self._tell(one, path)

    def _on_edited(self, one: Asked) -> None:
        movie, line = self._session.movie, self._lines[one][0]
        if movie is None or line.text().strip() == shown(value_of(movie, one.name), one):
            return
        try:
            value = read(line.text(), one)
        except BeamwatchError as error:
            self._say(str(error))
            self.show_movie()
        else:
            self._tell(one, value)

    def _tell(self, one: Asked, value: Any) -> None:
        changes = changes_for(one.name, value)
        if one.name in FILES and value is not None:
            self._read_files(changes)
            return
        try:
            self._session.recalibrate(**changes)
        except BeamwatchError as error:
            self._say(str(error))
        self.show_movie()
