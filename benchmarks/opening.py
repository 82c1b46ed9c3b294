"""Opening movies of a hundred gigabytes (sparse files): seconds, and peak memory of the process.

    python benchmarks/opening.py [--gigabytes 100]

Each file is opened twice in a process of its own that also reads one frame; the second time is
without the one-off cost of imports and compiled kernels.
"""

from __future__ import annotations

import argparse
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from napari_beamwatch.movies.eer_directory import read_directory
from napari_beamwatch.simulate.eer_writer import EerMetadata, RawFrame, write_eer

OPEN = """
import resource, sys, time
import napari_beamwatch as bw
for _ in range(2):
    began = time.perf_counter()
    movie = bw.open_movie(sys.argv[1])
    opened = time.perf_counter() - began
frame = movie.frame(0)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"{movie.name:8} {len(movie):7} frames  {opened:6.2f} s to open  {peak:6.0f} MiB at most,"
      f" one frame of {frame.nbytes / 2**20:.0f} MiB read")
"""


STRIP_OFFSETS = struct.pack("<H", 273)

WRITTEN = 256
"""Raw frames with electrons: more than are added up to the first frame."""


def sparse_mrc(path: Path, size: int) -> None:
    side = 4096
    frames = size // (side * side * 2)
    header = bytearray(1024)
    struct.pack_into("<4i", header, 0, side, side, frames, 6)
    struct.pack_into("<3i", header, 28, side, side, frames)
    struct.pack_into("<3f", header, 40, side * 0.125, side * 0.125, frames * 1.0)
    header[208:216] = b"MAP DA\0\0"
    with path.open("wb") as file:
        file.write(header)
        file.truncate(1024 + frames * side * side * 2)


def sparse_eer(path: Path, size: int) -> None:
    """As many directories as a movie of that size has, each with a stream of its own.

    Those of all but the first `WRITTEN` are holes: nobody reads them.
    """
    rng = np.random.default_rng(0)
    shape = (4096, 4096)
    frame = RawFrame.of_image(rng.random(shape, dtype=np.float32) < 0.02, rng)
    write_eer(path, [frame], shape, frame_xml=False, metadata=EerMetadata(700.0, 0.125))
    directory = read_directory(path)
    length = int(directory.lengths[0])
    with path.open("r+b") as file:
        file.seek(8)
        (first,) = struct.unpack("<Q", file.read(8))
        file.seek(first)
        (tags,) = struct.unpack("<Q", file.read(8))
        entries = file.read(tags * 20)
        # Every directory but the first is without the acquisition's XML.
        kept = [entries[i : i + 20] for i in range(0, len(entries), 20)]
        kept = [entry for entry in kept if struct.unpack_from("<H", entry)[0] != 65001]
        offset = next(i for i, entry in enumerate(kept) if entry[:2] == STRIP_OFFSETS)
        link = first + 8 + tags * 20
        at = first + length
        file.seek(int(directory.offsets[0]))
        stream = file.read(length)
        for number in range(size // length):
            file.seek(link)
            file.write(struct.pack("<Q", at))
            link = at + 8 + 20 * len(kept)
            kept[offset] = kept[offset][:12] + struct.pack("<Q", link + 8)
            file.seek(at)
            file.write(struct.pack("<Q", len(kept)) + b"".join(kept) + bytes(8))
            file.write(stream if number < WRITTEN else b"")
            at = link + 8 + length
        file.truncate(at)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=100)
    size = int(parser.parse_args().gigabytes * 1e9)
    with tempfile.TemporaryDirectory() as folder:
        for name, write in (("movie.mrc", sparse_mrc), ("movie.eer", sparse_eer)):
            path = Path(folder) / name
            write(path, size)
            print(f"{name}: {path.stat().st_size / 1e9:.0f} GB", flush=True)
            subprocess.run([sys.executable, "-c", OPEN, str(path)], check=True)
            path.unlink()


if __name__ == "__main__":
    main()
