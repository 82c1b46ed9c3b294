"""The image of the undamaged specimen: a form of magicgui that asks `sum_undamaged`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from magicgui.types import FileDialogMode
from magicgui.widgets import ComboBox, FileEdit, LineEdit
from napari.layers import Image
from qtpy.QtWidgets import QDialog, QMessageBox, QWidget

from napari_beamwatch._napari.layers import SMOOTH
from napari_beamwatch._napari.ours import SUM
from napari_beamwatch._qt.canvas import Canvas
from napari_beamwatch._qt.knob_rows import form_of
from napari_beamwatch._qt.laying_out import lay_out
from napari_beamwatch._qt.sections.section import faint
from napari_beamwatch._qt.session import Request, Session
from napari_beamwatch._qt.starting import Start
from napari_beamwatch.analysis import Progress, Step
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.results.result import Result
from napari_beamwatch.spelling import PERCENT, read_quantity
from napari_beamwatch.summing import UndamagedImage, sum_undamaged
from napari_beamwatch.summing.writing import check_name, write_image

WORTH = "Frames it is worth"
"""Of a layer."""

WEIGHTS = (("every frame, by what is left of the amplitude", False),
           ("those in which so much is left, alike", True))  # fmt: skip

WIDTH = 520
"""Of the form in pixels."""

WHAT_IT_IS = (
    "Frames are moved back by their drift and added up, each part of the field by its own course."
)


class SumForm(QDialog):
    """Adds frames up off the main thread, and shows the image as a layer."""

    def __init__(
        self,
        session: Session,
        canvas: Canvas,
        say: Callable[[str], None],
        start: Start,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._canvas, self._say, self._start = session, canvas, say, start
        self.setObjectName("sum_form")
        self.setWindowTitle("Sum of the undamaged frames")
        self.weights = ComboBox(
            name="weights", label="frames", choices=WEIGHTS,
            tooltip="By amplitude the signal over the noise is best; alike is easier to explain.",
        )  # fmt: skip
        self.survive = LineEdit(
            name="survive", label="left at least", value="90 %",
            tooltip="Part of the lattice power of a place, 50 to 100 %.",
        )  # fmt: skip
        self.file = FileEdit(
            name="file", label="written to", mode=FileDialogMode.OPTIONAL_FILE, nullable=True,
            filter="MRC (*.mrc);;TIFF (*.tif *.tiff)",
            tooltip="An .mrc or .tif with pixel size and where it comes from; none if left empty.",
        )  # fmt: skip
        self.file.line_edit.native.setPlaceholderText("best.mrc or best.tif; or a layer alone")
        self._told = faint(WHAT_IT_IS)
        self._told.setObjectName("told")
        self._sum = lay_out(
            self, form_of([self.weights, self.survive, self.file]), self._told, width=WIDTH,
            action=("Sum", "sum", self.sum),
        )  # fmt: skip
        self.weights.changed.connect(lambda _: self._show())
        self._links = (session.result_changed, session.running_changed)
        for signal in self._links:
            signal.connect(self._show)
        self._show()

    def let_go(self) -> None:
        """Follow the session no more."""
        for signal in self._links:
            signal.disconnect(self._show)

    def sum(self) -> None:
        """Add the frames up as the form says."""
        result = self._session.result
        if result is None:
            return
        try:
            survive = read_quantity(self.survive.value, PERCENT) / 100 if self._alike else None
            path = self._path()
        except BeamwatchError as error:
            self._say(str(error))
            return
        if path is not None and path.exists() and not self._may_replace(path):
            return
        work = partial(_summed, result=result, survive=survive, path=path)
        self._start("adding up frames", work, partial(self._take, path))

    @property
    def _alike(self) -> bool:
        return bool(self.weights.value)

    def _path(self) -> Path | None:
        text = self.file.line_edit.value.strip()
        if not text:
            return None
        path = Path(text).expanduser()
        check_name(path, force=True)
        return path

    def _may_replace(self, path: Path) -> bool:
        yes = QMessageBox.StandardButton.Yes
        return bool(QMessageBox.question(self, "Beamwatch", f"Replace {path.name}?") == yes)

    def _take(self, path: Path | None, generation: int, image: UndamagedImage) -> None:
        self._session.finish(generation)
        placement, layers = self._canvas.placement, self._canvas.viewer.layers
        if placement is None:
            return
        about: dict[str, Any] = {"metadata": {"beamwatch": image.provenance}, **placement.flat}
        seen = Image(
            image.image, name=SUM, colormap="gray", interpolation2d=SMOOTH,
            contrast_limits=image.shown, **about,
        )  # fmt: skip
        worth = Image(image.worth, name=WORTH, colormap="viridis", visible=False, **about)
        movie = self._canvas.layer
        above = layers.index(movie) + 1 if movie in layers else len(layers)
        active = layers.selection.active
        for layer in (worth, seen):  # below what is drawn on the movie
            layers.insert(above, layer)
        layers.selection.active = active
        self._told.setText(_words(image, path))

    def _show(self) -> None:
        """Offer what makes sense now."""
        self.survive.enabled = self._alike
        self._sum.setEnabled(self._session.result is not None and not self._session.running)


def _summed(
    request: Request,
    tell: Progress,
    *,
    result: Result,
    survive: float | None,
    path: Path | None,
) -> UndamagedImage:
    def tick(done: int, of: int) -> None:
        tell(Step(done, of, "adding up frames"))

    image = sum_undamaged(request.movie, result, survive=survive, tick=tick)
    if path is not None:
        write_image(image, path, force=True)
    return image


def _words(image: UndamagedImage, path: Path | None) -> str:
    """What the image is of."""
    dose = "" if image.dose is None else f", the last up to {image.dose:.4g} e/Å²"
    said = f"{image.frames} frames{dose}; tells as much as {np.mean(image.worth):.3g} frames of "
    said += "the undamaged specimen"
    said += f"; {image.note}" if image.note else ""
    return said if path is None else f"{said}; written to {path.name}"
