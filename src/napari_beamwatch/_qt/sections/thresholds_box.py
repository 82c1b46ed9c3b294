"""The user's own threshold: three sliders, and the dose at which it is passed."""

from __future__ import annotations

import math

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QSlider, QWidget

from napari_beamwatch._qt.session import Session
from napari_beamwatch.quantities import dose_text
from napari_beamwatch.settings import KNOBS

ONE_OVER_E = math.exp(-1)
LONGEST = 20
"""Frames of persistence that can be asked for; one further is the end of the record."""


class ThresholdBox(QWidget):
    """Moves the threshold live; the statistical onset stays where it is."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._fraction = _slider("fraction", 5, 95)
        self._tolerance = _slider("d_tolerance", 1, 50)
        self._persistence = _slider("persistence", 1, LONGEST + 1)
        self._values = [QLabel() for _ in range(3)]
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(1, 1)
        grid.setColumnMinimumWidth(2, 56)
        sliders = (self._fraction, self._tolerance, self._persistence)
        for i, slider in enumerate(sliders):
            label = QLabel(KNOBS[slider.objectName()].label)
            label.setToolTip(slider.toolTip())
            align = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            self._values[i].setAlignment(align)
            grid.addWidget(label, i, 0)
            grid.addWidget(slider, i, 1)
            grid.addWidget(self._values[i], i, 2)
        self._fraction.valueChanged.connect(self._on_fraction)
        self._tolerance.valueChanged.connect(lambda at: self._move(d_tolerance=at / 10))
        self._persistence.valueChanged.connect(
            lambda at: self._move(persistence="end" if at > LONGEST else at)
        )
        self._dose = QLabel()
        self._dose.setObjectName("threshold")
        label = QLabel("your threshold")
        label.setProperty("role", "asked")
        label.setToolTip("Where your own criterion is met; not the statistical onset above.")
        grid.addWidget(label, 3, 0)
        grid.addWidget(self._dose, 3, 1, 1, 2)
        self.show_threshold()

    def show_threshold(self) -> None:
        """Show the settings, and the dose for the chosen region."""
        settings = self._session.settings
        lasts = settings.persistence
        positions = (
            round(100 * settings.fraction),
            round(10 * settings.d_tolerance),
            LONGEST + 1 if lasts == "end" else min(int(lasts), LONGEST),
        )
        sliders = (self._fraction, self._tolerance, self._persistence)
        for slider, position in zip(sliders, positions, strict=True):
            with QSignalBlocker(slider):
                slider.setValue(position)
        near = math.isclose(settings.fraction, ONE_OVER_E, abs_tol=0.005)
        self._values[0].setText("1/e" if near else f"{settings.fraction:.0%}")
        self._values[1].setText(f"{settings.d_tolerance:.1f} %")
        word = "frame" if lasts == 1 else "frames"
        self._values[2].setText("to the end" if lasts == "end" else f"{lasts} {word}")
        self._dose.setText(self._words())

    def _words(self) -> str:
        row = self._session.onset
        if row is None:
            return "–"
        dose = row["threshold_dose_e_per_A2"]
        if dose != dose:
            known = self._session.movie is None or self._session.movie.dose is not None
            return "not passed" if known else "needs a dose"
        by = {"fraction": "intensity", "d_tolerance": "spacing"}
        said = by.get(str(row["threshold_criterion"]), "")
        return f"{dose_text(dose, 4)} e/Å²" + (f" · {said}" if said else "")

    def _on_fraction(self, percent: int) -> None:
        # The slider's step nearest to 1/e is 1/e.
        near = percent == round(100 * ONE_OVER_E)
        self._move(fraction=ONE_OVER_E if near else percent / 100)

    def _move(self, **changes: float | str) -> None:
        """Move one of them: the others may stand where no slider reaches."""
        self._session.set_threshold(**changes)
        self.show_threshold()


def _slider(name: str, low: int, high: int) -> QSlider:
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setObjectName(name)
    slider.setRange(low, high)
    slider.setToolTip(KNOBS[name].sentence)
    return slider
