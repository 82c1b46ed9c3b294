"""Mosaics of known truth down the whole road, and how often the answer is right.

    python benchmarks/mosaic_campaign.py --out mosaics.jsonl [--kinds mosaic,rocking]
                                         [--seeds 0:10] [--size 768] [--jobs 1]

A kind and a seed draw a movie: 2 to 30 grains or patches, 2 to 80 e/Å² a frame, with drift,
flicker, an uneven beam, a grain that tilts and comes back; specimens that drift all the time;
grains that rock; layers that grow.
The true onset is the first at which grains of 5 % of the field together changed, within a frame and
a half, for what is smaller does not speak for it. The oracle knows the grains: it dates the windows
that lie inside the first. One JSON line a movie is appended; what the file holds already is not run
again. At the end a table.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from pieces import LEAST, LITHIUM, PIXELS, Draw, campaign, log_uniform, nothing

import napari_beamwatch as bw
from napari_beamwatch.damage.course.examining import examine
from napari_beamwatch.damage.scopes import Scope, SpotTrace
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.detector import Detector
from napari_beamwatch.simulate.laws import Knots
from napari_beamwatch.simulate.movie import SimulatedFrames, SimulatedMovie
from napari_beamwatch.simulate.scene import Drift

SPEAKS = 0.05
"""Part of the field that has changed when it is said to have."""

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
    "drifting": ("mosaic", a_mosaic),
    "rocking": ("rocking-grains", rocking),
    "rocking-fading": ("rocking-grains", rocking_and_fading),
    "layer": ("grown-over", layer(0.0)),
    "dark-layer": ("grown-over", layer(0.12)),
    "dead-columns": ("survivor", nothing),
    "reorientation": ("reorientation", lambda rng: {"onset": rng.uniform(0.3, 0.5), "tau": 0.03}),
}

IN_DOSE = ("onset", "tau")

LARGE = 0.08
"""Part of the field from which up a grain is to be found as a place."""

FASTEST = 2.0
"""Pixels a frame that a specimen drifts at the most."""


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
    if kind == "drifting":
        drawn["drift"] = steadily(rng, total, FASTEST * frames * pixel)
    detector = Detector(gain_texture=0.05, dead_columns=2) if kind == "dead-columns" else None
    return simulate(
        case, seed=seed, frames=frames, frame_dose=frame_dose, size=size, pixel_size=pixel,
        detector=detector, **drawn,
    )  # fmt: skip


def steadily(rng: np.random.Generator, total: float, most: float) -> Drift:
    """A drift that never comes to rest, of so many Å at the most, somewhere."""
    away, angle = rng.uniform(0.1, 1) * most, rng.uniform(0, 2 * np.pi)
    dy, dx = (Knots((0.0, total), (0.0, float(away * part)))
              for part in (np.sin(angle), np.cos(angle)))  # fmt: skip
    return Drift(dy, dx)


def grains_of(movie: SimulatedMovie, y: Any, x: Any) -> Any:
    """Index of the grain at pixels, by the first frame."""
    frames = movie.recording.frames
    assert isinstance(frames, SimulatedFrames)
    patches = frames.composer.scene.patches
    size = frames.composer.pixel_size
    depth = np.stack([patch.where.depth(y * size, x * size) for patch in patches])
    return depth.argmax(axis=0)


def shares_of(movie: SimulatedMovie) -> Any:
    """Part of the field that each grain has, but for what the drift takes off the detector."""
    drift = np.asarray(movie.truth.drift_px)
    first = np.maximum(0, np.ceil(-drift.min(axis=0)))
    last = np.array(movie.shape[1:]) - 1 - np.maximum(0, np.ceil(drift.max(axis=0)))
    lines = (np.linspace(a, b, COARSE) for a, b in zip(first, last, strict=True))
    grain = grains_of(movie, *np.meshgrid(*lines, indexing="ij"))
    return np.bincount(grain.ravel(), minlength=len(movie.truth.regions)) / grain.size


def run(job: tuple[str, int, int]) -> dict[str, Any]:
    """Analyze one movie and compare."""
    kind, seed, size = job
    began = time.perf_counter()
    movie = movie_of(kind, seed, size)
    truth, share = movie.truth, shares_of(movie)
    frame = float(np.median(movie.frame_dose))
    regions = local_truth(movie)
    true, grains = first_onset(regions, share)
    head = {
        "kind": kind, "seed": seed, "size": size, "frames": len(movie), "frame_dose": frame,
        "pixel": movie.pixel_size, "grains": len(truth.regions), "true_onset": true,
        "true_share": float(sum(p for one, p in zip(regions, share, strict=True)
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
    found: dict[str, Any] = {"false_onset": called and true is None}
    found["status_right"] = said["status"] in wanted
    if called and true is not None and onset is not None:
        found["covered"] = bool(said["onset_low_e_per_A2"] <= true <= said["onset_high_e_per_A2"])
        found["error_frames"] = (onset - true) / frame
        width = said["onset_high_e_per_A2"] - said["onset_low_e_per_A2"]
        found["width_frames"] = width / frame
        told = oracle(result, movie, grains)
        if told is not None:
            found["oracle_frames"] = (told - true) / frame
    return (
        head
        | {f"found_{key}": value for key, value in said.items()}
        | found
        | map_compared(result.windows, movie, frame)
        | {"seconds": time.perf_counter() - began}
    )


def local_truth(movie: SimulatedMovie) -> list[Any]:
    """What is true of each grain, at the doses that it had itself: the movie knows its beam."""
    return [
        replace(one, onset_dose_e_per_A2=one.onset_dose_e_per_A2 * one.illumination)
        if one.onset_dose_e_per_A2 is not None else one
        for one in movie.truth.regions
    ]  # fmt: skip


def first_onset(regions: Sequence[Any], share: Any) -> tuple[float | None, list[int]]:
    """Dose by which the first 5 % of the field had changed, and the grain that did so then."""
    gone = 0.0
    for onset, i in sorted(
        (one.onset_dose_e_per_A2, i)
        for i, one in enumerate(regions)
        if one.status in ("onset", "damaged_at_start")
    ):
        gone += share[i]
        if gone >= SPEAKS:
            return float(onset), [i]
    return None, []


def inside_of(windows: pd.DataFrame, movie: SimulatedMovie) -> tuple[Any, Any]:
    """The grain of each window's middle, and whether the window lies inside it."""
    middle_y, middle_x = (
        ((windows[a] + windows[b]) / 2).to_numpy() for a, b in (("y0", "y1"), ("x0", "x1"))
    )
    half = ((windows.y1 - windows.y0) / 4).to_numpy()  # the taper leaves this much
    corners = [
        grains_of(movie, middle_y + dy * half, middle_x + dx * half)
        for dy, dx in ((0, 0), (-1, -1), (-1, 1), (1, -1), (1, 1))
    ]
    return corners[0], np.all([corner == corners[0] for corner in corners], axis=0)


def oracle(result: bw.Result, movie: SimulatedMovie, grains: list[int]) -> float | None:
    """The onset of the windows that lie inside the first grains, by all spots they have."""
    grain, inside = inside_of(result.windows, movie)
    of = result.spots[result.spots.window.notna()]
    mine = (inside & np.isin(grain, grains))[of.window.to_numpy(np.int64)]
    if not mine.any():
        return None
    snr = result.window_traces.snr
    traces = []
    for spot, rows in of.reset_index(drop=True)[mine].groupby("spot"):
        some = snr[:, rows.index.to_numpy()].astype(float)
        known = np.isfinite(some)
        mean = np.where(known, some, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        traces.append(SpotTrace(int(spot), 0, rows.gy_per_px.iloc[0], rows.gx_per_px.iloc[0], mean,
                                known.sum(axis=1).astype(float), 1.78, 1.1))  # fmt: skip
    lit = np.asarray(movie.lit)
    exposure = movie.truth.regions[grains[0]].illumination
    start, end = (exposure * np.asarray(each) for each in (movie.dose_start, movie.dose))
    scope = Scope("oracle", tuple(traces), start, end, lit)
    found = examine(scope, result.field.mean_signal.to_numpy(float)).loss
    return None if found is None else found.course.onset.value


def map_compared(windows: pd.DataFrame, movie: SimulatedMovie, frame: float) -> dict[str, Any]:
    """Windows that lie inside one grain, and how many are right in status and within 3 frames.

    Those that the drift took off the detector for most of the record show nothing.
    """
    grain, inside = inside_of(windows, movie)
    height, width = movie.shape[1:]
    for dy, dx in np.asarray(movie.truth.drift_px)[[len(movie) // 2, -1]]:
        inside &= (windows.y0 + dy >= 0) & (windows.y1 + dy <= height)
        inside &= (windows.x0 + dx >= 0) & (windows.x1 + dx <= width)
    right, total, regions = 0, 0, local_truth(movie)
    for index in np.flatnonzero(inside):
        region = regions[grain[index]]
        if region.status in ("ambiguous", "no_lattice") or movie.truth.status == "ambiguous":
            continue
        total += 1
        window = windows.iloc[int(index)]
        good = window.status in (region.status, *movie.truth.acceptable)
        if region.status == "onset" and good:
            good = abs(window.onset_dose_e_per_A2 - region.onset_dose_e_per_A2) <= 3 * frame
        right += bool(good)
    return {"windows_right": right, "windows": total} | grains_found(
        windows.place[inside], grain[inside], shares_of(movie)
    )


def grains_found(place: pd.Series, grain: Any, share: Any) -> dict[str, Any]:
    """Large grains with windows inside, and how many have a place: most of each is the other's."""
    large = [i for i in np.flatnonzero(share >= LARGE) if (grain == i).any()]
    found = 0
    for one in large:
        told = place[grain == one].value_counts()
        if len(told):
            mine = place.eq(told.index[0]).fillna(False).to_numpy(bool)
            found += told.iloc[0] > (grain == one).sum() / 2 and (grain[mine] == one).mean() > 0.5
    return {"large_grains_found": int(found), "large_grains": len(large)}


def table(lines: Iterable[dict[str, Any]]) -> str:
    """Counts of each kind."""
    every = pd.DataFrame(list(lines))
    said = [
        f"{'kind':16s}{'movies':>7s}{'failed':>8s}{'status':>9s}{'false':>7s}{'covers':>9s}"
        f"{'RMS':>7s}{'oracle':>8s}{'median':>8s}{'width':>7s}   map   grains"
    ]
    for kind, mine in every.groupby("kind", sort=False):

        def counted(name: str, mine: pd.DataFrame = mine) -> str:
            known = mine[name].dropna() if name in mine else pd.Series(dtype=bool)
            return f"{int(known.sum())}/{len(known)}" if len(known) else ""

        failed = int(mine.failed.notna().sum()) if "failed" in mine else 0
        error = mine.error_frames.dropna() if "error_frames" in mine else pd.Series(dtype=float)
        rms = f"{np.sqrt((error**2).mean()):.2f}" if len(error) else ""
        middle = f"{error.median():+.2f}" if len(error) else ""
        knows = mine.oracle_frames.dropna() if "oracle_frames" in mine else pd.Series(dtype=float)
        best = f"{np.sqrt((knows**2).mean()):.2f}" if len(knows) else ""
        width = f"{mine.width_frames.median():.1f}" if len(error) else ""
        right, total, places, large = (
            int(mine[n].sum()) if n in mine else 0
            for n in ("windows_right", "windows", "large_grains_found", "large_grains")
        )
        said.append(
            f"{kind:16s}{len(mine):7d}{failed:8d}{counted('status_right'):>9s}"
            f"{counted('false_onset'):>7s}{counted('covered'):>9s}{rms:>7s}{best:>8s}{middle:>8s}{width:>7s}"
            f"   {right}/{total}   {places}/{large}"
        )
    return "\n".join(said)


if __name__ == "__main__":
    campaign(__doc__.splitlines()[0], "kind", KINDS, 768, run, table)
