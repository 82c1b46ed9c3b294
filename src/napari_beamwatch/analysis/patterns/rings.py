"""The rings of a diffraction movie, in the tables and words of the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from napari_beamwatch import columns
from napari_beamwatch.damage.verdict.judging import Verdict
from napari_beamwatch.movies import Movie
from napari_beamwatch.results.tables import joined, said_of_spots
from napari_beamwatch.spectra.diffraction import GrownHalo, PatternRings, RingTraces
from napari_beamwatch.spectra.peaks import FWHM


def ring_rows(
    movie: Movie,
    rings: PatternRings,
    constant: float,
    first: int,
    crystals: tuple[int, int],
    verdict: Verdict | None,
) -> pd.DataFrame:
    """Rings as rows of the table of spots, which they are named and told of by.

    Parameters
    ----------
    movie : Movie
    rings : PatternRings
    constant : float
        Å·px.
    first : int
        Number of the first ring among spots.
    crystals : (int, int)
        Numbers of those that were there at first, and of those that came.
    verdict : Verdict, optional
    """
    d = constant / rings.radius
    number = first + np.arange(len(rings))
    came = np.isin(number, () if verdict is None else verdict.new_spots)
    if came.any():
        # Where rings overlap some only seem to have been there: what nobody saw then was not.
        came |= ~rings.seen[:, : max(1, rings.seen.shape[1] // 2)].any(axis=1)
    return pd.DataFrame(
        {
            "spot": number,
            "crystal": np.where(came, crystals[1], crystals[0]),
            "d_A": d,
            "d_se_A": d * rings.middle_se / rings.lines.middle,  # that of the constant is not in it
            "snr": rings.significance,
            **said_of_spots(movie, verdict),
        }
    ).reindex(columns=list(columns.SPOTS))


def ring_table(
    movie: Movie,
    rings: PatternRings,
    traces: RingTraces,
    halo: GrownHalo | None,
    constant: float,
    names: Sequence[str | None],
) -> pd.DataFrame:
    """The table of rings: a row for each frame of each.

    Parameters
    ----------
    movie : Movie
    rings : PatternRings
    traces : RingTraces
    halo : GrownHalo or None
    constant : float
        Å·px.
    names : sequence of str or None
        Phase of each ring.
    """
    widths = FWHM * rings.lines.sigma * rings.step / constant
    parts = [
        pd.DataFrame(
            {
                **frames_of(movie),
                "ring": str(ring),
                "intensity": traces.intensity[:, ring],
                "intensity_se": traces.intensity_se[:, ring],
                "d_A": constant / traces.radius[:, ring],
                "d_se_A": constant * traces.radius_se[:, ring] / traces.radius[:, ring] ** 2,
                "width_per_px": widths[ring],
                "phase": pd.array([names[ring]] * len(movie), dtype=object),
            }
        )
        for ring in range(len(rings))
    ]
    if halo is not None:
        parts.append(
            pd.DataFrame(
                {
                    **frames_of(movie),
                    "ring": "halo",
                    "intensity": halo.intensity,
                    "intensity_se": halo.intensity_se,
                    "d_A": constant / halo.radius,
                    "width_per_px": halo.width / constant,
                }
            )
        )
    return joined(parts, columns.RINGS)


def frames_of(movie: Movie) -> dict[str, object]:
    """Columns of frames, each a stretch of its own."""
    frames, unknown = np.arange(len(movie)), np.full(len(movie), np.nan)
    return {
        "frame_first": frames,
        "frame_last": frames,
        "dose_start_e_per_A2": unknown if movie.dose_start is None else movie.dose_start,
        "dose_end_e_per_A2": unknown if movie.dose is None else movie.dose,
    }
