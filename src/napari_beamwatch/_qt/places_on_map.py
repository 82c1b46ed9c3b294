"""The places on the picture: their onsets written in them, and a click that chooses one.

Needs napari's viewer model only, no Qt.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from napari.layers import Layer, Shapes

from napari_beamwatch._napari.ours import ONSET_MAP, PLACE_DOSES
from napari_beamwatch._napari.place_doses import BEHIND, ROOMS, SIZE, box_of
from napari_beamwatch._qt.clicks import held_still
from napari_beamwatch._qt.drawn_regions import DrawnRegions
from napari_beamwatch._qt.fft.label_places import Box, free_places
from napari_beamwatch._qt.overlay_stack import OverlayStack
from napari_beamwatch._qt.region_labels import EVERYWHERE
from napari_beamwatch._qt.session import Session
from napari_beamwatch.results.named_places import speaking_places, with_chosen
from napari_beamwatch.results.place_map import Room, place_at, place_words

CHARACTER, LINE = 0.97 * SIZE, 1.9 * SIZE
"""Width that no mean character exceeds and height of a line, in pixels of the screen."""

MARGIN = 0.7
"""Characters that the box is wider than its words, on both sides together."""

EDGE = 1.5
"""Pixels of the screen: the frame around the place that was chosen."""

FINE = 1.05
"""Zoom from one drawing of the boxes to the next."""

COARSE = 4
"""Pixels of the screen from one drawing of the boxes to the next, as what covers them moves."""

TRIED = 12
"""Half lines by which words may be moved up or down from the middle of their room."""


class PlacesOnMap:
    """Writes on the layer of doses, and reads clicks on the map.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
    session : Session
    overlays : OverlayStack
    regions : DrawnRegions
    words : callable
        What is written elsewhere, in pixels of the screen on a layer.
    """

    def __init__(
        self,
        viewer: Any,
        session: Session,
        overlays: OverlayStack,
        regions: DrawnRegions,
        words: Callable[[Layer], list[Box]],
    ) -> None:
        self._viewer, self._session, self._overlays = viewer, session, overlays
        self._regions, self._words = regions, words
        self._rooms: Sequence[Room] = ()
        self._written: tuple[object, ...] = ()
        self._found: list[tuple[str, float]] = []
        self._callback = self._on_press
        viewer.mouse_drag_callbacks.append(self._callback)
        for signal in (session.place_changed, session.regions_changed):
            signal.connect(self.write)

    def close(self) -> None:
        """Listen no more."""
        if self._callback in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._callback)
        for signal in (self._session.place_changed, self._session.regions_changed):
            signal.disconnect(self.write)

    def write(self) -> None:
        """Write what has room in each place at this zoom."""
        layer, result = self._overlays.named(PLACE_DOSES), self._session.result
        if not isinstance(layer, Shapes) or result is None or not len(result.places):
            self._rooms, self._written = (), ()  # what is gone is not held on to
            return
        rooms: Sequence[Room] = layer.metadata.get(ROOMS, ())
        zoom = float(self._viewer.camera.zoom * layer.scale[-1])
        regions, place = self._session.regions, self._session.place
        others = [*self._words(layer), *self._regions.labels(zoom)]
        words = [box for box in others if _over(box, rooms, zoom)]
        seen = [round(side / COARSE) for box in words for side in box]
        written = (result, place, regions, round(math.log(zoom, FINE)))
        if not rooms or (rooms is self._rooms and (*written, seen) == self._written):
            return
        same = rooms is self._rooms and written == self._written[:-1]
        self._rooms, self._written = rooms, (*written, seen)
        names = with_chosen(speaking_places(result), self._session.place)
        called = {place: name for name, place in names.items()}
        texts_of = place_words(result.places)
        said = []
        for room in rooms:
            texts = texts_of[room.place]
            name = called.get(room.place)
            more = () if name is None else tuple(f"{name} · {text}" for text in texts[:2])
            said.append((*more, *texts))
        found = words_within(said, rooms, zoom, words, self._regions.outlines(zoom))
        if same and found == self._found:
            return
        self._found = found
        shown = [(room, *one) for room, one in zip(rooms, found, strict=True) if one[0]]
        boxes = [
            box_of(
                replace(room, y=room.y + by), (len(text) + MARGIN) * CHARACTER / zoom, LINE / zoom
            )
            for room, text, by in shown
        ]
        layer.data = [(box, "rectangle") for box in boxes]
        if boxes:
            layer.features = {"label": np.array([text for _, text, _ in shown], object)}
            layer.face_color = [BEHIND] * len(boxes)
            layer.edge_color = [
                "white" if room.place == place else "transparent" for room, _, _ in shown
            ]
            layer.edge_width = [EDGE / zoom] * len(boxes)
            layer.refresh_text()

    def _on_press(self, _: Any, event: Any) -> Iterator[None]:
        """Choose the place that is clicked on, unless something is drawn or dragged."""
        if not (yield from held_still(event)):
            return
        shown, result = self._overlays.named(ONSET_MAP), self._session.result
        doses = self._overlays.named(PLACE_DOSES)
        active = self._viewer.layers.selection.active
        mode = str(getattr(active, "mode", "pan_zoom"))
        if shown is None or doses is None or result is None or not shown.visible:
            return
        if event.button == 1 and mode == "pan_zoom":
            y, x = doses.world_to_data(event.position[-2:])[-2:]
            place = place_at(result, y + 0.5, x + 0.5)
            if place is not None or self._session.place is not None:
                self._session.choose_place(place)


def words_within(
    said: Sequence[Sequence[str]],
    rooms: Sequence[Room],
    zoom: float,
    words: Sequence[Box] = (),
    lines: Sequence[Box] = (),
) -> list[tuple[str, float]]:
    """What is written in each room: as much as fits in it and covers nothing else; else nothing.

    Parameters
    ----------
    said : sequence of sequence of str
        What may be said in each room, most first.
    rooms : sequence of Room
    zoom : float
        Pixels of the screen in one of the movie.
    words : sequence of Box
        What must not be covered, in pixels of the screen.
    lines : sequence of Box
        What is covered only where nothing else is free.

    Returns
    -------
    list of (str, float)
        Words, and by how many pixels of the movie they lie below the middle of the room.
    """
    choices = [
        [
            (text, by)
            for text in texts
            if (len(text) + MARGIN) * CHARACTER <= room.width * zoom
            for by in _shifts(room, zoom)
        ]
        for texts, room in zip(said, rooms, strict=True)
    ]
    wishes = [
        [Box(room.x * zoom, (room.y + by) * zoom, (len(text) + MARGIN) * CHARACTER, LINE)
         for text, by in choice]
        for choice, room in zip(choices, rooms, strict=True)
    ]  # fmt: skip
    free = free_places(wishes, [*words, *lines], EVERYWHERE)
    # Better across an outline than unsaid.
    written = [wish[at] for wish, at in zip(wishes, free, strict=True) if at >= 0]
    left = [[] if at >= 0 else wish for wish, at in zip(wishes, free, strict=True)]
    across = free_places(left, [*words, *written], EVERYWHERE)
    return [
        choice[max(at)] if max(at) >= 0 else ("", 0.0)
        for choice, at in zip(choices, zip(free, across, strict=True), strict=True)
    ]


def _over(box: Box, rooms: Sequence[Room], zoom: float) -> bool:
    """Whether a box lies over any place that words may be written in."""
    return any(
        2 * abs(box.x - zoom * room.x) < box.width + zoom * room.width
        and box.y + box.height / 2 > zoom * (room.y - room.height / 2 - room.above)
        and box.y - box.height / 2 < zoom * (room.y + room.height / 2 + room.below)
        for room in rooms
    )


def _shifts(room: Room, zoom: float) -> list[float]:
    """How far words may lie below the middle of a room, in pixels of the movie, nearest first."""
    spare, step = (room.height - LINE / zoom) / 2, LINE / (2 * zoom)
    up, down = (max(0.0, reach + spare) for reach in (room.above, room.below))
    found = [sign * n * step for n in range(1, TRIED + 1) for sign in (1, -1)]
    return [0.0, *(by for by in found if -up <= by <= down)]
