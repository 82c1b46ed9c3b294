"""What stands beside the curves: onsets, dips that recovered, thresholds, published limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import pyqtgraph as pg  # type: ignore[import-untyped]
from qtpy.QtCore import Qt
from qtpy.QtGui import QBrush

from napari_beamwatch._qt.curves.data import FrameAxis
from napari_beamwatch._qt.curves.limit_labels import LimitLabels
from napari_beamwatch._qt.curves.look import Look, seen_through
from napari_beamwatch.results.frame_axis import Along

FAR = 1e9
"""e/Å², beyond all axes."""

HATCHED = 0.22
"""Opacity where a published limit may lie."""


class Marks:
    """The marks of two plots; drawn anew as a whole, for they are few.

    Attributes
    ----------
    items : list of (plot, item)
    """

    def __init__(self, intensity: Any, spacing: Any) -> None:
        self._intensity = intensity
        self._spacing = spacing
        self._plots = (intensity, spacing)
        self.items: list[tuple[Any, Any]] = []
        self.labels = LimitLabels(intensity)

    def clear(self) -> None:
        """Remove all."""
        for plot, item in self.items:
            plot.removeItem(item)
        self.items = []
        self.labels.clear()

    def draw_events(self, events: pd.DataFrame, axis: FrameAxis, along: Along, look: Look) -> None:
        """Shade dips that recovered."""
        rows: Any = events.itertuples()
        for row in rows:
            ends = [
                axis.place(along, float(dose), float("nan"))
                for dose in (row.dose_from_e_per_A2, row.dose_to_e_per_A2)
            ]
            if all(end == end for end in ends):
                self._shade(ends[0], ends[1], look.faint, 0.35, f"{row.region}: {row.kind}")

    def draw_onsets(
        self, onsets: pd.DataFrame, axis: FrameAxis, along: Along, colours: Mapping[str, str]
    ) -> None:
        """A line at each onset over its shaded 95 % interval; dashed, the user's threshold."""
        rows: Any = onsets.itertuples()
        for row in rows:
            colour = colours[row.region]
            frame = float("nan") if pd.isna(row.onset_frame) else float(row.onset_frame)
            low, at, high = (
                axis.place(along, float(dose), float("nan"))
                for dose in (
                    row.onset_low_e_per_A2, row.onset_dose_e_per_A2, row.onset_high_e_per_A2,
                )
            )  # fmt: skip
            at = at if at == at else axis.place(along, float("nan"), frame)
            if low == low and high == high:
                self._shade(low, high, colour, 0.28, f"{row.region}: 95 % interval of the onset")
            if at == at:
                self._line(at, pg.mkPen(colour, width=2), f"{row.region}: onset")
            mine = axis.place(along, float(row.threshold_dose_e_per_A2), float("nan"))
            if mine == mine:
                pen = pg.mkPen(colour, width=1.3, style=Qt.PenStyle.DashLine)
                self._line(mine, pen, f"{row.region}: your threshold")

    def draw_threshold(
        self, fraction: float | None, d_tolerance: float | None, percent: bool, look: Look
    ) -> None:
        """Dashed lines where the user's own thresholds lie."""
        pen = pg.mkPen(look.mark, width=1.2, style=Qt.PenStyle.DashLine)
        places = [] if fraction is None else [(self._intensity, fraction)]
        if percent and d_tolerance is not None:
            places += [(self._spacing, d_tolerance), (self._spacing, -d_tolerance)]
        for plot, place in places:
            line = pg.InfiniteLine(place, angle=0, pen=pen)
            line.setToolTip("your threshold")
            self._add(plot, line)

    def draw_limits(self, limits: Sequence[Mapping[str, Any]], look: Look) -> None:
        """Dotted lines at published limits, hatched to the side on which bounds leave it open.

        Each has a name and a dose, and perhaps bound, until (e/Å²), temperature_C, criterion,
        rate (e/Å²/s), kV and source.
        """
        pen = pg.mkPen(look.mark, width=1.4, style=Qt.PenStyle.DotLine)
        for limit in limits:
            tip, dose, until = limit_words(limit), float(limit["dose"]), limit.get("until")
            self._line(dose, pen, tip)
            open_side = {"≤": (0.0, dose), "≥": (dose, FAR)}.get(str(limit.get("bound")))
            if until is not None:
                self._line(float(until), pen, tip)
                open_side = (dose, float(until))
            if open_side is not None:
                self._hatch(*open_side, look.mark, tip)
        labels = [(float(one["dose"]), limit_label(one), limit_words(one)) for one in limits]
        self.labels.show(labels, look)

    def _line(self, place: float, pen: Any, tip: str) -> None:
        for plot in self._plots:
            line = pg.InfiniteLine(place, angle=90, pen=pen)
            line.setToolTip(tip)
            self._add(plot, line)

    def _shade(self, low: float, high: float, colour: str, opacity: float, tip: str) -> None:
        for plot in self._plots:
            region = pg.LinearRegionItem(
                (low, high), movable=False, brush=seen_through(colour, opacity), pen=pg.mkPen(None)
            )
            region.setZValue(-10)
            region.setToolTip(tip)
            self._add(plot, region)

    def _hatch(self, low: float, high: float, colour: str, tip: str) -> None:
        """Mark where a limit may lie, in the plot of the intensity."""
        brush = QBrush(seen_through(colour, HATCHED), Qt.BrushStyle.BDiagPattern)
        region = pg.LinearRegionItem((low, high), movable=False, brush=brush, pen=pg.mkPen(None))
        region.setZValue(-20)
        region.setToolTip(tip)
        self._add(self._intensity, region)

    def _add(self, plot: Any, item: Any) -> None:
        plot.addItem(item, ignoreBounds=True)
        self.items.append((plot, item))


def limit_label(limit: Mapping[str, Any]) -> str:
    """A published limit as it is written beside its line: what, ≤ or ≥ how much, T, criterion."""
    until = limit.get("until")
    dose = f"{limit.get('bound') or ''}{limit['dose']:g}"
    words = [f"published {limit['name']} {dose}" + (f"–{until:g}" if until is not None else "")]
    at = limit.get("temperature_C")
    if at is not None and at == at:
        words.append(f"{at:g} °C")
    elif limit.get("temperature"):
        words.append(str(limit["temperature"]))
    if limit.get("criterion"):
        words.append(str(limit["criterion"]))
    return " · ".join(words).replace("-", "−")


def limit_words(limit: Mapping[str, Any]) -> str:
    """A published limit in words, with the conditions it was measured under."""
    until = limit.get("until")
    dose = f"{limit.get('bound') or ''} {limit['dose']:g}".strip()
    words = [
        f"{limit['name']}: {dose}{'' if until is None else f'–{until:g}'} e/Å²",
    ]
    for key, unit in (
        ("temperature_C", " °C"),
        ("criterion", ""),
        ("rate", " e/Å²/s"),
        ("kV", " kV"),
        ("source", ""),
    ):
        value = limit.get(key)
        if value is not None and value == value and value != "":
            words.append(f"{value:g}{unit}" if isinstance(value, float | int) else f"{value}{unit}")
    return " · ".join(words)
