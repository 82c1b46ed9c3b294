"""The table of spots: d ± σ, angle, signal to noise, phase; which are drawn, selected, removed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pandas as pd
from qtpy.QtCore import QEvent, QRectF, QSignalBlocker, QSize, Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtGui import (
    QColor,
    QContextMenuEvent,
    QFont,
    QIcon,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPen,
    QPixmap,
)
from qtpy.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QMenu,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from napari_beamwatch import columns
from napari_beamwatch._qt.curves.look import look_of
from napari_beamwatch._qt.spot_words import as_text, cells, headings

ROW = 20
MOST_ROWS_SEEN = 6
DOT = 10
"""Pixels across a dot, at the left of its row."""

KEY = Qt.ItemDataRole.UserRole
"""What a cell is sorted by."""

SNR = 3
"""Column that the rows are sorted by at first."""


class _Item(QTableWidgetItem):
    """A cell that is sorted by what it means, not by what it says."""

    def __lt__(self, other: QTableWidgetItem) -> bool:
        return bool(self.data(KEY) < other.data(KEY))


class SpotsTable(QTableWidget):
    """Rows of the table of spots, strongest first until a header is clicked.

    Attributes
    ----------
    hiding : Signal(object, bool)
        Spots to draw no more, or again.
    removing : Signal(object)
        Frequencies (gy, gx) of spots to remove.
    undoing : Signal()
    """

    hiding = Signal(object, bool)
    removing = Signal(object)
    undoing = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 5, parent)
        self._spots = pd.DataFrame(columns=list(columns.SPOTS))
        self._hidden: frozenset[int] = frozenset()
        self._unwanted: frozenset[int] = frozenset()
        self._colour = ""
        self.setObjectName("spots")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)  # or nobody who walks by Tab would leave it again
        self.setAlternatingRowColors(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setIconSize(QSize(DOT, DOT))
        self.setFont(_with_even_digits(self.font()))
        names, header = self.verticalHeader(), self.horizontalHeader()
        if names is not None and header is not None:
            names.hide()
            names.setDefaultSectionSize(ROW)
            header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
            header.setHighlightSections(False)
            header.sortIndicatorChanged.connect(self._show_headings)
        self.sortByColumn(SNR, Qt.SortOrder.DescendingOrder)
        self.setMinimumWidth(200)

    def show_spots(self, spots: pd.DataFrame) -> None:
        """Show rows of the table of spots, each with a number of its own."""
        self.clearSelection()
        self._spots = spots.set_index(spots["spot"].astype(int), drop=False)
        self._hidden = self._unwanted = frozenset()
        self.setSortingEnabled(False)  # or rows would move while they are filled
        self.setRowCount(len(spots))
        with QSignalBlocker(self.model()):
            for i, record in enumerate(spots.to_dict("records")):
                for column, cell in enumerate(cells({str(k): v for k, v in record.items()})):
                    self.setItem(i, column, _item(column, *cell))
        self.setSortingEnabled(True)
        self._show_headings()
        self._restyle()
        self.setFixedHeight(26 + ROW * max(1, min(len(spots), MOST_ROWS_SEEN)))

    def set_marks(self, hidden: frozenset[int], unwanted: frozenset[int], colour: str) -> None:
        """Grey what is not drawn, strike what is removed, fill dots with the curves' colour."""
        if (hidden, unwanted, colour) != (self._hidden, self._unwanted, self._colour):
            self._hidden, self._unwanted, self._colour = hidden, unwanted, colour
            self._restyle()

    def set_selected(self, spots: Collection[int]) -> None:
        """Select the rows of some spots, and bring the first into sight."""
        wanted = set(spots)
        if wanted == set(self.selected()):
            return
        with QSignalBlocker(self):
            mode = self.selectionMode()
            self.clearSelection()
            self.setSelectionMode(QAbstractItemView.SelectionMode.MultiSelection)
            rows = [row for row in range(self.rowCount()) if self._spot(row) in wanted]
            for row in rows:
                self.selectRow(row)
            self.setSelectionMode(mode)
        if rows:
            self.scrollToItem(self.item(rows[0], 0))

    def chosen(self) -> list[tuple[float, float]]:
        """Frequencies (gy, gx) of the rows that are selected."""
        table = self._spots.loc[list(self.selected())]
        return list(zip(table["gy_per_px"], table["gx_per_px"], strict=True))

    def selected(self) -> tuple[int, ...]:
        """Numbers of the spots that are selected, in the order of the rows."""
        model = self.selectionModel()
        rows = [] if model is None else sorted(index.row() for index in model.selectedRows())
        return tuple(self._spot(row) for row in rows)

    def copy_rows(self) -> None:
        """Put the rows that are selected, or else all, on the clipboard."""
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            rows = self.selected() or tuple(self._spot(row) for row in range(self.rowCount()))
            clipboard.setText(as_text(self._spots.loc[list(rows)]))

    def menu(self) -> QMenu:
        """What can be done with the rows that are selected."""
        menu, some = QMenu(self), bool(self.selected())
        shown = bool(set(self.selected()) - self._hidden)
        for words, do, sensible in (
            ("Hide\tSpace" if shown or not some else "Show\tSpace", self._toggle, some),
            ("Show all", lambda: self.hiding.emit(self._hidden, False), bool(self._hidden)),
            ("Remove\tDel", lambda: self.removing.emit(self.chosen()), some),
            ("Copy rows\tCtrl+C", self.copy_rows, self.rowCount() > 0),
        ):
            action = menu.addAction(words)
            if action is not None:
                action.triggered.connect(lambda _=False, do=do: do())
                action.setEnabled(sensible)
        return menu

    def contextMenuEvent(self, event: QContextMenuEvent | None) -> None:  # noqa: N802 - Qt's name
        """Offer it."""
        if event is not None:
            menu = self.menu()
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(event.globalPos())

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Hide or show by the dot of a row; elsewhere select."""
        assert event is not None
        place = event.position().toPoint()
        index = self.indexAt(place)
        on_dot = index.isValid() and index.column() == 0 and place.x() < DOT + 8
        if not (on_dot and event.button() == Qt.MouseButton.LeftButton):
            super().mousePressEvent(event)
            return
        spot, selected = self._spot(index.row()), self.selected()
        self.hiding.emit(selected if spot in selected else (spot,), spot not in self._hidden)

    def event(self, event: QEvent | None) -> bool:
        """Keep our keys from the shortcuts of the window."""
        if (
            event is not None
            and event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and self._doing(event) is not None
        ):
            event.accept()
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """Hide, remove, undo, copy."""
        do = None if event is None else self._doing(event)
        if do is None:
            super().keyPressEvent(event)
        else:
            do()

    def _doing(self, event: QKeyEvent) -> Any:
        """What a key does."""
        if event.matches(QKeySequence.StandardKey.Undo):
            return self.undoing.emit
        if event.matches(QKeySequence.StandardKey.Copy):
            return self.copy_rows
        if event.key() == Qt.Key.Key_Space and self.selected():
            return self._toggle
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and self.selected():
            return lambda: self.removing.emit(self.chosen())
        return None

    def _toggle(self) -> None:
        """Hide what is selected; show it if all of it is hidden."""
        spots = self.selected()
        self.hiding.emit(spots, bool(set(spots) - self._hidden))

    def _spot(self, row: int) -> int:
        item = self.item(row, 0)
        assert item is not None
        return int(item.data(KEY))

    def _show_headings(self, *_: object) -> None:
        """Name the columns; an arrow tells the order, for which Qt's own takes more room."""
        header = self.horizontalHeader()
        assert header is not None
        header.setSortIndicatorShown(False)
        falling = header.sortIndicatorOrder() == Qt.SortOrder.DescendingOrder
        for column, (name, tip) in enumerate(headings(self._spots)):
            ordered = column == header.sortIndicatorSection()
            item = QTableWidgetItem(name + (" ▾" if falling else " ▴") * ordered)
            item.setToolTip(tip)
            item.setTextAlignment(_side(column))
            self.setHorizontalHeaderItem(column, item)

    def _restyle(self) -> None:
        look = look_of(self)
        faint, text = QColor(look.faint), QColor(look.text)
        filled = _dot(QColor(self._colour or look.text), True)
        hollow = _dot(faint, False)
        usual, struck = self.font(), QFont(self.font())
        struck.setStrikeOut(True)
        with QSignalBlocker(self.model()):
            for row in range(self.rowCount()):
                spot = self._spot(row)
                hidden, unwanted = spot in self._hidden, spot in self._unwanted
                drawn = not (hidden or unwanted)
                for column in range(self.columnCount()):
                    item = self.item(row, column)
                    assert item is not None
                    item.setForeground(text if drawn else faint)
                    item.setFont(struck if unwanted else usual)
                first = self.item(row, 0)
                assert first is not None
                first.setIcon(filled if drawn else hollow)
                first.setToolTip(_told(self._spots.loc[spot, "crystal"], hidden, unwanted))
        viewport = self.viewport()
        if viewport is not None:
            viewport.update()


def _told(crystal: Any, hidden: bool, unwanted: bool) -> str:
    """What is said of a spot as a whole."""
    words = [] if pd.isna(crystal) else [f"crystal {int(crystal) + 1}"]
    if unwanted:
        words.append("removed: the next run will be without it; Undo takes that back")
    elif hidden:
        words.append("hidden: drawn neither in the FFT nor as a curve, but still in the analysis")
    else:
        words.append("click the dot to hide it in the FFT and the curves; it stays in the analysis")
    return "\n".join(words)


def _item(column: int, words: str, tip: str, key: float | str) -> _Item:
    item = _Item(words)
    item.setToolTip(tip)
    # What is not known comes last.
    item.setData(KEY, float("-inf") if key != key else key)
    item.setTextAlignment(_side(column))
    return item


def _side(column: int) -> Qt.AlignmentFlag:
    """Numbers stand to the right."""
    side = Qt.AlignmentFlag.AlignLeft if column == 0 else Qt.AlignmentFlag.AlignRight
    return side | Qt.AlignmentFlag.AlignVCenter


def _dot(colour: QColor, filled: bool) -> QIcon:
    """A round spot, or the outline of one, twice as fine as the screen."""
    pixmap = QPixmap(2 * DOT, 2 * DOT)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(colour, 2.4))
    if filled:
        painter.setBrush(colour)
    painter.drawEllipse(QRectF(4, 4, 2 * DOT - 8, 2 * DOT - 8))
    painter.end()
    return QIcon(pixmap)


def _with_even_digits(font: QFont) -> QFont:
    """The font with digits of one width, where Qt (6.7 on) can ask for them."""
    if hasattr(QFont, "Tag"):
        tag = QFont.Tag.fromString("tnum")
        if tag is not None:
            font.setFeature(tag, 1)
    return font
