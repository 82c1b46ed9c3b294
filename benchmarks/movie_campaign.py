"""Simulated movies with known truth down the whole road, and how often its answer is right.

    python benchmarks/movie_campaign.py --out campaign.jsonl [--cases lif-to-li2o,void]
                                        [--seeds 0:10] [--size 512] [--jobs 1]

Each movie is drawn by its case and seed: 1 to 80 e/Å² a frame, 0.125 to 0.4 Å pixels, doses of the
case's change as parts of the record. Pixels are so large that a frame has a tenth of an electron
in each, if any are: nobody spreads few electrons thinner on a field this small. One JSON line a
movie is appended to the file; what it holds already is not run again, so a campaign can be run in
pieces. At the end a table of all movies in it.
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
from napari_beamwatch.simulate.truth import Truth

SODIUM = ("NaF", "Na2O", "Na", "Na2CO3", "NaOH")


def fade(low: float = 0.2, high: float = 0.6) -> Draw:
    """An onset somewhere in the record; 1/e in 3 to 15 % of it."""

    def draw(rng: np.random.Generator) -> dict[str, Any]:
        return {"onset": rng.uniform(low, high), "tau": log_uniform(rng, 0.03, 0.15)}

    return draw


def thinning(thickness: float, onset: float) -> dict[str, Any]:
    """Gone after half of the record."""
    return {"thickness": thickness, "onset": onset, "rate": thickness / 0.5}


# Parameters in doses are drawn as parts of the record's.
CASES: dict[str, tuple[str, Draw, tuple[str, ...]]] = {
    "lif-to-li2o": (
        "lif-to-li2o",
        lambda rng: {"onset": (rng.uniform(0.2, 0.35), rng.uniform(0.4, 0.6)), "tau": 0.05},
        LITHIUM,
    ),
    "lif-to-li2o-at-once": (
        "lif-to-li2o",
        lambda rng: {
            "onset": rng.uniform(0.2, 0.5),
            "tau": rng.uniform(0.03, 0.1),
            "at_once": True,
        },
        LITHIUM,
    ),
    "lif-to-li-rings-to-li2o": (
        "lif-to-li-rings-to-li2o",
        lambda rng: {"onset": rng.uniform(0.2, 0.3), "tau": 0.06, "oxide": 0.6, "oxide_tau": 0.06},
        LITHIUM,
    ),
    "swelling": ("swelling", fade(), LITHIUM),
    "shrinking-particle": (
        "shrinking-particle",
        lambda rng: {"onset": rng.uniform(0.2, 0.4), "span": rng.uniform(0.4, 0.55)},
        LITHIUM,
    ),
    "void": (
        "void",
        lambda rng: {"onset": rng.uniform(0.2, 0.4), "span": rng.uniform(0.4, 0.55)},
        LITHIUM,
    ),
    "fading-no-plateau": (
        "fading-no-plateau",
        lambda rng: {"tau": rng.uniform(0.08, 0.25)},
        LITHIUM,
    ),
    "no-lattice": ("no-lattice", nothing, LITHIUM),
    "end-in-dip": ("end-in-dip", nothing, LITHIUM),
    "coarse-frames": ("coarse-frames", fade(), LITHIUM),
    "stretched": (
        "stretched",
        lambda rng: fade()(rng) | {"beta": log_uniform(rng, 0.7, 2.5)},
        LITHIUM,
    ),
    "lif-room-temperature": (
        "lif-room-temperature",
        lambda rng: {
            "onset": (rng.uniform(0.2, 0.35), rng.uniform(0.4, 0.7)),
            "tau": log_uniform(rng, 0.03, 0.1),
        },
        LITHIUM,
    ),
    "polycrystal": (
        "polycrystal",
        lambda rng: {"onset": rng.uniform(0.2, 0.35), "spread": 0.3, "tau": 0.07},
        LITHIUM,
    ),
    "carbonate": ("carbonate", fade(0.15, 0.4), LITHIUM),
    "sodium-fluoride": ("sodium-fluoride", fade(), SODIUM),
    "survivor": ("survivor", nothing, LITHIUM),
    "recovering-tilt": (
        "recovering-tilt",
        lambda rng: {"tilt": rng.uniform(8, 15), "start": rng.uniform(0.2, 0.4), "end": 0.6},
        LITHIUM,
    ),
    "recovering-focus": (
        "recovering-focus",
        lambda rng: {"drift": rng.uniform(4, 8)},
        LITHIUM,
    ),
    "recovering-dip": (
        "recovering-dip",
        lambda rng: {"depth": rng.uniform(0.4, 0.9)},
        LITHIUM,
    ),
    "flicker": ("flicker", nothing, LITHIUM),
    "lasting-tilt": ("lasting-tilt", lambda rng: {"tilt": rng.uniform(8, 20)}, LITHIUM),
    "focus-drift": ("focus-drift", lambda rng: {"drift": rng.uniform(3, 8)}, LITHIUM),
    "reorientation": (
        "reorientation",
        lambda rng: {"onset": rng.uniform(0.3, 0.5), "tau": 0.03, "angle": rng.uniform(12, 40)},
        LITHIUM,
    ),
    "contamination": (
        "contamination",
        lambda rng: {"onset": rng.uniform(0.1, 0.2), "tau": 0.4},
        LITHIUM,
    ),
    "thickening": ("thickening", nothing, LITHIUM),
    "thinning": (
        "thinning",
        lambda rng: thinning(float(rng.choice((15.0, 30.0, 60.0))), rng.uniform(0.15, 0.3)),
        LITHIUM,
    ),
    "ordering": ("ordering", fade(), LITHIUM),
    "disorder": ("disorder", lambda rng: {"onset": rng.uniform(0.2, 0.4), "tau": 0.3}, LITHIUM),
}

FIELD = {
    "shrinking-particle": 200.0,
    "void": 200.0,
    "contamination": 200.0,
    "lif-to-li-rings-to-li2o": 120.0,
}
"""Å that a field must have at least to show what the case is about: particles of 120 Å and what
lies around them, several of twelve grains. If need be its sides are doubled."""

PER_DOSE = ("rate",)
IN_DOSE = ("onset", "tau", "span", "oxide", "oxide_tau", "spread")


def movie_of(name: str, seed: int, size: int) -> tuple[Any, tuple[str, ...]]:
    """The movie of a case and seed, and the phases its user would give."""
    case, draw, phases = CASES[name]
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    frame_dose = 20.0 if case == "coarse-frames" else log_uniform(rng, 1.0, 80.0)
    field = FIELD.get(case, 0.0)
    fit = [each for each in PIXELS if frame_dose * each**2 >= LEAST and 2 * size * each >= field]
    pixel = float(rng.choice(fit or PIXELS[-1:]))
    size *= 2 if size * pixel < field else 1
    # A record has enough electrons for one window to see the lattice at all, and is not endless.
    frames = int(np.clip(np.round(600 / frame_dose), 40, 100))
    parts = draw(rng)
    total = frames * frame_dose
    parameters = {
        key: tuple(total * np.asarray(value)) if np.ndim(value) else total * value
        for key, value in parts.items()
        if key in IN_DOSE
    }
    parameters |= {key: value / total for key, value in parts.items() if key in PER_DOSE}
    movie = simulate(
        case, seed=seed, frames=frames, frame_dose=frame_dose, size=size, pixel_size=pixel,
        **{**parts, **parameters},
    )  # fmt: skip
    return movie, phases


def run(job: tuple[str, int, int]) -> dict[str, Any]:
    """Analyze one movie and compare."""
    name, seed, size = job
    began = time.perf_counter()
    movie, phases = movie_of(name, seed, size)
    head = {
        "case": name, "seed": seed, "size": size, "frames": len(movie),
        "frame_dose": float(np.median(movie.frame_dose)), "pixel": movie.pixel_size,
    }  # fmt: skip
    try:
        result = bw.analyze(movie, bw.Settings(phases=phases))
    except Exception as error:  # a crash is a finding like another
        return head | {"failed": f"{type(error).__name__}: {error}", "right": False}
    row = result.onsets.iloc[0]
    answer = {
        key: None if pd.isna(row[key]) else row[key]
        for key in (
            "status", "criterion", "interpretation", "evidence", "phase_before", "phase_after",
            "reason", "onset_dose_e_per_A2", "onset_low_e_per_A2", "onset_high_e_per_A2",
            "first_seen_dose_e_per_A2",
        )
    }  # fmt: skip
    truth = movie.truth
    said = compared(answer, truth) | map_compared(result.windows, truth)
    true_drift = np.asarray(truth.drift_px) - truth.drift_px[0]
    found = result.drift[["dy_px", "dx_px"]].to_numpy(float)
    # An offset of all frames moves no window against another; the first frames are smeared.
    error = found - true_drift
    said["drift_error_px"] = float(np.abs(error - np.median(error, axis=0))[2:].max())
    said["drift_px"] = float(np.abs(true_drift).max())
    return (
        head
        | {f"found_{key}": value for key, value in answer.items()}
        | {
            f"true_{key}": getattr(truth, key)
            for key in ("status", "criterion", "interpretation", "onset_dose_e_per_A2",
                        "phase_before", "phase_after")
        }
        | said
        | {"seconds": time.perf_counter() - began}
    )  # fmt: skip


def compared(answer: dict[str, Any], truth: Truth) -> dict[str, Any]:
    """Which parts of the answer on the field are right."""
    status = answer["status"]
    known = truth.onset_dose_e_per_A2 is not None
    changed = truth.status in ("onset", "damaged_at_start")
    # A plateau that is merely not proven is an onset before a dose.
    begun = truth.status == "damaged_at_start" and status == "onset"
    begun &= answer["onset_low_e_per_A2"] == 0
    said = {
        "status": begun or status in (truth.status, *truth.acceptable),
        "false_onset": status in ("onset", "damaged_at_start") and not changed,
    }
    if changed:
        said["criterion"] = answer["criterion"] == truth.criterion
        # Amorphous only where the halo was seen to grow.
        meant = {"amorphisation": ("amorphisation", "lattice_lost", "disorder")}
        right = meant.get(truth.interpretation, (truth.interpretation,))
        said["interpretation"] = answer["interpretation"] in right
        said["phase_after"] = named(answer["phase_after"], truth.phase_after)
    if truth.phase_before != "none":
        said["phase_before"] = named(answer["phase_before"], truth.phase_before)
    said["right"] = all(value for key, value in said.items() if key != "false_onset")
    if changed and known and status == "onset" and answer["onset_low_e_per_A2"] is not None:
        low, high = answer["onset_low_e_per_A2"], answer["onset_high_e_per_A2"]
        said["covered"] = bool(low <= truth.onset_dose_e_per_A2 <= high)
    return said


def named(found: str | None, true: str) -> bool:
    """Whether a phase is named, or among those that cannot be told apart."""
    return true in (found or "").split("|")


def map_compared(windows: pd.DataFrame, truth: Truth) -> dict[str, Any]:
    """Windows whose middle lies in a region of known truth, and how many are right."""
    right = total = 0
    for region in truth.regions:
        if region.status in ("ambiguous", "no_lattice") or truth.status == "ambiguous":
            continue
        # The taper leaves a window the half around its middle.
        y, half = (windows.y0 + windows.y1) / 2, (windows.y1 - windows.y0) / 4
        x = (windows.x0 + windows.x1) / 2
        inside = windows[
            (y - half >= region.y0)
            & (y + half <= region.y1)
            & (x - half >= region.x0)
            & (x + half <= region.x1)
        ]
        for _, window in inside.iterrows():
            total += 1
            after = window.phase_after if isinstance(window.phase_after, str) else None
            good = window.status in (region.status, *truth.acceptable)
            if region.status == "onset" and region.criterion in ("new_phase", "fading"):
                good &= named(after, region.phase_after)
            right += bool(good)
    return {"windows_right": right, "windows": total}


def table(lines: Iterable[dict[str, Any]]) -> str:
    """Counts of each case."""
    every = pd.DataFrame(list(lines))
    columns = ("right", "status", "criterion", "interpretation", "phase_before", "phase_after",
               "covered", "false_onset")  # fmt: skip
    said = [f"{'case':26s}{'movies':>7s}" + "".join(f"{name:>15s}" for name in columns) + "    map"]
    for name, mine in every.groupby("case", sort=False):
        cells = []
        for column in columns:
            known = mine[column].dropna() if column in mine else mine.iloc[:0, 0]
            cells.append(f"{int(known.sum())}/{len(known)}" if len(known) else "")
        total = int(mine.windows.sum()) if "windows" in mine else 0
        where = f"{int(mine.windows_right.sum())}/{total}" if total else ""
        said.append(
            f"{name:26s}{len(mine):7d}" + "".join(f"{c:>15s}" for c in cells) + f"{where:>10s}"
        )
    return "\n".join(said)


if __name__ == "__main__":
    campaign(__doc__.splitlines()[0], "case", CASES, 512, run, table)
