"""A result as napari layers that lie on the movie: plain layer data, no viewer needed."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from napari.layers import Layer
from napari.utils.colormaps import DirectLabelColormap
from numba import types
from numba.typed import Dict
from numpy.typing import NDArray

from napari_beamwatch._napari.layers import LayerData
from napari_beamwatch._napari.map_scale import onset_values, window_colours
from napari_beamwatch._napari.placement import Placement
from napari_beamwatch._napari.window_maps import LOST, lattice_map, phase_map
from napari_beamwatch.results.result import Result

Floats = NDArray[np.float64]

ONSET_MAP = "Onset map"
LATTICE = "Lattice over dose"
PHASES = "Phase over dose"
PARTICLES = "Particles"
DRIFT = "Drift"
NAMES = (DRIFT, PARTICLES, LATTICE, PHASES, ONSET_MAP)
"""Of the layers that a result makes, from below."""

OURS = "beamwatch_overlay"
"""Key in the metadata of the layers that are ours to replace."""

INSET = 0.05
"""Part of a cell that is left free at each side, so that neighbours do not touch."""

EDGE = 0.025
"""Width of an outline in cells."""

MOST_OUTLINES = 2500
"""Windows up to which each has an outline; a finer map is a picture, or napari would stall."""

PHASE_COLOURS = ("#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#f0e442", "#d55e00", "#0072b2")
"""Of Okabe and Ito, one a phase."""

LOST_COLOUR = "#8c8c8c"

HATCHES = (0.25, 0.5, 0.75)
"""Where along a side the lines of a hatched cell begin."""


def overlays(result: Result, placement: Placement) -> list[LayerData]:
    """The layers of a result, from below; those with nothing to show are left out."""
    made = [
        drift_track(result, placement),
        particle_outlines(result, placement),
        lattice_over_dose(result, placement),
        phase_over_dose(result, placement),
        onset_map(result, placement),
    ]
    return [layer for layer in made if layer is not None]


def overlay_layers(result: Result, placement: Placement) -> list[Layer]:
    """The layers of a result, ready to be shown; may be called from any thread."""
    _compile_label_colours()
    return [Layer.create(*made) for made in overlays(result, placement)]


@cache
def _compile_label_colours() -> None:
    """Compile what napari looks label colours up in: it takes a second, and the window must not."""
    looked_up = Dict.empty(types.uint8, types.uint8)
    looked_up[np.uint8(1)] = np.uint8(1)


def onset_map(result: Result, placement: Placement) -> LayerData | None:
    """Windows outlined in the colour of their onset.

    Windows overlap: what is drawn is the middle of each, as wide as the step. What is ambiguous
    is hatched, what was damaged at the start is crossed out.
    """
    windows = result.windows
    if not len(windows):
        return None
    colours = window_colours(windows)
    values, unit = onset_values(windows)
    cells = _cells(result)
    metadata = {OURS: ONSET_MAP, "unit": unit}
    if len(windows) > MOST_OUTLINES:
        return _onset_picture(result, placement, colours, cells, metadata)
    shapes: list[Floats] = []
    kinds: list[str] = []
    of: list[int] = []
    for i, ((y0, x0, y1, x1), status) in enumerate(zip(cells, windows["status"], strict=True)):
        shapes.append(np.array([[y0, x0], [y0, x1], [y1, x1], [y1, x0]]))
        kinds.append("rectangle")
        lines = _hatching(y0, x0, y1, x1, str(status))
        shapes += lines
        kinds += ["line"] * len(lines)
        of += [i] * (1 + len(lines))
    side = float(cells[0, 2] - cells[0, 0])
    return (
        shapes,
        {
            "name": ONSET_MAP,
            "shape_type": kinds,
            "edge_color": colours[of],
            "face_color": "transparent",
            "edge_width": EDGE * side,
            "opacity": 0.9,
            "features": {
                "window": windows["window"].to_numpy()[of],
                "status": windows["status"].to_numpy()[of],
                f"onset ({unit})": np.round(values[of], 1),
            },
            "metadata": metadata,
            **placement.flat,
        },
        "shapes",
    )


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
            **_on_the_grid(result, placement),
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
            **_on_the_grid(result, placement),
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


def _on_the_grid(result: Result, placement: Placement) -> dict[str, Any]:
    """Where a picture of one pixel a window lies, at all frames."""
    cells = _cells(result, inset=0)
    height, width = (float(cells[0, k + 2] - cells[0, k]) for k in (0, 1))
    corner = (float(cells[:, 0].min()) + height / 2, float(cells[:, 1].min()) + width / 2)
    return placement.stacked(pixel=(height, width), corner=corner)


def _cells(result: Result, inset: float = INSET) -> Floats:
    """Middle of each window, as large as the step: y0, x0, y1, x1 as napari counts pixels.

    napari puts the middle of the first pixel at 0, tables its corner.
    """
    box = result.windows[["y0", "x0", "y1", "x1"]].to_numpy(float)
    window = box[0, 2] - box[0, 0]
    step = result.settings.step if isinstance(result.settings.step, int) else window
    half = step * (0.5 - inset)
    y, x = (box[:, 0] + box[:, 2]) / 2 - 0.5, (box[:, 1] + box[:, 3]) / 2 - 0.5
    return np.column_stack([y - half, x - half, y + half, x + half])


def _hatching(y0: float, x0: float, y1: float, x1: float, status: str) -> list[Floats]:
    if status == "damaged_at_start":
        return [np.array([[y0, x0], [y1, x1]]), np.array([[y1, x0], [y0, x1]])]
    if status != "ambiguous":
        return []
    height, width = y1 - y0, x1 - x0
    lines = []
    for part in HATCHES:  # from the left side or the bottom, up to the top or the right
        rise = 2 * part
        start = (y0 + min(1.0, rise) * height, x0 + max(0.0, rise - 1) * width)
        end = (y0 + max(0.0, rise - 1) * height, x0 + min(1.0, rise) * width)
        lines.append(np.array([start, end]))
    return lines


def _onset_picture(
    result: Result,
    placement: Placement,
    colours: Floats,
    cells: Floats,
    metadata: dict[str, Any],
) -> LayerData:
    """A map of very many windows as a picture of one pixel a window."""
    rows, row = np.unique(cells[:, 0], return_inverse=True)
    columns, column = np.unique(cells[:, 1], return_inverse=True)
    picture = np.zeros((len(rows), len(columns), 4), np.float32)
    picture[row, column] = colours
    step = float(result.settings.step) if isinstance(result.settings.step, int) else 1.0
    side = float(cells[0, 2] - cells[0, 0])
    placed = placement.stacked(
        pixel=(step, step), corner=(float(rows[0]) + side / 2, float(columns[0]) + side / 2)
    )
    flat = {name: value[1:] for name, value in placed.items()}
    return (
        picture,
        {"name": ONSET_MAP, "rgb": True, "opacity": 0.35, "metadata": metadata, **flat},
        "image",
    )


def _thin(result: Result) -> float:
    """Width of a line in pixels that is seen on the whole field and hides little of it."""
    return 1.0 if result.movie is None else max(1.0, min(result.movie.shape[1:]) / 300)
