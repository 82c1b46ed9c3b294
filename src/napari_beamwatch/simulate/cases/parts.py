"""What the cases of several rooms are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.simulate.cases.case import View, case_of
from napari_beamwatch.simulate.laws import Decay, Saturating
from napari_beamwatch.simulate.scene import (
    Change,
    Drift,
    Patch,
    Picture,
    Scene,
    Status,
    Verdict,
)
from napari_beamwatch.simulate.shapes import Oval
from napari_beamwatch.simulate.truth import LATE

AMORPHOUS = Picture("lif-amorphous")
LIF_110 = Picture("lif-110")
LIF_100 = Picture("lif-100")
SPACING = 126.0
"""Å between particles laid beside each other."""

FIRST_MOVE = Drift(dy=Saturating(6.0, 40.0, rate=0.002), dx=Saturating(-4.0, 40.0, rate=0.004))
"""A stage that settles: fastest first, then a slow creep."""


def scene_of(build: Callable[..., Scene], patches: tuple[Patch, ...], **rest: Any) -> Scene:
    """The scene of a case, under the case's name."""
    case = case_of(build)
    return Scene(case.name, case.description, patches, **rest)


def whole(state: Any, changes: tuple[Change, ...] = ()) -> tuple[Patch, ...]:
    """One patch that is the whole field."""
    return (Patch("field", state, changes),)


def fade(law: Any) -> tuple[Change, ...]:
    """LiF that becomes amorphous."""
    return (Change(law, AMORPHOUS),)


def called(view: View, onset: float, reason: str, *acceptable: Status) -> Verdict | None:
    """An onset with words to it, unless the record begins or ends too near to it."""
    if 0 < onset <= LATE * view.dose:
        return Verdict("onset", reason, acceptable)
    return None


def two(onset: float | Sequence[float]) -> tuple[float, float]:
    """Two onsets, where one may stand for both."""
    if isinstance(onset, Sequence):
        if len(onset) != 2:
            raise BeamwatchError(f"give one onset or two, not {len(onset)}")
        return float(onset[0]), float(onset[1])
    return float(onset), float(onset)


def discs(view: View, radius: float) -> list[tuple[Oval, float]]:
    """Places of particles beside each other, and how each is turned; the first is not."""
    rng = np.random.default_rng([view.seed, 8])
    down, across = (max(1, int(side // SPACING)) for side in (view.height, view.width))
    places: list[tuple[Oval, float]] = []
    for i in range(down):
        for j in range(across):
            y, x = (i + 0.5) * view.height / down, (j + 0.5) * view.width / across
            turn = float(round(rng.uniform(0, 90), 1)) if places else 0.0
            places.append((Oval(y, x, radius, radius, 8.0, turn), turn))
    return places


def beside(view: View, stage: str, radius: float, onset: float, tau: float) -> tuple[Patch, ...]:
    """Grains that become amorphous where they lie."""
    patches = []
    for i, (disc, turn) in enumerate(discs(view, radius)):
        change = Change(Decay(onset, tau), Picture("lif-amorphous", cut_as=stage))
        patches.append(
            Patch(f"grain {i + 1}", Picture(stage), (change,), disc, (disc.y, disc.x), turn)
        )
    return tuple(patches)
