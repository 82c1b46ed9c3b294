"""Whatever stands beside a movie costs a sentence at most."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from napari_beamwatch import BeamwatchError
from napari_beamwatch.movies.sidecars import hear

NAMES = ["a.yaml", "a.csv", "conditions.csv", "a.mrc.mdoc", "a.xml", "a_info.txt"]
SEEDS = {
    "a.yaml": b"compound: LiF\nelements: [Li, F]\ndose rate: 50 e-/A2/s\nvoltage: 300\n",
    "a.csv": b"start,end\n0,5\n5,10\n",
    "conditions.csv": b"file,voltage,dose_rate\na.mrc,300,5\n",
    "a.mrc.mdoc": b"Voltage = 300\n[FrameSet = 0]\nFrameDosesAndNumber = 5 3\nPixelSpacing = 1\n",
    "a.xml": b"<MicroscopeImage><gun><AccelerationVoltage>3e5</AccelerationVoltage></gun>"
    b"<SpatialScale><pixelSize><x><numericValue>1E-10</numericValue></x></pixelSize>"
    b"</SpatialScale></MicroscopeImage>",
    "a_info.txt": b"Frames Per Second = 40\nSpecimen Pixel Size X (nanometers) = 0.1\n",
}


@pytest.mark.parametrize("name", NAMES)
def test_damaged_files_are_a_sentence_and_never_a_crash(tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(7)
    movie = tmp_path / "a.mrc"
    for _ in range(150):
        text = bytearray(SEEDS[name])
        for at in rng.integers(0, len(text), rng.integers(1, 8)):
            text[at] = rng.integers(0, 256)
        (tmp_path / name).write_bytes(bytes(text[: rng.integers(1, len(text) + 1)]))
        try:
            heard = hear(movie)
        except BeamwatchError as error:
            said = [str(error)]
        else:
            said = list(heard.warnings)
        assert all(len(sentence) < 1000 and "\n" not in sentence for sentence in said)


@pytest.mark.parametrize("name", NAMES)
def test_files_that_are_too_long_are_not_read(tmp_path: Path, name: str) -> None:
    with (tmp_path / name).open("wb") as file:
        file.truncate(2**34)  # takes no room on the disk
    tracemalloc.start()
    try:
        try:
            said = " ".join((*hear(tmp_path / "a.mrc").warnings, "unknown"))
        except BeamwatchError as error:
            said = str(error)
        assert tracemalloc.get_traced_memory()[1] < 10 * 2**20
    finally:
        tracemalloc.stop()
    assert name in said or name == "a.csv"


def test_folders_of_those_names_are_passed_by(tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / name).mkdir()
    assert hear(tmp_path / "a.mrc").words == ()


def test_many_images_below_a_long_header_take_little_memory(tmp_path: Path) -> None:
    header = "".join(f"Key{i} = {i}\n" for i in range(8_000))
    (tmp_path / "a.mdoc").write_text(header + "[ZValue = 0]\nTiltAngle = 1\n" * 8_000)
    tracemalloc.start()
    try:
        hear(tmp_path / "a.mrc")
        assert tracemalloc.get_traced_memory()[1] < 60 * 2**20
    finally:
        tracemalloc.stop()
