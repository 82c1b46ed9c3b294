"""The map of windows says what the places of its windows say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import napari_beamwatch as bw
from napari_beamwatch import columns
from napari_beamwatch.analysis.phase_areas import with_rings
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.movie import SimulatedMovie
from tests.filming import filmed

FILMED = {"size": 512, "pixel_size": 0.25, "frames": 50, "frame_dose": 12.0, "seed": 5}
SETTINGS = bw.Settings(window=128, step=64, drift="off")
LITHIUM = replace(SETTINGS, phases=("LiF", "Li2O", "Li", "Li2CO3"))


@pytest.fixture(scope="module")
def turning() -> SimulatedMovie:
    """Patches that turn into another phase, one after the other."""
    return simulate("lif-to-li2o", **FILMED)


def analysed(movie: SimulatedMovie, frames: np.ndarray) -> bw.Result:
    """What is found in frames that were made of a movie's."""
    filmed = bw.Movie.from_array(frames, movie.pixel_size, FILMED["frame_dose"])
    return bw.analyze(filmed, LITHIUM)


@pytest.fixture(scope="module")
def turned(turning: SimulatedMovie) -> bw.Result:
    return analysed(turning, turning.frames.compute())


@pytest.mark.long
def test_windows_of_a_lattice_that_swells_say_so_at_the_dose_of_their_crystal() -> None:
    result = bw.analyze(filmed("swelling", **FILMED), SETTINGS)
    row = result.onsets.iloc[0]
    assert (row.status, row.criterion) == ("onset", "spacing")
    bearing = result.windows[result.windows.status != "no_lattice"]
    swelled = bearing[bearing.criterion == "spacing"]
    assert len(swelled) > 0.6 * len(bearing)
    assert (swelled.status == "onset").all()
    assert np.isfinite(swelled.onset_dose_e_per_A2.to_numpy(float)).all()
    known = result.places[result.places.criterion == "spacing"]
    assert set(swelled.onset_dose_e_per_A2) <= set(known.onset_dose_e_per_A2)


@pytest.mark.long
def test_a_dip_that_recovered_is_no_change_of_any_window() -> None:
    result = bw.analyze(filmed("recovering-dip", **FILMED), SETTINGS)
    assert result.onsets.iloc[0].status == "survived"
    assert result.onsets.iloc[0].recovered_events == 1
    assert (result.windows.status == "survived").mean() > 0.9


def test_patches_that_change_one_after_the_other_are_places_of_their_own(
    turning: SimulatedMovie, turned: bw.Result
) -> None:
    row = turned.onsets.iloc[0]
    assert row.n_places > 1
    truth = turning.truth.onset_dose_e_per_A2
    assert row.onset_low_e_per_A2 < truth < row.onset_high_e_per_A2
    assert row.onset_high_e_per_A2 - row.onset_low_e_per_A2 < 10 * FILMED["frame_dose"]


@pytest.mark.long
def test_a_lattice_that_changes_at_once_is_one_place() -> None:
    movie = filmed("lif-to-li2o", at_once=True, **FILMED)
    row = bw.analyze(movie, SETTINGS).onsets.iloc[0]
    assert row.status == "onset"
    assert row.n_places == 1


@pytest.mark.long
def test_frames_without_beam_do_not_shift_what_is_said_of_the_whole(
    turning: SimulatedMovie, turned: bw.Result
) -> None:
    frames = turning.frames.compute()
    late = analysed(turning, np.concatenate([np.zeros_like(frames[:6]), frames]))
    assert late.onsets.iloc[0].n_places > 1
    for name in ("onset_dose", "half_dose", "dose_1e", "threshold_dose"):
        column = f"{name}_e_per_A2"
        assert abs(late.onsets[column].iloc[0] - turned.onsets[column].iloc[0]) < 1.0


def test_areas_of_phases_are_those_of_the_patches_that_have_turned(
    turning: SimulatedMovie, turned: bw.Result
) -> None:
    rows = turned.phase_area
    assert list(rows.columns) == list(columns.PHASE_AREA)
    regions = turning.truth.regions
    composer = turning.recording.frames.composer
    y, x = (np.linspace(32, 480, 90) * composer.pixel_size for _ in range(2))
    depth = [patch.where.depth(y[:, None], x) for patch in composer.scene.patches]
    share = np.bincount(np.argmax(depth, axis=0).ravel(), minlength=len(regions)) / y.size**2
    left = share @ np.sqrt([region.lattice_power for region in regions])
    oxide = rows[rows.phase == "Li2O"]
    true = [100 * (1 - left[a : b + 1].mean())
            for a, b in zip(oxide.frame_first, oxide.frame_last, strict=True)]  # fmt: skip
    assert oxide.area_percent.to_numpy() == pytest.approx(np.array(true), abs=5.0)
    assert (oxide.area_limit_percent >= oxide.area_percent).all()
    known = rows[rows.area_percent.notna()].groupby("frame_first").area_percent.sum()
    assert known.to_numpy() == pytest.approx(100.0, abs=8.0)


def test_a_phase_that_was_looked_for_and_not_seen_has_an_upper_limit(turned: bw.Result) -> None:
    unseen = turned.phase_area[turned.phase_area.area_percent.isna()].set_index("phase")
    assert {"Li", "Li2CO3"} <= set(unseen.index)
    assert unseen.area_limit_percent.between(0.1, 20).all()
    assert not {"LiF", "Li2O", "NaF"} & set(unseen.index)


def test_a_phase_in_rings_is_there_without_an_area_or_a_limit(turned: bw.Result) -> None:
    table = turned.phase_area
    assert "Li" in set(table.phase)
    told = with_rings(table, "Li")
    row = told[told.phase == "Li"].iloc[0]
    assert np.isnan([row.area_percent, row.area_limit_percent]).all()
    assert (row.frame_first, row.frame_last) == (table.frame_first.min(), table.frame_last.max())
    assert list(told.dtypes) == list(table.dtypes)
    assert (told.phase != "Li").sum() == (table.phase != "Li").sum()
    assert with_rings(table, "").equals(table)
    assert (
        with_rings(table, "Li2O|Li").phase.isin({"Li2O", "Li"}).sum()
        == (table.phase == "Li2O").sum()
    )  # which has spots


def test_phases_before_and_after_are_named(turned: bw.Result) -> None:
    field = turned.onsets.iloc[0]
    assert (field.status, field.criterion) == ("onset", "new_phase")
    assert (field.phase_before, field.phase_after) == ("LiF", "Li2O")
    assert field.first_seen_dose_e_per_A2 == pytest.approx(200, abs=70)
    named = turned.spots[turned.spots.region.notna()]
    assert set(named.phase.dropna()) == {"LiF", "Li2O"}
    assert (turned.windows.phase_before.dropna() == "LiF").all()
    assert (turned.windows.phase_after == "Li2O").mean() > 0.5
