"""`LiveSpectrum`: the power spectrum of the region in hand at the frame in sight."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import pandas as pd
from qtpy.QtCore import QEvent, Signal  # type: ignore[attr-defined]
from qtpy.QtGui import QHideEvent, QResizeEvent, QShowEvent
from qtpy.QtWidgets import (
    QBoxLayout,
    QVBoxLayout,
    QWidget,
)

from napari_beamwatch import columns
from napari_beamwatch._qt.curves.look import look_of
from napari_beamwatch._qt.fft.controls import SpectrumControls, SpectrumFoot
from napari_beamwatch._qt.fft.newest_wins import NewestWins
from napari_beamwatch._qt.fft.pair import SpectrumPair
from napari_beamwatch._qt.fft.pattern import PatternView
from napari_beamwatch._qt.fft.picture import (
    Painter,
    Picture,
    Request,
    Stretch,
    compared,
    exposure,
    first_band,
    octave_of,
)
from napari_beamwatch._qt.fft.profile import ProfileView
from napari_beamwatch._qt.fft.spot_marks import PhaseRings
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.regions import Region
from napari_beamwatch.spectra.diffraction import PatternProfile
from napari_beamwatch.spectra.imaging import is_diffraction
from napari_beamwatch.spectra.pointing import Click, nearest_peak
from napari_beamwatch.spectra.power import PowerSpectrum

TALL = 330
"""Height in pixels from which there is room for the profile below the pictures."""

AROUND, AXES, LEAST = 80, 44, 80
"""Pixels above and below a picture, left of it, and of itself at least."""

PROFILE = (130, 104)
"""Width of the profile beside the pictures, and its height below them, at least."""

NO_RINGS = pd.DataFrame(columns=["d_A", "phase"])
NO_SPOTS = pd.DataFrame(columns=list(columns.SPOTS))


class LiveSpectrum(QWidget):
    """Live Fourier transform: it follows the slider and the region while they move.

    Of diffraction patterns it shows counts along the radius. It does nothing while it is hidden.

    Attributes
    ----------
    spot_clicked : Signal(float, float)
        gy and gx in cycles per pixel, as in the table of spots, of a peak without a mark that
        was clicked.
    spot_pointed : Signal(int, bool)
        A spot that is marked was clicked; whether to choose it besides others.
    spot_unwanted : Signal(float, float)
        gy and gx, as given, of a marked or expected spot that was clicked with the right button.
    refused : Signal(str)
        Why a click means no peak.
    shown : Signal(object)
        The `Request` that has just been drawn.
    """

    spot_clicked = Signal(float, float)
    spot_pointed = Signal(int, bool)
    spot_unwanted = Signal(float, float)
    refused = Signal(str)
    shown = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._movie: Movie | None = None
        self._region: Region | None = None
        self._frame = 0
        self._before = 0
        self._after: int | None = None
        self._band = 0.25
        self._constant: float | None = None
        self._phases: tuple[PhaseRings, ...] = ()
        self._wanted: Request | None = None
        self._drawn: Request | None = None
        self._worker = NewestWins(Painter())
        self._worker.answered.connect(self._on_answer)
        self._clicked: Click | None = None
        self._pointer = NewestWins(nearest_peak)
        self._pointer.answered.connect(self._on_peak)
        self.pair = SpectrumPair(self)
        self.profile = ProfileView(self)
        self.patterns = PatternView(self)
        self.foot = SpectrumFoot(self)
        self.controls = SpectrumControls(self)
        self.heading = self.controls.heading
        self.running_sum = self.controls.running_sum
        self.logarithmic = self.controls.logarithmic
        self.compare = self.controls.compare
        self._lay_out()
        self.pair.clicked.connect(self._on_click)
        self.pair.pointed.connect(self.spot_pointed)
        self.pair.unwanted.connect(self.spot_unwanted)
        self.pair.read.connect(self.foot.set_reading)
        self.patterns.read.connect(self.foot.set_reading)
        self.pair.zoomed.connect(self._on_zoom)
        self.running_sum.valueChanged.connect(self._request)
        self.logarithmic.toggled.connect(self._request)
        self.compare.toggled.connect(self._on_compare)
        self._on_compare(False)

    def set_movie(self, movie: Movie | None) -> None:
        """Look at another movie, at its whole field, without spots."""
        self._movie, self._region, self._wanted, self._drawn = movie, None, None, None
        self._before, self._after, self._clicked = 0, None, None
        size = None if movie is None else movie.pixel_size
        self._band = first_band(size)
        self._worker.forget()  # before a sum that is too long for the movie asks for its own
        self.running_sum.setMaximum(1 if movie is None else len(movie))
        self._frame = 0 if movie is None else min(self._frame, len(movie) - 1)
        self.profile.set_pixel_size(size)
        self.profile.show_profiles([], self._band)
        self.patterns.show_profiles([])
        self.set_pattern_rings(NO_RINGS)
        self.pair.set_plane(size, self._band)
        self.set_spots(NO_SPOTS)
        self.set_expected(())
        self.set_phase_rings(())
        self.heading.say("no movie" if movie is None else "")
        self._arrange()
        self._request()

    def set_camera_constant(self, constant: float | None) -> None:
        """Spacings of patterns by a camera constant in Å·px; whoever gives one means patterns."""
        if constant != self._constant:
            self._constant = constant
            self.patterns.set_camera_constant(constant)
            self._arrange()
            self._request()

    def set_pattern_rings(self, rings: pd.DataFrame) -> None:
        """Mark rings of patterns: a row each, with `d_A` and `phase`."""
        self.patterns.set_rings(rings)
        self._show_legend()

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
        self.pair.set_spots(spots)

    def set_selected(self, selected: Collection[int]) -> None:
        """Let some of the spots stand out and dim the others; none: all are alike."""
        self.pair.set_selected(selected)

    def set_expected(self, frequencies: Sequence[tuple[float, float]]) -> None:
        """Mark where spots, gy and gx in cycles per pixel, are expected but not found."""
        self.pair.set_expected(frequencies)

    def set_phase_rings(self, rings: Iterable[tuple[Any, ...]]) -> None:
        """Draw rings of phases: for each (name, spacings in Å[, labels])."""
        phases = self._phases = tuple(PhaseRings(*ring) for ring in rings)
        self.profile.set_rings(phases)
        self.pair.set_rings(phases)
        self._show_legend()

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802 - Qt's name
        """Catch up with what was missed while hidden."""
        super().showEvent(event)
        self._dress()
        self._request()

    def hideEvent(self, event: QHideEvent | None) -> None:  # noqa: N802 - Qt's name
        """Want nothing any more."""
        super().hideEvent(event)
        self._wanted = None
        self._worker.forget()

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
            self._movie, self._region, stretches, self._band, self.logarithmic.isChecked(),
            self._of_patterns,
        )  # fmt: skip
        if request != self._wanted:
            self._wanted = request
            self._worker.ask(request)

    def _on_answer(self, request: Request, answer: object) -> None:
        # An answer for an earlier frame is drawn: while the slider moves there is always a newer
        # wish, and nothing would be seen until it rests.
        if self._wanted is None or not request.is_of_the_same(self._wanted):
            return
        if isinstance(answer, Exception):
            if not isinstance(answer, BeamwatchError):
                raise answer
            self.heading.say(f"no spectrum: {answer}")
            self.heading.setToolTip(str(answer))
            self._draw(request, ())
            return
        assert isinstance(answer, tuple)
        words = ["field" if request.region is None else request.region.name]
        if request.patterns:
            words = ["pattern"]
        if len(answer) == 1:
            words += exposure(request.movie, _source(answer[0])).split(" · ")
        elif request.patterns:
            words += self._titles(request, answer)
        self.heading.say(*words)
        self._draw(request, answer)

    def _titles(self, request: Request, shown: Sequence[Picture | PatternProfile]) -> list[str]:
        """What each is of, one or two."""
        when = ("before", "now" if self._after is None else "after")
        return [
            f"{word} · {exposure(request.movie, _source(one), brief=True)}"
            for word, one in zip(when, shown, strict=False)
        ]

    def _draw(self, request: Request, shown: tuple[Any, ...]) -> None:
        if request.patterns:
            self.patterns.show_profiles(shown)
        else:
            self.pair.show_pictures(shown, self._titles(request, shown))
            self.profile.show_profiles([picture.profile for picture in shown], request.band)
        self._drawn = request
        self.shown.emit(request)

    def _on_click(self, spectrum: PowerSpectrum, gy: float, gx: float, reach: float) -> None:
        self._clicked = Click(spectrum, gy, gx, reach)
        self._pointer.ask(self._clicked)

    def _on_peak(self, click: Click, answer: object) -> None:
        if click is not self._clicked:
            return  # there is a newer one, or another movie
        if isinstance(answer, tuple):
            self.spot_clicked.emit(*answer)
        elif isinstance(answer, BeamwatchError):
            self.refused.emit(str(answer))
        elif isinstance(answer, Exception):
            raise answer

    def _on_compare(self, two: bool) -> None:
        self.pair.set_two(two)
        self._arrange()
        self._request()

    def _on_zoom(self, band: float) -> None:
        """Make pictures of what is in sight, in octaves: few zooms need another."""
        octave = octave_of(band)
        if octave != self._band:
            self._band = octave
            self._request()

    @property
    def _of_patterns(self) -> bool:
        return self._movie is not None and (
            self._constant is not None or is_diffraction(self._movie)
        )

    def _arrange(self) -> None:
        """Put the profile where the pictures are largest, beside or below them."""
        patterns = self._of_patterns
        self.patterns.setVisible(patterns)
        self.pair.setVisible(not patterns)
        self.logarithmic.setVisible(not patterns)
        self.foot.set_patterns(patterns)
        self._show_legend()
        if patterns:
            self.profile.setVisible(False)
            return
        count = 2 if self.compare.isChecked() else 1
        width, height = self.width(), max(self.height() - AROUND, LEAST)
        beside = min(height, (width - PROFILE[0]) / count - AXES)
        below = min(height - PROFILE[1], width / count - AXES)
        across = beside >= below
        way = QBoxLayout.Direction.LeftToRight if across else QBoxLayout.Direction.TopToBottom
        self._body.setDirection(way)
        self.profile.setVisible(across or self.height() >= TALL)
        self.pair.set_widest(round(max(beside, LEAST)) + AXES if across else None)

    def _dress(self) -> None:
        look = look_of(self)
        self.pair.set_look(look)
        self.profile.set_look(look)
        self.patterns.set_look(look)
        self._show_legend()

    def _show_legend(self) -> None:
        known = self._movie is not None and self._movie.pixel_size is not None
        names = [p.name for p in self._phases] if known else []
        if self._of_patterns:
            names = self.patterns.names
        self.foot.set_phases(names, look_of(self).dark)

    def _lay_out(self) -> None:
        self.setObjectName("live_spectrum")
        self.setMinimumSize(260, 180)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 2, 4, 2)
        layout.setSpacing(2)
        layout.addWidget(self.controls)
        self._body = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._body.addWidget(self.pair, 3)
        self._body.addWidget(self.profile, 1)
        self._body.addWidget(self.patterns, 1)
        layout.addLayout(self._body, 1)
        layout.addWidget(self.foot)


def _source(shown: Picture | PatternProfile) -> PowerSpectrum | PatternProfile:
    """What says of which frames it is."""
    return shown.spectrum if isinstance(shown, Picture) else shown
