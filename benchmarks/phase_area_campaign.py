"""Areas of phases that turn into each other, and how near they are to the true ones.

    python benchmarks/phase_area_campaign.py --out areas.jsonl [--kinds patches,mosaic]
                                             [--seeds 0:6] [--size 768] [--jobs 1]

A kind and a seed draw a movie. The true area of a phase is that of the patches that are of it in
the squares of the windows; a patch that changed in part counts with that part. One JSON line a
movie is appended; what the file holds already is not run again. At the end a table: errors of areas
over all stretches in percent of the field, how many are within 5, how often two standard errors
cover, how often the truth is below the upper limit. Lattices that were given no name are told
apart: the area of a phase lacks theirs. An island of oxide that is there from the start and not
seen must be smaller than the limit says.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pieces import LEAST, LITHIUM, PIXELS, Draw, campaign, log_uniform

import napari_beamwatch as bw
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.movie import SimulatedFrames, SimulatedMovie
from napari_beamwatch.simulate.scene import Patch, Picture, Scene
from napari_beamwatch.simulate.shapes import Oval

COARSE = 192
"""Points a side at which patches are looked up."""

FRAMES = 60


def patches(rng: np.random.Generator) -> dict[str, Any]:
    first = rng.uniform(0.15, 0.4)
    return {
        "onset": (first, first + rng.uniform(0.0, 0.35)),
        "tau": log_uniform(rng, 0.02, 0.12),
        "patches": int(rng.integers(3, 10)),
    }


def unfinished(rng: np.random.Generator) -> dict[str, Any]:
    return {"onset": rng.uniform(0.3, 0.5), "tau": rng.uniform(0.3, 0.8), "at_once": True}


def chain(rng: np.random.Generator) -> dict[str, Any]:
    onset = rng.uniform(0.15, 0.3)
    return {
        "onset": onset,
        "tau": log_uniform(rng, 0.02, 0.06),
        "oxide": onset + rng.uniform(0.25, 0.35),
        "oxide_tau": log_uniform(rng, 0.02, 0.06),
    }


def turning(**more: Any) -> Draw:
    """Grains of which most turn into oxide."""

    def draw(rng: np.random.Generator) -> dict[str, Any]:
        grains = int(rng.integers(3, 12))
        return {"grains": grains, "survive": 0.2, "transform": 0.6, "last": 0.6, **more}

    return draw


def island(rng: np.random.Generator) -> dict[str, Any]:
    return {"area": log_uniform(rng, 0.002, 0.1), "turn": rng.uniform(0, 180),
            "y": rng.uniform(0.25, 0.75), "x": rng.uniform(0.25, 0.75)}  # fmt: skip


KINDS: dict[str, tuple[str, Draw]] = {
    "patches": ("lif-to-li2o", patches),
    "unfinished": ("lif-to-li2o", unfinished),
    "mosaic": ("mosaic", turning()),
    "crystal": ("mosaic", turning(layout="patches")),
    "uneven": ("mosaic", turning(fall=0.2, flicker=0.03)),
    "tilted": ("mosaic", turning(tilted=True)),
    "chain": ("lif-to-li-rings-to-li2o", chain),
    "survivor": ("survivor", lambda rng: {}),
    "island": ("", island),
}
"""What could fool the areas, a kind each: patches finer than windows, a change that does not end,
amorphous matter beside oxide, one lattice throughout, a beam that is not even, a grain that tilts
out of view, a phase that shows rings only, no change at all, and a little of a phase that was there
from the start."""

NAMED = ("LiF", "Li2O")

IN_DOSE = ("onset", "tau", "oxide", "oxide_tau")


def movie_of(kind: str, seed: int, size: int) -> SimulatedMovie:
    """The movie of a kind and seed."""
    case, draw = KINDS[kind]
    rng = np.random.default_rng([seed, zlib.crc32(kind.encode())])
    frame_dose = log_uniform(rng, 4.0, 30.0)
    fit = [each for each in PIXELS if frame_dose * each**2 >= LEAST]
    pixel = float(rng.choice(fit[:2]))
    total = FRAMES * frame_dose
    drawn = {
        key: tuple(total * v for v in value) if isinstance(value, tuple)
        else total * value if key in IN_DOSE else value
        for key, value in draw(rng).items()
    }  # fmt: skip
    filmed: dict[str, Any] = {
        "seed": seed, "frames": FRAMES, "frame_dose": frame_dose, "size": size, "pixel_size": pixel,
    }  # fmt: skip
    if not case:
        return simulate(_with_island(size * pixel, **drawn), **filmed)
    return simulate(case, **filmed, **drawn)


def _with_island(side: float, area: float, turn: float, y: float, x: float) -> Scene:
    """LiF with a disc of Li2O in it, all of which hold."""
    radius = side * float(np.sqrt(area / np.pi))
    disc = Oval(y * side, x * side, radius, radius)
    oxide = Patch("island", Picture("li2o-110"), where=disc, turn=turn)
    return Scene("island", "Li2O in LiF", (Patch("all", Picture("lif-110")), oxide))


def true_areas(
    movie: SimulatedMovie, box: tuple[float, float, float, float]
) -> dict[str, NDArray[np.float64]]:
    """Share of a part of the field that each phase has in each frame; ``none`` has no lattice.

    A patch in which columns have changed in part shows the mean of what they are: as much of it
    as changed. The part, (y0, x0, y1, x1) in pixels, goes with the specimen.
    """
    frames = movie.recording.frames
    assert isinstance(frames, SimulatedFrames)
    composer = frames.composer
    # In the frame of the specimen as it lay in the first frame, as the windows do.
    dy, dx = composer.drift_px[0]
    y, x = np.meshgrid(
        *(np.linspace(a, b, COARSE) for a, b in (box[::2], box[1::2])), indexing="ij"
    )
    size = composer.pixel_size
    depth = [
        patch.where.depth((y - dy) * size, (x - dx) * size) for patch in composer.scene.patches
    ]
    over = np.stack([np.broadcast_to(one, y.shape) > 0 for one in depth])
    on_top = len(over) - 1 - over[::-1].argmax(axis=0)  # later patches lie over earlier ones
    found: dict[str, NDArray[np.float64]] = {}
    for i, patch in enumerate(composer.scene.patches):
        mine = on_top == i
        if not mine.any():
            continue
        light = composer.illumination_at(*(float(v[mine].mean()) for v in (y, x)))
        for t in range(len(movie)):
            shares = patch.shares(composer.start[t], composer.end[t], light)
            for picture, share in shares.items():
                phase = picture.phases[0] if picture.phases else "none"
                found.setdefault(phase, np.zeros(len(movie)))[t] += share * mine.mean()
    return found


def on_detector(windows: pd.DataFrame, movie: SimulatedMovie) -> pd.DataFrame:
    """Windows that the drift leaves on the detector for most of the record."""
    moved = np.asarray(movie.truth.drift_px)[None] - np.asarray(movie.truth.drift_px[0])
    low = windows[["y0", "x0"]].to_numpy()[:, None] + moved
    high = windows[["y1", "x1"]].to_numpy()[:, None] + moved
    inside = ((low >= 0) & (high <= np.array(movie.shape[1:]))).all(axis=2)
    return windows[inside.mean(axis=1) >= 0.5]


def run(job: tuple[str, int, int]) -> dict[str, Any]:
    """Analyze one movie and compare."""
    kind, seed, size = job
    began = time.perf_counter()
    movie = movie_of(kind, seed, size)
    result = bw.analyze(movie, bw.Settings(phases=LITHIUM))
    seconds = time.perf_counter() - began
    windows, step = on_detector(result.windows, movie), float(result.settings.step)
    middle = ((windows[a] + windows[b]).to_numpy() / 2 for a, b in (("y0", "y1"), ("x0", "x1")))
    (y0, y1), (x0, x1) = ((m.min() - step / 2, m.max() + step / 2) for m in middle)
    truth = true_areas(movie, (y0, x0, y1, x1))
    table = result.phase_area
    line: dict[str, Any] = {
        "kind": kind, "seed": seed, "size": size, "windows": len(windows), "seconds": seconds,
        "unnamed": float(table.area_percent[table.phase == "unknown"].max() or 0.0),
    }  # fmt: skip
    for name in NAMED:
        mine = table[table.phase.str.split("|").str[0] == name]
        seen = mine[mine.area_percent.notna()]
        stretches = seen if len(seen) else table[table.phase == "none"]
        true = [
            100 * float(truth.get(name, np.zeros(len(movie)))[first : last + 1].mean())
            for first, last in zip(stretches.frame_first, stretches.frame_last, strict=True)
        ]
        area = seen.area_percent.tolist() if len(seen) else [0.0] * len(true)
        line[name] = {
            "true": true, "area": area, "se": seen.area_se_percent.tolist(),
            "limit": mine.area_limit_percent.tolist(),
        }  # fmt: skip
    return line


def table(lines: Iterable[dict[str, Any]]) -> str:
    """Errors of each kind."""
    said = [
        f"{'kind':12s}{'phase':7s}{'movies':>7s}{'unnamed':>9s}{'RMS':>7s}{'bias':>7s}"
        f"{'within 5':>10s}{'within 2 se':>12s}{'below limit':>12s}"
    ]
    every = list(lines)
    kinds = dict.fromkeys(line["kind"] for line in every)
    for kind in (*kinds, "all but unnamed"):
        mine = [line for line in every if kind == line["kind"]]
        if kind not in kinds:
            mine = [line for line in every if not (line["unnamed"] or 0) > 5]
        for name in NAMED:
            told = [line[name] for line in mine]
            errors = [np.subtract(one["area"], one["true"]) for one in told]
            error = np.concatenate(errors)
            sure = np.concatenate(
                [abs(e) < 2 * np.array(one["se"]) for e, one in zip(errors, told, strict=True)
                 if one["se"]] or [np.zeros(0)]
            )  # fmt: skip
            below = [
                max(one["true"]) < limit if len(one["limit"]) == 1 else true <= limit
                for one in told
                for limit, true in zip(one["limit"], one["true"], strict=False)
                if np.isfinite(limit)
            ]
            unnamed = sum((line["unnamed"] or 0) > 5 for line in mine)
            said.append(
                f"{kind:12.12s}{name:7s}{len(mine):7d}{unnamed:9d}{np.sqrt((error**2).mean()):7.1f}"
                f"{error.mean():+7.1f}{int((abs(error) < 5).sum()):5d}/{len(error):<4d}"
                f"{int(sum(sure)):7d}/{len(sure):<4d}{sum(below):7d}/{len(below):<4d}"
            )
    return "\n".join(said)


if __name__ == "__main__":
    campaign(__doc__.splitlines()[0], "kind", KINDS, 768, run, table)
