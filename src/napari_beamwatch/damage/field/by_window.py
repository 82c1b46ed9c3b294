"""The map: what is said of each window, from the place it is of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.field.place import Place
from napari_beamwatch.damage.scopes import frames_after
from napari_beamwatch.damage.verdict.judging import Verdict, unclear

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class WindowVerdicts:
    """One value a window; doses are NaN, places, crystals and frames −1 where there is none.

    Attributes
    ----------
    status, criterion : list of str
    onset, low, high, lost : array of float64
        Doses.
    onset_frame : array of int64
        First frame whose end dose exceeds the onset.
    place : array of int64
    crystal, new_crystal : array of int64
        That of the place, and that which came instead.
    """

    status: list[str]
    criterion: list[str]
    onset: Floats
    low: Floats
    high: Floats
    lost: Floats
    onset_frame: Ints
    place: Ints
    crystal: Ints
    new_crystal: Ints

    @classmethod
    def unclear(cls, count: int) -> WindowVerdicts:
        """Of windows that could not be judged."""
        nothing, none = np.full(count, np.nan), np.full(count, -1)
        return cls(
            ["ambiguous"] * count, [""] * count, nothing, nothing, nothing, nothing, none, none,
            none, none,
        )  # fmt: skip

    @classmethod
    def of(
        cls,
        places: Sequence[Place],
        bearing: Sequence[Sequence[int]],
        crystal_of_spot: Ints,
        end: Floats,
        lit: NDArray[np.bool_],
        exposure: Floats,
    ) -> WindowVerdicts:
        """From the verdicts on places.

        Parameters
        ----------
        places : sequence of Place
        bearing : sequence of sequences of int
            Numbers of the places that each window shows, the strongest first.
        crystal_of_spot : array of int64
        end : array (frames,)
            Doses of the field at the ends of frames.
        lit : array of bool (frames,)
            Frames with beam.
        exposure : array (windows,)
            Dose of each over that of the field.
        """
        told: Mapping[int, Place] = {one.number: one for one in places}
        none = Place(-1, -1, "", np.zeros(0, np.int64), 0.0, unclear(""))
        chosen = []
        for numbers in bearing:
            mine = [told[number] for number in numbers]
            there = [one for one in mine if one.verdict.status != "no_lattice"]
            chosen.append(next(iter(there or mine), none))
        known: list[Verdict] = [one.verdict for one in chosen]
        status = [one.verdict.status if one is not none else "no_lattice" for one in chosen]
        dated = np.array([one.changed for one in known], bool)

        def doses(values: list[float]) -> Floats:
            return np.where(dated, np.array(values, float), np.nan)

        onset = doses([one.onset.value for one in known])
        return cls(
            list(status),
            [one.criterion if one.changed else "" for one in known],
            onset,
            doses([one.onset.low for one in known]),
            doses([one.onset.high for one in known]),
            doses([one.lost for one in known]),
            frames_after(end, lit, onset / exposure),
            np.array([one.number for one in chosen], np.int64),
            np.array([one.crystal for one in chosen], np.int64),
            np.array(
                [crystal_of_spot[one.new_spots[0]] if one.new_spots else -1 for one in known],
                np.int64,
            ),
        )
