"""The picture between two turns of the event loop: whatever happens, no half of an answer stays."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer

from napari_beamwatch import Movie
from napari_beamwatch._napari.layers import movie_layer
from napari_beamwatch._napari.ours import OURS, RESULT
from napari_beamwatch._napari.overlays import overlay_layers
from napari_beamwatch._napari.placement import Placement
from napari_beamwatch._qt.canvas import Canvas
from napari_beamwatch._qt.opening import Opened
from napari_beamwatch._qt.session import Session
from napari_beamwatch.regions import Region
from napari_beamwatch.results.result import Result


class Turns:
    """Calls that wait until the test says that the loop comes round."""

    def __init__(self) -> None:
        self.waiting: deque[Callable[[], None]] = deque()

    def __call__(self, calls: Iterable[Callable[[], None]]) -> None:
        self.waiting = deque(calls)

    def come_round(self, times: int = 99) -> None:
        for _ in range(min(times, len(self.waiting))):
            self.waiting.popleft()()


class Desk:
    """A viewer without a window, and what keeps it and a session in step."""

    def __init__(self) -> None:
        self.viewer, self.session, self.turns = ViewerModel(), Session(), Turns()
        self.canvas = Canvas(self.viewer, self.session, spread=self.turns)

    def show(self, movie: Any, name: str = "movie") -> Any:
        frames, known, _ = movie_layer(movie)
        return self.viewer.add_image(frames, **{**known, "name": name})

    def have(self, result: Result) -> None:
        """Take an answer, as a run does."""
        request = self.session.begin("analysing")
        made = self.canvas.prepare(result)
        self.canvas.lay(result, made, lambda: self.session.answer(request.generation, result))

    @property
    def onsets(self) -> list[float]:
        """What the map says."""
        layer = self.viewer.layers["Onset map"]
        values = layer.features.filter(like="onset (").to_numpy(float).ravel()
        there = np.isin(layer.features["index"], np.unique(layer.data))
        return sorted(values[there & np.isfinite(values)])


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def other(result: Result) -> Result:
    """Another answer for the same movie."""
    later = (
        table.assign(onset_dose_e_per_A2=table["onset_dose_e_per_A2"] + 7)
        for table in (result.windows, result.places)
    )
    return replace(result, **dict(zip(("windows", "places"), later, strict=True)))


def opened(result: Result) -> Opened:
    assert result.movie is not None
    data, known, kind = movie_layer(result.movie)
    known = {**known, "name": "opened", "metadata": {**known["metadata"], RESULT: result}}
    layers = overlay_layers(result, Placement.of_movie(result.movie))
    return Opened(Layer.create(data, known, kind), result.movie, result, tuple(layers))


def test_an_answer_is_there_once_all_its_layers_are(desk: Desk, movie: Any, result: Result) -> None:
    desk.show(movie)
    desk.have(result)
    steps = len(desk.turns.waiting)
    assert steps > 2
    desk.turns.come_round(steps - 1)
    assert desk.session.result is None
    assert desk.session.running
    desk.turns.come_round()
    assert desk.session.result is result
    assert not desk.session.running


def test_the_map_is_of_the_answer_with_the_threshold_as_it_stands(
    desk: Desk, movie: Any, result: Result
) -> None:
    desk.show(movie)
    desk.have(result)
    desk.turns.come_round()
    desk.session.set_threshold(fraction=0.5)
    assert desk.session.result is not result
    assert desk.viewer.layers["Onset map"].metadata[RESULT] is desk.session.result


@pytest.mark.long
def test_a_cancel_between_two_turns_brings_the_last_map_back(
    desk: Desk, movie: Any, result: Result, other: Result
) -> None:
    desk.show(movie)
    desk.have(result)
    desk.turns.come_round()
    before = desk.onsets
    assert before
    desk.have(other)
    desk.turns.come_round(len(desk.turns.waiting) - 1)
    assert desk.onsets != before
    desk.session.cancel()
    desk.turns.come_round()
    assert desk.session.result is result
    assert desk.onsets == before


def test_a_desk_that_closes_between_two_turns_leaves_the_map_of_its_answer(
    desk: Desk, movie: Any, result: Result, other: Result
) -> None:
    desk.show(movie)
    desk.have(result)
    desk.turns.come_round()
    before = desk.onsets
    desk.have(other)
    desk.turns.come_round(len(desk.turns.waiting) - 1)
    desk.canvas.close()
    assert desk.onsets == before
    assert not desk.turns.waiting


@pytest.mark.long
def test_a_run_whose_movie_is_deleted_between_two_turns_leaves_nothing(
    desk: Desk, movie: Any, result: Result
) -> None:
    first = desk.show(movie)
    desk.canvas.show(opened(result), lambda: None)
    desk.turns.come_round(3)
    desk.viewer.layers.remove("opened")
    desk.turns.come_round()
    assert desk.canvas.layer is first
    assert desk.session.result is None
    assert "Onset map" not in desk.viewer.layers or desk.onsets == []


@pytest.mark.long
def test_a_run_that_was_opened_and_run_again_keeps_its_new_answer(
    desk: Desk, movie: Any, result: Result, other: Result
) -> None:
    first = desk.show(Movie.from_array(movie.frames[:6]), "first")
    desk.canvas.show(opened(result), lambda: None)
    desk.turns.come_round()
    layer = desk.canvas.layer
    assert desk.session.result is result
    again = replace(other, movie=desk.session.movie)
    desk.have(again)
    desk.turns.come_round()
    desk.canvas.choose(first)
    assert desk.session.result is None
    desk.canvas.choose(layer)
    assert desk.session.result is again


@pytest.mark.parametrize("frames", [4, 1])
def test_a_movie_that_comes_second_is_brought_into_view(
    desk: Desk, movie: Any, frames: int
) -> None:
    desk.show(movie)
    desk.canvas.go_to(30)
    seen = desk.viewer.camera.zoom
    counts = np.zeros((frames, 64, 64), np.uint16)
    wide = Movie.from_array(counts, pixel_size=10.0, frame_dose=1.0)
    image, known, _ = movie_layer(wide)
    layer = Layer.create(image, known, "image")
    desk.canvas.show(Opened(layer, wide, None, []), lambda: None)
    desk.turns.come_round()
    assert desk.canvas.layer is layer
    assert layer in desk.canvas.candidates()
    assert desk.viewer.camera.zoom < seen / 2
    assert desk.viewer.camera.center[-1] == pytest.approx(32.0, abs=1)
    assert desk.viewer.dims.point[-3] == pytest.approx(desk.canvas.frame, abs=0.5)


def test_the_movie_that_is_looked_at_lies_over_the_others_and_under_the_map(
    desk: Desk, movie: Any, result: Result
) -> None:
    first = desk.show(movie)
    desk.have(result)
    desk.turns.come_round()
    image, known, _ = movie_layer(movie)
    second = Layer.create(image, known, "image")
    made = overlay_layers(result, Placement.of_movie(movie))
    desk.canvas.show(Opened(second, movie, result, made), lambda: None)
    desk.turns.come_round()
    assert [one for one in desk.viewer.layers if OURS not in one.metadata] == [first, second]
    assert OURS in desk.viewer.layers[-1].metadata
    desk.canvas.choose(first)
    assert [one for one in desk.viewer.layers if OURS not in one.metadata] == [second, first]
    assert OURS in desk.viewer.layers[-1].metadata


def test_the_outline_of_a_region_is_as_wide_on_the_screen_at_any_zoom(
    desk: Desk, movie: Movie
) -> None:
    desk.show(movie)
    desk.viewer.camera.zoom = 100.0
    desk.session.draw((Region.rectangle("A", 0, 90, 0, 90),))
    layer = desk.viewer.layers["Regions"]
    for zoom in (100.0, 20.0, 400.0):
        desk.viewer.camera.zoom = zoom
        assert layer.edge_width[0] * layer.scale[-1] * zoom == pytest.approx(2.0)
