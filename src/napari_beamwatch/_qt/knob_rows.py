"""Rows of a form: a widget of magicgui for each kind of value that a knob can have.

What stands in a row is read and written as on the command line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from magicgui.widgets import CheckBox, ComboBox, Container, Label, LineEdit, SpinBox, Widget
from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import QLabel, QSizePolicy

from napari_beamwatch.knobs import Knob, Names, Pairs, Whole, Word

GIVEN = "given"
"""In place of a word: numbers stand beside it."""

CHANGED = "• "
"""Before the label of what is not as usual."""


class Row(Protocol):
    """A widget, and what stands in it."""

    @property
    def widget(self) -> Widget:
        """What stands in the form."""

    def show(self, value: Any) -> None:
        """Show a value, without telling of it."""

    def read(self) -> Any:
        """The value that stands there; what cannot be read is refused in a sentence."""


def row_of(name: str, knob: Knob, tell: Callable[[], None]) -> Row:
    """The row that suits a knob; `tell` is called once somebody has changed what stands there."""
    value = knob.value
    if isinstance(value, Word):
        return _Box(ComboBox(**_said(name, knob), choices=value.among), tell)
    if isinstance(value, Whole) and not value.words:
        count = SpinBox(**_said(name, knob), min=value.low, max=value.high)
        count.native.setKeyboardTracking(False)
        return _Box(count, tell)
    if isinstance(value, Names) and value.among:
        return _Ticks(name, knob, value, tell)
    if isinstance(value, Pairs) and value.words:
        return _WordOrPairs(name, knob, value, tell)
    return _Text(name, knob, tell)


def label(knob: Knob, usual: bool) -> str:
    """What stands before a row."""
    return knob.label if usual else CHANGED + knob.label


def _said(name: str, knob: Knob) -> dict[str, Any]:
    """What magicgui is told of the widget of any knob."""
    return {"name": name, "label": knob.label, "tooltip": knob.tip}


class _Text:
    """A line, as it is typed on the command line; it counts when it is left."""

    def __init__(self, name: str, knob: Knob, tell: Callable[[], None]) -> None:
        self._knob = knob
        self.widget = self._line = LineEdit(**_said(name, knob))
        self._line.native.setPlaceholderText(knob.range)
        self._line.native.editingFinished.connect(tell)

    def show(self, value: Any) -> None:
        self._line.value = self._knob.written(value)

    def read(self) -> Any:
        return self._knob.read(self._line.value)


class _Box:
    """A word of some, or a whole number: what the widget holds is the value."""

    def __init__(self, widget: ComboBox | SpinBox, tell: Callable[[], None]) -> None:
        self.widget = widget
        widget.changed.connect(lambda _: tell())

    def show(self, value: Any) -> None:
        with self.widget.changed.blocked():
            self.widget.value = value

    def read(self) -> Any:
        return self.widget.value


class _Ticks:
    """Some of a few names."""

    def __init__(self, name: str, knob: Knob, value: Names, tell: Callable[[], None]) -> None:
        self._boxes = {
            one: CheckBox(name=one, text=one.replace("_", " "), tooltip=knob.tip)
            for one in value.among
        }
        self.widget = _column(name, knob, list(self._boxes.values()))
        for box in self._boxes.values():
            box.changed.connect(lambda _: tell())

    def show(self, value: Any) -> None:
        for one, box in self._boxes.items():
            with box.changed.blocked():
                box.value = one in value

    def read(self) -> Any:
        return tuple(one for one, box in self._boxes.items() if box.value)


class _WordOrPairs:
    """A word, or pairs of numbers in a line below it."""

    def __init__(self, name: str, knob: Knob, value: Pairs, tell: Callable[[], None]) -> None:
        self._value = value
        self._box = ComboBox(name=f"{name}_word", choices=(*value.words, GIVEN))
        self._line = LineEdit(name=f"{name}_pairs", tooltip=value.range)
        self.widget = _column(name, knob, [self._box, self._line])
        self._tell = tell
        self._box.changed.connect(self._on_word)
        self._line.native.editingFinished.connect(tell)
        self._line.native.setPlaceholderText("0,0;1.5,-2;…")

    def show(self, value: Any) -> None:
        given = not isinstance(value, str)
        with self._box.changed.blocked(), QSignalBlocker(self._line.native):
            self._box.value = GIVEN if given else value
            self._line.value = self._value.written(value) if given else ""
        self._line.visible = given

    def read(self) -> Any:
        return self._value.read(self._line.value) if self._box.value == GIVEN else self._box.value

    def _on_word(self, word: str) -> None:
        self._line.visible = word == GIVEN
        if word == GIVEN:
            self._line.native.setFocus()  # it counts once there are numbers
        else:
            self._tell()


def form_of(widgets: Sequence[Widget]) -> Container[Widget]:
    """Widgets below each other, with their labels in one column."""
    made: Container[Widget] = Container(labels=True)
    made.extend(widgets)  # magicgui lines labels up only of what comes after the container
    return made


def line_up(form: Container[Widget]) -> None:
    """Let all fields begin below each other: magicgui measures labels before they have a style."""
    whole = form.native.layout()
    rows = (whole.itemAt(i).widget().layout() for i in range(whole.count()))
    first = [row.itemAt(0).widget() for row in rows if row is not None]
    labels = [one for one in first if isinstance(one, QLabel)]
    for one in labels:
        one.ensurePolished()
    widest = max(one.sizeHint().width() for one in labels)
    for one in labels:
        one.setMinimumWidth(widest)


def heading(words: str) -> Label:
    """A row that says what those below it are about."""
    made = Label(name="", label=f"<b>{words}</b>", value="")
    # Or the room would be shared with the label, which would stand in the middle of its half.
    made.native.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
    return made


def _column(name: str, knob: Knob, widgets: Sequence[Widget]) -> Container[Widget]:
    """Widgets below each other in one row."""
    made: Container[Widget] = Container(**_said(name, knob), labels=False, widgets=widgets)
    made.margins = (0, 0, 0, 0)
    return made
