"""Compile the kernels that analyses need, so that processes of tests find them in the cache.

Two processes that begin together would each compile all of them, for half a minute or more.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import napari_beamwatch as bw
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.writing import write_movie


def main() -> None:
    """Analyse two small movies: counts of an EER file that drift, and grey values of particles."""
    lif = {"frames": 16, "frame_dose": 40.0, "size": 256, "pixel_size": 0.25}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "lif.eer")
        write_movie(simulate("lif-room-temperature", **lif), path)
        bw.analyze(bw.open_movie(path, fraction_frames=80), bw.Settings(window=64))
    frames = simulate("shrinking-particle", **lif | {"pixel_size": 0.5}).frames.compute()
    bw.analyze(bw.Movie.from_array(frames.astype("f4"), 0.5, 40.0))


if __name__ == "__main__":
    main()
