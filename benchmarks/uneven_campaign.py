"""The simulator's `uneven-beam` down the whole road, with the beam's profile and without.

    python benchmarks/uneven_campaign.py --out uneven.jsonl [--kinds known,blind] [--seeds 0:20]
                                         [--size 768] [--jobs 1]

LiF fades from 200 e/Å² on wherever it has had them, under a beam that is weaker in the corners:
where the profile is known, field and windows must say so; where it is not, there must be a
warning. One JSON line a movie is appended; what the file holds already is not run again. At the
end a table.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

import numpy as np
import pandas as pd
from pieces import LITHIUM, Job, Line, campaign

import napari_beamwatch as bw
from napari_beamwatch.simulate.cases import simulate

ONSET = 200.0
"""e/Å²."""

KNOWN, BLIND = "known", "blind"
WARNING = "the beam is uneven"


def run(job: Job) -> Line:
    """Analyze one movie, and say what its field and its windows say."""
    kind, seed, size = job
    began = time.perf_counter()
    simulated = simulate("uneven-beam", seed=seed, size=size, frames=80, onset=ONSET)
    movie = simulated if kind == KNOWN else simulated.with_(beam_profile=None)
    head: Line = {"kind": kind, "seed": seed, "size": size}
    try:
        result = bw.analyze(movie, bw.Settings(phases=LITHIUM))
        warnings = result.summary["warnings"]
    except Exception as error:  # a crash is a finding like another
        return head | {"failed": f"{type(error).__name__}: {error}"}
    row, windows = result.onsets.iloc[0], result.windows
    onset = windows.onset_dose_e_per_A2.to_numpy(float)
    edges = windows[["y0", "x0", "y1", "x1"]].astype(int).itertuples(index=False, name=None)
    light = np.array([simulated.exposure(tuple(each)) for each in edges])
    dated = np.isfinite(onset)
    go_with = np.nan
    if dated.sum() > 2 and np.ptp(onset[dated]) > 0:
        go_with = float(np.corrcoef(onset[dated], 1 / light[dated])[0, 1])
    low, high = row.onset_low_e_per_A2, row.onset_high_e_per_A2
    return head | {
        "status": row.status, "onset": row.onset_dose_e_per_A2, "low": low, "high": high,
        "holds": bool(low <= ONSET <= high), "windows": int(dated.sum()), "of": len(windows),
        "lowest": float(np.nanmin(onset)), "highest": float(np.nanmax(onset)),
        "correlation": go_with, "warned": any(WARNING in said for said in warnings),
        "other_warnings": [said for said in warnings if WARNING not in said],
        "seconds": time.perf_counter() - began,
    }  # fmt: skip


def table(lines: Iterable[Line]) -> str:
    """Counts and ranges of each kind."""
    every = pd.DataFrame(list(lines))
    said = [f"{'kind':8s}{'movies':>8s}{'hold':>6s}{'field':>14s}{'windows':>14s}"
            f"{'correlation':>16s}{'warned':>8s}"]  # fmt: skip
    for kind, mine in every.groupby("kind", sort=False):
        said.append(
            f"{kind:8s}{len(mine):8d}{mine.holds.sum():6.0f}"
            f"{mine.onset.min():8.1f}-{mine.onset.max():.1f}"
            f"{mine.lowest.min():8.1f}-{mine.highest.max():.1f}"
            f"{mine.correlation.min():9.2f} to {mine.correlation.max():.2f}{mine.warned.sum():5.0f}"
        )
    return "\n".join(said)


if __name__ == "__main__":
    campaign(__doc__.splitlines()[0], "kind", (KNOWN, BLIND), 768, run, table)
