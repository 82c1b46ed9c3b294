"""The same analysis on the workers of a dask cluster, also when one of them dies."""

from __future__ import annotations

import os
import signal
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import napari_beamwatch as bw
from napari_beamwatch.analysis import Step
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.writing import write_movie
from napari_beamwatch.spectra import cluster
from napari_beamwatch.spectra.cluster import Cluster

distributed = pytest.importorskip("distributed")


SETTINGS = bw.Settings(window=128, criteria=("fading",))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    movie = simulate("lif-room-temperature", frames=16, frame_dose=20.0, size=256)
    target = tmp_path_factory.mktemp("movies") / "lif.eer"
    write_movie(movie, target)
    return target


@pytest.fixture(scope="module")
def alone(path: Path) -> bw.Result:
    return bw.analyze(bw.open_movie(path, fraction_frames=1), SETTINGS)


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


@pytest.mark.long
def test_workers_find_what_one_process_finds_also_when_one_of_them_dies(
    path: Path, alone: bw.Result, client: Any
) -> None:
    killed: list[int] = []
    steps: list[Step] = []

    def kill_one(step: Step) -> None:
        steps.append(step)
        if not killed and step.doing == "following spots":
            pids = client.run(os.getpid)
            killed.append(next(iter(pids.values())))
            os.kill(killed[0], signal.SIGKILL)

    movie = bw.open_movie(path, fraction_frames=1)
    found = bw.analyze(movie, SETTINGS, progress=kill_one, client=client)
    assert killed
    assert len(found.spots) > 0
    assert_same(found, alone)
    assert steps[-1].done == steps[-1].total


@pytest.fixture(scope="module")
def threads() -> Iterator[Any]:
    """A cluster within this process, of one worker: what needs no processes takes no time."""
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster:
        yield cluster


@pytest.fixture
def near(threads: Any) -> Iterator[Any]:
    with distributed.Client(threads, set_as_default=False) as client:
        yield client


def no_tick(frames: int) -> None:
    pass


def test_who_has_no_workers_is_told_so_and_waited_for_no_longer_than_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, seconds in (("LOOK", 0.05), ("ALONE_SAID", 0.1), ("ALONE_MOST", 0.4)):
        monkeypatch.setattr(cluster, name, seconds)
    told: list[str] = []
    with (
        distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=None) as nobody,
        distributed.Client(nobody, set_as_default=False) as client,
        pytest.raises(bw.BeamwatchError, match=r"scheduler at .* has had no workers for"),
    ):
        list(Cluster(client, no_tick, told.append).frames(abs, [1]))
    assert "waiting for workers of the cluster, there are none" in told


@pytest.mark.long
def test_a_worker_that_is_busy_is_waited_for(near: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("LOOK", 0.05), ("ALONE_SAID", 0.25), ("ALONE_MOST", 0.3)):
        monkeypatch.setattr(cluster, name, seconds)
    told: list[str] = []
    found = list(Cluster(near, no_tick, told.append).frames(slow, [3]))
    assert found == [(3, 3)]
    assert told == []


def slow(frame: int) -> int:
    time.sleep(0.8)
    return frame


def test_a_scheduler_that_goes_away_is_said_in_a_sentence(near: Any) -> None:
    def leave(frames: int) -> None:
        near.loop.add_callback(near.scheduler_comm.comm.abort)

    with pytest.raises(bw.BeamwatchError, match="went away, and the work with it"):
        list(Cluster(near, leave, print).frames(slow, [1]))


def test_large_work_is_sent_without_a_word(near: Any) -> None:
    work = Large(np.ones(2 * 2**20))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(Cluster(near, no_tick, print).frames(work, [1])) == [(1, 2.0)]


@dataclass
class Large:
    """Work that takes 16 MiB."""

    values: np.ndarray

    def __call__(self, frame: int) -> float:
        return float(frame + self.values[0])


def test_something_else_than_a_client_is_refused(path: Path) -> None:
    with pytest.raises(bw.BeamwatchError, match=r"dask\.distributed"):
        bw.analyze(bw.open_movie(path), client="tcp://nowhere:1")
