"""Small movies of two fringe systems, as bytes that a camera writes one after the other."""

from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np
import pytest

import napari_beamwatch as bw
from napari_beamwatch.watching.diary import Diary
from napari_beamwatch.watching.follower import Follower, Options
from napari_beamwatch.watching.state import WatchState

SIDE = 128
SETTINGS = bw.Settings(drift="off", criteria=("fading",), window=64, step=32)
OPENING = {"pixel_size": 0.25, "frame_dose": 10.0, "sidecars": False}


def filmed(course: np.ndarray, seed: int = 0, light: float = 1.0) -> np.ndarray:
    """Frames of a lattice whose power takes that course."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    waves = np.cos(2 * np.pi * (0.11 * x + 0.03 * y)) + np.cos(2 * np.pi * (0.17 * y - 0.05 * x))
    frames = [rng.poisson(light * (1 + 0.2 * np.sqrt(part) * waves)) for part in course]
    return np.array(frames, np.uint16)


class Camera:
    """Writes a movie into a file piece by piece."""

    def __init__(self, path: Path, frames: np.ndarray, promised: int | None = None) -> None:
        self.path = path
        whole = path.with_name(f"whole-{path.name}.mrc.tmp")
        with mrcfile.new(whole, overwrite=True) as file:
            file.set_data(frames)
            file.voxel_size = 0.25
        data = bytearray(whole.read_bytes())
        whole.unlink()
        if promised is not None:
            data[8:12] = int(promised).to_bytes(4, "little")
        self.data, self.frame = bytes(data), SIDE * SIDE * 2
        self.written = 0

    def write(self, frames: float) -> None:
        """Have so many frames in the file."""
        to = 1024 + int(frames * self.frame)
        with self.path.open("ab" if self.written else "wb") as file:
            file.write(self.data[self.written : to])
        self.written = to


class Clock:
    """Seconds that pass when somebody says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Watched:
    """A follower of one file, with a clock of its own."""

    def __init__(self, path: Path, out: Path | None = None, settle: float = 10.0) -> None:
        options = Options(SETTINGS, OPENING, settle)
        diary = None if out is None else Diary.of(out, SETTINGS, OPENING)
        self.clock = Clock()
        self.follower = Follower(path, options, diary, self.clock)

    def look(self, times: int = 1, seconds: float = 0.0) -> list[WatchState]:
        """What some looks bring."""
        self.clock.now += seconds
        return [state for _ in range(times) for state in self.follower.step()]


@pytest.fixture(scope="session")
def fading() -> np.ndarray:
    """Forty frames, whose lattice goes from the twentieth on."""
    return filmed(np.where(np.arange(40) < 20, 1.0, np.exp(-(np.arange(40) - 20) / 2.0)))


@pytest.fixture(scope="session")
def steady() -> np.ndarray:
    return filmed(np.ones(24), seed=1)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder
