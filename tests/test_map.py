"""The map of windows says what the places of its windows say."""

from __future__ import annotations

import numpy as np

import napari_beamwatch as bw
from napari_beamwatch.simulate.cases import simulate

FILMED = {"size": 512, "pixel_size": 0.25, "frames": 50, "frame_dose": 12.0, "seed": 5}
SETTINGS = bw.Settings(window=128, step=64, drift="off")


def test_windows_of_a_lattice_that_swells_say_so_at_the_dose_of_their_crystal() -> None:
    result = bw.analyze(simulate("swelling", **FILMED), SETTINGS)
    row = result.onsets.iloc[0]
    assert (row.status, row.criterion) == ("onset", "spacing")
    bearing = result.windows[result.windows.status != "no_lattice"]
    swelled = bearing[bearing.criterion == "spacing"]
    assert len(swelled) > 0.6 * len(bearing)
    assert (swelled.status == "onset").all()
    assert np.isfinite(swelled.onset_dose_e_per_A2.to_numpy(float)).all()
    known = result.places[result.places.criterion == "spacing"]
    assert set(swelled.onset_dose_e_per_A2) <= set(known.onset_dose_e_per_A2)


def test_a_dip_that_recovered_is_no_change_of_any_window() -> None:
    result = bw.analyze(simulate("recovering-dip", **FILMED), SETTINGS)
    assert result.onsets.iloc[0].status == "survived"
    assert result.onsets.iloc[0].recovered_events == 1
    assert (result.windows.status == "survived").mean() > 0.9


def test_patches_that_change_one_after_the_other_are_places_of_their_own() -> None:
    movie = simulate("lif-to-li2o", **FILMED)
    result = bw.analyze(movie, SETTINGS)
    row = result.onsets.iloc[0]
    assert row.n_places > 1
    truth = movie.truth.onset_dose_e_per_A2
    assert row.onset_low_e_per_A2 < truth < row.onset_high_e_per_A2
    assert row.onset_high_e_per_A2 - row.onset_low_e_per_A2 < 10 * FILMED["frame_dose"]


def test_a_lattice_that_changes_at_once_is_one_place() -> None:
    movie = simulate("lif-to-li2o", at_once=True, **FILMED)
    row = bw.analyze(movie, SETTINGS).onsets.iloc[0]
    assert row.status == "onset"
    assert row.n_places == 1


def test_frames_without_beam_do_not_shift_what_is_said_of_the_whole() -> None:
    movie = simulate("lif-to-li2o", **FILMED)
    frames = movie.frames.compute()
    dark = np.concatenate([np.zeros((6, *frames.shape[1:]), frames.dtype), frames])
    lit, late = (
        bw.analyze(bw.Movie.from_array(each, movie.pixel_size, FILMED["frame_dose"]), SETTINGS)
        for each in (frames, dark)
    )
    assert late.onsets.iloc[0].n_places > 1
    for name in ("onset_dose", "half_dose", "dose_1e", "threshold_dose"):
        column = f"{name}_e_per_A2"
        assert abs(late.onsets[column].iloc[0] - lit.onsets[column].iloc[0]) < 1.0
