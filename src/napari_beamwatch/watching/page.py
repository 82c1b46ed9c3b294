"""The index page of a day: every movie that was watched, in one file that needs no network."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from napari_beamwatch.files import write_whole
from napari_beamwatch.log import LOG
from napari_beamwatch.quantities import dose_text
from napari_beamwatch.results.report.page import UNIT, page, text
from napari_beamwatch.results.run_folder import FIGURES
from napari_beamwatch.watching.state import WatchState

NAME = "index.html"

OFTEN = 2.0
"""Seconds between writings while nothing but doses changes."""

AGAIN = 5
"""Seconds after which whoever has the page open sees the newest."""

MOST_ROWS = 2000
"""Of the newest movies: a page must be read by somebody."""

STYLE = """
body{font:15px/1.45 system-ui,sans-serif;margin:2rem;color:#1d2530;background:#fbfbfa}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.45rem .7rem;
vertical-align:top;border-bottom:1px solid #dfe3e6}th{font-weight:600;color:#566}
.s{font-weight:600;white-space:nowrap}.stop .s,.failed .s{color:#b3261e}.ambiguous .s,
.falling .s{color:#9a6700}.holding .s{color:#1a7f37}.n{text-align:right;white-space:nowrap}
img{max-width:16rem;display:block}@media(prefers-color-scheme:dark){body{color:#dde;
background:#15181c}td,th{border-color:#333a42}th{color:#9ab}}
"""


class Page:
    """The page of a folder of runs.

    Parameters
    ----------
    folder : Path
    clock : callable
        Seconds, forward only.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder, self._clock = folder, clock
        self._rows: dict[str, WatchState] = {}
        self._written = float("-inf")

    def tell(self, state: WatchState) -> None:
        """Take a state; the page is written when a status changes, and now and then."""
        before = self._rows.pop(state.path.name, None)
        self._rows[state.path.name] = state
        while len(self._rows) > MOST_ROWS:
            del self._rows[next(iter(self._rows))]
        changed = before is None or (before.status, before.run) != (state.status, state.run)
        if changed or self._clock() - self._written >= OFTEN:
            try:
                self.write()
            except OSError as error:  # a full disk must not end the watch
                LOG.info("the index page cannot be written: %s", error)

    def write(self) -> None:
        """Write the page, whole."""
        write_whole(self._folder / NAME, self.text())
        self._written = self._clock()

    def text(self) -> str:
        """The page."""
        rows = "\n".join(_row(state) for state in reversed(list(self._rows.values())))
        return page(
            "Beamwatch",
            "<h1>Beamwatch</h1>",
            f"<table><thead><tr><th>movie</th><th>state</th><th>dose, {UNIT}</th><th>lattice left"
            f"</th><th></th><th>run</th></tr></thead><tbody>\n{rows}\n</tbody></table>",
            style=STYLE,
            pictures="'self' file:",
            again=AGAIN,
        )


def _row(state: WatchState) -> str:
    dose = "" if state.dose is None else dose_text(state.dose)
    left = "" if state.left is None else f"{max(0.0, state.left):.0%}"
    run = ""
    if state.run is not None:
        here = quote(state.run.name, errors="surrogateescape")
        picture = f'<img src="{here}/{FIGURES[0]}" alt="figure" loading="lazy">'
        run = f'<a href="{here}/">{text(state.run.name)}</a>'
        run += f'<a href="{here}/{FIGURES[0]}">{picture}</a>'
    return (
        f'<tr class="{state.status}"><td>{text(state.path.name)}</td><td class="s">{state.status}'
        f'</td><td class="n">{dose}</td><td class="n">{left}</td><td>{text(state.words)}</td>'
        f"<td>{run}</td></tr>"
    )
