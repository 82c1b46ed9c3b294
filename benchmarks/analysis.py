"""The whole analysis against the bare Fourier transforms of the same windows, in one run.

    python benchmarks/analysis.py [--side 4096] [--frames 32] [--rounds 3]

A LiF movie of two grains, tiled to fill the field; 256-pixel windows every 128. The rival is
``scipy.fft.rfft2`` of every window of every frame with two workers and nothing else. Rounds
alternate; prints seconds (median) and the ratio, and the peak memory of the process.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
import scipy.fft

import napari_beamwatch as bw
from napari_beamwatch.simulate.cases import simulate


def bare_transforms(frames: np.ndarray, window: int, step: int) -> None:
    for frame in frames:
        tiles = np.lib.stride_tricks.sliding_window_view(
            frame.astype(np.float32), (window, window)
        )[::step, ::step]
        for row in tiles:
            scipy.fft.rfft2(row, workers=2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=4096)
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    small = simulate(
        "lif-room-temperature", frames=args.frames, frame_dose=10.0, drift=None, onset=(100, 200)
    )
    tiles = -(-args.side // 1024)
    frames = np.stack([np.tile(small.frame(t), (tiles, tiles)) for t in range(args.frames)])
    frames = np.ascontiguousarray(frames[:, : args.side, : args.side])
    movie = bw.Movie.from_array(frames, 0.125, 10.0)
    settings = bw.Settings(window=256, step=128, drift="off")
    bw.analyze(movie[:4], settings)  # compile
    ours, bare = [], []
    for _ in range(args.rounds):
        began = time.perf_counter()
        result = bw.analyze(movie, settings)
        ours.append(time.perf_counter() - began)
        began = time.perf_counter()
        bare_transforms(frames, 256, 128)
        bare.append(time.perf_counter() - began)
    windows = result.spots.window.nunique()
    print(f"{args.frames} frames of {args.side}², {windows} windows with a lattice")
    print(f"analyze     {np.median(ours):6.2f} s")
    print(f"rfft2 alone {np.median(bare):6.2f} s   ratio {np.median(np.divide(ours, bare)):.2f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory {peak:.2f} GiB, the movie of {frames.nbytes / 2**30:.2f} GiB in it")


if __name__ == "__main__":
    main()
