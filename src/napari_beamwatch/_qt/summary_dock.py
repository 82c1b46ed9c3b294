"""The dock of a campaign that was saved: its groups, and its movies, whose runs a click opens."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from qtpy.QtCore import Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSplitter, QVBoxLayout, QWidget

from napari_beamwatch._qt.plain_table import PlainTable
from napari_beamwatch._qt.sections.section import as_written, eliding
from napari_beamwatch.campaign.between import dose_text
from napari_beamwatch.campaign.loading import load_campaign
from napari_beamwatch.campaign.measures import MEASURES
from napari_beamwatch.campaign.saving import RECORD
from napari_beamwatch.campaign.tables import CampaignTables
from napari_beamwatch.campaign.telling import in_words
from napari_beamwatch.quantities import counted
from napari_beamwatch.results.record import explained

NAME = "Summary"

BROAD = 760
"""Pixels from which movies stand beside their groups, not below them."""

ROOMY = 560
"""Pixels from which all columns of groups are shown."""

GROUPS = ("group", "median, e/Å²", "a tenth gone", "movies", "places", "held")
MOVIE_NUMBERS = (
    "last_dose_e_per_A2", "dose_rate_e_per_A2_s", "temperature_C", "voltage_kV",
)  # fmt: skip
MOVIES = ("movie", "places", "up to, e/Å²", "e/Å²/s", "°C", "kV")

WHAT_TO_DO = "a click on a group shows its movies, on a movie opens its run"


class SummaryDock(QWidget):
    """Groups with their doses, and the movies of those that are chosen.

    Attributes
    ----------
    folder : Path or None
        Of the summary that is shown.
    run_picked : Signal(object)
        Folder of the run of a movie that was clicked.
    refused : Signal(str)
        Why there is none.
    """

    run_picked = Signal(object)
    refused = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("summary")
        self.folder: Path | None = None
        self._campaign: CampaignTables | None = None
        self._rows = pd.DataFrame()
        self._movies = pd.DataFrame()
        self.measure = QComboBox(self)
        self.measure.setObjectName("measure")
        for name, measure in MEASURES.items():
            self.measure.addItem(name.replace("_", " "), name)
            self.measure.setItemData(
                self.measure.count() - 1, measure.words, Qt.ItemDataRole.ToolTipRole
            )
        self.measure.setToolTip("Which dose is shown.")
        self.measure.activated.connect(lambda _: self._show_groups())
        self._title, self._said = eliding(), eliding()
        self.groups, self.movies = PlainTable(GROUPS, self), PlainTable(MOVIES, self)
        self.groups.setObjectName("groups")
        self.movies.setObjectName("movies")
        self.groups.picked.connect(lambda _: self._show_movies())
        self.movies.picked.connect(self._on_movie)
        self._split = QSplitter(Qt.Orientation.Horizontal, self)
        self._split.setChildrenCollapsible(False)
        for table in (self.groups, self.movies):
            self._split.addWidget(table)
        head = QHBoxLayout()
        head.addWidget(QLabel("dose of"))
        head.addWidget(self.measure)
        head.addWidget(self._title, 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(4, 2, 4, 2)
        whole.setSpacing(4)
        whole.addLayout(head)
        whole.addWidget(self._split, 1)
        whole.addWidget(self._said)
        self.setMinimumSize(260, 180)

    def show_summary(self, folder: Path) -> None:
        """Read a summary and show it; what cannot be read is refused."""
        campaign = load_campaign(folder)
        self.folder, self._campaign = folder, campaign
        self.measure.setCurrentIndex(self.measure.findData(campaign.measure))
        movies, unread = counted(len(campaign.movies), "movie"), len(campaign.unread)
        said = f"{folder.name} · {movies}" + (f" · {unread} not read" if unread else "")
        self._title.setText(said)
        self._title.setToolTip(as_written("\n".join((str(folder), *campaign.unread))))
        self.groups.setCurrentCell(-1, -1)
        with explained(folder / RECORD):
            self._show_groups()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802 - Qt's name
        """Put the movies where there is room for them."""
        super().resizeEvent(event)
        broad = self.width() >= BROAD
        self._split.setOrientation(Qt.Orientation.Horizontal if broad else Qt.Orientation.Vertical)
        for name in ("places", "held"):  # the tooltip tells them, too
            self.groups.setColumnHidden(GROUPS.index(name), self.width() < ROOMY)

    def _show_groups(self) -> None:
        campaign = self._campaign
        if campaign is None:
            return
        measure = self.measure.currentData()
        rows = campaign.summary
        self._rows = rows[rows["measure"] == measure].reset_index(drop=True)
        told, tips = [], []
        for _, row in self._rows.iterrows():
            seconds = float(row["median_time_s"])
            rate = campaign.dose_rate
            time = f" = {dose_text(seconds)} s" if rate is not None and seconds > 0 else ""
            words = (str(row[name]) for name in ("group", "median_words", "gone_10_words"))
            counts = [str(int(row[name])) for name in ("movies", "places", "held")]
            group, median, tenth = words
            told.append((group, median + time, tenth, *counts))
            at = f" (times at {rate:.3g} e/Å²/s)" if time else ""
            scale = float(row["dose_scale_sd_percent"])
            known = f"\ndose scale ± {scale:.2g} %" if scale == scale else ""
            remark = f"\n{row['remark']}" if isinstance(row["remark"], str) else ""
            held = f"\n{counts[1]} places, of which {counts[2]} held to the end"
            tips.append(f"{group}: {MEASURES[measure].words}{at}{held}{known}{remark}")
        self.groups.fill(told, tips)
        compared = campaign.comparisons[campaign.comparisons["measure"] == measure]
        if campaign.by != ("compound",):
            compared = compared[compared["varied"] != "compound"]
        ratios = (f"{row['above']} / {row['below']}: {row['words']}" for _, row in
                  compared.iterrows())  # fmt: skip
        self._said.setText(" · ".join((*ratios, WHAT_TO_DO)))
        self._said.setToolTip(as_written(in_words(campaign, measure)))
        self._show_movies()

    def _show_movies(self) -> None:
        """Those of the group that is chosen, or all."""
        if self._campaign is None:
            return
        chosen, movies = self.groups.currentRow(), self._campaign.movies
        if 0 <= chosen < len(self._rows):
            movies = movies[movies["group"] == self._rows["group"][chosen]]
        self._movies = movies.reset_index(drop=True)
        self.movies.setCurrentCell(-1, -1)
        for column, name in enumerate(MOVIE_NUMBERS, start=2):
            self.movies.setColumnHidden(column, bool(movies[name].isna().all()))
        self.movies.fill(
            [
                (str(row["movie"]), str(int(row["places"])), *(
                    _number(row[name]) for name in MOVIE_NUMBERS))
                for _, row in self._movies.iterrows()
            ],
            [f"{row['group']}: {row['source']}" for _, row in self._movies.iterrows()],
        )  # fmt: skip

    def _on_movie(self, row: int) -> None:
        source = str(self._movies["source"][row])
        run = self._run(source)
        if run is None:
            self.refused.emit(f"the run of this movie is not where it was: {source}")
        else:
            self.run_picked.emit(run)

    def _run(self, source: str) -> Path | None:
        """Where a run lies; one that was named from elsewhere is looked for beside the summary."""
        assert self.folder is not None
        beside = self.folder.resolve().parent
        places = (Path(source), beside / source, beside / Path(source).name)
        return next((one for one in places if (one / "run.json").is_file()), None)


def _number(value: float) -> str:
    """A number of three digits, or nothing."""
    if value != value:
        return ""
    return dose_text(value) if value > 0 else f"{value:.3g}".replace("-", "−")
