"""How much the answers on mosaics hang on the constants of the judging.

    python benchmarks/sensitivity.py --out sensitivity.jsonl [--kinds few-grains,mosaic]
                                     [--seeds 0:8] [--size 768]

Each movie of the mosaic campaign is transformed once and judged many times: with the constants as
they stand, and with draws in each of which every one of them is, by the toss of a coin of its own,
30 % lower or 30 % higher. So each constant is low in half of the draws and high in the others, and
what it does shows beside all that the others do (a random balance design [1]_). One JSON line a
movie; at the end the draws together, and the constants that make the largest difference.

References
----------
.. [1] F. E. Satterthwaite, Technometrics 1 (1959) 111.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
from mosaic_campaign import KINDS, first_onset, local_truth, movie_of, shares_of
from pieces import LITHIUM, Job, Line, campaign

import napari_beamwatch as bw
from napari_beamwatch.analysis import road

STEP = 0.3
"""Part of itself by which a constant is lowered or raised."""

DRAWS = 24

LARGEST = 8
"""Constants that are named."""

Bools = npt.NDArray[np.bool_]

CONSTANTS = {
    "parts": ("FIFTH", "HALF", "HARDLY", "LITTLE", "MOST", "SEVERAL", "THIRD"),
    "course.averaging": ("BLOCKS",),
    "course.families": ("AT_ONCE", "LEAST_BETA", "NO_PLATEAU", "STRETCHED"),
    "course.detection": ("PLACES",),
    "course.alarm": ("BEYOND_DIPS",),
    "course.estimate": ("CLEAR", "SURE", "SWING_IN"),
    "field.cells": ("UNLIKE_SPOTS",),
    "field.first": ("APART", "COMMON"),
    "field.partition": ("CONTOUR", "SEPARATE"),
    "field.rocking": ("GRAINS",),
    "likeness": ("SAME_DIRECTION", "SAME_G"),
    "verdict.dimming": ("SIGNAL_MARGIN",),
    "verdict.focus": ("BY_CHANCE", "FOCUS_MARGIN"),
    "verdict.others": ("CRYSTALS",),
    "verdict.rivals": ("BROADER", "CONVINCING", "CONVINCING_DEEP"),
    "verdict.together": ("DAMAGE_SPREAD", "TILT_SPREAD"),
}  # fmt: skip
"""Those that decide. Left out: numbers of nodes, draws and rounds, levels of intervals, the part
that speaks for a field, which says what is asked, and what compiled kernels hold."""

NAMES = [f"{room}.{name}" for room, names in CONSTANTS.items() for name in names]


def varied(value: float, factor: float) -> float:
    """A constant times a factor; of a part near 1 what it is away from that."""
    if 0.5 < value < 2 and not isinstance(value, int):
        return 1 + (value - 1) * factor
    return round(value * factor) if isinstance(value, int) else value * factor


def holders(room: str, name: str) -> list[ModuleType]:
    """The module that a constant stands in, and those that import it from there."""
    home = f"napari_beamwatch.damage.{room}"
    loaded = [module for at, module in sys.modules.items() if at.startswith("napari_beamwatch.")]
    return [
        module
        for module in loaded
        if module.__name__ == home or (home, name) in imported(Path(str(module.__file__)))
    ]


@cache
def imported(source: Path) -> set[tuple[str, str]]:
    """What a file imports by name, and where from."""
    return {
        (str(node.module), each.name)
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.ImportFrom)
        for each in node.names
    }


@contextmanager
def with_constants(high: Iterable[bool]) -> Iterator[None]:
    """All constants low or high, wherever they are looked up."""
    before: list[tuple[ModuleType, str, float]] = []
    for full, up in zip(NAMES, high, strict=True):
        room, name = full.rsplit(".", 1)
        for module in holders(room, name):
            before.append((module, name, getattr(module, name)))
            setattr(module, name, varied(before[-1][2], 1 + STEP if up else 1 - STEP))
    try:
        yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)


def draw(number: int) -> Bools:
    """Which constants are high in a draw; none where they stand as they are."""
    half = np.random.default_rng(number // 2).permutation(len(NAMES)) % 2 == 0
    # Draws come in mirrored pairs, so that each constant is high as often as it is low.
    return half if number % 2 else ~half


def run(job: Job) -> Line:
    """Transform one movie once and judge it with every draw."""
    kind, seed, size = job
    movie = movie_of(kind, seed, size)
    true, _ = first_onset(local_truth(movie), shares_of(movie))
    asked: list[tuple[Any, ...]] = []
    judged = road._judged

    def kept(*args: Any) -> Any:
        asked.append(args)
        return judged(*args)

    with patch.object(road, "_judged", kept):
        bw.analyze(movie, bw.Settings(phases=LITHIUM))
    frame = float(np.median(movie.frame_dose))
    said = [_said(judged, asked[0], true, frame)]
    for number in range(DRAWS):
        with with_constants(draw(number)):
            said.append(_said(judged, asked[0], true, frame))
    return {"kind": kind, "seed": seed, "size": size, "said": said}


def _said(judged: Any, asked: tuple[Any, ...], true: float | None, frame: float) -> Line:
    """Whether the field is right, and by how many frames it is off."""
    verdicts, _ = judged(*asked)
    told = verdicts[0].verdict
    if true is None:
        return {"right": not told.changed, "error": None}
    if not told.changed:
        return {"right": False, "error": None}
    held = told.onset.low <= true <= told.onset.high
    return {"right": bool(held), "error": (told.onset.value - true) / frame}


def table(lines: Iterable[Line]) -> str:
    """The draws together, and the constants that make the largest difference."""
    every = list(lines)
    right = np.array([[said["right"] for said in line["said"]] for line in every], float)
    error = np.array(
        [[np.nan if s["error"] is None else s["error"] for s in line["said"]] for line in every]
    )
    rms, of_draws = np.sqrt(np.nanmean(error**2, axis=0)), right[:, 1:].sum(axis=0)
    said = [
        f"{len(every)} movies; as they stand {right[:, 0].sum():.0f} right, RMS {rms[0]:.2f}",
        f"{DRAWS} draws: {of_draws.min():.0f} to {of_draws.max():.0f} right, on average "
        f"{of_draws.mean():.1f}; RMS {rms[1:].min():.2f} to {rms[1:].max():.2f}, median "
        f"{np.median(rms[1:]):.2f}",
        f"{'constant':34s}{'right low':>10s}{'high':>7s}{'  ±':>6s}",
    ]
    high = np.array([draw(number) for number in range(DRAWS)])
    effect = [of_draws[up].mean() - of_draws[~up].mean() for up in high.T]
    error_of = 2 * of_draws.std() / np.sqrt(DRAWS)
    for i in np.argsort(-np.abs(effect))[:LARGEST]:
        up = high[:, i]
        low_high = of_draws[~up].mean(), of_draws[up].mean()
        said.append(f"{NAMES[i]:34s}{low_high[0]:10.1f}{low_high[1]:7.1f}{error_of:6.1f}")
    return "\n".join(said)


if __name__ == "__main__":
    campaign(__doc__.splitlines()[0], "kind", KINDS, 768, run, table)
