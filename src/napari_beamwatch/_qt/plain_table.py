"""A table of words, whose rows mean something when they are clicked."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QSignalBlocker, Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from napari_beamwatch._qt.sections.section import as_written
from napari_beamwatch.harmless import printable

ROW = 22


class PlainTable(QTableWidget):
    """Rows of words.

    Parameters
    ----------
    titles : sequence of str
        Of the columns.
    wide : int
        Number of the column that takes what room is left.

    Attributes
    ----------
    picked : Signal(int)
        A row that was clicked, or on which Enter was pressed.
    """

    picked = Signal(int)

    def __init__(
        self, titles: Sequence[str], parent: QWidget | None = None, *, wide: int = 0
    ) -> None:
        super().__init__(0, len(titles), parent)
        self._titles = tuple(titles)
        self.setHorizontalHeaderLabels(self._titles)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        upright, across = self.verticalHeader(), self.horizontalHeader()
        assert upright is not None
        assert across is not None
        upright.setVisible(False)
        upright.setDefaultSectionSize(ROW)
        across.setHighlightSections(False)
        across.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        across.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        across.setSectionResizeMode(wide, QHeaderView.ResizeMode.Stretch)
        self.cellClicked.connect(lambda row, _: self.picked.emit(row))

    def fill(self, rows: Sequence[Sequence[str]], tips: Sequence[str] = ()) -> None:
        """Show rows in place of those that are there; the chosen one stays chosen."""
        chosen = self.currentRow()
        with QSignalBlocker(self):
            self.setRowCount(len(rows))
            for i, row in enumerate(rows):
                for j, words in enumerate(row):
                    item = QTableWidgetItem(printable(words))
                    item.setToolTip(as_written(tips[i] if i < len(tips) else words))
                    self.setItem(i, j, item)
            if 0 <= chosen < len(rows):
                self.setCurrentCell(chosen, 0)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """Enter picks the row."""
        if event is None:
            return
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentRow() >= 0:
            self.picked.emit(self.currentRow())
        else:
            super().keyPressEvent(event)
