"""Several analyses and a live view at once do not get into each other's way."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
import threading
import numpy as np
import napari_beamwatch as bw
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.spectra.power import power_spectrum

movie = simulate("lif-room-temperature", frames=8, frame_dose=20.0, size=256)
settings = bw.Settings(window=128)
alone = bw.analyze(movie, settings)
found, errors, spectra = [], [], []
done = threading.Event()

def analyse():
    try:
        found.append(bw.analyze(movie, settings))
    except BaseException as error:
        errors.append(error)

def look():
    while not done.is_set() or not spectra:
        spectra.append(power_spectrum(movie, None, len(spectra) % 8, 4).power)

threads = [threading.Thread(target=analyse) for _ in range(2)]
view = threading.Thread(target=look)
for thread in (*threads, view):
    thread.start()
for thread in threads:
    thread.join()
done.set()
view.join()
assert not errors, errors
for result in found:
    assert result.spots.equals(alone.spots)
    assert result.traces.equals(alone.traces)
assert len(found) == 2 and len(spectra) > 2 and all(np.isfinite(one).all() for one in spectra)
print("all the same")
"""


@pytest.mark.long
def test_two_analyses_and_a_live_view_at_once_agree_on_the_workqueue_layer() -> None:
    environment = {**os.environ, "NUMBA_THREADING_LAYER": "workqueue"}
    finished = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=300
    )
    assert finished.returncode == 0, finished.stderr
    assert "all the same" in finished.stdout
