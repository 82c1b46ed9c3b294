"""Scenes in which films, layers and textures change beside, below or over a lattice."""

from __future__ import annotations

import numpy as np
from unforeseen_optics import (
    Floats,
    Part,
    Rng,
    View,
    disc,
    together,
)
from unforeseen_stage import (
    DOUBTFUL,
    WHOLE,
    Scene,
    Stage,
    Truth,
    either,
    from_dose,
    smooth,
    still,
)


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
