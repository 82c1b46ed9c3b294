"""One region tracked again: 512² pixels, 200 frames, against the bare transforms of its windows.

    python benchmarks/region.py [--side 512] [--frames 200] [--rounds 5]

What a desktop does when a region was drawn: the whole road (spots found, followed and told) on
the region's frames, once they are read. The rival is ``scipy.fft.rfft2`` of every window of every
frame with two workers and nothing else. Rounds alternate; prints seconds (median) and the ratio.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from analysis import bare_transforms

import napari_beamwatch as bw
from napari_beamwatch.simulate.cases import simulate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    movie = simulate("lif-room-temperature", frames=args.frames, frame_dose=2.0, size=args.side)
    frames = movie.frames.compute()
    region = bw.Movie.from_array(frames, movie.pixel_size, 2.0)
    settings = bw.Settings(window=256, step=128, drift="off")
    bw.analyze(region[:4], settings)  # compile
    ours, bare = [], []
    for _ in range(args.rounds):
        began = time.perf_counter()
        result = bw.analyze(region, settings)
        ours.append(time.perf_counter() - began)
        began = time.perf_counter()
        bare_transforms(frames, 256, 128)
        bare.append(time.perf_counter() - began)
    print(f"{args.frames} frames of {args.side}², {len(result.spots)} rows of spots")
    print(f"analyze     {np.median(ours):6.3f} s")
    print(f"rfft2 alone {np.median(bare):6.3f} s   ratio {np.median(np.divide(ours, bare)):.2f}")


if __name__ == "__main__":
    main()
