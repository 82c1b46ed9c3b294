"""The dock "Beamwatch": the answer on top, below it the panel in the order of the work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from napari.utils.notifications import show_error
from qtpy.QtCore import QEvent, Qt, QTimer
from qtpy.QtWidgets import QApplication, QFileDialog, QScrollArea, QVBoxLayout, QWidget
from superqt.utils import qthrottled

from napari_beamwatch._napari.preferences import preferred_settings
from napari_beamwatch._napari.reader import tell_of
from napari_beamwatch._napari.run_reader import MovieMovedError
from napari_beamwatch._qt.beside import Beside
from napari_beamwatch._qt.calibrations import changes_for
from napari_beamwatch._qt.canvas import Canvas
from napari_beamwatch._qt.curves.look import region_colours
from napari_beamwatch._qt.keys import offer_keys, withdraw_keys
from napari_beamwatch._qt.live.watcher import Order
from napari_beamwatch._qt.opening import Opened, fractioned, opened_movie, opened_run
from napari_beamwatch._qt.sections.answer_card import AnswerCard
from napari_beamwatch._qt.sections.damage import DamageSection
from napari_beamwatch._qt.sections.export import ExportSection
from napari_beamwatch._qt.sections.lattice import LatticeSection
from napari_beamwatch._qt.sections.many_movies import ManyMoviesSection
from napari_beamwatch._qt.sections.movie import MovieSection
from napari_beamwatch._qt.session import Request, Session
from napari_beamwatch._qt.side_docks import SideDocks
from napari_beamwatch._qt.side_windows import SideWindows
from napari_beamwatch._qt.slider_marks import SliderMarks
from napari_beamwatch._qt.starting import MovieWork, Then
from napari_beamwatch._qt.theme import panel_style
from napari_beamwatch._qt.turns import Turns
from napari_beamwatch._qt.worker import Work, Worker
from napari_beamwatch.analysis import Progress, analyze
from napari_beamwatch.analysis import find_spots as spots_of
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.movies import open_movie as movie_of_file
from napari_beamwatch.results.result import Result

if TYPE_CHECKING:
    import napari
    from napari.layers import Layer

WIDTH = 340
"""Pixels the panel takes at least, more where the font asks for it."""

ROOM = (1100, 700)
"""Pixels of a window in which the docks below the picture leave enough of it."""

SETTLED_MS = 50
"""After that the docks have taken their room."""

PACE_MS = 250
"""From one look at the slider to the next: text, curves and spectrum follow that often, the picture
always."""


class Beamwatch(QWidget):
    """The panel.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Named so that napari hands it over.

    Attributes
    ----------
    session : Session
    canvas : Canvas
    """

    def __init__(self, napari_viewer: napari.Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("beamwatch")
        self.session = Session(preferred_settings())
        pace = partial(qthrottled, timeout=PACE_MS)
        self.canvas = Canvas(napari_viewer, self.session, pace, Turns(self))
        self._viewer, self._worker, self._docked = napari_viewer, Worker(), False
        self._closed = self._offered = False
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.timeout.connect(lambda: self._viewer.reset_view())
        self._card = AnswerCard(self.session)
        self._then: Then = self.session.answer_spots
        self.windows = SideWindows(
            self.session, self.canvas, self._say, self._start, self.open_movie,
            lambda folder: self.open_run(folder), self.watch, self,
        )  # fmt: skip
        self._movie = MovieSection(
            self.session, self.canvas, self._say, self.open_movie, self.show_opening,
            self.add_up, self.read_files, self.read_vacuum,
        )  # fmt: skip
        self._lattice = LatticeSection(
            self.session, self.canvas, self._say, self.find_spots, self.show_form, self.show_ring
        )
        self._damage = DamageSection(self.session, self.canvas, self.run, self.cancel)
        self._marks = SliderMarks()
        # Turns of our own: they end with the panel, as the docks do when the window is closed.
        self.beside = Beside(napari_viewer, self.session, self.canvas, self._say, Turns(self))
        self.docks = SideDocks(self.beside, self._say, lambda folder: self.open_run(folder))
        self._damage.docks.clicked.connect(self.beside.open)
        self._export = ExportSection(
            self.session, self._say, self.open_run, self._write, self.show_sum
        )
        self._many = ManyMoviesSection(
            self.show_live, self.show_batch, self.show_plan, self.ask_for_summary
        )
        self._lay_out()
        self._connect()
        offer_keys(self)
        self._on_theme()
        self.canvas.choose_any()

    @property
    def viewer(self) -> napari.Viewer:
        """The viewer that it is in."""
        return self._viewer

    def draw_region(self) -> None:
        """Let the next drag on the picture draw a rectangle."""
        try:
            self.canvas.regions.start_drawing()
        except BeamwatchError as error:
            self._say(str(error))

    def show_before(self) -> None:
        """Show the last frame before the onset."""
        self.canvas.go_to_onset(-1)

    def show_after(self) -> None:
        """Show the first frame that holds the onset."""
        self.canvas.go_to_onset(0)

    def toggle_map(self) -> None:
        """Show or hide the onset map."""
        self.canvas.overlays.toggle_map()

    def open_docks(self) -> None:
        """Show the damage curves and the live FFT."""
        self.beside.open()

    def run(self) -> None:
        """Analyse the movie, off the main thread."""
        self._start("analysing", self._analyze, self._take_result)

    def find_spots(self) -> None:
        """Find spots without following them, off the main thread."""
        self._start("finding spots", _find, self.session.answer_spots)

    def cancel(self) -> None:
        """Stop what is going on."""
        self._worker.cancel()
        self.session.cancel()

    def show_form(self) -> None:
        """Show every setting in one form, which may stay open."""
        self.windows.show_settings()

    def show_ring(self) -> None:
        """Ask for a powder ring that tells the camera constant, and what it is."""
        self.windows.show_ring()

    def open_run(self, folder: Path, movie: Path | None = None) -> None:
        """Show a run that was saved; of a movie that has moved since, the new place is told."""

        def then(generation: int, found: Opened | MovieMovedError) -> None:
            if isinstance(found, Opened):
                self.canvas.show(found, lambda: self.session.finish(generation))
                return
            self.session.finish(generation)
            place = self._export.ask_for_movie(str(found)) if movie is None else None
            if place is not None:
                self.open_run(folder, place)

        self._begin("opening the run", lambda _: opened_run(folder, movie), then)

    def show_live(self) -> None:
        """Ask what is to be watched."""
        self.windows.show_live()

    def watch(self, order: Order) -> None:
        """Watch movies while they are written, in a dock below the picture."""
        self.docks.watch(order)

    def show_batch(self) -> None:
        """Ask which movies are analysed."""
        self.windows.show_batch()

    def show_sum(self) -> None:
        """Add up the undamaged frames."""
        self.windows.show_sum()

    def show_plan(self) -> None:
        """Plan the next movie."""
        self.windows.show_plan(self.docks.folder)

    def ask_for_summary(self) -> None:
        """Ask for the folder of a summary, and show it."""
        folder = QFileDialog.getExistingDirectory(self, "Open a summary")
        if folder:
            self.open_summary(Path(folder))

    def open_summary(self, folder: Path) -> None:
        """Show what many runs said together, in a dock below the picture."""
        self.docks.open_summary(folder)

    def show_opening(self) -> None:
        """Ask for a movie and how it is opened."""
        self.windows.show_opening()

    def read_files(self, changes: Mapping[str, Any]) -> None:
        """Tell the movie what stands in files, as `Movie.with_` takes it."""
        self._retell("reading the file", lambda movie: movie.with_(**changes))

    def read_vacuum(self, path: Path) -> None:
        """Tell the movie the dose rate that a movie without specimen measures."""

        def measured(movie: Movie) -> Movie:
            rate = movie_of_file(path).vacuum_calibration()
            return movie.with_(**changes_for("dose_calibration", rate))

        self._retell("counting electrons", measured)

    def open_movie(self, path: Path, how: Mapping[str, Any] | None = None) -> None:
        """Open a file and look at it."""

        def then(generation: int, found: Opened) -> None:
            tell_of(found.movie)
            self.canvas.show(found, lambda: self.session.finish(generation))

        self._begin("opening the movie", lambda _: opened_movie(path, how), then)

    def add_up(self, how: Mapping[str, Any]) -> None:
        """Add the raw frames of an EER movie up another way."""

        def then(generation: int, movie: Movie) -> None:
            self.session.finish(generation)
            self.canvas.replace_movie(movie)

        self._start("adding up raw frames", lambda request, _: fractioned(request.movie, how), then)

    def close_desk(self, *_: object) -> None:
        """Stop, and let go of the viewer; may be called twice."""
        if self._closed:
            return
        self._closed = True
        withdraw_keys(self)
        self._worker.cancel()
        self.windows.close()
        self.docks.close()
        self._settled.stop()
        self.beside.close()
        self._marks.clear()
        self.canvas.close()
        self._viewer.events.theme.disconnect(self._on_theme)

    def event(self, event: QEvent | None) -> bool:
        """Let go once the dock is taken out of the window; a movie may be there when it comes."""
        if event is not None and event.type() == QEvent.Type.Show and not self._closed:
            self._offer_docks()
        if event is not None and event.type() == QEvent.Type.ParentChange:
            if self._docked and self.parent() is None:
                self.close_desk()
                # PySide keeps what is connected to a widget for as long as that is there.
                self.deleteLater()
            self._docked = self.parent() is not None
        return bool(super().event(event))

    def _start(self, doing: str, work: MovieWork, then: Then) -> None:
        """Work on the movie off the main thread, then do something with what it found."""
        try:
            request = self.session.begin(doing)
        except BeamwatchError as error:
            self._say(str(error))
            return
        self._then = then
        self._worker.start(request.generation, partial(work, request))

    def _retell(self, doing: str, retold: Callable[[Movie], Movie]) -> None:
        """Tell the movie something that takes a while to find out."""

        def then(generation: int, movie: Movie) -> None:
            self.session.finish(generation)
            self.session.replace_movie(movie)

        self._start(doing, lambda request, _: retold(request.movie), then)
        self._movie.show_movie()  # what was typed counts once it was read

    def _begin(self, doing: str, work: Work, then: Then) -> None:
        """As `_start`, without a movie."""
        try:
            generation = self.session.start(doing)
        except BeamwatchError as error:
            self._say(str(error))
            return
        self._then = then
        self._worker.start(generation, work)

    def _write(self, doing: str, write: Callable[[], Path]) -> None:
        """Write something off the main thread: figures take a moment."""

        def then(generation: int, path: Path) -> None:
            self.session.finish(generation)
            self._export.say(f"saved {path.name}", str(path))

        self._begin(doing, lambda _: write(), then)

    def _analyze(self, request: Request, tell: Progress) -> object:
        result = analyze(request.movie, request.settings, request.regions, tell)
        return result, self.canvas.prepare(result)

    def _on_done(self, generation: int, found: object) -> None:
        if self.session.running and generation == self.session.generation:
            self._then(generation, found)

    def _take_result(self, generation: int, found: tuple[Result, list[Layer]]) -> None:
        result, layers = found
        first = self.session.result is None

        def then() -> None:
            if self.session.answer(generation, result) and first and self._movie.complete:
                self._movie.fold()  # its work is done: room for what was found

        self.canvas.lay(result, layers, then)

    def _offer_docks(self) -> None:
        """Open the docks with the first movie, where there is room for them."""
        window = self.window()
        if self._offered or self.session.movie is None or window is None or window is self:
            return
        self._offered = True
        if window.width() >= ROOM[0] and window.height() >= ROOM[1]:
            self.beside.open()
            # Of the room that the docks leave the movie takes all.
            self._settled.start(SETTLED_MS)

    def _mark(self) -> None:
        """Mark the onsets on the time slider."""
        result = self.session.result
        if result is None:
            self._marks.clear()
            return
        regions, frames = result.onsets["region"].astype(str), result.onsets["onset_frame"]
        colours = region_colours(regions)
        marks = [
            (int(frame), colours[region])
            for region, frame in zip(regions, frames, strict=True)
            if not pd.isna(frame)
        ]
        self._marks.show_marks(self.window(), self._viewer.dims.ndim - 3, marks)

    def _say(self, sentence: str) -> None:
        show_error(sentence)

    def _on_theme(self, _: object = None) -> None:
        self.setStyleSheet(panel_style(self._viewer.theme))

    def _connect(self) -> None:
        session, canvas, worker = self.session, self.canvas, self._worker
        worker.progressed.connect(session.tell)
        worker.done.connect(self._on_done)
        worker.failed.connect(session.fail)
        self._viewer.events.theme.connect(self._on_theme)
        app = QApplication.instance()
        if app is not None:
            app.aboutToQuit.connect(worker.cancel)
        # A window that is closed takes the panel with it without another word.
        self.destroyed.connect(worker.cancel)
        movie, lattice, damage = self._movie, self._lattice, self._damage
        canvas.layers_changed.connect(movie.show_layers)
        session.failed.connect(self._say)
        session.progressed.connect(damage.show_progress)
        session.result_changed.connect(self._mark)
        session.movie_changed.connect(self._offer_docks)
        for signal, views in (
            (session.movie_changed, (movie.show_movie, lattice.show_movie, lattice.show_regions)),
            (session.frames_changed, (damage.show_frames,)),
            (session.settings_changed, (lattice.show_movie, damage.show_settings)),
            (session.regions_changed, (lattice.show_regions,)),
            (session.chosen_changed, (lattice.show_regions, damage.show_result)),
            (session.spots_changed, (lattice.show_spots,)),
            (session.result_changed, (damage.show_result, self._export.show_result)),
            (session.running_changed, (lattice.enable, damage.show_result)),
            (session.running_changed, (self._export.show_result,)),
        ):
            for view in (*views, self._card.show_answer):
                signal.connect(view)

    def _lay_out(self) -> None:
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 6, 0)
        column.setSpacing(6)
        for section in (self._movie, self._lattice, self._damage, self._export, self._many):
            column.addWidget(section)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(6, 6, 4, 4)
        whole.setSpacing(6)
        whole.addWidget(self._card)
        whole.addWidget(scroll, 1)
        bar = scroll.verticalScrollBar()
        inner.ensurePolished()
        room = 0 if bar is None else bar.sizeHint().width()
        self.setMinimumWidth(max(WIDTH, inner.minimumSizeHint().width() + room + 12))


def _find(request: Request, tell: Progress) -> object:
    return spots_of(request.movie, request.settings, request.regions, tell)
