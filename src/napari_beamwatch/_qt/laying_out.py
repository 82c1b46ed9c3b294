"""How the small forms beside the panel lie: rows, what is told, what to do, and how to leave."""

from __future__ import annotations

from collections.abc import Callable

from magicgui.widgets import Container, Widget
from qtpy.QtWidgets import QDialog, QDialogButtonBox, QPushButton, QVBoxLayout, QWidget

from napari_beamwatch._qt.knob_rows import line_up


def lay_out(
    form: QDialog,
    rows: Container[Widget],
    *below: QWidget,
    width: int,
    action: tuple[str, str, Callable[[], None]],
    leave: str = "Close",
) -> QPushButton:
    """Lay a form out, and connect its buttons.

    Parameters
    ----------
    form : QDialog
    rows : Container
    *below : QWidget
        Between the rows and the buttons.
    width : int
        Pixels.
    action : (str, str, callable)
        What the form is for: words and name of its button, and what that does.
    leave : str
        Words of the button that leaves the form.

    Returns
    -------
    QPushButton
        The one that does what the form is for.
    """
    buttons = QDialogButtonBox()
    words, name, does = action
    button = buttons.addButton(words, QDialogButtonBox.ButtonRole.AcceptRole)
    buttons.addButton(leave, QDialogButtonBox.ButtonRole.RejectRole)
    assert button is not None
    button.setObjectName(name)
    whole = QVBoxLayout(form)
    for widget in (rows.native, *below, buttons):
        whole.addWidget(widget)
    line_up(rows)
    form.resize(width, form.sizeHint().height())
    buttons.accepted.connect(does)
    buttons.rejected.connect(form.reject)
    return button
