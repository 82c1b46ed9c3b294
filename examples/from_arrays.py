"""Frames that are in memory already: NumPy, dask, HyperSpy, xarray.

    python examples/from_arrays.py [FILE.npy]

Without a file frames are simulated. HyperSpy and xarray are shown where they are installed.
"""

from __future__ import annotations

import importlib.util
import sys

import numpy as np

import napari_beamwatch as bw
from napari_beamwatch.simulate.cases import simulate


def main() -> None:
    if len(sys.argv) > 1:
        frames = np.load(sys.argv[1])
    else:
        filmed = simulate("lif-room-temperature", frames=30, frame_dose=10.0, size=384)
        frames = filmed.frames.compute()
    # (t, y, x); the pixel size in Å, the dose of each frame in e/Å², or one for each.
    doses = np.full(len(frames), 10.0)
    movie = bw.Movie.from_array(
        frames,
        0.125,
        doses,
        frame_time=0.5,
        pre_exposure=12.0,
        conditions={"compound": "LiF", "voltage_kV": 300.0, "temperature_C": 20.0},
    )
    print(f"{movie.name}: {movie.shape}, {movie.dose[-1]:.0f} e/Å² at the end, {movie.dose_source}")
    result = bw.analyze(movie, bw.Settings(criteria=("fading",)))
    print(result.summary["answer"])

    if importlib.util.find_spec("hyperspy"):
        signal = movie.to_hyperspy()  # lazy, with its axes in nm and s
        print(signal, bw.open_movie(signal, frame_dose=10.0).pixel_size)
    if importlib.util.find_spec("xarray"):
        array = movie.to_xarray()
        print(array.dims, bw.open_movie(array, frame_dose=10.0).pixel_size)


if __name__ == "__main__":
    main()
