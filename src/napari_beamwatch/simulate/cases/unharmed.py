"""Cases without damage, whatever they look like."""

from __future__ import annotations

from napari_beamwatch.simulate.cases.case import View, case
from napari_beamwatch.simulate.cases.parts import FIRST_MOVE, LIF_110, discs, fade, scene_of, whole
from napari_beamwatch.simulate.laws import Decay, Dip, Excursion, Knots, Product, Ripple, Saturating
from napari_beamwatch.simulate.scene import (
    Change,
    Drift,
    Film,
    Patch,
    Picture,
    Scene,
    Verdict,
    recovering,
    tilt_series,
)
from napari_beamwatch.simulate.shapes import Oval


@case()
def survivor(view: View, drift: Drift | None = FIRST_MOVE) -> Scene:
    """LiF [110] that keeps its lattice to the end."""
    return scene_of(survivor, whole(LIF_110), drift=drift or Drift())


@case()
def no_lattice(view: View) -> Scene:
    """Amorphous carbon alone."""
    patch = Patch("field", Picture("carbon"))
    return scene_of(no_lattice, (patch,))


@case()
def recovering_tilt(
    view: View, tilt: float = 12.0, start: float = 0.35, end: float = 0.55
) -> Scene:
    """LiF [110] that bends away and comes back; `start` and `end` are parts of the record."""
    path = Excursion(start * view.dose, end * view.dose, tilt, edge=0.06 * view.dose)
    return scene_of(recovering_tilt, whole(tilt_series(path)), events=(recovering("tilt", path),))


@case()
def lasting_tilt(view: View, tilt: float = 15.0, start: float = 0.35) -> Scene:
    """LiF [110] that bends away and stays so: spots fall unevenly, without damage."""
    path = Excursion(start * view.dose, None, tilt, edge=0.2 * view.dose)
    return scene_of(
        lasting_tilt,
        whole(tilt_series(path)),
        verdict=Verdict("ambiguous", "a lasting tilt, no damage", ("survived",)),
    )


@case()
def focus_drift(view: View, drift: float = 5.0, start: float = 0.2) -> Scene:
    """LiF [110] whose focus creeps away by 5 nm and stays there."""
    path = Knots((start * view.dose, view.dose), (0.0, drift))
    return scene_of(
        focus_drift,
        whole(LIF_110),
        focus=path,
        verdict=Verdict("ambiguous", "a lasting drift of focus, no damage", ("survived",)),
    )


@case()
def recovering_focus(view: View, drift: float = 6.0, start: float = 0.3, end: float = 0.6) -> Scene:
    """LiF [110] whose focus goes off by 6 nm and is set right again."""
    path = Excursion(start * view.dose, end * view.dose, drift, edge=0.05 * view.dose)
    return scene_of(
        recovering_focus, whole(LIF_110), focus=path, events=(recovering("focus", path),)
    )


@case()
def recovering_dip(view: View, depth: float = 0.7, start: float = 0.4, end: float = 0.55) -> Scene:
    """LiF [110] whose lattice power dips by 70 percent and recovers."""
    dip = Dip(start * view.dose, end * view.dose, depth, edge=0.04 * view.dose)
    event = recovering("dip", Excursion(dip.start, dip.end, depth))
    return scene_of(recovering_dip, whole(LIF_110, fade(dip)), events=(event,))


@case()
def flicker(view: View, noise: float = 0.05, loss: float = 0.4, ripple: float = 0.1) -> Scene:
    """LiF [110] under a beam that flickers, ripples and loses 40 percent."""
    period = max(view.dose / 12, 1.0)
    fall = Knots((0.3 * view.dose, 0.6 * view.dose), (1.0, 1.0 - loss))
    flux = Product((fall, Ripple(ripple, period)))
    return scene_of(flicker, whole(LIF_110), flux=flux, flicker=noise)


@case()
def reorientation(
    view: View, onset: float = 250.0, tau: float = 15.0, angle: float = 24.0
) -> Scene:
    """A LiF crystal that turns in its plane: its spots vanish and appear at another angle."""
    change = Change(Decay(onset, tau), Picture("lif-110", angle), interpretation="unresolved")
    return scene_of(
        reorientation,
        whole(LIF_110, (change,)),
        verdict=Verdict("ambiguous", "the crystal turned; its lattice is whole"),
    )


@case()
def end_in_dip(view: View, onset: float | None = None, tau: float = 20.0) -> Scene:
    """LiF [110] whose record ends while the lattice is fading: it might yet recover."""
    start = 0.94 * view.dose if onset is None else onset
    return scene_of(
        end_in_dip,
        whole(LIF_110, fade(Decay(start, tau))),
        verdict=Verdict("ambiguous", "the record ends in the loss: it may yet recover"),
    )


@case()
def contamination(
    view: View, onset: float = 60.0, tau: float = 250.0, growth: float = 12.0
) -> Scene:
    """LiF particles on which a contamination layer grows, thicker and outward."""
    amount = Saturating(1.0, tau, onset)
    patches = []
    films = [Film(amount, darkness=0.1, texture=1.0)]
    for i, (disc, turn) in enumerate(discs(view, 60.0)):
        particle = Picture("lif-particle-1")
        patches.append(
            Patch(f"particle {i + 1}", particle, where=disc, centre=(disc.y, disc.x), turn=turn)
        )
        outline = Oval(disc.y, disc.x, 42.0, 42.0, 6.0, turn - 17)
        spread = Saturating(growth, tau, onset)
        films.append(Film(amount, darkness=0.1, texture=0.5, where=outline, spread=spread))
    return scene_of(
        contamination,
        tuple(patches),
        films=tuple(films),
        verdict=Verdict("survived", "a layer grew; the lattice under it is whole", ("ambiguous",)),
    )


@case()
def thickening(view: View, darkness: float = 0.4, contrast: float = 0.8) -> Scene:
    """LiF [110] in a field that grows darker: counts fall over the whole of it."""
    passed = Knots((0.3 * view.dose, 0.7 * view.dose), (1.0, 1.0 - darkness))
    fall = Knots((0.3 * view.dose, 0.7 * view.dose), (1.0, contrast))
    return scene_of(
        thickening,
        whole(LIF_110),
        transmission=passed,
        contrast=fall,
        verdict=Verdict("survived", "the field grew thicker", ("ambiguous",)),
    )
