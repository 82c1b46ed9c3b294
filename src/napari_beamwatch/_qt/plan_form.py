"""The next movie: a form of magicgui that asks `plan`, and its answer in words to copy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from magicgui.types import FileDialogMode
from magicgui.widgets import ComboBox, FileEdit, LineEdit
from qtpy.QtGui import QFontDatabase, QGuiApplication
from qtpy.QtWidgets import QDialog, QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from napari_beamwatch import spelling
from napari_beamwatch._qt.beside import best_phases
from napari_beamwatch._qt.fft.newest_wins import NewestWins
from napari_beamwatch._qt.knob_rows import form_of, line_up
from napari_beamwatch._qt.session import Session
from napari_beamwatch.analysis.road import chosen_grid
from napari_beamwatch.campaign.measures import MEASURES
from napari_beamwatch.campaign.planning import ROOM_C, Plan, plan
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.spelling import Kind, read_quantity

SIZE = (760, 680)
"""Of the form in pixels, where the screen has them."""

NANOMETRE = 10.0
"""Å."""


@dataclass(frozen=True)
class Line:
    """A line of the form.

    Attributes
    ----------
    label, tip : str
    kind : Kind or None
        How it is written; None for words.
    usual : str
        What stands there where nothing is known.
    open : str
        What is done where nothing stands there; empty of what is needed.
    """

    label: str
    tip: str
    kind: Kind | None
    usual: str = ""
    open: str = ""


LINES = {
    "compound": Line("compound", "What the specimen is, as LiF.", None),
    "temperature_C": Line(
        "temperature", "At which it is to be recorded.", spelling.TEMPERATURE, f"{ROOM_C:g} °C"
    ),
    "d": Line("d to be seen", "Spacing of the lattice that is to be seen.", spelling.PIXEL_SIZE),
    "window_nm": Line("window", "Side of the window of the transform.", spelling.LENGTH, "9 nm"),
    "dose_rate": Line("dose rate", "At the specimen.", spelling.DOSE_RATE),
    "intact": Line(
        "places intact", "Part of the places that must be intact, with 95 % confidence.",
        spelling.PERCENT, "90 %",
    ),
    "frame_time": Line(
        "frame time", "Of the camera.", spelling.FRAME_TIME, open="chosen by the signal"
    ),
    "pixel_size": Line("pixel size", "At the specimen.", spelling.PIXEL_SIZE, open="unknown"),
    "movies": Line(
        "movies", "How many will be recorded so.", spelling.NUMBER,
        open="as many as the summary has",
    ),
}  # fmt: skip
"""What is typed, by the names that `plan` has for it."""


@dataclass(frozen=True)
class Asked:
    """What `plan` is asked."""

    compound: str
    temperature_C: float  # noqa: N815 - units are part of names
    more: Mapping[str, Any]


class PlanForm(QDialog):
    """Plans anew whenever a line is left; the answer can be copied."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._suggested: dict[str, str] = {}
        self._plan: Plan | None = None
        self._asked: Asked | None = None
        self.setObjectName("plan_form")
        self.setWindowTitle("Plan the next movie")
        self.lines = {
            name: LineEdit(name=name, label=line.label, tooltip=line.tip, value=line.usual)
            for name, line in LINES.items()
        }
        for name, shown in self.lines.items():
            shown.native.setPlaceholderText(LINES[name].open)
        self.measure = ComboBox(
            name="measure", label="before",
            choices=[(one.words, name) for name, one in MEASURES.items()],
            tooltip="What must not have happened to them; published limits say theirs.",
        )  # fmt: skip
        self.source = FileEdit(
            name="source", label="from", mode=FileDialogMode.EXISTING_DIRECTORY, nullable=True,
            tooltip="Folder of a summary of your own movies; published limits if left empty.",
        )  # fmt: skip
        self.source.line_edit.native.setPlaceholderText(
            "published limits, or the folder of a summary"
        )
        rows = list(self.lines.values())
        container = form_of([*rows[:1], self.source, *rows[1:6], self.measure, *rows[6:]])
        self.words = QPlainTextEdit()
        self.words.setObjectName("words")
        self.words.setReadOnly(True)
        self.words.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self._copy_lines = QPushButton("Copy what to type")
        self._copy_lines.setObjectName("copy_lines")
        self._copy_all = QPushButton("Copy all")
        self._copy_all.setObjectName("copy_all")
        close = QPushButton("Close")
        ends = QHBoxLayout()
        for button in (self._copy_lines, self._copy_all, close):
            button.setAutoDefault(False)
        ends.addWidget(self._copy_lines)
        ends.addWidget(self._copy_all)
        ends.addStretch(1)
        ends.addWidget(close)
        whole = QVBoxLayout(self)
        whole.addWidget(container.native)
        whole.addWidget(self.words, 1)
        whole.addLayout(ends)
        line_up(container)
        self.resize(*SIZE)
        self._planner = NewestWins(_planned)
        self._planner.answered.connect(self._on_answer)
        for line in self.lines.values():
            line.native.editingFinished.connect(self.plan)
        self.source.line_edit.native.editingFinished.connect(self.plan)
        self.source.changed.connect(lambda _: self.plan())
        self.measure.changed.connect(lambda _: self.plan())
        self._copy_lines.clicked.connect(lambda: self._copy(lambda made: "\n".join(made.to_type)))
        self._copy_all.clicked.connect(lambda: self._copy(lambda made: made.words))
        close.clicked.connect(self.reject)

    def suggest(self, summary: Path | None) -> None:
        """Fill in what the movie that is looked at knows; what was typed stays."""
        known = {name: LINES[name].usual for name in LINES} | known_of(self._session)
        for name, line in self.lines.items():
            if line.value.strip() in ("", self._suggested.get(name, LINES[name].usual)):
                line.value = known[name]
        self._suggested = known
        if summary is not None and not self.source.line_edit.value:
            self.source.line_edit.value = str(summary)
        self.plan()

    def plan(self) -> None:
        """Ask for the plan of what stands in the form."""
        try:
            asked = self._read()
        except BeamwatchError as error:
            self._asked = None
            self._show(None, str(error))
            return
        if asked != self._asked:
            self._asked = asked
            self._planner.ask(asked)

    def _read(self) -> Asked:
        told: dict[str, Any] = {}
        for name, line in LINES.items():
            text = self.lines[name].value.strip()
            if not text and not line.open:
                raise BeamwatchError(f"{line.label} is missing")
            try:
                value = (
                    text if line.kind is None else read_quantity(text, line.kind) if text else None
                )
            except BeamwatchError as error:
                raise BeamwatchError(f"{line.label}: {error}") from None
            told[name] = value
        told["intact"] /= 100
        source = self.source.line_edit.value.strip()
        told["source"] = Path(source).expanduser() if source else None
        told["measure"] = self.measure.value
        return Asked(told.pop("compound"), told.pop("temperature_C"), told)

    def _on_answer(self, asked: Asked, answer: object) -> None:
        if asked is not self._asked:
            return
        if isinstance(answer, Plan):
            self._show(answer, answer.words)
        elif isinstance(answer, BeamwatchError):
            self._show(None, str(answer))
        elif isinstance(answer, Exception):
            raise answer

    def _show(self, made: Plan | None, words: str) -> None:
        self._plan = made
        self.words.setPlainText(words)
        for button in (self._copy_lines, self._copy_all):
            button.setEnabled(made is not None)

    def _copy(self, words: Callable[[Plan], str]) -> None:
        clipboard = QGuiApplication.clipboard()
        if self._plan is not None and clipboard is not None:
            clipboard.setText(words(self._plan))


def known_of(session: Session) -> dict[str, str]:
    """What a session knows of the next movie, as it is typed."""
    movie, spots = session.movie, session.spots.dropna(subset=["d_A"])
    if movie is None:
        return {}
    said = movie.conditions
    found = best_phases(session.spots)
    known: dict[str, Any] = {
        "compound": said.compound or (found[0] if found else None),
        "temperature_C": said.temperature_C,
        "d": None if not len(spots) else spots.sort_values("snr")["d_A"].iloc[-1],
        "dose_rate": movie.dose_rate,
        "pixel_size": movie.pixel_size,
    }
    if movie.pixel_size is not None and session.settings.camera_constant is None:
        with suppress(BeamwatchError):
            known["window_nm"] = (
                chosen_grid(movie, session.settings).window * movie.pixel_size / NANOMETRE
            )
    return {
        name: value if isinstance(value, str) else f"{value:.4g} {_unit(LINES[name].kind)}".strip()
        for name, value in known.items()
        if value is not None
    }


def _unit(kind: Kind | None) -> str:
    return "" if kind is None else kind.unit


def _planned(asked: Asked) -> Plan:
    return plan(asked.compound, asked.temperature_C, **asked.more)
