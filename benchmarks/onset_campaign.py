"""Simulated traces with known onsets, straight from the noise law, and how well they are judged.

    python benchmarks/onset_campaign.py [--fades 300] [--stable 1000] [--steps 200] [--seed 0]

Spots of LiF-like crystals, one to sixty windows, 60 to 200 frames. Prints counts and ratios; no
frame is made, so it takes minutes.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from onset_oracle import Drawn, informed_onset, oracle_onset
from scipy import stats

from napari_beamwatch.damage.course.examining import examine
from napari_beamwatch.damage.course.models import remaining
from napari_beamwatch.damage.scopes import Scope, SpotTrace, samples_of
from napari_beamwatch.damage.verdict.judging import judge

# g-vectors (cycles/px) of LiF [110] and [100] at 0.125 Å a pixel; any two first have two |g|.
G_110 = 0.125 * np.array(
    [[0.400, 0.158], [0.117, 0.483], [0.283, -0.325], [0.683, -0.167]]
)  # fmt: skip
G_100 = 0.125 * np.array([[0.458, 0.192], [0.267, 0.650], [-0.192, 0.458], [0.650, -0.267]])

DRAWN = Drawn(tau=(2.0, 30.0), beta=(0.7, 2.5), onset=(0.1, 0.75), plateau=0.85, exponential=0.5)


def noisy(s: np.ndarray, windows: int, rng: np.random.Generator) -> np.ndarray:
    """Mean signal-to-noise ratio over windows: phasors of power s in unit Gaussians."""
    shape = (*np.shape(s), windows)
    noise = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / np.sqrt(2)
    return (np.abs(np.sqrt(np.asarray(s))[..., None] + noise) ** 2).mean(axis=-1) - 1


@dataclass(frozen=True)
class Fade:
    """What is true of a fading crystal."""

    onset: float
    tau: float
    beta: float
    plateau: np.ndarray
    residual: np.ndarray


def scope_of(s: np.ndarray, g: np.ndarray, windows: int, rng: np.random.Generator) -> Scope:
    """A scope of spots whose expected signal is s (spots, frames), in frames as doses."""
    frames = s.shape[1]
    traces = tuple(
        SpotTrace(i, 0, float(g[i, 0]), float(g[i, 1]), noisy(s[i], windows, rng), windows)
        for i in range(len(s))
    )
    ends = np.arange(1.0, frames + 1)
    return Scope("crystal", traces, ends - 1, ends, np.ones(frames, bool))


def fading(rng: np.random.Generator, *, plateau: bool | None = None) -> tuple[Scope, Fade]:
    """A crystal that fades: 1/e from 2 to 30 frames, plateau or none, stretched or not."""
    frames = int(rng.choice([60, 120, 200]))
    g = G_110 if rng.random() < 0.5 else G_100
    spots = int(rng.integers(2, 5))
    windows = int(rng.choice([1, 4, 16, 60]))
    tau = float(np.exp(rng.uniform(*np.log(DRAWN.tau))))
    exponential = rng.random() < DRAWN.exponential
    beta = 1.0 if exponential else float(np.exp(rng.uniform(*np.log(DRAWN.beta))))
    with_plateau = rng.random() < DRAWN.plateau if plateau is None else plateau
    onset = float(rng.uniform(*DRAWN.onset) * frames) if with_plateau else 0.0
    strength = np.exp(rng.uniform(np.log(2), np.log(60))) / np.sqrt(windows)
    levels = strength * np.exp(rng.normal(0, 0.6, spots))
    residual = levels * (rng.uniform(0, 0.1) if rng.random() < 0.3 else 0.0)
    ends = np.arange(1.0, frames + 1)
    h = remaining(ends - 1, ends, onset, tau, beta)
    s = levels[:, None] * h + residual[:, None] * (1 - h)
    return scope_of(s, g[:spots], windows, rng), Fade(onset, tau, beta, levels, residual)


# --- No damage ---------------------------------------------------------------------------------

# Focus: 2πλk² per nm at 200 kV, for k in 1/Å.
PER_NM = 2 * np.pi * 0.02508 * 10


def focus_powers(g: np.ndarray, path: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Powers of fringes over a path of the focus in nm; two beams with random phases each."""
    k2 = (np.hypot(g[:, 0], g[:, 1]) / 0.125) ** 2
    while True:
        balance, phase = rng.uniform(0.6, 1, len(g)), rng.uniform(0, 2 * np.pi, len(g))
        power = 1 + balance[:, None] * np.cos(phase[:, None] + PER_NM * k2[:, None] * path)
        # Spots that are there at first, or nobody would follow them.
        if (power[:, 0] > 0.5).sum() >= 2:
            kept = power[:, :1].clip(0.2)
            return power / kept


def tilt_powers(g: np.ndarray, path: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Powers over a path of the tilt in mrad, as in multislice LiF: uneven in direction."""
    angle = rng.uniform(0, np.pi)
    along = (g @ np.array([np.cos(angle), np.sin(angle)])) / 0.125
    amount = (path / 15) ** 2
    across = np.hypot(g[:, 0], g[:, 1]) / 0.125
    return np.exp(-np.outer(2.2 * along**2 + 0.35 * across**2 / across.max() ** 2, amount))


def excursion(frames: int, start: float, end: float, edge: float) -> np.ndarray:
    """0, up to 1 from `start`, back at `end`; frames of edges."""
    t = np.arange(frames)
    up, down = (np.clip((t - x * frames) / max(edge, 1e-9), 0, 1) for x in (start, end))
    return up * (1 - down)


def undamaged(kind: str, rng: np.random.Generator) -> tuple[Scope, np.ndarray | None]:
    """A crystal that holds, in a record that may look otherwise."""
    frames = int(rng.choice([60, 120, 200]))
    g = (G_110 if rng.random() < 0.5 else G_100)[: int(rng.integers(2, 5))]
    windows = int(rng.choice([1, 4, 16, 60]))
    levels = np.exp(rng.uniform(np.log(2), np.log(60))) / np.sqrt(windows)
    levels = levels * np.exp(rng.normal(0, 0.6, len(g)))
    s = np.ones((len(g), frames))
    beam = np.ones(frames)
    start = rng.uniform(0.1, 0.6)
    end = start + rng.uniform(0.05, 0.3)
    if kind == "recovering tilt":
        depth = rng.uniform(0.4, 0.9)
        uneven = tilt_powers(g, excursion(frames, start, end, 0.05 * frames) * 15, rng)
        s = uneven ** (-np.log(1 - depth) / -np.log(uneven.min(axis=1).mean()))
    elif kind == "recovering focus":
        path = rng.choice([-1, 1]) * rng.uniform(3, 8)
        s = focus_powers(g, path * excursion(frames, start, end, 0.05 * frames), rng)
    elif kind == "serial dips":
        for _ in range(3):
            a = rng.uniform(0.05, 0.75)
            dip = excursion(frames, a, a + rng.uniform(0.03, 0.12), 2)
            s = s * (1 - rng.uniform(0.4, 0.9) * dip)
    elif kind == "flux":
        t = np.arange(frames) / frames
        beam = 1 - 0.4 * np.clip((t - 0.3) / 0.3, 0, 1)
        beam = beam * (1 + 0.1 * np.sin(2 * np.pi * 12 * t))
    elif kind == "settling":
        s = s * (1 - 0.6 * np.exp(-np.arange(frames) / 6))
    elif kind == "noise":
        levels = levels * 0 + 0.02
    elif kind == "lasting focus":
        path = rng.choice([-1, 1]) * rng.uniform(3, 8)
        s = focus_powers(g, path * np.clip(np.linspace(-0.3, 1.1, frames), 0, 1), rng)
    elif kind == "lasting tilt":
        edge = rng.uniform(0.05, 0.4) * frames
        s = tilt_powers(g, rng.uniform(8, 25) * excursion(frames, start, 2, edge), rng)
    signal = levels[:, None] * s * beam
    if kind == "re-orienting":
        h = remaining(np.arange(frames), np.arange(1.0, frames + 1), start * frames, 5.0, 1.0)
        turn = np.radians(rng.uniform(8, 25))
        matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        signal = np.concatenate([levels[:, None] * h, levels[:, None] * (1 - np.sqrt(h)) ** 2])
        g = np.concatenate([g, g @ matrix.T])
    scope = scope_of(signal, g, windows, rng)
    if kind == "drift":
        # The crystal leaves its windows: fewer and fewer are measured, then none.
        left = int(rng.uniform(0.4, 0.9) * frames)
        traces = tuple(
            replace(t, snr=np.where(np.arange(frames) < left, t.snr, np.nan)) for t in scope.traces
        )
        scope = replace(scope, traces=traces)
    counts = 20 * beam * (1 + 0.003 * rng.standard_normal(frames))
    return scope, counts


HOLDING = (
    "stable", "recovering tilt", "recovering focus", "serial dips", "flux", "settling", "noise",
    "drift",
)  # fmt: skip
LASTING = ("lasting focus", "lasting tilt", "re-orienting")


def report_undamaged(kinds: tuple[str, ...], each: int, seed: int) -> None:
    """Statuses of movies that hold no damage."""
    onsets = 0
    for number, kind in enumerate(kinds):
        told: Counter[str] = Counter()
        for i in range(each):
            scope, counts = undamaged(kind, np.random.default_rng([seed, number, i]))
            told[judge(examine(scope, counts)).status] += 1
        onsets += told["onset"] + told["damaged_at_start"]
        print(f"{kind:18s} {dict(told)}", flush=True)
    print(f"false onsets: {onsets} of {each * len(kinds)}")


# --- Losses in steps ---------------------------------------------------------------------------


def stepped(first: str, rng: np.random.Generator) -> tuple[Scope, float]:
    """A crystal that loses a part, waits and goes, and when damage began.

    What went first was damage, or a tilt or focus took it.
    """
    frames = 120
    g = (G_110 if rng.random() < 0.5 else G_100)[: int(rng.integers(2, 5))]
    windows = int(rng.choice([4, 16, 60]))
    levels = np.exp(rng.uniform(np.log(6), np.log(60))) / np.sqrt(windows)
    levels = levels * np.exp(rng.normal(0, 0.6, len(g)))
    begin = float(rng.uniform(0.15, 0.4) * frames)
    later, part = begin + rng.uniform(12, 35), rng.uniform(0.2, 0.55)
    ends = np.arange(1.0, frames + 1)
    gone, rest = (1 - remaining(ends - 1, ends, onset, float(rng.uniform(2, 8)), 1.0)
                  for onset in (begin, later))  # fmt: skip
    if first == "damage":
        s = np.tile(1 - part * gone, (len(g), 1))
    elif first == "tilt":
        uneven = tilt_powers(g, 15 * np.sqrt(gone), rng)
        s = uneven ** (np.log(1 - part) / np.log(uneven[:, -1].mean()))
    else:
        s = focus_powers(g, rng.choice([-1, 1]) * rng.uniform(2, 5) * gone, rng)
    scope = scope_of(levels[:, None] * s * (1 - rest), g, windows, rng)
    return scope, begin if first == "damage" else later


def report_steps(count: int, seed: int) -> None:
    """How many intervals hold the onset of losses in steps."""
    for number, first in enumerate(("damage", "tilt", "focus")):
        told, rows = Counter[str](), []
        for i in range(count):
            scope, onset = stepped(first, np.random.default_rng([seed, 77, number, i]))
            verdict = judge(examine(scope, None))
            told[verdict.status] += 1
            if verdict.changed:
                o = verdict.onset
                rows.append((o.value - onset, onset - o.low, o.high - onset))
        away, below, above = np.array(rows).T
        held = int(((below >= 0) & (above >= 0)).sum())
        print(
            f"{first} first: {dict(told)}; {held} of {len(rows)} hold, {int((above < 0).sum())} "
            f"early, {int((below < 0).sum())} late; RMS {np.sqrt(np.mean(away**2)):.1f} frames, "
            f"width {np.median(below + above):.1f}",
            flush=True,
        )


LEFT_AT_END = 0.2
"""Part of the lattice above which a loss is partial still when the record ends."""


def report_fades(count: int, seed: int) -> None:
    """Errors, intervals and calls of fading crystals beside those of the oracles."""
    rows, told, reasons = [], Counter[str](), Counter[str]()
    seen = missed = partial = 0
    for i in range(count):
        scope, truth = fading(np.random.default_rng([seed, 99, i]))
        samples = samples_of(scope)
        oracle = oracle_onset(samples, truth.tau, truth.beta, truth.plateau, truth.residual)
        informed = informed_onset(samples, DRAWN, truth.plateau, truth.residual)
        began = time.perf_counter()
        verdict = judge(examine(scope, None))
        took = time.perf_counter() - began
        told[verdict.status] += 1
        called = verdict.status in ("onset", "damaged_at_start")
        if oracle[2] - oracle[1] < 10:
            seen += 1
            if not called:
                missed += 1
                end = float(samples.end[-1])
                left = remaining(samples.start, samples.end, truth.onset, truth.tau, truth.beta)
                kept = float(truth.residual.sum() / truth.plateau.sum())
                partial += kept + (1 - kept) * left[samples.end == end][0] > LEFT_AT_END
                reasons[verdict.reason.lstrip("0123456789 %")[:48]] += 1
        if called:
            o = verdict.onset
            rows.append((truth.onset, truth.beta, *oracle, *informed, o.value, o.low, o.high, took))
    table = np.array(rows)
    print(f"{count} fades: {dict(told)}; not called where the oracle's interval is < 10 frames: "
          f"{missed} of {seen} {dict(reasons)}; of them with more than {LEFT_AT_END:.0%} left at "
          f"the end: {partial}")  # fmt: skip
    beta = table[:, 1]
    for name, part in (
        ("all called", table),
        ("plateau", table[table[:, 0] > 0]),
        ("none", table[table[:, 0] == 0]),
        ("exponential", table[beta == 1]),
        ("stretched", table[beta != 1]),
        ("beta < 1", table[beta < 1]),
        ("beta 1-1.6", table[(beta > 1) & (beta < 1.6)]),
        ("beta > 1.6", table[beta >= 1.6]),
    ):
        report_class(name, part)


def report_class(name: str, part: np.ndarray) -> None:
    """One line on records of a kind: RMS and median error, width and cover, of each who looked."""
    onset = part[:, 0]
    print(f"{name}: {len(part)}, {1e3 * np.median(part[:, -1]):.0f} ms")
    by_oracle = part[:, 2:5]
    for who, (value, low, high) in (
        ("oracle", by_oracle.T), ("informed", part[:, 5:8].T), ("judge", part[:, 8:11].T),
    ):  # fmt: skip
        rms = float(np.sqrt(np.mean((value - onset) ** 2)))
        least = float(np.sqrt(np.mean((by_oracle[:, 0] - onset) ** 2)))
        width, narrowest = (
            float(np.median(high - low)),
            float(np.median(np.ptp(by_oracle[:, 1:], 1))),
        )
        covered = int(((low <= onset + 1e-9) & (high >= onset)).sum())
        p = stats.binomtest(covered, len(part), 0.95, "less").pvalue
        print(
            f"    {who:8s} RMS {rms:.2f} = {rms / max(least, 1e-9):.2f} x, median error "
            f"{np.median(np.abs(value - onset)):.2f}, width {width:.2f} = "
            f"{width / max(narrowest, 1e-9):.2f} x, covered {covered} (p {p:.3f})"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fades", type=int, default=300)
    parser.add_argument("--stable", type=int, default=1000)
    parser.add_argument("--lasting", type=int, default=201)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    report_undamaged(HOLDING, args.stable // len(HOLDING), args.seed)
    report_undamaged(LASTING, args.lasting // len(LASTING), args.seed + 1)
    if args.steps:
        report_steps(args.steps, args.seed)
    if args.fades:
        report_fades(args.fades, args.seed)


if __name__ == "__main__":
    main()
