"""Named cases: specimens and disturbances whose answer is known, one function each.

Each takes the view it is filmed in and parameters of its own by keyword; doses are in e/Å²,
drifts in Å, focus in nm, tilts in mrad.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.simulate.detector import Detector
from napari_beamwatch.simulate.laws import (
    Decay,
    Dip,
    Excursion,
    Knots,
    Product,
    Ripple,
    Saturating,
)
from napari_beamwatch.simulate.movie import (
    SimulatedMovie,
    checked_doses,
    checked_size,
    film_scene,
)
from napari_beamwatch.simulate.pictures import realised
from napari_beamwatch.simulate.scene import (
    Beam,
    Change,
    Drift,
    Film,
    Patch,
    Picture,
    Scene,
    Verdict,
    disorder_series,
    recovering,
    shrinking_series,
    swelling_series,
    tilt_series,
)
from napari_beamwatch.simulate.shapes import Box, Cell, Oval, scattered_seeds
from napari_beamwatch.simulate.truth import truth_of

AMORPHOUS = Picture("lif-amorphous")
LIF_110 = Picture("lif-110")
LIF_100 = Picture("lif-100")
SPACING = 126.0
"""Å between particles laid beside each other."""

FIRST_MOVE = Drift(dy=Saturating(6.0, 40.0, rate=0.002), dx=Saturating(-4.0, 40.0, rate=0.004))
"""A stage that settles: fastest first, then a slow creep."""


@dataclass(frozen=True)
class View:
    """What a case is filmed in: the field in Å, the dose of the whole record in e/Å², a seed."""

    height: float
    width: float
    dose: float
    seed: int


@dataclass(frozen=True)
class Case:
    """A scene by name, and how it is filmed unless somebody says otherwise.

    Attributes
    ----------
    name, description : str
    build : callable
        Makes the scene from a `View` and the case's own parameters.
    frames : int
    frame_dose : float
        e/Å².
    pixel_size : float
        Å.
    size : int
        Pixels a side.
    detector : Detector
    """

    name: str
    description: str
    build: Callable[..., Scene]
    frames: int = 120
    frame_dose: float = 5.0
    pixel_size: float = 0.125
    size: int = 1024
    detector: Detector = field(default_factory=Detector)

    @property
    def parameters(self) -> dict[str, Any]:
        """The case's own parameters and their defaults."""
        known = list(inspect.signature(self.build).parameters.values())[1:]
        return {parameter.name: parameter.default for parameter in known}


_CASES: dict[str, Case] = {}


def case(**filmed: Any) -> Callable[[Callable[..., Scene]], Callable[..., Scene]]:
    """Enter a builder in the list of cases, under its own name and first line."""

    def enter(build: Callable[..., Scene]) -> Callable[..., Scene]:
        name = build.__name__.replace("_", "-")
        description = (build.__doc__ or "").split("\n")[0].rstrip(".")
        _CASES[name] = Case(name, description, build, **filmed)
        return build

    return enter


def case_names() -> tuple[str, ...]:
    """Names of all cases."""
    return tuple(_CASES)


def load_case(name: str) -> Case:
    """The case of a name.

    Raises
    ------
    BeamwatchError
        If there is none.
    """
    if name not in _CASES:
        raise BeamwatchError(f"there is no case {name!r}; the known ones are {', '.join(_CASES)}")
    return _CASES[name]


def simulate(
    case: str | Scene,
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
    case : str or Scene
        One of `case_names`, or a scene of one's own.
    pixel_size : float, optional
        Å; the nearest that divides the stages' field (120 Å) is taken.
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
    chosen = load_case(case) if isinstance(case, str) else Case(case.name, "", lambda view: case)
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
    pixel = realised(chosen.pixel_size if pixel_size is None else pixel_size)
    view = View(shape[0] * pixel, shape[1] * pixel, float(doses.sum()), int(seed))
    scene = chosen.build(view, **parameters)
    return film_scene(
        scene,
        pixel_size=pixel,
        frame_dose=doses,
        size=shape,
        seed=int(seed),
        detector=chosen.detector if detector is None else detector,
        dose_rate=dose_rate,
        truth_maker=truth_of,
        parameters={**chosen.parameters, **parameters},
    )


# --- Fading --------------------------------------------------------------------------------


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
    onsets = _two(onset)
    half = view.width / 2
    grains = (
        ("A", LIF_110, Box(-1e4, 1e4, -1e4, half)),
        ("B", LIF_100, Box(-1e4, 1e4, half, 1e4)),
    )
    patches = tuple(
        Patch(name, picture, _fade(Decay(dose, tau, beta, residual)), where)
        for (name, picture, where), dose in zip(grains, onsets, strict=True)
    )
    return _scene(
        lif_room_temperature,
        patches,
        drift=drift or Drift(),
        blur=Saturating(0.0, 6.0, start=0.35),
    )


@case()
def fading_no_plateau(view: View, tau: float = 120.0, beta: float = 1.0) -> Scene:
    """LiF [110] that fades exponentially from the first electron, without a plateau."""
    return _scene(fading_no_plateau, _one(LIF_110, _fade(Decay(0.0, tau, beta))))


@case()
def stretched(view: View, onset: float = 180.0, tau: float = 90.0, beta: float = 2.0) -> Scene:
    """LiF [110] with a plateau, then a stretched exponential (beta 2: a shoulder)."""
    return _scene(stretched, _one(LIF_110, _fade(Decay(onset, tau, beta))))


@case()
def disorder(view: View, onset: float = 150.0, tau: float = 150.0, most: float = 0.6) -> Scene:
    """LiF [110] whose atoms leave their places more and more: high |g| fades first."""
    return _scene(disorder, _one(disorder_series("110", Saturating(most, tau, onset))))


@case(frames=40, frame_dose=20.0)
def coarse_frames(view: View, onset: float = 260.0, tau: float = 60.0, beta: float = 1.0) -> Scene:
    """LiF [110] that fades in frames of 20 e/Å², as in the field."""
    return _scene(
        coarse_frames,
        _one(LIF_110, _fade(Decay(onset, tau, beta))),
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
            _fade(Decay(float(onsets[i]), tau)),
            Cell(seeds, i),
            turn=float(round(turns[i], 1)),
        )
        for i in range(grains)
    )
    return _scene(polycrystal, patches)


@case()
def uneven_beam(view: View, onset: float = 200.0, tau: float = 40.0, fall: float = 0.4) -> Scene:
    """LiF [110] under a beam that is weaker in the corners: the middle fades first."""
    return _scene(uneven_beam, _one(LIF_110, _fade(Decay(onset, tau))), beam=Beam(fall))


# --- Transformations -----------------------------------------------------------------------


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
    first, last = _two(onset)
    into = Picture("li2o-110")
    if at_once:
        change = (Change(Decay(first, tau), into),)
        return _scene(lif_to_li2o, _one(LIF_110, change))
    seeds = scattered_seeds(view.height, view.width, patches, view.seed)
    onsets = np.linspace(first, last, patches)
    made = [Patch("all", LIF_110)] if not patches else []
    for i, dose in enumerate(onsets):
        change = (Change(Decay(float(dose), tau), into),)
        made.append(Patch(f"patch {i + 1}", LIF_110, change, Cell(seeds, i)))
    return _scene(lif_to_li2o, tuple(made))


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
    return _scene(lif_to_li_rings_to_li2o, tuple(patches))


@case()
def carbonate(view: View, onset: float = 40.0, tau: float = 25.0) -> Scene:
    """Li2CO3 grains that lose their lattice early."""
    return _scene(carbonate, _beside(view, "li2co3-grain", 52.0, onset, tau))


@case()
def sodium_fluoride(view: View, onset: float = 300.0, tau: float = 80.0) -> Scene:
    """NaF grains that lose their lattice late."""
    return _scene(sodium_fluoride, _beside(view, "naf-grain", 52.0, onset, tau))


# --- Shape and spacing ---------------------------------------------------------------------


@case()
def swelling(view: View, onset: float = 200.0, tau: float = 80.0, percent: float = 1.5) -> Scene:
    """LiF grains whose lattice swells by 1.5 percent and stays so."""
    path = Saturating(percent, tau, onset)
    patches = tuple(
        Patch(
            f"grain {i + 1}", swelling_series(path), where=disc, centre=(disc.y, disc.x), turn=turn
        )
        for i, (disc, turn) in enumerate(_discs(view, 60.0))
    )
    return _scene(swelling, patches)


@case()
def shrinking_particle(view: View, onset: float = 150.0, span: float = 250.0) -> Scene:
    """LiF particles that shrink and round off at the edges; their lattice stays."""
    return _scene(shrinking_particle, _shrinking(view, onset, span, (0, 1, 2, 3)))


@case()
def void(view: View, onset: float = 150.0, span: float = 250.0) -> Scene:
    """LiF particles that shrink and open a void."""
    return _scene(void, _shrinking(view, onset, span, (0, 1, 2, 3, 4)))


# --- No damage -----------------------------------------------------------------------------


@case()
def survivor(view: View, drift: Drift | None = FIRST_MOVE) -> Scene:
    """LiF [110] that keeps its lattice to the end."""
    return _scene(survivor, _one(LIF_110), drift=drift or Drift())


@case()
def no_lattice(view: View) -> Scene:
    """Amorphous carbon alone."""
    patch = Patch("field", Picture("carbon"))
    return _scene(no_lattice, (patch,))


@case()
def recovering_tilt(
    view: View, tilt: float = 12.0, start: float = 0.35, end: float = 0.55
) -> Scene:
    """LiF [110] that bends away and comes back; `start` and `end` are parts of the record."""
    path = Excursion(start * view.dose, end * view.dose, tilt, edge=0.06 * view.dose)
    return _scene(recovering_tilt, _one(tilt_series(path)), events=(recovering("tilt", path),))


@case()
def lasting_tilt(view: View, tilt: float = 15.0, start: float = 0.35) -> Scene:
    """LiF [110] that bends away and stays so: spots fall unevenly, without damage."""
    path = Excursion(start * view.dose, None, tilt, edge=0.2 * view.dose)
    return _scene(
        lasting_tilt,
        _one(tilt_series(path)),
        verdict=Verdict("ambiguous", "a lasting tilt, no damage", ("survived",)),
    )


@case()
def focus_drift(view: View, drift: float = 5.0, start: float = 0.2) -> Scene:
    """LiF [110] whose focus creeps away by 5 nm and stays there."""
    path = Knots((start * view.dose, view.dose), (0.0, drift))
    return _scene(
        focus_drift,
        _one(LIF_110),
        focus=path,
        verdict=Verdict("ambiguous", "a lasting drift of focus, no damage", ("survived",)),
    )


@case()
def recovering_focus(view: View, drift: float = 6.0, start: float = 0.3, end: float = 0.6) -> Scene:
    """LiF [110] whose focus goes off by 6 nm and is set right again."""
    path = Excursion(start * view.dose, end * view.dose, drift, edge=0.05 * view.dose)
    return _scene(recovering_focus, _one(LIF_110), focus=path, events=(recovering("focus", path),))


@case()
def recovering_dip(view: View, depth: float = 0.7, start: float = 0.4, end: float = 0.55) -> Scene:
    """LiF [110] whose lattice power dips by 70 percent and recovers."""
    dip = Dip(start * view.dose, end * view.dose, depth, edge=0.04 * view.dose)
    event = recovering("dip", Excursion(dip.start, dip.end, depth))
    return _scene(recovering_dip, _one(LIF_110, _fade(dip)), events=(event,))


@case()
def flicker(view: View, noise: float = 0.05, loss: float = 0.4, ripple: float = 0.1) -> Scene:
    """LiF [110] under a beam that flickers, ripples and loses 40 percent."""
    period = max(view.dose / 12, 1.0)
    fall = Knots((0.3 * view.dose, 0.6 * view.dose), (1.0, 1.0 - loss))
    flux = Product((fall, Ripple(ripple, period)))
    return _scene(flicker, _one(LIF_110), flux=flux, flicker=noise)


@case()
def reorientation(
    view: View, onset: float = 250.0, tau: float = 15.0, angle: float = 24.0
) -> Scene:
    """A LiF crystal that turns in its plane: its spots vanish and appear at another angle."""
    change = Change(Decay(onset, tau), Picture("lif-110", angle), interpretation="unresolved")
    return _scene(
        reorientation,
        _one(LIF_110, (change,)),
        verdict=Verdict("ambiguous", "the crystal turned; its lattice is whole"),
    )


@case()
def end_in_dip(view: View, onset: float | None = None, tau: float = 20.0) -> Scene:
    """LiF [110] whose record ends while the lattice is fading: it might yet recover."""
    start = 0.94 * view.dose if onset is None else onset
    return _scene(
        end_in_dip,
        _one(LIF_110, _fade(Decay(start, tau))),
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
    for i, (disc, turn) in enumerate(_discs(view, 60.0)):
        particle = Picture("lif-particle-1")
        patches.append(
            Patch(f"particle {i + 1}", particle, where=disc, centre=(disc.y, disc.x), turn=turn)
        )
        outline = Oval(disc.y, disc.x, 42.0, 42.0, 6.0, turn - 17)
        spread = Saturating(growth, tau, onset)
        films.append(Film(amount, darkness=0.1, texture=0.5, where=outline, spread=spread))
    return _scene(
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
    return _scene(
        thickening,
        _one(LIF_110),
        transmission=passed,
        contrast=fall,
        verdict=Verdict("survived", "the field grew thicker", ("ambiguous",)),
    )


# --- Shared --------------------------------------------------------------------------------


def _scene(build: Callable[..., Scene], patches: tuple[Patch, ...], **rest: Any) -> Scene:
    name = build.__name__.replace("_", "-")
    return Scene(name, _CASES[name].description, patches, **rest)


def _one(state: Any, changes: tuple[Change, ...] = ()) -> tuple[Patch, ...]:
    return (Patch("field", state, changes),)


def _fade(law: Any) -> tuple[Change, ...]:
    return (Change(law, AMORPHOUS),)


def _two(onset: float | Sequence[float]) -> tuple[float, float]:
    if isinstance(onset, Sequence):
        if len(onset) != 2:
            raise BeamwatchError(f"give one onset or two, not {len(onset)}")
        return float(onset[0]), float(onset[1])
    return float(onset), float(onset)


def _discs(view: View, radius: float) -> list[tuple[Oval, float]]:
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


def _beside(view: View, stage: str, radius: float, onset: float, tau: float) -> tuple[Patch, ...]:
    """Grains that become amorphous where they lie."""
    patches = []
    for i, (disc, turn) in enumerate(_discs(view, radius)):
        change = Change(Decay(onset, tau), Picture("lif-amorphous", cut_as=stage))
        patches.append(
            Patch(f"grain {i + 1}", Picture(stage), (change,), disc, (disc.y, disc.x), turn)
        )
    return tuple(patches)


def _shrinking(view: View, onset: float, span: float, sizes: Sequence[int]) -> tuple[Patch, ...]:
    path = Knots((onset, onset + span), (0.0, float(len(sizes) - 1)))
    return tuple(
        Patch(
            f"particle {i + 1}",
            shrinking_series(path, sizes),
            where=disc,
            centre=(disc.y, disc.x),
            turn=turn,
        )
        for i, (disc, turn) in enumerate(_discs(view, 60.0))
    )
