"""Section 1: which movie, and what is known of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from napari_beamwatch._qt.calibrations import (
    FRACTION,
    QUANTITIES,
    Quantity,
    changes_for,
    origin_of,
    read,
    read_fraction,
    shown,
    value_of,
)
from napari_beamwatch._qt.canvas import Canvas
from napari_beamwatch._qt.opening import raw_per_frame
from napari_beamwatch._qt.sections.section import Section, as_written, eliding, restyle
from napari_beamwatch._qt.session import Session
from napari_beamwatch.errors import BeamwatchError


class MovieSection(Section):
    """Choose a movie; see, correct and complete its calibrations."""

    def __init__(
        self,
        session: Session,
        canvas: Canvas,
        say: Callable[[str], None],
        open_file: Callable[[Path], None],
        add_up: Callable[[Mapping[str, float]], None],
    ) -> None:
        super().__init__("1  Movie")
        self._session, self._canvas, self._say = session, canvas, say
        self._open_file, self._add_up = open_file, add_up
        self._layers = QComboBox()
        self._layers.setObjectName("movie_layer")
        self._layers.setToolTip("Layer of the movie: a stack of grey frames (t, y, x).")
        self._layers.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self._layers.setMinimumContentsLength(8)
        self._layers.activated.connect(self._on_layer)
        button = QPushButton("Open…")
        button.setToolTip("Open a movie: EER, MRC, TIFF, DM4, SER, TVIPS, Zarr, HDF5, …")
        button.clicked.connect(self._on_open)
        button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        row = QHBoxLayout()
        row.addWidget(self._layers, 1)
        row.addWidget(button)
        self.body.addLayout(row)
        self._offer, self._take = eliding(), QPushButton("Work on it")
        self._offer.setObjectName("offer")
        self._take.setObjectName("take")
        self._take.setToolTip("Look at the movie that was opened last; this one stays open.")
        self._take.clicked.connect(lambda: self._choose(canvas.offered))
        row = QHBoxLayout()
        row.addWidget(self._offer, 1)
        row.addWidget(self._take)
        self.body.addLayout(row)
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(1, 3)
        grid.setColumnStretch(2, 3)
        self._fields: dict[str, tuple[QLineEdit, QLabel]] = {}
        for i, quantity in enumerate(QUANTITIES):
            field, origin = QLineEdit(), eliding()
            field.setObjectName(quantity.name)
            field.setToolTip(quantity.tip)
            field.setMinimumWidth(72)
            field.editingFinished.connect(lambda q=quantity: self._on_edited(q))
            label = QLabel(quantity.label)
            label.setToolTip(quantity.tip)
            grid.addWidget(label, i, 0)
            grid.addWidget(field, i, 1)
            grid.addWidget(origin, i, 2)
            self._fields[quantity.name] = (field, origin)
        self._raw = QLineEdit()
        self._raw.setObjectName(FRACTION.name)
        self._raw.setToolTip(FRACTION.tip)
        self._raw.editingFinished.connect(self._on_raw)
        label, self._frames = QLabel(FRACTION.label), eliding()
        label.setToolTip(FRACTION.tip)
        self._raw_row: tuple[QWidget, ...] = (label, self._raw, self._frames)
        for column, widget in enumerate(self._raw_row):
            grid.addWidget(widget, len(QUANTITIES), column)
        self.body.addLayout(grid)
        self.show_layers()
        self.show_movie()

    @property
    def complete(self) -> bool:
        """Nothing that the answer needs is missing."""
        movie = self._session.movie
        needed = [one.name for one in QUANTITIES if one.needed]
        return movie is not None and all(value_of(movie, name) is not None for name in needed)

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
        for quantity in QUANTITIES:
            field, origin = self._fields[quantity.name]
            value = None if movie is None else value_of(movie, quantity.name)
            field.setEnabled(movie is not None)
            field.setText(shown(value, quantity))
            field.setPlaceholderText("" if movie is None else f"? {quantity.kind.unit}")
            said = "" if movie is None else origin_of(movie, quantity.name)
            absent = movie is not None and value is None
            asked = absent and quantity.needed
            origin.setText(("missing" if quantity.needed else "unknown") if absent else said)
            origin.setToolTip(as_written(said))
            restyle(origin, "role", "asked" if asked else "faint")
            restyle(field, "missing", "true" if asked else "false")
        raw = raw_per_frame(movie)
        for widget in self._raw_row:
            widget.setVisible(raw is not None)
        if movie is not None and raw is not None:
            self._raw.setText(shown(raw, FRACTION))
            self._frames.setText(f"{len(movie)} frames")
        if movie is None:
            self.say("")
        else:
            frames, height, width = movie.shape
            said = f"{frames} frames · {width} × {height} px"
            self.say(said, "\n".join([movie.source or movie.name, *movie.notes, *movie.warnings]))

    def _on_edited(self, quantity: Quantity) -> None:
        movie, field = self._session.movie, self._fields[quantity.name][0]
        if movie is None:
            return
        was = value_of(movie, quantity.name)
        if field.text().strip() == shown(was, quantity):
            return
        try:
            value = read(field.text(), quantity)
            self._session.recalibrate(**changes_for(quantity.name, value))
        except BeamwatchError as error:
            self._say(str(error))
        self.show_movie()

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
