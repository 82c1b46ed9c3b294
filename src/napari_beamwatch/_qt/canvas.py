"""The session on the picture: which layer is the movie, our overlays, the slider, the corner.

Needs napari's viewer model only, no Qt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pandas as pd
from napari.layers import Layer
from psygnal import Signal

from napari_beamwatch._napari.layers import movie_layer
from napari_beamwatch._napari.ours import OURS, RESULT
from napari_beamwatch._napari.overlays import overlay_layers
from napari_beamwatch._napari.placement import Placement
from napari_beamwatch._napari.scale_bar import scale_bar_of, show_scale_bar
from napari_beamwatch._qt.corner import CornerText
from napari_beamwatch._qt.drawn_regions import DrawnRegions
from napari_beamwatch._qt.frame_mean import FrameMean
from napari_beamwatch._qt.movie_layers import is_movie_layer, movie_of
from napari_beamwatch._qt.opening import Opened
from napari_beamwatch._qt.overlay_stack import OverlayStack, put
from napari_beamwatch._qt.places_on_map import PlacesOnMap
from napari_beamwatch._qt.session import Session
from napari_beamwatch.movies import Movie
from napari_beamwatch.results.result import Result

Call = Callable[[], None]

Pace = Callable[[Call], Call]
"""Makes of a call one that is made less often, the last one always."""

Spread = Callable[[Iterable[Call]], None]
"""Makes calls one after the other, in place of those that still wait."""


def _at_once(call: Call) -> Call:
    return call


def _in_one_go(calls: Iterable[Call]) -> None:
    for call in calls:
        call()


class Canvas:
    """Keeps the layers of a viewer and a session in step.

    Attributes
    ----------
    layer : Layer or None
        That of the session's movie.
    offered : Layer or None
        Of a movie that was opened since: perhaps it is the one to work on.
    overlays : OverlayStack
    pace : callable
        How often the text and those who listen follow the slider, and labels the wheel: neither
        must wait for them.
    spread : callable
        How layers are shown that were made elsewhere: the window must not wait for them.
    """

    layers_changed = Signal()
    frame_changed = Signal(int)

    def __init__(
        self,
        viewer: Any,
        session: Session,
        pace: Pace = _at_once,
        spread: Spread = _in_one_go,
    ) -> None:
        self.viewer, self.session, self._spread = viewer, session, spread
        self.layer: Layer | None = None
        self.offered: Layer | None = None
        self.placement: Placement | None = None
        self._placed: tuple[Layer | None, object] | None = None
        self._corner = CornerText(viewer)
        self.regions = DrawnRegions(viewer, session, self._corner.covered)
        self.overlays = OverlayStack(viewer, lambda: self.regions.layer)
        self.places = PlacesOnMap(
            viewer, session, self.overlays, self.regions, self._corner.covered
        )
        self._mean = FrameMean(viewer)
        self._averaged = 1
        self._laid: Result | None = None
        self._halfway = False
        self._open = True
        self._told = 0
        viewer.layers.events.inserted.connect(self._on_inserted)
        viewer.layers.events.removed.connect(self._on_removed)
        self._paced = pace(self._on_slider)
        viewer.dims.events.current_step.connect(self._on_step)
        self._paced_labels = pace(self._label)
        self._seen = _what_is_seen(viewer)
        for event in self._seen:
            event.connect(self._on_seen)
        session.movie_changed.connect(self._on_movie)
        session.result_changed.connect(self._on_result)
        session.threshold_changed.connect(self._on_threshold)

    @property
    def frame(self) -> int:
        """The frame that is shown."""
        movie = self.session.movie
        if movie is None or self.placement is None or self.viewer.dims.ndim < 3:
            return 0
        frame = self.placement.frame_at(self.viewer.dims.point[-3])
        return min(max(frame, 0), len(movie) - 1)

    def candidates(self) -> list[Layer]:
        """Layers that can be a movie, and the one that is looked at: it may be a single image."""
        return [one for one in self.viewer.layers if is_movie_layer(one) or one is self.layer]

    def choose(self, layer: Layer | None) -> None:
        """Look at the movie of a layer."""
        if layer is self.layer:
            return
        movie = None if layer is None else movie_of(layer)
        second = self.layer is not None
        self.layer, self.offered = layer, None
        result = None if layer is None else layer.metadata.get(RESULT)
        if isinstance(result, Result) and result.movie is movie:
            self.session.show(result)
        else:
            self.session.take(movie)
        if second and layer is not None:
            self._bring_into_view(layer)
        self.layers_changed.emit()

    def choose_any(self) -> None:
        """Look at the selected movie, or else the topmost, unless there is one already."""
        found = self.candidates()
        if self.layer is None and found:
            # Of a viewer that napari hands over this is a proxy: equal, but not the layer itself.
            active = self.viewer.layers.selection.active
            self.choose(found[found.index(active)] if active in found else found[-1])

    def prepare(self, result: Result) -> list[Layer]:
        """Make the layers of a result; may be called from any thread."""
        if self.placement is None:
            return []
        return overlay_layers(result, self.placement)

    def lay(self, result: Result, made: Sequence[Layer], then: Call) -> None:
        """Show layers of the movie that were made elsewhere; then the result is the session's.

        What ends the session's work meanwhile ends this, too.
        """
        if self.placement is not None:
            self._lay(result, self.overlays.steps(made, self.placement), then)

    def show(self, opened: Opened, then: Call) -> None:
        """Show what was opened elsewhere, and look at it."""

        def look() -> None:
            then()
            if opened.layer in self.viewer.layers:
                self.choose(opened.layer)
            else:  # it was deleted meanwhile
                self._laid = None
                self._on_result()
                self.choose_any()

        steps: list[Call] = [lambda: self.viewer.add_layer(opened.layer)]
        if opened.result is not None:
            steps += self.overlays.steps(opened.overlays, Placement.of_movie(opened.movie))
        self._lay(opened.result, steps, look)

    def _lay(self, result: Result | None, steps: Sequence[Call], then: Call) -> None:
        generation, self._halfway = self.session.generation, True

        def wanted(call: Call) -> Call:
            def do() -> None:
                if self.session.generation == generation:
                    call()
                elif self._halfway:  # some of it was shown already
                    self._on_result()
                    self.choose_any()

            return do

        def done() -> None:
            self._laid, self._halfway = result, False
            then()

        self._spread([wanted(call) for call in (*steps, done)])

    def replace_movie(self, movie: Movie) -> None:
        """Show the movie with other frames, on the layer that it has."""
        layer = self.layer
        if layer is None:
            return
        self._mean.reset()
        data, known, _ = movie_layer(movie)
        layer.data = data
        layer.metadata.pop(RESULT, None)
        layer.metadata.update(known["metadata"])
        layer.contrast_limits = known["contrast_limits"]
        self.session.replace_movie(movie)

    def go_to(self, frame: int) -> None:
        """Show a frame."""
        if self.placement is None or self.session.movie is None or self.viewer.dims.ndim < 3:
            return
        frame = min(max(frame, 0), len(self.session.movie) - 1)
        self.viewer.dims.set_point(self.viewer.dims.ndim - 3, self.placement.world_of(frame))

    def go_to_onset(self, by: int = 0) -> None:
        """Show the frame of the onset of the chosen region, or one so many frames from it."""
        frame = self.onset_frame
        if frame is not None:
            self.go_to(frame + by)

    @property
    def onset_frame(self) -> int | None:
        """The frame of the onset of the chosen region, if it has one."""
        row = self.session.onset
        return None if row is None or pd.isna(row["onset_frame"]) else int(row["onset_frame"])

    def average(self, frames: int) -> None:
        """Show the mean of so many frames around each; what is measured stays."""
        self._averaged = frames
        movie = self.session.movie
        if self.layer is None or movie is None or self.placement is None:
            self._mean.reset()
        else:
            self._mean.show(self.layer, movie, self.placement, frames, self.frame)

    def close(self) -> None:
        """Leave the viewer as if we had never been there, but for the layers."""
        if not self._open:
            return
        self._spread(())
        if self._halfway:
            self._on_result()
        self._open = False
        self.viewer.layers.events.inserted.disconnect(self._on_inserted)
        self.viewer.layers.events.removed.disconnect(self._on_removed)
        self.viewer.dims.events.current_step.disconnect(self._on_step)
        for event in self._seen:
            event.disconnect(self._on_seen)
        self.session.movie_changed.disconnect(self._on_movie)
        self.session.result_changed.disconnect(self._on_result)
        self.session.threshold_changed.disconnect(self._on_threshold)
        self.regions.close()
        self.places.close()
        self._mean.reset()
        self._corner.close()

    def _on_inserted(self, event: Any) -> None:
        if OURS in event.value.metadata:
            return
        if not self._halfway:
            self._consider(event.value)
        self.layers_changed.emit()

    def _bring_into_view(self, layer: Layer) -> None:
        """Show a movie that may lie over the map, under the one before, or beyond what is seen."""
        layers = self.viewer.layers
        at = layers.index(layer)
        covered = any(is_movie_layer(one) for one in layers[at + 1 :])
        lowest = next((i for i, one in enumerate(layers) if OURS in one.metadata), len(layers))
        if covered or at > lowest:
            layers.move(at, lowest)
        fit = getattr(self.viewer, "fit_to_view", None)  # napari 0.8 fits all layers or none
        if fit is not None:
            fit(layers=[layer])
        self.go_to(self.frame)

    def _consider(self, layer: Layer) -> None:
        """Look at a layer that has come, if it is a movie and nothing is lost with the last one."""
        if self.layer is None:
            self.choose_any()
        elif RESULT in layer.metadata and not self.session.running:
            self.choose(layer)
        elif is_movie_layer(layer):
            if "movie" in layer.metadata and not self.session.at_stake:
                self.choose(layer)
            else:
                self.offered = layer

    def _on_removed(self, event: Any) -> None:
        if OURS in event.value.metadata:
            self._laid = None
            return
        self.regions.forget(event.value)
        if event.value is self.offered:
            self.offered = None
        if self.layer is not None and self.layer not in self.viewer.layers:
            self.layer = None
            self.session.take(None)
            self.choose_any()
        self.layers_changed.emit()

    def _on_movie(self) -> None:
        movie, layer = self.session.movie, self.layer
        if movie is None:
            self.placement = self._placed = None
            self._corner.hide()
            self._mean.reset()
            self.regions.place(None)
            return
        # The slider stays at its frame when the time of one is told, not when frames are others.
        shown = (layer, movie.recording.frames)
        at = self.frame if shown == self._placed else None
        placed = Placement.of_movie(movie) if layer is None else Placement.of_layer(movie, layer)
        if self._placed is None or self._placed[1] is not shown[1]:
            self._averaged = 1
        sized = self.placement is not None and self.placement.units[-1] == placed.units[-1]
        if at is None:
            self._mean.reset()
        elif placed != self.placement:
            self._mean.pause()  # its margins are in the unit of before
        self.placement, self._placed = placed, shown
        if layer is not None:
            put(layer, placed.stacked())
            if "movie" in layer.metadata:
                layer.metadata["movie"] = movie
            if at is None or not sized:
                show_scale_bar(self.viewer, movie)
        self.regions.place(placed)
        if at is not None:
            self.go_to(at)
        self._on_slider()
        self.average(self._averaged)

    def _on_result(self) -> None:
        result, placement = self.session.result, self.placement
        if self.layer is None or placement is None:
            self.overlays.remove()
        elif result is None:
            self.overlays.empty(placement)
        elif result is not self._laid or self._halfway:
            _in_one_go(self.overlays.steps(self.prepare(result), placement))
        self._laid, self._halfway = result, False
        if self.layer is not None and result is not None and RESULT in self.layer.metadata:
            self.layer.metadata[RESULT] = result  # it replaces the one that was opened
        self._on_slider()
        self._label()

    def _on_threshold(self) -> None:
        if self.session.result is not None:
            self.overlays.belong_to(self.session.result)

    def _on_seen(self, _: object = None) -> None:
        self._paced_labels()

    def _label(self) -> None:
        """Write what has room beside regions and in places."""
        if self._open:
            self.regions.label()
            self.places.write()

    def _on_step(self, _: object = None) -> None:
        self._paced()

    def _on_slider(self) -> None:
        movie = self.session.movie
        if not self._open or movie is None or self.placement is None or self.viewer.dims.ndim < 3:
            return
        frame = self.frame
        self._corner.show(movie, self.session.result, frame)
        if frame != self._told:
            self._told = frame
            self.frame_changed.emit(frame)


def _what_is_seen(viewer: Any) -> list[Any]:
    """Events of what part of the picture is seen, and how large."""
    canvas = getattr(viewer, "canvas", None)  # napari 0.8 tells no plugin its size
    camera = [viewer.camera.events.zoom, viewer.camera.events.center]
    if canvas is None:
        return camera
    bar = scale_bar_of(viewer).events
    return [*camera, canvas.events.size, bar.visible, bar.position, bar.length, bar.font_size]
