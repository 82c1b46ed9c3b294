"""An EER movie that does not say its pixel size takes it from what stands beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_beamwatch import BeamwatchError, Movie, open_movie
from napari_beamwatch.simulate.eer_writer import EerMetadata, RawFrame, write_eer

RAW, SIDE = 40, 64
DOSE = 0.5
"""Electrons a pixel in all."""


@pytest.fixture
def eer(tmp_path: Path) -> Path:
    rng = np.random.default_rng(4)
    frames = []
    for _ in range(RAW):
        pixels = np.flatnonzero(rng.random(SIDE * SIDE) < DOSE / RAW)
        places = np.zeros(len(pixels), np.uint8)
        frames.append(RawFrame(pixels, places))
    metadata = EerMetadata(exposure_time=2.0, total_dose=DOSE)
    write_eer(tmp_path / "lif.eer", frames, (SIDE, SIDE), metadata=metadata)
    return tmp_path / "lif.eer"


def beside(movie: Path, name: str, text: str) -> Path:
    (movie.parent / name).write_text(text, encoding="utf-8")
    return movie


MDOC = "[FrameSet = 0]\nPixelSpacing = 0.2\nPriorRecordDose = 3\nSubFramePath = D:\\lif.eer\n"


def total(movie: Movie) -> float:
    assert movie.dose is not None
    return float(movie.dose[-1])


def test_its_dose_a_pixel_becomes_one_on_the_specimen(eer: Path) -> None:
    movie = open_movie(beside(eer, "lif.eer.mdoc", MDOC), fraction_dose=2.5)
    assert len(movie) == pytest.approx(5, abs=1)
    assert total(movie) == pytest.approx(3 + DOSE / 0.2**2, rel=0.01)
    assert movie.dose_source == "file: EER totalDose, shared by counted events"


def test_finer_pixels_are_smaller(eer: Path) -> None:
    beside(eer, "lif.eer.mdoc", MDOC)
    movie = open_movie(eer, superres=2, fraction_frames=10)
    assert movie.pixel_size == pytest.approx(0.1)
    assert total(movie) == pytest.approx(3 + DOSE / 0.2**2, rel=0.01)
    noted = open_movie(beside(eer, "lif.yaml", "pixel size: 0.4"), superres=2, fraction_frames=10)
    assert noted.pixel_size == pytest.approx(0.2)


def test_notes_of_a_dose_rate_hold_for_any_fractionation(eer: Path) -> None:
    beside(eer, "lif.yaml", "dose rate: 30 e/Å²/s")
    for raw in (4, 10):
        assert total(open_movie(eer, fraction_frames=raw)) == pytest.approx(60)


def test_notes_of_a_dose_of_a_frame_do_not(eer: Path) -> None:
    beside(eer, "lif.yaml", "frame dose: 5")
    with pytest.raises(BeamwatchError, match="as it is chosen: write dose_rate or total_dose"):
        open_movie(eer)
