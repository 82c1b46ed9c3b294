"""Damaged files of every format, and numbers at the edge, by the thousand.

    python -m tools.fuzz [--inputs 100000] [--seed 1] [--only FORMAT,…] [--jobs 2] [--real FOLDER]
    python -m tools.fuzz --again build/fuzz/NAME

Each input is handed in as a user would: it must be read, or refused in words; within 10 s and
1.5 GB; and nothing outside of it may be touched. What fails is kept in build/fuzz, a folder an
input, with what was said; --again tries such a folder once more. The table at the end counts; the
status is 1 if anything failed. The same seed makes the same inputs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pickle
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import h5py
import numpy as np

from tools.fuzz.doors import CANARY
from tools.fuzz.formats import FORMATS, an_input, made
from tools.fuzz.inputs import Made, lay, lifted
from tools.fuzz.pictures import STACK
from tools.fuzz.watching import BAD, GOOD, Outcome
from tools.fuzz.workers import Batch, run

KEPT = Path("build/fuzz")
A_BATCH = 1000
"""Inputs of one process."""

TOLD_EVERY = 20.0
"""Seconds from one word on how far it has come to the next."""


def main() -> int:
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="beamwatch-fuzz-") as name:
        root = Path(name)
        _plant_canaries(root / "outside")
        if arguments.again is not None:
            return _again(arguments.again, root)
        return _campaign(arguments, root)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m tools.fuzz",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="formats: " + ", ".join(FORMATS))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    shared = os.environ.get("BEAMWATCH_SHARED_DATA")
    parser.add_argument(
        "--real",
        type=Path,
        default=None if shared is None else Path(shared),
        help="folder with real files to damage too (or BEAMWATCH_SHARED_DATA)",
    )
    parser.add_argument("--again", type=Path, help="one input that failed, kept in build/fuzz")
    arguments = parser.parse_args()
    arguments.only = list(FORMATS) if arguments.only is None else arguments.only.split(",")
    unknown = set(arguments.only) - set(FORMATS)
    if unknown:
        parser.error(f"unknown formats {', '.join(sorted(unknown))}")
    return arguments


def _campaign(arguments: argparse.Namespace, root: Path) -> int:
    seeds = {}
    for name in arguments.only:
        seeds[name] = made(name, arguments.real)
        (root / f"{name}.seeds").write_bytes(pickle.dumps(seeds[name]))
    counts = _shared_out(arguments.inputs, arguments.only)
    table = Table(counts)
    begun = told = time.monotonic()
    # Whoever has seen enough stops it, and is told what came until then.
    with contextlib.suppress(KeyboardInterrupt):
        for name, index, outcome in run(_batches(counts), root, arguments.seed, arguments.jobs):
            table.add(name, outcome)
            if outcome.kind in BAD:
                one = an_input(name, seeds[name], arguments.seed, index)
                place = KEPT / f"{name}-{arguments.seed}-{index}"
                table.example(outcome, keep(place, name, one, outcome))
            if time.monotonic() - told > TOLD_EVERY:
                told = time.monotonic()
                done, all_of_them = sum(table.inputs.values()), sum(counts.values())
                print(f"{done} of {all_of_them} inputs, {told - begun:.0f} s", file=sys.stderr)
    print(table.text())
    print(f"seed {arguments.seed}, {time.monotonic() - begun:.0f} s")
    return 1 if table.failed else 0


def _shared_out(inputs: int, names: list[str]) -> dict[str, int]:
    shares = sum(FORMATS[name].share for name in names)
    return {name: max(1, round(inputs * FORMATS[name].share / shares)) for name in names}


def _batches(counts: dict[str, int]) -> list[Batch]:
    """Formats in turns, so that the first minutes have seen them all."""
    batches = [
        Batch(name, first, min(first + A_BATCH, count))
        for name, count in counts.items()
        for first in range(0, count, A_BATCH)
    ]
    return sorted(batches, key=lambda batch: batch.first)


def keep(place: Path, name: str, one: Made, outcome: Outcome) -> Path:
    """Keep an input that failed, with what came of it."""
    shutil.rmtree(place, ignore_errors=True)
    (place / "input").mkdir(parents=True)
    lay(one.files, place / "input")
    about = {"format": name, "made_of": one.name, "opened": one.opened, "whole": one.whole}
    (place / "about.json").write_text(json.dumps(about | asdict(outcome), indent=2))
    (place / "said.txt").write_text(outcome.said, errors="backslashreplace")
    return place


def _again(place: Path, root: Path) -> int:
    """Try a kept input once more, alone."""
    about = json.loads((place / "about.json").read_text())
    one = Made(about["made_of"], about["opened"], lifted(place / "input"), about["whole"])
    (root / f"{about['format']}.seeds").write_bytes(pickle.dumps([one]))
    batch = Batch(about["format"], 0, 1, again=True)
    for _, _, outcome in run([batch], root, 0, 1):
        print(f"{outcome.kind} {outcome.what}, {outcome.seconds:.2f} s, {outcome.megabytes:.0f} MB")
        print(outcome.said)
    return 0 if outcome.kind in GOOD else 1


def _plant_canaries(folder: Path) -> None:
    """Good files that nothing but a damaged input leads to."""
    folder.mkdir()
    canary = np.full(STACK.shape, CANARY, STACK.dtype)
    np.save(folder / "x.npy", canary)
    (folder / "x.raw").write_bytes(canary.tobytes())
    with h5py.File(folder / "x.h5", "w") as file:
        file["movie"] = canary


class Table:
    """Counts of what came of the inputs of each format."""

    HEADS = ("inputs", *GOOD, *BAD, "most MB", "most s")

    def __init__(self, counts: dict[str, int]) -> None:
        self.inputs = dict.fromkeys(counts, 0)
        self.kinds = {name: Counter[str]() for name in counts}
        self.most = dict.fromkeys(counts, (0.0, 0.0))
        self.examples: dict[tuple[str, str], tuple[int, Path]] = {}

    @property
    def failed(self) -> bool:
        return bool(self.examples)

    def add(self, name: str, outcome: Outcome) -> None:
        self.inputs[name] += 1
        self.kinds[name][outcome.kind] += 1
        megabytes, seconds = self.most[name]
        self.most[name] = max(megabytes, outcome.megabytes), max(seconds, outcome.seconds)

    def example(self, outcome: Outcome, place: Path) -> None:
        count, first = self.examples.get((outcome.kind, outcome.what), (0, place))
        self.examples[outcome.kind, outcome.what] = count + 1, first

    def text(self) -> str:
        """The table, and one example of all that failed alike."""
        lines = [f"{'format':12}" + "".join(f"{head:>9}" for head in self.HEADS)]
        total: Counter[str] = Counter()
        for name, inputs in self.inputs.items():
            kinds = self.kinds[name]
            total += kinds
            lines.append(self._row(name, inputs, kinds, self.most[name]))
        most = tuple(max(pair[i] for pair in self.most.values()) for i in (0, 1))
        lines.append(self._row("all", sum(self.inputs.values()), total, most))
        often = sorted(self.examples.items(), key=lambda item: -item[1][0])
        lines += [f"{n:6} {kind:8} {what}   {place}" for (kind, what), (n, place) in often]
        return "\n".join(lines)

    @staticmethod
    def _row(name: str, inputs: int, kinds: Counter[str], most: tuple[float, ...]) -> str:
        counted = "".join(f"{kinds[kind]:9}" for kind in (*GOOD, *BAD))
        return f"{name:12}{inputs:9}{counted}{most[0]:9.0f}{most[1]:9.1f}"


if __name__ == "__main__":
    sys.exit(main())
