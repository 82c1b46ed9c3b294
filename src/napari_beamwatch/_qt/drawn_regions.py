"""Regions that the user draws on a layer of ours, and their answers written beside them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from napari.layers import Layer, Shapes

from napari_beamwatch._napari.placement import Placement
from napari_beamwatch._qt.answer import onset_text
from napari_beamwatch._qt.fft.label_places import Box
from napari_beamwatch._qt.overlay_stack import put
from napari_beamwatch._qt.region_labels import SIZE, label_boxes, labels_beside, outline_boxes
from napari_beamwatch._qt.session import Session
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.harmless import printable
from napari_beamwatch.regions import Region

REGIONS = "Regions"
COLOURS = ("#1fd1a0", "#56b4e9", "#e69f00", "#d98cba", "#f0e442", "#e8743b")
"""Of the regions, in their order: those of the curves."""

OUTLINE = 2.0
"""Width of the outlines in pixels of the screen."""

SLACK = 0.25
"""Part by which that may be missed before they are drawn anew: zooming has many small steps."""

DRAWN = ("rectangle", "polygon")


class DrawnRegions:
    """A Shapes layer and the regions of a session, kept in step.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
    session : Session
    words : callable
        What labels must not cover, in pixels of the screen on a layer.
    """

    def __init__(self, viewer: Any, session: Session, words: Callable[[Layer], list[Box]]) -> None:
        self.viewer, self.session, self._words = viewer, session, words
        self.layer: Any = None
        self._placement: Placement | None = None
        self._reading = False
        session.regions_changed.connect(self._on_regions)
        viewer.camera.events.zoom.connect(self._on_zoom)

    def place(self, placement: Placement | None) -> None:
        """Lie on the movie that is looked at; regions of another movie go."""
        self._placement = placement
        if placement is None:
            self._remove()
        elif self._there():
            put(self.layer, placement.flat)
            self._draw_again()
        elif self.session.regions:
            self._add()

    def start_drawing(self, mode: str = "add_rectangle") -> None:
        """Let the next drag on the picture draw a region."""
        if self._placement is None:
            raise BeamwatchError("there is no movie to draw on: open one first")
        if not self._there():
            self._add()
        self.viewer.layers.selection.active = self.layer
        self.layer.visible = True
        self.layer.mode = mode

    def label(self) -> None:
        """Write the answer of each region beside it, or as much of it as has room there."""
        if not self._there() or not len(self.layer.data):
            return
        features = self.layer.features.copy()
        said = [self._said(str(name)) for name in features["name"]]
        corners = np.array([np.min(points, axis=0)[-2:] for points in self.layer.data])
        zoom, movie = self.viewer.camera.zoom * float(self.layer.scale[-1]), self.session.movie
        right = math.inf if movie is None else movie.shape[-1]
        labels = labels_beside(said, corners, zoom, right, self._words(self.layer))
        if labels == list(features["label"]):
            return
        features["label"] = labels
        self.layer.features = features
        self.layer.refresh_text()

    def outlines(self, zoom: float) -> list[Box]:
        """What outlines cover, in pixels of the screen; `zoom` of them are one here."""
        if not self._there() or not self.layer.visible:
            return []
        return [
            box
            for one in self.session.regions
            for box in outline_boxes(np.array(one.vertices), zoom)
        ]

    def labels(self, zoom: float) -> list[Box]:
        """What labels cover, in pixels of the screen; `zoom` of them are one here."""
        if not self._there() or not self.layer.visible:
            return []
        corners = np.array([np.min(points, axis=0)[-2:] for points in self.layer.data])
        labels = [str(one) for one in self.layer.features["label"]]
        return label_boxes(labels, corners.reshape(-1, 2), zoom)

    def forget(self, layer: Layer) -> None:
        """Have no regions any more if it was their layer that was deleted."""
        if layer is self.layer:
            self.layer = None
            self.session.draw(())

    def close(self) -> None:
        """Listen no more; what was drawn stays."""
        self.session.regions_changed.disconnect(self._on_regions)
        self.viewer.camera.events.zoom.disconnect(self._on_zoom)
        if self.layer is not None:
            self.layer.events.data.disconnect(self._on_drawn)
            self.layer = None

    def _said(self, name: str) -> tuple[str, ...]:
        """What a label may say, most first."""
        shown, row = printable(name), self.session.onset_of(name)
        if row is None:
            return (shown,)
        answers = (onset_text(row), onset_text(row, interval=False))
        return (*(f"{shown} · {one}" for one in dict.fromkeys(answers)), shown)

    def _there(self) -> bool:
        return self.layer is not None and self.layer in self.viewer.layers

    def _add(self) -> None:
        """A layer of the session's regions, or to draw some on."""
        assert self._placement is not None
        movie = self.session.movie
        size = 512 if movie is None else min(movie.shape[1:])
        self.layer = Shapes(
            None,
            ndim=2,
            name=REGIONS,
            face_color="transparent",
            edge_color=COLOURS[0],
            edge_width=max(1.0, size / 200),
            features=_named(()),
            text={
                "string": "{label}",
                "size": SIZE,
                "anchor": "upper_left",
                "color": COLOURS[0],
            },
            opacity=1.0,
            **self._placement.flat,
        )
        self.layer.feature_defaults = {"name": "", "label": ""}
        self._draw_again()
        self.layer.events.data.connect(self._on_drawn)
        self.viewer.layers.append(self.layer)
        self._thicken()

    def _remove(self) -> None:
        if self._there():
            layer, self.layer = self.layer, None
            layer.events.data.disconnect(self._on_drawn)
            self.viewer.layers.remove(layer)

    def _on_drawn(self, event: Any = None) -> None:
        """Read the regions once a shape is there, has moved or is gone."""
        if self._reading or str(getattr(event, "action", "")).endswith("ing"):
            return
        self._reading = True
        try:
            self._name()
            self.session.draw(self._read())
            self.label()
        finally:
            self._reading = False

    def _on_zoom(self, _: object = None) -> None:
        self._thicken()
        self.label()

    def _thicken(self) -> None:
        """Keep the outlines as wide on the screen: thinner than a pixel they would vanish."""
        if not self._there() or not len(self.layer.data):
            return
        width = OUTLINE / max(self.viewer.camera.zoom * float(self.layer.scale[-1]), 1e-9)
        drawn = np.asarray(self.layer.edge_width, float)
        if (np.abs(drawn / width - 1) > SLACK).any():
            self.layer.edge_width = width

    def _on_regions(self) -> None:
        if self._placement is not None and not self._reading:
            self.place(self._placement)

    def _draw_again(self) -> None:
        """Draw the regions of the session in place of those that are drawn."""
        regions = self.session.regions
        if self._reading or regions == self._read():
            return
        self._reading = True
        try:
            self.layer.data = [(np.array(one.vertices) - 0.5, "polygon") for one in regions]
            self.layer.features = _named([one.name for one in regions])
            self._colour_all()
        finally:
            self._reading = False

    def _name(self) -> None:
        """Give each new shape a letter and a colour of its own."""
        features = self.layer.features.copy()
        names: list[str] = []
        given = [str(name) for name in features.get("name", [])]
        for name in given:
            free = name in ("", "nan", "None") or name in names
            names.append(_letter({*names, *given}) if free else name)
        if names != given:
            features["name"] = names
            features["label"] = names
            self.layer.features = features
        self._colour_all()
        self.layer.feature_defaults = {"name": "", "label": ""}

    def _colour_all(self) -> None:
        """Give each shape the colour of its curves."""
        colours = [_colour(i) for i in range(len(self.layer.data))] or COLOURS[0]
        self.layer.edge_color = self.layer.text.color = colours
        self._thicken()

    def _read(self) -> tuple[Region, ...]:
        movie = self.session.movie
        if movie is None:
            return ()
        limit = np.array(movie.shape[1:], float)
        found = []
        names = self.layer.features["name"]
        for name, kind, points in zip(names, self.layer.shape_type, self.layer.data, strict=True):
            if kind not in DRAWN:
                continue
            # napari puts the middle of the first pixel at 0, a region its corner.
            corners = np.clip(np.asarray(points)[:, -2:] + 0.5, 0, limit)
            if kind == "rectangle":
                corners = np.round(corners)
            try:
                found.append(Region(str(name), tuple((float(y), float(x)) for y, x in corners)))
            except BeamwatchError:
                continue  # a click without a drag has no area yet
        return tuple(found)


def _named(names: Sequence[str]) -> pd.DataFrame:
    """Features of the shapes; as objects, since an empty column would be one of numbers."""
    return pd.DataFrame({"name": names, "label": names}, dtype=object)


def _letter(used: set[str]) -> str:
    """The first of A, B, …, Z, A2, … that is free."""
    number = 1
    while True:
        for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
            name = letter if number == 1 else f"{letter}{number}"
            if name not in used:
                return name
        number += 1


def _colour(i: int) -> str:
    return COLOURS[i % len(COLOURS)]
