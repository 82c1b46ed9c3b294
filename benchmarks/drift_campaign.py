"""How well a specimen is followed: movies of a crystal on a film that moves as specimens do.

    python benchmarks/drift_campaign.py [--size 768] [--frames 60] [--dose 5] [--seeds 0:5]
                                        [--paths steady-1,settles] [--jobs 1]

Each is multislice LiF [110] of 0.125 Å pixels that moves by so many pixels a frame all the time
(``steady-…``), or along one of the other `PATHS`, in a direction of its own. A line a movie, with
the error of the path and the largest standard error that it is given with, and a line a path.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import numpy.typing as npt

from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.cases.parts import LIF_110, whole
from napari_beamwatch.simulate.laws import Knots
from napari_beamwatch.simulate.scene import Drift, Scene
from napari_beamwatch.spectra.drift import estimate_drift

Floats = npt.NDArray[np.float64]
Path = Callable[[Floats], Floats]
"""Pixels gone at times from 0 to 1, given the number of frames."""

PIXEL = 0.125

PATHS: dict[str, Callable[[float], Path]] = {
    **{f"steady-{v:g}": (lambda frames, v=v: lambda t: v * frames * t)
       for v in (0.0, 0.2, 0.5, 1.0, 2.0, 3.0)},
    "settles": lambda frames: lambda t: 60 * (1 - np.exp(-6 * t)),
    "settles from 150": lambda frames: lambda t: 150 * (1 - np.exp(-4 * t)),
    "settles and runs": lambda frames: lambda t: 60 * (1 - np.exp(-8 * t)) + frames * t,
    "sets in": lambda frames: lambda t: frames * (0.2 * t + 2.3 * np.maximum(t - 0.55, 0)),
    "stops": lambda frames: lambda t: 2 * frames * np.minimum(t, 0.4),
    "turns": lambda frames: lambda t: 1.5 * frames * np.minimum(t, 1 - t),
    "swings": lambda frames: lambda t: 20 * np.sin(3 * np.pi * t),
    "jumps": lambda frames: lambda t: 25.0 * (t > 0.6),
}  # fmt: skip

Job = tuple[str, int, int, int, float]


def followed(job: Job) -> tuple[str, int, float, float, float]:
    """Path, seed, RMS and largest error in pixels, and the largest standard error."""
    name, seed, size, frames, dose = job
    path = PATHS[name](frames)
    angle = np.random.default_rng(seed).uniform(0, 2 * math.pi)
    times = np.linspace(0, 1, 4 * frames + 1)
    away = PIXEL * path(times)
    doses = tuple((times * frames * dose).tolist())
    dy, dx = (Knots(doses, tuple((away * part).tolist()))
              for part in (math.sin(angle), math.cos(angle)))  # fmt: skip
    scene = Scene("drawn", "", whole(LIF_110), drift=Drift(dy, dx))
    movie = simulate(scene, frames=frames, frame_dose=dose, size=size, pixel_size=PIXEL, seed=seed)
    found = estimate_drift(movie.recording.frames)
    middle = path((np.arange(frames) + 0.5) / frames)
    off = np.stack(
        [found.dy_px - middle * math.sin(angle), found.dx_px - middle * math.cos(angle)], axis=1
    )
    error = np.hypot(*(off - np.median(off, axis=0)).T)
    rms = float(np.sqrt((error**2).mean()))
    se = float(np.nanmax(found.se_px)) if found.measured else math.nan
    return name, seed, rms, float(error.max()), se


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--size", type=int, default=768)
    words.add_argument("--frames", type=int, default=60)
    words.add_argument("--dose", type=float, default=5.0, help="e/Å² a frame")
    words.add_argument("--seeds", default="0:5")
    words.add_argument("--paths", default=",".join(PATHS))
    words.add_argument("--jobs", type=int, default=1)
    args = words.parse_args()
    seeds = range(*map(int, args.seeds.split(":")))
    jobs: list[Job] = [
        (name, seed, args.size, args.frames, args.dose)
        for name in args.paths.split(",") for seed in seeds
    ]  # fmt: skip
    rows = []
    with ProcessPoolExecutor(args.jobs) as pool:
        for row in pool.map(followed, jobs):
            rows.append(row)
            name, seed, rms, most, se = row
            told = "not told" if math.isnan(se) else f"se {se:.2f}"
            print(f"{name:17s} {seed:4d}  RMS {rms:6.2f}  at most {most:6.2f}  {told}", flush=True)
    for name in dict.fromkeys(row[0] for row in rows):
        mine = [row for row in rows if row[0] == name]
        right = [row[2] for row in mine if row[3] < max(5.0, 3 * np.nan_to_num(row[4]))]
        untold = sum(math.isnan(row[4]) for row in mine)
        mean = float(np.mean(right or [math.nan]))
        print(f"{name}: {len(right)} of {len(mine)}, RMS {mean:.2f} px; {untold} not told")


if __name__ == "__main__":
    main()
