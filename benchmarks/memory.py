"""Peak memory of an analysis of a 4096² movie on disk, for two lengths.

    python benchmarks/memory.py [--side 4096] [--frames 24 96]

Each length runs in a process of its own, drift and all; what counts are the pages of its own
(RssAnon), imports included, sampled a hundred times a second.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

CHILD = "--child"


def own_pages() -> float:
    """GiB of anonymous memory of this process (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 2**20
    raise SystemExit("RssAnon is known on Linux only")


def write(path: Path, side: int, frames: int) -> None:
    """Four grains of LiF side by side, again and again."""
    import mrcfile

    from napari_beamwatch.simulate.cases import simulate

    small = simulate("lif-room-temperature", frames=8, frame_dose=10.0)
    tiles = -(-side // 1024)
    with mrcfile.new_mmap(path, (frames, side, side), mrc_mode=0, overwrite=True) as mrc:
        for t in range(frames):
            mrc.data[t] = np.tile(small.frame(t % 8), (tiles, tiles))[:side, :side]
        mrc.voxel_size = 0.125
        mrc.header.ispg = 0
        mrc.set_image_stack()


def analyse(path: str) -> None:
    import napari_beamwatch as bw

    peak = own_pages()

    def watch() -> None:
        nonlocal peak
        while True:
            peak = max(peak, own_pages())
            time.sleep(0.01)

    threading.Thread(target=watch, daemon=True).start()
    began = time.perf_counter()
    movie = bw.open_movie(path, frame_dose=10.0)
    bw.analyze(movie, bw.Settings(window=256, step=128))
    print(f"{len(movie)} frames: peak {peak:.2f} GiB, {time.perf_counter() - began:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=4096)
    parser.add_argument("--frames", type=int, nargs="+", default=[24, 96])
    parser.add_argument(CHILD, metavar="FILE")
    args = parser.parse_args()
    if args.child:
        analyse(args.child)
        return
    with tempfile.TemporaryDirectory() as folder:
        for frames in args.frames:
            path = Path(folder) / f"{frames}.mrc"
            write(path, args.side, frames)
            subprocess.run([sys.executable, __file__, CHILD, str(path)], check=True)
            path.unlink()


if __name__ == "__main__":
    main()
