"""Section 3: run, the user's own threshold, and why."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QWidget,
)

from napari_beamwatch._napari.map_scale import map_scale
from napari_beamwatch._qt.answer import why
from napari_beamwatch._qt.canvas import Canvas
from napari_beamwatch._qt.frame_mean import usual_mean
from napari_beamwatch._qt.keys import AFTER, BEFORE, MAP
from napari_beamwatch._qt.sections.map_legend import MapLegend
from napari_beamwatch._qt.sections.section import Section, faint
from napari_beamwatch._qt.sections.thresholds_box import ThresholdBox
from napari_beamwatch._qt.session import Session
from napari_beamwatch.analysis import Step
from napari_beamwatch.results.place_map import drawn_places
from napari_beamwatch.settings import CRITERIA

TIPS = {
    "fading": "Spots of one crystal lose their intensity together, for good.",
    "spacing": "A spacing moves for good.",
    "new_phase": "Spots or rings appear that were not there.",
    "mass_loss": "A particle shrinks, rounds or opens voids.",
}


MOST_AVERAGED = 50


class DamageSection(Section):
    """Run and cancel, criteria, threshold, jump to the onset, and why."""

    def __init__(
        self,
        session: Session,
        canvas: Canvas,
        run: Callable[[], None],
        cancel: Callable[[], None],
    ) -> None:
        super().__init__("3  Damage")
        self._session, self._canvas = session, canvas
        self._run, self._cancel = QPushButton("Run"), QPushButton("Cancel")
        self._run.setObjectName("run")
        self._run.setProperty("role", "main")
        self._run.setToolTip("Find the lattice, follow it over the dose, and judge it.")
        self._cancel.setObjectName("cancel")
        self._cancel.setToolTip("Stop; what was found before stays.")
        self._run.clicked.connect(run)
        self._cancel.clicked.connect(cancel)
        self._bar = QProgressBar()
        self._bar.setObjectName("progress")
        self._bar.setTextVisible(True)
        self._before, self._after = QPushButton("‹ before"), QPushButton("after ›")
        self._before.setToolTip(f"Show the last frame before the onset ({BEFORE.key}).")
        self._after.setToolTip(f"Show the first frame that holds the onset ({AFTER.key}).")
        self._before.clicked.connect(lambda: canvas.go_to_onset(-1))
        self._after.clicked.connect(lambda: canvas.go_to_onset(0))
        self._row(self._run, self._bar, self._cancel, self._before, self._after, wide=(0, 1))
        self._criteria = {}
        for name in CRITERIA:
            box = QPushButton(name.replace("_", " "))
            box.setCheckable(True)
            box.setProperty("role", "chip")
            box.setObjectName(f"criterion_{name}")
            box.setToolTip(TIPS[name])
            box.toggled.connect(self._on_criteria)
            self._criteria[name] = box
        self._row(*self._criteria.values())
        self._why = faint()
        self._why.setObjectName("why")
        self.body.addWidget(self._why)
        self._threshold = ThresholdBox(session)
        self.body.addWidget(self._threshold)
        self.docks = QPushButton("Curves, FFT")
        self.docks.setObjectName("docks")
        self.docks.setToolTip("Show the docks Damage curves and Live FFT below the picture.")
        self._filled, self._windows = QCheckBox("filled"), QCheckBox("windows")
        self._filled.setObjectName("map_filled")
        self._filled.setToolTip(f"Fill what the onset map shows. {MAP.key} hides the map.")
        self._filled.toggled.connect(canvas.overlays.fill_map)
        self._windows.setObjectName("map_windows")
        self._windows.setToolTip(
            "Show the single windows in place of the places that they make: finer, and noisier."
        )
        self._windows.toggled.connect(canvas.overlays.map_windows)
        self._windows.toggled.connect(self.show_map)
        self._averaged = QSpinBox()
        self._averaged.setObjectName("averaged")
        self._averaged.setRange(1, MOST_AVERAGED)
        self._averaged.setPrefix("mean of ")
        self._averaged.setKeyboardTracking(False)
        self._averaged.setToolTip(
            "Frames whose mean the picture shows: a faint lattice comes out of the noise. "
            "The analysis takes single frames all the same."
        )
        self._averaged.valueChanged.connect(canvas.average)
        self._row(self.docks, self._averaged, wide=(1,))
        self._map = QLabel("onset map")
        self._row(self._map, self._filled, self._windows, wide=(2,))
        self._legend = MapLegend()
        self.body.addWidget(self._legend)
        self.show_settings()
        self.show_result()

    def show_frames(self) -> None:
        """Show as many frames at once as a lattice wants."""
        movie = self._session.movie
        if movie is not None:
            with QSignalBlocker(self._averaged):
                self._averaged.setValue(usual_mean(movie))
            self._canvas.average(self._averaged.value())

    def show_settings(self) -> None:
        """Show the criteria and the threshold."""
        for name, box in self._criteria.items():
            with QSignalBlocker(box):
                box.setChecked(name in self._session.settings.criteria)
        self._threshold.show_threshold()

    def show_result(self) -> None:
        """Show the threshold and the reasons for the chosen region."""
        session = self._session
        busy = bool(session.running)
        self._run.setEnabled(session.movie is not None and not busy)
        self._run.setText("Run again" if session.result is not None else "Run")
        for widget in (self._cancel, self._bar):
            widget.setVisible(busy)
        for widget in (self._run, self._before, self._after):
            widget.setVisible(not busy)
        if not busy:
            self._bar.setValue(0)
        frame = self._canvas.onset_frame
        self._before.setEnabled(frame is not None and frame > 0)
        self._after.setEnabled(frame is not None)
        self._threshold.show_threshold()
        said = why(session.onset)
        self._why.setText(said)
        self._why.setVisible(bool(said))
        self.show_map()

    def show_map(self) -> None:
        """Show the scale of the onset map, and how it may be drawn."""
        result = self._session.result
        windows = None if result is None or not len(result.windows) else result.windows
        places = None if result is None else drawn_places(result)
        known = places is not None and len(places) > 0
        in_places = known and not self._windows.isChecked()
        shown = places if in_places else windows
        self._legend.show_scale(None if shown is None else map_scale(shown), not in_places)
        for widget in (self._map, self._filled):
            widget.setVisible(windows is not None)
        self._windows.setVisible(known)

    def show_progress(self, step: Step) -> None:
        """Show how far the analysis is."""
        self._bar.setMaximum(max(step.total, 1))
        self._bar.setValue(min(step.done, step.total))
        self._bar.setFormat(f"{step.doing} · %p %")

    def _row(self, *widgets: QWidget, wide: tuple[int, ...] = ()) -> None:
        row = QHBoxLayout()
        row.setSpacing(4)
        for i, widget in enumerate(widgets):
            row.addWidget(widget, int(i in wide))
        self.body.addLayout(row)

    def _on_criteria(self) -> None:
        chosen = tuple(name for name, box in self._criteria.items() if box.isChecked())
        self._session.choose_settings(criteria=chosen)
