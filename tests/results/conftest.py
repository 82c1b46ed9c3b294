"""One small movie and its result, shared."""

from __future__ import annotations

from pathlib import Path

import pytest

import napari_beamwatch as bw
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.writing import write_movie
from tests.filming import filmed


@pytest.fixture(scope="session")
def movie_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("movie") / "lif.eer"
    movie = simulate("lif-room-temperature", frames=16, frame_dose=40.0, size=256, drift=None)
    write_movie(movie, path)
    return path


@pytest.fixture(scope="session")
def result(movie_file: Path) -> bw.Result:
    movie = bw.open_movie(movie_file, fraction_frames=80, conditions={"voltage_kV": 200.0})
    region = bw.Region.rectangle("A", 0, 130, 0, 128)
    return bw.analyze(movie, bw.Settings(drift="off"), regions=[region])


@pytest.fixture(scope="session")
def saved(result: bw.Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of the result; not to be changed."""
    return result.save(tmp_path_factory.mktemp("saved") / "run")


@pytest.fixture(scope="session")
def drawn(result: bw.Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with its figures, for modules that are marked so."""
    return result.save(tmp_path_factory.mktemp("drawn") / "run")


@pytest.fixture(scope="session")
def found() -> bw.Result:
    """Of patches that turn into another phase."""
    movie = filmed("lif-to-li2o", frames=40, frame_dose=15.0, size=512, seed=0)
    return bw.analyze(
        movie, bw.Settings(window=256, step=128, drift="off", criteria=("fading", "new_phase"))
    )
