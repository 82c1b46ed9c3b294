"""The windows beside the panel: each is made when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from qtpy.QtWidgets import QDialog, QWidget

from napari_beamwatch._qt.batch_form import BatchForm
from napari_beamwatch._qt.canvas import Canvas
from napari_beamwatch._qt.live.form import LiveForm
from napari_beamwatch._qt.live.watcher import Order
from napari_beamwatch._qt.opening_form import OpeningForm
from napari_beamwatch._qt.plan_form import PlanForm
from napari_beamwatch._qt.ring_form import RingForm
from napari_beamwatch._qt.session import Session
from napari_beamwatch._qt.settings_form import SettingsForm
from napari_beamwatch._qt.starting import Start
from napari_beamwatch._qt.sum_form import SumForm

Form = TypeVar("Form", bound=QDialog)


class SideWindows:
    """Shows them, and lets go of them with the panel.

    Parameters
    ----------
    session : Session
    canvas : Canvas
    say : callable
        Tells the user what cannot be.
    start : callable
        Works on the movie off the main thread.
    open_movie, open_run, watch : callable
    parent : QWidget
        The panel.
    """

    def __init__(
        self,
        session: Session,
        canvas: Canvas,
        say: Callable[[str], None],
        start: Start,
        open_movie: Callable[[Path, Mapping[str, Any]], None],
        open_run: Callable[[Path], None],
        watch: Callable[[Order], None],
        parent: QWidget,
    ) -> None:
        self._session, self._canvas, self._say, self._start = session, canvas, say, start
        self._open_movie, self._open_run = open_movie, open_run
        self._watch, self._parent = watch, parent
        self.settings: SettingsForm | None = None
        self.opening: OpeningForm | None = None
        self.ring: RingForm | None = None
        self.plan: PlanForm | None = None
        self.sum: SumForm | None = None
        self.live: LiveForm | None = None
        self.batch: BatchForm | None = None

    def show_settings(self) -> None:
        """Every setting in one form, which may stay open."""
        if self.settings is None:
            self.settings = SettingsForm(self._session, self._say, self._parent)
        shown(self.settings)

    def show_opening(self) -> None:
        """Ask for a movie and how it is opened."""
        if self.opening is None:
            self.opening = OpeningForm(self._open_movie, self._say, self._parent)
        movie = self._session.movie
        self.opening.suggest("" if movie is None else movie.source)
        shown(self.opening)

    def show_ring(self) -> None:
        """Ask for a ring and what it is."""
        if self._session.movie is None:
            self._say("there is no movie: open one of diffraction patterns first")
            return
        if self.ring is None:
            self.ring = RingForm(self._session, self._canvas, self._say, self._start, self._parent)
        shown(self.ring).look()

    def show_sum(self) -> None:
        """Add up the frames in which the specimen was undamaged."""
        if self._session.result is None:
            self._say("what is undamaged is told by an analysis: press Run first")
            return
        if self.sum is None:
            self.sum = SumForm(self._session, self._canvas, self._say, self._start, self._parent)
        shown(self.sum)

    def show_plan(self, summary: Path | None) -> None:
        """Plan the next movie, from a summary that is looked at."""
        if self.plan is None:
            self.plan = PlanForm(self._session, self._parent)
        shown(self.plan).suggest(summary)

    def show_live(self) -> None:
        """Ask what is to be watched while it is written."""
        if self.live is None:
            self.live = LiveForm(self._session, self._say, self._watch, self._parent)
        shown(self.live).suggest()

    def show_batch(self) -> None:
        """Ask which movies are analysed by the settings of the desk."""
        if self.batch is None:
            self.batch = BatchForm(self._session, self._say, self._open_run, self._parent)
        shown(self.batch)

    def close(self) -> None:
        """Close all of them; they follow nothing more."""
        for one in (self.settings, self.ring, self.sum, self.batch):
            if one is not None:
                one.let_go()
        rest = (self.opening, self.plan, self.live)
        for window in (self.settings, self.ring, self.sum, self.batch, *rest):
            if window is not None:
                window.close()


def shown(form: Form) -> Form:
    """A form in front of the others."""
    form.show()
    form.raise_()
    form.activateWindow()
    return form
