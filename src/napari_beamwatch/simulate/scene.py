"""What is filmed: patches of specimen that change with the dose, and what disturbs the view.

A patch shows a picture of a stage (`stages`), or goes through a series of them, and may change
into another. Pictures are mixed linearly: with the lattice power p of a law, a patch is
``after + sqrt(p) * (before - after)``, so that the power of the lattice follows the law. Two
stages of one specimen share the film and differ in nothing else, so the mixture is what a
specimen would look like whose columns have changed in part.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.simulate import stages
from napari_beamwatch.simulate.laws import Excursion, Law, Steady, sub_doses
from napari_beamwatch.simulate.shapes import Everywhere, Shape

Floats = NDArray[np.float64]
Criterion = Literal["fading", "spacing", "new_phase", "mass_loss"]
Interpretation = Literal[
    "amorphisation", "lattice_lost", "transformation", "ordering", "mass_loss", "environment",
    "unresolved",
]  # fmt: skip
Status = Literal["onset", "survived", "damaged_at_start", "no_lattice", "ambiguous"]

TILTS = (0.0, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0)
"""mrad at which there are stages of LiF [110]."""

THICKNESSES = (60.0, 54.0, 48.0, 42.0, 36.0, 30.0, 25.0, 20.0, 15.0, 12.0, 9.0, 6.0, 3.0, 0.0)
"""nm at which there are stages of LiF [110]; 0 is the bare film in the same focus."""

MEAN_FREE_PATH = 175.0
"""nm of LiF that take 1/e of the electrons out of the picture: inelastic scattering at 300 kV,
and what an objective aperture stops. The small particles of `bodies` throw a darker shade."""

DISORDERS = (0.0, 0.1, 0.2, 0.35, 0.6)
"""Å rms by which the atoms of the disorder series are off their places."""


@dataclass(frozen=True)
class Picture:
    """A stage laid into the field.

    Parameters
    ----------
    stage : str
        One of `stages.stage_names`.
    turn : float
        Degrees by which it is turned about its middle, counter-clockwise as displayed.
    cut_as : str
        Name of a stage with a particle (`bodies.BODIES`): shown only where that particle is,
        as dark as it, with the bare film around it.
    transmission : float
        Part of the electrons that it lets through, everywhere; the bare film has 1.
    """

    stage: str
    turn: float = 0.0
    cut_as: str = ""
    transmission: float = 1.0

    def reflections(self, turn: float = 0.0) -> tuple[stages.Reflection, ...]:
        """Spots that it promises, with the whole turned by a further `turn` degrees."""
        return tuple(
            stages.Reflection(r.phase, r.hkl, r.d_A, _half_turn(r.angle_deg + self.turn + turn))
            for r in stages.load_stage(self.stage).reflections
        )

    @property
    def phases(self) -> tuple[str, ...]:
        """Phases whose spots it promises."""
        return tuple(dict.fromkeys(r.phase for r in stages.load_stage(self.stage).reflections))


@dataclass(frozen=True)
class Series:
    """States of a specimen in order, between which it moves along a path.

    Parameters
    ----------
    pictures : tuple of Picture
    at : tuple of float
        Where on the path each stands, rising or falling.
    path : Law
        Where the specimen is, by dose.
    criterion : str, optional
        What sort of damage a lasting change of it is; None is none (a tilt).
    """

    pictures: tuple[Picture, ...]
    at: tuple[float, ...]
    path: Law
    criterion: Criterion | None = None

    def __post_init__(self) -> None:
        if len(self.pictures) != len(self.at) or len(self.at) < 2:
            raise BeamwatchError("a series needs two or more pictures and a place for each")
        steps = np.diff(self.at) * self._sense
        if not (steps > 0).all():
            raise BeamwatchError("the places of a series must rise or fall throughout")

    @property
    def _sense(self) -> int:
        return 1 if self.at[-1] > self.at[0] else -1

    def shares(self, dose: Floats) -> Floats:
        """Share of each picture (second axis) at each dose: the two nearest are mixed."""
        where = self._sense * self.path.at(dose)
        places = self._sense * np.array(self.at)
        corners = np.eye(len(self.at))
        return np.stack([np.interp(where, places, corner) for corner in corners], axis=-1)


State = Picture | Series


@dataclass(frozen=True)
class Change:
    """From what a patch was into something else.

    Parameters
    ----------
    law : Law
        Power of what was there before.
    into : Picture or Series
    criterion, interpretation : str, optional
        Where they are not what the phases say (`truth`).
    keeps_lattice : bool
        What was there before lives on in what it becomes: a superstructure.
    """

    law: Law
    into: State
    criterion: Criterion | None = None
    interpretation: Interpretation | None = None
    keeps_lattice: bool = False


@dataclass(frozen=True)
class Patch:
    """A part of the field with a history of its own.

    Parameters
    ----------
    name : str
    state : Picture or Series
        What is there at first.
    changes : tuple of Change
        One after the other.
    where : Shape
    centre : (y, x), optional
        Å: where the middle of the (periodic) stages lies; default the middle of the field.
    turn : float
        Degrees by which all its pictures are turned, counter-clockwise as displayed.
    soft : float
        Width (Å) of its edge.
    """

    name: str
    state: State
    changes: tuple[Change, ...] = ()
    where: Shape = field(default_factory=Everywhere)
    centre: tuple[float, float] | None = None
    turn: float = 0.0
    soft: float = 6.0

    @cached_property
    def pictures(self) -> tuple[Picture, ...]:
        """Every picture that it may show."""
        found = [p for state in self._states for p in pictures_of(state)]
        return tuple(dict.fromkeys(found))

    @property
    def _states(self) -> tuple[State, ...]:
        return (self.state, *(change.into for change in self.changes))

    def shares(self, start: float, end: float, illumination: float = 1.0) -> dict[Picture, float]:
        """Share of each picture in a frame exposed between two doses (e/Å²).

        `illumination` is the beam on the patch relative to the mean of the field.
        """
        dose = sub_doses(start, end) * illumination
        left = np.ones(len(dose))
        found = dict.fromkeys(self.pictures, 0.0)
        for i, state in enumerate(self._states):
            here = left
            if i < len(self.changes):
                here = left * np.sqrt(self.changes[i].law.at(dose).clip(0))
                left = left - here
            if isinstance(state, Picture):
                found[state] += float(here.mean())
            else:
                for picture, share in zip(state.pictures, state.shares(dose).T, strict=True):
                    found[picture] += float((here * share).mean())
        return found

    def first_power(self, start: float, end: float, illumination: float = 1.0) -> float:
        """Lattice power of the first state in a frame, relative to the undamaged one."""
        dose = sub_doses(start, end) * illumination
        fades = self.changes and not self.changes[0].keeps_lattice
        law = self.changes[0].law if fades else Steady()
        return float(np.sqrt(law.at(dose).clip(0)).mean()) ** 2


@dataclass(frozen=True)
class Drift:
    """Where the specimen has moved, in Å down and to the right, by dose."""

    dy: Law = Steady(0.0)
    dx: Law = Steady(0.0)

    def at(self, dose: Floats) -> Floats:
        """(dose, 2) offsets in Å."""
        return np.stack([self.dy.at(dose), self.dx.at(dose)], axis=-1)


@dataclass(frozen=True)
class Beam:
    """A round beam, not quite flat.

    Parameters
    ----------
    fall : float
        Part of the intensity that is missing in the corners of a square field.
    y, x : float
        Its centre, in parts of the field from the middle.
    """

    fall: float
    y: float = 0.0
    x: float = 0.0

    def profile(self, y: Floats, x: Floats) -> Floats:
        """Intensity, not normalised, at places in −0.5 … 0.5 of the field."""
        fall = -math.log(1 - self.fall) / 0.5
        shape: Floats = np.exp(-fall * ((y - self.y) ** 2 + (x - self.x) ** 2))
        return shape


@dataclass(frozen=True)
class Film:
    """Something amorphous that comes to lie on the specimen.

    Parameters
    ----------
    amount : Law
        How much of it there is, 0 and up.
    darkness : float
        Part of the electrons that an amount of 1 takes away.
    texture : float
        Contrast of an amount of 1, in units of that of the carbon film.
    where : Shape
    spread : Law
        Å by which its outline has moved out.
    """

    amount: Law
    darkness: float = 0.15
    texture: float = 1.5
    where: Shape = field(default_factory=Everywhere)
    spread: Law = Steady(0.0)


@dataclass(frozen=True)
class Event:
    """Something that recovers.

    Parameters
    ----------
    kind : str
        "tilt", "focus", …; what caused it, which a movie does not tell.
    dose_from, dose_to : float
        e/Å².
    """

    kind: str
    dose_from: float
    dose_to: float


@dataclass(frozen=True)
class Verdict:
    """What to say of a movie where the specimen's own history does not decide it.

    Parameters
    ----------
    status : str
    reason : str
    acceptable : tuple of str
        Other statuses that would not be wrong.
    """

    status: Status
    reason: str = ""
    acceptable: tuple[Status, ...] = ()


@dataclass(frozen=True)
class Scene:
    """A specimen and how it is seen.

    Parameters
    ----------
    name, description : str
    patches : tuple of Patch
        Later ones lie over earlier ones.
    background : Picture
        What is seen where there is no patch.
    drift : Drift
    focus : Law
        nm off the stages' own focus.
    flux : Law
        Relative to the nominal dose rate.
    flicker : float
        Relative standard deviation of the flux from frame to frame.
    contrast : Law
        Factor on the contrast of the whole field (it gets thicker).
    transmission : Law
        Part of the electrons that pass (it gets thicker), without any effect on the dose.
    blur : Law
        Standard deviation in Å of what shakes faster than the frames.
    beam : Beam, optional
        Where it is brighter, the dose is higher.
    films : tuple of Film
    events : tuple of Event
        Recoverable disturbances, for the truth.
    verdict : Verdict, optional
    optics : Optics
    temperature : float
        °C.
    """

    name: str
    description: str
    patches: tuple[Patch, ...]
    background: Picture = Picture("carbon")
    drift: Drift = Drift()
    focus: Law = Steady(0.0)
    flux: Law = Steady(1.0)
    flicker: float = 0.0
    contrast: Law = Steady(1.0)
    transmission: Law = Steady(1.0)
    blur: Law = Steady(0.0)
    beam: Beam | None = None
    films: tuple[Film, ...] = ()
    events: tuple[Event, ...] = ()
    verdict: Verdict | None = None
    optics: stages.Optics = field(default_factory=stages.Optics)
    temperature: float = 20.0


def pictures_of(state: State) -> tuple[Picture, ...]:
    """Every picture of a state."""
    return (state,) if isinstance(state, Picture) else state.pictures


def tilt_series(path: Law, turn: float = 0.0) -> Series:
    """LiF [110] tilted about [001] by `path` in mrad; nothing in it is damage."""
    names = ["lif-110", *(f"lif-110-tilt-{t:g}" for t in TILTS[1:])]
    return Series(tuple(Picture(n, turn) for n in names), TILTS, path)


def thickness_series(
    path: Law,
    first: float = THICKNESSES[0],
    last: float = THICKNESSES[-1],
    turn: float = 0.0,
    mean_free_path: float = MEAN_FREE_PATH,
) -> Series:
    """LiF [110] that thins, `path` nm thick, from `first` to `last` (nm).

    Its fringes come from multislice: the beam is scattered out of the direct one and back within
    59 nm, so that the spots of what is thicker than half of that rise before they go. Between two
    stages they are mixed, which departs from multislice by up to a fifth of their power below
    25 nm and by up to half above, more where one is at its weakest. What multislice has not is
    what the crystal takes out of the picture: exp(-thickness / `mean_free_path`), in nm, is left
    of its mean against the film.
    """
    if not 0 <= last < first <= THICKNESSES[0] or not mean_free_path > 0:
        raise BeamwatchError(
            f"a crystal thins from at most {THICKNESSES[0]:g} nm to less, not from {first} nm to "
            f"{last} nm, with a mean free path above 0 nm, not {mean_free_path}"
        )
    thickest = min(t for t in THICKNESSES if t >= first)
    thinnest = max(t for t in THICKNESSES if t <= last)
    at = tuple(t for t in THICKNESSES if thinnest <= t <= thickest)
    pictures = tuple(
        Picture(f"lif-110-{t:g}nm", turn, transmission=math.exp(-t / mean_free_path)) for t in at
    )
    return Series(pictures, at, path, "mass_loss")


def disorder_series(zone: str, path: Law, turn: float = 0.0) -> Series:
    """LiF [110] or [100] whose atoms are off their places by `path` in Å rms."""
    names = [f"lif-{zone}", *(f"lif-{zone}-disorder-{u:g}" for u in DISORDERS[1:])]
    return Series(tuple(Picture(n, turn) for n in names), DISORDERS, path, "fading")


def swelling_series(path: Law, turn: float = 0.0) -> Series:
    """A LiF grain swollen by `path` in %, up to 1.5."""
    at = (0.0, 0.5, 1.0, 1.5)
    pictures = tuple(Picture(f"lif-swollen-{percent}", turn) for percent in at)
    return Series(pictures, at, path, "spacing")


def shrinking_series(
    path: Law, sizes: Sequence[int] = (0, 1, 2, 3, 4), turn: float = 0.0
) -> Series:
    """A LiF particle that loses mass: `path` counts the sizes from 0; the last has a void."""
    pictures = tuple(Picture(f"lif-particle-{n}", turn) for n in sizes)
    return Series(pictures, tuple(float(i) for i in range(len(sizes))), path, "mass_loss")


def recovering(kind: str, excursion: Excursion) -> Event:
    """The event that an excursion with an end is."""
    end = math.inf if excursion.end is None else excursion.end
    return Event(kind, excursion.start, end)


def _half_turn(angle: float) -> float:
    """The same direction of a Friedel pair in (−90, 90]."""
    return 90 - (90 - angle) % 180
