"""`DamageCurves`: intensity and spacing over the dose, tied to the frame in sight."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pandas as pd
from qtpy.QtCore import QEvent, Signal  # type: ignore[attr-defined]
from qtpy.QtGui import QImage, QShowEvent
from qtpy.QtWidgets import (
    QApplication,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from napari_beamwatch import columns
from napari_beamwatch._qt.curves.controls import CurvesControls, CurvesLegend
from napari_beamwatch._qt.curves.data import (
    Curve,
    FrameAxis,
    Key,
    courses_of,
    curve_of,
    regions_of,
    strongest,
    usual_selection,
)
from napari_beamwatch._qt.curves.look import look_of, region_colours
from napari_beamwatch._qt.curves.marks import Marks
from napari_beamwatch._qt.curves.survival import SurvivalView
from napari_beamwatch._qt.curves.view import CurvesView
from napari_beamwatch.damage.field.survival import Survival
from napari_beamwatch.quantities import dose_text
from napari_beamwatch.regions import FIELD

SHARPNESS = 2
"""Pixels of a copied image for one of the screen."""


class DamageCurves(QWidget):
    """Curves of spots over dose, time or frames, with the onset, and a survival curve.

    Attributes
    ----------
    frame_chosen : Signal(int)
        Frame (0-based) that was clicked or that the cursor was dragged to.
    """

    frame_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tables = _no_tables()
        self._axis = FrameAxis.of(self._tables["traces"])
        self._named: frozenset[str] = frozenset()
        self._selection: list[Key] | None = None
        self._curves: list[Curve] = []
        self._fraction: float | None = None
        self._d_tolerance: float | None = None
        self._limits: tuple[Mapping[str, Any], ...] = ()
        self._survival: Survival | None = None
        self._frame = 0
        self._behind = True
        self._held = False
        self._so_far = False
        self.view = CurvesView(self)
        self.marks = Marks(*self.view.plots)
        self.survival = SurvivalView(self)
        self.controls = CurvesControls(self)
        self.legend = CurvesLegend(self)
        self._pages = QStackedWidget(self)
        self._lay_out()
        self.controls.page.currentIndexChanged.connect(self._pages.setCurrentIndex)
        self.controls.changed.connect(self._redraw)
        self.controls.copy.clicked.connect(self.copy_image)
        self.view.place_chosen.connect(self._on_place)

    @contextmanager
    def drawn_once(self) -> Iterator[None]:
        """Draw what is set within only when all of it is."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
            self._redraw()

    def set_tables(
        self,
        traces: pd.DataFrame,
        spots: pd.DataFrame,
        onsets: pd.DataFrame,
        events: pd.DataFrame,
        courses: pd.DataFrame,
        named: Collection[str] = (),
    ) -> None:
        """Draw another result: the tables of that name, and the strongest spots of them.

        Those of the regions that are `named` are places of the field, called so in the legend.
        """
        tables = {
            "traces": traces, "spots": spots, "onsets": onsets, "events": events,
            "courses": courses,
        }  # fmt: skip
        self._take(tables, named)

    def set_traces_so_far(self, traces: pd.DataFrame) -> None:
        """Draw the strongest traces of an analysis that goes on; what is not known yet is empty."""
        if not self._so_far:
            self._take({**_no_tables(), "traces": traces})
        self._tables["traces"], self._so_far = traces, True
        self._selection = strongest(traces)
        self._redraw()

    def clear(self) -> None:
        """Show nothing."""
        self._limits = ()
        self._take(_no_tables())
        self.set_survival(None)

    def set_selection(self, keys: Sequence[Key] | None) -> None:
        """Draw these spots, each given as (region, spot); None is the strongest ones."""
        self._selection = None if keys is None else list(keys)
        self._redraw()

    def set_onsets(self, onsets: pd.DataFrame) -> None:
        """Draw other onsets or thresholds; the curves stay."""
        self._tables["onsets"] = onsets
        self._redraw_marks()

    def set_threshold(self, fraction: float | None, d_tolerance: float | None = None) -> None:
        """Draw the user's thresholds: a fraction of the plateau, a change of d in percent."""
        self._fraction, self._d_tolerance = fraction, d_tolerance
        self._redraw_marks()

    def set_limits(self, limits: Sequence[Mapping[str, Any]]) -> None:
        """Mark published limits: dictionaries of name, dose, criterion, rate and kV."""
        self._limits = tuple(limits)
        self._redraw_marks()

    def set_survival(self, survival: Survival | None) -> None:
        """Show a survival curve on the other page."""
        self._survival = survival
        dose = self._axis.ends.get("dose")
        self.survival.set_survival(survival, None if dose is None else float(dose[-1]))

    def set_frame(self, frame: int) -> None:
        """Move the cursor to a frame (0-based)."""
        self._frame = frame
        if self.isVisible():
            self._move_cursor()

    def image(self) -> QImage:
        """The page in sight as an image, twice as fine as the screen."""
        shown = self._pages.currentWidget()
        assert shown is not None
        found = QImage(SHARPNESS * shown.size(), QImage.Format.Format_ARGB32)
        found.setDevicePixelRatio(SHARPNESS)
        found.fill(self.palette().window().color())
        shown.render(found)
        return found

    def copy_image(self) -> None:
        """Put the page in sight on the clipboard."""
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setImage(self.image())

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802 - Qt's name
        """Catch up with what was missed while hidden."""
        super().showEvent(event)
        self._dress()
        if self._behind:
            self._redraw()
        self._move_cursor()

    def changeEvent(self, event: QEvent | None) -> None:  # noqa: N802 - Qt's name
        """Follow the theme."""
        super().changeEvent(event)
        changes = (QEvent.Type.PaletteChange, QEvent.Type.StyleChange)
        if event is not None and event.type() in changes and self.isVisible():
            self._dress()
            self._redraw()

    def _take(self, tables: dict[str, pd.DataFrame], named: Collection[str] = ()) -> None:
        self._tables, self._named = tables, frozenset(named)
        self._axis = FrameAxis.of(tables["traces"])
        self._selection, self._so_far = None, False
        self.controls.offer(self._axis)
        self._redraw()

    def _redraw(self) -> None:
        self._behind = self._held or not self.isVisible()
        if self._behind:
            return
        tables = self._tables
        spots = tables["spots"]
        keys = usual_selection(spots) if self._selection is None else self._selection
        made = [
            curve_of(tables["traces"], spots, tables["onsets"], tables["events"], key)
            for key in keys
        ]
        self._curves = [
            replace(curve, label=curve.key[0]) if curve.key[0] in self._named else curve
            for curve in made
            if curve is not None
        ]
        controls = self.controls
        courses = courses_of(self._tables["courses"], spots, self._curves)
        self.view.show_curves(
            self._curves, self._axis, controls.along, self._colours(), controls.average.value(),
            controls.in_percent, frozenset(course.region for course in courses),
        )  # fmt: skip
        self.view.show_courses(courses, self._axis, controls.along, self._colours())
        self._redraw_marks()
        if self._curves:
            so_far = "so far" if self._so_far else ""
            self.legend.set_curves(self._curves, self._colours(), courses, so_far)
        else:
            waiting = "No curves yet." if self._so_far or not keys else "Too weak to be drawn."
            self.legend.setText(waiting)
        self._move_cursor()

    def _redraw_marks(self) -> None:
        if self._held or not self.isVisible():
            self._behind = True
            return
        self.marks.clear()
        look, along = look_of(self), self.controls.along
        onsets, events = self._tables["onsets"], self._tables["events"]
        regions = regions_of([curve.key for curve in self._curves])
        if self._named.intersection(regions):
            regions.append(FIELD)  # whose dips and threshold are theirs
        if regions:
            here = events[events["region"].isin(regions)]
            self.marks.draw_events(here, self._axis, along, look)
            here = onsets[onsets["region"].isin(regions)]
            self.marks.draw_onsets(here, self._axis, along, self._colours())
            self.marks.draw_threshold(
                self._fraction, self._d_tolerance, self.controls.in_percent, look
            )
        if along == "dose":
            self.marks.draw_limits(self._limits, look)

    def _colours(self) -> dict[str, str]:
        names = [str(name) for name in self._tables["onsets"]["region"]]
        names += [str(name) for name in self._tables["spots"]["region"].dropna()]
        names += regions_of(self._selection or ())
        return region_colours(names, look_of(self).dark)

    def _move_cursor(self) -> None:
        if not len(self._axis.frame):
            self.view.hide_cursor()
            return
        place = self._axis.cursor(self.controls.along, self._frame)
        unit = {"dose": " e/Å²", "time": " s", "frame": ""}[self.controls.along]
        self.view.set_cursor(place, f"{dose_text(place, 4)}{unit}")

    def _on_place(self, place: float) -> None:
        if not len(self._axis.frame):
            return
        frame = self._axis.frame_at(self.controls.along, place)
        changed, self._frame = frame != self._frame, frame
        self._move_cursor()  # it stands at frames only
        if changed:
            self.frame_chosen.emit(frame)

    def _dress(self) -> None:
        look = look_of(self)
        self.view.set_look(look)
        self.survival.set_look(look)

    def _lay_out(self) -> None:
        self.setObjectName("damage_curves")
        self.setMinimumSize(300, 180)
        curves = QWidget(self)
        inner = QVBoxLayout(curves)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(0)
        inner.addWidget(self.legend)
        inner.addWidget(self.view, 1)
        self._pages.addWidget(curves)
        self._pages.addWidget(self.survival)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 2, 4, 2)
        layout.setSpacing(2)
        layout.addWidget(self.controls)
        layout.addWidget(self._pages, 1)


def _no_tables() -> dict[str, pd.DataFrame]:
    kinds = {
        "traces": columns.TRACES,
        "spots": columns.SPOTS,
        "onsets": columns.ONSETS,
        "events": columns.EVENTS,
        "courses": columns.COURSES,
    }
    return {name: pd.DataFrame(columns=list(kind)) for name, kind in kinds.items()}
