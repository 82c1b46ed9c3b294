"""Section 1: which movie, and what is known of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from napari_beamwatch._qt.calibrations import (
    FRACTION,
    changes_for,
    gaps,
    needed,
    read_fraction,
    shown,
    stated_words,
    value_of,
)
from napari_beamwatch._qt.canvas import Canvas
from napari_beamwatch._qt.opening import raw_per_frame
from napari_beamwatch._qt.sections.beam_size import BeamSize
from napari_beamwatch._qt.sections.section import Section, eliding
from napari_beamwatch._qt.sections.told_fields import Read, ToldFields
from napari_beamwatch._qt.session import Session
from napari_beamwatch.asked import CALIBRATIONS, CONDITIONS, QUANTITIES
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import DoseCalibration
from napari_beamwatch.quantities import counted

IN_FOLD = tuple(one for one in CONDITIONS if one not in QUANTITIES)
"""Conditions that stand below the rows of what matters most."""


class MovieSection(Section):
    """Choose a movie; see, correct and complete its calibrations and conditions."""

    def __init__(
        self,
        session: Session,
        canvas: Canvas,
        say: Callable[[str], None],
        open_file: Callable[[Path], None],
        open_with: Callable[[], None],
        add_up: Callable[[Mapping[str, float]], None],
        read_files: Read,
        read_vacuum: Callable[[Path], None],
    ) -> None:
        super().__init__("1  Movie")
        self._session, self._canvas, self._say = session, canvas, say
        self._open_file, self._add_up, self._read_vacuum = open_file, add_up, read_vacuum
        self._add_choice(open_with)
        self._add_offer()
        self._rows = ToldFields(QUANTITIES, session, say, read_files)
        self._add_fraction()
        self.body.addLayout(self._rows)
        self._gaps = eliding()
        self._gaps.setObjectName("not_stated")
        self.body.addWidget(self._gaps)
        self._beam, self._conditions = Section("Dose and beam", 1), Section("Conditions", 1)
        self._beam_rows = ToldFields(CALIBRATIONS, session, say, read_files)
        self._beam.body.addLayout(BeamSize(say, self._take_rate))
        self._beam.body.addLayout(self._beam_rows)
        vacuum = QPushButton("Measure in a vacuum movie…")
        vacuum.setObjectName("vacuum_movie")
        vacuum.setToolTip(
            "Count the electrons of a movie of the beam without the specimen: its dose rate."
        )
        vacuum.clicked.connect(self._on_vacuum)
        self._beam.body.addWidget(vacuum)
        self._condition_rows = ToldFields(IN_FOLD, session, say, read_files)
        self._conditions.body.addLayout(self._condition_rows)
        for part in (self._beam, self._conditions):
            part.fold()
            self.body.addWidget(part)
        self.show_layers()
        self.show_movie()

    @property
    def complete(self) -> bool:
        """Nothing that the answer needs is missing."""
        movie = self._session.movie
        return movie is not None and all(
            value_of(movie, one.name) is not None for one in QUANTITIES if needed(movie, one)
        )

    def show_layers(self) -> None:
        """List the layers that can be a movie."""
        with QSignalBlocker(self._layers):
            self._layers.clear()
            for layer in self._canvas.candidates():
                self._layers.addItem(layer.name, layer)
                if layer is self._canvas.layer:
                    self._layers.setCurrentIndex(self._layers.count() - 1)
            if self._canvas.layer is None:
                self._layers.setCurrentIndex(-1)
        self._layers.setEnabled(self._layers.count() > 0)
        self._layers.setPlaceholderText("no movie")
        offered = self._canvas.offered
        self._offer.setText("" if offered is None else f"{offered.name} was opened, too")
        for widget in (self._offer, self._take):
            widget.setVisible(offered is not None)

    def show_movie(self) -> None:
        """Fill the fields from the movie."""
        movie = self._session.movie
        for fields in (self._rows, self._beam_rows, self._condition_rows):
            fields.show_movie()
        raw = raw_per_frame(movie)
        for widget in self._raw_row:
            widget.setVisible(raw is not None)
        if movie is not None and raw is not None:
            self._raw.setText(shown(raw, FRACTION))
            self._frames.setText(counted(len(movie), "frame"))
        said = "" if movie is None else gaps(movie)
        self._gaps.setText(said)
        self._gaps.setToolTip(said)
        self._gaps.setVisible(bool(said))
        if movie is None:
            for section in (self, self._beam, self._conditions):
                section.say("")
        else:
            frames, height, width = movie.shape
            said = f"{counted(frames, 'frame')} · {width} × {height} px"
            self.say(said, "\n".join([movie.source or movie.name, *movie.notes, *movie.warnings]))
            self._beam.say(stated_words(movie, CALIBRATIONS[:3]), movie.dose_source)
            self._conditions.say(stated_words(movie, IN_FOLD))

    def _add_choice(self, open_with: Callable[[], None]) -> None:
        self._layers = QComboBox()
        self._layers.setObjectName("movie_layer")
        self._layers.setToolTip("Layer of the movie: a stack of grey frames (t, y, x).")
        self._layers.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self._layers.setMinimumContentsLength(8)
        self._layers.activated.connect(self._on_layer)
        plain, more = QPushButton("Open…"), QPushButton("with…")
        plain.setToolTip("Open a movie: EER, MRC, TIFF, DM4, SER, TVIPS, Zarr, HDF5, …")
        plain.clicked.connect(self._on_open)
        more.setObjectName("open_with")
        more.setToolTip(
            "Open a movie with a gain reference, added up, with super-resolution, or another "
            "dataset of its file."
        )
        more.clicked.connect(open_with)
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self._layers, 1)
        for button in (plain, more):
            button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
            row.addWidget(button)
        self.body.addLayout(row)

    def _add_offer(self) -> None:
        self._offer, self._take = eliding(), QPushButton("Work on it")
        self._offer.setObjectName("offer")
        self._take.setObjectName("take")
        self._take.setToolTip("Look at the movie that was opened last; this one stays open.")
        self._take.clicked.connect(lambda: self._choose(self._canvas.offered))
        row = QHBoxLayout()
        row.addWidget(self._offer, 1)
        row.addWidget(self._take)
        self.body.addLayout(row)

    def _add_fraction(self) -> None:
        self._raw = QLineEdit()
        self._raw.setObjectName(FRACTION.name)
        self._raw.setToolTip(FRACTION.tip)
        self._raw.editingFinished.connect(self._on_raw)
        label, self._frames = QLabel(FRACTION.label), eliding()
        label.setToolTip(FRACTION.tip)
        self._raw_row: tuple[QWidget, ...] = (label, self._raw, self._frames)
        for column, widget in enumerate(self._raw_row):
            self._rows.addWidget(widget, len(QUANTITIES), column)

    def _take_rate(self, measured: DoseCalibration) -> None:
        self._session.recalibrate(**changes_for("dose_calibration", measured))

    def _on_vacuum(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "A movie of the beam without the specimen")
        if path:
            self._read_vacuum(Path(path))

    def _on_raw(self) -> None:
        before = raw_per_frame(self._session.movie)
        if before is None or self._raw.text().strip() == shown(before, FRACTION):
            return
        try:
            how = read_fraction(self._raw.text())
        except BeamwatchError as error:
            self._say(str(error))
            how = {}
        self.show_movie()  # what is typed counts once the movie is that
        if how:
            self._add_up(how)

    def _on_layer(self, index: int) -> None:
        self._choose(self._layers.itemData(index))

    def _choose(self, layer: Any) -> None:
        try:
            self._canvas.choose(layer)
        except BeamwatchError as error:
            self._say(str(error))
            self.show_layers()

    def _on_open(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open a movie")
        if path:
            self._open_file(Path(path))
