from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture
def shared_data() -> Callable[[str], Path]:
    """Path of a real file by name; the test is skipped where it is absent."""

    def path(name: str) -> Path:
        where = Path(os.environ.get("BEAMWATCH_SHARED_DATA", SHARED)) / name
        if not where.exists():
            pytest.skip(f"{name} is not here")
        return where

    return path


@pytest.fixture
def stack() -> np.ndarray:
    """Five small frames, all different, not square."""
    return np.random.default_rng(3).poisson(7, (5, 12, 18)).astype(np.uint16)


def frames_of(recording) -> np.ndarray:
    """Every frame of a recording, read one by one."""
    source = recording.frames
    return np.stack([source.read(t) for t in range(source.shape[0])])
