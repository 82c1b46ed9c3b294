"""Use every door of the installed package once, on small movies; a minute or two.

usage: smoke.py FOLDER      where to write; see smoke.sh
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import napari_beamwatch as bw
from napari_beamwatch.cli import main

WAIT_S = 60


def modules(folder: Path) -> str:
    """Every module can be imported, and every public name is there."""
    names = [one.name for one in pkgutil.walk_packages(bw.__path__, "napari_beamwatch.")]
    for name in names:
        if not name.endswith("__main__"):
            importlib.import_module(name)
    for name in bw.__all__:
        getattr(bw, name)
    return f"{len(names)} modules of {Path(bw.__file__).parent}"


def formats(folder: Path) -> str:
    """What the libraries of each format write is read to the bit."""
    import h5py
    import imagecodecs
    import imageio_ffmpeg
    import mrcfile
    import tifffile

    frames = np.random.default_rng(0).poisson(2, (5, 64, 72)).astype(np.uint16)
    places = {
        kind: folder / f"small.{kind}" for kind in ("mrc", "tif", "h5", "zstd.zarr", "blosc.zarr")
    }
    with mrcfile.new(places["mrc"], overwrite=True) as file:
        file.set_data(frames)
    tifffile.imwrite(places["tif"], frames, photometric="minisblack", compression="zlib")
    with h5py.File(places["h5"], "w") as file:
        file["frames"] = frames
    packers = {"zstd": imagecodecs.zstd_encode, "blosc": imagecodecs.blosc_encode}
    for codec, pack in packers.items():
        store = places[f"{codec}.zarr"]
        store.mkdir(exist_ok=True)
        kind = {"zarr_format": 2, "dtype": "<u2", "order": "C", "fill_value": 0, "filters": None}
        kind |= {"shape": frames.shape, "chunks": (1, 64, 72), "compressor": {"id": codec}}
        (store / ".zarray").write_text(json.dumps(kind))
        for i, frame in enumerate(frames):
            (store / f"{i}.0.0").write_bytes(pack(frame.tobytes()))
    stills = folder / "stills"
    stills.mkdir(exist_ok=True)
    for i, frame in enumerate(frames):
        (stills / f"{i}.png").write_bytes(imagecodecs.png_encode(frame))
    places["avi"] = folder / "small.avi"
    words = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt",
             "gray", "-s", "72x64", "-i", "-", "-c:v", "ffv1", str(places["avi"])]  # fmt: skip
    subprocess.run(words, input=frames.astype(np.uint8).tobytes(), check=True)
    for path in (*places.values(), stills):
        np.testing.assert_array_equal(bw.open_movie(path).frames.compute(), frames, str(path))
    return ", ".join(sorted([*places, "stills"]))


def analysis(folder: Path) -> str:
    """The commands simulate and analyze a movie; the run is opened again and says the same."""
    movie, run = str(folder / "lif.eer"), str(folder / "run")
    filmed = ["--frames", "40", "--frame-dose", "15", "--size", "384", "--force"]
    assert main(["simulate", movie, "--case", "lif-room-temperature", *filmed]) == 0
    assert main(["info", movie]) == 0
    windows = ["--window", "128", "--step", "64"]
    assert main(["analyze", movie, "--out", run, "--force", *windows]) == 0
    found = bw.load_result(folder / "run")
    assert found.onsets.status[0] == "onset", found.onsets.status[0]
    return f"onset at {found.onsets.onset_dose_e_per_A2[0]:.4g} e/Å²"


def cluster(folder: Path) -> str:
    """A dask cluster gives the same tables."""
    from distributed import Client, LocalCluster

    alone = bw.load_result(folder / "run")
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as workers,
        Client(workers, set_as_default=False) as client,
    ):
        found = bw.analyze(alone.movie, alone.settings, client=client)
    names = ["status", "criterion", "onset_dose_e_per_A2"]
    pd.testing.assert_frame_equal(found.onsets[names], alone.onsets[names], check_dtype=False)
    return "one worker"


def window(folder: Path) -> str:
    """A window opens with the run on the desk."""
    import napari
    from qtpy.QtWidgets import QApplication

    from napari_beamwatch._qt.window import furnish

    viewer = napari.Viewer()
    desk = furnish(viewer, folder / "run" / "run.json")
    until(lambda: "Onset map" in viewer.layers, QApplication)
    desk.show_form()
    picture = viewer.screenshot(canvas_only=False, path=str(folder / "window.png"), flash=False)
    names = [layer.name for layer in viewer.layers]
    desk.close_desk()
    viewer.close()
    assert np.ptp(picture[..., :3]) > 0, "the window is blank"
    return f"{napari.__version__}, layers {', '.join(names)}"


def until(true: Callable[[], bool], app: Any) -> None:
    end = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < end, f"nothing came in {WAIT_S} s"
        app.processEvents()
        time.sleep(0.01)


if __name__ == "__main__":
    place = Path(sys.argv[1])
    doors = [modules, formats, analysis, cluster, window]
    if "not gui" in sys.argv:  # as with_display.sh says where there is no display to be had
        doors.remove(window)
        print("no display: no window is opened")
    for door in doors:
        began = time.perf_counter()
        print(f"{door.__name__}: {door(place)} ({time.perf_counter() - began:.0f} s)", flush=True)
