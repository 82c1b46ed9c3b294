"""A part of the panel that folds: its number and name, a word on what it holds, its contents."""

from __future__ import annotations

from html import escape

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

AROUND = 12
"""Pixels of a label that napari's style keeps empty: words that take them are cut off."""


class Section(QWidget):
    """A foldable part; `body` takes what it holds. A part of a part (`depth` 1) is quieter."""

    def __init__(self, title: str, depth: int = 0, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = QToolButton(self)
        self._title.setText(title)
        self._title.setProperty("role", "part" if depth else "title")
        self._title.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._title.setArrowType(Qt.ArrowType.DownArrow)
        self._title.setCheckable(True)
        self._title.setChecked(True)
        self._title.toggled.connect(self._fold)
        self._said = eliding()
        self._said.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._contents = QWidget(self)
        self.body = QVBoxLayout(self._contents)
        self.body.setContentsMargins(4, 0, 0, 2)
        self.body.setSpacing(4)
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.addWidget(self._title)
        head.addWidget(self._said, 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(2)
        if not depth:
            whole.addWidget(rule())
        whole.addLayout(head)
        whole.addWidget(self._contents)

    def say(self, words: str, tip: str = "") -> None:
        """Show a few words beside the title."""
        self._said.setText(words)
        self._said.setToolTip(as_written(tip or words))

    def fold(self) -> None:
        """Show the title only."""
        self._title.setChecked(False)

    def _fold(self, is_open: bool) -> None:
        self._contents.setVisible(is_open)
        arrow = Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow
        self._title.setArrowType(arrow)


def eliding(words: str = "") -> QElidingLabel:
    """A faint label that gives way: it shows what there is room for."""
    label = QElidingLabel(words)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setProperty("role", "faint")
    label.setEllipsesWidth(AROUND)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    return label


def faint(words: str = "") -> QLabel:
    """A faint label that wraps."""
    label = QLabel(words)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setProperty("role", "faint")
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
    return label


def as_written(words: str) -> str:
    """Words for a tool tip, which would take a file's name in brackets for a command."""
    return f"<qt>{escape(words)}</qt>" if "<" in words else words


def rule() -> QFrame:
    """A thin line across."""
    line = QFrame()
    line.setProperty("role", "rule")
    return line


def restyle(widget: QWidget, name: str, value: object) -> None:
    """Set a property that the style sheet asks for."""
    if widget.property(name) == value:
        return
    widget.setProperty(name, value)
    style = widget.style()
    if style is not None:
        style.unpolish(widget)
        style.polish(widget)
