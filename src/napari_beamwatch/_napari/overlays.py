"""A result as napari layers that lie on the movie: plain layer data, no viewer needed."""

from __future__ import annotations

from functools import cache

import numpy as np
from napari.layers import Labels, Layer
from napari.utils.colormaps import DirectLabelColormap
from numba import types
from numba.typed import Dict

from napari_beamwatch._napari.layers import LayerData
from napari_beamwatch._napari.onset_map import onset_map
from napari_beamwatch._napari.ours import DRIFT, LATTICE, OURS, PARTICLES, PHASES
from napari_beamwatch._napari.place_doses import place_doses
from napari_beamwatch._napari.placement import Placement
from napari_beamwatch._napari.window_maps import LOST, lattice_map, on_the_grid, phase_map
from napari_beamwatch.results.place_map import Squares
from napari_beamwatch.results.result import Result

PHASE_COLOURS = ("#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#f0e442", "#d55e00", "#0072b2")
"""Of Okabe and Ito, one a phase."""

LOST_COLOUR = "#8c8c8c"


def overlays(result: Result, placement: Placement) -> list[LayerData]:
    """The layers of a result, from below; those with nothing to show are left out."""
    made = [
        drift_track(result, placement),
        particle_outlines(result, placement),
        lattice_over_dose(result, placement),
        phase_over_dose(result, placement),
        onset_map(result, placement),
        place_doses(result, placement),
    ]
    return [layer for layer in made if layer is not None]


def overlay_layers(result: Result, placement: Placement) -> list[Layer]:
    """The layers of a result, ready to be shown; may be called from any thread."""
    _compile_label_colours()
    made = [Layer.create(*one) for one in overlays(result, placement)]
    for layer in made:
        if isinstance(layer, Labels):
            layer.editable = False  # a brush would change what was found
            layer.contour = layer.metadata.get("outline", 0)
    return made


@cache
def _compile_label_colours() -> None:
    """Compile what napari looks label colours up in: it takes a second, and the window must not."""
    looked_up = Dict.empty(types.uint8, types.uint8)
    looked_up[np.uint8(1)] = np.uint8(1)


def lattice_over_dose(result: Result, placement: Placement) -> LayerData | None:
    """Intensity of each window's lattice relative to the start, frame by frame."""
    found = lattice_map(result)
    if found is None:
        return None
    return (
        found,
        {
            "name": LATTICE,
            "colormap": "viridis",
            "contrast_limits": (0.0, 1.0),
            "opacity": 0.45,
            "blending": "translucent",
            "interpolation2d": "nearest",
            "visible": False,
            "metadata": {OURS: LATTICE, "unit": "intensity relative to the start"},
            **on_the_grid(Squares.of(result), placement),
        },
        "image",
    )


def phase_over_dose(result: Result, placement: Placement) -> LayerData | None:
    """Phase of each window, frame by frame; its name stands in the status bar."""
    found = phase_map(result)
    if found is None:
        return None
    numbers, names = found
    kinds = iter(range(len(names)))
    colours: dict[int | None, str] = {None: "transparent", 0: "transparent"}
    for number, name in enumerate(names, start=1):
        lost = name == LOST
        colours[number] = LOST_COLOUR if lost else PHASE_COLOURS[next(kinds) % len(PHASE_COLOURS)]
    return (
        numbers,
        {
            "name": PHASES,
            "colormap": DirectLabelColormap(color_dict=colours),
            "features": {"index": np.arange(len(names) + 1), "phase": ["–", *names]},
            "opacity": 0.4,
            "visible": False,
            "metadata": {OURS: PHASES, "phases": names},
            **on_the_grid(Squares.of(result), placement),
        },
        "labels",
    )


def particle_outlines(result: Result, placement: Placement) -> LayerData | None:
    """Outlines of particles, those of the bin of frames that is shown."""
    particles = result.particles
    if particles is None or not particles.outlines:
        return None
    bins = particles.bins
    # Bins hold as many frames each, but for the last.
    every = bins[0].last - bins[0].first
    shapes, numbers = [], []
    for (particle, number), points in particles.outlines.items():
        plane = np.full((len(points), 1), float(number))
        shapes.append(np.hstack([plane, np.asarray(points, float) - 0.5]))
        numbers.append(particle)
    return (
        shapes,
        {
            "name": PARTICLES,
            "shape_type": "polygon",
            "edge_color": "#56b4e9",
            "face_color": "transparent",
            "edge_width": _thin(result),
            "features": {"particle": np.array(numbers)},
            "visible": False,
            "metadata": {OURS: PARTICLES},
            **placement.stacked(every=every, first=bins[0].first + (every - 1) / 2),
        },
        "shapes",
    )


def drift_track(result: Result, placement: Placement) -> LayerData | None:
    """The way of what lay in the middle of the field."""
    drift = result.drift.dropna(subset=["dy_px", "dx_px"])
    if result.movie is None or len(drift) < 2 or not drift[["dy_px", "dx_px"]].to_numpy().any():
        return None
    frames, height, width = result.movie.shape
    frame = drift["frame"].to_numpy(float)
    track = np.column_stack(
        [
            np.zeros(len(drift)),
            frame,
            height / 2 + drift["dy_px"].to_numpy(float),
            width / 2 + drift["dx_px"].to_numpy(float),
        ]
    )
    return (
        track,
        {
            "name": DRIFT,
            "tail_length": frames,
            "tail_width": 3,
            "colormap": "hsv",
            "features": {"frame": frame},
            "visible": False,
            "metadata": {OURS: DRIFT},
            **placement.stacked(),
        },
        "tracks",
    )


def _thin(result: Result) -> float:
    """Width of a line in pixels that is seen on the whole field and hides little of it."""
    return 1.0 if result.movie is None else max(1.0, min(result.movie.shape[1:]) / 300)
