"""Many movies with the settings of the desk: a form of magicgui that asks `analyze_many`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from magicgui.types import FileDialogMode
from magicgui.widgets import CheckBox, FileEdit, SpinBox
from qtpy.QtWidgets import QDialog, QDialogButtonBox, QProgressBar, QVBoxLayout, QWidget

from napari_beamwatch._qt.batch_worker import BatchWorker, Order
from napari_beamwatch._qt.knob_rows import form_of, line_up
from napari_beamwatch._qt.plain_table import PlainTable
from napari_beamwatch._qt.sections.section import faint
from napari_beamwatch._qt.session import Session
from napari_beamwatch.batch import BatchStep
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.quantities import counted
from napari_beamwatch.threads import processor_count

WIDTH, HEIGHT = 620, 420
"""Of the form in pixels."""

WHAT_IT_IS = (
    "Each movie gets a run of its own in the folder, by the settings of this desk. What is there "
    "already, made alike, is skipped; one that fails stops nothing."
)

STATUS = {"done": "analysed", "skipped": "was there", "failed": "failed"}

PARTS = 1000
"""Of the progress bar."""


class BatchForm(QDialog):
    """Asks which movies are analysed, and shows how each ends; a click on one opens its run."""

    def __init__(
        self,
        session: Session,
        say: Callable[[str], None],
        open_run: Callable[[Path], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._say, self._open_run = session, say, open_run
        self._runs: list[Path] = []
        self._running = False
        self.worker = BatchWorker()
        self.setObjectName("batch_form")
        self.setWindowTitle("Many movies")
        self.movies = FileEdit(
            name="movies", label="movies", mode=FileDialogMode.EXISTING_FILES, nullable=True,
            tooltip="Files, with commas between them.",
        )  # fmt: skip
        self.table = FileEdit(
            name="table", label="and of a table", mode=FileDialogMode.OPTIONAL_FILE, nullable=True,
            filter="CSV (*.csv)",
            tooltip="A row a movie, with its dose and conditions, as in conditions.csv.",
        )  # fmt: skip
        self.out = FileEdit(
            name="out", label="runs go to", mode=FileDialogMode.EXISTING_DIRECTORY, nullable=True,
            tooltip="A folder in which each movie gets one of its name.",
        )  # fmt: skip
        self.jobs = SpinBox(
            name="jobs", label="side by side", value=1, min=1, max=max(1, processor_count()),
            tooltip="Movies that are analysed at once, each in a process of its own.",
        )  # fmt: skip
        self.force = CheckBox(
            name="force", text="replace runs that were made otherwise", value=False
        )
        container = form_of([self.movies, self.table, self.out, self.jobs, self.force])
        self._told = faint(WHAT_IT_IS)
        self._told.setObjectName("told")
        self._before: tuple[str, ...] = ()
        self._bar = QProgressBar()
        self._bar.setRange(0, PARTS)
        self._bar.setTextVisible(False)
        self._table = PlainTable(("movie", "", "answer, or why there is none"), wide=2)
        self._table.picked.connect(self._on_picked)
        buttons = QDialogButtonBox()
        begin = buttons.addButton("Analyse", QDialogButtonBox.ButtonRole.ApplyRole)
        end = buttons.addButton("Stop", QDialogButtonBox.ButtonRole.ResetRole)
        buttons.addButton("Close", QDialogButtonBox.ButtonRole.RejectRole)
        assert begin is not None
        assert end is not None
        self._begin, self._end = begin, end
        self._begin.setObjectName("analyse")
        self._end.setObjectName("stop")
        whole = QVBoxLayout(self)
        whole.addWidget(container.native)
        whole.addWidget(self._told)
        whole.addWidget(self._bar)
        whole.addWidget(self._table, 1)
        whole.addWidget(buttons)
        line_up(container)
        self.resize(WIDTH, HEIGHT)
        self._begin.clicked.connect(self.begin)
        self._end.clicked.connect(self.worker.stop)
        buttons.rejected.connect(self.reject)  # what goes on goes on behind it
        self.worker.told.connect(self._on_step)
        self.worker.ended.connect(self._on_end)
        self._offer()

    def let_go(self) -> None:
        """End what goes on: runs that are finished stay."""
        self.worker.stop()

    def order(self) -> Order:
        """What the form says."""
        movies = [
            Path(text.strip()).expanduser()
            for text in self.movies.line_edit.value.split(",")
            if text.strip()
        ]
        table, out = (one.line_edit.value.strip() for one in (self.table, self.out))
        if not movies and not table:
            raise BeamwatchError("choose movies, or a table of some, first")
        if not out:
            raise BeamwatchError("choose the folder that the runs go to first")
        return Order(
            tuple(movies),
            Path(out).expanduser(),
            self._session.settings,
            Path(table).expanduser() if table else None,
            int(self.jobs.value),
            bool(self.force.value),
        )

    def begin(self) -> None:
        """Analyse as the form says."""
        try:
            order = self.order()
        except BeamwatchError as error:
            self._say(str(error))
            return
        self._running = True
        self._bar.setValue(0)
        self._table.fill([])
        self._before = ()
        self._told.setText("beginning")
        self.worker.start(order)
        self._offer()

    def _on_step(self, step: BatchStep) -> None:
        ended = list(step.settled)
        self._runs = [one.run for one in ended]
        rows = [(one.name, STATUS[one.status], one.words) for one in ended]
        rows += [(one.name, "at work", one.doing) for one in step.at_work]
        self._table.fill(rows)
        parts = len(ended) + sum(one.part for one in step.at_work)
        self._bar.setValue(round(PARTS * parts / max(1, step.total)))
        left = "" if step.left is None else f", about {_time(step.left)} left"
        self._before = step.said
        self._tell(f"{len(ended)} of {step.total} movies{left}")

    def _on_end(self, why: str) -> None:
        self._running = False
        failed = sum(
            (item := self._table.item(i, 1)) is not None and item.text() == STATUS["failed"]
            for i in range(self._table.rowCount())
        )
        end = f", {failed} of them failed" if failed else ": all done"
        self._tell(why or counted(len(self._runs), "movie") + end)
        self._offer()

    def _tell(self, words: str) -> None:
        """With what was to be known before the work."""
        self._told.setText("\n".join([words, *self._before]))

    def _on_picked(self, row: int) -> None:
        if row < len(self._runs) and self._runs[row].is_dir():
            self._open_run(self._runs[row])

    def _offer(self) -> None:
        self._begin.setEnabled(not self._running)
        self._end.setEnabled(self._running)


def _time(seconds: float) -> str:
    """How long, in one unit."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
