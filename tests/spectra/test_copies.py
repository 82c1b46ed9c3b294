"""Frames that were written twice are named, and are no further exposures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_beamwatch import Movie, Settings, analyze
from napari_beamwatch.movies.frames import ArrayFrames
from napari_beamwatch.spectra.copies import copies_note
from napari_beamwatch.spectra.runners import Threads
from napari_beamwatch.spectra.stack import first_look


def exposures(count: int = 16, side: int = 96) -> np.ndarray:
    y, x = np.mgrid[:side, :side]
    fringes = np.cos(2 * np.pi * (0.1 * x + 0.05 * y)) + np.cos(2 * np.pi * (0.12 * y - 0.04 * x))
    rng = np.random.default_rng(0)
    return rng.poisson(5 + fringes, (count, side, side)).astype(np.uint8)


def copies_in(frames: np.ndarray, *dark: int) -> list[int]:
    lit = ~np.isin(np.arange(len(frames)), dark)
    seen = first_look(ArrayFrames(frames), lit, Threads(), for_drift=False)
    return np.flatnonzero(seen.copies).tolist()


@pytest.mark.parametrize("drift", ["auto", "off"])
def test_copies_are_left_out_and_told_and_their_dose_counts(drift: Any) -> None:
    frames = exposures()
    frames[5], frames[9:12] = frames[4], frames[8]
    settings = Settings(window=64, criteria=("fading",), drift=drift)
    result = analyze(Movie.from_array(frames, 0.5, 5.0), settings)
    said = [words for words in result.summary["warnings"] if "exact copies" in words]
    assert len(said) == 1
    assert "0-based 5, 9 to 11" in said[0]
    unknown = result.traces.groupby("frame").snr.apply(lambda snr: snr.isna().all())
    assert np.flatnonzero(unknown).tolist() == [5, 9, 10, 11]
    assert result.onsets.last_dose_e_per_A2[0] == 80


def test_exposures_with_the_same_lattice_are_no_copies() -> None:
    assert not copies_in(exposures())


def test_the_frame_before_a_dark_one_may_have_been_written_again() -> None:
    frames = exposures()
    frames[7], frames[8] = 0, frames[6]
    assert copies_in(frames, 7) == [8]


def test_frames_of_one_number_are_no_copies() -> None:
    frames = exposures()
    frames[5:8] = 3
    assert not copies_in(frames)


def test_of_many_runs_the_first_are_named() -> None:
    said = copies_note(np.arange(20) % 2 == 1)
    assert said.startswith("10 frames are exact copies")
    assert said.endswith("0-based 1, 3, 5, 7, 9, 11 and 4 more runs")
    assert copies_note(np.zeros(5, bool)) == ""
