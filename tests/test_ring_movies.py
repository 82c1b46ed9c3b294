"""Movies of ring patterns down the whole road: what comes, fades and stays is said as it is."""

from __future__ import annotations

import numpy as np
import pytest

import napari_beamwatch as bw
from napari_beamwatch.analysis.patterns.calibrating import read_standard
from tests.filming import filmed

FEW = {"frames": 60}
SETTINGS = bw.Settings(camera_constant=200.0, phases=("Na", "Na2CO3", "NaF"))


def answered(case: str, **drawn: object) -> tuple[bw.Result, object]:
    result = bw.analyze(filmed(case, **FEW, **drawn), SETTINGS)
    return result, result.onsets.iloc[0]


def test_a_ring_that_comes_is_a_new_phase_and_dated() -> None:
    result, row = answered("sodium-rings", onset=50.0, tau=15.0)
    assert (row.status, row.criterion, row.interpretation) == (
        "onset", "new_phase", "environment",
    )  # fmt: skip
    assert (row.phase_before, row.phase_after) == ("Na", "Na2CO3")
    assert row.onset_low_e_per_A2 < 50 < row.onset_high_e_per_A2
    assert row.n_spots == len(result.spots)
    assert result.drift.dy_px.abs().max() > 1
    assert any("powder rings about" in note for note in result.notes)


@pytest.mark.long
def test_rings_that_go_together_are_fading_and_amorphous_where_a_halo_grew() -> None:
    result, row = answered("fading-rings", onset=50.0, tau=15.0, halo=0.05)
    assert (row.status, row.criterion, row.interpretation) == (
        "onset", "fading", "amorphisation",
    )  # fmt: skip
    assert row.phase_before == "Na"
    assert row.onset_low_e_per_A2 < 50 < row.onset_high_e_per_A2
    halo = result.rings[result.rings.ring == "halo"]
    assert halo.d_A.iloc[0] == pytest.approx(2.6, abs=0.1)
    named = result.rings[result.rings.phase == "Na"].groupby("ring").d_A.median()
    assert named.min() > 1.3
    assert np.abs(named - 3.034).min() < 0.01
    assert result.rings.d_px.isna().all()


@pytest.mark.parametrize(
    "case",
    [
        "steady-rings",
        "rings-and-brightening-beam",
        "dim-rings-in-rising-background",
        "rings-that-wander",
        "rings-that-dip",
    ],
)
@pytest.mark.long
def test_rings_that_stay_survive_whatever_else_happens(case: str) -> None:
    assert answered(case)[1].status == "survived"


@pytest.mark.long
def test_rings_that_come_where_nothing_was_are_a_new_phase() -> None:
    movie = filmed("fading-rings", frames=40, onset=40.0, tau=0.1, drift=0.0)
    frames = np.array([movie.frame(t) for t in range(40)])[::-1]
    row = bw.analyze(bw.Movie.from_array(frames, frame_dose=2.0), SETTINGS).onsets.iloc[0]
    assert (row.status, row.criterion) == ("onset", "new_phase")
    assert row.onset_dose_e_per_A2 == pytest.approx(39.5, abs=1.0)


@pytest.mark.long
def test_a_known_phase_gives_the_camera_constant_with_its_error() -> None:
    movie = filmed("steady-rings", frames=4, drift=0.0)
    told = bw.camera_constant_from_ring(movie, "Na")
    assert abs(told.value - 200) < 3 * told.se < 1.5
    assert len(told.rings) >= 3
    one = bw.camera_constant_from_ring(movie, "Na", (1, 1, 0))
    assert [name for name, _, _ in one.rings] == ["110"]
    assert abs(one.value - 200) < 3 * one.se


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Au", ("Au", None)),
        (" Au 111 ", ("Au", (1, 1, 1))),
        ("Li2CO3 (-1 1 0)", ("Li2CO3", (-1, 1, 0))),
        ("NaF 2,−2,0", ("NaF", (2, -2, 0))),
        ("my gold", ("my gold", None)),
    ],
)
def test_a_phase_and_its_reflection_are_read_as_people_write(text: str, meant: object) -> None:
    assert read_standard(text) == meant


@pytest.mark.long
def test_what_no_ring_can_tell_is_refused_in_words() -> None:
    movie = filmed("steady-rings", frames=4, drift=0.0)
    with pytest.raises(bw.BeamwatchError, match=r"do not tell which reflections|no ring"):
        bw.camera_constant_from_ring(movie, "Na2CO3", (1, 1, 1))
    with pytest.raises(bw.BeamwatchError, match="has no ring"):
        bw.camera_constant_from_ring(movie, "Na", (1, 0, 0))
    dark = bw.Movie.from_array(np.random.default_rng(0).poisson(1.0, (3, 96, 96)).astype("u2"))
    with pytest.raises(bw.BeamwatchError, match="no powder ring"):
        bw.camera_constant_from_ring(dark, "Au")
