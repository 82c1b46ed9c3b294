"""Scenes in which crystals move, turn, rock or meet; some of them fade besides."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from unforeseen_optics import (
    Floats,
    Part,
    Rng,
    View,
    together,
)
from unforeseen_stage import (
    DOUBTFUL,
    WHOLE,
    Scene,
    Stage,
    either,
    from_dose,
    half_fades,
    smooth,
    still,
)


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


def hop_then_fade(rng: Rng) -> Scene:
    """Crystals hop by some pixels, each at frames of its own, and fade at one dose."""
    s = Stage(rng)
    grains, _ = s.islands(9, (22, 34))
    onset = s.onset()
    h = s.course(onset)
    halo = s.halo(together(grains), h)
    jumps = (rng.random((9, s.frames)) < 0.06)[..., None] * rng.normal(
        0, 2.5 * s.pixel, (9, s.frames, 2)
    )
    ways = np.cumsum(jumps, axis=1)

    def parts(t: int) -> list[Part]:
        here = [Part(g, h[t], shift=tuple(w[t])) for g, w in zip(grains, ways, strict=False)]
        return here + halo(t)

    return s.film_movie(from_dose(onset), parts)


def turning_then_fading(rng: Rng) -> Scene:
    """Islands turn in the plane all the time, by degrees, and fade at one dose."""
    s = Stage(rng)
    grains, centres = s.islands(7, (22, 36))
    angles = rng.uniform(2, 6, len(grains)) * rng.choice([-1, 1], len(grains))
    onset = s.onset()
    h = s.course(onset)
    halo = s.halo(together(grains), h)

    def parts(t: int) -> list[Part]:
        here = [Part(g.turned(a * t / s.frames, c), h[t])
                for g, c, a in zip(grains, centres, angles, strict=True)]  # fmt: skip
        return here + halo(t)

    return s.film_movie(from_dose(onset), parts)


def nodding(rng: Rng, fades: bool) -> Scene:
    """Grains nod by themselves: contrast of each goes up and down with a period of its own."""
    s = Stage(rng)
    grains, _ = s.mosaic(6)
    periods, phases = rng.uniform(0.15, 0.4, 6) * s.frames, rng.uniform(0, 2 * np.pi, 6)
    onset = s.onset(0.4, 0.6)
    h = s.course(onset) if fades else np.ones(s.frames)
    halo = s.halo(together(grains), h)

    def parts(t: int) -> list[Part]:
        swing = 0.75 + 0.25 * np.cos(2 * np.pi * t / periods + phases)
        here = [Part(g, float(h[t] * part)) for g, part in zip(grains, swing, strict=True)]
        return here + halo(t)

    return s.film_movie(from_dose(onset) if fades else WHOLE, parts)


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


def borders(rng: Rng, fades: bool) -> Scene:
    """Aligned beforehand by whole pixels: strips without a picture grow at two edges."""
    s = Stage(rng, drift=rng.uniform(12, 22))
    grains, onset = together(s.mosaic(4)[0]), s.onset()
    found = s.counted(s.pictures(s.fading(grains, s.course(onset)) if fades else still(grains)))
    for t, (y, x) in enumerate(np.rint(s.drift / s.pixel).astype(int)):
        found[t] = ndimage.shift(found[t], (-y, -x), order=0)
    return s.scene(found, from_dose(onset) if fades else WHOLE)


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


def tiny_grains(rng: Rng, fades: bool) -> Scene:
    """Grains of 5 to 8 nm that touch; half of them fade, or none."""
    s = Stage(rng, size=640, pixel=0.3)
    return half_fades(s, s.mosaic(12)[0], fades)
