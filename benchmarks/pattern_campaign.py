"""Simulated diffraction movies down the whole road, and how often the answer is right.

    python benchmarks/pattern_campaign.py --out patterns.jsonl [--kinds comes,fades] [--seeds 0:20]
                                          [--size 256] [--jobs 1]

`comes`, `fades` and `steady` draw rings of Na with 2·10⁴ to 3·10⁵ electrons a pattern for each
e/Å², 1.5 to 8 % of them in the rings of grains of 5 to 15 nm, a centre that drifts by up to 5 px;
`fluoride` and `carbonate` are as `comes`, of LiF and of Li2CO3 that become Li2O; in `textured` and
the like the strength of each ring is off by a factor of 1.5 (one σ); `spots` draws a cubic lattice
without rings, half of the records fading. The rest are the simulator's cases that might fool
somebody. A movie that is in the file already is not run again; at the end a table of all.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from pieces import LITHIUM, Draw, Job, Line, campaign, log_uniform, nothing

import napari_beamwatch as bw
from napari_beamwatch.simulate.cases import View, load_case, simulate
from napari_beamwatch.simulate.movie import SimulatedMovie
from napari_beamwatch.simulate.powders import POWDERS

FRAMES, FRAME_DOSE = 80, 2.0
PHASES = ("Na", "Na2O", "Na2CO3", "NaF", "NaOH")
TEXTURE = np.log(1.5)
"""Standard deviation of the logarithm of the strength of rings."""
LATTICE, CONSTANT = 4.03, 55.0  # Å, Å·px: LiF along [001]


def rings(rng: np.random.Generator) -> dict[str, Any]:
    """Rings of any strength and width."""
    return {
        "share": log_uniform(rng, 0.015, 0.08),
        "grain_nm": rng.uniform(5.0, 15.0),
        "electrons": log_uniform(rng, 2e4, 3e5),
        "drift": rng.uniform(0.0, 5.0),
    }


def change(rng: np.random.Generator) -> dict[str, Any]:
    """A change in the middle of the record, 1/e in 5 to 20 % of it."""
    total = FRAMES * FRAME_DOSE
    return {"onset": total * rng.uniform(0.2, 0.6), "tau": total * log_uniform(rng, 0.05, 0.2)}


def comes(rng: np.random.Generator) -> dict[str, Any]:
    """Na becomes Na2CO3."""
    return rings(rng) | change(rng)


def fades(rng: np.random.Generator) -> dict[str, Any]:
    """Na goes; in half of the records a halo grows."""
    return rings(rng) | change(rng) | {"halo": float(rng.choice([0.0, 0.06]))}


CASES: dict[str, tuple[str, Draw]] = {
    "comes": ("sodium-rings", comes),
    "steady": ("steady-rings", rings),
    "fades": ("fading-rings", fades),
    "fluoride": ("LiF Li2O", comes),
    "carbonate": ("Li2CO3 Li2O", comes),
    "textured": ("Na Na2CO3", comes),
    "textured-fluoride": ("LiF Li2O", comes),
    "textured-carbonate": ("Li2CO3 Li2O", comes),
    "spots": ("", nothing),
    "beam-stop": ("rings-and-beam-stop", change),
    "few-grains": ("rings-of-few-grains", nothing),
    "rising-background": ("dim-rings-in-rising-background", nothing),
    "brightening": ("rings-and-brightening-beam", nothing),
    "saturated": ("rings-and-saturated-beam", nothing),
    "width-apart": ("rings-a-width-apart", change),
    "wander": ("rings-that-wander", nothing),
    "aperture": ("rings-in-an-aperture", change),
    "dip": ("rings-that-dip", nothing),
}


def turning(
    phases: list[str], rng: np.random.Generator, texture: float, seed: int, size: int, drawn: Line
) -> SimulatedMovie:
    """Rings of the first phase become those of the second."""
    view = View(size, size, FRAMES * FRAME_DOSE, seed)
    scene = load_case("sodium-rings").build(view, **drawn)
    powders = [
        replace(
            powder, phase=phase,
            strengths=tuple(np.exp(rng.normal(0, texture, len(POWDERS[phase]))).tolist()),
        )
        for powder, phase in zip(scene.powders, phases, strict=True)
    ]  # fmt: skip
    scene = replace(scene, powders=tuple(powders))
    return simulate(scene, seed=seed, frames=FRAMES, frame_dose=FRAME_DOSE, size=size)


def spots_movie(rng: np.random.Generator) -> tuple[bw.Movie, float | None, float]:
    """Kinematic spots over diffuse scattering, as `tests/test_diffraction_movies.py` draws them."""
    shape, centre = (128, 140), (62.3, 71.4)
    y, x = np.indices(shape).astype(float)
    r = np.hypot(y - centre[0], x - centre[1])
    rest = 3 * np.exp(-r / 45) + 800 * np.exp(-(r**2) / 8)
    strength = log_uniform(rng, 20.0, 300.0)
    spots = np.zeros(shape)
    for h in (-4, -2, 0, 2, 4):
        for k in (-4, -2, 0, 2, 4):
            if (h, k) == (0, 0):
                continue
            ry, rx = CONSTANT / LATTICE * np.array([h * 0.98 + k * 0.199, k * 0.98 - h * 0.199])
            counts = strength * np.exp(-(h * h + k * k - 4) / 12)
            away = (y - centre[0] - ry) ** 2 + (x - centre[1] - rx) ** 2
            spots += counts / (2 * np.pi * 1.3**2) * np.exp(-away / (2 * 1.3**2))
    onset = float(rng.uniform(15, 80)) if rng.uniform() < 0.5 else None
    middle = FRAME_DOSE * (np.arange(60) + 0.5)
    part = np.ones(60)
    if onset is not None:
        part = np.exp(-np.maximum(middle - onset, 0) / log_uniform(rng, 10.0, 40.0))
    elif rng.uniform() < 0.5:
        part[20:30] = 0.4
    frames = np.array([rng.poisson(rest + s * spots) for s in part], np.uint16)
    return bw.Movie.from_array(frames, frame_dose=FRAME_DOSE), onset, CONSTANT


def run(job: Job) -> Line:
    """Analyze one movie and compare."""
    kind, seed, size = job
    case, draw = CASES[kind]
    rng = np.random.default_rng([seed, zlib.crc32(kind.encode())])
    began = time.perf_counter()
    head: Line = {"kind": kind, "seed": seed, "size": size}
    acceptable: tuple[str, ...]
    phases = PHASES
    if case:
        drawn = draw(rng)
        if " " in case:
            texture = TEXTURE if kind.startswith("textured") else 0.0
            movie: bw.Movie = turning(case.split(), rng, texture, seed, size, drawn)
            phases = PHASES if case.startswith("Na") else LITHIUM
        else:
            movie = simulate(
                case, seed=seed, frames=FRAMES, frame_dose=FRAME_DOSE, size=size, **drawn
            )
        truth = movie.truth
        onset, constant = truth.onset_dose_e_per_A2, truth.camera_constant_A_px
        acceptable, criterion = (truth.status, *truth.acceptable), truth.criterion
        head |= drawn
    else:
        movie, onset, constant = spots_movie(rng)
        criterion = None if onset is None else "fading"
        acceptable = ("survived" if onset is None else "onset",)
    try:
        result = bw.analyze(movie, bw.Settings(camera_constant=constant, phases=phases))
    except Exception as error:  # a crash is a finding like another
        return head | {"failed": f"{type(error).__name__}: {error}", "right": False}
    row = result.onsets.iloc[0]
    low, high = row.onset_low_e_per_A2, row.onset_high_e_per_A2
    called = row.status in ("onset", "damaged_at_start")
    said: Line = {
        "status": row.status, "criterion": row.criterion, "interpretation": row.interpretation,
        "reason": row.reason, "onset": row.onset_dose_e_per_A2, "low": low, "high": high,
        "truth": onset, "before": row.phase_before, "after": row.phase_after,
        "rings": result.rings.ring.nunique(), "spots": len(result.spots),
        "right": row.status in acceptable, "false_onset": called and onset is None,
    }  # fmt: skip
    if case:
        said["before_named"] = named(row.phase_before, truth.phase_before)
        if called and truth.phase_after != "none":
            said["after_named"] = named(row.phase_after, truth.phase_after)
    if onset is not None:
        said |= {"called": called, "covered": bool(called and low <= onset <= high)}
        if called:
            said |= {
                "as_it_is": row.criterion == criterion,
                "error_frames": (row.onset_dose_e_per_A2 - onset) / FRAME_DOSE,
                "width_frames": (high - low) / FRAME_DOSE,
            }
    return head | said | {"seconds": time.perf_counter() - began}


def named(found: str | None, true: str) -> bool:
    """Whether a phase is named, or among those that cannot be told apart."""
    return true in (found or "").split("|")


def table(lines: Iterable[Line]) -> str:
    """Counts of each kind."""
    every = pd.DataFrame(list(lines))
    counted = ("right", "called", "covered", "as_it_is", "false_onset",
               "before_named", "after_named")  # fmt: skip
    said = [f"{'kind':20s}{'movies':>7s}" + "".join(f"{name:>13s}" for name in counted)
            + f"{'RMS frames':>12s}{'width':>8s}"]  # fmt: skip
    for kind, mine in every.groupby("kind", sort=False):
        cells = []
        for name in counted:
            known = mine[name].dropna() if name in mine else mine.iloc[:0, 0]
            cells.append(f"{int(known.sum())}/{len(known)}" if len(known) else "")
        line = f"{kind:20s}{len(mine):7d}" + "".join(f"{cell:>13s}" for cell in cells)
        error = mine["error_frames"].dropna().astype(float) if "error_frames" in mine else []
        if len(error):
            width = mine["width_frames"].dropna().astype(float)
            line += f"{np.sqrt((error**2).mean()):12.2f}{width.median():8.2f}"
        said.append(line)
    return "\n".join(said)


if __name__ == "__main__":
    campaign(__doc__.splitlines()[0], "kind", CASES, 256, run, table)
