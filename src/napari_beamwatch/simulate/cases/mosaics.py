"""Fields that are mosaics: grains and patches with histories of their own."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from napari_beamwatch.simulate.cases.case import View, case
from napari_beamwatch.simulate.cases.parts import AMORPHOUS, LIF_100, LIF_110, fade, scene_of
from napari_beamwatch.simulate.laws import Decay, Excursion, Knots, Law, Saturating, Swing
from napari_beamwatch.simulate.scene import (
    Beam,
    Change,
    Drift,
    Event,
    Film,
    Patch,
    Picture,
    Scene,
    Verdict,
    recovering,
    tilt_series,
)
from napari_beamwatch.simulate.shapes import Cell, scattered_seeds

LI2O = Picture("li2o-110")

SHORTEST, LONGEST = 0.02, 0.12
"""Of the 1/e doses of a mosaic's decays, in parts of the record."""

SETTLING = Drift(dy=Saturating(4.0, 60.0), dx=Saturating(-5.0, 60.0))


@case()
def mosaic(
    view: View,
    grains: int = 6,
    layout: Literal["grains", "patches"] = "grains",
    survive: float = 0.25,
    transform: float = 0.3,
    first: float = 0.15,
    last: float = 0.7,
    tilted: bool = False,
    drift: Drift | None = SETTLING,
    flicker: float = 0.0,
    fall: float = 0.0,
) -> Scene:
    """A field of grains, or of patches of one crystal, each with a fate and a dose of its own.

    Of the fates, `survive` and `transform` are the chances of keeping the lattice and of becoming
    Li2O; the rest fade, half of them exponentially. `first` and `last` are the parts of the record
    between which onsets are drawn. A `tilted` grain, one that survives if there is one of [110],
    bends away and comes back. `fall` is what an uneven beam lacks in the corners.
    """
    rng = np.random.default_rng([view.seed, 12])
    seeds = scattered_seeds(view.height, view.width, grains, view.seed)
    patches: list[Patch] = []
    events: list[Event] = []
    fates = rng.choice(3, grains, p=(survive, transform, 1 - survive - transform))
    for i, fate in enumerate(fates):
        onset = view.dose * rng.uniform(first, last)
        tau = view.dose * math.exp(rng.uniform(math.log(SHORTEST), math.log(LONGEST)))
        beta = 1.0 if rng.random() < 0.5 else math.exp(rng.uniform(math.log(0.7), math.log(2.2)))
        zone, turn = (LIF_110, 0.0) if layout == "patches" else (
            (LIF_110, LIF_100)[rng.integers(2)], round(float(rng.uniform(0, 180)), 1)
        )  # fmt: skip
        name, where = f"grain {i + 1}", Cell(seeds, i)
        if fate == 0:
            patch = Patch(name, zone, where=where, turn=turn)
            if tilted and not events and zone == LIF_110:
                path = Excursion(0.3 * view.dose, 0.5 * view.dose, 15.0, edge=0.05 * view.dose)
                events.append(recovering("tilt", path))
                patch = Patch(name, tilt_series(path), where=where, turn=turn)
        elif fate == 1:
            change = Change(Decay(onset, tau), LI2O)
            patch = Patch(name, zone, (change,), where, turn=turn)
        else:
            patch = Patch(name, zone, fade(Decay(onset, tau, beta)), where, turn=turn)
        patches.append(patch)
    return scene_of(
        mosaic,
        tuple(patches),
        events=tuple(events),
        drift=drift or Drift(),
        flicker=flicker,
        beam=Beam(fall) if fall else None,
    )


@case()
def rocking_grains(
    view: View,
    grains: int = 20,
    most: float = 30.0,
    swings: tuple[float, float] = (2.0, 5.0),
    onset: float | None = None,
    tau: float = 40.0,
) -> Scene:
    """Small LiF grains that rock in and out of Bragg; with an `onset` they fade, all at one dose.

    Each rocks with an amplitude of its own up to `most` mrad (60 at the most) and `swings` times
    in the record.
    """
    rng = np.random.default_rng([view.seed, 13])
    seeds = scattered_seeds(view.height, view.width, grains, view.seed)
    changes = () if onset is None else (Change(Decay(onset, tau), AMORPHOUS),)
    patches = []
    for i in range(grains):
        path = Swing(
            most * float(rng.uniform(0.3, 1)),
            view.dose / float(rng.uniform(*swings)),
            float(rng.uniform(0, 1)),
        )
        turn = round(float(rng.uniform(0, 180)), 1)
        patches.append(
            Patch(f"grain {i + 1}", tilt_series(path), changes, Cell(seeds, i), turn=turn)
        )
    verdict = None if changes else Verdict("survived", "the grains rock", ("ambiguous",))
    events = (Event("tilt", 0.0, view.dose),)
    return scene_of(rocking_grains, tuple(patches), events=events, verdict=verdict)


@case()
def grown_over(
    view: View, start: float = 0.1, darkness: float = 0.04, loss: float = 0.35, texture: float = 1.0
) -> Scene:
    """LiF [110], whole, under a layer of carbon that grows and takes part of every spot.

    `darkness` is the part of the counts that the layer takes at last, `loss` that of the power of
    all spots; `start` is the part of the record from which it grows.
    """
    knots = (start * view.dose, view.dose)
    amount: Law = Knots(knots, (0.0, 1.0))
    return scene_of(
        grown_over,
        (Patch("field", LIF_110),),
        films=(Film(amount, darkness=darkness, texture=texture),),
        contrast=Knots(knots, (1.0, math.sqrt(1 - loss))),
        verdict=Verdict("survived", "a layer grew; the lattice under it is whole", ("ambiguous",)),
    )
