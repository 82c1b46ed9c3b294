"""Mosaics of known truth down the whole road, and how often the answer is right.

    python benchmarks/mosaic_campaign.py --out mosaics.jsonl [--kinds mosaic,rocking]
                                         [--seeds 0:10] [--size 768] [--jobs 1]

A kind and a seed draw a movie: 2 to 30 grains or patches, 2 to 80 e/Å² a frame, with drift,
flicker, an uneven beam, a grain that tilts and comes back; grains that rock; layers that grow.
Truth is that of grains of 5 % of the field or more, for what is smaller does not speak for it.
One JSON line a movie is appended; what the file holds already is not run again. At the end a table.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from pieces import LEAST, LITHIUM, PIXELS, Draw, campaign, log_uniform, nothing

import napari_beamwatch as bw
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.detector import Detector
from napari_beamwatch.simulate.movie import SimulatedFrames, SimulatedMovie

SPEAKS = 0.05
"""Part of the field below which a grain does not speak for it."""

COARSE = 192
"""Points a side at which grains are looked up."""


def a_mosaic(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "grains": int(np.rint(log_uniform(rng, 2, 30))),
        "layout": ("grains", "patches")[rng.integers(2)],
        "tilted": bool(rng.random() < 0.3),
        "flicker": float(rng.choice((0.0, 0.03))),
        "fall": float(rng.choice((0.0, 0.0, 0.2))),
    }


def few(rng: np.random.Generator) -> dict[str, Any]:
    return {"grains": int(rng.integers(3, 8))}


def rocking(rng: np.random.Generator) -> dict[str, Any]:
    return {"grains": int(rng.integers(14, 26))}


def rocking_and_fading(rng: np.random.Generator) -> dict[str, Any]:
    return rocking(rng) | {"onset": rng.uniform(0.3, 0.6), "tau": log_uniform(rng, 0.03, 0.1)}


def layer(darkness: float) -> Draw:
    def draw(rng: np.random.Generator) -> dict[str, Any]:
        return {"darkness": darkness, "loss": rng.uniform(0.15, 0.45)}

    return draw


KINDS: dict[str, tuple[str, Draw]] = {
    "mosaic": ("mosaic", a_mosaic),
    "few-grains": ("mosaic", few),
    "rocking": ("rocking-grains", rocking),
    "rocking-fading": ("rocking-grains", rocking_and_fading),
    "layer": ("grown-over", layer(0.0)),
    "dark-layer": ("grown-over", layer(0.12)),
    "dead-columns": ("survivor", nothing),
    "reorientation": ("reorientation", lambda rng: {"onset": rng.uniform(0.3, 0.5), "tau": 0.03}),
}

IN_DOSE = ("onset", "tau")


def movie_of(kind: str, seed: int, size: int) -> SimulatedMovie:
    """The movie of a kind and seed."""
    case, draw = KINDS[kind]
    rng = np.random.default_rng([seed, zlib.crc32(kind.encode())])
    frame_dose = log_uniform(rng, 2.0, 80.0)
    fit = [each for each in PIXELS if frame_dose * each**2 >= LEAST]
    pixel = float(rng.choice(fit or PIXELS[-1:]))
    frames = int(np.clip(np.round(800 / frame_dose), 40, 100))
    total = frames * frame_dose
    drawn = {k: total * v if k in IN_DOSE else v for k, v in draw(rng).items()}
    detector = Detector(gain_texture=0.05, dead_columns=2) if kind == "dead-columns" else None
    return simulate(
        case, seed=seed, frames=frames, frame_dose=frame_dose, size=size, pixel_size=pixel,
        detector=detector, **drawn,
    )  # fmt: skip


def grains_of(movie: SimulatedMovie, y: Any, x: Any) -> Any:
    """Index of the grain at pixels, by the first frame."""
    frames = movie.recording.frames
    assert isinstance(frames, SimulatedFrames)
    patches = frames.composer.scene.patches
    size = frames.composer.pixel_size
    depth = np.stack([patch.where.depth(y * size, x * size) for patch in patches])
    return depth.argmax(axis=0)


def run(job: tuple[str, int, int]) -> dict[str, Any]:
    """Analyze one movie and compare."""
    kind, seed, size = job
    began = time.perf_counter()
    movie = movie_of(kind, seed, size)
    truth = movie.truth
    y, x = np.meshgrid(*(np.linspace(0, n - 1, COARSE) for n in movie.shape[1:]), indexing="ij")
    share = np.bincount(grains_of(movie, y, x).ravel(), minlength=len(truth.regions)) / y.size
    changed = [
        one.onset_dose_e_per_A2
        for one, part in zip(truth.regions, share, strict=True)
        if part >= SPEAKS and one.status in ("onset", "damaged_at_start")
    ]
    true = min(changed, default=None)
    frame = float(np.median(movie.frame_dose))
    head = {
        "kind": kind, "seed": seed, "size": size, "frames": len(movie), "frame_dose": frame,
        "pixel": movie.pixel_size, "grains": len(truth.regions), "true_onset": true,
        "true_share": float(sum(p for one, p in zip(truth.regions, share, strict=True)
                                if one.status in ("onset", "damaged_at_start"))),
        "parameters": {k: v for k, v in truth.parameters.items() if k != "drift"},
    }  # fmt: skip
    try:
        result = bw.analyze(movie, bw.Settings(phases=LITHIUM))
        result.summary  # noqa: B018 - it may fail too
    except Exception as error:  # a crash is a finding like another
        return head | {"failed": f"{type(error).__name__}: {error}", "status_right": False}
    row = result.onsets.iloc[0]
    said = {key: None if pd.isna(row[key]) else row[key] for key in (
        "status", "criterion", "reason", "onset_dose_e_per_A2", "onset_low_e_per_A2",
        "onset_high_e_per_A2")}  # fmt: skip
    onset = said["onset_dose_e_per_A2"]
    called = said["status"] in ("onset", "damaged_at_start")
    wanted = ("onset",) if true is not None else (truth.status, *truth.acceptable, "ambiguous")
    if true is not None and true < 2 * frame:
        wanted = ("onset", "damaged_at_start")
    found: dict[str, Any] = {"false_onset": called and not changed}
    found["status_right"] = said["status"] in wanted
    if called and true is not None and onset is not None:
        found["covered"] = bool(said["onset_low_e_per_A2"] <= true <= said["onset_high_e_per_A2"])
        found["error_frames"] = (onset - true) / frame
        width = said["onset_high_e_per_A2"] - said["onset_low_e_per_A2"]
        found["width_frames"] = width / frame
    return (
        head
        | {f"found_{key}": value for key, value in said.items()}
        | found
        | map_compared(result.windows, movie, frame)
        | {"seconds": time.perf_counter() - began}
    )


def map_compared(windows: pd.DataFrame, movie: SimulatedMovie, frame: float) -> dict[str, Any]:
    """Windows that lie inside one grain, and how many are right in status and within 3 frames."""
    middle_y, middle_x = (
        ((windows[a] + windows[b]) / 2).to_numpy() for a, b in (("y0", "y1"), ("x0", "x1"))
    )
    half = ((windows.y1 - windows.y0) / 4).to_numpy()  # the taper leaves this much
    corners = [
        grains_of(movie, middle_y + dy * half, middle_x + dx * half)
        for dy, dx in ((0, 0), (-1, -1), (-1, 1), (1, -1), (1, 1))
    ]
    inside = np.all([corner == corners[0] for corner in corners], axis=0)
    right = total = 0
    for index in np.flatnonzero(inside):
        region = movie.truth.regions[corners[0][index]]
        if region.status in ("ambiguous", "no_lattice") or movie.truth.status == "ambiguous":
            continue
        total += 1
        window = windows.iloc[int(index)]
        good = window.status in (region.status, *movie.truth.acceptable)
        if region.status == "onset" and good:
            good = abs(window.onset_dose_e_per_A2 - region.onset_dose_e_per_A2) <= 3 * frame
        right += bool(good)
    return {"windows_right": right, "windows": total}


def table(lines: Iterable[dict[str, Any]]) -> str:
    """Counts of each kind."""
    every = pd.DataFrame(list(lines))
    said = [
        f"{'kind':16s}{'movies':>7s}{'failed':>8s}{'status':>9s}{'false':>7s}{'covers':>9s}"
        f"{'RMS':>7s}{'median':>8s}{'width':>7s}   map"
    ]
    for kind, mine in every.groupby("kind", sort=False):

        def counted(name: str, mine: pd.DataFrame = mine) -> str:
            known = mine[name].dropna() if name in mine else pd.Series(dtype=bool)
            return f"{int(known.sum())}/{len(known)}" if len(known) else ""

        failed = int(mine.failed.notna().sum()) if "failed" in mine else 0
        error = mine.error_frames.dropna() if "error_frames" in mine else pd.Series(dtype=float)
        rms = f"{np.sqrt((error**2).mean()):.2f}" if len(error) else ""
        middle = f"{error.median():+.2f}" if len(error) else ""
        width = f"{mine.width_frames.median():.1f}" if len(error) else ""
        right, total = (
            int(mine[n].sum()) if n in mine else 0 for n in ("windows_right", "windows")
        )
        said.append(
            f"{kind:16s}{len(mine):7d}{failed:8d}{counted('status_right'):>9s}"
            f"{counted('false_onset'):>7s}{counted('covered'):>9s}{rms:>7s}{middle:>8s}{width:>7s}"
            f"   {right}/{total}"
        )
    return "\n".join(said)


if __name__ == "__main__":
    campaign(__doc__.splitlines()[0], "kind", KINDS, 768, run, table)
