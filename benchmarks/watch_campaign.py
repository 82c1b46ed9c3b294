"""The alarm of a watch on simulated traces and movies: false alarms, and how late it is.

    python benchmarks/watch_campaign.py [--seed 0] [--steady 500] [--fades 300] [--movies 4]
                                        [--size 384] [--jobs 2]

Traces come straight from the noise law, as those of `onset_campaign.py`, a frame at a time. Those
of the first frames, in which a watch looks for spots, are not shown to the alarm. Beside it stands
the off-line test, `first_detected`, which is shown all frames and knows of dips when they are over.
Movies (so many of each case) go through all of the watch, and through `analyze`.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from onset_campaign import DRAWN, excursion, noisy
from scipy import stats

import napari_beamwatch as bw
from napari_beamwatch.damage.alarm import Alarms, Frame
from napari_beamwatch.damage.budget import rate
from napari_beamwatch.damage.detection import dispersion_of, first_detected
from napari_beamwatch.damage.dips import find_dips
from napari_beamwatch.damage.models import remaining
from napari_beamwatch.damage.scopes import Scope, SpotTrace, samples_of
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.writing import write_movie
from napari_beamwatch.watching.growing import Growing
from napari_beamwatch.watching.live import Live

LOOKS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384)
SEEN = 22.0
FALSE_ALARM = 0.01
WORDS = ("found", "falling", "partial", "stop", "withdrawn")


@dataclass(frozen=True)
class Course:
    """Expected signals (spots, frames), windows, and what is true of them."""

    signal: np.ndarray
    windows: int
    onset: float = np.nan


def crystal(rng: np.random.Generator) -> tuple[np.ndarray, int, int]:
    """Levels of two to four spots, windows, frames."""
    frames = int(rng.choice([60, 120, 200]))
    windows = int(rng.choice([1, 4, 16, 60]))
    spots = int(rng.integers(2, 5))
    levels = np.exp(rng.uniform(np.log(2), np.log(60))) / np.sqrt(windows)
    return levels * np.exp(rng.normal(0, 0.6, spots)), windows, frames


def steady(kind: str, rng: np.random.Generator) -> Course:
    """A lattice that holds, whatever it looks like."""
    levels, windows, frames = crystal(rng)
    t = np.arange(frames)
    course = np.ones((len(levels), frames))
    if kind == "flicker 3 %":
        course = course * (1 + 0.03 * rng.standard_normal(frames)).clip(0.5)
    elif kind == "dips":  # up to three, each recovered within a fifth of the dose before it
        free = 0.0
        for a in np.sort(rng.uniform(0.1, 0.8, int(rng.integers(1, 4)))) * frames:
            length = rng.uniform(0.3, 0.9) * 0.2 * a
            if a < free:
                continue
            free = a + 2 * length
            dip = np.clip(t - a + 1, 0, 1) * np.clip(a + length - t, 0, 1)
            course = course * (1 - rng.uniform(0.4, 0.95) * dip)
    elif kind == "long dips":
        a = rng.uniform(0.05, 0.5)
        dip = excursion(frames, a, a + rng.uniform(0.1, 0.3), 2)
        course = course * (1 - rng.uniform(0.4, 0.95) * dip)
    elif kind == "wobble":  # of the focus: every spot by its own 5 to 15 %, 2 to 10 times a record
        waves = rng.uniform(2, 10) * 2 * np.pi * t / frames + rng.uniform(0, 6)
        depth = rng.uniform(-0.15, 0.15, len(levels))
        course = course * (1 + depth[:, None] * np.sin(waves))
    elif kind == "settling":
        course = course * (1 - 0.6 * np.exp(-t / rng.uniform(3, 10)))
    elif kind.startswith("layer"):
        takes = float(kind.split()[1]) / 100
        a, b = sorted(rng.uniform(0.1, 0.9, 2) * frames)
        course = course * (1 - takes * np.clip((t - a) / max(b - a, 1), 0, 1))
    return Course(levels[:, None] * course, windows)


def fading(rng: np.random.Generator) -> Course:
    """A lattice that fades from a dose on, stretched or not."""
    levels, windows, frames = crystal(rng)
    tau = float(np.exp(rng.uniform(*np.log(DRAWN.tau))))
    beta = 1.0 if rng.random() < 0.5 else float(np.exp(rng.uniform(*np.log(DRAWN.beta))))
    onset = float(rng.uniform(0.15, 0.7) * frames)
    ends = np.arange(1.0, frames + 1)
    h = remaining(ends - 1, ends, onset, tau, beta)
    return Course(levels[:, None] * h, windows, onset)


def watched(drawn: Course, rng: np.random.Generator) -> dict[str, float]:
    """Frames at which each word is first said; NaN for never."""
    y = noisy(drawn.signal, drawn.windows, rng)
    frames = y.shape[1]
    found = next(
        (n for n in LOOKS if n < frames and (n * drawn.signal[:, :n].mean(axis=1)).max() > SEEN), 0
    )
    said = dict.fromkeys((*WORDS, "said", "low", "high"), np.nan)
    if found:
        said["found"] = found
        seen = drawn.signal[:, :found].mean(axis=1) * found > SEEN
        level = np.maximum(y[seen, :found].mean(axis=1), 1e-3)
        alarms = Alarms(rate(FALSE_ALARM, "lattice"))
        alarms.begin([("all", 0.5)])
        weight = level / (2 * level + 1)
        scale = weight @ level
        signal = float((weight**2) @ (2 * level)) / scale**2 / drawn.windows
        noise = float((weight**2).sum()) / scale**2 / drawn.windows
        for t in range(found, frames):
            now = alarms.add([Frame(float(weight @ y[seen, t]) / scale, signal, noise)], t, t + 1)
            if now.status != "holding" and np.isnan(said[now.status]):
                said[now.status] = t + 1
            if now.status in ("stop", "partial") and np.isnan(said["said"]):
                said["said"], said["low"], said["high"] = t + 1, now.since.low, now.since.high
            if now.status == "holding" and said["stop"] == said["stop"]:
                said["withdrawn"] = t + 1
    ends = np.arange(1.0, frames + 1)
    traces = tuple(SpotTrace(i, 0, 0.05, 0.01 * i, row, drawn.windows) for i, row in enumerate(y))
    samples = samples_of(Scope("all", traces, ends - 1, ends, np.ones(frames, bool)))
    wide = dispersion_of(samples)
    samples = samples.without(find_dips(samples, wide).masked)
    said["detected"] = first_detected(samples, rate(FALSE_ALARM, "lattice"), wide)
    course = drawn.signal.sum(axis=0) / drawn.signal[:, 0].sum()
    half = np.flatnonzero(course < 0.5)
    said["half"] = float(half[0] + 1) if len(half) else np.nan
    said["onset"] = drawn.onset
    return said


KINDS = (
    "steady", "flicker 3 %", "dips", "wobble", "settling", "layer 20", "layer 40", "long dips",
)  # fmt: skip


def one(job: tuple[int, str, int]) -> dict[str, float]:
    """One record by its seed."""
    seed, kind, number = job
    rng = np.random.default_rng([seed, (*KINDS, "fade").index(kind), number])
    return watched(fading(rng) if kind == "fade" else steady(kind, rng), rng)


def report_steady(kind: str, rows: list[dict[str, float]]) -> None:
    """False alarms of a kind."""
    told = Counter(word for row in rows for word in WORDS if row[word] == row[word])
    off_line = sum(row["detected"] == row["detected"] for row in rows)
    print(f"{kind:12s} {len(rows)} records, {dict(told)}, off-line detects {off_line}", flush=True)


def report_fades(rows: list[dict[str, float]]) -> None:
    """How late the alarm is."""
    seen = [r for r in rows if r["detected"] == r["detected"]]
    found = [r for r in seen if r["found"] < r["onset"] - 3]
    early = [r for r in found if r["said"] < r["onset"]]
    said = [r for r in found if r["said"] == r["said"] and r not in early]
    ratio = np.array([r["said"] / r["detected"] for r in said])
    both = [r for r in said if r["stop"] == r["stop"] and r["half"] == r["half"]]
    stop = np.array([r["stop"] / max(r["detected"], r["half"]) for r in both])
    cover = sum(r["low"] <= r["onset"] <= r["high"] for r in said)
    print(
        f"{len(rows)} fades; off-line detects {len(seen)}, spots found before in {len(found)}; "
        f"word before the onset {len(early)}, a word in {len(said)}, stop in {len(both)}"
    )
    for name, r in (("word / detected", ratio), ("stop / half gone or detected", stop)):
        print(f"{name}: median {np.median(r):.2f}, 90 % {np.quantile(r, 0.9):.2f}, "
              f"within 1.3 {np.mean(r <= 1.3):.0%}, worst {r.max():.2f}")  # fmt: skip
    print(
        f"interval of the test covers {cover} of {len(said)} "
        f"(p {stats.binomtest(cover, len(said), 0.95, 'less').pvalue:.2g})"
    )


CASES = (
    "survivor", "lif-room-temperature", "recovering-dip", "flicker", "recovering-tilt", "swelling",
    "thickening", "focus-drift", "lasting-tilt", "fading-no-plateau",
)  # fmt: skip


def one_movie(job: tuple[int, str, int]) -> dict[str, object]:
    """What the watch says of a simulated movie, and what the analysis does."""
    seed, case, size = job
    with TemporaryDirectory() as folder:
        path = Path(folder) / "movie.mrc"
        write_movie(simulate(case, frames=80, frame_dose=8.0, size=size, seed=seed), path)
        file, live = Growing.of(path, {}), Live(bw.Settings(), 0.5)
        said: dict[str, object] = {"case": case, "seed": seed}
        began = time.process_time()
        for _ in range(file.frames.shape[0]):
            live.take(file)
            alarm = live.alarm
            if alarm is not None and alarm.status not in said:
                said[alarm.status] = round(live.dose or 0.0)
        said["ms"] = round(1e3 * (time.process_time() - began) / live.frames)
        said["last"] = None if alarm is None else alarm.status
        row = bw.analyze(bw.open_movie(path), bw.Settings(criteria=("fading",))).onsets.iloc[0]
        said["off-line"], said["detected"] = row["status"], row["detected_dose_e_per_A2"]
    return said


def report_movies(rows: Iterable[dict[str, object]]) -> None:
    """A line a movie, and the ratios of doses."""
    ratios = []
    for row in rows:
        words = [float(row[word]) for word in ("partial", "stop") if word in row]  # type: ignore[arg-type]
        detected = float(row["detected"])  # type: ignore[arg-type]
        if words and detected == detected:
            ratios.append(min(words) / detected)
        print(row, flush=True)
    if ratios:
        print(f"movies: word / detected {np.round(sorted(ratios), 2)}")


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--steady", type=int, default=500)
    words.add_argument("--fades", type=int, default=300)
    words.add_argument("--movies", type=int, default=4)
    words.add_argument("--size", type=int, default=384)
    words.add_argument("--jobs", type=int, default=1)
    args = words.parse_args()
    with ProcessPoolExecutor(args.jobs) as pool:  # which ends if one of them is killed
        run: Callable[..., Iterable[dict[str, float]]] = partial(pool.map, one, chunksize=8)
        for kind in KINDS:
            if args.steady:
                report_steady(kind, list(run([(args.seed, kind, i) for i in range(args.steady)])))
        if args.fades:
            report_fades(list(run([(args.seed, "fade", i) for i in range(args.fades)])))
    seeds = range(args.seed, args.seed + args.movies)
    report_movies(one_movie((i, case, args.size)) for i in seeds for case in CASES)


if __name__ == "__main__":
    main()
