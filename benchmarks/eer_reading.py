"""EER: opening and fractionating a movie, against tifffile and imagecodecs, in one run.

    python benchmarks/eer_reading.py [--raw 256] [--side 4096] [--density 0.02] [--rounds 3]

All add the same raw frames into frames of the same unsigned 8-bit type; rounds alternate, and
nothing is kept between them but the operating system's file cache. Prints milliseconds a raw
frame (median of the rounds) and ratios.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile

from napari_beamwatch.movies.eer import open_eer
from napari_beamwatch.movies.eer_directory import read_directory
from napari_beamwatch.simulate.eer_writer import EerMetadata, RawFrame, write_eer
from napari_beamwatch.threads import shared_pool, thread_count

Frames = list[np.ndarray]


def beamwatch(path: Path, n: int) -> Frames:
    frames = open_eer(path, fraction_frames=n).frames
    return list(shared_pool().map(frames.read, range(frames.shape[0])))


def with_tifffile(path: Path, n: int) -> Frames:
    sums = []
    with tifffile.TiffFile(path) as file:
        pages = file.pages
        for first in range(0, len(pages) - n + 1, n):
            total = np.zeros(pages[first].shape, np.uint8)
            for i in range(first, first + n):
                total += pages[i].asarray()
            sums.append(total)
    return sums


def with_imagecodecs(path: Path, n: int, threads: int) -> Frames:
    directory = read_directory(path)
    shape = (directory.height, directory.width)

    def add(first: int) -> np.ndarray:
        total = np.zeros(shape, np.uint8)
        with path.open("rb") as file:
            for i in range(first, first + n):
                file.seek(directory.offsets[i])
                data = file.read(directory.lengths[i])
                imagecodecs.eer_decode(data, shape, 7, 2, 2, out=total)
        return total

    starts = range(0, len(directory) - n + 1, n)
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(add, starts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--raw", type=int, default=256)
    parser.add_argument("--fraction", type=int, default=32)
    parser.add_argument("--side", type=int, default=4096)
    parser.add_argument("--density", type=float, default=0.02)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    shape = (args.side, args.side)
    rng = np.random.default_rng(0)
    distinct = [
        RawFrame.of_image(rng.random(shape, dtype=np.float32) < args.density, rng) for _ in range(8)
    ]
    rivals: dict[str, Callable[[Path, int], Frames]] = {
        "beamwatch": beamwatch,
        "tifffile": with_tifffile,
        "imagecodecs, 1 thread": lambda p, n: with_imagecodecs(p, n, 1),
        "imagecodecs, 2 threads": lambda p, n: with_imagecodecs(p, n, 2),
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "movie.eer"
        metadata = EerMetadata(exposure_time=args.raw / 320, pixel_size=0.125)
        write_eer(path, (distinct[i % 8] for i in range(args.raw)), shape, metadata=metadata)
        times: dict[str, list[float]] = {name: [] for name in rivals}
        results = {name: run(path, args.fraction) for name, run in rivals.items()}  # warm-up
        for name, frames in results.items():
            same = all((a == b).all() for a, b in zip(frames, results["beamwatch"], strict=True))
            print(f"{name}: {len(frames)} frames of {frames[0].dtype}, equal: {same}")
        del results
        for _ in range(args.rounds):
            for name, run in rivals.items():
                began = time.perf_counter()
                run(path, args.fraction)
                times[name].append((time.perf_counter() - began) / args.raw * 1e3)
    ours = np.median(times["beamwatch"])
    print(f"{args.raw} raw frames of {args.side}², {args.density} e/px, {thread_count()} cores")
    for name, spent in times.items():
        middle = np.median(spent)
        print(f"{name:24} {middle:7.2f} ms a raw frame   {middle / ours:5.1f} ×")


if __name__ == "__main__":
    main()
