"""The table of spots: d ± σ, angle, signal to noise, phase."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from napari_beamwatch import columns

ROW = 20
MOST_ROWS_SEEN = 6


class SpotsTable(QTableWidget):
    """Rows of the table of spots, strongest first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 5, parent)
        self.setObjectName("spots")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setAlternatingRowColors(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        names, header = self.verticalHeader(), self.horizontalHeader()
        if names is not None and header is not None:
            names.hide()
            names.setDefaultSectionSize(ROW)
            header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
            header.setHighlightSections(False)
        self.setMinimumWidth(200)
        self._rows = pd.DataFrame(columns=list(columns.SPOTS))

    def show_spots(self, spots: pd.DataFrame) -> None:
        """Show rows of the table of spots."""
        self.clearSelection()
        self._rows = spots.sort_values("snr", ascending=False).reset_index(drop=True)
        in_px = not len(spots) or bool(spots["d_A"].isna().all())
        unit = "px" if in_px and len(spots) else "Å"
        self.setHorizontalHeaderLabels(["spot", f"d ({unit})", "angle", "SNR", "phase"])
        self.setRowCount(len(self._rows))
        for i, row in self._rows.iterrows():
            for column, (words, tip) in enumerate(_cells({str(k): v for k, v in row.items()})):
                item = QTableWidgetItem(words)
                item.setToolTip(tip)
                side = Qt.AlignmentFlag.AlignLeft if column == 0 else Qt.AlignmentFlag.AlignRight
                item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
                self.setItem(int(str(i)), column, item)
        self.setFixedHeight(26 + ROW * max(1, min(len(self._rows), MOST_ROWS_SEEN)))

    def chosen(self) -> list[tuple[float, float]]:
        """Frequencies (gy, gx) of the rows that are selected."""
        table = self._selected_rows()
        return list(zip(table["gy_per_px"], table["gx_per_px"], strict=True))

    def selected(self) -> tuple[int, ...]:
        """Numbers of the spots that are selected."""
        return tuple(int(spot) for spot in self._selected_rows()["spot"])

    def _selected_rows(self) -> pd.DataFrame:
        model = self.selectionModel()
        rows = [] if model is None else sorted(index.row() for index in model.selectedRows())
        return self._rows.iloc[rows]


def _cells(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What stands in a row, and what is said when the mouse rests on it."""
    if pd.isna(row["d_A"]):
        d, d_tip = f"{row['d_px']:.2f}", "spacing in pixels: the pixel size is not known"
    else:
        error = row["d_se_A"]
        places = 3 if pd.isna(error) or error >= 0.001 else 4
        d = f"{row['d_A']:.{places}f}" + ("" if pd.isna(error) else f" ± {error:.{places}f}")
        d_tip = "spacing ± standard error in Å, that of the pixel size apart"
    phase = best = "–"
    if not pd.isna(row["phase"]):
        phase = f"{row['phase']} {'' if pd.isna(row['hkl']) else row['hkl']}".strip()
        first, several, _ = str(row["phase"]).partition("|")
        best = phase.replace(str(row["phase"]), first + ("…" if several else ""))
    crystal = "" if pd.isna(row["crystal"]) else f"crystal {int(row['crystal']) + 1}"
    return [
        (str(int(row["spot"]) + 1), crystal),
        (d, d_tip),
        (f"{row['angle_deg']:.1f}°".replace("-", "−"), "counter-clockwise from +x"),
        (f"{row['snr']:.0f}", "power over the noise floor where it is strongest"),
        (best, f"{phase}: those that cannot be told apart, best first"),
    ]
