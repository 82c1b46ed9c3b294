"""The dock of a watch: how things stand in a word and a colour, the lattice over the dose."""

from __future__ import annotations

import math
from pathlib import Path

import pyqtgraph as pg  # type: ignore[import-untyped]
from qtpy.QtCore import QEvent, Qt, QTimer, Signal  # type: ignore[attr-defined]
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from napari_beamwatch._qt.curves.look import dress, look_of, seen_through
from napari_beamwatch._qt.live.watcher import Order, Watcher
from napari_beamwatch._qt.plain_table import PlainTable
from napari_beamwatch._qt.sections.section import as_written, eliding
from napari_beamwatch.harmless import printable
from napari_beamwatch.watching import WatchState

NAME = "Live"

COLOURS = {
    "waiting": ("#5a616b", "white"),
    "holding": ("#00795a", "white"),
    "falling": ("#f0e442", "black"),
    "ambiguous": ("#e69f00", "black"),
    "stop": ("#d32f2f", "white"),
    "finished": ("#0072b2", "white"),
    "failed": ("#5a616b", "white"),
    "ended": ("#5a616b", "white"),
}
"""Of the band and of the words on it, for each status."""

STOP = "stop"

URGENT = ("waiting", "holding", "falling", "ambiguous", STOP)
"""Of movies that are recorded, worst last: it is what the band tells of."""

SOON_MS = 60
"""After that curve and table are drawn, once for all that was told meanwhile."""

LEAST = 64
"""Pixels of the table: a header and two rows."""

BROAD = 760
"""Pixels from which the table stands beside the curve, not below it."""


class LiveDock(QWidget):
    """Shows what a watch tells; closing it ends the watch.

    Attributes
    ----------
    states : dict of str to WatchState
        The newest of each movie.
    run_picked : Signal(object)
        Folder of the run of a finished movie that was clicked.
    """

    run_picked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("live")
        self.states: dict[str, WatchState] = {}
        self._courses: dict[str, tuple[list[float], list[float]]] = {}
        self._order: Order | None = None
        self._shown = ""
        self._docked = False
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(SOON_MS)
        self._soon.timeout.connect(self._show_lists)
        self._watcher = Watcher()
        self._watcher.told.connect(self.show_state)
        self._watcher.ended.connect(self._on_end)
        self._word, self._said = QLabel(), QLabel()
        self._word.setObjectName("status")
        self._said.setObjectName("said")
        self._said.setTextFormat(Qt.TextFormat.PlainText)
        self._said.setWordWrap(True)
        self._band = QFrame()
        self._band.setObjectName("band")
        on_band = QHBoxLayout(self._band)
        on_band.setContentsMargins(10, 4, 10, 4)
        on_band.addWidget(self._word)
        on_band.addWidget(self._said, 1)
        self._title = eliding()
        self._end = QPushButton("End the watch")
        self._end.setObjectName("end")
        self._end.setToolTip("Runs that are written stay; the next watch goes on from there.")
        self._end.clicked.connect(self.end)
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(self._end)
        self.plot_widget = pg.PlotWidget(parent=self)
        self._plot = self.plot_widget.getPlotItem()
        self._plot.hideButtons()
        self._plot.setMenuEnabled(False)
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.setLabel("left", "part left")
        self.curve = self._plot.plot(connect="finite")
        self.onset = pg.LinearRegionItem(movable=False)
        self._plot.addItem(self.onset)
        self.table = PlainTable(("what is said", "movie", "status"), self)
        self.table.setObjectName("live_movies")
        self.table.picked.connect(self._on_picked)
        across = self.table.horizontalHeader()
        assert across is not None
        across.moveSection(0, 2)  # the words take what room is left, and stand last
        self._split = QSplitter(Qt.Orientation.Horizontal, self)
        self._split.setChildrenCollapsible(False)
        self._split.addWidget(self.plot_widget)
        self._split.addWidget(self.table)
        self._split.setStretchFactor(0, 3)
        self._split.setStretchFactor(1, 2)
        self.table.setMinimumHeight(LEAST)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(4, 2, 4, 2)
        whole.setSpacing(4)
        whole.addLayout(head)
        whole.addWidget(self._band)
        whole.addWidget(self._split, 1)
        self.setMinimumSize(260, 220)
        # A window that is closed takes the dock with it without another word.
        self.destroyed.connect(self._watcher.stop)
        app = QApplication.instance()
        if app is not None:
            app.aboutToQuit.connect(self._watcher.stop)
        self._dress()

    def watch(self, order: Order) -> None:
        """Begin a watch, in place of the last."""
        self._order, self.states, self._courses, self._shown = order, {}, {}, ""
        self._title.setText(printable(order.path.name or str(order.path)))
        to = "" if order.out is None else f"\nruns go to {order.out}"
        self._title.setToolTip(as_written(f"{order.path}{to}"))
        self._end.setEnabled(True)
        self._tell("waiting", "nothing there yet")
        self._show_lists()
        self._watcher.start(order)

    def end(self) -> None:
        """Watch no more; what was written stays, and what was said."""
        self._watcher.stop()
        self._on_end("")

    def wait(self, seconds: float) -> bool:
        """Wait for the watch to have ended; True if it has."""
        return self._watcher.wait(seconds)

    def show_state(self, state: WatchState) -> None:
        """Show what is said of a movie."""
        name = state.path.name
        if self._order is not None and state.path == self._order.path and state.path.is_dir():
            return  # there is no movie yet
        before = self.states.get(name)
        self.states[name] = state
        doses, left = self._courses.setdefault(name, ([], []))
        if state.frame < 0 or (before is not None and state.frame < before.frame):
            doses.clear()  # it begins anew
            left.clear()
        if state.left is not None and (before is None or state.frame != before.frame):
            doses.append(state.frame + 1.0 if state.dose is None else state.dose)
            left.append(state.left)
        self._shown = self._foremost(name)
        shown = self.states[self._shown]
        self._tell(shown.status, shown.words, self._shown)
        self._soon.start()
        if self._order is not None and self._order.sound and state.calls(before):
            QApplication.beep()

    def event(self, event: QEvent | None) -> bool:
        """End the watch once the dock is taken out of the window."""
        if event is not None and event.type() == QEvent.Type.ParentChange:
            if self._docked and self.parent() is None:
                self.end()
            self._docked = self.parent() is not None
        return bool(super().event(event))

    def changeEvent(self, event: QEvent | None) -> None:  # noqa: N802 - Qt's name
        """Follow the theme."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.PaletteChange:
            self._dress()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802 - Qt's name
        """Put the table where there is room for it."""
        super().resizeEvent(event)
        broad = self.width() >= BROAD
        way = Qt.Orientation.Horizontal if broad else Qt.Orientation.Vertical
        if way != self._split.orientation():
            self._split.setOrientation(way)
            self._split.setSizes([3000, 2000])  # shares of what there is

    def _foremost(self, newest: str) -> str:
        """The movie that matters: of those that are recorded that which is worst, or the newest."""
        going = [name for name, one in self.states.items() if one.status in URGENT]
        worst = max((URGENT.index(self.states[name].status) for name in going), default=-1)
        if newest in going and URGENT.index(self.states[newest].status) == worst:
            return newest
        return next((n for n in going if URGENT.index(self.states[n].status) == worst), newest)

    def _show_lists(self) -> None:
        self._show_curve()
        self._show_table()

    def _on_end(self, why: str) -> None:
        self._end.setEnabled(False)
        newest = self.states.get(self._shown)
        if why or newest is None:
            self._tell("ended", why or "nothing was seen")
        elif newest.status not in ("finished", "failed", STOP):
            self._tell("ended", newest.words, self._shown)

    def _tell(self, status: str, words: str, name: str = "") -> None:
        """Say how things stand."""
        ground, ink = COLOURS[status]
        self._band.setStyleSheet(
            f"QFrame#band {{ background: {ground}; border-radius: 3px; }}"
            f"QLabel {{ background: transparent; color: {ink}; }}"
            f"QLabel#status {{ font-size: 20px; font-weight: 700; }}"
        )
        self._word.setText(status.upper())
        several = name and len(self.states) > 1
        self._said.setText(printable(f"{name}: {words}" if several else words))

    def _show_curve(self) -> None:
        """Draw the movie that was told of last."""
        state = self.states.get(self._shown)
        doses, left = self._courses.get(self._shown, ([], []))
        self.curve.setData(doses, left)
        known = state is not None and state.dose is not None
        self._plot.setLabel("bottom", "accumulated dose (e/Å²)" if known else "frame")
        onset = None if state is None else state.onset
        self.onset.setVisible(onset is not None)
        shown = list(doses)
        if onset is not None:
            add = 0.0 if known else 1.0  # frames are counted from 1
            self.onset.setRegion((onset.low + add, onset.high + add))
            shown += [onset.low + add, onset.high + add]  # a whole movie is not followed
        seen = [one for one in left if math.isfinite(one)]
        self._plot.setYRange(0, max(1.15, 1.05 * max(seen, default=1.0)), padding=0)
        shown = [one for one in shown if math.isfinite(one)]
        if shown:
            self._plot.setXRange(0, 1.03 * max(shown), padding=0)

    def _show_table(self) -> None:
        rows = [(one.words, name, one.status) for name, one in reversed(self.states.items())]
        tips = [
            f"{name}: {words}" + ("" if self._run(name) is None else "\na click opens its run")
            for words, name, _ in rows
        ]
        self.table.fill(rows, tips)

    def _on_picked(self, row: int) -> None:
        name = [*reversed(self.states)][row]
        run = self._run(name)
        if run is not None:
            self.run_picked.emit(run)
        self._shown = name
        self._show_curve()

    def _run(self, name: str) -> Path | None:
        return self.states[name].run

    def _dress(self) -> None:
        look = look_of(self)
        self.plot_widget.setBackground(look.background)
        dress(self._plot, look)
        green = "#1fd1a0" if look.dark else "#00795a"
        self.curve.setPen(pg.mkPen(green, width=2))
        self.onset.setBrush(seen_through("#d32f2f", 0.3))
        for line in self.onset.lines:
            line.setPen(pg.mkPen("#d32f2f"))
