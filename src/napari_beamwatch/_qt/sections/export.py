"""Section 4: what leaves the desk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QFileDialog, QGridLayout, QMessageBox, QPushButton

from napari_beamwatch import __version__
from napari_beamwatch._qt.sections.section import Section
from napari_beamwatch._qt.session import Session
from napari_beamwatch.harmless import printable
from napari_beamwatch.results.methods import methods_sentence
from napari_beamwatch.results.run_folder import obstacle
from napari_beamwatch.results.table_files import harmless


class ExportSection(Section):
    """Save a run folder, open one again, copy tables and words."""

    def __init__(
        self,
        session: Session,
        say: Callable[[str], None],
        open_run: Callable[[Path], None],
        write: Callable[[str, Callable[[], Path]], None],
        add_up: Callable[[], None],
    ) -> None:
        super().__init__("4  Export")
        self._session, self._report, self._open_run = session, say, open_run
        self._write = write
        self._save = QPushButton("Save run…")
        self._save.setToolTip("Write tables, settings, traces and figure into a folder.")
        self._save.clicked.connect(self._on_save)
        self._open = QPushButton("Open run…")
        self._open.setToolTip("Show a run that was saved: choose its folder.")
        self._open.clicked.connect(self._on_open)
        self._copy = QPushButton("Copy table")
        self._copy.setToolTip("The table of onsets, to paste into a spreadsheet.")
        self._copy.clicked.connect(self.copy_table)
        self._methods = QPushButton("Copy methods")
        self._methods.setToolTip("A paragraph for a paper: how this was found.")
        self._methods.clicked.connect(self.copy_methods)
        self._figure = QPushButton("Figure…")
        self._figure.setToolTip("Save the figure for print, as PNG, SVG or PDF.")
        self._figure.clicked.connect(self._on_figure)
        self._sum = QPushButton("Sum…")
        self._sum.setObjectName("show_sum")
        self._sum.setToolTip("The best image of the undamaged specimen, as a layer and a file.")
        self._sum.clicked.connect(add_up)
        grid = QGridLayout()
        for i, button in enumerate(
            (self._save, self._open, self._copy, self._methods, self._figure, self._sum)
        ):
            grid.addWidget(button, i // 2, i % 2)
        self.body.addLayout(grid)
        self.show_result()

    def show_result(self) -> None:
        """Offer what makes sense now."""
        there = self._session.result is not None and not self._session.running
        for button in (self._save, self._copy, self._methods, self._figure, self._sum):
            button.setEnabled(there)

    def save(self, folder: Path, *, force: bool = False) -> None:
        """Write the run folder."""
        result = self._session.result
        if result is not None:
            self._write("saving the run", lambda: result.save(folder, force=force))

    def save_figure(self, path: Path) -> None:
        """Write the figure, as the ending of the path says."""
        result = self._session.result
        if result is None:
            return

        def write() -> Path:
            from napari_beamwatch.results.figure import write_figure  # matplotlib is slow to import

            write_figure(result, result.movie, path)
            return path

        self._write("drawing the figure", write)

    def ask_for_movie(self, why: str) -> Path | None:
        """Ask where a movie is now."""
        self._report(why)
        path, _ = QFileDialog.getOpenFileName(self, "Where is the movie of this run now?")
        return Path(path) if path else None

    def copy_table(self) -> None:
        """Put the table of onsets on the clipboard."""
        if self._session.result is not None:
            _copy(harmless(self._session.result.onsets).to_csv(sep="\t", index=False))
            self.say("table copied")

    def copy_methods(self) -> None:
        """Put the methods sentence on the clipboard."""
        result = self._session.result
        if result is not None and result.movie is not None:
            _copy(methods_sentence(result.movie, result.settings, __version__))
            self.say("methods copied")

    def _on_save(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder for the run")
        if not chosen:
            return
        folder = Path(chosen)
        found = obstacle(folder)
        if found is not None:
            yes = QMessageBox.StandardButton.Yes
            asked = printable(f"{found.what}. Save there all the same, which {found.remedy}?")
            if QMessageBox.question(self, "Beamwatch", asked) != yes:
                return
        self.save(folder, force=found is not None)

    def _on_figure(self) -> None:
        kinds = "PNG (*.png);;SVG (*.svg);;PDF (*.pdf)"
        path, kind = QFileDialog.getSaveFileName(self, "Save the figure", "figure.png", kinds)
        if path:
            ending = "" if Path(path).suffix else f".{kind[:3].lower()}"
            self.save_figure(Path(path + ending))

    def _on_open(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder of a run")
        if chosen:
            self._open_run(Path(chosen))


def _copy(text: str) -> None:
    clipboard = QGuiApplication.clipboard()
    if clipboard is not None:
        clipboard.setText(text)
