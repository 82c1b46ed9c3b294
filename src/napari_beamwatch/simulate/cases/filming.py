"""`simulate`: a case, or a scene of one's own, as a movie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.simulate.cases.case import Case, View, load_case
from napari_beamwatch.simulate.detector import Detector
from napari_beamwatch.simulate.movie import (
    SimulatedMovie,
    checked_doses,
    checked_size,
    film_patterns,
    film_scene,
)
from napari_beamwatch.simulate.patterns import PatternScene
from napari_beamwatch.simulate.pictures import realised
from napari_beamwatch.simulate.scene import Scene
from napari_beamwatch.simulate.truth import truth_of

PATTERN_SIZE = 256
"""Pixels a side of diffraction patterns, unless somebody says otherwise."""


def simulate(
    case: str | Scene | PatternScene,
    *,
    pixel_size: float | None = None,
    frame_dose: float | Sequence[float] | None = None,
    frames: int | None = None,
    size: int | Sequence[int] | None = None,
    seed: int = 0,
    detector: Detector | None = None,
    dose_rate: float = 50.0,
    **parameters: Any,
) -> SimulatedMovie:
    """A movie whose truth is known; no frame is made before somebody looks at it.

    Parameters
    ----------
    case : str or Scene or PatternScene
        One of `case_names`, or a scene of one's own.
    pixel_size : float, optional
        Å; the nearest that divides the stages' field (120 Å) is taken. Patterns have none.
    frame_dose : float or sequence of float, optional
        Nominal dose of a frame in e/Å²; a flux that varies modulates it.
    frames : int, optional
    size : int or (rows, columns), optional
        Pixels.
    seed : int
        Of the noise, and of what a case leaves to chance.
    detector : Detector, optional
    dose_rate : float
        Nominal, e/Å²/s.
    **parameters
        The case's own (`Case.parameters`), such as ``onset`` and ``tau``.

    Returns
    -------
    SimulatedMovie
        The pixel size, doses, times and conditions are stated by its recording.
    """
    chosen = load_case(case) if isinstance(case, str) else _own(case)
    unknown = sorted(set(parameters) - set(chosen.parameters))
    if unknown:
        raise BeamwatchError(
            f"{chosen.name} knows no {', '.join(unknown)}; its own parameters are "
            + (", ".join(chosen.parameters) or "none")
        )
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise BeamwatchError(f"a seed is a whole number from 0 on, not {seed!r}")
    if not dose_rate > 0:
        raise BeamwatchError(f"a dose rate is above 0 e/Å²/s, not {dose_rate!r}")
    shape = checked_size(chosen.size if size is None else size)
    if frames is None and np.ndim(frame_dose if frame_dose is not None else 0) == 1:
        frames = len(frame_dose)  # type: ignore[arg-type]
    doses = checked_doses(
        chosen.frame_dose if frame_dose is None else frame_dose,
        chosen.frames if frames is None else frames,
    )
    pixel = 1.0
    if chosen.pixel_size is not None:
        pixel = realised(chosen.pixel_size if pixel_size is None else pixel_size)
    elif pixel_size is not None:
        raise BeamwatchError(f"{chosen.name} is of diffraction patterns, which have no pixel size")
    view = View(shape[0] * pixel, shape[1] * pixel, float(doses.sum()), int(seed))
    scene = chosen.build(view, **parameters)
    filmed: dict[str, Any] = {
        "frame_dose": doses,
        "size": shape,
        "seed": int(seed),
        "detector": chosen.detector if detector is None else detector,
        "dose_rate": dose_rate,
        "parameters": {**chosen.parameters, **parameters},
    }
    if isinstance(scene, PatternScene):
        return film_patterns(scene, **filmed)
    return film_scene(scene, pixel_size=pixel, truth_maker=truth_of, **filmed)


def _own(scene: Scene | PatternScene) -> Case:
    """A scene of one's own as a case."""
    if isinstance(scene, PatternScene):
        return Case(scene.name, "", lambda _: scene, pixel_size=None, size=PATTERN_SIZE)
    return Case(scene.name, "", lambda _: scene)
