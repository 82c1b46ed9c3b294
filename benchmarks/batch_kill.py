"""A batch that is killed at random moments and goes on: the same summary to the bit, memory flat.

    python benchmarks/batch_kill.py [--movies 12] [--side 256] [--frames 40] [--kills 6] [--jobs 2]

In full, which takes half an hour:

    python benchmarks/batch_kill.py --movies 100 --side 1024 --frames 60 --kills 20

A batch is done once without being disturbed. Then it is begun anew, as often as was asked for ended
by SIGKILL a random time after a random number of its runs and begun again with the same command,
and left to end. Fails if a run is half there or done twice, if anything stays behind, if a table
differs in a byte, or if the processes together hold more than in the batch that nobody disturbed.
Linux only.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
from pathlib import Path

from batches import run, written

import napari_beamwatch as bw
from napari_beamwatch.campaign.saving import PLACES_TABLE, TABLE
from napari_beamwatch.results.run_folder import FIGURES, FILES, RECORD, REPORT, holds_run

MEASURED = tuple(name for name in FILES if name not in (*FIGURES, RECORD, REPORT))
MORE_MEMORY = 1.15
"""Times what the undisturbed batch took; which movies fall together differs."""


def finished(out: Path) -> list[str]:
    """Names of the runs that are there, each of which must be whole."""
    runs = [run for run in sorted(out.iterdir()) if holds_run(run)] if out.is_dir() else []
    for one in runs:
        missing = [name for name in FILES if not (one / name).is_file()]
        if missing:
            raise SystemExit(f"NOT WELL: {one} is a run without {missing}")
    return [one.name for one in runs]


def tables(out: Path) -> dict[str, bytes]:
    """Bytes of all that was measured, and of the summary."""
    found = {
        f"{one.name}/{name}": (one / name).read_bytes()
        for one in sorted(out.iterdir())
        for name in MEASURED
    }
    with tempfile.TemporaryDirectory() as name:
        folder = bw.summarize(out).save(Path(name) / "summary")
        return found | {name: (folder / name).read_bytes() for name in (TABLE, PLACES_TABLE)}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--movies", type=int, default=12)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--kills", type=int, default=6)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as name:
        where = Path(name)
        table = written(where, args.movies, args.side, args.frames)
        undisturbed = run(table, where / "undisturbed", args.jobs)
        if undisturbed.status:
            raise SystemExit(undisturbed.said)
        expected = tables(where / "undisturbed")
        first, second = undisturbed.peaks
        print(
            f"{args.movies} movies of {args.side}² × {args.frames}, {args.jobs} side by side: "
            f"{undisturbed.seconds:.0f} s, {first:.0f} MiB in the first half of the time, "
            f"{second:.0f} in the second",
            flush=True,
        )
        good = second < MORE_MEMORY * first
        # By runs, and not by the clock, for a computer is not always equally busy.
        each = undisturbed.seconds * args.jobs / args.movies
        out, most = where / "killed", MORE_MEMORY * max(undisturbed.peaks)
        done: list[str] = []
        # Before the last are begun: they may end before it is their turn to be killed.
        counts = sorted(rng.choices(range(max(1, args.movies - 2 * args.jobs)), k=args.kills))
        for count in [*counts, None]:
            ended = run(table, out, args.jobs, count, rng.uniform(0, each))
            skipped = ended.said.count("done before, same settings: skipped")
            half = [p for p in out.rglob(".beamwatch-*") if p.is_dir()] if out.is_dir() else []
            before, done, peak = done, finished(out), max(ended.peaks)
            killed = ended.status == -signal.SIGKILL and count is not None
            # Whoever is killed has not said all that was skipped; a batch may end before it is.
            well = killed or (ended.status == 0 and skipped == len(before))
            well &= set(done) >= set(before) and peak < most
            good &= well
            print(
                f"  {'killed' if killed else 'ended'} after {ended.seconds:4.0f} s with "
                f"{len(done):3} done, {len(before):3} of them before, and {len(half)} being saved, "
                f"{peak:.0f} MiB" + ("" if well else f"  NOT WELL: {ended.status}, {ended.said}"),
                flush=True,
            )
        left = [path.name for path in out.rglob(".beamwatch-*")]
        found = tables(out)
        other = [name for name in expected if found.get(name) != expected[name]]
        good &= not left and not other and len(found) == len(expected)
        print(f"{len(other)} of {len(expected)} files differ {other[:3]}, left behind: {left}")
    print("all is well" if good else "NOT WELL")
    return 0 if good else 1


if __name__ == "__main__":
    if not os.path.isdir("/proc"):
        raise SystemExit("processes are looked at through /proc: Linux only")
    sys.exit(main())
