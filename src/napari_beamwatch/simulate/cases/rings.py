"""Cases of diffraction patterns with powder rings: an interphase of sodium that reacts or sublimes.

Doses are in e/Å², and what is called pixels is of the pattern.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari_beamwatch.simulate.cases.case import View, case, case_of
from napari_beamwatch.simulate.cases.parts import called
from napari_beamwatch.simulate.laws import Decay, Dip, Excursion, Knots, Law, Saturating, Steady
from napari_beamwatch.simulate.patterns import Halo, PatternScene, Powder
from napari_beamwatch.simulate.scene import Drift, Verdict, recovering

FILMED: dict[str, Any] = {"pixel_size": None, "size": 256, "frames": 100, "frame_dose": 2.0}

CARBON = (Halo(2.1, 0.05), Halo(1.2, 0.03))
"""The film underneath."""


def wander(view: View, pixels: float) -> Drift:
    """A centre that drifts by so many pixels, fastest first."""
    return Drift(
        Saturating(0.8 * pixels, 0.3 * view.dose), Saturating(-0.6 * pixels, 0.5 * view.dose)
    )


def pattern(
    build: Callable[..., PatternScene], powders: tuple[Powder, ...], **rest: Any
) -> PatternScene:
    """The scene of a case, under the case's name, with what every pattern has."""
    known = case_of(build)
    usual: dict[str, Any] = {"halos": CARBON, "ellipse": 0.01, "flicker": 0.03}
    return PatternScene(known.name, known.description, powders, **{**usual, **rest})


def sodium(share: float = 0.06, amount: Law | None = None, **rest: Any) -> Powder:
    """Nanocrystals of sodium."""
    return Powder("Na", share, amount or Steady(1.0), **rest)


@case(**FILMED)
def sodium_rings(
    view: View,
    onset: float = 70.0,
    tau: float = 25.0,
    share: float = 0.06,
    grain_nm: float = 10.0,
    electrons: float = 1e5,
    drift: float = 3.0,
) -> PatternScene:
    """Diffraction: rings of Na become rings of Na2CO3."""
    carbonate = Powder("Na2CO3", share, Saturating(1.0, tau, onset), grain_nm)
    powders = (sodium(share, Decay(onset, tau), grain_nm=grain_nm), carbonate)
    return pattern(sodium_rings, powders, electrons=electrons, drift=wander(view, drift))


@case(**FILMED)
def fading_rings(
    view: View,
    onset: float = 70.0,
    tau: float = 25.0,
    share: float = 0.06,
    halo: float = 0.0,
    grain_nm: float = 10.0,
    electrons: float = 1e5,
    drift: float = 3.0,
) -> PatternScene:
    """Diffraction: rings of Na go, and a halo of the share `halo` may grow."""
    powders = (sodium(share, Decay(onset, tau), grain_nm=grain_nm),)
    grown = (Halo(2.6, halo, amount=Saturating(1.0, tau, onset)),) if halo else ()
    return pattern(
        fading_rings, powders, halos=(*CARBON, *grown), electrons=electrons,
        drift=wander(view, drift),
    )  # fmt: skip


@case(**FILMED)
def steady_rings(
    view: View,
    share: float = 0.06,
    grain_nm: float = 10.0,
    electrons: float = 1e5,
    drift: float = 3.0,
) -> PatternScene:
    """Diffraction: rings of Na that stay as they are."""
    return pattern(
        steady_rings, (sodium(share, grain_nm=grain_nm),), electrons=electrons,
        drift=wander(view, drift),
    )  # fmt: skip


@case(**FILMED)
def rings_and_beam_stop(view: View, onset: float = 70.0, tau: float = 25.0) -> PatternScene:
    """Diffraction: Na rings become Na2CO3 behind a beam stop that stands still as they drift."""
    powders = (
        sodium(amount=Decay(onset, tau)),
        Powder("Na2CO3", 0.06, Saturating(1.0, tau, onset)),
    )
    return pattern(rings_and_beam_stop, powders, stop_px=14.0, drift=wander(view, 4.0))


@case(**FILMED)
def rings_of_few_grains(view: View, grains: int = 8, rocking: float = 1.0) -> PatternScene:
    """Diffraction: Na2CO3 of few grains that rock among steady rings of Na; nothing changes."""
    powders = (sodium(), Powder("Na2CO3", 0.02, grains=grains, rocking=rocking))
    return pattern(
        rings_of_few_grains,
        powders,
        verdict=Verdict("survived", "grains rock; none comes or goes for good", ("ambiguous",)),
    )


@case(**FILMED)
def dim_rings_in_rising_background(
    view: View, share: float = 0.01, growth: float = 0.35
) -> PatternScene:
    """Diffraction: dim rings of Na while the background doubles; they hold."""
    rising = Knots((0.2 * view.dose, 0.8 * view.dose), (0.35, 0.35 + growth))
    return pattern(
        dim_rings_in_rising_background,
        (sodium(share),),
        inelastic=rising,
        verdict=Verdict("survived", "the background grew; the rings hold", ("ambiguous",)),
    )


@case(**FILMED)
def rings_and_brightening_beam(view: View, gain: float = 1.5) -> PatternScene:
    """Diffraction: rings of Na that grow brighter with the beam, and no more than it."""
    up = Knots((0.3 * view.dose, 0.6 * view.dose), (1.0, 1.0 + gain))
    return pattern(rings_and_brightening_beam, (sodium(),), flux=up, flicker=0.1)


@case(**FILMED)
def rings_and_saturated_beam(view: View, gain: float = 0.5, ceiling: float = 200.0) -> PatternScene:
    """Diffraction: a direct beam that the camera cannot count, while the beam grows brighter."""
    up = Knots((0.3 * view.dose, 0.6 * view.dose), (1.0, 1.0 + gain))
    return pattern(rings_and_saturated_beam, (sodium(),), flux=up, ceiling=ceiling)


@case(**FILMED)
def rings_a_width_apart(view: View, onset: float = 70.0, tau: float = 25.0) -> PatternScene:
    """Diffraction: a lattice 4 percent wider comes beside rings that stay, a width from each."""
    powders = (
        sodium(),
        Powder("Na", 0.04, Saturating(1.0, tau, onset), d_factor=1.04),
    )
    return pattern(
        rings_a_width_apart,
        powders,
        verdict=called(view, onset, "rings came a width apart from those that hold", "ambiguous"),
    )


@case(**FILMED)
def rings_that_wander(view: View, drift: float = 12.0) -> PatternScene:
    """Diffraction: rings of Na whose centre drifts by five times their width."""
    return pattern(rings_that_wander, (sodium(),), drift=wander(view, drift))


@case(**FILMED)
def rings_in_an_aperture(view: View, onset: float = 70.0, tau: float = 25.0) -> PatternScene:
    """Diffraction: Na rings that fade, in patterns that an aperture cuts off between two."""
    return pattern(rings_in_an_aperture, (sodium(amount=Decay(onset, tau)),), aperture_px=105.0)


@case(**FILMED)
def rings_that_dip(view: View, depth: float = 0.5) -> PatternScene:
    """Diffraction: rings of Na that fade while something thick passes, and come back."""
    start, end = 0.4 * view.dose, 0.55 * view.dose
    edge = 0.04 * view.dose
    passes = Knots((start, start + edge, end - edge, end), (0.35, 0.55, 0.55, 0.35))
    return pattern(
        rings_that_dip,
        (sodium(amount=Dip(start, end, depth, edge)),),
        inelastic=passes,
        events=(recovering("dip", Excursion(start, end, depth)),),
    )
