"""Every setting in one form, made by magicgui of the fields of `Settings`.

Those that the panel shows, too, are the same ones: each follows the other.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from magicgui.widgets import Widget
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from napari_beamwatch._qt.knob_rows import Row, form_of, heading, label, line_up, row_of
from napari_beamwatch._qt.session import THRESHOLD, Session
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.settings import KNOBS, Settings

ON_PANEL = frozenset(
    ("window", "step", "alpha", "phases", "criteria", "added_spots", "removed_spots", *THRESHOLD)
)
"""Settings that have widgets of their own on the panel."""

SIZE = (460, 640)
"""Of the form in pixels, where the screen has them."""


def changed_elsewhere(settings: Settings) -> int:
    """Settings that are not as usual and that the panel itself does not show."""
    usual = Settings()
    names = [name for name in KNOBS if name not in ON_PANEL]
    return sum(getattr(settings, name) != getattr(usual, name) for name in names)


class SettingsForm(QDialog):
    """A window of all settings; what is changed counts at once, and Undo takes it back.

    Attributes
    ----------
    rows : dict of str to Row
        Of each setting, by its name.
    container : Container
        Of magicgui, with all of them.
    """

    def __init__(
        self, session: Session, say: Callable[[str], None], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._say = session, say
        self.setObjectName("settings_form")
        self.setWindowTitle("Settings of the analysis")
        self.rows: dict[str, Row] = {
            name: row_of(name, knob, partial(self._on_changed, name))
            for name, knob in KNOBS.items()
        }
        widgets: list[Widget] = []
        for group in dict.fromkeys(knob.group for knob in KNOBS.values()):
            widgets.append(heading(group))
            widgets += [row.widget for name, row in self.rows.items() if KNOBS[name].group == group]
        self.container = form_of(widgets)
        self._lay_out()
        session.settings_changed.connect(self.show_settings)
        self.show_settings()
        self.setMinimumWidth(self.container.native.minimumSizeHint().width() + 40)

    def show_settings(self) -> None:
        """Show the settings as they are."""
        usual = Settings()
        for name, row in self.rows.items():
            value = getattr(self._session.settings, name)
            row.show(value)
            words = label(KNOBS[name], value == getattr(usual, name))
            if row.widget.label != words:  # or magicgui would measure all of them for each
                row.widget.label = words
        line_up(self.container)

    def let_go(self) -> None:
        """Follow the session no more."""
        self._session.settings_changed.disconnect(self.show_settings)

    def _on_changed(self, name: str) -> None:
        row, now = self.rows[name], getattr(self._session.settings, name)
        try:
            value = row.read()
            if KNOBS[name].written(value) != KNOBS[name].written(now):
                change = self._session.choose_settings
                (self._session.set_threshold if name in THRESHOLD else change)(**{name: value})
        except BeamwatchError as error:
            self._say(f"{KNOBS[name].label}: {error}")
        self.show_settings()

    def _on_usual(self) -> None:
        usual = Settings()
        every = {name: getattr(usual, name) for name in KNOBS}
        self._session.choose_settings(**every)
        self._session.set_threshold(**{name: every[name] for name in THRESHOLD})

    def _lay_out(self) -> None:
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self.container.native)
        usual, close = QPushButton("Usual values"), QPushButton("Close")
        usual.setObjectName("usual")
        usual.setToolTip("Everything as it is where nobody chooses; Undo takes that back.")
        usual.setAutoDefault(False)
        close.setAutoDefault(False)
        usual.clicked.connect(self._on_usual)
        close.clicked.connect(self.close)
        ends = QHBoxLayout()
        ends.addWidget(usual)
        ends.addStretch(1)
        ends.addWidget(close)
        whole = QVBoxLayout(self)
        whole.addWidget(scroll, 1)
        whole.addLayout(ends)
        self.resize(*SIZE)
