"""The docks that come beside curves and spectrum: a summary of many runs, and a watch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from napari_beamwatch._qt.beside import Beside
from napari_beamwatch._qt.live.dock import NAME as LIVE
from napari_beamwatch._qt.live.dock import LiveDock
from napari_beamwatch._qt.live.watcher import Order
from napari_beamwatch._qt.summary_dock import NAME as SUMMARY
from napari_beamwatch._qt.summary_dock import SummaryDock
from napari_beamwatch.errors import BeamwatchError


class SideDocks:
    """Opens them when they are asked for.

    Parameters
    ----------
    beside : Beside
        Puts them below the picture, and takes them away with the panel.
    say : callable
        Tells the user what cannot be.
    open_run : callable
        Is told of the folder of a run that was clicked.

    Attributes
    ----------
    summary : SummaryDock or None
    live : LiveDock or None
    """

    def __init__(
        self, beside: Beside, say: Callable[[str], None], open_run: Callable[[Path], None]
    ) -> None:
        self._beside, self._say, self._open_run = beside, say, open_run
        self.summary: SummaryDock | None = None
        self.live: LiveDock | None = None

    @property
    def folder(self) -> Path | None:
        """Of the summary that is looked at."""
        return None if self.summary is None else self.summary.folder

    def open_summary(self, folder: Path) -> None:
        """Show what many runs said together."""
        dock = self.summary or SummaryDock()
        try:
            dock.show_summary(folder)
        except BeamwatchError as error:
            self._say(str(error))
            return
        if self.summary is None:
            self.summary = dock
            dock.run_picked.connect(self._open_run)
            dock.refused.connect(self._say)
        self._beside.put_below(dock, SUMMARY)

    def watch(self, order: Order) -> None:
        """Watch movies while they are written."""
        if self.live is None:
            self.live = LiveDock()
            self.live.run_picked.connect(self._open_run)
        self._beside.put_below(self.live, LIVE)
        self.live.watch(order)

    def close(self) -> None:
        """Watch nothing more."""
        if self.live is not None:
            self.live.end()
