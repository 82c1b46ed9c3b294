"""What is to be watched: a form of magicgui."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from magicgui.types import FileDialogMode
from magicgui.widgets import CheckBox, FileEdit, LineEdit
from qtpy.QtWidgets import QDialog, QWidget

from napari_beamwatch._qt.calibrations import read, shown
from napari_beamwatch._qt.knob_rows import form_of
from napari_beamwatch._qt.laying_out import lay_out
from napari_beamwatch._qt.live.watcher import Order
from napari_beamwatch._qt.session import Session
from napari_beamwatch.asked import QUANTITIES
from napari_beamwatch.errors import BeamwatchError

TOLD = tuple(
    one for one in QUANTITIES
    if one.name in ("pixel_size", "frame_dose", "dose_rate", "frame_time", "pre_exposure")
)  # fmt: skip
"""What is said of each movie, where its file does not."""

WIDTH = 520
"""Of the form in pixels."""


class LiveForm(QDialog):
    """Asks what is watched; `begin` is told."""

    def __init__(
        self,
        session: Session,
        say: Callable[[str], None],
        begin: Callable[[Order], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._say, self._begin = session, say, begin
        self.setObjectName("live_form")
        self.setWindowTitle("Watch movies while they are written")
        folder = FileDialogMode.EXISTING_DIRECTORY
        self.path = FileEdit(
            name="path", label="folder or file", mode=folder, nullable=True,
            tooltip="A folder that movies are written to, or a movie that is or will be there.",
        )  # fmt: skip
        self.out = FileEdit(
            name="out", label="runs go to", mode=folder, nullable=True,
            tooltip="Each movie that is finished becomes a run there, beside an index page; "
            "what is in it already is not analysed again.",
        )  # fmt: skip
        self.out.line_edit.native.setPlaceholderText("nowhere: they are only watched")
        self.lines = {
            one.name: LineEdit(name=one.name, label=one.label, tooltip=one.tip) for one in TOLD
        }
        for line in self.lines.values():
            line.native.setPlaceholderText("as the file says")
        self.sound = CheckBox(
            name="sound", text="beep where a loss lasts, and at a stop", value=False
        )
        rows = form_of([self.path, self.out, *self.lines.values(), self.sound])
        lay_out(self, rows, width=WIDTH, action=("Watch", "watch", self._on_watch), leave="Cancel")

    def suggest(self) -> None:
        """Begin with what was said of the movie that is looked at; what was typed stays."""
        movie = self._session.movie
        if movie is None:
            return
        for one in TOLD:
            value, line = getattr(movie.given, one.name), self.lines[one.name]
            if isinstance(value, float | int) and one.name not in movie.given.said_by:
                line.value = line.value or shown(float(value), one)

    def order(self) -> Order:
        """What the form says."""
        path, out = (one.line_edit.value.strip() for one in (self.path, self.out))
        if not path:
            raise BeamwatchError("choose what is to be watched first")
        told: dict[str, Any] = {one.name: read(self.lines[one.name].value, one) for one in TOLD}
        return Order(
            Path(path).expanduser(),
            self._session.settings,
            Path(out).expanduser() if out else None,
            {name: value for name, value in told.items() if value is not None},
            self.sound.value,
        )

    def _on_watch(self) -> None:
        try:
            order = self.order()
        except BeamwatchError as error:
            self._say(str(error))
            return
        self.accept()
        self._begin(order)
