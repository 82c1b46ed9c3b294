"""`LiveSpectrum`: the power spectrum of the region in hand at the frame in sight."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

import pandas as pd
from qtpy.QtCore import QEvent, QRectF, Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtGui import QCloseEvent, QResizeEvent, QShowEvent
from qtpy.QtWidgets import (
    QBoxLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_beamwatch import columns
from napari_beamwatch._qt.curves_look import ON_DARK, ON_LIGHT, look_of
from napari_beamwatch._qt.fft_picture import (
    Painter,
    Picture,
    Request,
    Stretch,
    compared,
    first_band,
)
from napari_beamwatch._qt.fft_profile import ProfileView
from napari_beamwatch._qt.fft_worker import NewestWins
from napari_beamwatch._qt.spectrum_view import PhaseRings, SpectrumView
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.regions import Region

ANY_WIDTH = (1 << 24) - 1
"""Qt's own word for no limit."""

NO_SPOTS = pd.DataFrame(columns=list(columns.SPOTS))


class LiveSpectrum(QWidget):
    """Live Fourier transform: it follows the slider and the region while they move.

    It does nothing while it is hidden.

    Attributes
    ----------
    spot_clicked : Signal(float, float)
        gy and gx in cycles per pixel, as in the table of spots.
    shown : Signal(object)
        The `Request` that has just been drawn.
    """

    spot_clicked = Signal(float, float)
    shown = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._movie: Movie | None = None
        self._region: Region | None = None
        self._frame = 0
        self._before = 0
        self._after: int | None = None
        self._band = 0.25
        self._phases: tuple[PhaseRings, ...] = ()
        self._wanted: Request | None = None
        self._worker = NewestWins(Painter(), self)
        self._worker.answered.connect(self._on_answer)
        self.views = (SpectrumView(self), SpectrumView(self))
        self.titles = (QLabel(self), QLabel(self))
        self._columns = (QWidget(self), QWidget(self))
        self.profile = ProfileView(self)
        self.reading = QLabel(self)
        self.heading = QLabel(self)
        self.legend = QLabel(self)
        self.running_sum = QSpinBox(self)
        self.logarithmic = self._button("log", "Brightness by the logarithm of the power")
        self.compare = self._button(
            "before / after", "Just before the damage beside just after it, or beside now"
        )
        self._lay_out()
        for view in self.views:
            view.clicked.connect(self.spot_clicked)
            view.read.connect(self._on_reading)
            view.zoomed.connect(self._on_zoom)
        self.running_sum.valueChanged.connect(self._request)
        self.logarithmic.toggled.connect(self._request)
        self.compare.toggled.connect(self._on_compare)
        self._on_compare(False)
        self._on_reading("")

    def set_movie(self, movie: Movie | None) -> None:
        """Look at another movie, at its whole field, without spots."""
        self._movie, self._region, self._wanted = movie, None, None
        self._before, self._after = 0, None
        size = None if movie is None else movie.pixel_size
        self._band = first_band(size)
        self.running_sum.setMaximum(1 if movie is None else len(movie))
        self._frame = 0 if movie is None else min(self._frame, len(movie) - 1)
        self.profile.set_pixel_size(size)
        self.profile.show_profiles([], self._band)
        for view in self.views:
            view.set_pixel_size(size)
            view.set_band(self._band)
            view.show_picture(None)
        self.set_spots(NO_SPOTS)
        self.set_phase_rings(())
        self._worker.forget()
        self.heading.setText("no movie" if movie is None else "")
        self._request()

    def set_region(self, region: Region | None) -> None:
        """Look at a region; None is the whole field."""
        if region != self._region:
            self._region = region
            self._request()

    def set_frame(self, frame: int) -> None:
        """Look at a frame (0-based)."""
        if frame != self._frame:
            self._frame = frame
            if not (self.compare.isChecked() and self._after is not None):
                self._request()

    def set_running_sum(self, n: int) -> None:
        """Add up `n` frames around the one in sight."""
        self.running_sum.setValue(n)

    def set_compared(self, before: int, after: int | None = None) -> None:
        """Last frame before the damage and first after it; without the latter the one in sight."""
        self._before, self._after = before, after
        if self.compare.isChecked():
            self._request()

    def set_spots(self, spots: pd.DataFrame) -> None:
        """Mark rows of the table of spots."""
        for view in self.views:
            view.set_spots(spots)

    def set_phase_rings(self, rings: Iterable[tuple[Any, ...]]) -> None:
        """Draw rings of phases: for each (name, spacings in Å[, labels])."""
        phases = self._phases = tuple(PhaseRings(*ring) for ring in rings)
        self.profile.set_rings(phases)
        for view in self.views:
            view.set_rings(phases)
        self._show_legend()

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802 - Qt's name
        """Catch up with what was missed while hidden."""
        super().showEvent(event)
        self._dress()
        self._request()

    def closeEvent(self, event: QCloseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Want no more answers."""
        self._worker.forget()
        super().closeEvent(event)

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802 - Qt's name
        """Put the profile where it takes least from the pictures, which are square."""
        super().resizeEvent(event)
        self._arrange()

    def changeEvent(self, event: QEvent | None) -> None:  # noqa: N802 - Qt's name
        """Follow the theme."""
        super().changeEvent(event)
        if event is not None and event.type() in (
            QEvent.Type.PaletteChange,
            QEvent.Type.StyleChange,
        ):
            self._dress()

    def _request(self) -> None:
        """Ask for what is wanted now, if somebody can see it and has not seen it."""
        if self._movie is None or not self.isVisible():
            return
        n, frames = self.running_sum.value(), len(self._movie)
        stretches: tuple[Stretch, ...] = ((min(self._frame, frames - 1), n),)
        if self.compare.isChecked():
            after = self._frame if self._after is None else self._after
            stretches = compared(min(self._before, frames - 1), min(after, frames - 1), n, frames)
        request = Request(
            self._movie, self._region, stretches, self._band, self.logarithmic.isChecked()
        )
        if request != self._wanted:
            self._wanted = request
            self._worker.ask(request)

    def _on_answer(self, request: Request, answer: object) -> None:
        if not self.isVisible() or self._is_stale(request):
            return
        if isinstance(answer, Exception):
            if not isinstance(answer, BeamwatchError):
                raise answer
            self.heading.setText(f"no spectrum: {answer}")
            self._draw(request, ())
            return
        assert isinstance(answer, tuple)
        words = ["field" if request.region is None else request.region.name]
        if len(answer) == 1:
            words.append(self._stretch(answer[0], 0))
        self.heading.setText(" · ".join(words))
        self._draw(request, answer)

    def _is_stale(self, request: Request) -> bool:
        """Whether an answer is of something else than what is looked at.

        One for an earlier frame, or of the same region on its way, is drawn: while the slider or a
        rectangle moves there is always a newer wish, and nothing would be seen until it rests.
        """
        wanted = self._wanted
        if wanted is None or request.movie is not wanted.movie:
            return True
        here, there = request.region, wanted.region
        other = (here is None) != (there is None) or (
            here is not None and there is not None and here.name != there.name
        )
        return other or len(request.stretches) != len(wanted.stretches)

    def _draw(self, request: Request, pictures: tuple[Picture, ...]) -> None:
        for i, view in enumerate(self.views):
            shown = pictures[i] if i < len(pictures) else None
            view.show_picture(shown)
            self.titles[i].setText("" if shown is None else self._stretch(shown, i))
        self.profile.show_profiles([picture.profile for picture in pictures], request.band)
        self.shown.emit(request)

    def _stretch(self, picture: Picture, i: int) -> str:
        """Which frames, counted from 1, and doses a picture is of; two have room for one only."""
        first, last = picture.spectrum.first, picture.spectrum.last
        words = f"frame {last}" if last == first + 1 else f"frames {first + 1}–{last}"
        two = self.compare.isChecked()
        movie = self._movie
        if movie is not None and movie.dose is not None and movie.dose_start is not None:
            dose = f"{movie.dose_start[first]:.0f}–{movie.dose[last - 1]:.0f} e/Å²"
            words = dose if two else f"{words} · {dose}"
        if not two:
            return words
        return f"{('before', 'now' if self._after is None else 'after')[i]} · {words}"

    def _on_compare(self, two: bool) -> None:
        self._columns[1].setVisible(two)
        for title in self.titles:
            title.setVisible(two)
        self._arrange()
        self._request()

    def _on_reading(self, words: str) -> None:
        self.reading.setText(words or "hover: d and angle · click adds a spot · wheel zooms")

    def _on_zoom(self, band: float, sight: QRectF) -> None:
        """Look at the same in both, and make pictures of it, in octaves: few zooms need others."""
        for view in self.views:
            if view is not self.sender():
                view.set_sight(sight)
        octave = 0.5
        while octave / 2 >= band and octave > 1 / 64:
            octave /= 2
        if octave != self._band:
            self._band = octave
            self._request()

    def _arrange(self) -> None:
        side = max(self.height() - 90, 120)
        across = self.width() > 1.3 * side * (2 if self.compare.isChecked() else 1)
        way = QBoxLayout.Direction.LeftToRight if across else QBoxLayout.Direction.TopToBottom
        self._body.setDirection(way)
        for place in self._columns:
            place.setMaximumWidth(round(1.15 * side) if across else ANY_WIDTH)

    def _dress(self) -> None:
        look = look_of(self)
        for view in self.views:
            view.set_look(look)
        self.profile.set_look(look)
        self._show_legend()

    def _show_legend(self) -> None:
        """Names of the phases in the colours of their rings."""
        colours = ON_DARK if look_of(self).dark else ON_LIGHT
        names = " ".join(
            f'<span style="color:{colours[i % len(colours)]}">{escape(phase.name)}</span>'
            for i, phase in enumerate(self._phases)
        )
        known = self._movie is not None and self._movie.pixel_size is not None
        self.legend.setText(f"rings: {names}" if names and known else "")

    def _button(self, words: str, tip: str) -> QPushButton:
        button = QPushButton(self)
        button.setText(words)
        button.setToolTip(tip)
        button.setCheckable(True)
        return button

    def _lay_out(self) -> None:
        self.running_sum.setRange(1, 1)
        self.running_sum.setPrefix("sum of ")
        self.running_sum.setToolTip("Frames added up: power stands out by the root of their number")
        self.running_sum.setKeyboardTracking(False)
        self.heading.setTextFormat(Qt.TextFormat.PlainText)
        self.heading.setWordWrap(True)
        self.setObjectName("live_spectrum")
        self.setMinimumSize(260, 240)
        row = QHBoxLayout()
        row.addWidget(self.heading, 1)
        for control in (self.running_sum, self.logarithmic, self.compare):
            row.addWidget(control)
        pictures = QHBoxLayout()
        for place, title, view in zip(self._columns, self.titles, self.views, strict=True):
            column = QVBoxLayout(place)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(0)
            title.setAlignment(Qt.AlignmentFlag.AlignCenter)
            column.addWidget(title)
            column.addWidget(view, 1)
            pictures.addWidget(place, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 2, 4, 2)
        layout.setSpacing(2)
        layout.addLayout(row)
        self._body = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._body.addLayout(pictures, 3)
        self._body.addWidget(self.profile, 1)
        layout.addLayout(self._body, 1)
        foot = QHBoxLayout()
        foot.addWidget(self.reading, 1)
        foot.addWidget(self.legend)
        layout.addLayout(foot)
