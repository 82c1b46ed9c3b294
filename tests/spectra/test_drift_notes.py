"""What is said of the drift: how far, and how well that is known."""

from __future__ import annotations

import numpy as np
import pytest

import napari_beamwatch as bw
from napari_beamwatch.analysis.passes import _drift_note
from napari_beamwatch.spectra.drift import Drift, estimate_drift

PATH = np.linspace(0, 12, 10)


def note(se: np.ndarray) -> str:
    return _drift_note(Drift(PATH, np.zeros(10), se))


def test_a_drift_that_is_well_known_is_said_in_one_breath() -> None:
    assert note(np.full(10, 1.4)) == ("drift: the specimen moved by up to 12 px; windows follow it")


def test_a_drift_known_to_several_pixels_only_is_a_warning() -> None:
    assert note(np.append(np.full(9, 2.0), 8.25)).endswith(
        "windows follow it, but they may miss it: the drift is known to 2.0 px only, in the worst "
        "frame to 8.2 px (standard errors)"
    )


def test_a_drift_of_unknown_error_is_a_warning() -> None:
    warned = "but how far the drift may be wrong is not known"
    assert warned in note(np.full(10, np.nan))
    frames = np.random.default_rng(0).poisson(3.0, (4, 128, 128)).astype(np.uint8)
    given = bw.Settings(drift=[(0, 0), (1, 0), (2, 0), (3, 0)], criteria=("fading",))
    assert any(warned in said for said in bw.analyze(bw.Movie.from_array(frames), given).notes)


def test_the_drift_of_frames_that_smear_over_several_pixels_is_said_to_be_uncertain() -> None:
    speed = 9.0
    rng = np.random.default_rng(3)
    specimen = np.repeat(np.repeat(rng.gamma(2.0, 0.5, (96, 96)), 4, axis=0), 4, axis=1)
    frames = []
    for t in range(6):
        x = 100 - round(speed * t)
        frames.append(rng.poisson(2 * specimen[64:320, x : x + 256]).astype(np.uint8))
    drift = estimate_drift(frames)
    assert drift.dx_px[-1] == pytest.approx(5 * speed, abs=4)
    assert "the drift is known to" in _drift_note(drift)
