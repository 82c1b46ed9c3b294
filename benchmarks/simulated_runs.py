"""Runs whose truth is known, as tables of places: what an analysis would tell of them.

A place changes at a log-normal dose with an effect of its movie, its crystal and its own. It is
dated with an error; about half of the places are so weak that a plateau is not proven, and their
interval begins with the first electron. What changes after the end of the record, or too near to
it, held. The rest of `Truth` is what can fool a statistic.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from napari_beamwatch import columns
from napari_beamwatch.campaign.runs import Run

Z = 1.959964


@dataclass(frozen=True)
class Truth:
    """How the places of a campaign change, in frames of 1 e/Å².

    Attributes
    ----------
    median : float
    movie_sd, crystal_sd, place_sd : float
        Of the logarithm of the dose.
    crystals, places : tuple of int
        Least number of a movie and of a crystal, and one more than the greatest.
    area_sd : float
        Of the logarithm of the area of a place.
    weak : float
        Part of the places without a proven plateau.
    followed : bool
        Whether the intervals of these end just above the onset, whatever that is.
    ends : tuple of float
        Between which doses records end.
    frame : float
        Doses are told to the middle of a frame of this; 0 for no such grid.
    first : float
        What changed before this dose had changed before anything could be seen.
    stop_after : float
        Records end at that many times the dose of the movie; 0 for ends that know nothing of it.
    crowded : float
        Movies that last longer by a factor have more crystals by this power of it.
    unclear : float
        Part of the changes that cannot be called damage: nothing is known but that it held so far.
    heavy : bool
        Whether effects of movies are of Student's t with three degrees of freedom.
    apart : float
        Half of the movies last that many times longer.
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
    first: float = 0.0
    stop_after: float = 0.0
    crowded: float = 0.0
    unclear: float = 0.0
    heavy: bool = False
    apart: float = 1.0

    def dose_left(self, part: float) -> float:
        """Dose at which a part of the places of a movie at random is left."""
        if not self.heavy and self.apart == 1.0:
            sd = np.sqrt(self.movie_sd**2 + self.crystal_sd**2 + self.place_sd**2)
            return float(self.median * np.exp(sd * ndtri(1 - part)))
        rng = np.random.default_rng(0)
        inner = np.hypot(self.crystal_sd, self.place_sd)
        logs = self.of_movies(rng, 200_000) + inner * rng.standard_normal(200_000)
        return float(self.median * np.exp(np.quantile(logs, 1 - part)))

    def of_movies(self, rng: np.random.Generator, count: int) -> NDArray[np.float64]:
        """Effects of movies on the logarithm of the dose."""
        drawn = rng.standard_t(3, count) if self.heavy else rng.standard_normal(count)
        return self.movie_sd * drawn + np.log(self.apart) * rng.integers(0, 2, count)


def simulated_run(
    rng: np.random.Generator, truth: Truth, name: str, factor: float = 1.0, **field: object
) -> Run:
    """One movie; its conditions make `factor` of all doses, and `field` is said of them."""
    of_movie = float(truth.of_movies(rng, 1)[0])
    end = rng.uniform(*truth.ends)
    if truth.stop_after:
        end = truth.stop_after * truth.median * np.exp(of_movie)
    end *= factor
    crystals = round(int(rng.integers(*truth.crystals)) * np.exp(truth.crowded * of_movie))
    rows: list[dict[str, object]] = []
    for crystal in range(max(crystals, 1)):
        of_crystal = truth.crystal_sd * rng.standard_normal()
        for _ in range(int(rng.integers(*truth.places))):
            of_place = truth.place_sd * rng.standard_normal()
            true = float(truth.median * np.exp(of_movie + of_crystal + of_place)) * factor
            rows.append(
                {
                    "crystal": crystal,
                    "area_nm2": 100 * np.exp(truth.area_sd * rng.standard_normal()),
                    "true_e_per_A2": true,
                    **_verdict(rng, truth, true, float(end), factor),
                }
            )
    places = pd.DataFrame(rows).reindex(columns=[*columns.PLACES, "true_e_per_A2"])
    places = places.assign(movie=name, place=np.arange(len(rows)), n_windows=4)
    told = {
        "pre_exposure_e_per_A2": 0.0, "last_dose_e_per_A2": float(end), "last_frame": 99,
        "dose_scale_sd_percent": 4.0, "movie": name, **field,
    }  # fmt: skip
    row = pd.Series(told, dtype=object).reindex(list(columns.ONSETS))
    return Run(name, name, row, places, 0.5, "0", name)


def _verdict(
    rng: np.random.Generator, truth: Truth, true: float, end: float, factor: float
) -> dict[str, object]:
    if true < truth.first * factor:
        return {"status": "damaged_at_start", "onset_high_e_per_A2": truth.first * factor}
    weak = rng.random() < truth.weak
    error = rng.uniform(0.5, 1.5) * factor
    if truth.followed:
        error = 0.05 * true
    elif weak:
        error = true * rng.uniform(0.4, 1.0)
    seen = true + error * rng.standard_normal()

    def at(part: float) -> float:
        """Quantile of what is known: no dose is below 0."""
        return float(seen - error * ndtri(ndtr(seen / error) * (1 - part)))

    low, value, high = at(0.025), at(0.5), at(0.975)
    if truth.frame:
        grid = truth.frame * factor
        value = (max(np.ceil(value / grid), 1.0) - 0.5) * grid
        high = max(high, value)
    if weak:
        low = 0.0
    if rng.random() < truth.unclear:
        return {"status": "ambiguous", "held_until_e_per_A2": min(true, end)}
    if value > 0.9 * end:  # a change in the last tenth may yet recover
        status = "survived" if true > end else "ambiguous"
        held = min(true, end if status == "survived" else 0.9 * end)
        return {"status": status, "survived_dose_e_per_A2": held, "held_until_e_per_A2": held}
    return {
        "status": "onset", "onset_dose_e_per_A2": value, "onset_low_e_per_A2": max(low, 0.0),
        "onset_high_e_per_A2": high, "detected_dose_e_per_A2": value + factor,
        "half_dose_e_per_A2": 1.5 * value,
    }  # fmt: skip
