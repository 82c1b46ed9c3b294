"""Kill what saves a run at random moments, and look at what is left.

    python tools/kill.py [--kills 240] [--runs 24] [--duels 60] [--seed 0]

Each kill forks a process that replaces an old run by a new one and ends it by SIGKILL, SIGTERM or
SIGHUP: after a random part of the time that takes, or at a random moment of the renames, or within
the whole of `beamwatch analyze` of a packed movie, which is unpacked first. Each duel has two
processes save to one folder at the same moment. Then the folder must hold the old run, the new one
or none; and after the next start one of them whole (or none), with nothing left behind, in it or
among the temporary files. Ends with status 1 if that is not so.
"""

from __future__ import annotations

import argparse
import gzip
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import mrcfile
import numpy as np

import napari_beamwatch as bw
import napari_beamwatch.results.figure
from napari_beamwatch.cli import main as beamwatch
from napari_beamwatch.movies.formats.unpacked import clear_left_over
from napari_beamwatch.results import saving
from napari_beamwatch.results.run_folder import FIGURES, FILES, RECORD, holds_run
from napari_beamwatch.simulate.cases import simulate

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP)
MINE = "notes.txt"
RENAMES = 0.003
"""Seconds that those of a run take, and some more."""


def forked(work: Callable[[], object]) -> int:
    """The number of a process that does some work and ends."""
    child = os.fork()
    if child:
        return child
    status = 1
    with open(os.devnull, "w") as nowhere:
        sys.stdout = sys.stderr = nowhere
        with suppress(bw.BeamwatchError, SystemExit):
            work()
            status = 0
    os._exit(status)


def killed(work: Callable[[], object], seconds: float, how: signal.Signals) -> bool:
    """Whether a process that does some work was still at it when it was ended after some time."""
    child = forked(work)
    time.sleep(seconds)
    os.kill(child, how)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def killed_at_renames(work: Callable[[], object], seconds: float, how: signal.Signals) -> bool:
    """The same, the time counted from the first of the renames."""
    read, write = os.pipe()
    rename = Path.replace

    def told(source: Path, place: Path) -> Path:
        if source.name == RECORD or place.name == RECORD:
            os.write(write, b".")
        return rename(source, place)

    def work_and_tell() -> None:
        Path.replace = told  # type: ignore[method-assign]
        work()

    child = forked(work_and_tell)
    os.close(write)
    os.read(read, 1)  # the record is written, aside
    os.close(read)
    time.sleep(seconds)
    os.kill(child, how)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def state(folder: Path, old_until: float) -> str:
    """What a folder holds: "old", "new", "none", or what is wrong."""
    if not holds_run(folder):
        return "none"
    there = [folder / name for name in FILES]
    missing = [path.name for path in there if not path.is_file()]
    if missing:
        return f"broken: without {missing[0]}"
    ages = {"new" if path.stat().st_mtime > old_until else "old" for path in there}
    return ages.pop() if len(ages) == 1 else "broken: mixed"


def next_start(folder: Path, old_until: float) -> str:
    """What it holds after somebody looked into it, and whether something stays behind."""
    with suppress(bw.BeamwatchError):
        bw.load_result(folder)
    found = state(folder, old_until)
    strange = {path.name for path in folder.iterdir()} - {*FILES, MINE}
    if not (folder / MINE).is_file():
        return "broken: a file of the user's is gone"
    return f"broken: {strange.pop()} stays" if strange else found


class Place:
    """A folder with an old run in it, or none, and a file of the user's."""

    def __init__(self, folder: Path, old: Path | None) -> None:
        self.folder = folder
        if old is None:
            folder.mkdir()
        else:
            shutil.copytree(old, folder)
        (folder / MINE).write_text("mine")
        time.sleep(0.02)
        self.old_until = time.time()
        time.sleep(0.02)


def report(title: str, counts: Counter[tuple[str, ...]]) -> bool:
    """Print what was found; True if all was well."""
    print(f"\n{title}")
    for key, count in sorted(counts.items()):
        print(f"  {count:5}  {' → '.join(key)}")
    return not any("broken" in word for key in counts for word in key)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=240)
    parser.add_argument("--runs", type=int, default=24)
    parser.add_argument("--duels", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        where = Path(name)
        temporary = where / "temporary"
        temporary.mkdir()
        tempfile.tempdir = str(temporary)
        packed = _packed_movie(where)
        first = where / "first"
        settings = where / "settings.json"
        settings.write_text(bw.Settings(drift="off", criteria=("fading",)).to_json())
        words = ["analyze", str(packed), "--settings", str(settings), "--force", "--out"]

        # In processes of their own: one that has threads cannot be forked whole.
        whole = _seconds(lambda: beamwatch([*words, str(first)]))
        result = bw.load_result(first)
        lasts = _seconds(lambda: result.save(where / "second"))
        print(f"a run takes {whole:.1f} s, saving it {lasts:.2f} s; seed {args.seed}", flush=True)

        def analyze(folder: Path, *, force: bool) -> None:
            # With another threshold: the same run would be left as it is.
            beamwatch([*words, str(folder), "--fraction", "0.5"])

        trials = Trials(first, random.Random(args.seed))
        half = args.kills // 2
        good = trials.kills("while saving", half, lasts, where / "k", result.save)
        good &= trials.kills("within beamwatch analyze", args.runs, whole, where / "r", analyze)
        saving._draw = _blank  # which takes longer than all else, and matters no more
        good &= trials.kills("among the renames", args.kills - half, None, where / "m", result.save)
        good &= duels(args.duels, where / "d", result)
        clear_left_over.cache_clear()
        clear_left_over()
        left = [path.name for path in temporary.iterdir()]
        left = [name for name in left if f"-{os.getpid()}-" not in name]  # of the movie open here
        print(f"\ntemporary files left behind: {len(left)}")
        good &= not left
    print("all is well" if good else "NOT WELL")
    return 0 if good else 1


class Trials:
    """Kills of what saves a run where an old one is, or none."""

    def __init__(self, old: Path, rng: random.Random) -> None:
        self.old, self.rng = old, rng

    def kills(
        self,
        title: str,
        count: int,
        seconds: float | None,
        where: Path,
        save: Callable[..., object],
    ) -> bool:
        """Kill `count` times within some seconds, or where None, among the renames."""
        where.mkdir()
        found: Counter[tuple[str, ...]] = Counter()
        for i in range(count):
            old = None if i % 3 == 2 else self.old
            place = Place(where / str(i), old)
            how = SIGNALS[i % len(SIGNALS)] if i % 2 else signal.SIGKILL
            wait = self.rng.uniform(0, RENAMES if seconds is None else 1.1 * seconds)
            end = killed_at_renames if seconds is None else killed
            caught = end(partial(save, place.folder, force=True), wait, how)
            found[
                "old run" if old else "no run",
                how.name if caught else "ended by itself or in order",
                state(place.folder, place.old_until),
                next_start(place.folder, place.old_until),
            ] += 1
        heads = "what was there → what ended it → what was left → after the next start"
        return report(f"{count} kills {title}: {heads}", found)


def duels(count: int, where: Path, result: bw.Result) -> bool:
    """Have two processes save to one folder at the same moment."""
    where.mkdir()
    rivals = [
        replace(result, notes=(letter,), onsets=result.onsets.assign(reason=letter))
        for letter in "AB"
    ]
    found: Counter[tuple[str, ...]] = Counter()
    for i in range(count):
        folder = where / str(i)
        for child in [forked(partial(one.save, folder, force=True)) for one in rivals]:
            os.waitpid(child, 0)
        loaded = bw.load_result(folder)
        same = (loaded.onsets.reason == loaded.notes[0]).all()
        left = {path.name for path in folder.iterdir()} - set(FILES)
        word = "broken: two runs mixed" if not same else "broken: left-overs" if left else "whole"
        found[loaded.notes[0], word] += 1
    return report(f"{count} times two that save at the same moment: whose run → how it is", found)


def _blank(_: object, __: object, folder: Path) -> None:
    for name in FIGURES:
        (folder / name).touch()


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    os.waitpid(forked(work), 0)
    return time.perf_counter() - began


def _packed_movie(where: Path) -> Path:
    filmed = simulate("lif-room-temperature", frames=12, frame_dose=50.0, size=128, drift=None)
    plain = where / "lif.mrc"
    with mrcfile.new(plain) as file:
        file.set_data(np.stack([filmed.frame(i) for i in range(12)]))
        file.voxel_size = 0.125
    packed = where / "lif.mrc.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    return packed


if __name__ == "__main__":
    sys.exit(main())
