"""Fields of nanocrystals that mostly show one fringe set each, as those of an SEI do.

    python benchmarks/nanocrystals.py --out nanocrystals.jsonl [--kinds spread,focus]
                                      [--seeds 0:10] [--size 1024] [--jobs 1]

Some thirty crystals of 2 to 5 nm (LiF, Li2O, Li2CO3) at any angle on an amorphous film, by plain
NumPy that shares nothing with the package's simulator. Each fringe set is that of two beams with a
phase of its own, for crystals lie at heights of their own: a focus that moves takes some, leaves
some and brightens some. An onset is wrong where nothing but the focus changed. The true first onset
is the dose by which 5 % of the crystals' area had gone, the true median that by which half of all
of it had. One JSON line a movie is appended; what the file holds already is not run again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pieces import Job, Line, campaign, log_uniform

import napari_beamwatch as bw

Floats = np.ndarray
Rng = np.random.Generator

PIXEL, FRAMES, FRAME_DOSE, CRYSTALS = 0.25, 80, 10.0, 36
RADII = 45.0, 95.0
"""Pixels."""

SPACINGS = {
    "LiF": ((2.325, 0.10), (2.013, 0.08)),
    "Li2O": ((2.667, 0.10), (1.633, 0.06)),
    "Li2CO3": ((4.16, 0.09), (2.81, 0.09), (2.92, 0.07)),
}
"""Å, and amplitudes over the mean signal."""

TWO_SEEN = 0.25
"""Part of the crystals that show a second fringe set, too."""

PER_NM = 2 * np.pi * 0.02508 * 10
"""Phase of two beams over k² and nm of focus, at 200 kV; k in 1/Å."""

SPEAKS = 0.05


@dataclass(frozen=True)
class Fringes:
    """One fringe set in its piece of the field, and how its two beams interfere."""

    wave: Floats
    k2: float
    balance: float
    phase: float

    def amplitude(self, focus_nm: float) -> float:
        """Over that at first."""
        power = [
            1 + self.balance * np.cos(self.phase + PER_NM * self.k2 * nm) for nm in (focus_nm, 0.0)
        ]
        return float(np.sqrt(max(power[0], 0.0) / power[1]))


@dataclass(frozen=True)
class Crystal:
    """Where it is, its fringes, and when it goes."""

    rows: slice
    columns: slice
    fringes: tuple[Fringes, ...]
    area: float
    onset: float
    tau: float

    def left(self, frame: int) -> float:
        """Amplitude in a frame."""
        doses = (frame + np.array([1, 3, 5]) / 6) * FRAME_DOSE
        return float(np.exp(-np.maximum(doses - self.onset, 0.0) / (2 * self.tau)).mean())


def onsets(kind: str, rng: Rng) -> tuple[float, float]:
    """Onset and 1/e dose of a crystal."""
    never = np.inf, 1.0
    if kind == "at-once":
        return 400.0, 40.0
    if kind == "spread":
        onset = float(350 * np.exp(0.3 * rng.standard_normal()))
        return onset, 0.1 * onset
    if kind == "half" and rng.random() < 0.5:
        onset = float(300 * np.exp(0.2 * rng.standard_normal()))
        return onset, 0.1 * onset
    return never


KINDS = ("steady", "at-once", "spread", "half", "focus")


def crystals(kind: str, size: int, rng: Rng) -> list[Crystal]:
    """Crystals that do not overlap."""
    y, x = np.mgrid[:size, :size].astype(np.float32)
    found: list[Crystal] = []
    placed: list[tuple[float, float, float]] = []
    for _ in range(4000):
        radius = rng.uniform(*RADII)
        cy, cx = rng.uniform(radius, size - radius, 2)
        near = (np.hypot(cy - a, cx - b) < 0.9 * (radius + c) for a, b, c in placed)
        if len(found) == CRYSTALS * (size / 1024) ** 2 or any(near):
            continue
        placed.append((cy, cx, radius))
        away = np.hypot(y - cy, (x - cx) / rng.uniform(0.8, 1.2))
        mask = 1 / (1 + np.exp(np.clip((away - radius) / 3, -30, 30)))
        ys, xs = np.nonzero(mask > 0.01)
        rows, columns = slice(ys.min(), ys.max() + 1), slice(xs.min(), xs.max() + 1)
        here = rows, columns
        shown = rng.permutation(SPACINGS[str(rng.choice(list(SPACINGS)))])
        fringes = []
        for d, amplitude in shown[: 1 + (rng.random() < TWO_SEEN)]:
            turn, lag = rng.uniform(0, np.pi), rng.uniform(0, 2 * np.pi)
            along = (y[here] * np.sin(turn) + x[here] * np.cos(turn)) * PIXEL / d
            wave = amplitude * mask[here] * np.cos(2 * np.pi * along + lag)
            while True:
                balance, phase = rng.uniform(0.6, 1), rng.uniform(0, 2 * np.pi)
                if 1 + balance * np.cos(phase) > 0.6:  # seen at first
                    break
            fringes.append(Fringes(wave, 1 / d**2, balance, phase))
        found.append(Crystal(rows, columns, tuple(fringes), float(mask.sum()), *onsets(kind, rng)))
    return found


def film(size: int, rng: Rng) -> Floats:
    """Carbon at a focus of 40 nm, over the mean signal."""
    k = np.hypot(*np.meshgrid(*[np.fft.fftfreq(size, PIXEL)] * 2, indexing="ij"))
    transfer = np.abs(np.sin(np.pi * 0.02508 * 400 * k**2 + 0.1)) * np.exp(-((k / 0.33) ** 2))
    drawn = np.fft.ifft2(np.fft.fft2(rng.standard_normal((size, size))) * transfer).real
    return np.asarray(0.06 * drawn / drawn.std())


def movie_of(kind: str, seed: int, size: int) -> tuple[bw.Movie, list[Crystal]]:
    """The movie of a kind and seed, and its crystals."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    made, carbon = crystals(kind, size, rng), film(size, rng)
    nm = log_uniform(rng, 3, 20) * rng.choice((-1, 1)) if kind == "focus" else 0.0
    begin, lasts = rng.uniform(0.1, 0.4), rng.uniform(0.1, 0.4)
    frames = np.empty((FRAMES, size, size), np.uint8)
    for t in range(FRAMES):
        moved = nm * float(np.clip(((t + 0.5) / FRAMES - begin) / lasts, 0, 1))
        picture = 1 + carbon
        for one in made:
            left = one.left(t)
            for fringes in one.fringes:
                shown = left * fringes.amplitude(moved) * fringes.wave
                picture[one.rows, one.columns] += shown
        counts = rng.poisson(np.maximum(picture, 0) * FRAME_DOSE * PIXEL**2)
        frames[t] = np.minimum(counts, 255)
    return bw.Movie.from_array(frames, PIXEL, FRAME_DOSE), made


def gone_by(made: list[Crystal], part: float) -> float | None:
    """Dose by which a part of the area of all crystals had gone."""
    whole, gone = sum(one.area for one in made), 0.0
    for one in sorted(made, key=lambda one: one.onset):
        gone += one.area
        if np.isfinite(one.onset) and gone >= part * whole:
            return one.onset
    return None


def run(job: Job) -> Line:
    """Analyze one movie and compare."""
    kind, seed, size = job
    began = time.perf_counter()
    movie, made = movie_of(kind, seed, size)
    result = bw.analyze(movie, bw.Settings(phases=("LiF", "Li2O", "Li2CO3", "Li")))
    row, first, middle = result.onsets.iloc[0], gone_by(made, SPEAKS), gone_by(made, 0.5)
    called = row.status in ("onset", "damaged_at_start")
    found: dict[str, Any] = {
        "kind": kind, "seed": seed, "size": size, "status": row.status, "reason": row.reason,
        "false_onset": called and first is None, "called": called,
        "places": result.places.status.value_counts().to_dict(), "true_onset": first,
        "changed": float(row.changed_area_percent) / 100,
        "true_changed": sum(one.area for one in made if np.isfinite(one.onset))
        / sum(one.area for one in made),
    }  # fmt: skip
    for name, true, told in (("onset", first, "onset_dose"), ("median", middle, "median_onset")):
        ends = name if name == "onset" else told
        value, low, high = (
            float(row[f"{key}_e_per_A2"]) for key in (told, f"{ends}_low", f"{ends}_high")
        )
        if called and true is not None and np.isfinite(value):
            found[f"{name}_error_frames"] = (value - true) / FRAME_DOSE
            # An end that the record does not reach is none.
            found[f"{name}_covered"] = bool(low <= true and not true > high)
    return found | {"seconds": time.perf_counter() - began}


def table(lines: Iterable[Line]) -> str:
    """Counts of each kind."""
    every = pd.DataFrame(list(lines))
    said = [
        f"{'kind':10s}{'movies':>7s}{'called':>8s}{'false':>7s}{'first held':>12s}{'RMS':>7s}"
        f"{'median held':>13s}{'RMS':>7s}{'changed':>9s}{'true':>7s}"
    ]
    for kind, mine in every.groupby("kind", sort=False):
        held, errors = [], []
        for name in ("onset", "median"):
            covered = mine[f"{name}_covered"].dropna() if f"{name}_covered" in mine else []
            error = mine[f"{name}_error_frames"].dropna() if len(covered) else pd.Series([np.nan])
            held.append(f"{sum(covered)}/{len(covered)}" if len(covered) else "")
            errors.append(f"{np.sqrt((error**2).mean()):.2f}" if len(covered) else "")
        said.append(
            f"{kind:10s}{len(mine):7d}{int(mine.called.sum()):8d}{int(mine.false_onset.sum()):7d}"
            f"{held[0]:>12s}{errors[0]:>7s}{held[1]:>13s}{errors[1]:>7s}"
            f"{mine.changed.mean():9.2f}{mine.true_changed.mean():7.2f}"
        )
    return "\n".join(said)


if __name__ == "__main__":
    campaign((__doc__ or "").splitlines()[0], "kind", KINDS, 1024, run, table)
