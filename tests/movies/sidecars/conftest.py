from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import mrcfile
import numpy as np
import pytest

FRAMES = 10
SIZE = (24, 32)

Maker = Callable[..., Path]


@pytest.fixture
def movie_file(tmp_path: Path) -> Maker:
    """Writes a movie whose header says nothing, or its pixel size in Å alone."""

    def made(name: str = "lif.mrc", *, pixel_size: float = 0.0, frames: int = FRAMES) -> Path:
        # Of few grey levels far apart: nobody takes them for counted electrons.
        grey = np.random.default_rng(5).integers(100, 140, (frames, *SIZE)) * 50
        with mrcfile.new(tmp_path / name) as file:
            file.set_data(grey.astype(np.uint16))
            file.voxel_size = pixel_size
        return tmp_path / name

    return made
