"""Runs whose truth is known, as tables of places: what an analysis would tell of them.

A place changes at a log-normal dose with an effect of its movie, its crystal and its own. It is
dated with an error; about half of the places are so weak that a plateau is not proven, and their
interval begins with the first electron. What changes after the end of the record, or too near to
it, held.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from napari_beamwatch import columns
from napari_beamwatch.campaign.runs import Run

Z = 1.959964


@dataclass(frozen=True)
class Truth:
    """How the places of a campaign change.

    Doses are in frames of 1 e/Å². `weak` is the part without a proven plateau, `followed` whether
    the interval of these follows their onset closely, which is the hardest for a curve.
    """

    median: float = 12.0
    movie_sd: float = 0.3
    crystal_sd: float = 0.2
    place_sd: float = 0.4
    crystals: tuple[int, int] = (2, 6)
    places: tuple[int, int] = (1, 4)
    area_sd: float = 0.7
    weak: float = 0.5
    followed: bool = False
    ends: tuple[float, float] = (20.0, 60.0)
    frame: float = 0.0

    @property
    def sd(self) -> float:
        """Of the logarithm of the dose of a place of any movie."""
        return float(np.sqrt(self.movie_sd**2 + self.crystal_sd**2 + self.place_sd**2))

    def dose_left(self, part: float) -> float:
        """Dose at which a part of the places is left."""
        return float(self.median * np.exp(self.sd * ndtri(1 - part)))


def simulated_run(
    rng: np.random.Generator, truth: Truth, name: str, factor: float = 1.0, **field: object
) -> Run:
    """One movie; its conditions make `factor` of all doses, and `field` is said of them."""
    of_movie = truth.movie_sd * rng.standard_normal()
    end = rng.uniform(*truth.ends) * factor
    rows: list[dict[str, object]] = []
    for crystal in range(int(rng.integers(*truth.crystals))):
        of_crystal = truth.crystal_sd * rng.standard_normal()
        for _ in range(int(rng.integers(*truth.places))):
            of_place = truth.place_sd * rng.standard_normal()
            true = truth.median * np.exp(of_movie + of_crystal + of_place) * factor
            rows.append(
                {
                    "crystal": crystal,
                    "area_nm2": 100 * np.exp(truth.area_sd * rng.standard_normal()),
                    **_verdict(rng, truth, float(true), end, factor),
                }
            )
    places = pd.DataFrame(rows).reindex(columns=list(columns.PLACES))
    places = places.assign(movie=name, place=np.arange(len(rows)), n_windows=4)
    told = {"pre_exposure_e_per_A2": 0.0, "last_dose_e_per_A2": end, "last_frame": 99,
            "dose_scale_sd_percent": 4.0, "movie": name, **field}  # fmt: skip
    row = pd.Series(told, dtype=object).reindex(list(columns.ONSETS))
    return Run(name, name, row, places, 0.5, "0", name)


def _verdict(
    rng: np.random.Generator, truth: Truth, true: float, end: float, factor: float
) -> dict[str, object]:
    weak = rng.random() < truth.weak
    error = rng.uniform(0.5, 1.5) * factor
    if truth.followed:
        error = 0.05 * true
    elif weak:
        error = true * rng.uniform(0.4, 1.0)
    seen = true + error * rng.standard_normal()
    if truth.frame:
        seen = np.ceil(seen / truth.frame) * truth.frame

    def at(part: float) -> float:
        """Quantile of what is known: no dose is below 0."""
        return float(seen - error * ndtri(ndtr(seen / error) * (1 - part)))

    low, value, high = (seen - Z * error, seen, seen + Z * error) if truth.followed else (
        at(0.025), at(0.5), at(0.975))  # fmt: skip
    if truth.frame:
        value = max(seen, truth.frame)
    if weak:
        low = 0.0
    if value > 0.9 * end:  # a change in the last tenth may yet recover
        held = min(true, end) if rng.random() < 0.5 else 0.9 * end
        if true < end:
            held = min(held, true)
        status = "survived" if true > end else "ambiguous"
        return {"status": status, "survived_dose_e_per_A2": held, "held_until_e_per_A2": held}
    return {
        "status": "onset", "onset_dose_e_per_A2": value, "onset_low_e_per_A2": max(low, 0.0),
        "onset_high_e_per_A2": high, "detected_dose_e_per_A2": value + 1,
        "half_dose_e_per_A2": 1.5 * value,
    }  # fmt: skip
