"""Places on the picture: what is written in them at which zoom, and a click that chooses one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from napari.components import ViewerModel

from napari_beamwatch._napari.layers import movie_layer
from napari_beamwatch._qt.canvas import Canvas
from napari_beamwatch._qt.fft.label_places import Box
from napari_beamwatch._qt.places_on_map import LINE, words_within
from napari_beamwatch._qt.region_labels import outline_boxes
from napari_beamwatch._qt.session import Session
from napari_beamwatch.results.place_map import Room, Squares, place_numbers, rooms_of


class Desk:
    """A viewer without a window, and a result on it."""

    def __init__(self, movie: Any, result: Any) -> None:
        self.viewer, self.session = ViewerModel(), Session()
        self.canvas = Canvas(self.viewer, self.session)
        frames, known, _ = movie_layer(movie)
        self.viewer.add_image(frames, **known)
        self.session.show(result)
        self.rooms = rooms_of(place_numbers(result, Squares.of(result)), Squares.of(result))

    def zoom(self, pixels: float) -> None:
        """Show a pixel of the movie as so many of the screen."""
        self.viewer.camera.zoom = pixels / self.viewer.layers["Onset doses"].scale[-1]

    @property
    def said(self) -> list[str]:
        layer = self.viewer.layers["Onset doses"]
        return list(layer.features["label"])[: len(layer.data)]

    def click(self, y: float, x: float, by: float = 0.0) -> None:
        """Press at a pixel of the movie, and let go some pixels of the screen further."""
        scale = self.viewer.layers["Onset doses"].scale[-1]
        event = SimpleNamespace(
            type="mouse_press", button=1, pos=(0.0, 0.0),
            position=(0.0, (y - 0.5) * scale, (x - 0.5) * scale),
        )  # fmt: skip
        callback = self.viewer.mouse_drag_callbacks[-1]
        steps: Iterator[None] = callback(self.viewer, event)
        next(steps)
        if by:
            event.type, event.pos = "mouse_move", (by, 0.0)
            next(steps, None)
        event.type = "mouse_release"
        next(steps, None)


@pytest.fixture
def desk(movie: Any, result: Any) -> Iterator[Desk]:
    """Of two places, the upper one changed at 100 e/Å², the lower one survived 500."""
    places = pd.DataFrame([result.places.iloc[0]] * 2).astype(result.places.dtypes.to_dict())
    places = places.reset_index(drop=True).assign(
        place=pd.array([0, 1], "Int64"), status=["onset", "survived"],
        onset_dose_e_per_A2=[100.0, np.nan], onset_frame=pd.array([6, pd.NA], "Int64"),
        survived_dose_e_per_A2=[np.nan, 500.0], onset_low_e_per_A2=[95.0, np.nan],
        onset_high_e_per_A2=[105.0, np.nan],
    )  # fmt: skip
    middle = result.windows["y0"].median()
    windows = result.windows.assign(
        place=pd.array((result.windows["y0"] >= middle).astype(int), "Int64")
    )
    onsets = result.onsets.assign(onset_dose_e_per_A2=100.0, median_onset_e_per_A2=np.nan)
    made = Desk(movie, replace(result, places=places, windows=windows, onsets=onsets))
    yield made
    made.canvas.close()


def test_the_more_room_there_is_the_more_is_written(desk: Desk) -> None:
    for pixels, said in (
        (4.0, ["first · 100 e/Å²", "survived"]),
        (0.4, ["first · 100", "survived"]),
        (0.25, ["100 e/Å²", "survived"]),
        (0.2, ["100", "> 500"]),
        (0.02, []),
    ):
        desk.zoom(pixels)
        assert desk.said == said


def test_boxes_keep_their_size_on_the_screen(desk: Desk) -> None:
    wide = []
    for pixels in (4.0, 8.0):
        desk.zoom(pixels)
        box = desk.viewer.layers["Onset doses"].data[0]
        wide.append(pixels * np.ptp(box[:, 1]))
    assert wide[0] == pytest.approx(wide[1])


def test_words_that_would_cover_others_say_less() -> None:
    rooms = [Room(0, 0.0, 0.0, 100.0, 4.0), Room(1, 4.0, 0.0, 100.0, 4.0)]
    said = [("149 e/Å²", "149")] * 2
    assert [text for text, _ in words_within(said, rooms, 1.0)] == ["149 e/Å²", ""]
    assert words_within(said, rooms, 9.0) == [("149 e/Å²", 0.0)] * 2


def test_words_give_way_to_an_outline_as_far_as_their_room_reaches() -> None:
    room = Room(0, 50.0, 50.0, 100.0, 60.0)
    line = outline_boxes(np.array([(50.0, 0.0), (50.0, 100.0), (0.0, 50.0)]), 1.0)
    ((text, by),) = words_within([("149",)], [room], 1.0, lines=line[:60])
    assert text == "149"
    assert LINE / 2 < abs(by) <= (room.height - LINE) / 2
    tall = Room(0, 50.0, 50.0, 100.0, LINE, below=100.0)
    ((_, by),) = words_within([("149",)], [tall], 1.0, lines=line[:60])
    assert LINE / 2 < by < 2 * LINE
    low = replace(tall, below=0.0)  # no way to go: said all the same
    assert words_within([("149",)], [low], 1.0, lines=line[:60]) == [("149", 0.0)]


def test_words_would_rather_be_unsaid_than_lie_on_others() -> None:
    low = Room(0, 50.0, 50.0, 100.0, LINE)
    assert words_within([("149",)], [low], 1.0, words=[Box(50, 50, 9, 9)]) == [("", 0.0)]


def test_words_keep_clear_of_those_in_the_corner_and_come_back(desk: Desk) -> None:
    desk.zoom(4.0)
    layer, camera, room = desk.viewer.layers["Onset doses"], desk.viewer.camera, desk.rooms[0]
    middle = np.array(layer.data_to_world((room.y, room.x))[-2:])
    height, width = desk.viewer.canvas.size
    corner = np.array([height / 2 - 30, 60 - width / 2]) / camera.zoom
    found = []
    for centre in (middle, middle - corner):
        camera.center = (0.0, *centre)
        found.append(np.mean(layer.data[0][:, 0]))
    camera.center = (0.0, *middle)
    assert 40 < 4.0 * (found[0] - found[1]) < 80
    assert np.mean(layer.data[0][:, 0]) == pytest.approx(found[0])


def test_a_click_chooses_a_place_and_another_one_lets_it_go(desk: Desk) -> None:
    desk.zoom(4.0)
    room = desk.rooms[1]
    desk.click(room.y, room.x)
    assert desk.session.place == 1
    assert desk.said[1] == "place\u00a01 · survived"
    desk.click(room.y, room.x)
    assert desk.session.place is None


def test_a_drag_chooses_nothing_and_a_click_beside_the_map_lets_go(desk: Desk) -> None:
    room = desk.rooms[1]
    desk.click(room.y, room.x, by=30.0)
    assert desk.session.place is None
    desk.click(room.y, room.x)
    desk.click(-50.0, -50.0)
    assert desk.session.place is None


def test_nothing_is_chosen_on_a_map_that_is_hidden(desk: Desk) -> None:
    desk.canvas.overlays.toggle_map()
    assert not desk.viewer.layers["Onset doses"].visible
    desk.click(desk.rooms[0].y, desk.rooms[0].x)
    assert desk.session.place is None


def test_the_windows_are_shown_in_place_of_the_places_and_back(desk: Desk) -> None:
    shown, doses = (desk.viewer.layers[name] for name in ("Onset map", "Onset doses"))
    desk.canvas.overlays.map_windows(True)
    assert list(shown.features["window"]) == list(desk.session.result.windows["window"])
    assert not doses.visible
    desk.canvas.overlays.map_windows(False)
    assert list(shown.features["place"]) == [0, 1]
    assert doses.visible


def test_another_result_has_other_words(desk: Desk) -> None:
    desk.zoom(4.0)
    result = desk.session.result
    assert result is not None
    later = result.places.assign(onset_dose_e_per_A2=[222.0, np.nan])
    desk.session.show(replace(result, places=later))
    assert desk.said == ["first · 222 e/Å²", "survived"]


def test_a_run_of_when_nobody_knew_of_places_shows_windows_and_no_words(desk: Desk) -> None:
    result = desk.session.result
    assert result is not None
    unknown = pd.array([pd.NA] * len(result.windows), "Int64")
    windows = result.windows.assign(place=unknown)
    desk.session.show(replace(result, places=result.places.iloc[:0], windows=windows))
    assert desk.said == []
    assert "window" in desk.viewer.layers["Onset map"].features
    desk.click(200.0, 200.0)
    assert desk.session.place is None


def test_the_viewer_is_left_as_it_was(desk: Desk) -> None:
    desk.canvas.close()
    assert desk.viewer.mouse_drag_callbacks == ViewerModel().mouse_drag_callbacks
