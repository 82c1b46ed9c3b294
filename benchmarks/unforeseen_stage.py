"""A stage on which crystals and films are filmed, and what is true about a movie."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from unforeseen_optics import (
    CELLS,
    PAD,
    Cell,
    Columns,
    Floats,
    Inside,
    Microscope,
    Part,
    Rng,
    View,
    cells_of,
    crystal,
    disc,
    everywhere,
    harmonics,
    left,
    together,
)


@dataclass(frozen=True)
class Truth:
    """What may be said of a movie."""

    onset: float | None = None
    """Dose at which the first place began to be damaged; None where none was."""
    right: frozenset[str] = frozenset()
    withheld: frozenset[str] = frozenset({"ambiguous"})
    slack: float = 1.0
    """Frames by which the interval is widened."""


@dataclass(frozen=True)
class Scene:
    frames: Any
    pixel: float
    frame_dose: Any
    truth: Truth


WHOLE = Truth(right=frozenset({"survived"}))
"""Nothing was damaged; who is not sure may say so."""


DOUBTFUL = Truth(right=frozenset({"survived", "ambiguous"}), withheld=frozenset())
"""Nothing was damaged, and something lasting was seen that one may wonder about."""


def from_dose(onset: float, *also: str, slack: float = 1.0) -> Truth:
    return Truth(onset, frozenset(also), slack=slack)


def either(onset: float) -> Truth:
    """A change of which one may think what one likes, but at that dose."""
    return Truth(onset, frozenset({"survived", "ambiguous"}), frozenset())


def log_uniform(rng: Rng, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def smooth(t: Floats, begin: float, end: float) -> Floats:
    """From 0 at the beginning to 1 at the end, without corners."""
    s = np.clip((np.asarray(t, float) - begin) / (end - begin), 0, 1)
    return s * s * (3 - 2 * s)


class Stage:
    """A session: a microscope in focus for its crystals, a drift that comes to rest, a camera."""

    def __init__(
        self, rng: Rng, cells: Sequence[str] = (), *, size: int = 544, pixel: float | None = None,
        frames: int | None = None, dose: float | None = None, contrast: float | None = None,
        granularity: float = 0.05, drift: float | None = None,
    ) -> None:  # fmt: skip
        self.rng = rng
        names = cells or (str(rng.choice(["LiF", "NaF", "Li2O", "Na2O", "Cu", "Au", "LiF001"])),)
        self.cells: list[Cell] = [CELLS[name] for name in names]
        widest = 2.0 if min(c.width for c in self.cells) < 2.1 else 2.5
        self.pixel = pixel or float(rng.uniform(0.22, 0.4 if widest > 2 else 0.32))
        self.frames = frames or int(rng.integers(40, 81))
        self.dose = dose or log_uniform(rng, 3.0, 9.0)
        self.contrast = contrast or log_uniform(rng, 0.06, 0.14)
        self.scope = Microscope(size, self.pixel, 0.0, rng, granularity)
        self.scope.focus = self.focus()
        way = rng.uniform(0, 5) * self.pixel if drift is None else drift
        angle = rng.uniform(0, 2 * np.pi)
        t = np.arange(self.frames)[:, None]
        rest = 1 - np.exp(-t / (0.3 * self.frames))
        self.drift: Floats = way * rest * np.array([np.sin(angle), np.cos(angle)])
        self.drift = self.drift + 0.1 * self.pixel * rng.standard_normal((self.frames, 2))

    def focus(self) -> float:
        """A focus that shows the first reflections of all crystals."""
        found = []
        for focus in self.rng.uniform(-250, 250, 60):
            self.scope.focus = focus
            shown = []
            for cell in self.cells:
                g, amplitude = harmonics(cell, 0.45 / self.pixel)
                strong = g[amplitude > 0.5 * amplitude.max()]
                first = np.unique(np.round(strong, 4))[:2]
                shown.append(np.abs(self.scope.transfer(k=first)).min())
            found.append((min(shown), focus))
        return float(max(found)[1])

    @property
    def total(self) -> float:
        return self.frames * self.dose

    @property
    def half(self) -> float:
        """Half a side of the field, in Å."""
        return self.scope.size * self.pixel / 2

    @property
    def reach(self) -> float:
        far = np.abs(self.drift).max() + PAD * self.pixel
        return float(1.45 * (self.half + far))

    def shape(self, inside: Inside = everywhere, cell: int = 0, angle: float | None = None,
              contrast: float | None = None) -> Columns:  # fmt: skip
        """A crystal of a shape."""
        angle = self.rng.uniform(0, 180) if angle is None else angle
        made = crystal(self.cells[cell], angle, inside, self.reach, self.rng)
        strength = self.scope.strength(self.cells[cell], contrast or self.contrast)
        return Columns(made.at, made.strength * strength)

    def centres(self, n: int) -> Floats:
        """As far from each other as some tries allow."""
        tries = self.rng.uniform(-self.half, self.half, (60, n, 2))
        gaps = [np.min(np.hypot(*(c[:, None] - c).T) + 1e9 * np.eye(n)) for c in tries]
        return tries[int(np.argmax(gaps))]

    def mosaic(self, n: int) -> tuple[list[Columns], Floats]:
        """Grains that fill the field, and their centres."""
        centres = self.centres(n)
        return [
            self.shape(piece, i % len(self.cells)) for i, piece in enumerate(cells_of(centres))
        ], centres

    def islands(self, n: int, radius: tuple[float, float]) -> tuple[list[Columns], list[Floats]]:
        """Particles that do not touch, in a field that they need not fill, and their centres."""
        placed: list[tuple[Floats, float]] = []
        for _ in range(4000):
            r = self.rng.uniform(*radius)
            centre = self.rng.uniform(-self.half + 0.7 * r, self.half - 0.7 * r, 2)
            if len(placed) < n and all(
                np.hypot(*(centre - c)) > 1.15 * (r + other) for c, other in placed
            ):
                placed.append((centre, r))
        made = [
            self.shape(disc(c, r, self.rng.uniform(0, 0.06, 3)), i % len(self.cells))
            for i, (c, r) in enumerate(placed)
        ]
        return made, [c for c, _ in placed]

    def onset(self, low: float = 0.25, high: float = 0.6) -> float:
        return float(self.rng.uniform(low, high) * self.total)

    def course(self, onset: float, tau: float | None = None, kept: float = 0.0) -> Floats:
        """Amplitude in each frame of what fades from a dose on."""
        tau = log_uniform(self.rng, 0.03, 0.12) * self.total if tau is None else tau
        h = left(self.frames, self.dose, onset, tau)
        return np.sqrt(kept) + (1 - np.sqrt(kept)) * h

    def fading(self, columns: Columns, h: Floats) -> Callable[[int], list[Part]]:
        """A lattice that disorders: spots fade and a halo grows."""
        return all_of(lambda t: [Part(columns, h[t])], self.halo(columns, h))

    def halo(self, columns: Columns, h: Floats) -> Callable[[int], list[Part]]:
        """What has left the sites of a lattice of which so much is there."""
        gone = columns.disordered(self.rng)
        return lambda t: [Part(gone, 1 - h[t])] * bool(h[t] < 0.9999)

    def pictures(
        self, parts: Callable[[int], list[Part]], view: Callable[[int], View] | None = None,
        film: Callable[[int], Floats] | None = None, pin_film: bool = False,
    ) -> Floats:  # fmt: skip
        """Electrons that are expected in each pixel and frame."""
        found = np.empty((self.frames, self.scope.size, self.scope.size), np.float32)
        for t in range(self.frames):
            seen = view(t) if view else View()
            step = self.drift[min(t + 1, self.frames - 1)] - self.drift[max(t - 1, 0)]
            seen = replace(
                seen, shift=tuple(np.add(seen.shift, self.drift[t])),
                smear=tuple(np.add(seen.smear, step / 2)),
            )  # fmt: skip
            here = parts(t)
            self.scope.forget([part.columns for part in here])
            lattice, ground = self.scope.contrast(
                here, seen, film(t) if film else None, (0.0, 0.0) if pin_film else None
            )
            picture = 1 + seen.contrast * (seen.lattice * lattice + ground) + seen.added
            found[t] = self.dose * self.pixel**2 * np.maximum(picture, 0.02) * seen.beam
        return found

    def counted(self, expected: Floats) -> Floats:
        """What a counting camera makes of it."""
        found = np.empty(expected.shape, np.uint16)
        for t, frame in enumerate(expected):
            found[t] = self.rng.poisson(frame)
        return found

    def scene(self, frames: Floats, truth: Truth, frame_dose: Any = None) -> Scene:
        return Scene(frames, self.pixel, self.dose if frame_dose is None else frame_dose, truth)

    def film_movie(self, truth: Truth, *args: Any, **given: Any) -> Scene:
        return self.scene(self.counted(self.pictures(*args, **given)), truth)


def still(*columns: Columns) -> Callable[[int], list[Part]]:
    parts = [Part(each) for each in columns]
    return lambda t: parts


def all_of(*several: Callable[[int], list[Part]]) -> Callable[[int], list[Part]]:
    return lambda t: [part for each in several for part in each(t)]


def half_fades(s: Stage, grains: Sequence[Columns], fades: bool) -> Scene:
    """Every second grain fades, or none does."""
    if not fades:
        return s.film_movie(WHOLE, still(together(grains)))
    onset = s.onset()
    return s.film_movie(
        from_dose(onset),
        all_of(s.fading(together(grains[::2]), s.course(onset)), still(together(grains[1::2]))),
    )


def fading_or_not(
    s: Stage, whole: Columns, fades: bool, view: Callable[[int], View] | None = None
) -> tuple[Floats, Truth]:
    """What is expected of each frame of a lattice that fades or does not, and what is true."""
    onset = s.onset()
    parts = s.fading(whole, s.course(onset)) if fades else still(whole)
    return s.pictures(parts, view), from_dose(onset) if fades else WHOLE
