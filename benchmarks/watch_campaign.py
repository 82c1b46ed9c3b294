"""The sequential test of a watch on simulated traces: false alarms, and how late it is.

    python benchmarks/watch_campaign.py [--seed 0] [--steady 500] [--others 120] [--fades 300]
                                        [--jobs 2]

Phasors of spots in windows are drawn a frame at a time, and looked at, chosen and followed as a
watch does. Beside it stands the off-line test, `first_detected`, which is shown all of every spot
and frame, and knows of dips when they are over.
Movies are in `watch_movies.py`.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from onset_campaign import DRAWN, excursion
from scipy import stats

from napari_beamwatch.damage.budget import rate
from napari_beamwatch.damage.course.alarm import Alarms, Frame
from napari_beamwatch.damage.course.detection import dispersion_of, first_detected
from napari_beamwatch.damage.course.dips import find_dips
from napari_beamwatch.damage.course.models import remaining
from napari_beamwatch.damage.scopes import Scope, SpotTrace, samples_of
from napari_beamwatch.watching.lattice import LOOKS, unchosen
from napari_beamwatch.watching.live import MOST_FOLLOWED, WORTH

BINS = 128**2 / 2
ALPHA = FALSE_ALARM = 0.01
WORDS = ("found", "falling", "lasting", "withdrawn")


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
    amplitude = np.sqrt(np.maximum(drawn.signal, 0))[..., None]
    shape = (*drawn.signal.shape, drawn.windows)
    phasors = amplitude + rng.standard_normal((*shape, 2)) @ [1, 1j] / np.sqrt(2)
    power = np.abs(phasors) ** 2 - 1
    frames = shape[1]
    said = dict.fromkeys((*WORDS, "low", "high"), np.nan)
    limit = np.log(BINS * drawn.windows * len(LOOKS) / ALPHA)
    alarms, known, followed = None, 0.0, 0
    found, level = np.zeros(shape[::2], bool), np.empty(0)
    for t in range(frames):
        if alarms is not None:
            alarms.add([pooled(power[:, t][found], level)], t, t + 1)
        if t + 1 in LOOKS and followed < MOST_FOLLOWED:
            summed = np.abs(phasors[:, : t + 1].sum(axis=1)) ** 2 / (t + 1) - 1
            seen = np.array(summed + 1 > limit)
            snr = unchosen(summed[seen], limit)
            seen[seen] = snr > 0
            due, each = snr[snr > 0] / summed[seen], snr[snr > 0] / (t + 1)
            information = (each**2 / (2 * each + 1)).sum()
            if information > WORTH * known:
                known, found, level, followed = information, seen, each, followed + 1
                alarms = Alarms(rate(FALSE_ALARM, "lattice"), [("all", 1 / 3 / MOST_FOLLOWED)])
                for u in range(t + 1):
                    alarms.add([pooled(due * power[:, u][found], level)], u, u + 1)
                if np.isnan(said["found"]):
                    said["found"] = t + 1
        if alarms is None:
            continue
        now = alarms.now
        if now.status == "lasting" and np.isnan(said["lasting"]):
            said["low"], said["high"] = now.since.low, now.since.high
        if now.status != "holding" and np.isnan(said[now.status]):
            said[now.status] = t + 1
        if now.status == "holding" and said["lasting"] == said["lasting"]:
            said["withdrawn"] = t + 1
    ends = np.arange(1.0, frames + 1)
    traces = tuple(
        SpotTrace(i, 0, 0.05, 0.01 * i, each.mean(axis=-1), drawn.windows)
        for i, each in enumerate(power)
    )
    samples = samples_of(Scope("all", traces, ends - 1, ends, np.ones(frames, bool)))
    wide = dispersion_of(samples)
    samples = samples.without(find_dips(samples, wide).masked)
    said["detected"] = first_detected(samples, rate(FALSE_ALARM, "lattice"), wide)
    said["onset"] = drawn.onset
    return said


def pooled(power: np.ndarray, level: np.ndarray) -> Frame:
    """One number for all that is followed, as `Followed.pooled` has it."""
    weight = level / (2 * level + 1)
    scale = weight @ level
    signal, noise = (weight**2) @ (2 * level), (weight**2).sum()
    return Frame(float(weight @ power / scale), signal / scale**2, noise / scale**2)


STEADY = ("steady", "flicker 3 %")
KINDS = (*STEADY, "dips", "wobble", "settling", "layer 20", "layer 40", "long dips")


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
    early = [r for r in found if r["lasting"] < r["onset"]]
    said = [r for r in found if r["lasting"] == r["lasting"] and r not in early]
    ratio = np.array([r["lasting"] / r["detected"] for r in said])
    cover = sum(r["low"] <= r["onset"] <= r["high"] for r in said)
    print(
        f"{len(rows)} fades; off-line detects {len(seen)}, spots found before in {len(found)}; "
        f"lasting before the onset {len(early)}, after it {len(said)}\n"
        f"lasting / detected: median {np.median(ratio):.2f}, 90 % {np.quantile(ratio, 0.9):.2f}, "
        f"within 1.3 {np.mean(ratio <= 1.3):.0%}, worst {ratio.max():.2f}\n"
        f"interval of the test covers {cover} of {len(said)} "
        f"(p {stats.binomtest(cover, len(said), 0.95, 'less').pvalue:.2g})"
    )


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--steady", type=int, default=500)
    words.add_argument("--others", type=int, default=120, help="records of each other kind")
    words.add_argument("--fades", type=int, default=300)
    words.add_argument("--jobs", type=int, default=1)
    args = words.parse_args()
    with ProcessPoolExecutor(args.jobs) as pool:  # which ends if one of them is killed
        run: Callable[..., Iterable[dict[str, float]]] = partial(pool.map, one, chunksize=8)
        for kind in KINDS:
            many = args.steady if kind in STEADY else args.others
            if many:
                jobs = [(args.seed, kind, i) for i in range(many)]
                report_steady(kind, list(run(jobs)))
        if args.fades:
            report_fades(list(run([(args.seed, "fade", i) for i in range(args.fades)])))


if __name__ == "__main__":
    main()
