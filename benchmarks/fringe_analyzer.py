"""One frame by HRTEMFringeAnalyzer 2.2 against a frame of a whole analysis, in one run.

    python benchmarks/fringe_analyzer.py --rival-python PATH [--frames 32] [--rounds 3]

PATH is the Python of an environment of the rival's own, since it needs an older NumPy:

    python -m venv rival
    rival/bin/pip install HRTEMFringeAnalyzer==2.2 "numpy<2"
    rival/bin/pip install scipy matplotlib "imageio<2.35" numba joblib

Both lay 256-pixel windows every 128 over a LiF specimen of two grains. The rival looks at one
frame with two jobs, in its own process and without the time of reading the file; ours finds and
follows the spots of a movie, and its time is divided by the frames. Rounds alternate. Then both
measure one fringe without noise to speak of, whose spacing is known. Without the rival's Python
nothing is compared, and that is said.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import tifffile

import napari_beamwatch as bw
from napari_beamwatch.simulate.cases import simulate

WINDOW, STEP = 256, 128

RIVAL = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import matplotlib
matplotlib.use("agg")
import numpy as np
from HRTEM.HRTEMFringeAnalyzer import HRTEMFringeAnalyzer
window, step = int(sys.argv[1]), int(sys.argv[2])
warm = HRTEMFringeAnalyzer(fft_size=window, step=step, jobs=2, fname=sys.argv[3])
warm.image_data = warm.image_data[:2 * window, :2 * window]
warm.analyze()
for path in sys.argv[4:]:
    rival = HRTEMFringeAnalyzer(fft_size=window, step=step, jobs=2, fname=path)
    began = time.perf_counter()
    rival.analyze()
    took = time.perf_counter() - began
    d = rival.d[np.isfinite(rival.d)]
    print(json.dumps({"seconds": took, "windows": rival.d.size, "d": d.tolist()}))
"""


def by_rival(python: Path, *paths: Path) -> list[dict]:
    said = subprocess.run(
        [str(python), "-c", RIVAL, str(WINDOW), str(STEP), str(paths[0]), *map(str, paths)],
        check=True,
        capture_output=True,
        text=True,
    )
    return [json.loads(line) for line in said.stdout.splitlines()]


def fringe(d: float, side: int = 1024, angle: float = 0.61) -> np.ndarray:
    """Counts of a strong, bright fringe of a spacing in pixels."""
    y, x = np.mgrid[:side, :side]
    wave = 1 + 0.5 * np.cos(2 * np.pi * (np.sin(angle) * y + np.cos(angle) * x) / d)
    return np.random.default_rng(0).poisson(400 * wave).astype(np.uint16)


def off(d: np.ndarray, true: float) -> str:
    """How far spacings lie from the truth, the median of all."""
    error = np.abs(np.asarray(d) / true - 1)
    return f"{100 * np.median(error):.4f} %"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rival-python", type=Path)
    parser.add_argument("--side", type=int, default=4096)
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    if args.rival_python is None or not args.rival_python.exists():
        print("HRTEMFringeAnalyzer is not compared: give its environment with --rival-python")
        return
    small = simulate(
        "lif-room-temperature", frames=args.frames, frame_dose=10.0, drift=None, onset=(100, 200)
    )
    tiles = -(-args.side // 1024)
    frames = np.stack([np.tile(small.frame(t), (tiles, tiles)) for t in range(args.frames)])
    frames = np.ascontiguousarray(frames[:, : args.side, : args.side])
    movie = bw.Movie.from_array(frames, 0.125, 10.0)
    settings = bw.Settings(window=WINDOW, step=STEP, drift="off")
    bw.analyze(movie[:4], settings)  # compile
    ours, rivals = [], []
    with tempfile.TemporaryDirectory() as folder:
        still = Path(folder) / "frame.tif"
        tifffile.imwrite(still, frames[0])
        for _ in range(args.rounds):
            began = time.perf_counter()
            result = bw.analyze(movie, settings)
            ours.append((time.perf_counter() - began) / args.frames)
            (rival,) = by_rival(args.rival_python, still)
            rivals.append(rival["seconds"])
        ratio = np.median(np.divide(rivals, ours))
        print(f"{args.frames} frames of {args.side}²; windows of {WINDOW} px every {STEP}")
        print(f"HRTEMFringeAnalyzer {np.median(rivals):7.3f} s a frame, {rival['windows']} windows")
        windows = result.spots.window.nunique()
        print(f"analyze             {np.median(ours):7.3f} s a frame, {windows} with a lattice")
        print(f"ratio {ratio:.0f}")
        for d in (9.3, 16.1, 18.64):
            path = Path(folder) / "fringe.tif"
            counts = fringe(d)
            tifffile.imwrite(path, counts)
            (rival,) = by_rival(args.rival_python, path)
            # The same frame again and again: a movie, but no more in it than the rival has.
            again = bw.Movie.from_array(np.stack([counts] * 12), 0.125, 10.0)
            found = bw.analyze(again, settings).spots
            mine = found[found.region.isna() | (found.region == "")].d_px
            whole = found[found.region == "field"].d_px
            print(f"d = {d} px: rival off by {off(rival['d'], d)}")
            print(f"    analyze in windows by {off(mine, d)}, in the field by {off(whole, d)}")


if __name__ == "__main__":
    main()
