"""A movie opened with more than its name: a form of magicgui, of what `open_movie` can be told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from magicgui.widgets import CheckBox, ComboBox, FileEdit, LineEdit, Widget
from qtpy.QtWidgets import QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_beamwatch._qt.calibrations import FRACTION, read_fraction
from napari_beamwatch._qt.knob_rows import form_of, line_up
from napari_beamwatch.asked import OPENINGS
from napari_beamwatch.errors import BeamwatchError

GRIDS = (1, 2, 4)
"""Points of super-resolution per pixel and axis."""

WIDTH = 440
"""Of the form in pixels."""

Open = Callable[[Path, Mapping[str, Any]], None]


class OpeningForm(QDialog):
    """Asks for a file and how it is opened; `open_file` is told."""

    def __init__(
        self, open_file: Open, say: Callable[[str], None], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._open, self._say = open_file, say
        self.setObjectName("opening_form")
        self.setWindowTitle("Open a movie with…")
        asked = {one.name: one for one in OPENINGS}

        def said(name: str) -> dict[str, Any]:
            return {"name": name, "label": asked[name].label, "tooltip": asked[name].tip}

        self.file = FileEdit(name="file", label="movie", tooltip="A movie of any known format.")
        self.fraction = LineEdit(name="fraction", label=FRACTION.label, tooltip=FRACTION.tip)
        self.fraction.native.setPlaceholderText("5 raw frames, or 5 e/Å²")
        self.gain = FileEdit(**said("gain"), nullable=True)
        self.superres = ComboBox(**said("superres"), choices=GRIDS)
        self.dataset = LineEdit(**said("dataset"))
        self.sidecars = CheckBox(**said("sidecars"), value=True)
        every: list[Widget] = [
            self.file, self.fraction, self.gain, self.superres, self.dataset, self.sidecars,
        ]  # fmt: skip
        container = form_of(every)
        opens, cancels = QPushButton("Open"), QPushButton("Cancel")
        opens.setObjectName("open")
        opens.setDefault(True)
        cancels.setAutoDefault(False)
        opens.clicked.connect(self._on_open)
        cancels.clicked.connect(self.reject)
        ends = QHBoxLayout()
        ends.addStretch(1)
        ends.addWidget(cancels)
        ends.addWidget(opens)
        whole = QVBoxLayout(self)
        whole.addWidget(container.native)
        whole.addLayout(ends)
        line_up(container)
        self.resize(WIDTH, self.sizeHint().height())

    def suggest(self, source: str) -> None:
        """Begin with a file: most often that which is looked at."""
        self.file.line_edit.value = source

    def _on_open(self) -> None:
        # Of an empty line magicgui would make the current folder.
        file, gain = (one.line_edit.value.strip() for one in (self.file, self.gain))
        try:
            if not file:
                raise BeamwatchError("choose a movie first")
            how: dict[str, Any] = read_fraction(self.fraction.value)
        except BeamwatchError as error:
            self._say(str(error))
            return
        if gain:
            how["gain"] = Path(gain).expanduser()
        how["superres"] = self.superres.value
        how["dataset"] = self.dataset.value.strip() or None
        how["sidecars"] = self.sidecars.value
        self.accept()
        self._open(Path(file).expanduser(), how)
