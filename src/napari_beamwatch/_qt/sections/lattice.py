"""Section 2: regions, windows, spots."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QEvent, QSignalBlocker
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QWidget

from napari_beamwatch._qt.canvas import Canvas
from napari_beamwatch._qt.curves.look import look_of, region_colours
from napari_beamwatch._qt.sections.phases_button import PhasesButton
from napari_beamwatch._qt.sections.section import Section, eliding, faint, restyle
from napari_beamwatch._qt.sections.spots_table import SpotsTable
from napari_beamwatch._qt.session import Session
from napari_beamwatch._qt.settings_form import changed_elsewhere
from napari_beamwatch.analysis.road import chosen_grid, grid_note
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.regions import FIELD
from napari_beamwatch.settings import KNOBS
from napari_beamwatch.spectra.imaging import is_diffraction
from napari_beamwatch.spectra.windows import Resolution

WINDOWS = (64, 128, 256, 512)
STEPS = {"auto": 0, "whole": 1, "½": 2, "¼": 4}
"""Parts of a window from one to the next."""

PARTS = frozenset(STEPS.values())

ALPHAS = (0.001, 0.01, 0.05)

MORE = "Every setting of the analysis, in one form"


class LatticeSection(Section):
    """Where to look, how finely, and what was found."""

    def __init__(
        self,
        session: Session,
        canvas: Canvas,
        say: Callable[[str], None],
        find: Callable[[], None],
        more: Callable[[], None],
        ring: Callable[[], None],
    ) -> None:
        super().__init__("2  Lattice")
        self._session, self._canvas, self._report = session, canvas, say
        self._region = QComboBox()
        self._region.setObjectName("region")
        self._region.setToolTip("Whose answer, spots and curves are shown.")
        self._region.textActivated.connect(session.choose)
        self._window = QComboBox()
        self._window.setObjectName("window")
        self._window.addItem("auto", None)
        for size in WINDOWS:
            self._window.addItem(f"{size} px", size)
        self._window.setToolTip(KNOBS["window"].sentence)
        self._window.activated.connect(
            lambda i: session.choose_settings(window=self._window.itemData(i), step=None)
        )
        self._step = QComboBox()
        self._step.setObjectName("step")
        for words in STEPS:
            self._step.addItem(words)
        self._step.setToolTip(KNOBS["step"].sentence)
        self._step.textActivated.connect(self._on_step)
        self._alpha = QComboBox()
        self._alpha.setObjectName("alpha")
        for alpha in ALPHAS:
            self._alpha.addItem(f"{100 * alpha:g} %", alpha)
        self._alpha.setToolTip(KNOBS["alpha"].sentence)
        self._alpha.activated.connect(
            lambda i: session.choose_settings(alpha=self._alpha.itemData(i))
        )
        for box in (self._region, self._window, self._step, self._alpha):
            box.setMinimumContentsLength(3)
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
        self._rectangle = _button("Draw", "Draw a rectangle on the picture.")
        self._rectangle.clicked.connect(lambda: self._draw("add_rectangle"))
        self._polygon = _button("Polygon", "Draw a polygon: click its corners, Esc ends it.")
        self._polygon.clicked.connect(lambda: self._draw("add_polygon"))
        self._row(QLabel("region"), self._region, self._rectangle, self._polygon)
        false = QLabel("α")
        false.setToolTip(self._alpha.toolTip())
        self._phases = PhasesButton(session, say)
        self._row(QLabel("window"), self._window, QLabel("step"), self._step)
        self._more = _button("More settings…", MORE)
        self._more.setObjectName("more_settings")
        self._more.clicked.connect(more)
        self._row(false, self._alpha, self._phases, self._more)
        self._constant = eliding()
        self._constant.setToolTip(KNOBS["camera_constant"].sentence)
        self._ring = _button(
            "From a ring…", "Click a powder ring that is known, and say what it is."
        )
        self._ring.setObjectName("known_ring")
        self._ring.clicked.connect(ring)
        row = QHBoxLayout()
        row.addWidget(self._constant, 1)
        row.addWidget(self._ring)
        self.body.addLayout(row)
        self._table = SpotsTable()
        self._table.hiding.connect(session.hide)
        self._table.removing.connect(session.remove_spots)
        self._table.undoing.connect(session.undo)
        self.body.addWidget(self._table)
        self._edits = faint()
        self.body.addWidget(self._edits)
        self._find = _button("Find spots", "Look for spots without following them over the dose.")
        self._find.setObjectName("find_spots")
        self._find.clicked.connect(find)
        self._remove = _button("Remove", "Look no more for the spots that are selected above.")
        self._remove.clicked.connect(self._on_remove)
        self._undo = _button("Undo", "Take the last change of windows or spots back.")
        self._undo.clicked.connect(session.undo)
        self._row(self._find, self._remove, self._undo)
        self._table.itemSelectionChanged.connect(self._on_selected)
        session.selected_changed.connect(self._show_selected)
        session.hidden_changed.connect(self._show_marks)
        session.settings_changed.connect(self._show_marks)
        self.show_movie()
        self.show_regions()
        self.show_spots()

    def show_movie(self) -> None:
        """Say what the windows resolve; show the settings."""
        movie, settings = self._session.movie, self._session.settings
        with QSignalBlocker(self._window), QSignalBlocker(self._alpha):
            fixed = settings.window is not None
            self._window.setCurrentIndex(self._window.findData(settings.window) if fixed else 0)
            said = f"{settings.window} px" if isinstance(settings.window, int) else settings.window
            self._window.setPlaceholderText(said or "")
            self._alpha.setCurrentIndex(self._alpha.findData(settings.alpha))
            self._alpha.setPlaceholderText(KNOBS["alpha"].written(settings.alpha))
        others = changed_elsewhere(settings)
        self._more.setText("More settings •" if others else "More settings…")
        counted = f"; {others} of those that the panel does not show are not as usual"
        self._more.setToolTip(MORE + (counted if others else "") + ".")
        self._phases.show_phases()
        self.enable()
        patterns = movie is not None and self._patterns(movie)
        self._show_constant()
        for widget in (self._constant, self._ring):
            widget.setVisible(patterns)
        if movie is None or patterns:
            self.say("" if movie is None else "diffraction patterns")
            return
        try:
            grid = chosen_grid(movie, settings)
        except BeamwatchError as error:
            self.say(str(error))
            return
        with QSignalBlocker(self._step):
            even = grid.window % grid.step == 0
            part = 0 if settings.step is None else grid.window // grid.step if even else -1
            self._step.setCurrentIndex(list(STEPS.values()).index(part) if part in PARTS else -1)
            self._step.setPlaceholderText(f"{grid.step} px")
        known = Resolution.of(grid, movie)
        words = [f"{grid.window} px"]
        if known.extent_nm is not None and known.spacing is not None:
            words[0] += f" = {known.extent_nm:.3g} nm"
            words.append(f"δd {100 * known.spacing:.2g} %")
        if known.dose is not None:
            words.append(f"{known.dose:.3g} e/Å² a point")
        self.say(" · ".join(words), grid_note(grid, movie).replace("; ", ";\n"))

    def _patterns(self, movie: Movie) -> bool:
        """Frames are diffraction patterns: they have neither windows nor regions."""
        return self._session.settings.camera_constant is not None or is_diffraction(movie)

    def _show_constant(self) -> None:
        """Say how spacings come from patterns."""
        settings = self._session.settings
        constant, sure = settings.camera_constant, 100 * settings.pixel_size_uncertainty
        if constant is None:
            self._constant.setText("camera constant: not told")
        else:
            self._constant.setText(f"C = {constant:.5g} Å·px ± {sure:.2g} %")
        restyle(self._constant, "role", "asked" if constant is None else "plain")

    def _on_step(self, words: str) -> None:
        movie, part = self._session.movie, STEPS[words]
        if movie is None or not part:
            self._session.choose_settings(step=None)
            return
        try:
            window = chosen_grid(movie, self._session.settings).window
        except BeamwatchError as error:
            self._report(str(error))
        else:
            self._session.choose_settings(window=window, step=window // part)

    def show_regions(self) -> None:
        """List the regions there are."""
        names = [FIELD, *(one.name for one in self._session.regions)]
        with QSignalBlocker(self._region):
            self._region.clear()
            self._region.addItems(names)
            self._region.setCurrentText(self._session.chosen)

    def show_spots(self) -> None:
        """Fill the table."""
        self._table.show_spots(self._session.spots)
        self._show_marks()
        self.enable()

    def enable(self) -> None:
        """Offer what makes sense now."""
        movie, busy = self._session.movie, bool(self._session.running)
        there = movie is not None
        images = movie is not None and not self._patterns(movie)
        for widget in (self._rectangle, self._polygon, self._step):
            widget.setEnabled(images)
        self._window.setEnabled(images or not there)
        self._find.setEnabled(there and not busy)
        self._remove.setEnabled(bool(self._table.chosen()))
        self._undo.setEnabled(self._session.can_undo)

    def _row(self, *widgets: QWidget) -> None:
        row = QHBoxLayout()
        row.setSpacing(6)
        for widget in widgets:
            row.addWidget(widget, 1 if isinstance(widget, QComboBox | PhasesButton) else 0)
        self.body.addLayout(row)

    def _on_selected(self) -> None:
        self._session.select(self._table.selected())
        self.enable()

    def _on_remove(self) -> None:
        self._session.remove_spots(self._table.chosen())

    def changeEvent(self, event: QEvent | None) -> None:  # noqa: N802 - Qt's name
        """Follow the theme."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.StyleChange:
            self._show_marks()

    def _show_selected(self) -> None:
        self._table.set_selected(self._session.selected)
        self.enable()

    def _show_marks(self) -> None:
        """Mark what is hidden or removed, and say what the next run will do."""
        session = self._session
        names = [] if session.result is None else [str(n) for n in session.result.onsets["region"]]
        names += [region.name for region in session.regions]
        colours = region_colours(names, look_of(self._table).dark)
        unwanted, expected = session.unwanted, session.expected
        self._table.set_marks(session.hidden_here, unwanted, colours[session.chosen])
        counts = ((len(expected), "added"), (len(unwanted), "removed"))
        said = [f"{count} {what}" for count, what in counts if count]
        self._edits.setText(" · ".join(said) + ": with the next run" if said else "")
        self._edits.setVisible(bool(said))

    def _draw(self, mode: str) -> None:
        try:
            self._canvas.regions.start_drawing(mode)
        except BeamwatchError as error:
            self._report(str(error))


def _button(words: str, tip: str) -> QPushButton:
    button = QPushButton(words)
    button.setToolTip(tip)
    return button
