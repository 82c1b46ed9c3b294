"""Campaigns of known truth: do the intervals hold it, and is no difference called one too often?

    python benchmarks/summary_campaign.py [--seed 1234] [--campaigns 200] [--only traps,plans]

Tables of places are drawn (`simulated_runs`), no movies. First what the statistics were made for,
then what could fool them; the slope of the dose rate; plans made on one half of a campaign and
tried on the other; and the signal that a plan promises. docs/campaign.md has the numbers.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.stats import binom, kstest
from simulated_runs import Truth, simulated_run

import napari_beamwatch as bw
from napari_beamwatch.campaign.between import group_curve
from napari_beamwatch.campaign.comparison import difference, ratio
from napari_beamwatch.campaign.exposure import fringe_snr, spacing_error
from napari_beamwatch.campaign.measures import told
from napari_beamwatch.campaign.regression import regression
from napari_beamwatch.campaign.runs import Run
from napari_beamwatch.campaign.safe_dose import from_places

PLAIN = Truth()

COLD = 25.0
"""How many times longer places last in the second group."""

GIANT = replace(PLAIN, crystals=(60, 61), places=(7, 8))
"""A movie with nine tenths of all places of a campaign of eight."""

TRAP_PART = 4
"""A trap is tried on that part of the campaigns: it is the gross failures that it is to show."""

TRAPS: dict[str, tuple[int, Truth, Truth]] = {
    "as planned: 8 + 8 movies": (8, PLAIN, PLAIN),
    "intervals that end just above the onset": (8, replace(PLAIN, followed=True), PLAIN),
    "2 + 2 movies": (2, PLAIN, PLAIN),
    "3 + 3 movies": (3, PLAIN, PLAIN),
    "4 + 4 movies": (4, PLAIN, PLAIN),
    "16 + 16 movies": (16, PLAIN, PLAIN),
    "one movie with 90 % of all places": (8, PLAIN, GIANT),
    "one place a movie": (8, replace(PLAIN, crystals=(1, 2), places=(1, 2)), PLAIN),
    "areas over four decades": (8, replace(PLAIN, area_sd=2.0), PLAIN),
    "doses told to frames of half the median": (8, replace(PLAIN, frame=6.0), PLAIN),
    "a third changed before anything was seen": (8, replace(PLAIN, first=9.5), PLAIN),
    "records that end at the median": (8, replace(PLAIN, ends=(10.0, 18.0)), PLAIN),
    "records stopped when damage is seen": (8, replace(PLAIN, stop_after=1.5), PLAIN),
    "movies that last longer have more crystals": (8, replace(PLAIN, crowded=2.0), PLAIN),
    "movies with outliers": (8, replace(PLAIN, heavy=True), PLAIN),
    "movies of two kinds, 3 times apart": (8, replace(PLAIN, apart=3.0), PLAIN),
    "a fifth of the changes ambiguous": (8, replace(PLAIN, unclear=0.2), PLAIN),
    "movies all alike": (8, replace(PLAIN, movie_sd=0.0), PLAIN),
    "movies that differ by a factor of 2": (8, replace(PLAIN, movie_sd=0.7), PLAIN),
}
"""Movies of a group, how they are, and how the first of them is if that is another."""


def movies(
    rng: np.random.Generator,
    truth: Truth,
    count: int,
    tag: str,
    factor: float = 1.0,
    first: Truth = PLAIN,
) -> list[Run]:
    """A group of movies, the first as `first` if that is not plain."""
    ways = [first if i == 0 and first is not PLAIN else truth for i in range(count)]
    return [simulated_run(rng, way, f"{tag}{i}", factor) for i, way in enumerate(ways)]


def rows_of(runs: list[Run]) -> pd.DataFrame:
    parts = [told(run, "onset") for run in runs]
    return pd.concat([part for part in parts if len(part)], ignore_index=True)


def traps(campaigns: int, seed: int) -> None:
    print("| campaigns | median held | too low, too high | open | tenth held | too low, too high | "
          "ratio held | p < 0.05, 0.2, 0.5 | p uniform |")  # fmt: skip
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    whole = campaigns
    for i, (name, (count, truth, first)) in enumerate(TRAPS.items()):
        campaigns = whole if i == 0 else max(whole // TRAP_PART, 1)
        rng = np.random.default_rng([seed, count])
        held = {part: np.zeros(3, int) for part in ("median", "gone_10")}
        opened = ratios = 0
        p = []
        for _ in range(campaigns):
            warm = rows_of(movies(rng, truth, count, "warm", 1.0, first))
            cold = rows_of(movies(rng, truth, count, "cold", COLD, first))
            again = rows_of(movies(rng, truth, count, "again", 1.0, first))
            curves = group_curve(warm, truth.frame), group_curve(cold, truth.frame * COLD)
            for curve, factor in zip(curves, (1.0, COLD), strict=True):
                for part, left in (("median", 0.5), ("gone_10", 0.9)):
                    one, true = curve.estimates[part], truth.dose_left(left) * factor
                    low = 0.0 if np.isnan(one.low) else one.low  # "< 12" has no lower end
                    held[part] += [low <= true <= one.high, one.high < true, true < low]
                opened += not np.isfinite(curve.estimates["median"].high)
            found = ratio(curves[1], curves[0])
            ratios += bool(np.isnan(found.low) or found.low <= COLD <= found.high)
            p.append(difference(warm, again).p_permutation)
        groups = 2 * campaigns
        less = ", ".join(f"{np.mean(np.array(p) < level):.3f}" for level in (0.05, 0.2, 0.5))
        uniform = kstest(p, "uniform").pvalue
        median, tenth = held["median"], held["gone_10"]
        print(f"| {name} | {percent(median[0], groups)} | {median[1]}, {median[2]} | {opened} | "
              f"{percent(tenth[0], groups)} | {tenth[1]}, {tenth[2]} | "
              f"{percent(ratios, campaigns)} | {less} | {uniform:.2g} |", flush=True)  # fmt: skip


def unlike_records(campaigns: int, seed: int) -> None:
    """No difference but in how long, and how much, was recorded."""
    rng = np.random.default_rng(seed)
    short = replace(PLAIN, ends=(10.0, 18.0))
    many = replace(PLAIN, crystals=(12, 20))
    for name, other, count in (
        ("records that end at the median, in one group", short, 8),
        ("five times the places, in one group", many, 8),
        ("16 movies against 4 with five times the places", many, 16),
    ):
        p = []
        for _ in range(campaigns):
            one = rows_of(movies(rng, PLAIN, count, "one"))
            its = 8 if count == 8 else 4
            p.append(difference(one, rows_of(movies(rng, other, its, "other"))).p_permutation)
        less = ", ".join(f"{np.mean(np.array(p) < level):.3f}" for level in (0.05, 0.2, 0.5))
        print(f"no difference, {name}: p < 0.05, 0.2, 0.5 in {less}", flush=True)


def slopes(campaigns: int, seed: int) -> None:
    """Twelve movies at four dose rates and two temperatures, one voltage."""
    rates = np.tile([2.0, 8.0, 30.0, 100.0], 3)
    for b in (0.0, 0.3, 1.0):
        rng = np.random.default_rng([seed, round(10 * b)])
        held, dose, wide, warm = 0, 0, [], 0
        for _ in range(campaigns):
            order = rng.permutation(12)
            runs = [
                simulated_run(
                    rng, PLAIN, f"m{i}", (rate / 15) ** b * (COLD if i % 2 else 1.0),
                    dose_rate_e_per_A2_s=rate, temperature_C=-170.0 if i % 2 else 20.0,
                    voltage_kV=300.0, compound="LiF",
                )
                for i, rate in enumerate(rates[order])
            ]  # fmt: skip
            found = {one.name: one for one in regression(rows_of(runs), runs)}
            held += found["b"].low <= b <= found["b"].high
            dose += found["b"].words.startswith("the dose decides")
            true = np.log(COLD) / (1 / 103.15 - 1 / 293.15)
            warm += found["d"].low <= true <= found["d"].high
            wide.append(found["b"].high - found["b"].low)
            assert found["c"].words == "not varied"
        print(f"b = {b:g}: held in {percent(held, campaigns)}, d in {percent(warm, campaigns)}, "
              f"median width {np.nanmedian(wide):.2f}, 'the dose decides' said in {dose}",
              flush=True)  # fmt: skip


def plans(campaigns: int, seed: int) -> None:
    """Planned on one half of the movies, applied to the other."""
    for name, truth in (("plain", PLAIN), ("outliers", replace(PLAIN, heavy=True))):
        for count in (4, 8):
            for intact in (0.8, 0.9, 0.95):
                rng = np.random.default_rng([seed, count, round(100 * intact)])
                good, part = 0, []
                for _ in range(campaigns):
                    runs = movies(rng, truth, 2 * count, "m")
                    dose = from_places(rows_of(runs[:count]), intact).dose
                    left = np.mean([_intact(run, dose) for run in runs[count:]])
                    good += left >= intact
                    part.append(dose / truth.dose_left(intact))
                print(f"plan, {name}: {count} movies for {count} others, {100 * intact:.0f} % "
                      f"intact: so in {percent(good, campaigns)}, at {np.median(part):.2f} of the "
                      "dose at which that part is left of all", flush=True)  # fmt: skip


def signals(campaigns: int, seed: int) -> None:
    """The signal and the error of a spacing as planned, and as found in counted fringes."""
    rng, d, pixel = np.random.default_rng(seed), 2.0, 0.25
    for dose, contrast, side in (
        (20, 0.06, 256),
        (60, 0.06, 256),
        (20, 0.12, 128),
        (60, 0.03, 256),
    ):
        found = []
        y, x = np.mgrid[:side, :side] * pixel
        for _ in range(max(campaigns // TRAP_PART, 1)):
            angle, phase = rng.uniform(0, np.pi), rng.uniform(0, 2 * np.pi)
            wave = np.cos(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / d + phase)
            image = rng.poisson(dose * pixel**2 * (1 + contrast * wave)).astype(np.float32)
            spots = bw.find_spots(bw.Movie.from_array(image[None], pixel), bw.Settings(window=side))
            spots = spots[(spots["d_A"] / d - 1).abs() < 0.02].nlargest(1, "snr")
            found += spots[["snr", "d_A"]].astype(float).values.tolist()
        snr, spacing = np.transpose(found)
        planned = fringe_snr(dose, side * pixel / 10, contrast)
        error = spacing_error(planned, d, side * pixel / 10)
        told = f"contrast {contrast:g}, {dose} e/Å², {side * pixel / 10:.1f} nm"
        print(f"fringe, {told}: SNR {planned:.0f} planned, {snr.mean():.0f} found in {len(snr)}; "
              f"spacing to {100 * error:.2f} % planned, {100 * spacing.std() / d:.2f} % found",
              flush=True)  # fmt: skip


def _intact(run: Run, dose: float) -> float:
    area = run.places["area_nm2"].to_numpy(float)
    return float(area[run.places["true_e_per_A2"].to_numpy(float) > dose].sum() / area.sum())


def percent(held: int, of: int) -> str:
    low, high = binom.interval(0.95, of, held / of) if 0 < held < of else (held, held)
    return f"{100 * held / of:.1f} % ({100 * low / of:.0f}–{100 * high / of:.0f})"


PARTS: dict[str, Callable[[int, int], None]] = {
    "traps": traps, "unlike": unlike_records, "slopes": slopes, "plans": plans, "signals": signals,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1234)
    parser.add_argument("--campaigns", type=int, default=200)
    parser.add_argument("--only", default=",".join(PARTS))
    args = parser.parse_args()
    for name in args.only.split(","):
        begun = time.perf_counter()
        PARTS[name](args.campaigns, args.seed)
        print(f"({name}: {time.perf_counter() - begun:.0f} s)\n", flush=True)


if __name__ == "__main__":
    main()
