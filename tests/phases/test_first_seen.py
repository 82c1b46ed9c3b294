"""Since when phases were there: as the specimen came, or made under the beam."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_beamwatch import columns
from napari_beamwatch.analysis.first_seen import (
    APPEARED,
    NATIVE,
    UNKNOWN,
    first_seen,
    in_words,
    seen_by,
)
from napari_beamwatch.damage.course.estimate import Estimate
from napari_beamwatch.damage.field.place import Place
from napari_beamwatch.damage.field.whole import RegionVerdict
from napari_beamwatch.damage.verdict.judging import Verdict
from napari_beamwatch.movies import Movie

FRAMES, DOSE = 50, 4.0


def told(*new: int, onset: float = 100.0) -> RegionVerdict:
    verdict = Verdict(
        "onset", "", new_spots=new, new_phase_onset=Estimate(onset, onset - 10, onset + 10)
    )
    return RegionVerdict(verdict, (Place(0, 0, "", np.zeros(0, np.int64), 1.0, verdict),))


def tables(phases: list[str | None], means: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Spots of phases, and their traces: mean intensities (spots, frames) in standard errors."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        {"region": "field", "spot": range(len(phases)), "phase": phases, "snr": 1.0}
    ).reindex(columns=list(columns.SPOTS))
    parts = [
        pd.DataFrame(
            {
                "region": "field",
                "spot": spot,
                "frame": range(FRAMES),
                "dose_e_per_A2": DOSE * np.arange(1, FRAMES + 1),
                "intensity": mean + rng.standard_normal(FRAMES),
                "intensity_se": 1.0,
            }
        )
        for spot, mean in enumerate(means)
    ]
    return rows, pd.concat(parts).reindex(columns=list(columns.TRACES))


def cold(**said) -> Movie:
    frames = np.ones((2, 8, 8), np.uint8)
    return Movie.from_array(frames, frame_dose=DOSE, conditions={"temperature_C": -170}, **said)


@pytest.mark.parametrize(("strength", "by"), [(20.0, DOSE), (3.0, 3 * DOSE)])
def test_a_phase_seen_far_below_the_limits_of_its_sources_is_native(strength, by):
    rows, traces = tables(["Li2O", "Li2O"], np.full((2, FRAMES), strength))
    found = first_seen(rows, traces, told(), cold(pre_exposure=0.0)).iloc[0]
    assert (found.phase, found.since, found.n_spots) == ("Li2O", NATIVE, 2)
    assert found.first_seen_dose_e_per_A2 <= by


@pytest.mark.parametrize("extra", [200.0, 3000.0])
def test_after_a_pre_exposure_of_its_sources_limit_it_may_have_been_made(extra):
    rows, traces = tables(["Li2O", "Li2O"], np.full((2, FRAMES), 20.0))
    traces["dose_e_per_A2"] += extra
    found = first_seen(rows, traces, told(), cold(pre_exposure=extra)).iloc[0]
    assert (found.since, found.first_seen_dose_e_per_A2) == (UNKNOWN, extra + DOSE)


def test_where_the_pre_exposure_is_unknown_or_no_limit_published_it_cannot_be_told():
    rows, traces = tables(["Li2O", "Li2O"], np.full((2, FRAMES), 20.0))
    assert first_seen(rows, traces, told(), cold()).since[0] == UNKNOWN
    rows["phase"] = "LiF"
    warm = cold(pre_exposure=0.0).with_(conditions={"temperature_C": 20})
    assert first_seen(rows, traces, told(), warm).since[0] == UNKNOWN


def test_a_phase_whose_spots_appeared_did_so_at_their_onset():
    late = np.where(np.arange(FRAMES) < 25, 0.0, 20.0)
    rows, traces = tables(["LiF", "Li2O", "Li2O"], np.stack([20 - late, late, late]))
    found = first_seen(rows, traces, told(1, 2)).set_index("phase")
    assert found.since.to_dict() == {"LiF": UNKNOWN, "Li2O": APPEARED}
    seen = found.loc["Li2O"]
    assert (seen.first_seen_low_e_per_A2, seen.first_seen_high_e_per_A2) == (90, 110)


def test_of_a_faint_phase_it_cannot_be_told():
    rows, traces = tables(["Li", "Li"], np.full((2, FRAMES), 0.6))
    found = first_seen(rows, traces, told()).iloc[0]
    assert found.since == UNKNOWN
    assert found.first_seen_dose_e_per_A2 > 5 * DOSE


def test_it_is_said_in_words():
    late = np.where(np.arange(FRAMES) < 25, 0.0, 20.0)
    rows, traces = tables(["LiF", "Li2O", "Li2O"], np.stack([20 - late, late, late]))
    rows["snr"] = [9.0, 1.0, 1.0]
    table = first_seen(rows, traces, told(1, 2))
    appeared = "Li2O appeared at 100 e/Å²"
    assert in_words(table) == f"LiF by 4 e/Å², native or made: cannot tell; {appeared}"
    table.loc[0, "since"] = NATIVE
    assert in_words(table) == f"LiF by 4 e/Å², native; {appeared}"


def test_unnamed_spots_have_no_row():
    rows, traces = tables([None], np.full((1, FRAMES), 20.0))
    assert not len(first_seen(rows, traces, told()))


def test_noise_is_not_seen():
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((300, 60, 3))
    seen = [seen_by(each, np.ones_like(each)) >= 0 for each in noise]
    assert np.mean(seen) < 0.01
