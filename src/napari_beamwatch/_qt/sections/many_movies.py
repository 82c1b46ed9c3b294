"""Section 5: what goes beyond the one movie."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtWidgets import QHBoxLayout, QPushButton

from napari_beamwatch._qt.sections.section import Section


class ManyMoviesSection(Section):
    """Movies while they are written, many at once, the next one, and what many said together."""

    def __init__(
        self,
        live: Callable[[], None],
        batch: Callable[[], None],
        plan: Callable[[], None],
        summary: Callable[[], None],
    ) -> None:
        super().__init__("5  Many movies")
        row = QHBoxLayout()
        for words, name, does, tip in (
            (
                "Live…",
                "show_live",
                live,
                "Watch movies while they are written: it says when to stop.",
            ),
            ("Batch…", "batch", batch, "Analyse many movies by the settings of this desk."),
            ("Plan…", "plan", plan, "The next movie: dose to stop at, seconds, what to type."),
            ("Summary…", "open_summary", summary, "Show what many runs said together."),
        ):
            button = QPushButton(words)
            button.setObjectName(name)
            button.setToolTip(tip)
            button.clicked.connect(does)
            row.addWidget(button)
        self.body.addLayout(row)
