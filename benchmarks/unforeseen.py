"""Movies that the authors of the method did not think of, and what it says of them.

    python benchmarks/unforeseen.py --out unforeseen.jsonl [--kinds hop,moire] [--seeds 0:3]
                                    [--jobs 1]

Scenes of `unforeseen_scenes`: columns of atoms and a film through a transfer function, by NumPy
that shares nothing with the package; of the package only what is public answers. Where nothing was
damaged an onset is wrong; where something was, the 95 % interval widened by a frame must hold
the dose at which it began. `ambiguous` is weaker but not wrong: withheld. One JSON line a
movie is appended; what the file holds already is not run again. At the end a table. `--size` has
no meaning here: scenes have sizes of their own, 512 to 640 px.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from pieces import Job, Line, campaign
from unforeseen_scenes import KINDS
from unforeseen_stage import Scene, Truth

import napari_beamwatch as bw


def scene_of(kind: str, seed: int) -> Scene:
    return KINDS[kind](np.random.default_rng([seed, zlib.crc32(kind.encode())]))


def verdict(truth: Truth, status: str, low: float, high: float, frame: float) -> str:
    """Right, withheld, or what is wrong."""
    if status in truth.right:
        return "right"
    if status in truth.withheld:
        return "withheld"
    if status not in ("onset", "damaged_at_start"):
        return "wrong: missed"
    if truth.onset is None:
        return "wrong: false onset"
    slack = truth.slack * frame
    if status == "damaged_at_start":
        return "right" if truth.onset < 2 * frame else "wrong: not at the start"
    if truth.onset < low - slack:
        return "wrong: late"
    return "right" if truth.onset <= high + slack else "wrong: early"


def run(job: Job) -> Line:
    """Make a movie, analyze it and compare."""
    kind, seed, size = job
    scene = scene_of(kind, seed)
    truth = scene.truth
    frame = float(np.max(scene.frame_dose))
    head = {
        "kind": kind, "seed": seed, "size": size, "frames": len(scene.frames),
        "frame_dose": frame, "pixel": scene.pixel, "truth": truth.onset,
    }  # fmt: skip
    began = time.perf_counter()
    try:
        movie = bw.Movie.from_array(scene.frames, scene.pixel, scene.frame_dose)
        result = bw.analyze(movie, bw.Settings())
        row = result.onsets.iloc[0]
        warnings = [str(each) for each in result.summary.get("warnings", ())]
    except Exception as error:  # a crash is a finding like another
        return head | {"status": None, "verdict": "wrong: failed", "reason": repr(error)}
    low, high, onset = (
        None if pd.isna(row[f"onset_{each}_e_per_A2"]) else float(row[f"onset_{each}_e_per_A2"])
        for each in ("low", "high", "dose")
    )
    said: dict[str, Any] = {
        "status": row.status, "onset": onset, "low": low, "high": high,
        "verdict": verdict(
            truth, row.status, 0.0 if low is None else low, np.inf if high is None else high, frame
        ),
    }  # fmt: skip
    for name in ("criterion", "evidence", "interpretation", "reason", "n_places",
                 "changed_area_percent", "n_spots", "n_windows", "survived_dose_e_per_A2",
                 "n_crystals"):  # fmt: skip
        said[name] = None if pd.isna(row[name]) else row[name]
    first = " ".join(warnings[0].split()[:12]) if warnings else ""
    return head | said | {"warning": first, "seconds": round(time.perf_counter() - began, 1)}


def table(lines: Iterable[Line]) -> str:
    """Verdicts of each kind, and then what was wrong."""
    found = pd.DataFrame(lines)
    found["short"] = found.verdict.str.split(":").str[0]
    counts = pd.crosstab(found.kind, found.short)
    counts = counts.reindex(columns=["right", "withheld", "wrong"], fill_value=0)
    order = [kind for kind in KINDS if kind in counts.index]
    counts = counts.loc[order]
    counts.loc["all"] = counts.sum()
    wrong = found[found.short == "wrong"]
    shown = ["kind", "seed", "status", "onset", "low", "high", "truth", "verdict", "warning"]
    return f"{counts.to_string()}\n\n{wrong.reindex(columns=shown).to_string(index=False)}"


if __name__ == "__main__":
    campaign(__doc__ or "", "kind", KINDS, 0, run, table)
