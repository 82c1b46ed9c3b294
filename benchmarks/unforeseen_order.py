"""Scenes in which the order of a lattice changes rather than the lattice goes."""

from __future__ import annotations

import numpy as np
from unforeseen_optics import Cell, Columns, Part, Rng, crystal, everywhere, rotation
from unforeseen_stage import Scene, Stage, from_dose, smooth


def rows(s: Stage) -> tuple[Columns, Columns]:
    """A lattice, and what makes every other of its rows heavier: spots halfway."""
    angle, cell = float(s.rng.uniform(0, 180)), s.cells[0]
    whole = s.shape(angle=angle)
    heavy = Cell(2 * cell.height, 2 * cell.width, tuple(
        ((y + j) / 2, (x + i) / 2, w * (1 if (i + j) % 2 else -1))
        for y, x, w in cell.sites for j in (0, 1) for i in (0, 1)))  # fmt: skip
    made = crystal(heavy, angle, everywhere, s.reach, s.rng)
    return whole, Columns(made.at, made.strength * s.scope.strength(heavy, 0.05))


def superlattice(rng: Rng) -> Scene:
    """Every other row gets heavier from a dose on: spots appear halfway, and stay."""
    s = Stage(rng, ("NaF", "LiF"))
    whole, order = rows(s)
    onset = s.onset()
    came = smooth((np.arange(s.frames) + 0.5) * s.dose, onset, onset + 0.15 * s.total)
    return s.film_movie(from_dose(onset), lambda t: [Part(whole), Part(order, float(came[t]))])


def disordering(rng: Rng) -> Scene:
    """Every other row was heavier: spots halfway go from a dose on, those of the lattice stay."""
    s = Stage(rng, ("NaF", "LiF"))
    whole, order = rows(s)
    onset = s.onset()
    h = s.course(onset)
    return s.film_movie(from_dose(onset), lambda t: [Part(whole), Part(order, float(h[t]))])


def splitting(rng: Rng) -> Scene:
    """A square lattice becomes domains that are long one way or the other: its spots split."""
    s = Stage(rng, ("LiF001",))
    centres = s.centres(8)
    angle = float(rng.uniform(0, 90))
    whole = s.shape(angle=angle)
    nearest = np.argmin(np.hypot(*(whole.at[:, None] - centres[None]).transpose(2, 0, 1)), axis=1)
    onset, most = s.onset(), float(rng.uniform(0.015, 0.04))
    grown = smooth((np.arange(s.frames) + 0.5) * s.dose, onset, onset + 0.15 * s.total)
    turn = rotation(angle)

    def parts(t: int) -> list[Part]:
        if not grown[t]:
            return [Part(whole)]
        at = whole.at.copy()
        for i, centre in enumerate(centres):
            mine = nearest == i
            stretch = np.diag([1 + most * grown[t], 1 - most * grown[t]][:: 1 if i % 2 else -1])
            at[mine] = (at[mine] - centre) @ (turn @ stretch @ turn.T).T + centre
        return [Part(Columns(at, whole.strength))]

    return s.film_movie(from_dose(onset), parts)


def waved(rng: Rng, comes: bool) -> Scene:
    """A wave of displacements of its own length, with satellites, comes or goes from a dose on."""
    s = Stage(rng)
    whole = s.shape()
    length = float(rng.uniform(2.7, 4.3)) * max(s.cells[0].height, s.cells[0].width)
    way = float(rng.uniform(0, np.pi))
    k = np.array([np.sin(way), np.cos(way)]) / length
    across = np.array([np.cos(way), -np.sin(way)])
    swing = 0.35 * np.sin(2 * np.pi * (whole.at @ k))[:, None] * across
    onset = s.onset()
    h = s.course(onset)
    amount = 1 - h if comes else h

    def parts(t: int) -> list[Part]:
        if not amount[t]:
            return [Part(whole)]
        return [Part(Columns(whole.at + amount[t] * swing, whole.strength))]

    return s.film_movie(from_dose(onset), parts)


def staircase(rng: Rng) -> Scene:
    """Layer after layer goes, each at once: the lattice falls in five steps from a dose on."""
    s = Stage(rng)
    whole = s.shape()
    onset = s.onset(0.25, 0.45)
    steps = onset + np.sort(np.append(0.0, rng.uniform(0.02, 0.4, 4))) * s.total
    dose = (np.arange(s.frames) + 0.5) * s.dose
    h = 1 - (dose[:, None] > steps[None]).sum(axis=1) / 6
    return s.film_movie(from_dose(onset), s.fading(whole, h))


def hexagonal(rng: Rng) -> Scene:
    """A lattice of which six spots of one spacing are seen fades."""
    s = Stage(rng)
    a = float(rng.uniform(2.5, 3.2))
    s.cells = [Cell(a * np.sqrt(3), a, ((0, 0, 1), (0.5, 0.5, 1)))]
    s.scope.focus = s.focus()
    onset = s.onset()
    return s.film_movie(from_dose(onset), s.fading(s.shape(), s.course(onset)))


def layered(rng: Rng) -> Scene:
    """Layers slide on each other at random: only what lies across them stays in order."""
    s = Stage(rng, ("LiF",))
    angle = float(rng.uniform(0, 180))
    whole, onset = s.shape(angle=angle), s.onset()
    along = rotation(angle) @ np.array([0.0, 1.0])
    across = rotation(angle) @ np.array([1.0, 0.0])
    layer = np.rint(whole.at @ across / (s.cells[0].height / 2)).astype(int)
    slid = rng.normal(0, 1, layer.max() - layer.min() + 1)[layer - layer.min()]
    done = np.clip(((np.arange(s.frames) + 0.5) * s.dose - onset) / (0.2 * s.total), 0, 1)

    def parts(t: int) -> list[Part]:
        if not done[t]:
            return [Part(whole)]
        at = whole.at + (done[t] * s.cells[0].width / 2 * slid)[:, None] * along
        return [Part(Columns(at, whole.strength))]

    return s.film_movie(from_dose(onset), parts)
