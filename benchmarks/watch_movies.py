"""The alarm of a watch on small movies, frame by frame: false stops, and how late a stop is.

    python benchmarks/watch_movies.py [--seeds 0:100] [--kinds steady,fade] [--jobs 1] [--out FILE]

A movie of each kind and seed is written, followed as `watch` follows it, and analysed in full. Its
size, frames, doses, zone and course are drawn. A stop is false in every kind but ``fade``, unless
the lattice came back and it was taken back.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import napari_beamwatch as bw
from napari_beamwatch.simulate.cases import FIRST_MOVE, simulate
from napari_beamwatch.simulate.cases.parts import LIF_100, LIF_110, fade, whole
from napari_beamwatch.simulate.laws import Decay, Dip, Knots, Saturating, Steady, Swing
from napari_beamwatch.simulate.scene import (
    Change,
    Drift,
    Film,
    Patch,
    Picture,
    Scene,
    tilt_series,
)
from napari_beamwatch.simulate.shapes import Box, Cell, scattered_seeds
from napari_beamwatch.simulate.writing import write_movie
from napari_beamwatch.watching.follower import Follower, Options

Rng = np.random.Generator
Build = Callable[[float, Rng], Scene]

BUILDS: dict[str, Build] = {}
BARE = Picture("lif-110-0nm")
MORE_FILM = (Film(Steady(1.0), darkness=0.05, texture=2.0),)
"""Carbon that makes 100 Å of the 20 Å under the stages."""

SAID = ("falling", "ambiguous", "stop")
DAMAGE = ("fade", "fade of one grain", "thin-film fades")

UNDER = 20.0
"""Å of carbon under the stages."""

CARBON_PATH = 1600.0
"""Å of carbon that take 1/e of the electrons out of the picture."""


def kind(name: str) -> Callable[[Build], Build]:
    """Enter a kind of movie under its name."""

    def enter(build: Build) -> Build:
        BUILDS[name] = build
        return build

    return enter


def scene(patches: tuple[Patch, ...], **more: Any) -> Scene:
    """A specimen that settles as they do."""
    return Scene("drawn", "", patches, **{"drift": FIRST_MOVE, **more})


def zone(rng: Rng) -> Picture:
    """[110] or [100]."""
    return LIF_110 if rng.random() < 0.5 else LIF_100


def part(dose: float, rng: Rng, longest: float = 0.8) -> tuple[float, float]:
    """Doses between which something goes on, from an eighth to a half of the record on."""
    begin = rng.uniform(0.12, 0.5) * dose
    return begin, min(begin + rng.uniform(0.02, longest) * dose, dose)


def focus(rng: Rng) -> float:
    """nm, to either side."""
    return float(rng.choice([-1, 1]) * rng.uniform(3, 12))


@kind("steady")
def steady(dose: float, rng: Rng) -> Scene:
    """A lattice that holds, under a beam that flickers."""
    return scene(whole(zone(rng)), flicker=rng.uniform(0, 0.05))


@kind("steady grains")
def steady_grains(dose: float, rng: Rng) -> Scene:
    """Three to six grains that hold."""
    seeds = scattered_seeds(48.0, 48.0, int(rng.integers(3, 7)), int(rng.integers(1 << 30)))
    turns = rng.uniform(0, 180, len(seeds)).round(1).tolist()
    return scene(
        tuple(
            Patch(f"grain {i}", zone(rng), where=Cell(seeds, i), turn=turn)
            for i, turn in enumerate(turns)
        )
    )


@kind("focus drifts")
def focus_drifts(dose: float, rng: Rng) -> Scene:
    """For good, by 3 to 12 nm, from the first frame or a later one."""
    begin, end = part(dose, rng)
    if rng.random() < 0.3:
        begin = 0.0
    return scene(whole(zone(rng)), focus=Knots((begin, end), (0.0, focus(rng))))


@kind("focus is set anew")
def focus_step(dose: float, rng: Rng) -> Scene:
    """In one frame, by 3 to 12 nm."""
    begin, _ = part(dose, rng)
    return scene(whole(zone(rng)), focus=Knots((begin, begin + 1), (0.0, focus(rng))))


@kind("tilts")
def tilts(dose: float, rng: Rng) -> Scene:
    """For good, by 8 to 60 mrad, slowly or not."""
    begin, end = part(dose, rng)
    if rng.random() < 0.3:
        begin = 0.0
    return scene(whole(tilt_series(Knots((begin, end), (0.0, rng.uniform(8, 60))))))


@kind("tilts and defocus")
def tilts_and_defocus(dose: float, rng: Rng) -> Scene:
    """Both at once, as a specimen does that bends."""
    doses = part(dose, rng)
    tilt = tilt_series(Knots(doses, (0.0, rng.uniform(5, 40))))
    return scene(whole(tilt), focus=Knots(doses, (0.0, focus(rng))))


@kind("rocks")
def rocks(dose: float, rng: Rng) -> Scene:
    """To 10 to 60 mrad and back, one to four times."""
    swing = Swing(rng.uniform(10, 60), dose / rng.uniform(1, 4), rng.uniform(0, 1))
    return scene(whole(tilt_series(swing)))


@kind("layer")
def layer(dose: float, rng: Rng) -> Scene:
    """Of something dark and amorphous that grows on it."""
    amount = Saturating(1.0, rng.uniform(0.05, 0.5) * dose, part(dose, rng)[0])
    film = Film(amount, darkness=rng.uniform(0.05, 0.4), texture=rng.uniform(0.5, 2.5))
    return scene(whole(zone(rng)), films=(film,))


@kind("thickens")
def thickens(dose: float, rng: Rng) -> Scene:
    """The whole field: less light, less contrast."""
    doses = part(dose, rng)
    passed = Knots(doses, (1.0, rng.uniform(0.5, 0.95)))
    return scene(
        whole(zone(rng)), transmission=passed, contrast=Knots(doses, (1.0, rng.uniform(0.6, 0.95)))
    )


@kind("settles")
def settles(dose: float, rng: Rng) -> Scene:
    """Blurred at first."""
    blur = Saturating(0.0, rng.uniform(0.02, 0.15) * dose, start=rng.uniform(0.2, 0.6))
    return scene(whole(zone(rng)), blur=blur)


@kind("shakes")
def shakes(dose: float, rng: Rng) -> Scene:
    """Faster than the frames, and for good: nitrogen that begins to boil."""
    return scene(whole(zone(rng)), blur=Knots(part(dose, rng), (0.0, rng.uniform(0.2, 0.6))))


@kind("beam fades")
def beam_fades(dose: float, rng: Rng) -> Scene:
    """To a fifth to four fifths, slowly or in one frame."""
    flux = Knots(part(dose, rng), (1.0, rng.uniform(0.2, 0.8)))
    return scene(whole(zone(rng)), flux=flux, flicker=rng.uniform(0, 0.05))


@kind("stage runs")
def stage_runs(dose: float, rng: Rng) -> Scene:
    """Begins to drift at up to 2 Å a frame."""
    begin, down, right = part(dose, rng)[0], *rng.uniform(-0.15, 0.15, 2)
    drift = Drift(*(Saturating(0.0, 1.0, begin, rate=float(each)) for each in (down, right)))
    return scene(whole(zone(rng)), drift=drift)


@kind("stage is moved")
def stage_moved(dose: float, rng: Rng) -> Scene:
    """Within a frame, to a place without a crystal, or with half of it."""
    begin, far = part(dose, rng)[0], float(rng.choice([25.0, 200.0]))
    crystal = Patch("A", zone(rng), where=Box(-1e4, 48.0, -1e4, 1e4))
    return scene((crystal,), drift=Drift(dy=Knots((begin, begin + 0.5), (0.0, -far))))


@kind("shakes on 100 Å of film")
def shakes_on_film(dose: float, rng: Rng) -> Scene:
    """The stages lie on 20 Å."""
    return replace(shakes(dose, rng), films=MORE_FILM)


@kind("stage is moved on 100 Å of film")
def stage_moved_on_film(dose: float, rng: Rng) -> Scene:
    """Of which little is left in view, or nothing."""
    return replace(stage_moved(dose, rng), films=MORE_FILM)


@kind("dips")
def dips(dose: float, rng: Rng) -> Scene:
    """And comes back within a fifth of the dose before."""
    begin = rng.uniform(0.2, 0.7) * dose
    dip = Dip(begin, begin * rng.uniform(1.05, 1.18), rng.uniform(0.4, 0.95), edge=0.02 * begin)
    return scene(whole(zone(rng), fade(dip)))


@kind("fade")
def fades(dose: float, rng: Rng) -> Scene:
    """All of the field."""
    law = Decay(rng.uniform(0.25, 0.6) * dose, rng.uniform(0.03, 0.2) * dose)
    return scene(whole(zone(rng), fade(law)))


@kind("fade of one grain")
def fade_of_one(dose: float, rng: Rng) -> Scene:
    """One of two that lie side by side."""
    seeds = scattered_seeds(48.0, 48.0, 2, int(rng.integers(1 << 30)))
    law = Decay(rng.uniform(0.25, 0.6) * dose, rng.uniform(0.03, 0.2) * dose)
    return scene(
        (
            Patch("A", LIF_110, fade(law), Cell(seeds, 0)),
            Patch("B", LIF_100, where=Cell(seeds, 1)),
        )
    )


def on_thick_film(rng: Rng, *changes: Change) -> Scene:
    """3 nm of LiF over the upper 16 to 32 Å of the field, on 200 to 400 Å of carbon."""
    more = rng.uniform(180, 380)
    film = Film(
        Steady(1.0), darkness=1 - math.exp(-more / CARBON_PATH), texture=math.sqrt(more / UNDER)
    )
    where = Box(-1e4, rng.uniform(16, 32), -1e4, 1e4)
    crystal = Patch("A", Picture("lif-110-3nm"), changes, where)
    return scene((crystal,), films=(film,), background=BARE)


@kind("thin-film")
def thin_film(dose: float, rng: Rng) -> Scene:
    """A thin crystal that holds, on a thick film, under a beam that flickers."""
    return replace(on_thick_film(rng), flicker=rng.uniform(0, 0.05))


@kind("thin-film fades")
def thin_film_fades(dose: float, rng: Rng) -> Scene:
    """Until the film is left."""
    law = Decay(rng.uniform(0.25, 0.6) * dose, rng.uniform(0.03, 0.2) * dose)
    return on_thick_film(rng, Change(law, BARE))


def frame_by_frame(path: Path, grown: Path, frames: int) -> Iterator[int]:
    """Write a copy of an MRC movie as a camera does."""
    data = path.read_bytes()
    each = (len(data) - 1024) // frames
    with grown.open("wb", buffering=0) as file:
        file.write(data[: len(data) - frames * each])
        for t in range(frames):
            file.write(data[len(data) - (frames - t) * each :][:each])
            yield t


def followed(job: tuple[str, int]) -> dict[str, Any]:
    """What was said of one movie: frames at which each status came first, counted from 1."""
    name, seed = job
    rng = np.random.default_rng([seed, *name.encode()])
    size = int(rng.choice([256, 320, 384]))
    frames, each = int(rng.choice([48, 64, 80])), float(rng.choice([6.0, 8.0, 12.0]))
    drawn = BUILDS[name](frames * each, rng)
    movie = simulate(drawn, frames=frames, frame_dose=each, size=size, pixel_size=0.125, seed=seed)
    said: dict[str, Any] = {"kind": name, "seed": seed, "size": size, "frames": frames}
    with TemporaryDirectory() as folder:
        path, grown = Path(folder) / "movie.mrc", Path(folder) / "live.mrc"
        write_movie(movie, path)
        follower = Follower(grown, Options(bw.Settings(), {}, settle=1e9), None)
        began = time.process_time()
        for _ in frame_by_frame(path, grown, frames):
            for state in follower.step():
                said.setdefault(state.status, state.frame + 1)
                if state.status == "stop" and state.onset is not None:
                    said.setdefault(
                        "onset", [v / each for v in (state.onset.low, state.onset.high)]
                    )
        said["last"], said["words"] = follower.state.status, follower.state.words
        said["seconds"] = round(time.process_time() - began, 1)
        row = bw.analyze(bw.open_movie(path)).onsets.iloc[0]
    said["off-line"], said["detected"] = row["status"], row["detected_dose_e_per_A2"] / each
    said["reason"] = row["reason"]
    truth = movie.truth.onset_dose_e_per_A2
    said["truth"] = None if truth is None else truth / each
    return said


def report(name: str, rows: list[dict[str, Any]]) -> None:
    """A line a kind."""
    said = dict(Counter(word for row in rows for word in SAID if word in row))
    off_line = dict(Counter(row["off-line"] for row in rows))
    back = sum("stop" in row and row["last"] in ("holding", "falling") for row in rows)
    print(f"{name:18s} {len(rows)} movies: {said}, taken back {back}; off-line {off_line}")
    if name not in DAMAGE:
        return
    seen = [row for row in rows if row["detected"] == row["detected"]]
    for word in ("ambiguous", "stop"):
        ratio = np.array([row[word] / row["detected"] for row in seen if word in row])
        if len(ratio):
            print(
                f"  {word} / detected in {len(ratio)} of {len(seen)}: median "
                f"{np.median(ratio):.2f}, 90 % {np.quantile(ratio, 0.9):.2f}, "
                f"within 1.3 {np.mean(ratio <= 1.3):.0%}"
            )


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--seeds", default="0:5")
    words.add_argument("--kinds", default=",".join(BUILDS))
    words.add_argument("--jobs", type=int, default=1)
    words.add_argument("--out", type=Path, help="a JSON object a movie, appended")
    args = words.parse_args()
    first, last = map(int, args.seeds.split(":"))
    jobs = [(name, seed) for seed in range(first, last) for name in args.kinds.split(",")]
    rows = defaultdict(list)
    with ProcessPoolExecutor(args.jobs) as pool:  # which ends if one of them is killed
        for row in pool.map(followed, jobs):
            rows[row["kind"]].append(row)
            if args.out is not None:
                with args.out.open("a") as file:
                    file.write(json.dumps(row, default=float) + "\n")
    for name, some in rows.items():
        report(name, some)


if __name__ == "__main__":
    main()
