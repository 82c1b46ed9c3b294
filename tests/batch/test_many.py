"""A batch: what is done is skipped, what fails stops nothing, and how many work makes no odds."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest

import napari_beamwatch as bw
from napari_beamwatch.analysis import Step
from napari_beamwatch.batch import request, workers
from napari_beamwatch.batch.ledger import Ledger
from napari_beamwatch.batch.many import fitting_jobs
from napari_beamwatch.batch.outcome import SKIPPED
from napari_beamwatch.batch.request import Request
from napari_beamwatch.batch.tasks import Task
from napari_beamwatch.campaign.saving import FILES as SUMMARY_FILES
from napari_beamwatch.results import saving
from napari_beamwatch.results.run_folder import FIGURES, FILES, RECORD, REPORT
from napari_beamwatch.simulate.cases import simulate

QUICK = bw.Settings(drift="off", criteria=("fading",))
TOLD: dict[str, Any] = {"frame_dose": 50.0, "conditions": {"compound": "LiF"}}
MEASURED = set(FILES) - {*FIGURES, RECORD, REPORT}

Outcomes = tuple[bw.MovieOutcome, ...]


def written(path: Path, case: str, seed: int) -> Path:
    filmed = simulate(case, frames=12, frame_dose=50.0, size=128, drift=None, seed=seed)
    with mrcfile.new(path) as file:
        file.set_data(np.stack([filmed.frame(i) for i in range(12)]))
        file.voxel_size = 0.125
    return path


@pytest.fixture(scope="module")
def movies(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("movies")
    return [
        written(folder / "lif.mrc", "lif-room-temperature", 1),
        written(folder / "steady.mrc", "survivor", 2),
    ]


@pytest.fixture(scope="module")
def once(movies: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of both, one after the other."""
    out = tmp_path_factory.mktemp("once")
    found = bw.analyze_many(movies, out, QUICK, **TOLD)
    assert [one.status for one in found] == ["done", "done"]
    return out


@pytest.fixture
def runs(once: Path, tmp_path: Path) -> Path:
    """A copy of them to spoil."""
    return Path(shutil.copytree(once, tmp_path / "runs"))


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may be analysed."""
    monkeypatch.setattr(request, "analyze", lambda *_, **__: pytest.fail("analysed"))


class Deadly(str):
    """The name of a movie that ends the process which is handed it."""

    def __reduce__(self) -> Any:
        return os._exit, (9,)


@pytest.mark.long
def test_movies_side_by_side_on_a_cluster_give_the_same_tables_and_a_dead_process_ends_no_other(
    once: Path, movies: list[Path], tmp_path: Path
) -> None:
    distributed = pytest.importorskip("distributed")
    names = [Deadly("deadly.mrc"), *map(str, movies), str(tmp_path / "nowhere.eer")]
    steps: list[bw.BatchStep] = []
    with distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=False,
        protocol="tcp://",
        dashboard_address=None,
    ) as cluster:
        words = {"scheduler": cluster.scheduler_address, "jobs": 2, **TOLD}
        found = bw.analyze_many(names, tmp_path, QUICK, progress=steps.append, **words)
    assert [one.status for one in found] == ["failed", "done", "done", "failed"]
    assert found[0].words == "the process that analysed it ended with status 9"
    assert found[3].words.startswith("there is no file or folder")
    for one in ("lif", "steady"):
        for name in MEASURED:
            assert (tmp_path / one / name).read_bytes() == (once / one / name).read_bytes()
    said = {(work.name, work.doing) for step in steps for work in step.at_work}
    assert {("lif", "finding spots"), ("steady", "saving")} <= said
    assert {len(step.at_work) for step in steps} >= {1, 2}
    assert sorted(one.name for one in steps[-1].settled) == ["deadly", "lif", "nowhere", "steady"]
    assert workers.multiprocessing.active_children() == []


@pytest.mark.long
def test_processes_that_cannot_begin_end_the_batch(movies: list[Path], tmp_path: Path) -> None:
    # As those of a script do that has no guard, and so would begin itself anew.
    with pytest.raises(bw.BeamwatchError, match="no process can be started"):
        bw.analyze_many(movies, tmp_path, jobs=2, gain=Deadly("gain.mrc"))
    assert workers.multiprocessing.active_children() == []


@pytest.mark.usefixtures("idle")
def test_what_was_done_with_the_same_words_is_skipped_and_left_as_it_is(
    once: Path, movies: list[Path]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in once.rglob("*")}
    for force in (False, True):
        found = bw.analyze_many(movies, once, QUICK, force=force, **TOLD)
        assert [(one.status, one.words) for one in found] == [("skipped", SKIPPED)] * 2
    assert found[0].summary["answer"].startswith("field")
    assert {path: path.stat().st_mtime_ns for path in once.rglob("*")} == before


def edited(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def edit(run: Path) -> None:
        record = json.loads((run / RECORD).read_text(encoding="utf-8"))
        change(record)
        (run / RECORD).write_text(json.dumps(record), encoding="utf-8")

    return edit


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda run: (run / "spots.csv").unlink(), "but without spots.csv"),
        (lambda run: (run / RECORD).write_text("{"), "but it cannot be read"),
        (edited(lambda r: r["versions"].update({"napari-beamwatch": "0.0.1"})), "by version 0.0.1"),
        (edited(lambda r: r["movie"].update(hash="00")), "of another movie than"),
        (edited(lambda r: r["movie"].update(steps=[["sum", [2]]])), "added up otherwise"),
        (edited(lambda r: r["movie"].pop("given")), "but it cannot be read"),
    ],
)
def test_what_is_not_the_same_run_is_refused_and_said(
    runs: Path, movies: list[Path], spoil: Callable[[Path], None], said: str
) -> None:
    spoil(runs / "lif")
    found = bw.analyze_many(movies, runs, QUICK, **TOLD)
    assert [one.status for one in found] == ["failed", "skipped"]
    assert f"{runs / 'lif'} holds a run already, " in found[0].words
    assert said in found[0].words
    assert found[0].words.endswith("--force (force=True) replaces it")


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"settings": bw.Settings(drift="off", fraction=0.5)}, "settings (criteria, fraction)"),
        ({"regions": [bw.Region.rectangle("A", 0, 99, 0, 99)]}, "with other regions"),
        ({"frame_dose": 25.0}, "told otherwise (frame_dose)"),
        ({"conditions": {"temperature_C": 20}}, "told otherwise (compound, temperature_C)"),
        ({"beam_profile": "gauss:fwhm=400px,x=0"}, "told otherwise (beam_source)"),
        ({"fraction_frames": 2}, "cut or added up otherwise"),
    ],
)
def test_a_run_of_other_words_is_refused_and_said(
    once: Path, movies: list[Path], words: dict[str, Any], said: str
) -> None:
    (found,) = bw.analyze_many(movies[:1], once / "lif", **{"settings": QUICK, **TOLD, **words})
    assert found.status == "failed"
    assert said in found.words


@pytest.mark.long
def test_a_batch_that_was_killed_goes_on_to_the_same_summary(
    once: Path, runs: Path, movies: list[Path], tmp_path: Path
) -> None:
    shutil.rmtree(runs / "steady")
    left = runs / "steady" / ".beamwatch-run-dead"  # as kill -9 leaves it
    left.mkdir(parents=True)
    (left / "onsets.csv").write_text("half")
    found = bw.analyze_many(movies, runs, QUICK, **TOLD)
    assert [one.status for one in found] == ["skipped", "done"]
    assert not left.exists()
    for where in (once, runs):
        bw.summarize(where, by=["compound"]).save(tmp_path / where.name)
    for name in SUMMARY_FILES[:2]:
        first, again = tmp_path / once.name / name, tmp_path / "runs" / name
        assert first.read_bytes() == again.read_bytes()


def test_a_full_disk_is_the_failure_of_one_movie(
    movies: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = saving.write_tables

    def full(result: Any, movie: bw.Movie, folder: Path) -> Any:
        if movie.name == "lif":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(result, movie, folder)

    monkeypatch.setattr(saving, "write_tables", full)
    found = bw.analyze_many(movies, tmp_path, QUICK, **TOLD)
    assert found[0].words == f"nothing can be written to {tmp_path / 'lif'}: {os.strerror(28)}"
    assert found[1].status == "done"
    assert [path.name for path in tmp_path.iterdir()] == ["steady"]


def test_a_fault_of_ours_is_the_failure_of_one_movie(
    once: Path, movies: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = request.open_movie

    def faulty(source: str, **words: Any) -> bw.Movie:
        return opened(source, **words) if "steady" in source else 1 / 0  # type: ignore[return-value]

    monkeypatch.setattr(request, "open_movie", faulty)
    found = bw.analyze_many(movies, once, QUICK, **TOLD)
    assert found[0].words.startswith("ZeroDivisionError: division by zero; please report this")
    assert found[1].status == "skipped"


def test_what_progress_raises_ends_the_batch(movies: list[Path], tmp_path: Path) -> None:
    def enough(step: bw.BatchStep) -> None:
        if step.at_work and step.at_work[0].done:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        bw.analyze_many(movies, tmp_path, QUICK, progress=enough, **TOLD)
    assert list(tmp_path.iterdir()) == []


def test_as_many_work_as_there_are_movies_processors_and_memory_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from napari_beamwatch.batch import many

    monkeypatch.setattr(many, "processor_count", lambda: 8)
    monkeypatch.setattr(many, "free_memory", lambda: 6.5 * 2**30)
    assert [fitting_jobs(movies) for movies in (1, 3, 100)] == [1, 3, 6]
    monkeypatch.setattr(many, "free_memory", lambda: 0.0)
    assert fitting_jobs(100) == 1


class Pipe:
    """Of a process that asked for memory."""

    def __init__(self) -> None:
        self.granted = False

    def send(self, _: bool) -> None:
        self.granted = True


def test_memory_is_granted_in_turn_and_to_one_whatever_it_needs() -> None:
    crew = workers._Crew([], Request(), Ledger([], None), 4, None)
    pipes = [Pipe() for _ in range(4)]
    crew._budget, crew._workers = 100.0, dict.fromkeys(pipes)  # type: ignore[arg-type]
    crew._asking = deque(zip(pipes, (150.0, 60.0, 50.0, 10.0), strict=True))

    def granted() -> list[bool]:
        crew._admit()
        return [pipe.granted for pipe in pipes]

    assert granted() == [True, False, False, False]
    del crew._granted[pipes[0]]
    assert granted() == [True, True, False, False]  # the last fits, and waits for its turn
    del crew._granted[pipes[1]]
    assert granted() == [True] * 4


def test_the_time_that_is_left_is_told_once_something_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    steps: list[bw.BatchStep] = []
    tasks = [Task(f"{i}.mrc", Path(str(i))) for i in range(4)]
    ledger = Ledger(tasks, steps.append)
    done, skipped = (
        bw.MovieOutcome("", "", Path(), status, "", {}) for status in ("done", "skipped")
    )
    ledger.step(0, Step(0, 60, "reading"))
    assert steps[-1].left is None
    ledger.end(0, skipped)
    now = 10.0
    ledger.end(1, done)
    assert steps[-1].left == 20.0
    ledger.step(2, Step(30, 60, "reading"))
    assert steps[-1].left == 10.0
