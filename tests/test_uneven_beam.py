"""Where the beam is uneven every place has a dose of its own, and without a profile it is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import napari_beamwatch as bw
from napari_beamwatch.analysis.dose_axis import DoseAxis
from napari_beamwatch.analysis.light import Light, shaded
from napari_beamwatch.simulate.movie import SimulatedMovie
from tests.filming import filmed


def light(windows: list[float], frames: int = 40) -> Light:
    ends = np.arange(1.0, frames + 1)
    axis = DoseAxis(ends - 1, ends, np.ones(frames, bool), True)
    return Light(axis, np.array(windows))


def test_under_a_flat_beam_windows_agree_in_time() -> None:
    assert light([1.0, 1.0002]).frames(1.0) is None
    assert light([0.8, 0.8]).frames(0.8) is None


def test_a_window_of_half_the_dose_shows_it_twice_as_late() -> None:
    frames = light([1.0, 0.5]).frames(1.0)
    assert frames is not None
    assert frames[:, 0].tolist() == list(range(40))
    shown = frames[:20, 1]
    assert (np.abs(shown - (2 * np.arange(20) + 0.5)) <= 0.5).all()
    assert (frames[20:, 1] == -1).all()


@pytest.mark.parametrize("ratio", [0.37, 0.93, 1.08, 1.9])
def test_no_frame_stands_in_two_rows_and_each_had_the_dose_of_its_row(ratio: float) -> None:
    one = light([ratio, 1.0])
    frames = one.frames(1.0)
    assert frames is not None
    row = np.flatnonzero(frames[:, 0] >= 0)
    frame = frames[row, 0]
    assert len(np.unique(frame)) == len(frame)
    assert (np.abs(ratio * (frame + 0.5) - (row + 0.5)) <= 0.5 + 1e-9).all()
    # Nothing is left out but where rows or frames are the fewer.
    assert len(row) >= min(40 * ratio, 40, 40 / ratio) - 2


@pytest.mark.parametrize(("to", "own"), [(0.3, True), (0.85, False), (1.6, False)])
def test_a_place_that_the_light_leaves_is_measured_by_its_own_counts(to: float, own: bool) -> None:
    field = np.full(60, 20.0)
    counts = np.random.default_rng(1).normal(field * np.interp(np.arange(60), [20, 40], [1, to]), 1)
    light = shaded(field, counts)
    assert (light is not None) is own
    if light is not None:
        assert np.abs(light - counts)[45:].max() < 3
        assert light[-10:].mean() == pytest.approx(to * 20, rel=0.1)


def test_frames_without_beam_stand_nowhere() -> None:
    one = light([1.3])
    lit = np.ones(40, bool)
    lit[10:14] = False
    ends = np.cumsum(lit.astype(float))
    dark = replace(one, axis=DoseAxis(ends - lit, ends, lit, True)).frames(1.0)
    assert dark is not None
    assert not np.isin(dark, np.arange(10, 14)).any()
    assert (dark[10:14] == -1).all()


@pytest.fixture(scope="module")
def movie() -> SimulatedMovie:
    return filmed("uneven-beam", seed=1, size=768, frames=80)


@pytest.fixture(scope="module")
def known(movie: SimulatedMovie) -> bw.Result:
    half = bw.Region.rectangle("corner", 0, 256, 0, 256)
    return bw.analyze(movie, bw.Settings(phases=("LiF",), criteria=("fading",)), [half])


@pytest.mark.long
def test_with_its_profile_a_crystal_goes_at_one_dose_everywhere(known: bw.Result) -> None:
    field = known.onsets.iloc[0]
    assert abs(field.onset_dose_e_per_A2 - 200) < 5
    assert known.windows.onset_dose_e_per_A2.between(187, 211).all()
    assert known.summary["warnings"] == []


@pytest.mark.long
def test_the_same_dose_comes_later_in_the_corners(movie: SimulatedMovie, known: bw.Result) -> None:
    windows = known.windows.set_index(["y0", "x0"])
    middle, corner = windows.index[len(windows) // 2], windows.index[0]
    assert windows.onset_frame[corner] > windows.onset_frame[middle] + 3
    field, mine = known.onsets.iloc[0], known.onsets.iloc[1]
    light = movie.exposure((0, 0, 256, 256))
    assert light < 0.96
    assert mine.last_dose_e_per_A2 == pytest.approx(light * field.last_dose_e_per_A2)
    traces = known.traces[known.traces.region == "corner"]
    assert traces.dose_e_per_A2.max() == pytest.approx(mine.last_dose_e_per_A2)


@pytest.mark.long
def test_without_a_profile_onsets_that_follow_the_beam_are_a_warning(
    movie: SimulatedMovie,
) -> None:
    blind = bw.analyze(
        movie.with_(beam_profile=None), bw.Settings(phases=("LiF",), criteria=("fading",))
    )
    assert any("the beam is uneven" in said for said in blind.summary["warnings"])


def test_a_lattice_where_the_profile_has_no_beam_is_refused_in_a_sentence() -> None:
    with pytest.raises(bw.BeamwatchError, match="hardly an electron came there, yet a lattice"):
        light([1.0]).axis.scope("place 1", (), 1e-9)
