"""The next movie: the dose to stop at, what it shows, and what to type."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import napari_beamwatch as bw
from napari_beamwatch.campaign.exposure import exposure, fringe_snr, spacing_error
from napari_beamwatch.campaign.measures import told
from napari_beamwatch.campaign.safe_dose import from_places

SEEN: dict[str, Any] = {"d": 2.0, "window_nm": 9.0, "dose_rate": 8.0}


@pytest.fixture(scope="module")
def summarized(folders_of_two: Path) -> bw.Campaign:
    return bw.summarize(folders_of_two)


def test_the_dose_is_a_bound_below_that_at_which_a_tenth_is_gone(summarized: bw.Campaign) -> None:
    made = bw.plan("LiF", -170.0, source=summarized, **SEEN)
    tenth = summarized.summary.set_index("group")["gone_10_e_per_A2"]["LiF, cryo (−170 °C)"].iloc[0]
    assert made.safe.is_bound
    assert 0 < made.exposure.dose < tenth
    assert "90 % of the places of 4 further movies intact with 95 % confidence" in made.words


@pytest.mark.long
def test_planned_on_half_of_the_movies_the_other_half_stays_intact(campaign: Any) -> None:
    rng = np.random.default_rng(1)
    good = 0
    for _ in range(20):
        runs = campaign.movies_of(rng, 12, "m")
        rows = pd.concat([told(run, "onset") for run in runs[:6]], ignore_index=True)
        dose = from_places(rows, 0.9).dose
        others = pd.concat([run.places for run in runs[6:]])
        good += (others["onset_dose_e_per_A2"] > dose).mean() >= 0.9
    assert good >= 17


def test_one_further_movie_needs_more_room_than_all_there_could_be(
    summarized: bw.Campaign,
) -> None:
    doses = [
        bw.plan("LiF", 20.0, source=summarized, movies=movies, **SEEN).exposure.dose
        for movies in (1.0, 8.0, 1e6)
    ]
    assert doses == sorted(doses)


def test_cryo_is_advised_by_how_much_it_gains(summarized: bw.Campaign) -> None:
    assert "cryo:" in bw.plan("LiF", 20.0, source=summarized, **SEEN).advice


def test_published_limits_give_no_bound_and_say_so() -> None:
    made = bw.plan("LiF", -170.0, **SEEN)
    assert made.exposure.dose == pytest.approx(1000)
    assert "a tenth of 10000 e/Å², first change that became detectable" in made.safe.source
    assert made.advice == "cryo: 25 times the dose (room temperature: 40 e/Å²)"
    assert "no bound over movies" in made.warnings[0]


def test_the_signal_of_a_fringe_is_that_of_the_electrons_in_its_window() -> None:
    # C² n_e / 4 with n_e = 4/9 of 8 e/Å² on 90 Å × 90 Å; d / 9 nm is 45 fringes.
    assert fringe_snr(8.0, 9.0, 0.06) == pytest.approx(0.06**2 * 28800 / 4)
    assert spacing_error(100.0, 2.0, 9.0) == pytest.approx(0.5 / (10 * 45))
    assert math.isnan(spacing_error(10.0, 2.0, 9.0))


def test_whole_frames_of_the_camera_stay_below_the_dose() -> None:
    made = exposure(
        100.0, 8.0, d_A=2.0, window_nm=9.0, contrast=0.06, frames=40, frame_time=1.0,
        pixel_size=0.5,
    )  # fmt: skip
    assert (made.frames, made.seconds, made.dose) == (12, 12.0, 96.0)
    assert made.electrons_per_px_s == 2.0


def test_what_to_type_has_the_seconds_and_the_frames() -> None:
    typed = "\n".join(bw.plan("LiF", -170.0, frame_time=0.5, **SEEN).to_type)
    assert "SetExposure R 125\n" in typed
    assert "SetFrameTime R 0.5\n" in typed
    assert "fractions 250" in typed


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"dose_rate": 0.0}, "the dose rate must be above 0, not 0"),
        ({"intact": 1.0}, "the part that is intact must be between 0.5 and 1, not 1"),
        ({"window_nm": 0.5}, "holds no three fringes"),
        ({"pixel_size": 1.5}, "two a fringe are needed"),
        ({"measure": "death"}, "is no measure"),
        ({"compound": "Kryptonite"}, "no limit of Kryptonite at -170 °C is published"),
    ],
)
def test_what_cannot_be_planned_is_said_in_a_line(changed: dict[str, Any], words: str) -> None:
    asked = {"compound": "LiF", **SEEN, **changed}
    with pytest.raises(bw.BeamwatchError, match=words):
        bw.plan(asked.pop("compound"), -170.0, **asked)


def test_two_movies_cannot_tell_how_movies_differ(campaign: Any) -> None:
    runs = campaign.movies_of(np.random.default_rng(2), 2, "m")
    rows = pd.concat([told(run, "onset") for run in runs], ignore_index=True)
    with pytest.raises(bw.BeamwatchError, match="2 movies cannot tell how movies differ"):
        from_places(rows, 0.9)


def test_where_nothing_changed_the_dose_is_as_far_as_all_movies_looked(campaign: Any) -> None:
    runs = [campaign.run_of(str(i), [campaign.held(d)]) for i, d in enumerate((300, 600, 900))]
    rows = pd.concat([told(run, "onset") for run in runs], ignore_index=True)
    found = from_places(rows, 0.9)
    assert (found.dose, found.is_bound) == (300.0, False)


def test_a_group_the_summary_has_not_is_refused_with_those_it_has(summarized: bw.Campaign) -> None:
    with pytest.raises(bw.BeamwatchError, match="no group of the summary is NaF, RT: it has LiF"):
        bw.plan("NaF", 20.0, source=summarized, **SEEN)
