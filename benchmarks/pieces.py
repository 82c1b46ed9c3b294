"""What campaigns of movies share: how they draw, and how they are run in pieces."""

from __future__ import annotations

import argparse
import json
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np

LITHIUM = ("LiF", "Li2O", "Li", "Li2CO3", "LiOH", "LiH")
"""Phases as the user of a lithium battery gives them."""

PIXELS = (0.125, 0.2, 0.25, 0.4)

LEAST = 0.1
"""Electrons a pixel and frame."""

Draw = Callable[[np.random.Generator], dict[str, Any]]

Job = tuple[str, int, int]
"""Kind of movie, seed, pixels a side."""

Line = dict[str, Any]


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def nothing(rng: np.random.Generator) -> dict[str, Any]:
    return {}


def campaign(
    about: str,
    kind: str,
    kinds: Iterable[str],
    size: int,
    run: Callable[[Job], Line],
    table: Callable[[Iterable[Line]], str],
) -> None:
    """The command line of a campaign: what its file holds already is not run again.

    `kind` is what a line of the file, and with an s the option, calls the kind of movie.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(f"--{kind}s", dest="kinds", default=",".join(kinds))
    parser.add_argument("--seeds", default="0:10", help="first:last")
    parser.add_argument("--size", type=int, default=size)
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args()
    done = []
    if args.out.exists():
        done = [json.loads(line) for line in args.out.read_text().splitlines()]
    known = {(line[kind], line["seed"], line["size"]) for line in done}
    wanted = args.kinds.split(",")
    if not set(wanted) <= set(kinds):
        parser.error(f"--{kind}s are some of {', '.join(kinds)}")
    first, last = map(int, args.seeds.split(":"))
    jobs = [(name, seed, args.size) for seed in range(first, last) for name in wanted]
    jobs = [job for job in jobs if job not in known]
    with args.out.open("a") as file:
        for line in side_by_side(run, jobs, args.jobs):
            file.write(json.dumps(line, default=float) + "\n")
            file.flush()
            done.append(line)
    print(table(done))


def side_by_side(run: Callable[[Any], Any], jobs: Iterable[Any], processes: int) -> Iterator[Any]:
    """What jobs give, as they end; a process that is killed ends all and is not waited for."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context) as pool:
        futures = [pool.submit(run, job) for job in jobs]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool:
            raise SystemExit(
                "a process was killed, perhaps for want of memory: what was done is kept, and the "
                "same command goes on from there"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)
