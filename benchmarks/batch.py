"""Movies side by side: how much sooner a batch is done than one movie after the other.

    python benchmarks/batch.py [--movies 8] [--side 512] [--frames 60] [--jobs 2] [--rounds 3]

The same movies are analysed with one job and with several, in turn, each time in processes of
their own, starting them included; what counts is the ratio of the best times. Linux only.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from batches import Ended, run, written

from napari_beamwatch.threads import processor_count


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--movies", type=int, default=8)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--jobs", type=int, default=processor_count())
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    found: dict[int, list[Ended]] = {1: [], args.jobs: []}
    with tempfile.TemporaryDirectory() as name:
        where = Path(name)
        table = written(where, args.movies, args.side, args.frames)
        for i in range(args.rounds):
            for jobs, ended in found.items():
                ended.append(run(table, where / f"{jobs}-{i}", jobs))
    print(f"{args.movies} movies of {args.side}² × {args.frames}, {processor_count()} processors")
    for jobs, ended in found.items():
        seconds = " ".join(f"{one.seconds:.1f}" for one in ended)
        busy = " ".join(f"{one.busy:.1f}" for one in ended)
        peak = max(max(one.peaks) for one in ended)
        print(f"  {jobs} at a time: {seconds} s ({busy} s of processors), {peak:.0f} MiB")
    alone, beside = (min(one.seconds for one in ended) for ended in found.values())
    print(f"  {alone / beside:.2f} times as fast")


if __name__ == "__main__":
    main()
