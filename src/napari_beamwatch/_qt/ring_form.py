"""The camera constant from a powder ring that is known: a click on it, and what it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from magicgui.widgets import ComboBox, LineEdit
from napari.layers import Shapes
from qtpy.QtWidgets import QDialog, QWidget

from napari_beamwatch._qt.canvas import Canvas
from napari_beamwatch._qt.clicks import held_still
from napari_beamwatch._qt.knob_rows import form_of
from napari_beamwatch._qt.laying_out import lay_out
from napari_beamwatch._qt.sections.section import faint
from napari_beamwatch._qt.session import Request, Session
from napari_beamwatch._qt.starting import Start
from napari_beamwatch.analysis import Progress
from napari_beamwatch.analysis.patterns.calibrating import (
    CameraConstant,
    PowderRings,
    powder_rings,
    read_standard,
)
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.spelling import PIXEL_SIZE, read_quantity

RINGS = "Rings"
"""Of the layer that shows them while the form is open."""

SEEN, CHOSEN = "#56b4e9", "#f0e442"

NEAR = 0.06
"""Part of its radius by which a click may miss a ring."""

WIDTH = 430
"""Of the form in pixels."""

FINDING = "finding rings"

WHAT_TO_DO = "Click a ring on the picture, or choose it, and say what it is."


class RingForm(QDialog):
    """Finds the rings of a movie and sets the camera constant by what one of them is.

    Attributes
    ----------
    rings : PowderRings or None
        Of the movie that is looked at, once they were found.
    """

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
        self.rings: PowderRings | None = None
        self._layer: Shapes | None = None
        self._callback = self._on_press
        self.setObjectName("ring_form")
        self.setWindowTitle("Camera constant from a ring")
        self.ring = ComboBox(name="ring", label="ring", tooltip="Its mean radius.", choices=())
        self.what = LineEdit(
            name="what", label="it is",
            tooltip="Its spacing, or a phase and the reflection that it is; a phase alone takes "
            "all rings that are seen, by the ratios of their radii.",
        )  # fmt: skip
        self.what.native.setPlaceholderText("2.355 Å, or Au 111, or Au for all rings")
        self._told = faint(WHAT_TO_DO)
        self._told.setObjectName("told")
        self._use = lay_out(
            self, form_of([self.ring, self.what]), self._told, width=WIDTH,
            action=("Use it", "use", self._on_use),
        )  # fmt: skip
        self.ring.changed.connect(lambda _: self._show())
        self.what.changed.connect(lambda _: self._show())
        self.finished.connect(lambda _: self._leave())
        session.frames_changed.connect(self._forget)
        session.running_changed.connect(self._show)

    def look(self) -> None:
        """Look for rings, unless those of this movie are known; they are drawn on the picture."""
        viewer = self._canvas.viewer
        if self._callback not in viewer.mouse_drag_callbacks:
            viewer.mouse_drag_callbacks.append(self._callback)
        if self.rings is not None:
            self._draw()
            return
        self._start(FINDING, _found, self._take)

    def let_go(self) -> None:
        """Follow the session no more."""
        self._leave()
        self._session.frames_changed.disconnect(self._forget)
        self._session.running_changed.disconnect(self._show)

    def _take(self, generation: int, rings: PowderRings) -> None:
        self._session.finish(generation)
        self.rings = rings
        self.ring.choices = [f"{radius:.1f} px" for radius in rings.radius]
        self._draw()
        self._show()

    def _told_by(self) -> CameraConstant | None:
        """What the form says now; None as long as something is missing."""
        words, movie = self.what.value.strip(), self._session.movie
        if self.rings is None or movie is None or not words:
            return None
        rings = replace(self.rings, temperature_C=movie.conditions.temperature_C)
        if not words[0].isalpha():
            return rings.constant_by_one(self._chosen, read_quantity(words, PIXEL_SIZE))
        name, hkl = read_standard(words)
        if hkl is None:
            return rings.constant_by(name, None)
        return rings.constant_by_one(self._chosen, line=(name, hkl))

    @property
    def _chosen(self) -> int:
        return list(self.ring.choices).index(self.ring.value)

    def _show(self) -> None:
        """Say which constant that makes, and mark the ring."""
        try:
            told = self._told_by()
            if told is not None:
                said = told.words
            elif self.rings is not None:
                said = WHAT_TO_DO
            elif self._session.running == FINDING:
                said = f"{FINDING} …"
            else:
                said = "No rings are known: close this, and ask for it again."
        except BeamwatchError as error:
            told, said = None, str(error)
        self._told.setText(said)
        self._use.setEnabled(told is not None)
        if self._there() and self._layer is not None and self.rings is not None:
            self._layer.edge_color = self._colours()

    def _on_use(self) -> None:
        told = self._told_by()
        if told is not None:
            self._session.choose_settings(
                camera_constant=told.value, pixel_size_uncertainty=told.se / told.value
            )
            self.accept()

    def _on_press(self, _: Any, event: Any) -> Iterator[None]:
        """Choose the ring that is clicked on."""
        if not (yield from held_still(event)):
            return
        layer, rings = self._layer, self.rings
        if event.button != 1 or layer is None or rings is None or not self._there():
            return
        y, x = layer.world_to_data(event.position[-2:])[-2:]
        radius = float(np.hypot(y - rings.y, x - rings.x))
        ring = rings.nearest(radius)
        if abs(radius / rings.radius[ring] - 1) > NEAR:
            self._say(
                f"no ring was found at {radius:.0f} px from the centre; the nearest lies at "
                f"{rings.radius[ring]:.1f} px"
            )
            return
        self.ring.value = self.ring.choices[ring]

    def _there(self) -> bool:
        return self._layer is not None and self._layer in self._canvas.viewer.layers

    def _colours(self) -> list[str]:
        assert self.rings is not None
        return [CHOSEN if i == self._chosen else SEEN for i in range(len(self.rings.radius))]

    def _draw(self) -> None:
        rings, placement = self.rings, self._canvas.placement
        if rings is None or placement is None or self._there():
            return
        circles = [np.array([[rings.y, rings.x], [r, r]]) for r in rings.radius]  # middle, radii
        self._layer = Shapes(
            circles, shape_type="ellipse", name=RINGS, face_color="transparent",
            edge_color=self._colours(), edge_width=max(0.6, float(rings.radius.max()) / 250),
            opacity=0.8, **placement.flat,
        )  # fmt: skip
        layers = self._canvas.viewer.layers
        active = layers.selection.active
        layers.append(self._layer)
        layers.selection.active = active

    def _leave(self) -> None:
        """Take the rings off the picture."""
        viewer = self._canvas.viewer
        if self._callback in viewer.mouse_drag_callbacks:
            viewer.mouse_drag_callbacks.remove(self._callback)
        if self._there():
            viewer.layers.remove(self._layer)
        self._layer = None

    def _forget(self) -> None:
        self.rings = None
        self.reject()


def _found(request: Request, tell: Progress) -> object:
    return powder_rings(request.movie, tell)
