"""Many analyses in one process: its memory, threads and open files stay as they are.

    python benchmarks/soak.py [--analyses 500]

Small movies of several kinds are opened from files, analysed in turn, and every tenth run is saved
and loaded. Prints what the process holds after each fifth, and fails if it grew after the first, in
which everything was done once.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import napari_beamwatch as bw
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.writing import write_movie

CASES = ("lif-room-temperature", "survivor", "polycrystal", "no-lattice", "recovering-dip")
ENDINGS = ("mrc", "tif", "eer")
SETTINGS = (bw.Settings(drift="off"), bw.Settings(window=64, step=32), bw.Settings(running_sum=3))

MORE_MEMORY = 1.1
"""Times what it was after the first fifth; allocators are uneven by some percent."""


@dataclass(frozen=True)
class Held:
    """What a process holds."""

    memory: float
    threads: int
    files: int

    @classmethod
    def now(cls) -> Held:
        """MiB of pages of its own, native threads and open files (Linux)."""
        gc.collect()
        said = dict(
            line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines()
        )
        memory = int(said["RssAnon"].split()[0]) / 1024
        return cls(memory, int(said["Threads"]), len(os.listdir("/proc/self/fd")))

    def more_than(self, other: Held) -> list[str]:
        """What grew."""
        grew = ["memory"] if self.memory > MORE_MEMORY * other.memory else []
        grew += ["threads"] if self.threads > other.threads else []
        return grew + (["open files"] if self.files > other.files else [])


def written(folder: Path) -> list[Path]:
    """Small movies, one of each case and kind of file."""
    paths = []
    for i, case in enumerate(CASES):
        movie = simulate(
            case, size=128 + 64 * (i % 2), frames=16 + 2 * i, frame_dose=30.0, pixel_size=0.25
        )
        for ending in ENDINGS:
            paths.append(folder / f"{case}.{ending}")
            write_movie(movie, paths[-1])
    return paths


def once(number: int, paths: list[Path], folder: Path) -> None:
    path = paths[number % len(paths)]
    movie = bw.open_movie(path, pixel_size=0.25, frame_dose=30.0)
    regions = [bw.Region.rectangle("A", 0, 100, 0, 100)] if number % 4 == 0 else []
    result = bw.analyze(movie, SETTINGS[number % len(SETTINGS)], regions)
    assert result.summary["answer"]
    if number % 10 == 0:
        bw.load_result(result.save(folder / "run", force=True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--analyses", type=int, default=500)
    count = parser.parse_args().analyses
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = written(folder)
        held: list[Held] = []
        began = time.perf_counter()
        for number in range(1, count + 1):
            once(number, paths, folder)
            if number % max(1, count // 5) == 0:
                held.append(Held.now())
                print(
                    f"{number:5} analyses, {time.perf_counter() - began:6.0f} s: "
                    f"{held[-1].memory:6.1f} MiB, {held[-1].threads} threads "
                    f"({threading.active_count()} of Python's), {held[-1].files} open files",
                    flush=True,
                )
        grew = held[-1].more_than(held[0])
    print("grew: " + ", ".join(grew) if grew else "flat")
    return 1 if grew else 0


if __name__ == "__main__":
    sys.exit(main())
