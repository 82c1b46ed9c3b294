"""Scenes in which the lattice is not the same all over the field, or not for long."""

from __future__ import annotations

import numpy as np
from unforeseen_optics import Columns, Floats, Part, Rng, View, together
from unforeseen_stage import DOUBTFUL, WHOLE, Scene, Stage, from_dose, smooth, still

LEANING = 9
"""Pieces of a column that leans."""


def curved(columns: Columns, half: float, degrees: float) -> Columns:
    """Planes that turn by so much from the middle of the field to its sides."""
    y, x = columns.at.T
    bow = np.deg2rad(degrees) / (2 * half)
    return Columns(np.stack([y + bow * x**2, x - 2 * bow * x * y], axis=1), columns.strength)


def strained(columns: Columns, half: float, by: float) -> Columns:
    """Spacings that are larger by a part on one side of the field and smaller on the other."""
    stretch = by / (2 * half)
    return Columns(columns.at + stretch * columns.at * np.abs(columns.at), columns.strength)


def bent_crystal(rng: Rng, fades: bool) -> Scene:
    """One crystal whose planes turn by 8 to 20 degrees across the field."""
    s = Stage(rng)
    grain = curved(s.shape(), s.half, rng.uniform(4, 10) * rng.choice([-1, 1]))
    return _one(s, grain, fades)


def strained_crystal(rng: Rng, fades: bool) -> Scene:
    """One crystal whose spacings differ by 2 to 4 % across the field."""
    s = Stage(rng)
    grain = strained(s.shape(), s.half, rng.uniform(0.01, 0.02) * rng.choice([-1, 1]))
    return _one(s, grain, fades)


def _one(s: Stage, grain: Columns, fades: bool) -> Scene:
    if not fades:
        return s.film_movie(WHOLE, still(grain))
    onset = s.onset()
    return s.film_movie(from_dose(onset), s.fading(grain, s.course(onset)))


def twins(rng: Rng) -> Scene:
    """Lamellae of two orientations, 2.5 to 5 nm wide, fade from one dose on."""
    s = Stage(rng)
    wide, angle = rng.uniform(25, 50), rng.uniform(0, 180)
    made = []
    for turn in (0, 1):

        def inside(at: Floats, turn: int = turn) -> Floats:
            return np.floor(at[:, 1] / wide) % 2 == turn

        made.append(s.shape(inside, angle=angle + 70.5 * turn))
    onset = s.onset()
    return s.film_movie(from_dose(onset), s.fading(together(made), s.course(onset)))


def chain(rng: Rng) -> Scene:
    """A lattice becomes a second one, and that a third."""
    s = Stage(rng, ("LiF", "Li2O", "Au"))
    angle = rng.uniform(0, 180)
    first, second, third = (s.shape(cell=i, angle=angle + 20 * i) for i in range(3))
    onset = s.onset(0.2, 0.35)
    later = onset + rng.uniform(0.3, 0.4) * s.total
    a, b = (s.course(dose, 0.04 * s.total) for dose in (onset, later))
    return s.film_movie(
        from_dose(onset),
        lambda t: [Part(first, a[t]), Part(second, (1 - a[t]) * b[t]), Part(third, 1 - b[t])],
    )


def tilted(columns: Columns, way: Floats, by: Floats) -> Columns:
    """Columns that lean along a direction, each by its own way from top to bottom: smeared."""
    steps = np.linspace(-0.5, 0.5, LEANING)
    at = columns.at[:, None] + (by[:, None] * steps)[..., None] * way
    strength = np.repeat(columns.strength / LEANING, LEANING)
    return Columns(at.reshape(-1, 2), strength)


def contour(rng: Rng, stays: bool) -> Scene:
    """A fold of a crystal comes into the field, and runs through it or stays: nothing is damaged.

    In it columns lean by more than a spacing, and all fringes but those along the slope are gone.
    """
    s = Stage(rng)
    angle, wide = rng.uniform(0, 2 * np.pi), rng.uniform(25, 50)
    way = np.array([np.sin(angle), np.cos(angle)])
    grain, most = s.shape(), rng.uniform(3, 6)
    along = grain.at @ way
    done = np.arange(s.frames) / s.frames
    front = 2.2 * s.half * (-smooth(1 - done, 0.4, 0.8) if stays else 2 * done - 1)

    def parts(t: int) -> list[Part]:
        return [Part(tilted(grain, way, most * np.exp(-0.5 * ((along - front[t]) / wide) ** 2)))]

    return s.film_movie(DOUBTFUL if stays else WHOLE, parts)


def cleaned(rng: Rng) -> Scene:
    """The beam cleans the surface, so that fringes gain a half at first; later they fade."""
    s = Stage(rng)
    onset = s.onset(0.5, 0.7)
    t = np.arange(s.frames) / s.frames
    shown = 0.65 + 0.35 * smooth(t, 0.0, 0.3)
    film = 1.5 - 0.5 * smooth(t, 0.0, 0.3)
    grains = s.mosaic(3)[0]
    return s.film_movie(
        from_dose(onset),
        s.fading(together(grains), s.course(onset)),
        lambda t: View(lattice=float(shown[t]), film=float(film[t])),
    )
