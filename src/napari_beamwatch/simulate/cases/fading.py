"""Cases that lose their lattice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_beamwatch.simulate.cases.case import View, case
from napari_beamwatch.simulate.cases.parts import (
    FIRST_MOVE,
    LIF_100,
    LIF_110,
    fade,
    scene_of,
    two,
    whole,
)
from napari_beamwatch.simulate.laws import Decay, Saturating
from napari_beamwatch.simulate.scene import Beam, Drift, Patch, Scene, disorder_series
from napari_beamwatch.simulate.shapes import Box, Cell, scattered_seeds


@case()
def lif_room_temperature(
    view: View,
    onset: float | Sequence[float] = (152.0, 351.0),
    tau: float = 41.0,
    beta: float = 1.0,
    residual: float = 0.0,
    drift: Drift | None = FIRST_MOVE,
) -> Scene:
    """LiF at room temperature: two grains, [110] and [100], keep their lattice, then fade.

    `onset` may be one dose or one for each grain, A on the left and B on the right.
    """
    onsets = two(onset)
    half = view.width / 2
    grains = (
        ("A", LIF_110, Box(-1e4, 1e4, -1e4, half)),
        ("B", LIF_100, Box(-1e4, 1e4, half, 1e4)),
    )
    patches = tuple(
        Patch(name, picture, fade(Decay(dose, tau, beta, residual)), where)
        for (name, picture, where), dose in zip(grains, onsets, strict=True)
    )
    return scene_of(
        lif_room_temperature,
        patches,
        drift=drift or Drift(),
        blur=Saturating(0.0, 6.0, start=0.35),
    )


@case()
def fading_no_plateau(view: View, tau: float = 120.0, beta: float = 1.0) -> Scene:
    """LiF [110] that fades exponentially from the first electron, without a plateau."""
    return scene_of(fading_no_plateau, whole(LIF_110, fade(Decay(0.0, tau, beta))))


@case()
def stretched(view: View, onset: float = 180.0, tau: float = 90.0, beta: float = 2.0) -> Scene:
    """LiF [110] with a plateau, then a stretched exponential (beta 2: a shoulder)."""
    return scene_of(stretched, whole(LIF_110, fade(Decay(onset, tau, beta))))


@case()
def disorder(view: View, onset: float = 150.0, tau: float = 150.0, most: float = 0.6) -> Scene:
    """LiF [110] whose atoms leave their places more and more: high |g| fades first."""
    return scene_of(disorder, whole(disorder_series("110", Saturating(most, tau, onset))))


@case(frames=40, frame_dose=20.0)
def coarse_frames(view: View, onset: float = 260.0, tau: float = 60.0, beta: float = 1.0) -> Scene:
    """LiF [110] that fades in frames of 20 e/Å², as in the field."""
    return scene_of(
        coarse_frames,
        whole(LIF_110, fade(Decay(onset, tau, beta))),
        drift=Drift(dy=Saturating(5.0, 60.0), dx=Saturating(-7.0, 60.0)),
    )


@case()
def polycrystal(
    view: View,
    grains: int = 14,
    onset: float = 150.0,
    spread: float = 200.0,
    tau: float = 40.0,
) -> Scene:
    """A LiF polycrystal whose grains, each turned another way, fade one after the other.

    Onsets are spread evenly, at random places, from `onset` over `spread`.
    """
    rng = np.random.default_rng([view.seed, 5])
    seeds = scattered_seeds(view.height, view.width, grains, view.seed)
    onsets = rng.permutation(onset + spread * np.arange(grains) / max(1, grains - 1))
    turns = rng.uniform(0, 180, grains)
    patches = tuple(
        Patch(
            f"grain {i + 1}",
            LIF_110 if i % 2 == 0 else LIF_100,
            fade(Decay(float(onsets[i]), tau)),
            Cell(seeds, i),
            turn=float(round(turns[i], 1)),
        )
        for i in range(grains)
    )
    return scene_of(polycrystal, patches)


@case()
def uneven_beam(view: View, onset: float = 200.0, tau: float = 40.0, fall: float = 0.4) -> Scene:
    """LiF [110] under a beam that is weaker in the corners: the middle fades first."""
    return scene_of(uneven_beam, whole(LIF_110, fade(Decay(onset, tau))), beam=Beam(fall))
