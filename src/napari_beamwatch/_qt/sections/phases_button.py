"""Which phases spots are matched to: a button with a menu."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QMenu, QSizePolicy, QToolButton, QWidget

from napari_beamwatch._qt.session import Session
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.phases import known_phases
from napari_beamwatch.phases.structures import resolve

NAMED = 2
"""Phases that are named on the button; of more their number."""


class PhasesButton(QToolButton):
    """All phases that are known, or some of them, or structures from the user's own CIF files."""

    def __init__(
        self, session: Session, say: Callable[[str], None], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._say = session, say
        self.setObjectName("phases")
        self.setToolTip("Phases that spots are matched to, and whose rings the live FFT shows.")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._choices = QMenu(self)
        self._choices.aboutToShow.connect(self._fill)
        self.setMenu(self._choices)
        self.show_phases()

    def show_phases(self) -> None:
        """Name what is chosen."""
        chosen = [_name(one) for one in self._session.settings.phases]
        if not chosen:
            self.setText("all phases")
        else:
            more = len(chosen) > NAMED
            self.setText(f"{len(chosen)} phases" if more else ", ".join(chosen))

    def add_cif(self, path: Path) -> None:
        """Match spots to the structure of a CIF file, too."""
        try:
            resolve([str(path)])
        except BeamwatchError as error:
            self._say(str(error))
            return
        if path.stem in known_phases():
            self._say(f"{path.stem} is a phase that is known: give your file another name")
            return
        self._choose(str(path), True)

    def _fill(self) -> None:
        """Offer what is known now, and what was added."""
        menu, chosen = self._choices, self._session.settings.phases
        menu.clear()
        every = menu.addAction("all that are known")
        if every is not None:
            every.triggered.connect(lambda: self._session.choose_settings(phases=()))
        menu.addSeparator()
        for phase in dict.fromkeys((*known_phases(), *chosen)):
            gone = _is_cif(phase) and not Path(phase).is_file()
            action = menu.addAction(_name(phase) + (" (its file is gone)" if gone else ""))
            if action is not None:
                action.setCheckable(True)
                action.setChecked(phase in chosen)
                action.toggled.connect(partial(self._choose, phase))
        menu.addSeparator()
        own = menu.addAction("from a CIF file…")
        if own is not None:
            own.triggered.connect(self._ask)

    def _ask(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Structure", filter="Structures (*.cif)")
        if path:
            self.add_cif(Path(path))

    def _choose(self, phase: str, wanted: bool) -> None:
        named = _name(phase)
        others = tuple(one for one in self._session.settings.phases if _name(one) != named)
        self._session.choose_settings(phases=(*others, phase) if wanted else others)


def _name(phase: str) -> str:
    return Path(phase).stem if _is_cif(phase) else phase


def _is_cif(phase: str) -> bool:
    return phase.lower().endswith(".cif")
