"""Views that change and lattices that do: does the film that carries the specimen tell them apart?

    python benchmarks/view_movies.py [--seeds 0:2] [--kinds moved,sudden] [--size 768] [--out FILE]

A movie of each kind and seed, multislice LiF on carbon of 20 Å and more, with doses, courses and
films drawn. An onset is wrong in every kind but those of `DAMAGE`, where all else is.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import napari_beamwatch as bw
from napari_beamwatch.simulate.cases import FIRST_MOVE, simulate
from napari_beamwatch.simulate.cases.parts import AMORPHOUS, LIF_100, LIF_110, fade, whole
from napari_beamwatch.simulate.detector import Detector
from napari_beamwatch.simulate.laws import Decay, Knots, Law, Saturating, Steady, Step
from napari_beamwatch.simulate.scene import (
    Beam,
    Change,
    Drift,
    Film,
    Patch,
    Picture,
    Scene,
    disorder_series,
    swelling_series,
    thickness_series,
    tilt_series,
)
from napari_beamwatch.simulate.shapes import Box, Cell, scattered_seeds

Rng = np.random.Generator
Build = Callable[[float, float, float, Rng], Scene]
"""Of the dose of the record and of a frame, the side of the field in Å, and chance."""

BUILDS: dict[str, Build] = {}
DAMAGE: set[str] = set()
FAR, PERIOD = 1e4, 120.0


def kind(name: str, *, damage: bool = False) -> Callable[[Build], Build]:
    """Enter a kind of movie under its name."""

    def enter(build: Build) -> Build:
        BUILDS[name] = build
        if damage:
            DAMAGE.add(name)
        return build

    return enter


def film(rng: Rng, texture: float | None = None) -> tuple[Film, ...]:
    """More carbon than the 20 Å under the stages: one and a half to three times its contrast."""
    drawn = rng.uniform(1.5, 3.0)
    return (Film(Steady(1.0), darkness=0.05, texture=drawn if texture is None else texture),)


def scene(patches: tuple[Patch, ...], **more: Any) -> Scene:
    """A specimen that settles as they do."""
    return Scene("drawn", "", patches, **{"drift": FIRST_MOVE, **more})


def zone(rng: Rng) -> Picture:
    """[110] or [100]."""
    return LIF_110 if rng.random() < 0.5 else LIF_100


def begin(dose: float, rng: Rng) -> float:
    """Dose at which something happens."""
    return float(rng.uniform(0.3, 0.6) * dose)


def moves(at: float, rng: Rng, far: float, within: float = 0.5) -> Drift:
    """A stage that settles and is then moved by so many Å within a dose."""
    angle = rng.uniform(0, 2 * np.pi)
    down, right = far * np.sin(angle), far * np.cos(angle)
    # Stages repeat: a move by a period of theirs is none.
    while far > PERIOD / 2 and max(abs(math.remainder(d, PERIOD)) for d in (down, right)) < 30:
        angle = rng.uniform(0, 2 * np.pi)
        down, right = far * np.sin(angle), far * np.cos(angle)
    path = (Knots((at, at + within), (0.0, float(each))) for each in (down, right))
    return Drift(*(_Both(law, first) for law, first in zip(path, (6.0, -4.0), strict=True)))


class _Both(Law):
    """A jump, and what the stage does beside."""

    def __init__(self, jump: Law, first: float) -> None:
        self.jump, self.first = jump, Saturating(first, 40.0, rate=0.002)

    def at(self, dose: Any) -> Any:
        return self.jump.at(dose) + self.first.at(dose)


def here_and_there(picture: Picture, elsewhere: Picture, side: float) -> tuple[Patch, ...]:
    """A crystal that fills the field, and what is to be seen once the stage was moved."""
    near = Box(-0.3 * side, 1.3 * side, -0.3 * side, 1.3 * side)
    return (Patch("there", elsewhere), Patch("here", picture, where=near))


@kind("moved to bare film")
def moved_to_film(dose: float, each: float, side: float, rng: Rng) -> Scene:
    """Within a frame."""
    drift = moves(begin(dose, rng), rng, 2.6 * side)
    patches = here_and_there(zone(rng), Picture("carbon", 41.0), side)
    return scene(patches, drift=drift, films=film(rng))


@kind("moved, thin film")
def moved_thin(dose: float, each: float, side: float, rng: Rng) -> Scene:
    """Of 20 Å only."""
    drift = moves(begin(dose, rng), rng, 2.6 * side)
    return scene(here_and_there(zone(rng), Picture("carbon", 41.0), side), drift=drift)


@kind("moved to another crystal")
def moved_to_crystal(dose: float, each: float, side: float, rng: Rng) -> Scene:
    """Whose spots are others."""
    drift = moves(begin(dose, rng), rng, 2.6 * side)
    there = Picture("li2o-110", float(rng.uniform(10, 80)))
    return scene(here_and_there(zone(rng), there, side), drift=drift, films=film(rng))


@kind("moved by a third of the field")
def moved_a_little(dose: float, each: float, side: float, rng: Rng) -> Scene:
    """So that the crystal leaves it, and part of the film stays in view."""
    at, far = begin(dose, rng), 0.35 * side
    crystal = Patch("A", zone(rng), where=Box(0.68 * side, FAR, -FAR, FAR))
    drift = Drift(dy=_Both(Knots((at, at + 0.5), (0.0, far)), 6.0))
    return scene((crystal,), drift=drift, films=film(rng))


@kind("moved, uneven beam")
def moved_uneven(dose: float, each: float, side: float, rng: Rng) -> Scene:
    """Whose shading stays where it is."""
    moved = moved_to_film(dose, each, side, rng)
    return replace(moved, beam=Beam(0.3, 0.1, -0.1))


@kind("moved, gain pattern")
def moved_gain(dose: float, each: float, side: float, rng: Rng) -> Scene:
    """Which stays where it is, too."""
    return moved_to_film(dose, each, side, rng)


@kind("moved slowly")
def moved_slowly(dose: float, each: float, side: float, rng: Rng) -> Scene:
    """Over three frames."""
    drift = moves(begin(dose, rng), rng, 2.6 * side, 3 * each)
    patches = here_and_there(zone(rng), Picture("carbon", 41.0), side)
    return scene(patches, drift=drift, films=film(rng))


@kind("moved, faint")
def moved_faint(dose: float, each: float, side: float, rng: Rng) -> Scene:
    """In frames of 1 e/Å²."""
    return moved_to_film(dose, each, side, rng)


@kind("jumps")
def jumps(dose: float, each: float, side: float, rng: Rng) -> Scene:
    """By 1 to 8 Å: most of the view stays."""
    drift = moves(begin(dose, rng), rng, float(rng.uniform(1, 8)))
    return scene(whole(zone(rng)), drift=drift, films=film(rng))


@kind("blur, at once")
def blur_at_once(dose: float, each: float, side: float, rng: Rng) -> Scene:
    """By 0.25 to 0.6 Å."""
    at = begin(dose, rng)
    blur = Knots((at, at + 0.5), (0.0, float(rng.uniform(0.25, 0.6))))
    return scene(whole(zone(rng)), blur=blur, films=film(rng))


@kind("blur that grows")
def blur_grows(dose: float, each: float, side: float, rng: Rng) -> Scene:
    """Over 4 to 15 frames."""
    at = begin(dose, rng)
    blur = Knots((at, at + float(rng.uniform(4, 15)) * each), (0.0, float(rng.uniform(0.25, 0.6))))
    return scene(whole(zone(rng)), blur=blur, films=film(rng))


@kind("sudden", damage=True)
def sudden(dose: float, each: float, side: float, rng: Rng) -> Scene:
    """Amorphous within a frame, all of the field."""
    return scene(whole(zone(rng), fade(Step(begin(dose, rng)))), films=film(rng))


@kind("sudden, thin film", damage=True)
def sudden_thin(dose: float, each: float, side: float, rng: Rng) -> Scene:
    """Of 20 Å, where what is amorphous has more texture than the film."""
    return scene(whole(zone(rng), fade(Step(begin(dose, rng)))))


@kind("sudden, part of the field", damage=True)
def sudden_part(dose: float, each: float, side: float, rng: Rng) -> Scene:
    """Two grains of four."""
    seeds = scattered_seeds(side, side, 4, int(rng.integers(1 << 30)))
    law, turns = Step(begin(dose, rng)), rng.uniform(0, 90, 4).round(1)
    patches = tuple(
        Patch(f"{i}", zone(rng), fade(law) if i < 2 else (), Cell(seeds, i), turn=float(turns[i]))
        for i in range(4)
    )
    return scene(patches, films=film(rng))


@kind("sudden to bare film", damage=True)
def sudden_bare(dose: float, each: float, side: float, rng: Rng) -> Scene:
    """The crystal is gone, the film is left."""
    change = Change(Step(begin(dose, rng)), Picture("carbon"))
    return scene(whole(zone(rng), (change,)), films=film(rng))


@kind("sudden, gain pattern", damage=True)
def sudden_gain(dose: float, each: float, side: float, rng: Rng) -> Scene:
    """Under a detector's own pattern."""
    return sudden(dose, each, side, rng)


@kind("sudden, faint", damage=True)
def sudden_faint(dose: float, each: float, side: float, rng: Rng) -> Scene:
    """In frames of 1 e/Å²."""
    return sudden(dose, each, side, rng)


@kind("sudden, as it drifts", damage=True)
def sudden_drifting(dose: float, each: float, side: float, rng: Rng) -> Scene:
    """By 0.1 to 0.4 Å a frame."""
    down, right = (float(rng.choice([-1, 1]) * rng.uniform(0.1, 0.4)) / each for _ in range(2))
    drift = Drift(Saturating(6.0, 40.0, rate=down), Saturating(-4.0, 40.0, rate=right))
    change = fade(Step(begin(dose, rng)))
    return scene(whole(zone(rng), change), drift=drift, films=film(rng))


@kind("fast", damage=True)
def fast(dose: float, each: float, side: float, rng: Rng) -> Scene:
    """1/e in 1 to 4 frames."""
    law = Decay(begin(dose, rng), float(rng.uniform(1, 4)) * each, float(rng.uniform(0.8, 2)))
    return scene(whole(zone(rng), fade(law)), films=film(rng))


@kind("slow", damage=True)
def slow(dose: float, each: float, side: float, rng: Rng) -> Scene:
    """1/e in 5 to 12 frames."""
    law = Decay(begin(dose, rng), float(rng.uniform(5, 12)) * each, float(rng.uniform(0.8, 2)))
    return scene(whole(zone(rng), fade(law)), films=film(rng))


@kind("transforms at once", damage=True)
def transforms_at_once(dose: float, each: float, side: float, rng: Rng) -> Scene:
    """To Li2O, within a frame."""
    change = Change(Step(begin(dose, rng)), Picture("li2o-110"))
    return scene(whole(LIF_110, (change,)), films=film(rng))


@kind("transforms", damage=True)
def transforms(dose: float, each: float, side: float, rng: Rng) -> Scene:
    """To Li2O, by halves in 3 to 8 frames."""
    law = Decay(begin(dose, rng), float(rng.uniform(3, 8)) * each)
    return scene(whole(LIF_110, (Change(law, Picture("li2o-110")),)), films=film(rng))


@kind("disorders", damage=True)
def disorders(dose: float, each: float, side: float, rng: Rng) -> Scene:
    """High |g| first, as of a blur."""
    at = begin(dose, rng)
    path = Knots((at, at + float(rng.uniform(1, 8)) * each), (0.0, float(rng.uniform(0.35, 0.6))))
    return scene(whole(disorder_series("110", path)), films=film(rng))


@kind("thins", damage=True)
def thins(dose: float, each: float, side: float, rng: Rng) -> Scene:
    """From 30 nm to nothing within 2 to 10 frames: a thick crystal shades the film's texture."""
    at = begin(dose, rng)
    path = Knots((at, at + float(rng.uniform(2, 10)) * each), (30.0, 0.0))
    return scene(whole(thickness_series(path, 30.0, 0.0)), films=film(rng))


@kind("bubbles", damage=True)
def bubbles(dose: float, each: float, side: float, rng: Rng) -> Scene:
    """Amorphous in a frame or two, while something rough comes to lie on it for good."""
    at = begin(dose, rng)
    rough = Film(Saturating(1.0, 3 * each, at), darkness=0.1, texture=float(rng.uniform(1.5, 3)))
    law = Decay(at, float(rng.uniform(0.5, 3)) * each)
    return scene(whole(zone(rng), (Change(law, AMORPHOUS),)), films=(*film(rng), rough))


@kind("steady")
def steady(dose: float, each: float, side: float, rng: Rng) -> Scene:
    """A lattice that holds."""
    return scene(whole(zone(rng)), films=film(rng), flicker=float(rng.uniform(0, 0.05)))


@kind("tilts for good")
def tilts(dose: float, each: float, side: float, rng: Rng) -> Scene:
    """In one frame or more."""
    at = begin(dose, rng)
    tilt = Knots((at, at + float(rng.uniform(1, 10)) * each), (0.0, float(rng.uniform(8, 30))))
    return scene(whole(tilt_series(tilt)), films=film(rng))


@kind("swells", damage=True)
def swells(dose: float, each: float, side: float, rng: Rng) -> Scene:
    """A spacing that moves."""
    at = begin(dose, rng)
    grain = Patch("grain", swelling_series(Knots((at, at + 4 * each), (0.0, 1.5))))
    return scene((grain,), films=film(rng))


DETECTORS = {
    "moved, gain pattern": Detector(gain_texture=0.05),
    "sudden, gain pattern": Detector(gain_texture=0.05),
}


def said(name: str, seed: int, size: int) -> dict[str, Any]:
    """What the analysis says of one movie, in frames."""
    rng = np.random.default_rng([seed, *name.encode()])
    frames, each = int(rng.choice([40, 48, 60])), float(rng.choice([6.0, 8.0, 12.0, 20.0]))
    if name.endswith("faint"):
        frames, each = 80, 1.0
    drawn = BUILDS[name](frames * each, each, size * 0.125, rng)
    movie = simulate(
        drawn, frames=frames, frame_dose=each, size=size, pixel_size=0.125, seed=seed,
        detector=DETECTORS.get(name, Detector()),
    )  # fmt: skip
    began = time.process_time()
    row = bw.analyze(movie).onsets.iloc[0]
    truth = movie.truth.onset_dose_e_per_A2
    doses = ("onset_dose_e_per_A2", "onset_low_e_per_A2", "onset_high_e_per_A2")
    return {
        "kind": name, "seed": seed, "frames": frames, "each": each, "status": row["status"],
        "criterion": row["criterion"], "reason": row["reason"],
        "onset": [float(row[dose]) / each for dose in doses],
        "truth": None if truth is None else truth / each,
        "seconds": round(time.process_time() - began, 1),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", default="0:2")
    parser.add_argument("--kinds", default=";".join(BUILDS), help="separated by semicolons")
    parser.add_argument("--size", type=int, default=768)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    first, last = map(int, options.seeds.split(":"))
    for name in options.kinds.split(";"):
        rows = [said(name, seed, options.size) for seed in range(first, last)]
        print(f"{name}: {dict(Counter(row['status'] for row in rows))}", flush=True)
        for row in rows:
            print(f"  {row['status']}, truth {row['truth']}: {row['reason']}", flush=True)
        if options.out is not None:
            with options.out.open("a") as file:
                file.writelines(json.dumps(row) + "\n" for row in rows)


if __name__ == "__main__":
    main()
