"""Our layers over the movie.

napari takes its time over each layer that comes or goes, so those that are there are given new
contents instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer, Shapes, Tracks

from napari_beamwatch._napari.onset_map import FILLED, OUTLINED, PLACES, SHOWN, WINDOWS, Picture
from napari_beamwatch._napari.ours import NAMES, ONSET_MAP, OURS, PLACE_DOSES, RESULT
from napari_beamwatch._napari.place_doses import ROOMS
from napari_beamwatch._napari.placement import Placement
from napari_beamwatch.results.result import Result

Step = Callable[[], None]


class OverlayStack:
    """The layers of a result in a viewer.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
    on_top : callable
        Tells which layer is to lie above ours, if any.
    """

    def __init__(self, viewer: Any, on_top: Callable[[], Layer | None]) -> None:
        self._viewer, self._on_top = viewer, on_top
        self._filled = self._in_windows = False

    def layers(self) -> list[Layer]:
        """Those that are there."""
        return [layer for layer in self._viewer.layers if OURS in layer.metadata]

    def named(self, name: str) -> Layer | None:
        """One of them."""
        return next((one for one in self.layers() if one.metadata[OURS] == name), None)

    def steps(self, made: Sequence[Layer], placement: Placement) -> list[Step]:
        """What is to be done to show these layers, in steps that each take a moment only.

        What is there already takes on the new contents and stays as visible as it was; what the
        result has no contents for is emptied.
        """
        new = {layer.metadata[OURS]: layer for layer in made}
        idle = [layer for layer in self.layers() if layer.metadata[OURS] not in new]
        return [
            *(partial(blank, layer, placement) for layer in idle),
            *(partial(self._lay, layer) for layer in made),
        ]

    def empty(self, placement: Placement) -> None:
        """Show no result any more."""
        for layer in self.layers():
            blank(layer, placement)

    def remove(self) -> None:
        """Take them away."""
        layers, gone = self._viewer.layers, self.layers()
        # Of many layers that go napari cleans up after each, unless told that they are one change.
        known = bool(gone) and hasattr(layers, "batched_update")  # from napari 0.9 on
        with layers.batched_update() if known else nullcontext():
            for layer in gone:
                layers.remove(layer)

    def belong_to(self, result: Result) -> None:
        """Be of a result whose layers look the same."""
        layer = self.named(ONSET_MAP)
        if layer is not None:
            layer.metadata[RESULT] = result

    def toggle_map(self) -> None:
        """Show or hide the onset map."""
        layer = self.named(ONSET_MAP)
        if layer is not None:
            layer.visible = not layer.visible

    def fill_map(self, filled: bool) -> None:
        """Fill what the onset map shows, or outline it only."""
        self._filled = filled
        layer = self.named(ONSET_MAP)
        if isinstance(layer, Labels):
            self._draw_as_wanted(layer)

    def map_windows(self, windows: bool) -> None:
        """Let the onset map show the windows, or the places that they make."""
        self._in_windows = windows
        layer = self.named(ONSET_MAP)
        if isinstance(layer, Labels):
            self._draw_as_wanted(layer)
            self._on_map_seen()

    def _draw_as_wanted(self, layer: Labels) -> None:
        known = layer.metadata
        wanted = WINDOWS if self._in_windows or PLACES not in known else PLACES
        picture = known.get(wanted)
        if isinstance(picture, Picture) and known[SHOWN] != wanted:
            layer.data, layer.colormap = picture.labels, picture.colours
            layer.features, layer.editable = picture.features, False
            known.update({SHOWN: wanted, "outline": picture.outline})
        contour = 0 if self._filled else int(known["outline"])
        if layer.contour != contour:
            layer.contour = contour
            layer.opacity = FILLED if self._filled else OUTLINED

    def _lay(self, layer: Layer) -> None:
        """Show one layer, in the place of its forerunner."""
        name = layer.metadata[OURS]
        old = self.named(name)
        if name == ONSET_MAP and isinstance(layer, Labels):
            self._draw_as_wanted(layer)
        if old is not None and type(old) is type(layer):
            renew(old, layer)
        else:
            layers = self._viewer.layers
            active = layers.selection.active
            layers.append(layer)
            self._put_in_order(layer)
            layers.selection.active = active
            if name == ONSET_MAP:
                layer.events.visible.connect(self._on_map_seen)
        if name == PLACE_DOSES:
            self._on_map_seen()

    def _on_map_seen(self, _: object = None) -> None:
        """The doses are seen where the places are."""
        shown, doses = self.named(ONSET_MAP), self.named(PLACE_DOSES)
        if shown is not None and doses is not None:
            doses.visible = shown.visible and shown.metadata.get(SHOWN) == PLACES

    def _put_in_order(self, layer: Layer) -> None:
        """Below those that are to lie above it."""
        layers, order, top = self._viewer.layers, NAMES.index(layer.metadata[OURS]), self._on_top()
        above = [one for one in self.layers() if NAMES.index(one.metadata[OURS]) > order]
        above += [top] if top is not None and top in layers else []
        if above:
            layers.move(layers.index(layer), min(layers.index(one) for one in above))


def renew(layer: Layer, new: Layer) -> None:
    """Let a layer show what another of its kind, which is in no viewer, would show."""
    _fill(layer, new)
    put(
        layer, {name: getattr(new, name) for name in ("scale", "translate", "units", "axis_labels")}
    )
    layer.metadata = new.metadata


def put(layer: Layer, where: Mapping[str, Any]) -> None:
    """Put a layer where it is to lie; napari reads its pixels again for each that changes."""
    for name, value in where.items():
        if not np.array_equal(getattr(layer, name), value):
            setattr(layer, name, value)


def _fill(layer: Layer, new: Layer) -> None:
    if isinstance(layer, Labels):
        layer.data, layer.colormap, layer.features = new.data, new.colormap, new.features
        layer.editable = new.editable  # which napari allows again with each change of the data
        if layer.contour != new.contour:
            layer.contour, layer.opacity = new.contour, new.opacity
    elif isinstance(layer, Shapes):
        layer.data = list(zip(new.data, new.shape_type, strict=True))
        if len(new.data):
            layer.edge_color, layer.face_color = new.edge_color, new.face_color
            layer.edge_width = list(new.edge_width)
            layer.features = new.features
    elif isinstance(layer, Tracks):
        layer.data = new.data
        layer.tail_length = new.tail_length
    elif isinstance(layer, Image):
        layer.data = new.data


def blank(layer: Layer, placement: Placement) -> None:
    """Let a layer show nothing, where it is."""
    for what in (RESULT, PLACES, WINDOWS, SHOWN, ROOMS):
        layer.metadata.pop(what, None)
    if isinstance(layer, Shapes):
        layer.data = []
    elif isinstance(layer, Tracks):
        layer.data = np.zeros((1, layer.ndim + 1))  # napari knows no tracks without a point
    elif isinstance(layer, Labels):
        layer.data = np.zeros((1,) * layer.ndim, layer.data.dtype)
    elif isinstance(layer, Image):
        layer.data = np.full((1,) * layer.ndim, np.nan, layer.data.dtype)
    put(layer, placement.stacked() if layer.ndim == 3 else placement.flat)
