"""The dose rate from the current and the size of the beam."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtWidgets import QLabel, QLineEdit, QPushButton

from napari_beamwatch._qt.sections.section import as_written, eliding
from napari_beamwatch._qt.sections.told_fields import NARROWEST, FieldGrid
from napari_beamwatch.asked import BEAM_CURRENT, BEAM_DIAMETER, Asked
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import DoseCalibration
from napari_beamwatch.movies.given import BEAM_SD
from napari_beamwatch.spelling import read_measured

USUAL = f"Where no uncertainty is typed, {BEAM_SD:.0%} is taken."


class BeamSize(FieldGrid):
    """Two fields, what they come to, and a button that takes it."""

    def __init__(self, say: Callable[[str], None], take: Callable[[DoseCalibration], None]) -> None:
        super().__init__()
        self._say, self._take = say, take
        self._lines = []
        for row, one in enumerate((BEAM_CURRENT, BEAM_DIAMETER)):
            line, label = QLineEdit(), QLabel(one.label)
            assert one.kind is not None
            line.setObjectName(one.name)
            line.setPlaceholderText(f"1 {one.kind.unit} ± 5 %")
            line.setMinimumWidth(NARROWEST)
            line.textChanged.connect(self._show_rate)
            for widget in (line, label):
                widget.setToolTip(as_written(f"{one.tip} {USUAL}"))
            self.addWidget(label, row, 0)
            self.addWidget(line, row, 1)
            self._lines.append(line)
        self._rate, self._use = eliding(), QPushButton("Use")
        self._rate.setObjectName("beam_rate")
        self._use.setObjectName("use_beam")
        self._use.setToolTip("Take this dose rate: current over charge and area.")
        self._use.clicked.connect(self._on_use)
        self.addWidget(self._rate, 0, 2)
        self.addWidget(self._use, 1, 2)
        self._show_rate()

    def _show_rate(self) -> None:
        try:
            found = self._read()
        except BeamwatchError:
            found = None
        typed = all(line.text().strip() for line in self._lines)
        self._use.setEnabled(typed)
        said = "" if found is None else f"{found.dose_rate:.4g} e/Å²/s ± {found.uncertainty:.0%}"
        self._rate.setText(said)
        self._rate.setToolTip(said)

    def _read(self) -> DoseCalibration:
        (current, current_sd), (diameter, diameter_sd) = (
            _measured(line.text(), one)
            for line, one in zip(self._lines, (BEAM_CURRENT, BEAM_DIAMETER), strict=True)
        )
        return DoseCalibration.of_beam(current, diameter, current_sd, diameter_sd)

    def _on_use(self) -> None:
        try:
            self._take(self._read())
        except BeamwatchError as error:
            self._say(str(error))


def _measured(text: str, one: Asked) -> tuple[float, float | None]:
    assert one.kind is not None
    try:
        return read_measured(text, one.kind)
    except BeamwatchError as error:
        raise BeamwatchError(f"{one.label}: {error}") from None
