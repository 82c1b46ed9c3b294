"""Two dask workers against one: the same analysis of a 4096² movie on disk.

    python benchmarks/cluster.py [--side 4096] [--frames 48] [--rounds 2]

Workers have one thread each and read the file themselves; it says how many processors are free for
them: with fewer than three, the process that asks takes its share from theirs.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from distributed import Client, LocalCluster
from memory import write

import napari_beamwatch as bw
from napari_beamwatch.threads import thread_count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=4096)
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    seconds: dict[int, list[float]] = {1: [], 2: []}
    settings = bw.Settings(window=256, step=128)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "movie.mrc"
        write(path, args.side, args.frames)
        for workers in seconds:
            with (
                LocalCluster(
                    n_workers=workers, threads_per_worker=1, dashboard_address=None, memory_limit=0
                ) as cluster,
                Client(cluster) as client,
            ):
                for number, worker in enumerate(client.scheduler_info()["workers"]):
                    client.run(_stay_on, number, workers=[worker])
                movie = bw.open_movie(path, frame_dose=10.0)
                bw.analyze(movie[:8], settings, client=client)  # compile
                for _ in range(args.rounds):
                    began = time.perf_counter()
                    bw.analyze(movie, settings, client=client)
                    seconds[workers].append(time.perf_counter() - began)
    one, two = (float(np.median(seconds[workers])) for workers in (1, 2))
    print(f"{args.frames} frames of {args.side}², {thread_count()} processors")
    print(f"1 worker {one:.1f} s, 2 workers {two:.1f} s: {one / two:.2f} times as fast")


def _stay_on(number: int) -> None:
    """One processor a worker: what it spreads over others would hide what two gain."""
    import os

    processors = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {processors[number % len(processors)]})


if __name__ == "__main__":
    main()
