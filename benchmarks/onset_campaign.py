"""Simulated traces with known onsets, straight from the noise law, and how well they are judged.

    python benchmarks/onset_campaign.py [--fades 300] [--stable 1000] [--seed 0]

Spots of LiF-like crystals, one to sixty windows, 60 to 200 frames. Prints counts and ratios; no
frame is made, so it takes minutes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_beamwatch.damage.models import remaining
from napari_beamwatch.damage.scopes import Scope, SpotTrace

# g-vectors (cycles/px) of LiF [110] and [100] at 0.125 Å a pixel.
G_110 = 0.125 * np.array(
    [[0.400, 0.158], [0.283, -0.325], [-0.117, 0.483], [0.683, 0.166]]
)  # fmt: skip
G_100 = 0.125 * np.array([[0.458, 0.192], [-0.192, 0.458], [0.267, 0.650], [0.650, -0.267]])


def noisy(
    s: np.ndarray, windows: int, rng: np.random.Generator, overlap: bool = False
) -> np.ndarray:
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
    tau = float(np.exp(rng.uniform(np.log(2), np.log(30))))
    beta = float(rng.choice([1.0, 1.0, 0.7, 1.5, 2.0, 3.0]))
    with_plateau = rng.random() < 0.85 if plateau is None else plateau
    onset = float(rng.uniform(0.1, 0.75) * frames) if with_plateau else 0.0
    strength = np.exp(rng.uniform(np.log(2), np.log(60))) / np.sqrt(windows)
    levels = strength * np.exp(rng.normal(0, 0.6, spots))
    residual = levels * (rng.uniform(0, 0.1) if rng.random() < 0.3 else 0.0)
    ends = np.arange(1.0, frames + 1)
    h = remaining(ends - 1, ends, onset, tau, beta)
    s = levels[:, None] * h + residual[:, None] * (1 - h)
    return scope_of(s, g[:spots], windows, rng), Fade(onset, tau, beta, levels, residual)
