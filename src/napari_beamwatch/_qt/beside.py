"""The docks beside the picture, fed from the session: live FFT and damage curves."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QMainWindow, QWidget

from napari_beamwatch._qt.bottom_docks import behind, dock_around, dock_below
from napari_beamwatch._qt.canvas import Canvas
from napari_beamwatch._qt.curves.data import Key, usual_selection
from napari_beamwatch._qt.curves.dock import DamageCurves
from napari_beamwatch._qt.curves.rings import rings_found, with_rings
from napari_beamwatch._qt.dock_shares import DockShares
from napari_beamwatch._qt.fft.dock import LiveSpectrum
from napari_beamwatch._qt.fft.spot_marks import PhaseRings
from napari_beamwatch._qt.session import Session
from napari_beamwatch._qt.turns import Turns
from napari_beamwatch.analysis import Step
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.phases import published_limits
from napari_beamwatch.phases.reflections import rings
from napari_beamwatch.phases.structures import resolve
from napari_beamwatch.results.named_places import (
    of_chosen,
    onsets_with,
    speaking_places,
    with_chosen,
    with_places,
)
from napari_beamwatch.results.result import Result
from napari_beamwatch.results.survival import place_survival

CURVES, SPECTRUM = "Damage curves", "Live FFT"
MOST_SUMMED = 10
"""Frames whose sum is transformed at first: of one alone a faint lattice is lost in noise."""

MOST_PHASES = 3
"""Phases whose rings are drawn: more hide the spots."""

WIDEST_RINGS = 3
"""Rings of a phase, widest spacing first."""


class Beside:
    """Opens the docks when they are asked for, and keeps them in step."""

    def __init__(
        self,
        viewer: Any,
        session: Session,
        canvas: Canvas,
        say: Callable[[str], None],
        turns: Turns,
    ) -> None:
        self._viewer, self._session, self._canvas, self._say = viewer, session, canvas, say
        self._so_far = False
        self._keys: list[Key] | None = None
        self._named: dict[str, int] = {}
        self._shown: Result | None = None
        self._edits = _edits(session)
        self.curves: DamageCurves | None = None
        self.spectrum: LiveSpectrum | None = None
        self._shares: DockShares | None = None
        self._others: list[QWidget] = []
        # What takes long to draw waits for its turn, and is drawn once if it changed twice.
        self._turns = turns
        self._links = (
            (session.movie_changed, self._show_movie),
            (session.frames_changed, self._show_sum),
            (session.result_changed, partial(self._turns.also, self._show_result)),
            (session.threshold_changed, self._show_threshold),
            (session.spots_changed, partial(self._turns.also, self._show_spots)),
            (session.selected_changed, self._show_selection),
            (session.hidden_changed, self._show_drawn),
            (session.place_changed, partial(self._turns.also, self._show_curves)),
            (session.settings_changed, self._show_edits),
            (session.chosen_changed, self._show_region),
            (session.regions_changed, self._show_region),
            (session.progressed, self._show_so_far),
            (session.running_changed, self._show_end),
            (canvas.frame_changed, self._show_frame),
        )
        for signal, view in self._links:
            signal.connect(view)

    def open(self) -> None:
        """Show both docks, side by side below the picture."""
        before = self._viewer.window.geometry()[2:]
        new = self.curves is None or self.spectrum is None
        if self.curves is None or self.spectrum is None:
            self.curves, self.spectrum = DamageCurves(), LiveSpectrum()
            self.curves.frame_chosen.connect(self._canvas.go_to)
            self.spectrum.spot_clicked.connect(self._session.add_spot)
            self.spectrum.spot_pointed.connect(self._session.point_at)
            self.spectrum.spot_unwanted.connect(self._session.remove_spot)
            self.spectrum.refused.connect(self._say)
        first = dock_below(self._viewer, self.curves, CURVES)
        second = dock_below(self._viewer, self.spectrum, SPECTRUM)
        window = first.parent()
        if isinstance(window, QMainWindow):
            window.splitDockWidget(first, second, Qt.Orientation.Horizontal)
            behind(first, [dock for dock in map(dock_around, self._others) if dock is not None])
            if new:
                self._shares = DockShares(window, first, second)
            if self._shares is not None:
                self._shares.apply()
            if (window.width(), window.height()) != before:
                # Qt made room while napari's lists stood above each other: beyond a small screen.
                window.resize(*before)
        if new:
            self._show_movie()
            self._show_sum()
            self._show_result()

    def put_below(self, widget: QWidget, name: str) -> None:
        """Show another widget below the picture, as a tab where the curves are there already."""
        dock = dock_below(self._viewer, widget, name)
        if widget not in self._others:
            self._others.append(widget)
        first = None if self.curves is None else dock_around(self.curves)
        if first is not None and first.isVisible():
            behind(first, [dock])
        dock.raise_()

    def close(self) -> None:
        """Feed the docks no more, and take them away: without the panel they show nothing."""
        for signal, view in self._links:
            signal.disconnect(view)
        self._turns(())
        if self._shares is not None:
            self._shares.close()
        for widget in (self.curves, self.spectrum, *self._others):
            dock = None if widget is None else dock_around(widget)
            if dock is not None and widget is not None:
                self._viewer.window.remove_dock_widget(dock)
                widget.deleteLater()
        self.curves = self.spectrum = self._shares = None
        self._others = []

    def _show_movie(self) -> None:
        movie = self._session.movie
        if self.spectrum is not None:
            self.spectrum.set_movie(movie)
        self._show_constant()
        self._show_region()
        self._show_frame(self._canvas.frame)
        self._show_spots()

    def _show_constant(self) -> None:
        """Of patterns: what a distance from the centre means, and the rings that were found."""
        if self.spectrum is None:
            return
        self.spectrum.set_camera_constant(self._session.settings.camera_constant)
        result = self._session.result
        if result is not None:
            self.spectrum.set_pattern_rings(rings_found(result))

    def _show_sum(self) -> None:
        """Add up as many of other frames as a lattice usually wants."""
        movie = self._session.movie
        if self.spectrum is not None and movie is not None:
            self.spectrum.set_running_sum(min(MOST_SUMMED, max(1, len(movie) // 12)))

    def _show_region(self) -> None:
        if self.spectrum is not None:
            named = {region.name: region for region in self._session.regions}
            self.spectrum.set_region(named.get(self._session.chosen))
        self._show_onset()

    def _show_frame(self, frame: int) -> None:
        if self.spectrum is not None:
            self.spectrum.set_frame(frame)
        if self.curves is not None:
            self.curves.set_frame(frame)

    def _show_spots(self) -> None:
        """Show the spots, and rings of the phases that were chosen or else of those found."""
        session = self._session
        if self.spectrum is not None:
            chosen = session.settings.phases or best_phases(session.spots)
            cold = None if session.movie is None else session.movie.conditions.temperature_C
            shown = [rings_of(name, cold) for name in chosen[:MOST_PHASES]]
            self.spectrum.set_phase_rings([ring for ring in shown if ring is not None])
            self._show_drawn()

    def _show_edits(self) -> None:
        """Phases may have been chosen, spots added or removed; most settings do not tell."""
        edits = _edits(self._session)
        if edits != self._edits:
            self._edits = edits
            self._show_constant()
            self._show_spots()

    def _show_drawn(self) -> None:
        """Mark the spots that are neither hidden nor removed; their curves alone are drawn."""
        if self.spectrum is not None:
            self.spectrum.set_spots(self._session.drawn)
            self.spectrum.set_expected(self._session.expected)
        self._show_selection()

    def _show_result(self) -> None:
        self._show_curves()
        self._show_constant()
        if self.curves is not None and self._session.result is not None:
            self._turns.also(self._show_survival)
        self._show_onset()

    def _show_curves(self) -> None:
        """Draw the regions that were drawn, or else the first and the median place.

        The place that was chosen is drawn in any case.
        """
        result, self._keys, self._so_far = self._session.result, None, False
        self._shown = None
        if self.curves is not None and result is None:
            self.curves.clear()
        elif self.curves is not None and result is not None:
            place = self._session.place
            named = {} if result.regions else speaking_places(result)
            self._named = with_chosen(named, place)
            found = self._shown = with_places(with_rings(result), self._named)
            with self.curves.drawn_once():
                self.curves.set_tables(
                    found.traces, found.spots, found.onsets, found.events,
                    of_chosen(found.courses, place), tuple(self._named),
                )  # fmt: skip
                self.curves.set_limits(limits(self._session))
                self._show_threshold()
                self._show_selection()
                self.curves.set_frame(self._canvas.frame)

    def _show_so_far(self, step: Step) -> None:
        if self.curves is not None and step.partial is not None:
            self._so_far = True
            self.curves.set_traces_so_far(step.partial())
            self.curves.set_frame(self._canvas.frame)

    def _show_end(self) -> None:
        """After a run that came to nothing, show again what was there before."""
        if self._so_far and not self._session.running:
            self._turns.also(self._show_result)

    def _show_survival(self) -> None:
        result = self._session.result
        if self.curves is not None and result is not None:
            self.curves.set_survival(place_survival(result))

    def _show_selection(self) -> None:
        """Draw the spots that are selected in the table; all that matter where none is."""
        session = self._session
        drawn = session.drawn
        shown = drawn[drawn["spot"].isin(session.selected)]
        keys = self._curves_of(shown)
        if self.curves is not None and keys != self._keys:
            self._keys = keys
            self.curves.set_selection(keys)
        if self.spectrum is not None:
            self.spectrum.set_selected(shown["spot"])

    def _curves_of(self, shown: pd.DataFrame) -> list[Key] | None:
        """Curves of some spots of the table; of none the usual ones, but for what is hidden."""
        session = self._session
        if len(shown):
            return [(session.chosen, int(spot)) for spot in shown["spot"]]
        left_out = session.hidden | {(session.chosen, spot) for spot in session.unwanted}
        if self._shown is None or not left_out:
            return None
        spots = self._shown.spots
        keys = zip(spots["region"], spots["spot"], strict=True)
        return usual_selection(spots[[key not in left_out for key in keys]])

    def _show_threshold(self) -> None:
        result = self._session.result
        if self.curves is not None and result is not None:
            settings = self._session.settings
            self.curves.set_threshold(settings.fraction, settings.d_tolerance)
            self.curves.set_onsets(onsets_with(result, self._named))

    def _show_onset(self) -> None:
        row = self._session.onset
        if self.spectrum is None:
            return
        frame = 0 if row is None or pd.isna(row["onset_frame"]) else int(row["onset_frame"])
        self.spectrum.set_compared(*((frame - 1, frame) if frame > 0 else (0, None)))


def _edits(session: Session) -> tuple[object, ...]:
    """What of the settings is seen in the docks."""
    settings = session.settings
    return (
        settings.phases, settings.added_spots, settings.removed_spots, settings.camera_constant,
    )  # fmt: skip


def best_phases(spots: pd.DataFrame) -> tuple[str, ...]:
    """The phase that each spot fits best, commonest first."""
    named = spots["phase"].dropna().astype(str).str.partition("|")
    return tuple(named[0].value_counts().index) if len(named) else ()


def rings_of(phase: str, temperature_C: float | None) -> PhaseRings | None:  # noqa: N803
    """The widest rings of a phase, spacings in Å; None if its CIF file is gone."""
    try:
        (one,) = resolve([phase])
    except BeamwatchError:
        return None
    spacings, names = zip(*rings(one, WIDEST_RINGS, temperature_C), strict=True)
    return PhaseRings(one.name, spacings, names)


BOUNDS = {"at_least": "≥", "at_most": "≤"}
"""Of published limits that are bounds: it held until then, or was gone by then."""


def limits(session: Session) -> list[dict[str, Any]]:
    """Published limits of the phases that were found, at the temperature of the movie."""
    movie = session.movie
    phases = best_phases(session.spots)[:1]
    if movie is None or not phases:
        return []
    table = published_limits(phases[0], movie.conditions.temperature_C)
    said = []
    for _, row in table.iterrows():
        low, high = row["low_e_per_A2"], row["high_e_per_A2"]
        dose = low if pd.notna(low) else high
        if pd.notna(dose):
            said.append(
                {
                    "name": row["phase"],
                    "dose": float(dose),
                    "until": float(high) if row["status"] == "interval" else None,
                    "bound": BOUNDS.get(row["status"], ""),
                    "temperature_C": row["temperature_C"],
                    "temperature": row["temperature"],
                    "criterion": str(row["compare_with"]).replace("_", " "),
                    "rate": row["dose_rate_high_e_per_A2_s"],
                    "kV": row["voltage_kV"],
                    "source": row["citation"],
                }
            )
    return said
