"""One region tracked again: 512² pixels, 200 frames, against the bare transforms of its windows.

    python benchmarks/region.py [--side 512] [--frames 200] [--rounds 5]

What a desktop does when a region was drawn: its spots are found and followed through all frames,
once those are read; and, as a second line, the whole road with rings, particles, phases and the
verdict. The rival is ``scipy.fft.rfft2`` of every window of every frame with two workers and
nothing else. Rounds alternate; prints seconds (median) and the ratios.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from analysis import bare_transforms

import napari_beamwatch as bw
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.spectra.finding import Search
from napari_beamwatch.spectra.following import follow
from napari_beamwatch.spectra.runners import Threads
from napari_beamwatch.spectra.spots import find_spots_of
from napari_beamwatch.spectra.stack import Stack
from napari_beamwatch.spectra.windows import Grid


def track(movie: bw.Movie, settings: bw.Settings) -> None:
    """Find the spots of a movie and follow them, nothing else."""
    grid = Grid(*movie.shape[1:], settings.window, settings.step)
    nothing = np.zeros((len(movie), 2))
    frames, lit = movie.recording.frames, np.asarray(movie.lit)
    stack = Stack(frames, movie.pixel_size, lit, True, nothing.astype(np.int64), nothing)
    search = Search(settings.alpha)
    spots = find_spots_of(stack, grid, (0, 0), search, Threads(), lambda _: None)
    follow(spots, stack, Threads(), 1, lambda _: None).region(None)


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
    bw.analyze(region, settings)  # compile
    tracked, ours, bare = [], [], []
    for _ in range(args.rounds):
        began = time.perf_counter()
        track(region, settings)
        tracked.append(time.perf_counter() - began)
        began = time.perf_counter()
        result = bw.analyze(region, settings)
        ours.append(time.perf_counter() - began)
        began = time.perf_counter()
        bare_transforms(frames, 256, 128)
        bare.append(time.perf_counter() - began)
    print(f"{args.frames} frames of {args.side}², {len(result.spots)} rows of spots")
    for name, times in (("track", tracked), ("analyze", ours)):
        ratio = np.median(np.divide(times, bare))
        print(f"{name:11s} {np.median(times):6.3f} s   ratio {ratio:.2f}")
    print(f"rfft2 alone {np.median(bare):6.3f} s")


if __name__ == "__main__":
    main()
