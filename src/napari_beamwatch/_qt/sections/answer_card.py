"""The answer, on top of the panel."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_beamwatch._qt.answer import answer_of
from napari_beamwatch._qt.sections.section import faint, restyle
from napari_beamwatch._qt.session import Session


class AnswerCard(QFrame):
    """Shows what `answer_of` says, and follows the session."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self._session = session
        self._big, self._beside, self._lines = QLabel(), QLabel(), faint()
        self._big.setObjectName("answer")
        self._beside.setObjectName("beside")
        self._beside.setWordWrap(True)
        for label in (self._big, self._beside, self._lines):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self._big, 0, Qt.AlignmentFlag.AlignBottom)
        top.addWidget(self._beside, 1, Qt.AlignmentFlag.AlignBottom)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(10, 6, 8, 8)
        whole.setSpacing(2)
        whole.addLayout(top)
        whole.addWidget(self._lines)
        self.show_answer()

    def show_answer(self) -> None:
        """Ask again."""
        told = answer_of(self._session)
        self._big.setText(told.big)
        self._beside.setText(told.beside)
        self._lines.setText("\n".join(told.lines))
        self._lines.setVisible(bool(told.lines))
        restyle(self, "tone", told.tone)
