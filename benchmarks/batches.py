"""Batches of simulated movies in a process of their own, and the memory that they hold (Linux)."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from napari_beamwatch.results.run_folder import RECORD
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.writing import write_movie

CASES = ("lif-room-temperature", "survivor", "polycrystal", "recovering-dip")


@dataclass(frozen=True)
class Ended:
    """A batch that ended, by itself or not."""

    status: int
    seconds: float
    peaks: tuple[float, float]
    """MiB of all its processes, in the first half of the time and in the second."""
    busy: float
    """Seconds of processors that all its processes took."""
    said: str


def written(folder: Path, movies: int, side: int, frames: int) -> Path:
    """Simulated movies of two temperatures, and the table of them."""
    rows = ["file,compound,temperature,frame dose"]
    for i in range(movies):
        case = CASES[i % len(CASES)]
        filmed = simulate(case, size=side, frames=frames, frame_dose=600 / frames, seed=i)
        path = folder / f"movie-{i:03}.mrc"
        write_movie(filmed, path)
        rows.append(f"{path.name},LiF,{(20, -170)[i // 2 % 2]},{600 / frames:g}")
    table = folder / "campaign.csv"
    table.write_text("\n".join(rows) + "\n")
    return table


def processes(parent: int) -> Iterator[Path]:
    """A process and those that it began, while they are there."""
    yield Path(f"/proc/{parent}")
    try:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from processes(int(child))


def own_pages(parent: int) -> float:
    """MiB of anonymous memory of a process and of those that it began."""
    total = 0
    for process in processes(parent):
        try:
            lines = (process / "status").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))
    return total / 1024


def children_took() -> float:
    """Seconds of processors that all children which ended took, with theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(
    table: Path, out: Path, jobs: int, kill_with: int | None = None, later: float = 0.0
) -> Ended:
    """`beamwatch analyze`, perhaps killed so many seconds after so many runs were there."""
    words = ["analyze", "--table", str(table), "--out", str(out), "--jobs", str(jobs)]
    began, held = time.perf_counter(), []
    before = children_took()
    with tempfile.TemporaryFile("w+") as told:
        batch = subprocess.Popen(
            [sys.executable, "-m", "napari_beamwatch", *words], stdout=told, stderr=told
        )
        family: set[Path] = set()
        while batch.poll() is None:
            held.append(own_pages(batch.pid))
            family |= set(processes(batch.pid))
            if kill_with is not None and len(list(out.glob(f"*/{RECORD}"))) >= kill_with:
                time.sleep(later)
                batch.send_signal(signal.SIGKILL)
                batch.wait()
            time.sleep(0.05)
        seconds = time.perf_counter() - began
        until = time.perf_counter() + 5
        while alive := [one for one in family if one.exists()]:
            if time.perf_counter() > until:
                raise SystemExit(f"NOT WELL: {alive} outlive the batch that was killed")
            time.sleep(0.01)
        told.seek(0)
        half = len(held) // 2
        peaks = max(held[:half], default=0.0), max(held[half:], default=0.0)
        return Ended(batch.returncode, seconds, peaks, children_took() - before, told.read())
