"""Scenes that a tool for "the first irreversible change" may not have been made for.

Each is a function of a random generator that gives a movie and what is true about it: the dose at
which damage began, if any did, and which statuses are right, or weaker but not wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import ndimage
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
        gone = columns.disordered(self.rng)
        return lambda t: [Part(columns, h[t])] + [Part(gone, 1 - h[t])] * bool(h[t] < 0.9999)

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


# Nothing is damaged: crystals move.


def hop(rng: Rng) -> Scene:
    """Crystals hop by some pixels, each at frames of its own."""
    s = Stage(rng)
    grains, _ = s.islands(9, (18, 32))
    ways = []
    for _ in grains:
        jumps = (rng.random(s.frames) < 0.06)[:, None] * rng.normal(0, 2.5 * s.pixel, (s.frames, 2))
        ways.append(np.cumsum(jumps, axis=0))
    return s.film_movie(
        WHOLE, lambda t: [Part(g, shift=tuple(w[t])) for g, w in zip(grains, ways, strict=True)]
    )


def apart(rng: Rng) -> Scene:
    """A crystal cracks: from one frame to the next its halves are 6 to 12 px apart."""
    s = Stage(rng)
    when, gap = int(s.frames * rng.uniform(0.35, 0.6)), rng.uniform(3, 6) * s.pixel
    whole = s.shape()
    halves = [whole.only(whole.at[:, 0] < 0), whole.only(whole.at[:, 0] >= 0)]
    return s.film_movie(
        either(when * s.dose),
        lambda t: [Part(h, shift=(g * (t >= when), 0.4 * g * (t >= when)))
                   for h, g in zip(halves, (-gap, gap), strict=True)],
    )  # fmt: skip


def turning(rng: Rng, sudden: bool) -> Scene:
    """Some grains turn in the plane, by degrees, and stay as good as they were."""
    s = Stage(rng)
    grains, centres = s.islands(7, (22, 38))
    angles = [rng.uniform(3, 9) * rng.choice([-1, 1]) * (i % 2 == 0) for i in range(len(grains))]
    when = s.frames * rng.uniform(0.3, 0.7)

    def parts(t: int) -> list[Part]:
        done = float(t >= when) if sudden else t / s.frames
        return [
            Part(g.turned(a * done, c)) if a else Part(g)
            for g, c, a in zip(grains, centres, angles, strict=True)
        ]

    return s.film_movie(DOUBTFUL, parts)


def whole_field_turns(rng: Rng) -> Scene:
    """The picture turns by some degrees, as with a lens or a holder that creeps."""
    s = Stage(rng)
    all_of_it, most = together(s.mosaic(5)[0]), rng.uniform(1.5, 4)
    return s.film_movie(
        DOUBTFUL, lambda t: [Part(all_of_it.turned(most * t / s.frames, np.zeros(2)))]
    )


def magnified(rng: Rng) -> Scene:
    """The magnification creeps by 1 to 2 %: film and all crystals grow together."""
    s = Stage(rng, ("Au", "NaF"))
    grains, most = together(s.mosaic(6)[0]), rng.uniform(0.01, 0.02)
    line = np.arange(s.scope.side) - (s.scope.side - 1) / 2

    def film(t: int) -> Floats:
        at = line / (1 + most * t / s.frames) + (s.scope.side - 1) / 2
        grid = np.meshgrid(at, at, indexing="ij")
        return ndimage.map_coordinates(s.scope.film, grid, order=1, mode="nearest")

    return s.film_movie(
        DOUBTFUL, lambda t: [Part(grains.turned(0, np.zeros(2), 1 + most * t / s.frames))],
        film=film,
    )  # fmt: skip


def blinking(rng: Rng) -> Scene:
    """Small crystals rock in and out of their zone for ever."""
    s = Stage(rng, frames=int(rng.integers(60, 91)))
    grains, _ = s.islands(22, (13, 20))
    tilt = np.zeros((s.frames, len(grains)))
    tilt[0] = rng.normal(0, 1, len(grains))
    calm = np.exp(-1 / rng.uniform(4, 12))
    for t in range(1, s.frames):
        tilt[t] = calm * tilt[t - 1] + np.sqrt(1 - calm**2) * rng.normal(0, 1, len(grains))
    shown = np.exp(-0.5 * tilt**2)
    return s.film_movie(
        WHOLE, lambda t: [Part(g, float(a)) for g, a in zip(grains, shown[t], strict=True)]
    )


def boundary_moves(rng: Rng) -> Scene:
    """One grain grows at the cost of another from a dose on; there is as much lattice as before."""
    s = Stage(rng)
    a, b = s.shape(angle=10), s.shape(angle=43)
    onset, way = s.onset(), rng.uniform(0.3, 0.5) * s.half

    def parts(t: int) -> list[Part]:
        edge = way * smooth((t + 0.5) * s.dose, onset, onset + 0.3 * s.total)
        return [Part(a.only(a.at[:, 0] < -edge)), Part(b.only(b.at[:, 0] >= -edge))]

    return s.film_movie(either(onset), parts)


# Nothing is damaged: the microscope and the beam.


def shade(rng: Rng) -> Scene:
    """An edge of the beam creeps in over part of the field."""
    s = Stage(rng)
    grains = together(s.mosaic(6)[0])
    y, x = s.scope.grid()
    angle, deep = rng.uniform(0, 360), rng.uniform(0.05, 0.4)
    along = np.cos(np.deg2rad(angle)) * y + np.sin(np.deg2rad(angle)) * x

    def view(t: int) -> View:
        edge = 1.5 * s.half - 1.6 * s.half * smooth(t, 0.3 * s.frames, 0.9 * s.frames)
        return View(beam=deep + (1 - deep) / (1 + np.exp((along - edge) / (0.08 * s.half))))

    return s.film_movie(WHOLE, still(grains), view)


def vibration(rng: Rng) -> Scene:
    """A blur along one direction comes and stays, or grows."""
    s = Stage(rng)
    grains = together(s.mosaic(5)[0])
    begin, sudden = rng.uniform(0.3, 0.6) * s.frames, rng.random() < 0.5
    most = rng.uniform(0.45, 0.8)
    axis = int(rng.integers(2))

    def view(t: int) -> View:
        b = most * (float(t >= begin) if sudden else float(smooth(t, begin, s.frames)))
        return View(blur=(b, 0.05) if axis else (0.05, b))

    return s.film_movie(DOUBTFUL, still(grains), view)


def defocusing(rng: Rng) -> Scene:
    """Everything slowly goes out of focus, by 15 to 50 nm."""
    s = Stage(rng, granularity=0.07)
    grains, far = together(s.mosaic(4)[0]), rng.uniform(150, 500) * rng.choice([-1, 1])
    return s.film_movie(
        DOUBTFUL, still(grains), lambda t: View(defocus=far * max(t / s.frames - 0.2, 0))
    )


def blurring(rng: Rng) -> Scene:
    """Everything slowly loses sharpness alike, as with charging or a lens that drifts."""
    s = Stage(rng, granularity=0.07)
    grains, most, begin = together(s.mosaic(4)[0]), rng.uniform(0.4, 0.7), rng.uniform(0.2, 0.5)

    def view(t: int) -> View:
        b = most * float(smooth(t / s.frames, begin, 1.1))
        return View(blur=(b, b))

    return s.film_movie(DOUBTFUL, still(grains), view)


def astigmatic(rng: Rng) -> Scene:
    """Astigmatism of 10 to 25 nm comes."""
    s = Stage(rng, granularity=0.07)
    grains, most = together(s.mosaic(4)[0]), rng.uniform(100, 250)
    return s.film_movie(
        DOUBTFUL, still(grains),
        lambda t: View(astigmatism=most * float(smooth(t / s.frames, 0.3, 0.8))),
    )  # fmt: skip


def buckled(rng: Rng, stays: bool) -> Scene:
    """A buckle of the film sweeps through, or comes to stand: a band that is tilted and darker.

    Tilted columns are seen as lines: what has its planes along the tilt stays as sharp as it was.
    """
    s = Stage(rng)
    whole = s.shape()
    y, x = s.scope.grid()
    angle, wide = rng.uniform(0, 2 * np.pi), rng.uniform(0.25, 0.4) * s.half
    across, most = np.array([np.cos(angle), np.sin(angle)]), rng.uniform(1.4, 2.2)

    def band(t: int, along: Floats) -> Floats:
        done = 0.5 * float(smooth(t / s.frames, 0.2, 0.7)) if stays else t / s.frames
        return np.exp(-0.5 * ((along - (4 * done - 2) * s.half) / wide) ** 2)

    def parts(t: int) -> list[Part]:
        tilt = band(t, whole.at @ across)[:, None] * most * across
        return [
            Part(together([Columns(whole.at + k * tilt, whole.strength / 5) for k in
                           (-0.4, -0.2, 0.0, 0.2, 0.4)]))
        ]  # fmt: skip

    return s.film_movie(
        DOUBTFUL if stays else WHOLE, parts,
        lambda t: View(beam=1 - 0.1 * band(t, across[0] * y + across[1] * x)),
    )  # fmt: skip


def drift_jump(rng: Rng) -> Scene:
    """The stage jumps by 4 to 15 px within a frame in the middle of the record."""
    s = Stage(rng)
    grains = together(s.mosaic(5)[0])
    when, jump = int(s.frames * rng.uniform(0.4, 0.6)), rng.normal(0, 1, 2)
    jump *= rng.uniform(4, 15) * s.pixel / np.hypot(*jump)
    return s.film_movie(
        WHOLE, still(grains),
        lambda t: View(shift=tuple(jump * ((t > when) + 0.5 * (t == when))),
                       smear=tuple(jump * (t == when))),
    )  # fmt: skip


def half_lost(rng: Rng, fades: bool) -> Scene:
    """The stage drifts until half of the first field of view has gone out of it."""
    s = Stage(rng, size=512, frames=int(rng.integers(50, 81)))
    t = np.arange(s.frames)[:, None] / s.frames
    way = s.half * rng.uniform(0.8, 1.1)
    angle = rng.uniform(0, 2 * np.pi)
    s.drift = way * t * np.array([np.sin(angle), np.cos(angle)]) + 0.1 * s.pixel * rng.normal(
        size=(s.frames, 2)
    )
    s.scope.film = s.scope.new_film(int(1.2 * way / s.pixel))
    grains = together(s.mosaic(5)[0])
    if not fades:
        return s.film_movie(WHOLE, still(grains))
    onset = s.onset(0.45, 0.6)
    return s.film_movie(from_dose(onset), s.fading(grains, s.course(onset)))


def beam_moves(rng: Rng) -> Scene:
    """A round beam wanders over the field: bright here at first, there in the end."""
    s = Stage(rng)
    grains = together(s.mosaic(6)[0])
    y, x = s.scope.grid()

    def view(t: int) -> View:
        at = s.half * (1.2 * t / s.frames - 0.6)
        return View(beam=0.15 + 1.2 * np.exp(-((y - at) ** 2 + x**2) / (0.9 * s.half) ** 2))

    return s.film_movie(WHOLE, still(grains), view)


# Nothing is damaged: the camera and what was done to the movie.


def line_noise(rng: Rng) -> Scene:
    """A periodic artefact of the electronics comes midway, fixed to the camera, and stays."""
    s = Stage(rng)
    grains = together(s.mosaic(4)[0])
    when, period = int(s.frames * rng.uniform(0.3, 0.6)), rng.uniform(2.7, 8)
    rows, columns = np.mgrid[: s.scope.size, : s.scope.size]
    wave = np.cos(2 * np.pi * (rows + rng.uniform(-0.2, 0.2) * columns) / period)
    return s.film_movie(
        DOUBTFUL, still(grains), lambda t: View(added=rng.uniform(0.04, 0.06) * wave * (t >= when))
    )


def dead_columns(rng: Rng) -> Scene:
    """Columns of the camera die midway, some of them every fourth."""
    s = Stage(rng)
    found = s.counted(s.pictures(still(together(s.mosaic(4)[0]))))
    when = int(s.frames * rng.uniform(0.3, 0.6))
    first = int(rng.integers(50, s.scope.size - 150))
    found[when:, :, first : first + 64 : 4] = 0
    found[when:, :, rng.integers(0, s.scope.size, 6)] = 0
    return s.scene(found, DOUBTFUL)


def fixed_pattern(rng: Rng, fades: bool) -> Scene:
    """A wrong gain reference: a fine pattern that is part of it stays where it is."""
    s = Stage(rng)
    whole = s.shape()
    rows, columns = np.mgrid[: s.scope.size, : s.scope.size]
    gain = 1 + 0.06 * rng.standard_normal((s.scope.size,) * 2)
    gain += 0.03 * np.cos(2 * np.pi * columns / 4) + 0.03 * np.sign(np.cos(np.pi * rows / 3))
    onset = s.onset()
    parts = s.fading(whole, s.course(onset)) if fades else still(whole)
    return s.film_movie(
        from_dose(onset) if fades else WHOLE, parts, lambda t: View(beam=np.maximum(gain, 0.1))
    )


def interpolated(rng: Rng) -> Scene:
    """The movie was aligned by bilinear interpolation: fine spots come and go with the fraction."""
    s = Stage(rng, ("LiF",), pixel=float(rng.uniform(0.5, 0.62)), dose=rng.uniform(2, 4),
              contrast=0.12, drift=0.0)  # fmt: skip
    found = s.counted(s.pictures(still(s.shape()))).astype(np.float32)
    way = rng.uniform(0.5, 0.6)
    for t in range(s.frames):
        found[t] = ndimage.shift(found[t], [way * t / s.frames] * 2, order=1, mode="nearest")
    return s.scene(found, DOUBTFUL)


def video(rng: Rng) -> Scene:
    """Eight bits, each frame stretched for itself, as in a published film."""
    s = Stage(rng, dose=rng.uniform(7, 12))
    found = s.counted(s.pictures(still(together(s.mosaic(4)[0])))).astype(np.float32)
    for t in range(s.frames):
        frame = ndimage.gaussian_filter(found[t], 0.6)
        low, high = np.percentile(frame, [rng.uniform(0.1, 2), rng.uniform(97.5, 99.9)])
        found[t] = np.clip(255 * (frame - low) / (high - low), 0, 255).round()
    return s.scene(found.astype(np.uint8), WHOLE)


def denoised(rng: Rng, fades: bool) -> Scene:
    """Each frame is a mean that remembers earlier ones (lag, or a running filter)."""
    s = Stage(rng)
    whole, onset = s.shape(), s.onset()
    parts = s.fading(whole, s.course(onset)) if fades else still(whole)
    found = s.counted(s.pictures(parts)).astype(np.float32)
    keep = rng.uniform(0.3, 0.6)
    for t in range(1, s.frames):
        found[t] = keep * found[t - 1] + (1 - keep) * found[t]
    return s.scene(found, from_dose(onset, slack=2.0) if fades else WHOLE)


def duplicated(rng: Rng, fades: bool) -> Scene:
    """Some frames were written twice, the ones after them are missing."""
    s = Stage(rng)
    whole, onset = s.shape(), s.onset()
    parts = s.fading(whole, s.course(onset)) if fades else still(whole)
    found = s.counted(s.pictures(parts))
    for t in np.flatnonzero(rng.random(s.frames - 4) < 0.12):
        again = int(rng.integers(1, 4))
        found[t + 1 : t + 1 + again] = found[t]
    return s.scene(found, from_dose(onset, slack=4.0) if fades else WHOLE)


def coincidence(rng: Rng) -> Scene:
    """The beam rises threefold midway and a counting camera loses what comes too fast."""
    s = Stage(rng)
    grains, when = together(s.mosaic(4)[0]), int(s.frames * rng.uniform(0.35, 0.6))
    rise = rng.uniform(2, 3)
    expected = s.pictures(still(grains), lambda t: View(beam=rise if t >= when else 1.0))
    top = 1.6 * s.dose * s.pixel**2
    dose = np.where(np.arange(s.frames) >= when, rise, 1.0) * s.dose
    return s.scene(s.counted(top * (1 - np.exp(-expected / top))), DOUBTFUL, dose)


def hot_frames(rng: Rng, fades: bool, most: int = 5) -> Scene:
    """Cosmic rays: bright clusters and tracks in some frames, a few of them or showers."""
    s = Stage(rng)
    whole, onset = s.shape(), s.onset()
    parts = s.fading(whole, s.course(onset)) if fades else still(whole)
    found = s.counted(s.pictures(parts)).astype(np.int64)
    for t in np.flatnonzero(rng.random(s.frames) < 0.15):
        for _ in range(rng.integers(1, most)):
            y, x = rng.integers(0, s.scope.size - 30, 2)
            steps = np.arange(rng.integers(2, 30))
            found[t, y + steps // 2, x + steps] += rng.integers(20, 160 * min(most, 5))
    return s.scene(found.astype(np.uint16), from_dose(onset) if fades else WHOLE)


def rate_changes(rng: Rng, fades: bool) -> Scene:
    """The dose rate is another from some frame on, and the user says so."""
    s = Stage(rng)
    when, ratio = int(s.frames * rng.uniform(0.35, 0.6)), log_uniform(rng, 1.6, 3.5)
    ratio = ratio if rng.random() < 0.5 else 1 / ratio
    rate = np.where(np.arange(s.frames) >= when, ratio, 1.0)
    grains = together(s.mosaic(4)[0])
    dose = rate * s.dose
    ends = np.cumsum(dose)
    onset = float(rng.uniform(0.35, 0.6) * ends[-1])
    tau = log_uniform(rng, 0.04, 0.12) * ends[-1]
    starts = ends - dose
    inside = starts[:, None] + dose[:, None] * (np.arange(8) + 0.5) / 8
    h = np.exp(-0.5 * np.maximum(inside - onset, 0) / tau).mean(axis=1)
    parts = s.fading(grains, h) if fades else still(grains)
    found = s.counted(s.pictures(parts, lambda t: View(beam=float(rate[t]))))
    return s.scene(found, from_dose(onset) if fades else WHOLE, dose)


def blanked(rng: Rng, fades: bool) -> Scene:
    """The beam was off for some frames midway; the user gives one dose a frame."""
    s = Stage(rng)
    first, long = int(s.frames * rng.uniform(0.3, 0.5)), int(rng.integers(3, 9))
    off = np.arange(s.frames)
    lit = (off < first) | (off >= first + long)
    onset_lit = rng.uniform(0.4, 0.6) * lit.sum() * s.dose
    ends = np.cumsum(lit) * s.dose
    tau = log_uniform(rng, 0.04, 0.12) * s.total
    inside = ends[:, None] - s.dose * (1 - (np.arange(8) + 0.5) / 8)
    h = np.exp(-0.5 * np.maximum(inside - onset_lit, 0) / tau).mean(axis=1)
    grains = together(s.mosaic(4)[0])
    parts = s.fading(grains, h) if fades else still(grains)
    found = s.counted(s.pictures(parts, lambda t: View(beam=1.0 if lit[t] else 0.003)))
    return s.scene(found, from_dose(onset_lit) if fades else WHOLE, np.where(lit, s.dose, 0.0))


# Nothing is damaged: film, layers, textures.


def contamination(rng: Rng) -> Scene:
    """A layer grows over all: spots go to a third of their power, the picture gets darker."""
    s = Stage(rng)
    grains, extra = together(s.mosaic(5)[0]), s.scope.new_film()
    begin = rng.uniform(0.0, 0.3)

    def view(t: int) -> View:
        grown = float(smooth(t / s.frames, begin, 1.0))
        lattice = 1 - (1 - 1 / np.sqrt(3)) * grown
        return View(lattice=lattice, beam=1 - 0.22 * grown, film=1 + 0.5 * grown)

    def film(t: int) -> Floats:
        grown = float(smooth(t / s.frames, begin, 1.0))
        return (s.scope.film + grown * extra) / np.sqrt(1 + grown**2)

    return s.film_movie(DOUBTFUL, still(grains), view, film)


def halo_grows(rng: Rng) -> Scene:
    """An amorphous layer grows, the lattice stays."""
    s = Stage(rng)
    grains, more, extra = together(s.mosaic(4)[0]), rng.uniform(1.0, 2.0), s.scope.new_film()

    def film(t: int) -> Floats:
        return s.scope.film + more * float(smooth(t / s.frames, 0.2, 0.9)) * extra

    return s.film_movie(WHOLE, still(grains), film=film)


def boiling_film(rng: Rng) -> Scene:
    """The amorphous film rearranges all the time, the crystals stay."""
    s = Stage(rng, granularity=0.08)
    grains = s.islands(8, (18, 30))[0]
    state, keep = [s.scope.film], rng.uniform(0.6, 0.9)

    def film(t: int) -> Floats:
        state[0] = keep * state[0] + np.sqrt(1 - keep**2) * s.scope.new_film()
        return state[0]

    return s.film_movie(WHOLE, still(*grains), film=film)


def film_creeps(rng: Rng) -> Scene:
    """Crystals slide over a film that stays where it is, by a pixel in some frames."""
    s = Stage(rng, granularity=0.08, drift=20.0)
    return s.film_movie(WHOLE, still(*s.islands(8, (18, 30))[0]), pin_film=True)


def textures(rng: Rng, kind: str) -> Scene:
    """Nothing changes beside the edge of a hole, a bar of the grid, on a film."""
    s = Stage(rng)
    y, x = s.scope.grid()
    tilt = rng.uniform(-0.4, 0.4)
    edge = y + tilt * x - rng.uniform(-0.3, 0.3) * s.half
    if kind == "hole":
        grains = s.shape(lambda at: at[:, 0] + tilt * at[:, 1] < rng.uniform(-10, 10))
        matter = 1 / (1 + np.exp(np.clip(edge / 3, -40, 40)))
        return s.film_movie(WHOLE, still(grains), lambda t: View(contrast=matter,
                            beam=1 + 0.15 * (1 - matter)))  # fmt: skip
    grains = together(s.mosaic(4)[0])
    dark = 1 / (1 + np.exp(np.clip(edge / 6, -40, 40)))
    if kind == "bar":
        return s.film_movie(WHOLE, still(grains), lambda t: View(beam=1 - 0.93 * dark))
    return s.film_movie(WHOLE, still(grains))


def moire(rng: Rng, fades: bool) -> Scene:
    """Weak grains over a strong lattice, with spots of double diffraction."""
    s = Stage(rng, ("Au", "LiF"), contrast=0.16, dose=rng.uniform(6, 9), granularity=0.04)
    strong = s.shape()
    weak = [s.shape(disc(c, r, rng.uniform(0, 0.06, 3)), 1, contrast=0.09)
            for c, r in zip(s.centres(5), rng.uniform(24, 36, 5), strict=True)]  # fmt: skip
    onset = s.onset()
    h = s.course(onset) if fades else np.ones(s.frames)
    beneath, over = s.pictures(still(strong)), s.pictures(s.fading(together(weak), h))
    mean = s.dose * s.pixel**2
    a, b = beneath / mean - 1, over / mean - 1
    expected = mean * np.maximum(1 + a + b + 4 * a * b, 0.02)
    return s.scene(s.counted(expected), from_dose(onset) if fades else WHOLE)


def ice_lands(rng: Rng) -> Scene:
    """A crystal of ice comes to lie on a corner from some dose on; the specimen stays."""
    s = Stage(rng, ("Cu", "ice"))
    ground = together(s.mosaic(3)[0][::2])
    ice = s.shape(disc(np.array([0.4, 0.4]) * s.half, 0.45 * s.half), 1, contrast=0.08)
    onset = s.onset(0.3, 0.7)
    grown = smooth((np.arange(s.frames) + 0.5) * s.dose, onset, onset + 0.15 * s.total)
    return s.film_movie(either(onset), lambda t: [Part(ground), Part(ice, float(grown[t]))])


def dark_then_back(rng: Rng) -> Scene:
    """Spots go down to a tenth of their power for a third of the record, and come back whole."""
    s = Stage(rng)
    grains, first = together(s.mosaic(4)[0]), rng.uniform(0.2, 0.4)
    t = np.arange(s.frames) / s.frames
    dip = 1 - 0.7 * smooth(t, first, first + 0.05) * (1 - smooth(t, first + 0.3, first + 0.35))
    return s.film_movie(WHOLE, lambda t: [Part(grains, float(dip[t]))])


def one_set_dims(rng: Rng) -> Scene:
    """A crystal tilts and stays: columns smear along one direction, one fringe set goes to 0.3."""
    s = Stage(rng)
    angle, whole = rng.uniform(0, 180), together(s.mosaic(3)[0])
    along = np.array([np.sin(np.deg2rad(angle)), np.cos(np.deg2rad(angle))])
    begin, most = rng.uniform(0.3, 0.5), rng.uniform(1.2, 1.8)

    def view(t: int) -> View:
        return View()

    def parts(t: int) -> list[Part]:
        way = most * float(smooth(t / s.frames, begin, begin + 0.2)) * along
        return [Part(whole, 1 / 3, tuple(k * way / 2)) for k in (-1, 0, 1)]

    return s.film_movie(DOUBTFUL, parts, view)


def sliding(rng: Rng) -> Scene:
    """Two flakes of one orientation lie on each other, and one slides by half a spacing or more."""
    s = Stage(rng)
    angle = float(rng.uniform(0, 180))
    below, above = (s.shape(angle=angle, contrast=k * s.contrast) for k in (1.0, 0.6))
    way, direction = rng.uniform(0.8, 2.0), rng.uniform(0, 2 * np.pi)
    along = np.array([np.sin(direction), np.cos(direction)])
    begin = rng.uniform(0.2, 0.5)

    def parts(t: int) -> list[Part]:
        done = way * float(smooth(t / s.frames, begin, begin + 0.35))
        return [Part(below), Part(above, shift=tuple(done * along))]

    return s.film_movie(DOUBTFUL, parts)


def twisting(rng: Rng) -> Scene:
    """Two flakes lie on each other, and the twist between them grows by a degree or two."""
    s = Stage(rng)
    angle, twist = float(rng.uniform(0, 180)), rng.uniform(0.5, 1.5)
    below, above = (s.shape(angle=a, contrast=k * s.contrast)
                    for a, k in ((angle, 1.0), (angle + twist, 0.7)))  # fmt: skip
    more = rng.uniform(0.8, 2.0)

    def parts(t: int) -> list[Part]:
        done = more * float(smooth(t / s.frames, 0.2, 0.8))
        return [Part(below), Part(above.turned(done, np.zeros(2)) if done else above)]

    return s.film_movie(DOUBTFUL, parts)


def veil(rng: Rng) -> Scene:
    """Stray light comes over all: lattice and film lose contrast alike, to 0.6 or 0.75."""
    s = Stage(rng, granularity=0.08)
    grains, least, begin = together(s.mosaic(4)[0]), rng.uniform(0.6, 0.75), rng.uniform(0.2, 0.5)
    return s.film_movie(
        DOUBTFUL, still(grains),
        lambda t: View(contrast=1 - (1 - least) * float(smooth(t / s.frames, begin, 0.9))),
    )  # fmt: skip


def amorphous(rng: Rng) -> Scene:
    """No lattice at all: a film, an imperfect gain reference, a line of the electronics."""
    s = Stage(rng, granularity=0.09)
    rows, columns = np.mgrid[: s.scope.size, : s.scope.size]
    gain = np.maximum(1 + 0.04 * rng.standard_normal((s.scope.size,) * 2), 0.1)
    wave = 0.02 * np.cos(2 * np.pi * (rows + 0.1 * columns) / rng.uniform(3, 7))
    when = int(s.frames * rng.uniform(0.3, 0.7))
    return s.film_movie(
        Truth(right=frozenset({"no_lattice"})), still(),
        lambda t: View(beam=gain, added=wave * (t >= when)),
    )  # fmt: skip


def crystallising(rng: Rng) -> Scene:
    """Crystals grow out of an amorphous film from a dose on; before, there is none."""
    s = Stage(rng, granularity=0.06)
    grains, centres = s.islands(7, (20, 34))
    onset = s.onset(0.3, 0.5)
    away = [np.hypot(*(g.at - c).T) for g, c in zip(grains, centres, strict=True)]

    def parts(t: int) -> list[Part]:
        grown = np.sqrt(max((t + 0.5) * s.dose - onset, 0) / (s.total - onset))
        return [Part(g.only(a < a.max() * grown))
                for g, a in zip(grains, away, strict=True) if grown]  # fmt: skip

    truth = Truth(onset, frozenset({"ambiguous", "no_lattice"}), frozenset({"survived"}))
    return s.film_movie(truth, parts)


def accelerating(rng: Rng) -> Scene:
    """The stage drifts ever faster, in the end by 3 to 5 px a frame: spots smear in each frame."""
    s = Stage(rng, frames=int(rng.integers(40, 61)))
    angle, speed = rng.uniform(0, 2 * np.pi), rng.uniform(3, 5) * s.pixel
    t = np.arange(s.frames)[:, None] / s.frames
    s.drift = speed * s.frames / 3 * t**3 * np.array([np.sin(angle), np.cos(angle)])
    s.scope.film = s.scope.new_film(int(s.drift.max() / s.pixel) + 60)
    return s.film_movie(DOUBTFUL, still(together(s.mosaic(4)[0])))


def unsteady_focus(rng: Rng, calm: float, fades: bool) -> Scene:
    """The focus wanders about its mean by 2 to 5 nm all the time; how long it remembers, varies."""
    s = Stage(rng, granularity=0.07)
    grains, onset = together(s.mosaic(4)[0]), s.onset()
    keep, wide = np.exp(-1 / calm) if calm else 0.0, rng.uniform(20, 50)
    focus = np.zeros(s.frames)
    for t in range(1, s.frames):
        focus[t] = keep * focus[t - 1] + wide * np.sqrt(1 - keep**2) * rng.standard_normal()
    parts = s.fading(grains, s.course(onset)) if fades else still(grains)
    truth = from_dose(onset) if fades else DOUBTFUL
    return s.film_movie(truth, parts, lambda t: View(defocus=focus[t]))


def brightening(rng: Rng) -> Scene:
    """All spots rise from some dose on, to twice their power, and stay there."""
    s = Stage(rng)
    grains, begin = together(s.mosaic(4)[0]), rng.uniform(0.1, 0.4)
    h = 1 + 0.45 * smooth(np.arange(s.frames) / s.frames, begin, begin + 0.3)
    return s.film_movie(DOUBTFUL, lambda t: [Part(grains, float(h[t]))])


def settles_then_fades(rng: Rng) -> Scene:
    """Everything is blurred at first and comes to rest in a third of the record; then it fades."""
    s = Stage(rng)
    onset, most = s.onset(0.5, 0.65), rng.uniform(0.35, 0.6)

    def view(t: int) -> View:
        b = most * (1 - float(smooth(t / s.frames, 0, 0.35)))
        return View(blur=(b, b))

    return s.film_movie(from_dose(onset), s.fading(together(s.mosaic(4)[0]), s.course(onset)), view)


def borders(rng: Rng, fades: bool) -> Scene:
    """Aligned beforehand by whole pixels: strips without a picture grow at two edges."""
    s = Stage(rng, drift=rng.uniform(12, 22))
    grains, onset = together(s.mosaic(4)[0]), s.onset()
    found = s.counted(s.pictures(s.fading(grains, s.course(onset)) if fades else still(grains)))
    for t, (y, x) in enumerate(np.rint(s.drift / s.pixel).astype(int)):
        found[t] = ndimage.shift(found[t], (-y, -x), order=0)
    return s.scene(found, from_dose(onset) if fades else WHOLE)


def round_beam(rng: Rng, fades: bool) -> Scene:
    """The beam is smaller than the camera: it is dark outside a disc with a bright rim."""
    s = Stage(rng)
    grains, onset = together(s.mosaic(4)[0]), s.onset()
    y, x = s.scope.grid()
    inner = rng.uniform(0.75, 0.95) * s.half - np.hypot(y - 0.1 * s.half, x)
    beam = (
        1 / (1 + np.exp(-np.clip(inner / 1.5, -40, 40))) * (1 + 0.3 * np.exp(-((inner / 5) ** 2)))
    )
    parts = s.fading(grains, s.course(onset)) if fades else still(grains)
    return s.film_movie(
        from_dose(onset) if fades else WHOLE, parts, lambda t: View(beam=beam + 0.002)
    )


def quadrant(rng: Rng) -> Scene:
    """A quarter of the camera changes its gain by 10 to 25 % midway."""
    s = Stage(rng)
    when, by = int(s.frames * rng.uniform(0.3, 0.6)), rng.uniform(0.1, 0.25) * rng.choice([-1, 1])
    y, x = s.scope.grid()
    there = (y > 0) & (x > 0)
    found = s.pictures(still(together(s.mosaic(4)[0])))
    counts = s.counted(found).astype(np.float32) * 20
    counts[when:] *= 1 + by * there
    return s.scene(counts.astype(np.uint16), WHOLE)


def in_part(rng: Rng, how: str) -> Scene:
    """Only a part of the film changes its height (for good), or begins to flutter."""
    s = Stage(rng, granularity=0.12)
    grains = together(s.mosaic(5)[0])
    y, x = s.scope.grid()
    at, r = rng.uniform(-0.5, 0.5, 2) * s.half, rng.uniform(0.45, 0.7) * s.half
    there = 1 / (1 + np.exp(np.clip((np.hypot(y - at[0], x - at[1]) - r) / 6, -40, 40)))
    begin = rng.uniform(0.25, 0.5)
    far, wide = rng.uniform(80, 250) * rng.choice([-1, 1]), rng.uniform(0.4, 0.7)
    sharp = s.pictures(still(grains))

    def view(t: int) -> View:
        done = float(smooth(t / s.frames, begin, begin + 0.25))
        if how == "height":
            return View(defocus=far * done)
        return View(blur=(wide * done, wide * done))

    return s.scene(
        s.counted((1 - there) * sharp + there * s.pictures(still(grains), view)), DOUBTFUL
    )


def tilting_away(rng: Rng) -> Scene:
    """Crystals tilt, one after the other, and stay so: planes along the tilt remain sharp."""
    s = Stage(rng)
    grains = s.islands(7, (20, 32))[0]
    begins = rng.uniform(0.2, 0.8, len(grains))
    angles, most = rng.uniform(0, np.pi, len(grains)), rng.uniform(1.3, 2.0, len(grains))
    stays = np.arange(len(grains)) < 2

    def parts(t: int) -> list[Part]:
        found = []
        for g, b, a, m, keep in zip(grains, begins, angles, most, stays, strict=True):
            way = 0.0 if keep else m * float(smooth(t / s.frames, b, b + 0.15))
            along = way * np.array([np.sin(a), np.cos(a)])
            found += [Part(g, 0.2, tuple(k * along)) for k in (-0.4, -0.2, 0.0, 0.2, 0.4)]
        return found

    return s.film_movie(DOUBTFUL, parts)


def dot(rng: Rng) -> Scene:
    """Contamination grows on a part of the field: darker there, less contrast of the lattice."""
    s = Stage(rng)
    grains, extra = together(s.mosaic(5)[0]), s.scope.new_film()
    y, x = s.scope.grid()
    at, r = rng.uniform(-0.4, 0.4, 2) * s.half, rng.uniform(0.4, 0.6) * s.half
    there = np.exp(-((np.hypot(y - at[0], x - at[1]) / r) ** 4))
    begin = rng.uniform(0.1, 0.4)

    def view(t: int) -> View:
        grown = there * float(smooth(t / s.frames, begin, 0.95))
        return View(lattice=1 - 0.5 * grown, beam=1 - 0.3 * grown)

    def film(t: int) -> Floats:
        return s.scope.film + 0.5 * float(smooth(t / s.frames, begin, 0.95)) * extra

    return s.film_movie(DOUBTFUL, still(grains), view, film)


def spinning(rng: Rng) -> Scene:
    """Every second crystal turns on, by 20 to 60 degrees in the record."""
    s = Stage(rng)
    grains, centres = s.islands(7, (20, 32))
    turns = [rng.uniform(20, 60) * rng.choice([-1, 1]) * (i % 2) for i in range(len(grains))]
    return s.film_movie(
        DOUBTFUL,
        lambda t: [Part(g.turned(a * t / s.frames, c) if a else g)
                   for g, c, a in zip(grains, centres, turns, strict=True)],
    )  # fmt: skip


def moved_away(rng: Rng) -> Scene:
    """From one frame on the stage is at another place, with other crystals of the same kind."""
    s = Stage(rng)
    here, there = (together(s.mosaic(4)[0]) for _ in range(2))
    films, when = (s.scope.film, s.scope.new_film()), int(s.frames * rng.uniform(0.35, 0.65))
    return s.film_movie(
        DOUBTFUL, lambda t: [Part(there if t >= when else here)],
        film=lambda t: films[int(t >= when)],
    )  # fmt: skip


def flipped(rng: Rng) -> Scene:
    """Half of the frames were saved mirrored."""
    s = Stage(rng)
    found = s.counted(s.pictures(still(together(s.mosaic(4)[0]))))
    when = int(s.frames * rng.uniform(0.4, 0.6))
    found[when:] = found[when:, :, ::-1].copy()
    return s.scene(found, DOUBTFUL)


def dips_then_fades(rng: Rng) -> Scene:
    """All spots dip and come back, and later they fade."""
    s = Stage(rng)
    onset, t = s.onset(0.55, 0.7), np.arange(s.frames) / s.frames
    dip = 1 - 0.5 * smooth(t, 0.15, 0.2) * (1 - smooth(t, 0.32, 0.37))
    grains = together(s.mosaic(4)[0])
    gone, h = grains.disordered(rng), s.course(onset)
    return s.film_movie(
        from_dose(onset), lambda t: [Part(grains, float(dip[t] * h[t])), Part(gone, 1 - h[t])]
    )


def weakening_beam(rng: Rng) -> Scene:
    """The beam loses 20 to 40 % in the record, the user gives one dose a frame; half fades."""
    s = Stage(rng)
    grains, least = s.mosaic(6)[0], rng.uniform(0.6, 0.8)
    onset = s.onset()
    return s.film_movie(
        from_dose(onset),
        all_of(s.fading(together(grains[::2]), s.course(onset)), still(together(grains[1::2]))),
        lambda t: View(beam=1 - (1 - least) * t / s.frames),
    )


def scattered(rng: Rng) -> Scene:
    """Each of a dozen grains fades from a dose of its own on."""
    s = Stage(rng, size=640)
    grains = s.mosaic(12)[0]
    begins = np.clip(0.5 * np.exp(0.35 * rng.standard_normal(12)), 0.15, 1.2) * s.total
    share = np.array([np.all(np.abs(g.at) < s.half, axis=1).sum() for g in grains], float)
    order = np.argsort(begins)
    spoken = np.cumsum(share[order]) >= 0.05 * share.sum()
    first = float(begins[order][np.argmax(spoken)])
    return s.film_movie(
        from_dose(first),
        all_of(*(s.fading(g, s.course(float(b), 0.06 * s.total))
                 for g, b in zip(grains, begins, strict=True))),
    )  # fmt: skip


def lone(rng: Rng) -> Scene:
    """One particle of 6 to 9 nm on a film fades."""
    s = Stage(rng, contrast=0.12, dose=rng.uniform(5, 9))
    grain = s.shape(disc(rng.uniform(-0.3, 0.3, 2) * s.half, rng.uniform(30, 45)))
    onset = s.onset()
    return s.film_movie(from_dose(onset), s.fading(grain, s.course(onset)))


def faint(rng: Rng) -> Scene:
    """All fades, in a record that is weak: 2 e/Å² a frame, 3 to 4 % of contrast."""
    s = Stage(rng, contrast=rng.uniform(0.03, 0.04), dose=2.0, frames=80)
    onset = s.onset()
    truth = Truth(onset, withheld=frozenset({"ambiguous", "no_lattice"}))
    return s.film_movie(truth, s.fading(together(s.mosaic(3)[0]), s.course(onset)))


# Damage.


def fade_all(rng: Rng) -> Scene:
    """The plain thing: all grains fade from one dose on."""
    s = Stage(rng)
    onset = s.onset()
    return s.film_movie(from_dose(onset), s.fading(together(s.mosaic(4)[0]), s.course(onset)))


def two_grains(rng: Rng) -> Scene:
    """Two grains fade from 0.3 and 0.6 of the record on, the others stay."""
    s = Stage(rng)
    grains = s.mosaic(6)[0]
    first = 0.3 * s.total
    return s.film_movie(
        from_dose(first),
        all_of(s.fading(grains[0], s.course(first)), s.fading(grains[1], s.course(2 * first)),
               still(*grains[2:])),
    )  # fmt: skip


def small_part(rng: Rng) -> Scene:
    """Crystals of 3 to 5 % of the field fade, the rest stays."""
    s = Stage(rng)
    share, corner = rng.uniform(0.03, 0.05), rng.uniform(-0.6, 0.6, 2) * s.half
    spot = disc(corner, 2 * s.half * np.sqrt(share / np.pi))
    whole, onset = s.shape(), s.onset()
    here = spot(whole.at)
    return s.film_movie(
        either(onset),
        all_of(still(whole.only(~here)), s.fading(whole.only(here), s.course(onset))),
    )


def shoulders(rng: Rng) -> Scene:
    """Everything loses a third, waits, and goes."""
    s = Stage(rng)
    onset = s.onset(0.25, 0.35)
    later = onset + rng.uniform(0.25, 0.35) * s.total
    h = s.course(onset, 0.03 * s.total, kept=0.6) * s.course(later, 0.06 * s.total)
    return s.film_movie(from_dose(onset), s.fading(together(s.mosaic(3)[0]), h))


def weak_beneath(rng: Rng) -> Scene:
    """A weak lattice lies under a strong one, and only the weak one fades."""
    s = Stage(rng, ("Au", "Li2O"), contrast=0.14)
    strong, weak = s.shape(), s.shape(cell=1, contrast=0.04)
    onset = s.onset()
    return s.film_movie(from_dose(onset), all_of(still(strong), s.fading(weak, s.course(onset))))


def half_fades(s: Stage, grains: Sequence[Columns], fades: bool) -> Scene:
    """Every second grain fades, or none does."""
    if not fades:
        return s.film_movie(WHOLE, still(together(grains)))
    onset = s.onset()
    return s.film_movie(
        from_dose(onset),
        all_of(s.fading(together(grains[::2]), s.course(onset)), still(together(grains[1::2]))),
    )


def tiny_grains(rng: Rng, fades: bool) -> Scene:
    """Grains of 5 to 8 nm that touch; half of them fade, or none."""
    s = Stage(rng, size=640, pixel=0.3)
    return half_fades(s, s.mosaic(12)[0], fades)


def drifting(rng: Rng, fades: bool) -> Scene:
    """The field drifts by one pixel a frame while half of it fades, or nothing does."""
    s = Stage(rng, frames=int(rng.integers(40, 71)))
    t = np.arange(s.frames)[:, None]
    angle = rng.uniform(0, 2 * np.pi)
    s.drift = s.pixel * t * np.array([np.sin(angle), np.cos(angle)])
    s.scope.film = s.scope.new_film(90)
    return half_fades(s, s.mosaic(6)[0], fades)


def many_frames(rng: Rng) -> Scene:
    """400 frames of 0.5 e/Å²."""
    s = Stage(rng, size=512, frames=400, dose=0.5)
    onset = s.onset()
    return s.film_movie(
        from_dose(onset, slack=5.0), s.fading(together(s.mosaic(3)[0]), s.course(onset))
    )


def few_frames(rng: Rng) -> Scene:
    """12 frames of 20 to 40 e/Å²."""
    s = Stage(rng, frames=12, dose=rng.uniform(20, 40))
    onset = s.onset(0.35, 0.55)
    return s.film_movie(from_dose(onset), s.fading(together(s.mosaic(4)[0]), s.course(onset)))


def near_nyquist(rng: Rng, fades: bool) -> Scene:
    """The finest spot has a period of 2.2 to 2.6 px."""
    d = 2.325
    s = Stage(rng, ("LiF",), pixel=d / float(rng.uniform(2.45, 2.7)), dose=rng.uniform(3, 6),
              contrast=0.12)  # fmt: skip
    grains, onset = together(s.mosaic(4)[0]), s.onset()
    parts = s.fading(grains, s.course(onset)) if fades else still(grains)
    return s.film_movie(from_dose(onset) if fades else WHOLE, parts)


def swelling(rng: Rng) -> Scene:
    """The lattice swells or shrinks by 1 to 3 % from a dose on, each grain about its middle."""
    s = Stage(rng)
    grains, centres = s.islands(8, (18, 30))
    onset, most = s.onset(), rng.uniform(0.012, 0.03) * rng.choice([-1, 1])
    dose = (np.arange(s.frames) + 0.5) * s.dose
    grown = 1 - np.exp(-np.maximum(dose - onset, 0) / (0.08 * s.total))
    return s.film_movie(
        from_dose(onset),
        lambda t: [Part(g.turned(0, c, 1 + most * grown[t]) if grown[t] else g)
                   for g, c in zip(grains, centres, strict=True)],
    )  # fmt: skip


def recrystallised(rng: Rng) -> Scene:
    """The lattice goes in part, and comes back turned."""
    s = Stage(rng)
    old, new = s.shape(angle=15), s.shape(angle=float(rng.uniform(45, 75)))
    onset = s.onset(0.25, 0.4)
    h = s.course(onset, 0.06 * s.total, kept=0.15)
    came = 0.8 * smooth((np.arange(s.frames) + 0.5) * s.dose, onset + 0.1 * s.total, 0.8 * s.total)
    return s.film_movie(
        from_dose(onset, "ambiguous"), all_of(s.fading(old, h), lambda t: [Part(new, came[t])])
    )


def superlattice(rng: Rng) -> Scene:
    """Every other row gets heavier from a dose on: spots appear halfway, and stay."""
    s = Stage(rng, ("NaF", "LiF"))
    angle = float(rng.uniform(0, 180))
    whole, cell = s.shape(angle=angle), s.cells[0]
    heavy = Cell(2 * cell.height, 2 * cell.width, tuple(
        ((y + j) / 2, (x + i) / 2, w * (1 if (i + j) % 2 else -1))
        for y, x, w in cell.sites for j in (0, 1) for i in (0, 1)))  # fmt: skip
    made = crystal(heavy, angle, everywhere, s.reach, rng)
    change = Columns(made.at, made.strength * s.scope.strength(heavy, 0.05))
    onset = s.onset()
    came = smooth((np.arange(s.frames) + 0.5) * s.dose, onset, onset + 0.15 * s.total)
    return s.film_movie(from_dose(onset), lambda t: [Part(whole), Part(change, float(came[t]))])


def shrinking(rng: Rng) -> Scene:
    """Particles on a film shrink from the rim; what is left of them is whole."""
    s = Stage(rng, ("Au", "NaF"), contrast=0.12)
    grains, centres = s.islands(7, (22, 36))
    onset, rate = s.onset(0.25, 0.5), rng.uniform(0.5, 0.8)
    away = [np.hypot(*(g.at - c).T) for g, c in zip(grains, centres, strict=True)]

    def parts(t: int) -> list[Part]:
        gone = rate * max((t + 0.5) * s.dose - onset, 0) / (s.total - onset)
        return [Part(g.only(a < a.max() * (1 - gone)) if gone else g)
                for g, a in zip(grains, away, strict=True)]  # fmt: skip

    return s.film_movie(from_dose(onset), parts)


def torn(rng: Rng) -> Scene:
    """A hole opens from a dose on and takes crystals with it."""
    s = Stage(rng)
    grains, onset = together(s.mosaic(5)[0]), s.onset()
    y, x = s.scope.grid()
    at = rng.uniform(-0.5, 0.5, 2) * s.half
    away = np.hypot(y - at[0], x - at[1])

    def view(t: int) -> View:
        r = 0.6 * s.half * np.sqrt(max((t + 0.5) * s.dose - onset, 0) / (s.total - onset))
        matter = 1 / (1 + np.exp(np.clip((r - away) / 2, -40, 40))) if r else 1.0
        return View(contrast=matter, beam=1 + 0.15 * (1 - matter))

    return s.film_movie(from_dose(onset, "ambiguous"), still(grains), view)


def late(rng: Rng) -> Scene:
    """Damage begins in the last tenth."""
    s = Stage(rng)
    onset = s.onset(0.91, 0.95)
    h = s.course(onset, 0.03 * s.total)
    return s.film_movie(
        Truth(onset, frozenset({"ambiguous", "survived"}), frozenset()),
        s.fading(together(s.mosaic(4)[0]), h),
    )


def at_once(rng: Rng) -> Scene:
    """Fading began before the record did, without a plateau."""
    s = Stage(rng)
    h = s.course(0.0, rng.uniform(0.15, 0.4) * s.total)
    return s.film_movie(from_dose(0.0, "damaged_at_start"), s.fading(s.shape(), h))


def slow(rng: Rng) -> Scene:
    """A slow loss, to half or so at the end."""
    s = Stage(rng)
    onset = s.onset(0.15, 0.35)
    h = s.course(onset, rng.uniform(0.5, 0.9) * s.total)
    return s.film_movie(from_dose(onset), s.fading(together(s.mosaic(4)[0]), h))


def fade_and_focus(rng: Rng) -> Scene:
    """All fades from a dose on while the focus wanders by some nanometres all the time."""
    s = Stage(rng)
    onset, way = s.onset(), rng.uniform(20, 60)
    phase = rng.uniform(0, 2 * np.pi)
    turns = rng.uniform(1, 3)
    return s.film_movie(
        from_dose(onset), s.fading(together(s.mosaic(4)[0]), s.course(onset)),
        lambda t: View(defocus=way * np.sin(2 * np.pi * turns * t / s.frames + phase)),
    )  # fmt: skip


def front(rng: Rng) -> Scene:
    """A front of damage runs across one crystal: each column has its own onset."""
    s = Stage(rng)
    whole, onset = s.shape(), s.onset(0.2, 0.35)
    gone = Columns(whole.at + 1.2 * rng.standard_normal(whole.at.shape), whole.strength)
    where = (whole.at[:, 0] + s.half) / (2 * s.half)
    begins = onset + np.clip(where, 0, 1) * 0.5 * s.total

    def parts(t: int) -> list[Part]:
        h = np.exp(-0.5 * np.maximum((t + 0.5) * s.dose - begins, 0) / (0.05 * s.total))
        return [Part(Columns(whole.at, whole.strength * h)),
                Part(Columns(gone.at, gone.strength * (1 - h)))]  # fmt: skip

    # When it has come over a twentieth of the field: what is smaller is no headline.
    return s.film_movie(from_dose(onset + 0.05 * 0.5 * s.total), parts)


def either_way(scene: Callable[[Rng, bool], Scene], way: bool) -> Callable[[Rng], Scene]:
    return lambda rng: scene(rng, way)


KINDS: dict[str, Callable[[Rng], Scene]] = {
    # The likeliest to fool come first.
    "height-of-a-part": lambda rng: in_part(rng, "height"),
    "flutter-of-a-part": lambda rng: in_part(rng, "flutter"),
    "tilting-away": tilting_away,
    "dot": dot,
    "spinning": spinning,
    "moved-away": moved_away,
    "flipped": flipped,
    "scattered": scattered,
    "dips-then-fades": dips_then_fades,
    "weakening-beam-fading": weakening_beam,
    "lone-fading": lone,
    "faint-fading": faint,
    "blinking": blinking,
    "vibration": vibration,
    "interpolated": interpolated,
    "sliding": sliding,
    "twisting": twisting,
    "moire": either_way(moire, False),
    "moire-fading": either_way(moire, True),
    "hop": hop,
    "turning-steadily": either_way(turning, False),
    "turning-at-once": either_way(turning, True),
    "shade": shade,
    "bent-for-good": either_way(buckled, True),
    "contamination": contamination,
    "half-lost": either_way(half_lost, False),
    "half-lost-fading": either_way(half_lost, True),
    "line-noise": line_noise,
    "dead-columns": dead_columns,
    "focus-wanders": lambda rng: unsteady_focus(rng, 12.0, False),
    "focus-wanders-fading": lambda rng: unsteady_focus(rng, 12.0, True),
    "focus-flickers": lambda rng: unsteady_focus(rng, 0.0, False),
    "focus-flickers-fading": lambda rng: unsteady_focus(rng, 0.0, True),
    "accelerating": accelerating,
    "brightening": brightening,
    "settles-then-fades": settles_then_fades,
    "borders": either_way(borders, False),
    "borders-fading": either_way(borders, True),
    "round-beam": either_way(round_beam, False),
    "round-beam-fading": either_way(round_beam, True),
    "quadrant": quadrant,
    "magnified": magnified,
    "field-turns": whole_field_turns,
    "shrinking": shrinking,
    "swelling": swelling,
    "superlattice": superlattice,
    "one-set-dims": one_set_dims,
    "boundary-moves": boundary_moves,
    "veil": veil,
    "amorphous": amorphous,
    "crystallising": crystallising,
    "weak-beneath": weak_beneath,
    "front": front,
    "film-creeps": film_creeps,
    "blurring": blurring,
    "defocusing": defocusing,
    "astigmatic": astigmatic,
    "boiling-film": boiling_film,
    "coincidence": coincidence,
    "duplicated": either_way(duplicated, False),
    "duplicated-fading": either_way(duplicated, True),
    "denoised": either_way(denoised, False),
    "denoised-fading": either_way(denoised, True),
    "video": video,
    "shoulders": shoulders,
    "two-grains": two_grains,
    "recrystallised": recrystallised,
    "fade-and-focus": fade_and_focus,
    "tiny-grains": either_way(tiny_grains, False),
    "tiny-grains-fading": either_way(tiny_grains, True),
    "near-nyquist": either_way(near_nyquist, False),
    "near-nyquist-fading": either_way(near_nyquist, True),
    "drifting": either_way(drifting, False),
    "drifting-fading": either_way(drifting, True),
    "drift-jump": drift_jump,
    "bending": either_way(buckled, False),
    "apart": apart,
    "small-part": small_part,
    "torn": torn,
    "ice-lands": ice_lands,
    "beam-moves": beam_moves,
    "halo-grows": halo_grows,
    "dark-then-back": dark_then_back,
    "rate-changes": either_way(rate_changes, False),
    "rate-changes-fading": either_way(rate_changes, True),
    "blanked": either_way(blanked, False),
    "blanked-fading": either_way(blanked, True),
    "fixed-pattern": either_way(fixed_pattern, False),
    "fixed-pattern-fading": either_way(fixed_pattern, True),
    "hot-frames": either_way(hot_frames, False),
    "hot-frames-fading": either_way(hot_frames, True),
    "showers": lambda rng: hot_frames(rng, False, 40),
    "showers-fading": lambda rng: hot_frames(rng, True, 40),
    "late": late,
    "at-once": at_once,
    "slow": slow,
    "few-frames": few_frames,
    "many-frames": many_frames,
    "fade-all": fade_all,
    "film": lambda rng: textures(rng, "film"),
    "hole": lambda rng: textures(rng, "hole"),
    "bar": lambda rng: textures(rng, "bar"),
}
