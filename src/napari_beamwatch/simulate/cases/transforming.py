"""Cases that become something else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_beamwatch.simulate.cases.case import View, case
from napari_beamwatch.simulate.cases.parts import (
    LIF_100,
    LIF_110,
    beside,
    called,
    scene_of,
    two,
    whole,
)
from napari_beamwatch.simulate.laws import Decay, Saturating
from napari_beamwatch.simulate.scene import Change, Patch, Picture, Scene
from napari_beamwatch.simulate.shapes import Cell, scattered_seeds


@case()
def lif_to_li2o(
    view: View,
    onset: float | Sequence[float] = (180.0, 360.0),
    tau: float = 25.0,
    patches: int = 6,
    at_once: bool = False,
) -> Scene:
    """LiF becomes Li2O, patch by patch.

    The patches' onsets are spread between two doses; `at_once` makes the field one patch
    with the first.
    """
    first, last = two(onset)
    into = Picture("li2o-110")
    if at_once:
        change = (Change(Decay(first, tau), into),)
        return scene_of(lif_to_li2o, whole(LIF_110, change))
    seeds = scattered_seeds(view.height, view.width, patches, view.seed)
    onsets = np.linspace(first, last, patches)
    made = [Patch("all", LIF_110)] if not patches else []
    for i, dose in enumerate(onsets):
        change = (Change(Decay(float(dose), tau), into),)
        made.append(Patch(f"patch {i + 1}", LIF_110, change, Cell(seeds, i)))
    return scene_of(lif_to_li2o, tuple(made))


@case()
def lif_to_li_rings_to_li2o(
    view: View,
    onset: float = 150.0,
    tau: float = 30.0,
    oxide: float = 380.0,
    oxide_tau: float = 40.0,
    grains: int = 12,
) -> Scene:
    """LiF becomes nanocrystalline Li (rings), and that becomes Li2O."""
    rng = np.random.default_rng([view.seed, 6])
    seeds = scattered_seeds(view.height, view.width, grains, view.seed)
    patches = []
    for i in range(grains):
        turn = float(round(rng.uniform(1, 89), 1))
        changes = (
            Change(Decay(onset, tau), Picture("li-grains", turn)),
            Change(Decay(oxide, oxide_tau), Picture("li2o-110")),
        )
        patches.append(Patch(f"patch {i + 1}", LIF_110, changes, Cell(seeds, i), soft=3.0))
    return scene_of(lif_to_li_rings_to_li2o, tuple(patches))


@case()
def ordering(view: View, onset: float = 200.0, tau: float = 60.0) -> Scene:
    """LiF [100] that orders: half orders come while the lattice's own spots hold."""
    change = Change(
        Saturating(0.0, tau, onset, start=1.0),
        Picture("lif-100-ordered"),
        criterion="new_phase",
        interpretation="ordering",
        keeps_lattice=True,
    )
    grew = "a superstructure grew; the lattice under it holds"
    return scene_of(
        ordering, whole(LIF_100, (change,)), verdict=called(view, onset, grew, "ambiguous")
    )


@case()
def carbonate(view: View, onset: float = 40.0, tau: float = 25.0) -> Scene:
    """Li2CO3 grains that lose their lattice early."""
    return scene_of(carbonate, beside(view, "li2co3-grain", 52.0, onset, tau))


@case()
def sodium_fluoride(view: View, onset: float = 300.0, tau: float = 80.0) -> Scene:
    """NaF grains that lose their lattice late."""
    return scene_of(sodium_fluoride, beside(view, "naf-grain", 52.0, onset, tau))
