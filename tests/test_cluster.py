"""The same analysis on the workers of a dask cluster, also when one of them dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import napari_beamwatch as bw
from napari_beamwatch.analysis import Step
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.writing import write_movie

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    movie = simulate("lif-room-temperature", frames=24, frame_dose=10.0, size=512)
    target = tmp_path_factory.mktemp("movies") / "lif.eer"
    write_movie(movie, target)
    return target


@pytest.fixture(scope="module")
def alone(path: Path) -> bw.Result:
    return bw.analyze(bw.open_movie(path, fraction_frames=1), bw.Settings(window=128))


@pytest.fixture
def client() -> Iterator[Any]:
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, memory_limit=0
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


def assert_same(found: bw.Result, expected: bw.Result) -> None:
    pd.testing.assert_frame_equal(found.spots, expected.spots, check_exact=True)
    pd.testing.assert_frame_equal(found.traces, expected.traces, check_exact=True)
    pd.testing.assert_frame_equal(found.drift, expected.drift, check_exact=True)


def test_workers_find_what_one_process_finds(path: Path, alone: bw.Result, client: Any) -> None:
    movie = bw.open_movie(path, fraction_frames=1)
    steps: list[Step] = []
    found = bw.analyze(movie, bw.Settings(window=128), progress=steps.append, client=client)
    assert len(found.spots) > 0
    assert_same(found, alone)
    assert steps[-1].done == steps[-1].total


def test_work_of_a_worker_that_dies_is_done_by_another(
    path: Path, alone: bw.Result, client: Any
) -> None:
    killed: list[int] = []

    def kill_one(step: Step) -> None:
        if not killed and step.doing == "following spots":
            pids = client.run(os.getpid)
            killed.append(next(iter(pids.values())))
            os.kill(killed[0], signal.SIGKILL)

    movie = bw.open_movie(path, fraction_frames=1)
    found = bw.analyze(movie, bw.Settings(window=128), progress=kill_one, client=client)
    assert killed
    assert_same(found, alone)


def test_something_else_than_a_client_is_refused(path: Path) -> None:
    with pytest.raises(bw.BeamwatchError, match=r"dask\.distributed"):
        bw.analyze(bw.open_movie(path), client="tcp://nowhere:1")
