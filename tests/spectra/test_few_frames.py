"""Spots are found in movies of a few frames, and in a single one."""

from __future__ import annotations

import numpy as np
import pytest

import napari_beamwatch as bw
from napari_beamwatch.simulate.cases import simulate


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_spots_of_a_few_frames_have_their_spacings(count: int) -> None:
    filmed = simulate("survivor", frames=count, frame_dose=120.0, size=512)
    movie = bw.Movie.from_array(filmed.frames.compute(), filmed.pixel_size)
    spots = bw.find_spots(movie)
    assert len(spots) > 20
    assert spots.crystal.nunique() == 1
    assert (spots.d_se_A > 0).all()
    # 200 and 111 of LiF along [110]; 220 and 400 where there are electrons enough.
    near = np.abs(spots.d_A.to_numpy()[:, None] - [2.013, 2.325, 1.424, 1.007]) < 0.04
    assert near.any(axis=1).all()
    assert near[:, :2].any(axis=0).all()


def test_a_single_image_without_calibration_has_spacings_in_pixels() -> None:
    filmed = simulate("survivor", frames=1, frame_dose=200.0, size=512)
    spots = bw.find_spots(bw.Movie.from_array(filmed.frames.compute()))
    assert len(spots) > 20
    assert spots.d_px.notna().all()
    assert spots.d_A.isna().all()


def test_noise_of_a_single_frame_has_no_spots() -> None:
    noise = np.random.default_rng(0).poisson(5.0, (1, 512, 512)).astype(np.uint8)
    assert bw.find_spots(bw.Movie.from_array(noise)).empty


def test_a_single_frame_has_spots_and_phases_and_tells_no_change() -> None:
    filmed = simulate("survivor", frames=1, frame_dose=60.0, size=256, drift=None)
    found = bw.analyze(filmed)
    row = found.onsets.iloc[0]
    assert row.status == "ambiguous"
    assert row.reason.startswith("one frame tells no change")
    assert "LiF" in row.phase_before
    assert found.spots.d_A.notna().all()
